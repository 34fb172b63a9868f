/* service_report.h: the collector of services: from what control tells of them each tick to readings on the
 * board. Keeps what it takes to tell a rate, a count over time or a quantile. Pure; one thread. */
#pragma once
#include "base/json.h"
#include "config/model.h"
#include "net/json_value.h"
#include "watch/board.h"
#include "watch/watch.h"

struct service_report;

struct service_report *service_report_new(void);
void service_report_free(struct service_report *r); /* NULL is fine */
/* The windows and least counts; before the first put. */
void service_report_configure(struct service_report *r, const struct config_watch *config);
void service_report_note_death(struct service_report *r, struct str service, struct str server,
                               struct str reason, int64_t now_ns);
/* ---- what outlives the worker: the deaths of servers, so that a crash loop is one over its restart, and how
 * fast services usually answer ---- */

uint64_t service_report_version(const struct service_report *r); /* changes with what is to be kept */
/* An array of what still counts. */
void service_report_save(const struct service_report *r, struct json *j, int64_t now_ns);
/* An array as written, pause_ns ago. What does not fit is left out. */
void service_report_restore(struct service_report *r, const struct json_value *list, int64_t now_ns,
                            int64_t pause_ns);

/* Between board_begin and board_end. Services that are missing are forgotten. */
void service_report_put(struct service_report *r, const struct watch_service_input *services, size_t count,
                        struct board *b);
