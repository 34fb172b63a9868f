/* What a service has learned, as text and back: it is the same again and decides the same; what does not fit
 * is refused whole. */
#include "scale/learned.h"

#include "scale/keep.h"
#include "world.h"

#include <float.h>
#include <math.h>

#define WALL    (INT64_C(1800000000) * S)
#define MINUTES (60 * S)
#define HOURS   (3600 * S)

/* ---- a busy service, so that there is something to keep ---- */

static void world_learn(struct world *w)
{
    world_init(w);
    w->config.scale.servers_max = 2;
    world_begin(w);
    w->rate = 50; /* more than two servers can do */
    world_run(w, 60 * S);
    w->config.scale.servers_max = 12;
    for (int i = 0; i < 6; i++) {
        w->rate = i % 2 ? 60 : 15;
        world_run(w, 30 * S);
    }
}

/* Another worker on another boot of the host: other servers, another clock. */
static void world_again(struct world *w, const struct world *before)
{
    world_init(w);
    w->now_ns = 40 * S;
    w->config = before->config;
    world_begin(w);
}

static void save(struct world *w, struct buf *text, uint64_t *ret_digest)
{
    buf_clear(text);
    assert_true(scale_save(w->scale, w->service, w->now_ns, WALL, text, ret_digest));
}

static bool restore(struct world *w, const struct buf *text, int64_t pause_ns)
{
    return scale_restore(w->scale, w->service, buf_str(text), w->now_ns, WALL + pause_ns);
}

static void assert_same_knowledge(struct world *a, struct world *b)
{
    struct buf text_a CLEANUP(buf_fini) = {0}, text_b CLEANUP(buf_fini) = {0};
    uint64_t digest_a, digest_b;
    save(a, &text_a, &digest_a);
    save(b, &text_b, &digest_b);
    assert_string_equal(text_a.ptr, text_b.ptr);
}

/* ---- the same again ---- */

static void written_and_read_it_is_the_same_text(void **state)
{
    struct world a, b;
    struct buf text CLEANUP(buf_fini) = {0};
    uint64_t digest;
    world_learn(&a);
    world_again(&b, &a);
    save(&a, &text, &digest);
    assert_true(restore(&b, &text, 0));
    assert_same_knowledge(&a, &b);
    assert_true(text.len > 2000);
    world_fini(&a);
    world_fini(&b);
}

static void a_new_worker_knows_what_the_old_one_knew(void **state)
{
    struct world a, b;
    struct buf text CLEANUP(buf_fini) = {0};
    uint64_t digest;
    world_learn(&a);
    struct capacity_estimate before = world_decision(&a).capacity;
    assert_int_equal(before.source, CAPACITY_LEARNED);
    world_again(&b, &a);
    save(&a, &text, &digest);
    assert_true(restore(&b, &text, 8 * HOURS));
    world_run(&b, 100 * MS);
    struct scale_signals g;
    struct scale_decision d;
    assert_true(scale_last(b.scale, b.service, &g, &d));
    assert_true(d.capacity.in_flight == before.in_flight);
    assert_int_equal(d.capacity.source, CAPACITY_LEARNED);
    assert_int_equal(d.capacity.service_ns, before.service_ns);
    assert_true(g.start_times > 0);
    assert_in_range(g.start_time_median_ns, 1 * S, 1 * S + 100 * MS);
    struct logged *l = world_last_event(&b, SCALE_EVENT_LEARNED_RESTORED);
    assert_non_null(l);
    assert_non_null(strstr(l->reason, "8h ago"));
    assert_non_null(strstr(l->reason, "(learned)"));
    world_fini(&a);
    world_fini(&b);
}

/* ---- the same decisions ---- */

/* A second of a service whose servers work on six requests at once. */
static void fill_levels(struct scale_levels *l, struct random *random, uint32_t in_flight)
{
    *l = (struct scale_levels){.samples = 40};
    for (int i = 0; i < 40; i++) {
        uint32_t n = 1 + random_below(random, in_flight + 1);
        int64_t took_ns = (int64_t)((100 + random_below(random, 100)) * MS * fmax(n / 6.0, 1));
        unsigned level = level_of(n);
        l->time_ns[level] += S / 40;
        l->departures[level]++;
        l->admissions[level]++;
        l->admission_ns[level] += (uint64_t)took_ns;
        l->admission_logs[level] += histogram_log_of(took_ns);
    }
}

