/*
 * request.h: one admin request as the routes see it, and the answer they give; no sockets here. Control
 * thread.
 */
#pragma once
#include "base/buf.h"
#include "base/macros.h"
#include "base/str.h"

#include <stdbool.h>

/* All text is borrowed from the connection's buffer for the time of the call. Fields that were not sent are
 * empty. */
struct admin_request {
    struct str method;
    struct str path;  /* without query, as sent */
    struct str query; /* without "?" */
    struct str host, authorization, content_type, origin;
    bool has_request_field; /* X-Weir-Request was sent */
    struct str body;
    uint64_t ticket; /* for an answer that comes later; no other request has it */
};

struct admin_response {
    int status;
    const char *content_type; /* static */
    const char *allow;        /* the Allow field of a 405; static; NULL: none */
    bool is_page;             /* HTML: gets the page's Content-Security-Policy */
    bool is_asset;            /* may be kept by the browser for a while */
    bool is_deferred;         /* comes later, by admin_answer_later(); all else is empty */
    struct buf body;          /* owned by the connection */
};

struct admin;
/* Answers one request. *response is zeroed but for its body, which is empty. */
void admin_answer(struct admin *a, const struct admin_request *request, struct admin_response *response);

/* Sets {"error": "…"} with that status, whatever was written before. */
void admin_respond_error(struct admin_response *response, int status, const char *format, ...)
    PRINTF_LIKE(3, 4);
