/*
 * A lane goes second by second: servers that have started take requests, the last wish is carried out, the
 * second passes, it is noted in the history, and the policy is asked if it is its time.
 *
 * Most seconds need no simulation: as long as nobody waits, every site with the same arrivals has the same
 * requests in service at the same time. So a second is skipped, and the endless site's numbers taken for it,
 * when the lane has no request that has ever waited, no server that drains, and as many places as the endless
 * site uses at most in this second. The result is the same as that of following every request (follows_all),
 * but for the choice of server, which tells how long a server drains: fractions of a second. Weir's lane is
 * never skipped: its capacity model looks at single servers.
 *
 * When fewer servers are wanted, starting ones go first, then the newest, as in a Kubernetes ReplicaSet.
 */
#include "scale/simulate/lane.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "scale/simulate/settings.h"
#include "scale/simulate/weir_world.h"

#include <math.h>
#include <stdlib.h>

struct lane {
    struct lane_params params;
    struct site site;
    struct history history;
    void *state;             /* owned; the policy's */
    struct weir_world *weir; /* NULL: not Weir */
    uint32_t wanted;
    bool is_following;
    uint32_t seconds, seconds_followed;
    uint64_t changes;

    uint32_t point_count;
    struct lane_point *points; /* owned */
    uint32_t bin_seconds;
    uint64_t bin_requests, bin_late;
    double bin_servers, bin_serving;
};

/* ---- servers ---- */

static uint32_t bounded(const struct lane *l, uint32_t n)
{
    return MIN(MAX(n, l->params.model->servers_min), l->params.model->servers_max);
}

static uint32_t servers_at_begin(const struct lane_params *p)
{
    struct sim_view v = {.model = p->model, .load = p->load, .setting = p->setting, .start_s = p->start_s};
    const struct sim_policy_ops *ops = p->setting->ops == &policy_static ? &policy_static : &policy_oracle;
    return ops->decide(NULL, &v);
}

static void start_due(struct lane *l)
{
    int64_t start_ns = l->params.start_s * NS_PER_S;
    for (uint32_t i = 1; l->site.starting && i < l->site.server_count; i++) {
        struct site_server *v = &l->site.servers[i];
        if (v->state == SITE_SERVER_STARTING && l->site.now_ns - v->asked_ns >= start_ns)
            site_serve(&l->site, i, l->params.model->concurrency);
    }
}

static bool goes_before(const struct site_server *a, const struct site_server *b)
{
    if (a->state != b->state)
        return a->state == SITE_SERVER_STARTING;
    return a->state == SITE_SERVER_STARTING ? a->asked_ns > b->asked_ns : a->ready_ns > b->ready_ns;
}

static uint32_t choose_victim(const struct site *s)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < s->server_count; i++) {
        const struct site_server *v = &s->servers[i];
        bool is_up = v->state == SITE_SERVER_STARTING || v->state == SITE_SERVER_SERVING;
        if (is_up && (!best || goes_before(v, &s->servers[best])))
            best = i;
    }
    return best;
}

static void follow(struct lane *l, const struct arrivals *a, const struct arrivals_second *second)
{
    if (l->is_following)
        return;
    site_put_requests(&l->site, a->ends + second->ends, second->end_count);
    l->is_following = true;
}

static void remove_one(struct lane *l, const struct arrivals *a, const struct arrivals_second *second)
{
    uint32_t victim = choose_victim(&l->site);
    if (l->site.servers[victim].state == SITE_SERVER_SERVING) {
        follow(l, a, second);
        site_drain(&l->site, victim);
    }
    if (l->site.servers[victim].in_flight == 0)
        site_remove(&l->site, victim);
}

static void carry_out(struct lane *l, const struct arrivals *a, const struct arrivals_second *second)
{
    while (l->site.starting + l->site.serving < l->wanted)
        (void)site_add_server(&l->site);
    while (l->site.starting + l->site.serving > l->wanted)
        remove_one(l, a, second);
}

/* ---- the policy ---- */

uint32_t sim_view_serving_for(const struct sim_view *v, uint32_t age_s)
{
    uint32_t count = 0;
    for (uint32_t i = 1; i < v->site->server_count; i++) {
        const struct site_server *s = &v->site->servers[i];
        count += s->state == SITE_SERVER_SERVING && v->site->now_ns - s->ready_ns >= age_s * NS_PER_S;
    }
    return count;
}

uint32_t sim_view_asked_within(const struct sim_view *v, uint32_t age_s)
{
    uint32_t count = 0;
    for (uint32_t i = 1; i < v->site->server_count; i++) {
        const struct site_server *s = &v->site->servers[i];
        bool is_up = s->state == SITE_SERVER_STARTING || s->state == SITE_SERVER_SERVING;
        count += is_up && v->site->now_ns - s->asked_ns < age_s * NS_PER_S;
    }
    return count;
}

static void decide(struct lane *l)
{
    const struct sim_policy_ops *ops = l->params.setting->ops;
    if (l->seconds % ops->period_s != 0)
        return;
    struct sim_view v = {.now_s = l->seconds,
                         .wanted = l->wanted,
                         .serving = l->site.serving,
                         .starting = l->site.starting,
                         .history = &l->history,
                         .site = &l->site,
                         .setting = l->params.setting,
                         .model = l->params.model,
                         .load = l->params.load,
                         .start_s = l->params.start_s};
    uint32_t n = bounded(l, ops->decide(l->state, &v));
    l->changes += n != l->wanted;
    l->wanted = n;
}

