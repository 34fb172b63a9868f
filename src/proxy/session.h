/*
 * session.h: a client connection and the request that runs on it: two machines, as HTTP/1 has one exchange at
 * a time. For the files of this room. Owner thread only.
 */
#pragma once
#include "http/h1_body.h"
#include "proxy/peer.h"
#include "proxy/thread.h"
#include "proxy/upstream.h"

enum step { STEP_NEXT, STEP_WAIT, STEP_DONE };

/*
 *   READ_HEAD -> (COLLECT ->) ASSIGN -> CONNECT -> RELAY -> FLUSH -> FINISH -> READ_HEAD ...
 *                              |  ^        |        | |                |
 *                              v  |        |        | +-> TUNNEL ------+-> LINGER -> (closed)
 *                             QUEUE  <-----+--------+ (next attempt)
 *   any of them -> REPLY (an error of our own) -> FINISH
 */
#define EXCHANGE_STATES(X)                                                                                   \
    X(READ_HEAD, read_head) /* idle, or part of a head has come */                                           \
    X(COLLECT, collect)     /* take in a small body before a server is occupied by it */                     \
    X(ASSIGN, assign)       /* choose a server and take its slot */                                          \
    X(QUEUE, queue)         /* no server has room: wait for a slot */                                        \
    X(CONNECT, connect)     /* take an idle connection or open one */                                        \
    X(RELAY, relay)         /* request out, response back, both at once */                                   \
    X(FLUSH, flush)         /* the server is done and free; the client still takes its bytes */              \
    X(TUNNEL, tunnel)       /* upgraded: bytes both ways */                                                  \
    X(REPLY, reply)         /* an answer of our own is being written */                                      \
    X(FINISH, finish)       /* give everything back, account, go on or end */                                \
    X(LINGER, linger)       /* our side is shut; read the client out so that it gets the answer */

#define EXCHANGE_STATE_ENUM(upper, lower) EXCHANGE_##upper,
enum exchange_state { EXCHANGE_STATES(EXCHANGE_STATE_ENUM) EXCHANGE_STATE_COUNT };

/* Retry-After as control has it from the service's start times: service->retry_after_s and a little chance.
 */
#define RETRY_AFTER_LEARNED UINT32_MAX

/* Why an exchange failed. X(identifier, status, thread counter or -1, service counter or -1, Retry-After s,
 * phrase) */
#define EXCHANGE_FAULTS(X)                                                                                   \
    X(NONE, 0, -1, -1, 0, "")                                                                                \
    X(BAD_REQUEST, 400, THREAD_REFUSED_BAD_REQUEST, -1, 0, "")                                               \
    X(NOT_SUPPORTED, 501, THREAD_REFUSED_NOT_SUPPORTED, -1, 0, "This is not supported here.")                \
    X(NO_ROUTE, 404, THREAD_REFUSED_NO_ROUTE, -1, 0, "No service is configured for this host and path.")     \
    X(BODY_TOO_LARGE, 413, THREAD_REFUSED_BODY_TOO_LARGE, -1, 0, "The request's body is too large.")         \
    X(HEAD_TIMEOUT, 408, THREAD_REFUSED_HEAD_TIMEOUT, -1, 0, "The request did not arrive in time.")          \
    X(BODY_TIMEOUT, 408, THREAD_BODY_TIMEOUTS, -1, 0, "The request's body did not arrive in time.")          \
    X(NO_BUFFER, 503, THREAD_BUFFERS_EXHAUSTED, -1, 1, "Weir is out of buffer memory.")                      \
    X(CONNECT, 502, -1, SERVICE_FAULT_CONNECT, 0, "No server could be reached.")                             \
    X(SERVER_BROKE, 502, -1, SERVICE_FAULT_SERVER_BROKE, 0,                                                  \
      "The server closed the connection before it had answered.")                                            \
    X(BAD_RESPONSE, 502, -1, SERVICE_FAULT_SERVER_BAD_RESPONSE, 0,                                           \
      "The server's answer was not valid HTTP.")                                                             \
    X(SERVER_TIMEOUT, 504, -1, SERVICE_FAULT_SERVER_TIMEOUT, 0, "The server did not answer in time.")        \
    X(NO_SERVER, 503, -1, SERVICE_FAULT_NO_SERVER, RETRY_AFTER_LEARNED,                                      \
      "No server is available at the moment.")                                                               \
    X(QUEUE_FULL, 503, -1, SERVICE_FAULT_QUEUE_FULL, RETRY_AFTER_LEARNED, "Too many requests are waiting.")  \
    X(QUEUE_TIMEOUT, 503, -1, SERVICE_FAULT_QUEUE_TIMEOUT, RETRY_AFTER_LEARNED,                              \
      "No server became free in time.")                                                                      \
    X(NO_SERVER_IN_TIME, 503, -1, SERVICE_FAULT_NO_SERVER_IN_TIME, RETRY_AFTER_LEARNED,                      \
      "No server can be started in time.")                                                                   \
    X(NO_TURN_IN_TIME, 503, -1, SERVICE_FAULT_NO_TURN_IN_TIME, RETRY_AFTER_LEARNED,                          \
      "Too many requests are waiting to answer this one in time.")                                           \
    X(CLIENT_ABORT, 0, -1, SERVICE_CLIENT_ABORTS, 0, "")

#define EXCHANGE_FAULT_ENUM(id, status, thread_counter, service_counter, retry_after, phrase) FAULT_##id,
enum exchange_fault { EXCHANGE_FAULTS(EXCHANGE_FAULT_ENUM) EXCHANGE_FAULT_COUNT };

