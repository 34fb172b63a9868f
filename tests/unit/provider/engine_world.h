/*
 * engine_world.h: an engine in memory, a clock that only the test moves, and whoever wants servers, for the
 * tests of roster.h. Calls take time, fail before or after they had their effect, or take effect late;
 * servers die; Weir dies between a call and its answer. Nothing is random but for the seed.
 */
#pragma once
#pragma GCC diagnostic ignored "-Wunused-function" /* each test uses what it needs */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "provider/roster.h"

#define MS NS_PER_MS
#define S  NS_PER_S

enum { MACHINES_MAX = 256, HELD_MAX = 128, STEP_MS = 50 };

/* One server at the engine. */
struct machine {
    bool is_there;
    struct instance instance;
    int64_t runs_ns, ends_ns, gone_ns; /* 0: not going to */
};

/* One server for whoever wants them: what the reconciler has. */
struct held {
    bool is_used, is_started, is_stopping, is_leaving;
    char key[INSTANCE_KEY_BYTES];
    struct addr address;
    int64_t stop_ns; /* drained: stop() is asked then; 0: was asked */
};

struct engine_world {
    int64_t now_ns;
    struct random random;

    /* The engine. */
    uint32_t capabilities;
    struct machine machines[MACHINES_MAX];
    uint32_t last_id, replicas;
    bool is_away, keeps_ended, gives_no_keys, refuses_starts, refuses_fewer;
    uint32_t lost_percent;   /* calls whose answer is lost after their effect */
    uint32_t failed_percent; /* calls that fail and do nothing */
    uint32_t late_percent;   /* calls that fail, and take effect some seconds later */
    int64_t start_delay_ns, stop_delay_ns;
    enum driver_fault fault;
    int64_t retry_after_ns;
    struct late {
        int64_t at_ns;
        struct roster_call call;
    } late;

    /* Weir. */
    struct roster *roster;
    struct provider provider;
    struct provider_sink sink;
    bool is_in_call, is_effective, is_lost;
    struct roster_call call;
    int64_t answer_ns;
    int64_t again_ns;

    /* Whoever wants servers. */
    uint32_t want;
    struct held held[HELD_MAX];
    bool is_observed, is_paused, has_trouble;
    int64_t no_start_before_ns;
    struct provider_trouble trouble;

    uint32_t calls[DRIVER_CALL_COUNT];
    uint32_t starts, exits, start_failures, spared, stopping, coming, troubles, recoveries, doubles;
    uint32_t facts_told;
    struct provider_facts last_facts;
    char last_reason[PROVIDER_TEXT_BYTES];
};

static void world_say(struct engine_world *w, const char *what, const char *key, const char *text)
{
    if (getenv("WORLD_LOG"))
        fprintf(stderr, "%9.3f %-10s %-16s %s\n", (double)w->now_ns / 1e9, what, key, text);
}

static bool chance(struct engine_world *w, uint32_t percent)
{
    return random_below(&w->random, 100) < percent;
}

/* --- the engine -------------------------------------------------------------------------------------- */

#define for_each_machine(w, m)                                                                               \
    for (struct machine *m = (w)->machines; m < (w)->machines + MACHINES_MAX; m++)                           \
        if (m->is_there)

static bool is_alive(const struct machine *m)
{
    return m->is_there && (m->instance.state == INSTANCE_PENDING || m->instance.state == INSTANCE_RUNNING);
}

static uint32_t alive_count(struct engine_world *w)
{
    uint32_t count = 0;
    for_each_machine(w, m) count += is_alive(m);
    return count;
}

static struct machine *machine_new(struct engine_world *w, const char *key)
{
    for (struct machine *m = w->machines; m < w->machines + MACHINES_MAX; m++) {
        if (m->is_there)
            continue;
        *m = (struct machine){.is_there = true, .runs_ns = w->now_ns + w->start_delay_ns};
        snprintf(m->instance.id, sizeof(m->instance.id), "id-%u", ++w->last_id);
        if (!w->gives_no_keys)
            snprintf(m->instance.key, sizeof(m->instance.key), "%s", key);
        m->instance.started_ns = w->now_ns;
        m->instance.address =
            (struct addr){.len = sizeof(struct sockaddr_in), .in4 = {.sin_family = AF_INET}};
        addr_set_port(&m->instance.address, (uint16_t)(1000 + w->last_id));
        world_say(w, "engine", m->instance.id, "begins");
        return m;
    }
    fail_msg("too many machines");
    return NULL;
}

static void machine_end(struct engine_world *w, struct machine *m, int64_t delay_ns)
{
    if (!is_alive(m))
        return;
    m->instance.state = INSTANCE_STOPPING;
    m->ends_ns = w->now_ns + delay_ns;
    world_say(w, "engine", m->instance.id, "stops");
}