static struct scale_signals signals_at(struct random *random, int64_t now_ns, struct scale_levels *levels)
{
    double hours = (double)(now_ns % HOURS) / HOURS;
    uint32_t in_flight = (uint32_t)(20 + 15 * sin(hours * 2 * M_PI)) + random_below(random, 5);
    struct scale_signals g = {.now_ns = now_ns,
                              .span_ns = 100 * MS,
                              .in_flight = in_flight,
                              .concurrency = in_flight,
                              .available = 4,
                              .arrivals = in_flight / 2 + random_below(random, 3),
                              .finished = in_flight / 2,
                              .busy_ns = (int64_t)in_flight * 75 * MS,
                              .duration_mean_ns = 150 * MS,
                              .duration_quantile_ns = 300 * MS,
                              .start_times = 5,
                              .start_time_median_ns = 3 * S,
                              .start_time_p90_ns = 4 * S};
    g.servers[SERVER_SERVING] = 4;
    if (now_ns % S == 0) {
        fill_levels(levels, random, in_flight / 3);
        g.levels = levels;
    }
    return g;
}

static const struct capacity_limits capacity_limits = {.objective_ns = 600 * MS, .start_time_ns = 4 * S};
static const struct policy_limits policy_limits = {.bounds = {.servers_min = 1, .servers_max = 50},
                                                   .scale_down_after_ns = -1,
                                                   .queue_timeout_ns = 30 * S,
                                                   .objective_ns = 600 * MS,
                                                   .objective_quantile = 0.99};

static struct scale_decision drive(struct learned *l, const struct scale_signals *g)
{
    capacity_observe(&l->capacity, &capacity_limits, g);
    struct capacity_estimate c = capacity_get(&l->capacity, &capacity_limits);
    return scale_decide(&l->policy, &policy_limits, &c, g);
}

static struct learned *learned_new(void)
{
    struct learned *l = NEW(struct learned);
    capacity_init(&l->capacity);
    policy_init(&l->policy);
    return l;
}

static void read_into(struct learned *l, const struct buf *text, int64_t now_ns, int64_t wall_ns)
{
    struct learned_source source;
    struct err err;
    if (!learned_read(l, buf_str(text), now_ns, wall_ns, &source, &err))
        fail_msg("%s", err.text);
}

/*
 * A copy forgets all that is kept (it reads what one that knows nothing wrote), is told it again, and decides
 * from then on exactly as the original does: so every field that is written is read to where it was.
 */
static void told_again_it_decides_the_same(void **state)
{
    struct random random = {.state = 99};
    struct scale_levels levels;
    struct buf nothing CLEANUP(buf_fini) = {0}, all CLEANUP(buf_fini) = {0};
    uint64_t digest;
    int64_t now_ns = 500 * S;
    struct learned *a = learned_new(), *b = NEW(struct learned), *fresh = learned_new();
    for (; now_ns < 1500 * S; now_ns += 100 * MS) {
        struct scale_signals g = signals_at(&random, now_ns, &levels);
        (void)drive(a, &g);
    }
    assert_true(a->capacity.knee > 0);
    assert_true(a->policy.forecast.growths > 500);
    *b = *a;
    learned_write(fresh, 1, now_ns, WALL, &nothing, &digest);
    learned_write(a, 1, now_ns, WALL, &all, &digest);
    read_into(b, &nothing, now_ns, WALL);
    assert_true(b->capacity.knee == 0 && b->policy.forecast.growths == 0);
    read_into(b, &all, now_ns, WALL);
    for (int64_t end_ns = now_ns + 600 * S; now_ns < end_ns; now_ns += 100 * MS) {
        struct scale_signals g = signals_at(&random, now_ns, &levels);
        struct scale_decision of_a = drive(a, &g), of_b = drive(b, &g);
        assert_int_equal(of_a.target, of_b.target);
        assert_true(of_a.base == of_b.base && of_a.forecast == of_b.forecast);
        assert_true(of_a.burst == of_b.burst && of_a.backlog == of_b.backlog);
        assert_true(of_a.capacity.in_flight == of_b.capacity.in_flight);
    }
    free(a);
    free(b);
    free(fresh);
}

