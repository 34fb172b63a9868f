/* test_channel.c: parse(format(m)) == m for every kind, refusal of everything else, order when the socket is
 * full. */
#include "net/channel.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct addr address_of(const char *text)
{
    struct addr a = {0};
    const char *problem = NULL;
    assert_true(addr_parse(str_of(text), &a, &problem));
    return a;
}

static void assert_str(struct str got, struct str want)
{
    assert_int_equal(got.len, want.len);
    if (want.len)
        assert_memory_equal(got.ptr, want.ptr, want.len);
}

static void every_kind_survives_the_trip(void **state)
{
    for (int kind = 0; kind < CHANNEL_KIND_COUNT; kind++) {
        struct channel_message m = {.kind = (enum channel_kind)kind,
                                    .pid = 4711,
                                    .timeout_ns = INT64_C(10000000001),
                                    .address = address_of("127.0.0.1:8123"),
                                    .key = STR("shop/shop-3"),
                                    .text = STR("killed by SIGKILL"),
                                    .last_lines = STR("one\ntwo\n")};
        char packet[CHANNEL_PACKET_BYTES_MAX];
        size_t len = channel_format(packet, &m);
        struct channel_message got;
        assert_true(channel_parse(str_n(packet, len), &got, NULL));
        assert_int_equal(got.kind, m.kind);
        assert_int_equal(got.pid, m.pid);
        assert_true(got.timeout_ns == m.timeout_ns);
        assert_true(addr_eq(&got.address, &m.address));
        assert_str(got.key, m.key);
        assert_str(got.text, m.text);
        assert_str(got.last_lines, m.last_lines);
    }
}

static void absent_fields_stay_zero(void **state)
{
    char packet[CHANNEL_PACKET_BYTES_MAX];
    size_t len = channel_format(packet, &(struct channel_message){.kind = CHANNEL_DRAIN});
    struct channel_message got;
    assert_int_equal(len, 3);
    assert_true(channel_parse(str_n(packet, len), &got, NULL));
    assert_int_equal(got.key.len + got.text.len + got.last_lines.len + got.address.len, 0);
    assert_int_equal(got.pid, 0);
}

static void long_text_is_cut_and_the_end_of_lines_kept(void **state)
{
    static char many[CHANNEL_LINES_BYTES_MAX * 2];
    memset(many, 'a', sizeof(many));
    many[sizeof(many) - 1] = 'z';
    struct channel_message m = {.kind = CHANNEL_EXITED,
                                .key = STR("a/b"),
                                .text = str_n(many, sizeof(many)),
                                .last_lines = str_n(many, sizeof(many))};
    char packet[CHANNEL_PACKET_BYTES_MAX];
    struct channel_message got;
    assert_true(channel_parse(str_n(packet, channel_format(packet, &m)), &got, NULL));
    assert_int_equal(got.text.len, CHANNEL_TEXT_BYTES_MAX);
    assert_int_equal(got.last_lines.len, CHANNEL_LINES_BYTES_MAX);
    assert_int_equal(got.last_lines.ptr[got.last_lines.len - 1], 'z');
}

static void malformed_packets_are_refused(void **state)
{
    static const struct {
        const char *name;
        struct str packet;
    } cases[] = {
        {"empty", STR("")},
        {"head cut off", STR("W\1")},
        {"other magic", STR("X\1\0")},
        {"other version", STR("W\2\0")},
        {"unknown kind", STR("W\1\x30")},
        {"field head cut off", STR("W\1\0\1\1")},
        {"field cut off", STR("W\1\0\1\4\0abc")},
        {"unknown field", STR("W\1\0\x09\1\0a")},
        {"field zero", STR("W\1\0\0\1\0a")},
        {"repeated field", STR("W\1\0\1\1\0a\1\1\0b")},
        {"empty field", STR("W\1\0\1\0\0")},
        {"NUL in text", STR("W\1\0\1\3\0a\0b")},
        {"short number", STR("W\1\0\5\1\0a")},
        {"zero number", STR("W\1\0\5\x08\0\0\0\0\0\0\0\0\0")},
        {"pid too large", STR("W\1\0\5\x08\0\0\0\0\0\1\0\0\0")},
        {"negative timeout", STR("W\1\0\6\x08\0\0\0\0\0\0\0\0\xff")},
        {"bad address", STR("W\1\0\4\3\0abc")},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct channel_message got;
        struct err err = {0};
        if (channel_parse(cases[i].packet, &got, &err))
            fail_msg("accepted: %s", cases[i].name);
        assert_true(err.text[0] != '\0');
    }
}