/* ---- a second ---- */

static bool can_skip(const struct lane *l, const struct arrivals_second *second)
{
    const struct site *s = &l->site;
    return !l->params.follows_all && s->draining == 0 && s->queue_count == 0 && s->waited_in_flight == 0 &&
           second->most <= s->serving * l->params.model->concurrency;
}

static void pass(struct lane *l, const struct arrivals *a, const struct arrivals_second *second)
{
    if (can_skip(l, second)) {
        if (l->is_following)
            site_forget_requests(&l->site);
        l->is_following = false;
        site_skip_second(&l->site, second);
        return;
    }
    follow(l, a, second);
    l->seconds_followed++;
    uint32_t at = second->first;
    (void)site_run(&l->site, a->items, &at, second->first + second->count, l->site.now_ns + NS_PER_S, true);
}

static void note(struct lane *l, const struct arrivals_second *second)
{
    struct history_mean m = {.arrivals = second->count,
                             .running = (double)l->site.running_ns / (double)NS_PER_S,
                             .in_system = (double)l->site.in_system_ns / (double)NS_PER_S,
                             .serving = l->site.serving};
    history_note(&l->history, &m);
    l->site.running_ns = l->site.in_system_ns = 0;
}

static void end_point(struct lane *l)
{
    const struct site_score *score = &l->site.score;
    uint64_t requests = score->requests - l->bin_requests;
    l->points[l->point_count - 1].servers = (float)(l->bin_servers / l->bin_seconds);
    l->points[l->point_count - 1].serving = (float)(l->bin_serving / l->bin_seconds);
    l->points[l->point_count - 1].arrivals /= (float)l->bin_seconds;
    l->points[l->point_count - 1].late = requests ? (float)(score->late - l->bin_late) / (float)requests : 0;
    l->points[l->point_count - 1].response_max_s = (float)score->response_max_ns / (float)NS_PER_S;
}

static void draw(struct lane *l, const struct arrivals_second *second)
{
    uint32_t bin_s = l->params.bin_s;
    if (!bin_s)
        return;
    if (l->bin_seconds == 0) {
        l->points = mem_realloc(l->points, (l->point_count + 1) * sizeof(*l->points));
        l->points[l->point_count++] = (struct lane_point){0};
    }
    l->points[l->point_count - 1].arrivals += (float)second->count;
    l->bin_servers += l->site.starting + l->site.serving + l->site.draining;
    l->bin_serving += l->site.serving;
    if (++l->bin_seconds < bin_s)
        return;
    end_point(l);
    l->bin_seconds = 0;
    l->bin_servers = l->bin_serving = 0;
    l->bin_requests = l->site.score.requests;
    l->bin_late = l->site.score.late;
    l->site.score.response_max_ns = 0;
}

static void run_second(struct lane *l, const struct arrivals *a, const struct arrivals_second *second)
{
    if (l->weir) {
        weir_world_run_second(l->weir, a->items + second->first, second->count);
        l->seconds_followed++;
    } else {
        start_due(l);
        carry_out(l, a, second);
        pass(l, a, second);
    }
    l->seconds++;
    note(l, second);
    draw(l, second);
    if (!l->weir)
        decide(l);
}

/* ---- public ---- */

struct lane *lane_new(const struct lane_params *params)
{
    struct lane *l = NEW(struct lane);
    l->params = *params;
    site_init(&l->site, params->model);
    l->wanted = bounded(l, servers_at_begin(params));
    if (params->setting->ops->is_weir) {
        struct weir_world_params weir = {.site = &l->site,
                                         .model = params->model,
                                         .config = params->config,
                                         .start_s = params->start_s,
                                         .servers = l->wanted};
        l->weir = weir_world_new(&weir);
        return l;
    }
    l->state = mem_alloc(MAX(params->setting->ops->state_bytes, 1));
    for (uint32_t i = 0; i < l->wanted; i++)
        site_serve(&l->site, site_add_server(&l->site), params->model->concurrency);
    return l;
}

void lane_free(struct lane *l)
{
    if (!l)
        return;
    weir_world_free(l->weir);
    site_fini(&l->site);
    free(l->state);
    free(l->points);
    free(l);
}

void lane_run(struct lane *l, const struct arrivals *a)
{
    for (uint32_t i = 0; i < a->second_count; i++)
        run_second(l, a, &a->seconds[i]);
}

void lane_finish(struct lane *l, struct lane_result *ret_result)
{
    site_score_waiting(&l->site);
    if (l->bin_seconds)
        end_point(l);
    const struct site_score *score = &l->site.score;
    *ret_result = (struct lane_result){
        .violations = score->requests ? (double)score->late / (double)score->requests : 0,
        .server_hours = site_server_seconds(&l->site) / 3600,
        .wait_max_s = (double)score->wait_max_ns / (double)NS_PER_S,
        .requests = score->requests,
        .refused = score->refused,
        .changes = l->weir ? weir_world_changes(l->weir) : l->changes,
        .followed = l->seconds ? (double)l->seconds_followed / l->seconds : 0,
    };
}

const struct lane_point *lane_points(const struct lane *l, uint32_t *ret_count)
{
    *ret_count = l->point_count;
    return l->points;
}