/* One that knows nothing but what it was told wants as many as the original once it has seen the load a
 * while. */
static void a_new_one_soon_decides_alike(void **state)
{
    struct random random = {.state = 7};
    struct scale_levels levels;
    struct buf all CLEANUP(buf_fini) = {0};
    uint64_t digest;
    int64_t now_ns = 500 * S;
    struct learned *a = learned_new(), *b = learned_new(), *ignorant = learned_new();
    for (; now_ns < 1500 * S; now_ns += 100 * MS) {
        struct scale_signals g = signals_at(&random, now_ns, &levels);
        (void)drive(a, &g);
    }
    learned_write(a, 1, now_ns, WALL, &all, &digest);
    read_into(b, &all, now_ns, WALL);
    bool was_ignorant_wrong = false;
    for (int64_t begin_ns = now_ns; now_ns < begin_ns + 60 * S; now_ns += 100 * MS) {
        struct scale_signals g = signals_at(&random, now_ns, &levels);
        struct scale_decision of_a = drive(a, &g), of_b = drive(b, &g), of_none = drive(ignorant, &g);
        if (now_ns < begin_ns + 3 * S)
            continue;
        assert_true(fabs(of_a.base - of_b.base) <= 0.35 * of_a.base);
        assert_true(abs((int)of_a.needed - (int)of_b.needed) <= 2);
        was_ignorant_wrong |= fabs(of_a.base - of_none.base) > 0.4 * of_a.base;
    }
    assert_true(was_ignorant_wrong); /* or this test could not fail */
    free(a);
    free(b);
    free(ignorant);
}

/* The ring of rests is made anew from the histogram: full, it forgets one for each that comes, and never one
 * that is not there. */
static void a_full_forecast_goes_on(void **state)
{
    struct random random = {.state = 5};
    struct buf text CLEANUP(buf_fini) = {0};
    struct forecast *f = NEW(struct forecast), *g = NEW(struct forecast);
    forecast_init(f);
    forecast_init(g);
    int64_t second = 1000;
    for (; f->growths < FORECAST_MEMORY_S; second++)
        forecast_note(f, 10 + random_below(&random, 30), 4, 10 * S, second * S);
    struct keep k = keep_writing(&text, 0);
    forecast_keep(&k, f);
    struct keep r = keep_reading(buf_str(&text));
    forecast_keep(&r, g);
    assert_true(keep_is_complete(&r));
    assert_memory_equal(f->histogram, g->histogram, sizeof(f->histogram));
    for (int i = 0; i < 2 * FORECAST_MEMORY_S; i++)
        forecast_note(g, 10 + random_below(&random, 30), 4, 10 * S, (100000 + i) * S);
    uint64_t sum = 0;
    for (int i = 0; i < FORECAST_SIDES * FORECAST_BINS; i++)
        sum += (&g->histogram[0][0])[i];
    assert_int_equal(sum, FORECAST_MEMORY_S);
    free(f);
    free(g);
}

/* ---- what was set by hand ---- */

static uint32_t manual_after(int64_t for_ns, int64_t pause_ns, uint32_t servers_max, int64_t *ret_left_ns)
{
    struct world a, b;
    struct buf text CLEANUP(buf_fini) = {0};
    uint64_t digest;
    struct err err;
    world_init(&a);
    world_begin(&a);
    world_run(&a, 2 * S);
    assert_true(scale_set_replicas(a.scale, a.service, 5, for_ns, a.now_ns, &err));
    world_run(&a, 10 * MINUTES);
    save(&a, &text, &digest);
    world_again(&b, &a);
    b.config.scale.servers_max = servers_max;
    assert_true(restore(&b, &text, pause_ns));
    int64_t began_ns = b.now_ns;
    world_run(&b, 10 * S);
    uint32_t target = world_decision(&b).bound == SCALE_BOUND_MANUAL ? world_decision(&b).target : UINT32_MAX;
    *ret_left_ns = 0;
    if (for_ns && target == 5)
        while (world_decision(&b).bound == SCALE_BOUND_MANUAL) {
            world_run(&b, 1 * MINUTES);
            *ret_left_ns = b.now_ns - began_ns;
        }
    world_fini(&a);
    world_fini(&b);
    return target;
}

