/* admin_priv.h: the admin room's own: its state, and the answers that routes.c hands out to other files.
 * Control thread. */
#pragma once
#include "admin/admin.h"
#include "admin/recent.h"
#include "admin/request.h"
#include "base/list.h"

enum {
    ADMIN_CONNECTIONS_MAX = 64,
    ADMIN_HEAD_BYTES_MAX = 16 * 1024,
    ADMIN_HEADER_COUNT_MAX = 64,
    ADMIN_BODY_BYTES_MAX = 64 * 1024,
    ADMIN_EVENTS_DEFAULT = 100,
    ADMIN_EVENTS_MAX = 1000,
    ADMIN_EPISODES_DEFAULT = 5,
};
#define ADMIN_REQUEST_NS (INT64_C(10) * 1000000000) /* from the first byte to the last of a request */
#define ADMIN_ANSWER_NS  (INT64_C(30) * 1000000000) /* to take the whole answer */
#define ADMIN_WAIT_NS    (INT64_C(40) * 1000000000) /* for an answer that comes later */
#define ADMIN_IDLE_NS    (INT64_C(60) * 1000000000)

struct admin {
    struct loop *loop;   /* borrowed */
    struct fleet *fleet; /* borrowed */
    struct admin_ops ops;
    struct buf token;
    struct recent *recent; /* owned */
    struct timer recent_timer;
    struct handle listener;
    struct timer accept_timer; /* tries again when descriptors were out */
    struct list connections;   /* of struct admin_connection */
    uint32_t connection_count;
    uint64_t tickets; /* given out so far */
};

/* connection.c: takes fd. */
void admin_connection_open(struct admin *a, int fd);
void admin_connection_answer(struct admin *a, uint64_t ticket, struct admin_response *response);
void admin_connection_close_all(struct admin *a);

/* views.c: one JSON object each. */
void admin_write_service(struct admin *a, struct json *j, const struct service *s);
void admin_write_server(struct admin *a, struct json *j, const struct server *s);
void admin_write_services(struct admin *a, struct json *j); /* {"services": […]} */
void admin_write_servers(struct admin *a, struct json *j);

/* page.c: the page and its two assets. can_see: the tables may be filled in. */
void admin_page(struct admin *a, bool can_see, struct admin_response *response);
bool admin_asset(struct str path, struct admin_response *response); /* false: no such asset */