static void machine_die(struct engine_world *w, struct machine *m)
{
    m->instance.state = INSTANCE_ENDED;
    snprintf(m->instance.detail, sizeof(m->instance.detail), "exit code 137");
    m->is_there = w->keeps_ended;
    world_say(w, "engine", m->instance.id, "has ended");
}

static struct machine *any_alive(struct engine_world *w)
{
    uint32_t count = alive_count(w), nth = count ? random_below(&w->random, count) : 0;
    for_each_machine(w, m) if (is_alive(m) && nth-- == 0) return m;
    return NULL;
}

/* An engine that counts keeps its number, whoever dies. */
static void engine_keep_count(struct engine_world *w)
{
    if (w->capabilities & DRIVER_STARTS_ONE)
        return;
    while (alive_count(w) < w->replicas)
        machine_new(w, "");
    while (alive_count(w) > w->replicas)
        machine_end(w, any_alive(w), w->stop_delay_ns);
}

static struct machine *find_key(struct engine_world *w, const char *key)
{
    for_each_machine(w, m) if (is_alive(m) && strcmp(m->instance.key, key) == 0) return m;
    return NULL;
}

static void engine_do(struct engine_world *w, const struct roster_call *call)
{
    if (call->kind == DRIVER_CALL_START && (w->gives_no_keys || !find_key(w, call->key)))
        machine_new(w, call->key);
    if (call->kind == DRIVER_CALL_SET_COUNT)
        w->replicas = call->count;
    for_each_machine(w,
                     m) if (call->kind == DRIVER_CALL_STOP && strcmp(m->instance.id, call->instance.id) == 0)
    {
        if (is_alive(m) && w->replicas > 0)
            w->replicas--; /* of an engine that counts and ends whom we name */
        if (m->instance.state == INSTANCE_ENDED)
            m->is_there = false;
        else
            machine_end(w, m, w->stop_delay_ns);
    }
}

static void engine_step(struct engine_world *w)
{
    if (w->late.at_ns && w->now_ns >= w->late.at_ns) {
        w->late.at_ns = 0;
        engine_do(w, &w->late.call);
    }
    for_each_machine(w, m)
    {
        if (m->instance.state == INSTANCE_PENDING && w->now_ns >= m->runs_ns) {
            m->instance.state = INSTANCE_RUNNING;
            m->instance.has_address = true;
        }
        if (m->instance.state == INSTANCE_STOPPING && w->now_ns >= m->ends_ns)
            machine_die(w, m);
    }
    engine_keep_count(w);
}

static void engine_list(struct engine_world *w, struct instance_list *ret_list)
{
    ret_list->items = NEW_ARRAY(struct instance, MACHINES_MAX);
    for_each_machine(w, m) ret_list->items[ret_list->count++] = m->instance;
}

/* --- whoever wants servers --------------------------------------------------------------------------- */

#define for_each_held(w, h)                                                                                  \
    for (struct held *h = (w)->held; h < (w)->held + HELD_MAX; h++)                                          \
        if (h->is_used)

static struct held *find_held(struct engine_world *w, const char *key)
{
    for_each_held(w, h) if (strcmp(h->key, key) == 0) return h;
    return NULL;
}

static struct held *held_new(struct engine_world *w, const char *key)
{
    for (struct held *h = w->held; h < w->held + HELD_MAX; h++) {
        if (h->is_used)
            continue;
        *h = (struct held){.is_used = true};
        snprintf(h->key, sizeof(h->key), "%s", key);
        return h;
    }
    fail_msg("too many servers are held");
    return NULL;
}

static uint32_t up_count(struct engine_world *w)
{
    uint32_t count = 0;
    for_each_held(w, h) count += !h->is_stopping;
    return count;
}

static void on_started(void *context, const char *key, const struct addr *address, int pid)
{
    struct engine_world *w = context;
    struct held *h = find_held(w, key);
    world_say(w, "started", key, "");
    if (!h && !w->is_observed)
        w->want = MAX(w->want, up_count(w) + 1);
    if (!h)
        h = held_new(w, key);
    assert_true(!h->is_started || !w->is_observed);
    h->is_started = true;
    h->address = *address;
    w->starts++;
}

static void on_coming(void *context, const char *key)
{
    struct engine_world *w = context;
    world_say(w, "coming", key, "");
    w->coming++;
    if (!find_held(w, key)) {
        (void)held_new(w, key);
        if (!w->is_observed)
            w->want = MAX(w->want, up_count(w));
    }
}

static void balance(struct engine_world *w);