static void a_number_set_by_hand_stays_until_its_end(void **state)
{
    int64_t left_ns;
    assert_int_equal(manual_after(0, 30 * 24 * HOURS, 6, &left_ns), 5);
    assert_int_equal(manual_after(60 * MINUTES, 30 * MINUTES, 6, &left_ns), 5);
    assert_in_range(left_ns, 19 * MINUTES, 21 * MINUTES);
    assert_int_equal(manual_after(60 * MINUTES, 55 * MINUTES, 6, &left_ns), UINT32_MAX);
    assert_int_equal(manual_after(0, 0, 4, &left_ns), UINT32_MAX); /* more than is allowed now */
}

static void what_people_say_meanwhile_stands(void **state)
{
    struct world a, b;
    struct buf text CLEANUP(buf_fini) = {0};
    uint64_t digest;
    struct err err;
    world_learn(&a);
    assert_true(scale_set_replicas(a.scale, a.service, 5, 0, a.now_ns, &err));
    save(&a, &text, &digest);
    world_again(&b, &a);
    assert_true(scale_set_replicas(b.scale, b.service, 2, 0, b.now_ns, &err));
    assert_true(restore(&b, &text, 10 * MINUTES));
    world_run(&b, 1 * S);
    assert_int_equal(world_decision(&b).target, 2);
    world_fini(&a);
    world_fini(&b);
}

/* ---- how many were wanted ---- */

static uint32_t wanted_after(int64_t pause_ns)
{
    struct world a, b;
    struct buf text CLEANUP(buf_fini) = {0};
    uint64_t digest;
    world_learn(&a);
    a.rate = 90;
    world_run(&a, 30 * S);
    assert_true(world_decision(&a).target >= 5);
    save(&a, &text, &digest);
    world_again(&b, &a);
    assert_true(restore(&b, &text, pause_ns));
    world_run(&b, 200 * MS);
    uint32_t up = world_up(&b);
    world_fini(&a);
    world_fini(&b);
    return up;
}

static void after_a_short_pause_as_many_are_wanted(void **state)
{
    assert_true(wanted_after(10 * S) >= 5);
    assert_int_equal(wanted_after(1 * HOURS), 1);
}

/* ---- another program ---- */

static void another_command_is_learned_anew(void **state)
{
    struct world a, b;
    struct buf text CLEANUP(buf_fini) = {0};
    uint64_t digest;
    struct str words[] = {STR("serve"), STR("--threads"), STR("8")};
    world_learn(&a);
    save(&a, &text, &digest);
    world_again(&b, &a);
    b.config.scale.command = (struct config_strings){.count = 3, .items = words};
    assert_true(restore(&b, &text, 10 * S));
    world_run(&b, 100 * MS);
    assert_int_equal(world_decision(&b).capacity.source, CAPACITY_START);
    struct scale_signals g;
    struct scale_decision d;
    assert_true(scale_last(b.scale, b.service, &g, &d));
    assert_int_equal(g.start_times, 0);
    assert_non_null(strstr(world_last_event(&b, SCALE_EVENT_LEARNED_RESTORED)->reason, "another one"));
    world_fini(&a);
    world_fini(&b);
}

