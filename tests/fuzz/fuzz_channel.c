/*
 * Any bytes as a packet between worker and supervisor, and as what a server prints. What must hold: nothing
 * crashes or reads beyond the end; a message that is taken is written and read again as the same; and output
 * gives the same lines whatever pieces it comes in.
 */
#include "net/channel.h"
#include "supervisor/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_packet(struct str packet)
{
    char bytes[CHANNEL_PACKET_BYTES_MAX];
    struct channel_message m, again;
    struct err err = {0};
    if (!channel_parse(packet, &m, &err)) {
        ASSERT(err.text[0]);
        return;
    }
    ASSERT(m.kind < CHANNEL_KIND_COUNT && m.pid >= 0 && m.timeout_ns >= 0);
    size_t len = channel_format(bytes, &m);
    ASSERT(len <= sizeof(bytes) && channel_parse(str_n(bytes, len), &again, &err));
    ASSERT(again.kind == m.kind && again.pid == m.pid && again.timeout_ns == m.timeout_ns);
    ASSERT(str_eq(again.key, m.key) && str_eq(again.text, m.text) && str_eq(again.last_lines, m.last_lines));
    ASSERT(m.address.len == again.address.len && (m.address.len == 0 || addr_eq(&m.address, &again.address)));
}

static void on_line(void *context, struct str line)
{
    struct buf *out = context;
    ASSERT(line.len <= LINES_BYTES_MAX && (line.len == 0 || !memchr(line.ptr, '\n', line.len)));
    buf_put(out, line);
    buf_put_char(out, '\n');
}

static void feed(struct str text, size_t piece, struct buf *out)
{
    static struct lines l;
    struct lines_sink sink = {.context = out, .on_line = on_line};
    l = (struct lines){0};
    for (size_t at = 0; at < text.len; at += piece)
        lines_feed(&l, str_n(text.ptr + at, MIN(piece, text.len - at)), &sink);
    lines_flush(&l, &sink);
    lines_format_kept(&l, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_n((const char *)data, size);
    struct buf whole = {0}, pieces = {0};
    try_packet(text);
    feed(text, MAX(text.len, (size_t)1), &whole);
    feed(text, 7, &pieces);
    ASSERT(str_eq(buf_str(&whole), buf_str(&pieces)));
    buf_fini(&whole);
    buf_fini(&pieces);
    return 0;
}
