/*
 * control_priv.h: the control thread's own: what ties the rooms together, and the glue files by subject.
 * Control thread.
 *
 *   control.c       builds everything, runs the loop, takes it down
 *   lifecycle.c     signals, the supervisor's words, draining
 *   providers.c     a provider for each service that is scaled
 *   scaling.c       scale <-> provider, prober, proxy, ledger
 *   keeping.c       what was learned: from the store to scale at the start, and back as it changes
 *   discovering.c   what finds servers -> scale, ledger, metrics, watch
 *   recording.c     what is watched, to the history, and questions to that
 *   watching.c      numbers for watch, its alerts for the ledger
 *   metering.c      what servers use of the machine: from watch to scale and to those who ask
 *   answering.c     what the admin listener asks
 */
#pragma once
#include "admin/admin.h"
#include "control/control.h"
#include "control/ledger.h"
#include "control/prober.h"
#include "control/snapshot_build.h"
#include "net/loop.h"
#include "provider/discovery.h"
#include "provider/process.h"
#include "proxy/proxy.h"
#include "scale/scale.h"
#include "watch/agent_check.h"
#include "watch/usage.h"
#include "watch/watch.h"

enum phase {
    PHASE_STARTING,
    PHASE_RUNNING,
    PHASE_DRAINING, /* nothing new is taken; what runs may end until drain_deadline_ns */
    PHASE_ENDING,   /* the loop stops with this turn */
};

/* One service whose servers are discovered. */
struct discovering {
    struct control *control;
    struct service *service;
    struct discovery *discovery; /* NULL: they are not */
};

struct control {
    const struct control_params *params;
    const struct config *config;
    enum phase phase;
    int exit_status;
    struct loop *loop;
    struct fleet *fleet;
    struct proxy *proxy; /* NULL until the first snapshot is published */
    struct ledger *ledger;
    struct prober *prober;
    struct scale *scale;
    struct keeping *keeping;     /* NULL: nothing is kept */
    struct recording *recording; /* NULL: no history is kept */
    struct watch *watch;
    struct budgeting *budgeting;     /* NULL: nothing is kept */
    struct agent_check *agent_check; /* NULL: none is answered */
    struct usage *usage;
    struct admin *admin;                          /* NULL: off */
    struct provider *process;                     /* NULL: no supervisor */
    struct provider *engines[FLEET_SERVICES_MAX]; /* by the service's slot; NULL: another provider, or none */
    struct provider_sink sink;                    /* of all providers */
    struct process_events process_events;
    const struct config_service *configs[FLEET_SERVICES_MAX]; /* by the service's slot */

    struct timer scale_timer, watch_timer, usage_timer, drain_timer;
    struct handle signals;
    struct handle wake; /* an eventfd that data threads write to */
    int64_t drain_deadline_ns;
    bool is_ending_servers; /* requests have ended; now the servers of engines do, where they are not kept */
    uint64_t published_can_wait; /* a digest of can_wait of all services, see scaling.c */
    struct first_probes {
        uint64_t id;
        int64_t since_ns;
    } first_probes[FLEET_SERVERS_MAX]; /* of fixed and discovered servers, by slot */
    struct given_up given_up;
    struct job_pool *discovery_jobs;                    /* NULL: nothing is discovered */
    struct discovering discovering[FLEET_SERVICES_MAX]; /* by the service's slot */
    char status_text[128];                              /* told to the supervisor last */
};

/* ledger, with both clocks filled in. */
void control_note(struct control *c, const struct event_note *note);
const struct config_service *control_config_of(const struct control *c, const struct service *s);

/* lifecycle.c */
bool lifecycle_start(struct control *c,
                     struct err *err); /* signals; the supervisor's words come through process_events */
void lifecycle_stop(struct control *c);
void lifecycle_tell_status(struct control *c);
extern const struct process_events lifecycle_process_events; /* context: struct control */

/* providers.c */
bool providers_start(struct control *c, struct err *err); /* all services are in the fleet */
void providers_stop(struct control *c);
/* Weir ends: engines whose servers are not kept (`at_exit: stop`) are told; false: there are none. */
bool providers_end_all(struct control *c);
bool providers_have_ended_all(const struct control *c);
struct provider *providers_of(const struct control *c, const struct service *s); /* NULL: fixed servers */

/* scaling.c */
bool scaling_start(struct control *c,
                   struct err *err); /* all services are in the fleet; publishes the first snapshot */
void scaling_run(struct control *c); /* the ticks begin; asks what servers there are already */
void scaling_stop(struct control *c);
void scaling_wake(void *context);                        /* proxy_params.wake_control: any thread */
extern const struct provider_sink scaling_provider_sink; /* context: struct control */

/* keeping.c */
struct store *keeping_store(const struct control *c); /* NULL: nothing is kept */
/* After scaling_start and before any request is taken: reads what was learned before; waits a bounded time.
 */
void keeping_start(struct control *c);
/* People have set something of this service: nobody expects that to be lost. */
void keeping_note_hand(struct control *c, const struct service *s);
void keeping_note_watch(struct control *c); /* what watch has to keep may have changed */
void keeping_stop(struct control *c);       /* writes what is new since; while scale is still there */
void keeping_report(const struct control *c, struct board *board);
void keeping_write_metrics(const struct control *c, struct buf *out);

/* recording.c */
void recording_start(struct control *c); /* after watching */
void recording_stop(struct control *c);  /* after admin, whose questions it answers */
void recording_tick(struct control *c);  /* what is on watch's board */
void recording_report(const struct control *c, struct board *board);
/* As admin_ops.ask_history. */
bool recording_ask(struct control *c, const struct history_query *query, uint64_t ticket, int *ret_status,
                   struct err *err);
void recording_write_metrics(const struct control *c, struct buf *out);

/* discovering.c */
bool discovering_start(struct control *c, struct err *err); /* after scaling_start */
void discovering_stop(struct control *c);
void discovering_note_given_up(struct control *c); /* into given_up.sources */
void discovering_fill(const struct control *c, const struct service *s, struct watch_service_input *input);
void discovering_write(const struct control *c, const struct service *s, struct json *j); /* one value */
void discovering_write_metrics(const struct control *c, struct buf *out);

/* watching.c */
bool watching_start(struct control *c, struct err *err);
void watching_close(struct control *c); /* tells people what is left; what is to be kept is known then */
void watching_stop(struct control *c);

/* budgeting.c */
void budgeting_start(struct control *c); /* after watching and keeping */
void budgeting_stop(struct control *c);  /* keeps the last minutes; before keeping ends */

/* silencing.c */
/* False with a sentence, which is retryable when only the present state forbids it. On success the silence is
 * written, and told as an event. */
bool silencing_add(struct control *c, const struct json_value *body, struct json *j, struct err *err);
bool silencing_end(struct control *c, struct str id, struct json *j, struct err *err);

/* metering.c */
void metering_start(struct control *c); /* after scaling */
void metering_stop(struct control *c);
/* Add to an open object what a server, or all of a service's together, use. */
void metering_write_server(const struct control *c, const struct server *s, struct json *j);
void metering_write_service(const struct control *c, const struct service *s, struct json *j);
void metering_write_metrics(const struct control *c, struct buf *out);
void metering_report(const struct control *c,
                     struct board *board); /* of each server that runs on this host */

/* answering.c */
struct admin_ops answering_ops(struct control *c);
