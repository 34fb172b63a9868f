/*
 * A connection to the admin listener: read a request whole (it is small and bounded), answer it, write the
 * answer, again.
 *
 *   HEAD -> BODY -> (answer) -> WRITE -> HEAD | closed
 *                      |  (an answer from a disk)
 *                     WAIT -> WRITE
 *
 * 1. `in` holds the unread bytes, beginning with the head of the request at hand until it is answered; so the
 * head is simply parsed again when its body has come, and no text needs to be copied. Bodies lose their
 * framing into `body`.
 * 2. One timer a connection bounds each state; nothing else ends it but errors and the other side.
 * 3. Level-triggered events and no state of readiness: this is not the data path, and it must be easy to see
 * that it is right.
 * 4. When all places are taken, a new connection takes that of the one which has been silent longest: who
 * only opens connections and says nothing cannot keep the operator out.
 * 5. An answer that comes later finds its connection by the request's ticket, or nobody: a connection may be
 * closed at any time.
 */
#include "admin/admin_priv.h"

#include "base/clock.h"
#include "base/mem.h"
#include "http/date.h"
#include "http/h1_body.h"
#include "http/h1_parse.h"
#include "http/h1_write.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum state { HEAD, BODY, WAIT, WRITE };

enum {
    READ_BYTES = 16 * 1024,
    IN_BYTES_MAX = ADMIN_HEAD_BYTES_MAX + READ_BYTES,
};

struct admin_connection {
    struct list link; /* in admin->connections: the one silent longest first */
    struct handle handle;
    struct timer timer;
    struct deferred deferred;
    struct admin *admin;
    enum state state;
    struct buf in, body, out;
    size_t scanned, head_bytes, written;
    struct h1_body framing;
    uint64_t ticket; /* of the request that waits for its answer */
    bool is_head, closes_after;
};

static const struct http_limits limits = {.head_bytes = ADMIN_HEAD_BYTES_MAX,
                                          .field_count = ADMIN_HEADER_COUNT_MAX,
                                          .target_bytes = ADMIN_HEAD_BYTES_MAX / 2};

static void free_connection(struct loop *loop, struct deferred *d)
{
    (void)loop;
    struct admin_connection *c = container_of(d, struct admin_connection, deferred);
    buf_fini(&c->in);
    buf_fini(&c->body);
    buf_fini(&c->out);
    free(c);
}

static void close_connection(struct admin_connection *c)
{
    struct loop *loop = c->admin->loop;
    if (c->handle.fd < 0)
        return;
    timer_cancel(&c->timer);
    loop_remove(loop, &c->handle);
    close(c->handle.fd);
    c->handle.fd = -1;
    list_remove(&c->link);
    c->admin->connection_count--;
    c->deferred.run = free_connection;
    loop_defer(loop, &c->deferred);
}

static void wait_for(struct admin_connection *c, enum state state, int64_t limit_ns)
{
    c->state = state;
    timer_set(c->admin->loop, &c->timer, loop_now_ns(c->admin->loop) + limit_ns);
}

static bool watch_events(struct admin_connection *c, uint32_t events)
{
    return loop_change(c->admin->loop, &c->handle, events | EPOLLRDHUP);
}

/* ---- the answer ---- */

