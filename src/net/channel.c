/*
 * channel.c
 *
 * A packet is small and whole: SOCK_SEQPACKET keeps the borders, so there is no reassembly and a malformed
 * packet cannot shift the meaning of the next one. The supervisor parses packets of a less privileged
 * process, so the parser knows one form only: fixed head, fields with lengths, each at most once, all of a
 * known id, nothing behind the last.
 *
 * JSON was considered and left out: the supervisor would then parse a text format with a foreign library.
 *
 * Sending never blocks. What does not fit into the socket waits in a list, in order, up to
 * CHANNEL_QUEUE_BYTES_MAX.
 */
#include "net/channel.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAGIC = 0x57, VERSION = 1, HEAD_BYTES = 3, FIELD_HEAD_BYTES = 3 };

enum field { FIELD_KEY = 1, FIELD_TEXT, FIELD_LINES, FIELD_ADDRESS, FIELD_PID, FIELD_TIMEOUT, FIELD_END };

static_assert(HEAD_BYTES + (FIELD_END - 1) * FIELD_HEAD_BYTES + CHANNEL_KEY_BYTES_MAX +
                      CHANNEL_TEXT_BYTES_MAX + CHANNEL_LINES_BYTES_MAX + ADDR_TEXT_BYTES + 2 * 8 <=
                  CHANNEL_PACKET_BYTES_MAX,
              "the largest message fits into a packet");

struct packet {
    struct list link;
    size_t len;
    char bytes[];
};

const char *channel_kind_name(enum channel_kind kind)
{
#define CHANNEL_KIND_NAME(upper, lower, help) #lower,
    static const char *const names[] = {CHANNEL_KINDS(CHANNEL_KIND_NAME)};
    ASSERT(kind < CHANNEL_KIND_COUNT);
    return names[kind];
}

static size_t put_field(char *out, enum field id, struct str value)
{
    if (value.len == 0)
        return 0;
    out[0] = (char)id;
    out[1] = (char)(value.len & 0xff);
    out[2] = (char)(value.len >> 8);
    memcpy(out + FIELD_HEAD_BYTES, value.ptr, value.len);
    return FIELD_HEAD_BYTES + value.len;
}

static size_t put_number(char *out, enum field id, uint64_t value)
{
    char bytes[8];
    if (value == 0)
        return 0;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(value >> (8 * i));
    return put_field(out, id, str_n(bytes, sizeof(bytes)));
}

static struct str tail_of(struct str s, size_t bytes_max)
{
    return s.len <= bytes_max ? s : str_n(s.ptr + s.len - bytes_max, bytes_max);
}

size_t channel_format(char out[CHANNEL_PACKET_BYTES_MAX], const struct channel_message *m)
{
    ASSERT(m->kind < CHANNEL_KIND_COUNT);
    ASSERT(m->key.len <= CHANNEL_KEY_BYTES_MAX);
    ASSERT(m->pid >= 0 && m->timeout_ns >= 0);
    char address[ADDR_TEXT_BYTES];
    size_t n = HEAD_BYTES;
    out[0] = MAGIC;
    out[1] = VERSION;
    out[2] = (char)m->kind;
    n += put_field(out + n, FIELD_KEY, m->key);
    n += put_field(out + n, FIELD_TEXT, str_n(m->text.ptr, MIN(m->text.len, (size_t)CHANNEL_TEXT_BYTES_MAX)));
    n += put_field(out + n, FIELD_LINES, tail_of(m->last_lines, CHANNEL_LINES_BYTES_MAX));
    if (m->address.len)
        n += put_field(out + n, FIELD_ADDRESS, str_of(addr_format(address, &m->address)));
    n += put_number(out + n, FIELD_PID, (uint64_t)m->pid);
    n += put_number(out + n, FIELD_TIMEOUT, (uint64_t)m->timeout_ns);
    return n;
}

static bool take_number(struct str value, uint64_t value_max, uint64_t *ret_value)
{
    uint64_t number = 0;
    if (value.len != 8)
        return false;
    for (size_t i = 0; i < 8; i++)
        number |= (uint64_t)(unsigned char)value.ptr[i] << (8 * i);
    if (number == 0 || number > value_max)
        return false;
    *ret_value = number;
    return true;
}

static bool take_text(struct str value, size_t bytes_max, struct str *ret_text)
{
    if (value.len == 0 || value.len > bytes_max || memchr(value.ptr, '\0', value.len))
        return false;
    *ret_text = value;
    return true;
}

