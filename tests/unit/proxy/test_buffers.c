/* Chunks grow, shift and shrink without losing a byte; the pool keeps to its limit and gives memory back. */
#include "base/macros.h"
#include "proxy/buffers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void bytes_stay_in_order_through_growth_and_use(void **state)
{
    struct buffer_pool *p = buffer_pool_new(4 * 1024 * 1024);
    struct chunk c = {0};
    unsigned char next_in = 0, next_out = 0;
    char piece[700];
    for (int round = 0; round < 400; round++) {
        size_t len = (size_t)(round * 37 % 700) + 1;
        for (size_t i = 0; i < len; i++)
            piece[i] = (char)next_in++;
        assert_true(chunk_append(p, &c, piece, len));
        size_t use = MIN(chunk_len(&c), (size_t)(round * 53 % 650));
        for (size_t i = 0; i < use; i++)
            assert_int_equal((unsigned char)c.ptr[c.start + i], next_out++);
        chunk_consume(p, &c, use);
    }
    chunk_consume(p, &c, chunk_len(&c));
    assert_null(c.ptr);
    assert_int_equal(buffer_pool_used(p), 0);
    buffer_pool_free(p);
}

static void the_limit_holds_and_freed_memory_serves_other_sizes(void **state)
{
    struct buffer_pool *p = buffer_pool_new(64 * 1024);
    struct chunk small[64] = {0}, big = {0};
    for (size_t i = 0; i < ARRAY_LEN(small); i++)
        assert_true(chunk_append(p, &small[i], "x", 1));
    struct chunk one_more = {0};
    assert_false(chunk_append(p, &one_more, "x", 1));
    assert_null(one_more.ptr);
    assert_false(chunk_reserve(p, &big, 32 * 1024));
    for (size_t i = 0; i < ARRAY_LEN(small); i++)
        chunk_release(p, &small[i]);
    assert_true(chunk_reserve(p, &big, 32 * 1024));
    chunk_release(p, &big);
    assert_false(chunk_reserve(p, &big, BUFFER_BYTES_MAX + 1));
    buffer_pool_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_stay_in_order_through_growth_and_use),
        cmocka_unit_test(the_limit_holds_and_freed_memory_serves_other_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
