/*
 * channel.h: the words that supervisor and worker exchange, one message a packet on a SOCK_SEQPACKET pair:
 * their encoding, and a queue for when the other side is slow. The worker is the less privileged side: it
 * names servers, never commands.
 *
 * A packet is: magic, version, kind (a byte each), then fields of id (1 byte), length (2 bytes, low first),
 * bytes. Every field appears at most once; unknown fields are refused, as both sides are always the same
 * program.
 */
#pragma once
#include "base/addr.h"
#include "base/err.h"
#include "base/list.h"
#include "base/macros.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* kind, word in logs, what it says */
#define CHANNEL_KINDS(X)                                                                                     \
    X(START, start, "worker: start the server `key`")                                                        \
    X(STOP, stop, "worker: end the server `key`, SIGKILL after `timeout_ns`")                                \
    X(LIST, list, "worker: tell every server there is, then `listed`")                                       \
    X(READY, ready, "worker: I answer requests")                                                             \
    X(STATUS, status, "worker: `text` is one line about me for the service manager")                         \
    X(STARTED, started, "supervisor: `key` runs at `address` as process `pid`; may be told more than once")  \
    X(START_FAILED, start_failed, "supervisor: `key` could not be started: `text`")                          \
    X(EXITED, exited, "supervisor: `key` ended: `text`; the end of its output is `last_lines`")              \
    X(LISTED, listed, "supervisor: that were all servers")                                                   \
    X(DRAIN, drain, "supervisor: take nothing new, end what runs, then exit 0")
#define CHANNEL_KIND_ENUM(upper, lower, help) CHANNEL_##upper,
enum channel_kind { CHANNEL_KINDS(CHANNEL_KIND_ENUM) CHANNEL_KIND_COUNT };
const char *channel_kind_name(enum channel_kind kind);

enum {
    CHANNEL_PACKET_BYTES_MAX = 16 * 1024,
    CHANNEL_KEY_BYTES_MAX = 128, /* "SERVICE/SERVER" */
    CHANNEL_TEXT_BYTES_MAX = 1024,
    CHANNEL_LINES_BYTES_MAX = 8 * 1024,
    CHANNEL_QUEUE_BYTES_MAX =
        8 * 1024 * 1024, /* waiting to be sent; beyond it the other side counts as broken */
};

/* Unused fields are zero. Text is borrowed: from the caller when sent, from the packet when received. */
struct channel_message {
    enum channel_kind kind;
    int pid;
    int64_t timeout_ns;
    struct addr address;
    struct str key;
    struct str text;       /* cut to CHANNEL_TEXT_BYTES_MAX when sent */
    struct str last_lines; /* its end is kept when it is longer than CHANNEL_LINES_BYTES_MAX */
};

/* Pure. Returns the packet's length; the message must name a kind and a key of at most CHANNEL_KEY_BYTES_MAX.
 */
size_t channel_format(char out[CHANNEL_PACKET_BYTES_MAX], const struct channel_message *m);
/* Pure. False with a reason when the packet is not exactly one well-formed message; *ret_message borrows from
 * packet. */
bool channel_parse(struct str packet, struct channel_message *ret_message, struct err *err) MUST_USE;

/* One end of the pair. Embedded; one thread. */
struct channel {
    int fd;              /* owned: channel_fini closes it */
    struct list waiting; /* packets that did not fit into the socket */
    size_t waiting_bytes;
};

enum channel_result { CHANNEL_MESSAGE, CHANNEL_EMPTY, CHANNEL_CLOSED, CHANNEL_BROKEN };

void channel_init(struct channel *c, int fd); /* takes fd, makes it non-blocking */
void channel_fini(struct channel *c);
/* Sends or queues. False when the other side is gone or the queue is full: drop the channel then. */
bool channel_send(struct channel *c, const struct channel_message *m) MUST_USE;
/* To be called when the descriptor is writable. False as above. */
bool channel_flush(struct channel *c) MUST_USE;
static inline bool channel_is_waiting(const struct channel *c)
{
    return !list_is_empty(&c->waiting);
}
/* Reads one packet into buffer; err is set for CHANNEL_BROKEN (malformed packet, socket error). */
enum channel_result channel_receive(struct channel *c, char buffer[CHANNEL_PACKET_BYTES_MAX],
                                    struct channel_message *ret_message, struct err *err) MUST_USE;