static void let_go(struct engine_world *w, const char *key)
{
    struct held *h = find_held(w, key);
    assert_non_null(h);
    h->is_used = false;
    balance(w); /* from inside, as the reconciler does it */
}

static void on_start_failed(void *context, const char *key, const char *reason)
{
    struct engine_world *w = context;
    world_say(w, "failed", key, reason);
    snprintf(w->last_reason, sizeof(w->last_reason), "%s", reason);
    w->start_failures++;
    w->no_start_before_ns = w->now_ns + 2 * S;
    let_go(w, key);
}

static void on_exited(void *context, const char *key, const char *reason, const char *last_lines)
{
    struct engine_world *w = context;
    world_say(w, "exited", key, reason);
    snprintf(w->last_reason, sizeof(w->last_reason), "%s", reason);
    w->exits++;
    if (chance(w, 50))
        w->no_start_before_ns = w->now_ns + 1 * S;
    let_go(w, key);
}

static void on_stopping(void *context, const char *key, const char *reason)
{
    struct engine_world *w = context;
    struct held *h = find_held(w, key);
    world_say(w, "stopping", key, reason);
    assert_non_null(h);
    snprintf(w->last_reason, sizeof(w->last_reason), "%s", reason);
    w->stopping++;
    if (!h->is_stopping)
        h->stop_ns = w->now_ns + 1 * S;
    h->is_stopping = h->is_leaving = true;
    balance(w);
}

static bool on_spared(void *context, const char *key, const char *reason)
{
    struct engine_world *w = context;
    struct held *h = find_held(w, key);
    world_say(w, "spared", key, reason);
    assert_non_null(h);
    assert_true(h->is_stopping && h->stop_ns == 0);
    w->spared++;
    if (h->is_leaving)
        return false;
    h->is_stopping = false;
    return true;
}

static void on_observed(void *context, struct provider *p)
{
    struct engine_world *w = context;
    world_say(w, "observed", "", "");
    w->is_observed = true;
}

static void on_trouble(void *context, struct provider *p, const struct provider_trouble *trouble)
{
    struct engine_world *w = context;
    world_say(w, "trouble", driver_call_name(trouble->call), trouble->text);
    w->trouble = *trouble;
    w->has_trouble = true;
    w->is_paused = trouble->is_away;
    w->troubles++;
}

static void on_recovered(void *context, struct provider *p, int64_t for_ns)
{
    struct engine_world *w = context;
    world_say(w, "recovered", "", "");
    w->has_trouble = w->is_paused = false;
    w->recoveries++;
}

static void start_one(struct engine_world *w)
{
    char key[INSTANCE_KEY_BYTES];
    int number = 1;
    do
        snprintf(key, sizeof(key), "shop/shop-%d", number++);
    while (find_held(w, key));
    (void)held_new(w, key);
    world_say(w, "start", key, "");
    roster_start(w->roster, key);
}

static void drop_one(struct engine_world *w)
{
    uint32_t nth = random_below(&w->random, up_count(w));
    for_each_held(w, h) if (!h->is_stopping && nth-- == 0)
    {
        h->is_stopping = true;
        h->stop_ns = w->now_ns + (int64_t)random_below(&w->random, 2000) * MS + 1;
        return;
    }
}

static void balance(struct engine_world *w)
{
    if (!w->is_observed)
        return;
    while (up_count(w) < w->want && !w->is_paused && w->now_ns >= w->no_start_before_ns)
        start_one(w);
    while (up_count(w) > w->want)
        drop_one(w);
}

static void want_step(struct engine_world *w)
{
    balance(w);
    for_each_held(w, h) if (h->is_stopping && h->stop_ns && w->now_ns >= h->stop_ns)
    {
        h->stop_ns = 0;
        world_say(w, "stop", h->key, "");
        roster_stop(w->roster, h->key, 2 * S, w->now_ns);
    }
}

static void on_facts(void *context, const char *key, const struct provider_facts *facts)
{
    struct engine_world *w = context;
    struct held *h = find_held(w, key);
    assert_true(h && h->is_started); /* nobody hears of a server before it is there */
    world_say(w, "facts", key, facts->words);
    w->facts_told++;
    w->last_facts = *facts;
}

/* --- Weir -------------------------------------------------------------------------------------------- */

static void weir_begin(struct engine_world *w)
{
    w->sink =
        (struct provider_sink){w,         on_started,  on_start_failed, on_exited,    on_coming, on_stopping,
                               on_spared, on_observed, on_trouble,      on_recovered, on_facts};
    struct roster_params params = {.provider = &w->provider,
                                   .sink = &w->sink,
                                   .service = "shop",
                                   .capabilities = w->capabilities,
                                   .poll_ns = 5 * S,
                                   .calls_per_second = 20,
                                   .seed = random_next(&w->random) | 1};
    w->roster = roster_new(&params, w->now_ns);
    w->is_in_call = w->is_observed = w->is_paused = w->has_trouble = false;
    w->no_start_before_ns = 0;
    memset(w->held, 0, sizeof(w->held));
}