static bool take_field(struct channel_message *m, unsigned id, struct str value)
{
    uint64_t number;
    const char *problem;
    switch (id) {
    case FIELD_KEY:
        return take_text(value, CHANNEL_KEY_BYTES_MAX, &m->key);
    case FIELD_TEXT:
        return take_text(value, CHANNEL_TEXT_BYTES_MAX, &m->text);
    case FIELD_LINES:
        return take_text(value, CHANNEL_LINES_BYTES_MAX, &m->last_lines);
    case FIELD_ADDRESS:
        return addr_parse(value, &m->address, &problem);
    case FIELD_PID:
        if (!take_number(value, INT32_MAX, &number))
            return false;
        m->pid = (int)number;
        return true;
    case FIELD_TIMEOUT:
        if (!take_number(value, INT64_MAX, &number))
            return false;
        m->timeout_ns = (int64_t)number;
        return true;
    default:
        return false;
    }
}

bool channel_parse(struct str packet, struct channel_message *ret_message, struct err *err)
{
    const unsigned char *p = (const unsigned char *)packet.ptr;
    if (packet.len < HEAD_BYTES || p[0] != MAGIC || p[1] != VERSION || p[2] >= CHANNEL_KIND_COUNT)
        return err_set(err, "not a message of this program");
    struct channel_message m = {.kind = (enum channel_kind)p[2]};
    unsigned seen = 0;
    for (size_t at = HEAD_BYTES; at < packet.len;) {
        if (packet.len - at < FIELD_HEAD_BYTES)
            return err_set(err, "a field is cut off");
        unsigned id = p[at];
        size_t len = p[at + 1] | (size_t)p[at + 2] << 8;
        at += FIELD_HEAD_BYTES;
        if (packet.len - at < len)
            return err_set(err, "field %u is cut off", id);
        if (id >= FIELD_END || seen & (1u << id) || !take_field(&m, id, str_n(packet.ptr + at, len)))
            return err_set(err, "field %u is unknown, repeated or malformed", id);
        seen |= 1u << id;
        at += len;
    }
    *ret_message = m;
    return true;
}

void channel_init(struct channel *c, int fd)
{
    c->fd = fd;
    c->waiting_bytes = 0;
    list_init(&c->waiting);
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void channel_fini(struct channel *c)
{
    for (struct list *node; (node = list_pop_front(&c->waiting));)
        free(container_of(node, struct packet, link));
    c->waiting_bytes = 0;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

/* 1: sent; 0: no room now; -1: the other side is gone. */
static int send_packet(int fd, const char *bytes, size_t len)
{
    for (;;) {
        if (send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
            return 1;
        if (errno != EINTR)
            return errno == EAGAIN || errno == ENOBUFS ? 0 : -1;
    }
}

bool channel_send(struct channel *c, const struct channel_message *m)
{
    char bytes[CHANNEL_PACKET_BYTES_MAX];
    size_t len = channel_format(bytes, m);
    int outcome = list_is_empty(&c->waiting) ? send_packet(c->fd, bytes, len) : 0;
    if (outcome != 0)
        return outcome > 0;
    if (c->waiting_bytes + len > CHANNEL_QUEUE_BYTES_MAX)
        return false;
    struct packet *p = mem_alloc(sizeof(*p) + len);
    p->len = len;
    memcpy(p->bytes, bytes, len);
    list_push_back(&c->waiting, &p->link);
    c->waiting_bytes += len;
    return true;
}

bool channel_flush(struct channel *c)
{
    while (!list_is_empty(&c->waiting)) {
        struct packet *p = container_of(c->waiting.next, struct packet, link);
        int outcome = send_packet(c->fd, p->bytes, p->len);
        if (outcome <= 0)
            return outcome == 0;
        c->waiting_bytes -= p->len;
        list_remove(&p->link);
        free(p);
    }
    return true;
}

enum channel_result channel_receive(struct channel *c, char buffer[CHANNEL_PACKET_BYTES_MAX],
                                    struct channel_message *ret_message, struct err *err)
{
    ssize_t n;
    do {
        n = recv(c->fd, buffer, CHANNEL_PACKET_BYTES_MAX, MSG_DONTWAIT | MSG_TRUNC);
    } while (n < 0 && errno == EINTR);
    if (n == 0 || (n < 0 && errno == ECONNRESET))
        return CHANNEL_CLOSED;
    if (n < 0 && errno == EAGAIN)
        return CHANNEL_EMPTY;
    if (n < 0) {
        err_set_errno(err, errno, "reading the channel");
        return CHANNEL_BROKEN;
    }
    if (n > CHANNEL_PACKET_BYTES_MAX) {
        err_set(err, "a message of %zd bytes is too long", n);
        return CHANNEL_BROKEN;
    }
    return channel_parse(str_n(buffer, (size_t)n), ret_message, err) ? CHANNEL_MESSAGE : CHANNEL_BROKEN;
}