static void a_key_longer_than_allowed_is_refused(void **state)
{
    char packet[CHANNEL_PACKET_BYTES_MAX] = {'W', 1, 0, 1, (char)(CHANNEL_KEY_BYTES_MAX + 1), 0};
    memset(packet + 6, 'k', CHANNEL_KEY_BYTES_MAX + 1);
    struct channel_message got;
    assert_false(channel_parse(str_n(packet, 6 + CHANNEL_KEY_BYTES_MAX + 1), &got, NULL));
    packet[4] = (char)CHANNEL_KEY_BYTES_MAX;
    assert_true(channel_parse(str_n(packet, 6 + CHANNEL_KEY_BYTES_MAX), &got, NULL));
}

static void every_truncation_is_refused_or_shorter(void **state)
{
    struct channel_message m = {.kind = CHANNEL_STARTED, .pid = 1, .key = STR("a/b"), .text = STR("text")};
    char packet[CHANNEL_PACKET_BYTES_MAX];
    size_t len = channel_format(packet, &m), accepted = 0;
    for (size_t n = 0; n < len; n++) {
        char *copy = malloc(n ? n : 1); /* exact size, so that a sanitizer sees a read behind the end */
        memcpy(copy, packet, n);
        struct channel_message got;
        accepted += channel_parse(str_n(copy, n), &got, NULL);
        free(copy);
    }
    assert_int_equal(accepted, 3); /* after the head and after the first and second field */
}

static void queued_messages_keep_their_order(void **state)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    struct channel a, b;
    channel_init(&a, fds[0]);
    channel_init(&b, fds[1]);
    enum { COUNT = 5000 };
    for (int i = 1; i <= COUNT; i++)
        assert_true(channel_send(&a, &(struct channel_message){.kind = CHANNEL_STARTED, .pid = i}));
    assert_true(channel_is_waiting(&a));
    char buffer[CHANNEL_PACKET_BYTES_MAX];
    struct channel_message got;
    for (int i = 1; i <= COUNT; i++) {
        enum channel_result r = channel_receive(&b, buffer, &got, NULL);
        if (r == CHANNEL_EMPTY) {
            assert_true(channel_flush(&a));
            r = channel_receive(&b, buffer, &got, NULL);
        }
        assert_int_equal(r, CHANNEL_MESSAGE);
        assert_int_equal(got.pid, i);
    }
    assert_int_equal(channel_receive(&b, buffer, &got, NULL), CHANNEL_EMPTY);
    assert_false(channel_is_waiting(&a));
    channel_fini(&a);
    assert_int_equal(channel_receive(&b, buffer, &got, NULL), CHANNEL_CLOSED);
    assert_false(channel_send(&b, &(struct channel_message){.kind = CHANNEL_LIST}));
    channel_fini(&b);
}

static void a_queue_without_reader_ends_at_its_limit(void **state)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    struct channel a;
    channel_init(&a, fds[0]);
    static char lines[CHANNEL_LINES_BYTES_MAX];
    memset(lines, 'x', sizeof(lines));
    struct channel_message m = {.kind = CHANNEL_EXITED, .last_lines = str_n(lines, sizeof(lines))};
    int sent = 0;
    while (sent < 100000 && channel_send(&a, &m))
        sent++;
    assert_in_range(sent, CHANNEL_QUEUE_BYTES_MAX / CHANNEL_PACKET_BYTES_MAX, 99999);
    assert_true(a.waiting_bytes <= CHANNEL_QUEUE_BYTES_MAX);
    channel_fini(&a);
    close(fds[1]);
}

static void an_oversized_packet_breaks_the_channel(void **state)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    struct channel a;
    channel_init(&a, fds[0]);
    static char huge[CHANNEL_PACKET_BYTES_MAX + 1] = {'W', 1, 0};
    assert_int_equal(send(fds[1], huge, sizeof(huge), 0), sizeof(huge));
    char buffer[CHANNEL_PACKET_BYTES_MAX];
    struct channel_message got;
    struct err err;
    assert_int_equal(channel_receive(&a, buffer, &got, &err), CHANNEL_BROKEN);
    channel_fini(&a);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_survives_the_trip),
        cmocka_unit_test(absent_fields_stay_zero),
        cmocka_unit_test(long_text_is_cut_and_the_end_of_lines_kept),
        cmocka_unit_test(malformed_packets_are_refused),
        cmocka_unit_test(a_key_longer_than_allowed_is_refused),
        cmocka_unit_test(every_truncation_is_refused_or_shorter),
        cmocka_unit_test(queued_messages_keep_their_order),
        cmocka_unit_test(a_queue_without_reader_ends_at_its_limit),
        cmocka_unit_test(an_oversized_packet_breaks_the_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