/* Everything that Weir knew is gone; what the engine has heard goes its way. */
static void weir_crash(struct engine_world *w)
{
    world_say(w, "CRASH", "", "");
    if (w->is_in_call && w->is_effective && chance(w, 50))
        engine_do(w, &w->call);
    roster_free(w->roster);
    w->want = 0;
    weir_begin(w);
}

static void begin_call(struct engine_world *w)
{
    bool is_list = w->call.kind == DRIVER_CALL_LIST;
    uint32_t dice = random_below(&w->random, 100), failed = w->is_away ? 100 : w->failed_percent;
    w->is_in_call = true;
    w->answer_ns = w->now_ns + (int64_t)random_below(&w->random, 200) * MS;
    w->calls[w->call.kind]++;
    w->is_effective = dice >= failed;
    w->is_lost = dice < failed + w->lost_percent;
    bool is_start = w->call.kind == DRIVER_CALL_START || w->call.kind == DRIVER_CALL_SET_COUNT;
    if (w->refuses_starts && is_start)
        w->is_effective = false, w->is_lost = true;
    if (w->refuses_fewer && w->call.kind == DRIVER_CALL_SET_COUNT && w->call.count < w->replicas)
        w->is_effective = false, w->is_lost = true;
    if (!w->is_effective && !w->is_away && !is_list && !w->refuses_starts && !w->refuses_fewer &&
        !w->late.at_ns && chance(w, w->late_percent))
        w->late = (struct late){w->now_ns + (int64_t)random_below(&w->random, 4000) * MS, w->call};
}

static void end_call(struct engine_world *w)
{
    struct roster_answer answer = {.is_good = !w->is_lost};
    w->is_in_call = false;
    if (w->is_effective)
        engine_do(w, &w->call);
    if (w->is_lost)
        (void)driver_fail(&answer.failure, w->fault, "the engine said no");
    answer.failure.retry_after_ns = w->retry_after_ns;
    answer.failure.is_harmless = w->is_lost && w->refuses_fewer;
    if (w->call.kind == DRIVER_CALL_LIST && !w->is_lost)
        engine_list(w, &answer.list);
    if (w->call.kind == DRIVER_CALL_START && !w->is_lost)
        for_each_machine(w, m) if (is_alive(m) && strcmp(m->instance.key, w->call.key) == 0) answer.instance =
            m->instance;
    roster_answer(w->roster, &w->call, &answer, w->now_ns);
    free(answer.list.items);
}

static void world_step(struct engine_world *w)
{
    w->now_ns += STEP_MS * MS;
    engine_step(w);
    if (w->is_in_call && w->now_ns >= w->answer_ns)
        end_call(w);
    want_step(w);
    if (!w->is_in_call && roster_next(w->roster, w->now_ns, &w->call, &w->again_ns))
        begin_call(w);
}

static void world_run(struct engine_world *w, int64_t for_ns)
{
    for (int64_t until_ns = w->now_ns + for_ns; w->now_ns < until_ns;)
        world_step(w);
}

static void world_init(struct engine_world *w, uint32_t capabilities, uint64_t seed)
{
    *w = (struct engine_world){.now_ns = 1000 * S,
                               .random = {seed * 2654435761 + 1},
                               .capabilities = capabilities | DRIVER_TELLS_ADDRESSES,
                               .gives_no_keys = !(capabilities & DRIVER_KEEPS_KEYS),
                               .start_delay_ns = 500 * MS,
                               .stop_delay_ns = 300 * MS};
    weir_begin(w);
}

static void world_fini(struct engine_world *w)
{
    roster_free(w->roster);
}

/* Every server that is alive is held by exactly one, under its right address; and so many are wanted. */
static void assert_in_order(struct engine_world *w, uint32_t want)
{
    uint32_t held = 0, there = 0;
    for_each_held(w, h)
    {
        uint32_t matches = 0;
        held++;
        assert_true(h->is_started && !h->is_stopping);
        for_each_machine(w, m) matches += is_alive(m) && addr_eq(&m->instance.address, &h->address);
        assert_int_equal(matches, 1);
    }
    for_each_machine(w, m) there += is_alive(m) || (w->capabilities & DRIVER_STOPS_CHOSEN);
    assert_int_equal(held, want);
    assert_int_equal(alive_count(w), want);
    assert_int_equal(there, want); /* nothing is left of those that ended */
}