static void a_fingerprint_tells_programs_apart(void **state)
{
    struct str one[] = {STR("a"), STR("b")}, joined[] = {STR("ab")};
    struct config_scale base = {.command = {2, one}}, other = base;
    assert_true(learned_fingerprint(&base) == learned_fingerprint(&other));
    other.command = (struct config_strings){1, joined};
    assert_true(learned_fingerprint(&base) != learned_fingerprint(&other));
    other = base;
    other.environment = (struct config_strings){1, joined};
    assert_true(learned_fingerprint(&base) != learned_fingerprint(&other));
    other = base;
    other.directory = STR("/srv");
    assert_true(learned_fingerprint(&base) != learned_fingerprint(&other));
    other = base;
    other.provider = SCALE_PROVIDER_HTTP;
    assert_true(learned_fingerprint(&base) != learned_fingerprint(&other));
    other = base;
    other.http.body = STR("{\"size\": \"large\"}");
    assert_true(learned_fingerprint(&base) != learned_fingerprint(&other));
    other = base;
    other.exec.command = (struct config_strings){1, joined};
    assert_true(learned_fingerprint(&base) != learned_fingerprint(&other));
    other = base;
    other.swarm.service = STR("shop");
    assert_true(learned_fingerprint(&base) != learned_fingerprint(&other));
    other = base;
    other.servers_max = 99;
    other.objective_ns = 1;
    assert_true(learned_fingerprint(&base) == learned_fingerprint(&other));
}

/* A new version of the same image is the same program, on a larger machine it is not. */
static void a_new_version_is_the_same_program(void **state)
{
    static const struct {
        struct str one, other;
        bool is_same;
    } rows[] = {
        {STR("shop:1.4"), STR("shop:1.5"), true},
        {STR("shop"), STR("shop:1.5"), true},
        {STR("shop@sha256:ab"), STR("shop:1.5@sha256:cd"), true},
        {STR("registry:5000/shop"), STR("registry:5000/shop:2"), true},
        {STR("registry:5000/shop"), STR("registry:5000/api"), false},
        {STR("registry:5000/shop"), STR("registry:5001/shop"), false},
        {STR("shop:1.4"), STR("api:1.4"), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct config_scale one = {.docker.image = rows[i].one}, other = {.docker.image = rows[i].other};
        assert_int_equal(learned_fingerprint(&one) == learned_fingerprint(&other), rows[i].is_same);
    }
    struct config_scale small = {.docker.memory_bytes = 1 << 20}, large = {.docker.memory_bytes = 1 << 30};
    assert_true(learned_fingerprint(&small) != learned_fingerprint(&large));
}

/* ---- what does not fit ---- */

static void replace(struct buf *text, const char *what, const char *with)
{
    const char *at = strstr(text->ptr, what);
    assert_non_null(at);
    struct buf out = {0};
    buf_put(&out, str_n(text->ptr, (size_t)(at - text->ptr)));
    buf_put(&out, str_of(with));
    buf_put(&out, str_of(at + strlen(what)));
    buf_fini(text);
    *text = out;
}

/* Not a field of it is taken. */
static void assert_refused(struct world *w, const struct buf *text, const char *why)
{
    struct buf before CLEANUP(buf_fini) = {0}, after CLEANUP(buf_fini) = {0};
    uint64_t digest;
    save(w, &before, &digest);
    assert_false(restore(w, text, 0));
    save(w, &after, &digest);
    assert_string_equal(before.ptr, after.ptr);
    const char *told = world_last_event(w, SCALE_EVENT_LEARNED_REFUSED)->reason;
    if (why && !strstr(told, why))
        fail_msg("%s is not in: %s", why, told);
}

static void what_does_not_fit_is_refused_whole(void **state)
{
    static const struct {
        const char *what, *with, *why;
    } rows[] = {
        {"learned 4\n", "learned 3\n", "it has version 3, and this Weir reads 4"},
        {"learned 4\n", "", "learned: missing"},
        {"learned 4\n", "\n", "learned: missing"},
        {"capacity.knee ", "capacity.knees ", "capacity.knee: missing"},
        {"capacity.knee ", "forecast.knee ", "capacity.knee: missing"},
        {"capacity.knee ", "capacity.knee 1 ", "capacity.knee: more values than expected"},
        {"capacity.service_s ", "capacity.service_s -", "capacity.service_s: out of its range"},
        {"capacity.work_share ", "capacity.work_share nan", "capacity.work_share: "},
        {"capacity.work_share ", "capacity.work_share inf ", "capacity.work_share: out of its range"},
        {"capacity.work_share ", "capacity.work_share 1e99 ", "capacity.work_share: out of its range"},
        {"capacity.work_share ", "capacity.work_share x", "capacity.work_share: not a number"},
        {"capacity.levels.time_s ", "capacity.levels.time_s\nx ", "levels.time_s: fewer values"},
        {"cold_starts.next ", "cold_starts.next 99", "cold_starts.next: out of its range"},
        {"warm_starts.count ", "warm_starts.count 99", "warm_starts.count: out of its range"},
        {"forecast.growths ", "forecast.growths 1", "forecast: the histogram does not hold"},
        {"has_manual ", "has_manual 7", "has_manual: out of its range"},
        {"\nend 1\n", "\nend 1\nmore 1\n", "there is more than expected"},
        {"\nend 1\n", "\n", "end: missing"},
    };
    struct world a, b;
    struct buf text CLEANUP(buf_fini) = {0};
    uint64_t digest;
    world_init(&a);
    world_begin(&a);
    a.rate = 10;
    world_run(&a, 20 * S);
    world_again(&b, &a);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        save(&a, &text, &digest);
        replace(&text, rows[i].what, rows[i].with);
        assert_refused(&b, &text, rows[i].why);
    }
    world_fini(&a);
    world_fini(&b);
}