static void put_head(struct buf *out, const struct admin_response *r, bool closes)
{
    char date[HTTP_DATE_BYTES + 1];
    struct str reason = http_status_reason((unsigned)r->status);
    buf_printf(out, "HTTP/1.1 %d %.*s\r\n", r->status, STR_ARG(reason));
    buf_printf(out, "Date: %s\r\n", http_date_format(date, clock_wall_ns() / NS_PER_S));
    buf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", r->content_type, r->body.len);
    buf_printf(out, "Cache-Control: %s\r\n", r->is_asset ? "no-cache" : "no-store");
    buf_put(out, STR("X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
                     "Cross-Origin-Resource-Policy: same-origin\r\n"));
    if (r->is_page)
        buf_put(out, STR("Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
                         "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                         "frame-ancestors 'none'\r\n"));
    if (r->status == 401)
        buf_put(out, STR("WWW-Authenticate: Bearer realm=\"weir\"\r\n"));
    if (r->allow)
        buf_printf(out, "Allow: %s\r\n", r->allow);
    buf_printf(out, "Connection: %s\r\n\r\n", closes ? "close" : "keep-alive");
}

/* Queues the answer behind nothing: `out` is empty whenever a request is answered. */
static void queue_answer(struct admin_connection *c, struct admin_response *r)
{
    put_head(&c->out, r, c->closes_after);
    if (!c->is_head)
        buf_put(&c->out, buf_str(&r->body));
    buf_fini(&r->body);
    wait_for(c, WRITE, ADMIN_ANSWER_NS);
}

static void refuse(struct admin_connection *c, unsigned status, const char *why)
{
    struct admin_response response = {0};
    admin_respond_error(&response, (int)status, "%s", why);
    c->is_head = false;
    c->closes_after = true;
    queue_answer(c, &response);
}

/* Nothing is read meanwhile: what comes next waits in the socket. */
static void wait_for_answer(struct admin_connection *c)
{
    if (loop_change(c->admin->loop, &c->handle, 0))
        wait_for(c, WAIT, ADMIN_WAIT_NS);
    else
        close_connection(c);
}

static struct str field_value(const struct http_request *r, enum http_field_id id)
{
    const struct http_field *f = http_request_field(r, id);
    return f ? f->value : STR("");
}

static struct str unknown_field_value(const struct http_request *r, struct str name, bool *ret_found)
{
    *ret_found = false;
    for (uint32_t i = 0; i < r->field_count; i++)
        if (r->fields[i].id == HTTP_FIELD_OTHER && str_eq_nocase(r->fields[i].name, name)) {
            *ret_found = true;
            return r->fields[i].value;
        }
    return STR("");
}

static struct str query_of(const struct http_request *r)
{
    size_t at;
    if (!str_find(r->path_query, '?', &at))
        return STR("");
    return str_n(r->path_query.ptr + at + 1, r->path_query.len - at - 1);
}

static void answer(struct admin_connection *c, const struct http_request *parsed)
{
    bool has_origin;
    struct admin_response response = {0};
    struct admin_request request = {.method = parsed->method_text,
                                    .path = parsed->path,
                                    .query = query_of(parsed),
                                    .host = parsed->authority,
                                    .authorization = field_value(parsed, HTTP_FIELD_AUTHORIZATION),
                                    .content_type = field_value(parsed, HTTP_FIELD_CONTENT_TYPE),
                                    .origin = unknown_field_value(parsed, STR("Origin"), &has_origin),
                                    .body = buf_str(&c->body),
                                    .ticket = ++c->admin->tickets};
    (void)unknown_field_value(parsed, STR("X-Weir-Request"), &request.has_request_field);
    c->ticket = request.ticket;
    c->is_head = parsed->method == HTTP_HEAD;
    c->closes_after = !parsed->wants_keep_alive;
    admin_answer(c->admin, &request, &response);
    if (response.is_deferred)
        wait_for_answer(c);
    else
        queue_answer(c, &response);
}

/* ---- reading ---- */

/* What parse came to; the caller goes on with PARSE_DONE only. */
static enum parse parse_head(struct admin_connection *c, struct http_request *ret_request)
{
    enum parse parse =
        h1_parse_request(ret_request, c->in.ptr, c->in.len, &limits, &c->scanned, &c->head_bytes);
    if (parse == PARSE_BAD)
        refuse(c, http_fault_status(ret_request->fault), http_fault_phrase(ret_request->fault));
    return parse;
}

static void begin_body(struct admin_connection *c, const struct http_request *r)
{
    if (r->framing == HTTP_FRAMING_LENGTH && r->content_length > ADMIN_BODY_BYTES_MAX) {
        refuse(c, 413, "the body is too large");
        return;
    }
    h1_body_init(&c->framing, r->framing, r->content_length);
    buf_clear(&c->body);
    c->state = BODY; /* the timer of the head goes on: it bounds the whole request */
    if (r->expects_continue)
        (void)!send(c->handle.fd, H1_CONTINUE.ptr, H1_CONTINUE.len, MSG_NOSIGNAL);
}

static void drop_request(struct admin_connection *c, size_t bytes)
{
    buf_consume(&c->in, bytes);
    c->scanned = 0;
}

/* Takes the framing off what has come of the body; answers when it is complete. False: more bytes are needed.
 */
static bool step_body(struct admin_connection *c)
{
    size_t used;
    struct str payload, trailers;
    enum parse parse = h1_body_decode(&c->framing, c->in.ptr + c->head_bytes, c->in.len - c->head_bytes,
                                      &used, &payload, &trailers);
    if (parse == PARSE_BAD || c->body.len + payload.len > ADMIN_BODY_BYTES_MAX) {
        refuse(c, parse == PARSE_BAD ? 400 : 413,
               parse == PARSE_BAD ? "a malformed body" : "the body is too large");
        return true;
    }
    buf_put(&c->body, payload);
    memmove(c->in.ptr + c->head_bytes, c->in.ptr + c->head_bytes + used, c->in.len - c->head_bytes - used);
    c->in.len -= used;
    if (parse == PARSE_MORE)
        return false;
    struct http_request request;
    size_t head_bytes = c->head_bytes;
    c->scanned = 0;
    parse = parse_head(c, &request);
    ASSERT(parse == PARSE_DONE && c->head_bytes == head_bytes);
    answer(c, &request);
    drop_request(c, head_bytes);
    return true;
}

static bool step_head(struct admin_connection *c)
{
    struct http_request request;
    if (c->in.len == 0)
        return false;
    enum parse parse = parse_head(c, &request);
    if (parse == PARSE_DONE)
        begin_body(c, &request);
    return parse != PARSE_MORE;
}

/* ---- writing ---- */

static void on_written(struct admin_connection *c)
{
    buf_fini(&c->out); /* an answer may be megabytes, an idle connection must not be */
    c->written = 0;
    if (c->closes_after) {
        (void)shutdown(c->handle.fd, SHUT_WR);
        close_connection(c);
        return;
    }
    wait_for(c, HEAD, c->in.len ? ADMIN_REQUEST_NS : ADMIN_IDLE_NS);
}

/* False: the socket is full, or the connection is closed. */
static bool step_write(struct admin_connection *c)
{
    while (c->written < c->out.len) {
        ssize_t n = send(c->handle.fd, c->out.ptr + c->written, c->out.len - c->written, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (!watch_events(c, EPOLLOUT))
                close_connection(c);
            return false;
        }
        if (n < 0) {
            close_connection(c);
            return false;
        }
        c->written += (size_t)n;
    }
    if (!watch_events(c, EPOLLIN)) {
        close_connection(c);
        return false;
    }
    on_written(c);
    return c->handle.fd >= 0;
}

/* Somebody else goes on. */
static bool step_wait(struct admin_connection *c)
{
    return false;
}

static void run(struct admin_connection *c)
{
    static bool (*const steps[])(struct admin_connection *) = {
        [HEAD] = step_head, [BODY] = step_body, [WAIT] = step_wait, [WRITE] = step_write};
    while (c->handle.fd >= 0 && steps[c->state](c))
        ;
}

/* False when there is nothing more to read now or the connection was closed. */
static bool read_some(struct admin_connection *c)
{
    char bytes[READ_BYTES];
    ssize_t n = recv(c->handle.fd, bytes, sizeof(bytes), 0);
    if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
        return false;
    if (n <= 0) {
        close_connection(c);
        return false;
    }
    if (c->state == HEAD && c->in.len == 0)
        wait_for(c, HEAD, ADMIN_REQUEST_NS);
    buf_put(&c->in, str_n(bytes, (size_t)n));
    list_remove(&c->link);
    list_push_back(&c->admin->connections, &c->link);
    return true;
}

static void on_event(struct loop *loop, struct handle *h, uint32_t events)
{
    (void)loop;
    struct admin_connection *c = container_of(h, struct admin_connection, handle);
    if (events & (EPOLLERR | EPOLLHUP)) {
        close_connection(c);
        return;
    }
    if (c->state < WAIT && (events & (EPOLLIN | EPOLLRDHUP)) && c->in.len < IN_BYTES_MAX && !read_some(c))
        return;
    if (c->state == WRITE && (events & EPOLLRDHUP) && !(events & EPOLLOUT)) {
        close_connection(c); /* who half-closes and does not read gets no rest */
        return;
    }
    run(c);
}

static void on_timeout(struct loop *loop, struct timer *t)
{
    (void)loop;
    struct admin_connection *c = container_of(t, struct admin_connection, timer);
    if (c->state == WRITE || (c->state == HEAD && c->in.len == 0)) {
        close_connection(c);
        return;
    }
    if (c->state == WAIT)
        refuse(c, 503, "the answer took too long");
    else
        refuse(c, 408, "the request took too long");
    run(c);
}

void admin_connection_answer(struct admin *a, uint64_t ticket, struct admin_response *response)
{
    list_for_each (link, &a->connections) {
        struct admin_connection *c = container_of(link, struct admin_connection, link);
        if (c->state != WAIT || c->ticket != ticket)
            continue;
        queue_answer(c, response);
        run(c);
        return;
    }
    buf_fini(&response->body);
}

/* Makes room for one more, if anybody can be sent away. */
static void close_longest_silent(struct admin *a)
{
    list_for_each (link, &a->connections) {
        struct admin_connection *c = container_of(link, struct admin_connection, link);
        if (c->state >= WAIT)
            continue;
        close_connection(c);
        return;
    }
}

void admin_connection_open(struct admin *a, int fd)
{
    if (a->connection_count >= ADMIN_CONNECTIONS_MAX)
        close_longest_silent(a);
    if (a->connection_count >= ADMIN_CONNECTIONS_MAX) {
        close(fd);
        return;
    }
    struct admin_connection *c = NEW(struct admin_connection);
    c->admin = a;
    c->handle = (struct handle){.fd = fd, .on_event = on_event};
    timer_init(&c->timer, on_timeout);
    if (!loop_add(a->loop, &c->handle, EPOLLIN | EPOLLRDHUP)) {
        close(fd);
        free(c);
        return;
    }
    list_push_back(&a->connections, &c->link);
    a->connection_count++;
    wait_for(c, HEAD, ADMIN_IDLE_NS);
}

void admin_connection_close_all(struct admin *a)
{
    while (!list_is_empty(&a->connections))
        close_connection(container_of(a->connections.next, struct admin_connection, link));
}
