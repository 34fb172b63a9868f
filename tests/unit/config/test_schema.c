/* The tables themselves: complete, their examples true, and the committed pages what they write. */
#include "base/buf.h"
#include "base/macros.h"
#include "config/decode.h"
#include "config/reader.h"
#include "config/reference.h"
#include "config/values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static void each_key(const struct schema_mapping *m,
                     void (*visit)(const struct schema_mapping *, const struct schema_key *))
{
    for (size_t i = 0; i < m->key_count; i++) {
        visit(m, &m->keys[i]);
        if (m->keys[i].type == VALUE_MAPPING)
            each_key(m->keys[i].mapping, visit);
    }
}

static void check_is_complete(const struct schema_mapping *m, const struct schema_key *k)
{
    assert_non_null(k->name);
    assert_non_null(k->example);
    assert_true(k->help || (k->type == VALUE_MAPPING && k->mapping->help));
    bool has_default = k->is_required || k->default_text || k->default_shown;
    if (!has_default && !(k->type == VALUE_MAPPING && k->shape == SHAPE_ONE))
        fail_msg("'%s' says nothing about its default", k->name);
    if (k->synonyms)
        assert_true(k->synonyms[0] == ' ' && k->synonyms[strlen(k->synonyms) - 1] == ' ');
    assert_ptr_equal(schema_find(m, str_of(k->name)), k); /* no name twice */
}

static void every_key_is_complete(void **state)
{
    each_key(&schema_root, check_is_complete);
}

/* Decodes `KEY: EXAMPLE` as if the mapping had only this key; other keys may be missing then, and that is
 * all. */
static void check_example(const struct schema_mapping *m, const struct schema_key *k)
{
    char text[512];
    struct diagnostics d;
    struct arena *arena = arena_new();
    snprintf(text, sizeof(text), "%s: %s\n", k->name, k->example);
    diagnostics_init(&d, "example", str_of(text));
    struct node *root = node_parse(arena, d.source, &d);
    assert_non_null(root);
    decode_mapping(&(struct decoding){.arena = arena, .d = &d}, m, "", root, arena_alloc(arena, 4096));
    for (size_t i = 0; i < d.count; i++) {
        bool is_other = memmem(d.items[i].text.ptr, d.items[i].text.len, "is missing", 10) ||
                        memmem(d.items[i].text.ptr, d.items[i].text.len, "has no servers", 14);
        if (!is_other)
            fail_msg("the example '%s: %s' is told as: %s", k->name, k->example, d.items[i].text.ptr);
    }
    diagnostics_fini(&d);
    arena_free(arena);
}

static void every_example_is_accepted(void **state)
{
    each_key(&schema_root, check_example);
}

static void compare_page(const char *path, void (*write_page)(struct buf *out))
{
    struct buf expected = {0}, found = {0};
    char chunk[4096];
    size_t n;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
        buf_put(&found, str_n(chunk, n));
    fclose(file);
    write_page(&expected);
    if (!str_eq(buf_str(&found), buf_str(&expected)))
        fail_msg("%s is not what the tables say; write it anew (see tools/config_pages.c)", path);
    buf_fini(&expected);
    buf_fini(&found);
}

static void the_reference_page_is_the_tables(void **state)
{
    compare_page(SOURCE_ROOT "/docs/reference/configuration.md", config_reference_markdown);
}

static void the_man_page_is_the_tables(void **state)
{
    compare_page(SOURCE_ROOT "/docs/man/weir.yaml.5", config_reference_man);
}

static void wrong_keys_find_the_right_ones(void **state)
{
    char home[64];
    assert_string_equal(schema_nearest(&schema_root, STR("lisseners")), "listeners");
    assert_string_equal(schema_nearest(&schema_root, STR("worker_processes")), "workers");
    assert_null(schema_nearest(&schema_root, STR("zzz")));
    assert_null(
        schema_nearest(&schema_root, STR("worker_processes nbthread"))); /* not two synonyms at once */
    assert_true(schema_find_home(STR("token_env"), home, sizeof(home)));
    assert_string_equal(home, "in admin");
    assert_true(schema_find_home(STR("min_requests"), home, sizeof(home)));
    assert_string_equal(home, "in watch.error_rate");
    assert_true(schema_find_home(STR("watch"), home, sizeof(home)));
    assert_string_equal(home, "at the top level");
    assert_false(schema_find_home(STR("zzz"), home, sizeof(home)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_complete),
        cmocka_unit_test(every_example_is_accepted),
        cmocka_unit_test(the_reference_page_is_the_tables),
        cmocka_unit_test(the_man_page_is_the_tables),
        cmocka_unit_test(wrong_keys_find_the_right_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