static void a_text_that_was_cut_is_refused(void **state)
{
    struct world a, b;
    struct buf text CLEANUP(buf_fini) = {0}, cut CLEANUP(buf_fini) = {0};
    uint64_t digest;
    world_init(&a);
    world_begin(&a);
    world_again(&b, &a);
    save(&a, &text, &digest);
    for (size_t len = 0; len + 1 < text.len; len++) { /* without its last newline it is whole */
        buf_clear(&cut);
        buf_put(&cut, str_n(text.ptr, len));
        assert_false(restore(&b, &cut, 0));
        b.log_count = 0;
    }
    assert_true(restore(&b, &text, 0));
    world_fini(&a);
    world_fini(&b);
}

/* Whatever is in the file: it is refused, or taken and the decisions are numbers. */
static void rubbish_does_no_harm(void **state)
{
    static const char signs[] = "0123456789.-+e \nx";
    struct random random = {.state = 3};
    struct world a, b;
    struct buf text CLEANUP(buf_fini) = {0};
    uint64_t digest;
    world_learn(&a);
    save(&a, &text, &digest);
    world_again(&b, &a);
    uint32_t taken = 0;
    for (int i = 0; i < 3000; i++) {
        size_t at = random_below(&random, (uint32_t)text.len);
        char was = text.ptr[at];
        text.ptr[at] = signs[random_below(&random, sizeof(signs) - 1)];
        taken += restore(&b, &text, (int64_t)random_below(&random, 1000) * S);
        text.ptr[at] = was;
        b.rate = random_below(&random, 50);
        world_run(&b, 100 * MS);
        struct scale_decision d = world_decision(&b);
        assert_true(isfinite(d.base) && isfinite(d.forecast) && isfinite(d.burst) && isfinite(d.backlog));
        assert_true(d.target <= b.config.scale.servers_max);
        b.log_count = 0;
    }
    assert_in_range(taken, 100, 2900);
    world_fini(&a);
    world_fini(&b);
}

/* ---- change ---- */

static void the_digest_tells_whether_anything_changed(void **state)
{
    struct world w;
    struct buf text CLEANUP(buf_fini) = {0};
    uint64_t first, second;
    struct err err;
    world_init(&w);
    world_begin(&w);
    world_run(&w, 5 * S);
    assert_true(scale_set_replicas(w.scale, w.service, 2, 1 * HOURS, w.now_ns, &err));
    save(&w, &text, &first);
    w.now_ns += 50 * MS; /* time alone */
    save(&w, &text, &second);
    assert_true(first == second);
    assert_true(scale_set_replicas(w.scale, w.service, 2, 3 * HOURS, w.now_ns, &err));
    save(&w, &text, &second);
    assert_true(first != second);
    w.rate = 20;
    world_run(&w, 5 * S);
    save(&w, &text, &first);
    assert_true(first != second);
    world_fini(&w);
}