enum { TRIED_MAX = 4, ATTEMPTS_MAX = 16 };

struct exchange {
    enum exchange_state state;
    enum exchange_fault fault;

    /* The request. */
    enum http_method method;
    uint8_t client_minor_version;
    bool client_keeps_alive; /* it will send another request; cleared by whatever makes that impossible */
    bool is_upgrade_asked;
    bool accepts_json;       /* errors of our own are told in JSON */
    bool request_is_chunked; /* towards the server */
    bool request_is_done;    /* all of its body was taken from the client */
    bool request_is_broken;  /* the server takes no more of it */
    bool body_was_sent;      /* some of it, so that the request cannot be sent again */
    char request_id[HTTP_REQUEST_ID_BYTES_MAX + 1];
    struct chunk head; /* as the server gets it; kept until the response begins */
    struct h1_body request_body;
    uint64_t request_bytes; /* of the body, so far */
    uint32_t collect_bytes; /* of the body, to have come before a server is chosen */
    bool is_collecting;     /* counted in service->collecting */

    /* Where it goes. */
    struct snapshot_use *use; /* pinned until the response begins */
    const struct service_view *view;
    struct service *service; /* NULL until routed */
    struct server *server;   /* its slot is held */
    struct upstream *upstream;
    struct waiter waiter;
    uint8_t attempts, sent_attempts, tried_count;
    bool must_connect; /* an idle connection broke under the last attempt */
    bool head_was_sent;
    uint8_t sent_level; /* level_of() the server's requests in flight when it was sent */
    const struct server *tried[TRIED_MAX];

    /* The response. */
    struct h1_body response_body;
    enum http_framing client_framing;
    uint16_t status;
    bool server_has_spoken;  /* in this attempt: at least one byte came */
    bool response_has_begun; /* the final head was written to the client */
    bool server_keeps_alive;
    bool needs_more_from_client, needs_more_from_server; /* a trailer section is incomplete */
    size_t response_scanned;                             /* of the head being read */
    bool is_cut;       /* the response was broken off: the client must not take it for whole */
    bool has_progress; /* bytes moved in this run: the deadline moves too */
    bool client_was_shut, server_was_shut; /* tunnel: our sending side */

    int64_t started_ns, ready_ns, sent_ns, slot_ns; /* ready: all is there that choosing a server needs */
};

struct session {
    struct peer client;
    struct data_thread *thread;
    const struct listener *listener;
    struct list link; /* among the thread's sessions */
    struct timer timer;
    struct task again;
    struct deferred free;
    size_t scanned;    /* of the head being read */
    size_t seen_bytes; /* of client.in that the parser has already looked at */
    bool is_closed;
    bool is_trusted;
    bool was_used; /* has carried a request */
    uint8_t client_ip_len;
    char client_ip[INET6_ADDRSTRLEN];
    struct exchange x;
};

/* session.c */
bool session_accept(struct listener *l); /* true: there may be more */
void session_run(struct session *s);
void session_close(struct session *s); /* gives back whatever the exchange still holds */
void session_on_settled(struct waiter *w);

/* exchange.c: the only place where the state changes */
void exchange_go(struct session *s, enum exchange_state next);
enum step exchange_run_state(struct session *s);
/* Ends the exchange with an error of our own, or by closing where the response has begun. */
enum step exchange_fail(struct session *s, enum exchange_fault fault);
/* The attempt failed: tries another server if the request may be sent again, else fails with the fault. */
enum step exchange_retry(struct session *s, enum exchange_fault fault);
void exchange_on_timer(struct session *s);
void exchange_release_server(struct session *s, bool keeps_connection);
/* An answer of our own for a request that was not even understood. */
enum step exchange_refuse(struct session *s, enum http_fault fault);

/* Whose fault it is that reading from or writing to the client failed. */
static inline enum exchange_fault client_fault(enum io io)
{
    return io == IO_FULL ? FAULT_NO_BUFFER : FAULT_CLIENT_ABORT;
}

static inline void exchange_service_count(struct session *s, enum service_counter id)
{
    counter_add(&thread_service_cells(s->thread, s->x.service)->counters[id], 1);
}

static inline void exchange_server_count(struct session *s, enum server_counter id)
{
    counter_add(&thread_server_cells(s->thread, s->x.server)->counters[id], 1);
}

/* collect.c */
bool collect_begin(struct session *s, const struct http_request *r); /* false: this request needs none */
void collect_leave(struct session *s);                               /* fine when it is not collecting */
enum step collect_run(struct session *s);
enum step collect_timed_out(struct session *s);

/* request.c, relay.c, tunnel.c, reply.c: the states that have a file of their own */
enum step request_read_head(struct session *s);
enum step relay_run(struct session *s);
void relay_set_deadline(struct session *s);
enum step tunnel_run(struct session *s);
enum step tunnel_end(struct session *s);    /* both directions at once */
enum step reply_options(struct session *s); /* what Weir itself can do */
enum step reply_start(struct session *s, unsigned status, struct str detail, uint32_t retry_after_s);

/*
 * The next bytes from a peer: what it left over, else a read into the thread's scratch buffer. With
 * needs_more the bytes left over are not enough, so more are read behind them. Use input_done to say how many
 * were used; the others are kept.
 */
struct input {
    char *bytes;
    size_t len;
    bool is_scratch;
};
enum io input_next(struct data_thread *t, struct peer *p, bool needs_more, struct input *ret_input);
bool input_done(struct data_thread *t, struct peer *p, const struct input *input,
                size_t used); /* false: no buffer */