static void a_clock_that_was_set_back_does_no_harm(void **state)
{
    struct world a, b;
    struct buf text CLEANUP(buf_fini) = {0};
    uint64_t digest;
    struct err err;
    int64_t left_ns = 0;
    world_init(&a);
    world_begin(&a);
    world_run(&a, 2 * S);
    assert_true(scale_set_replicas(a.scale, a.service, 3, 1 * HOURS, a.now_ns, &err));
    save(&a, &text, &digest);
    world_again(&b, &a);
    assert_true(restore(&b, &text, -30 * 24 * HOURS));
    for (; left_ns < 2 * HOURS; left_ns += MINUTES) {
        world_run(&b, MINUTES);
        if (world_decision(&b).bound != SCALE_BOUND_MANUAL)
            break;
    }
    assert_in_range(left_ns, 58 * MINUTES, 61 * MINUTES);
    world_fini(&a);
    world_fini(&b);
}

/* ---- single values ---- */

static void numbers_are_read_as_they_were(void **state)
{
    static const double rows[] = {0, 1, 0.1, 1.0 / 3, 1e-300, DBL_MAX, DBL_MIN, -2.5, 123456789.123456789};
    struct random random = {.state = 11};
    for (int i = 0; i < 2000; i++) {
        double value = i < (int)ARRAY_LEN(rows) ? rows[i] : ldexp((double)random_next(&random), -40),
               read = -1;
        struct buf text CLEANUP(buf_fini) = {0};
        struct keep k = keep_writing(&text, 0);
        keep_double(&k, "x", &value, 0, 0);
        struct keep r = keep_reading(buf_str(&text));
        keep_double(&r, "x", &read, -DBL_MAX, DBL_MAX);
        assert_true(keep_is_complete(&r));
        assert_memory_equal(&value, &read, sizeof(value));
    }
}

static void moments_keep_their_age(void **state)
{
    static const struct {
        int64_t time_ns, expected_ns;
    } rows[] = {
        {0, 0},                             /* never */
        {100 * S, 20 * S - 7 * S},          /* now */
        {90 * S, 20 * S - 7 * S - 10 * S},  /* 10 s ago */
        {1 * S, 20 * S - 7 * S - 99 * S},   /* before this boot */
        {150 * S, 20 * S - 7 * S + 50 * S}, /* ahead */
        {87 * S, -1},                       /* exactly 0 would mean never */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t value = rows[i].time_ns, read = 5;
        struct buf text CLEANUP(buf_fini) = {0};
        struct keep k = keep_writing(&text, 100 * S);
        keep_time(&k, "t", &value);
        struct keep r = keep_reading(buf_str(&text));
        r.now_ns = 20 * S;
        r.pause_ns = 7 * S;
        keep_time(&r, "t", &read);
        assert_true(keep_is_complete(&r));
        assert_int_equal(read, rows[i].expected_ns);
        assert_int_equal(value, rows[i].time_ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_and_read_it_is_the_same_text),
        cmocka_unit_test(a_new_worker_knows_what_the_old_one_knew),
        cmocka_unit_test(told_again_it_decides_the_same),
        cmocka_unit_test(a_new_one_soon_decides_alike),
        cmocka_unit_test(a_full_forecast_goes_on),
        cmocka_unit_test(a_number_set_by_hand_stays_until_its_end),
        cmocka_unit_test(what_people_say_meanwhile_stands),
        cmocka_unit_test(after_a_short_pause_as_many_are_wanted),
        cmocka_unit_test(another_command_is_learned_anew),
        cmocka_unit_test(a_fingerprint_tells_programs_apart),
        cmocka_unit_test(a_new_version_is_the_same_program),
        cmocka_unit_test(what_does_not_fit_is_refused_whole),
        cmocka_unit_test(a_text_that_was_cut_is_refused),
        cmocka_unit_test(rubbish_does_no_harm),
        cmocka_unit_test(the_digest_tells_whether_anything_changed),
        cmocka_unit_test(a_clock_that_was_set_back_does_no_harm),
        cmocka_unit_test(numbers_are_read_as_they_were),
        cmocka_unit_test(moments_keep_their_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
