/* service_report.c: see service_report.h. The sums behind the numbers are in service_numbers.h; here they get
 * their notes for people and go to the board. */
#include "watch/service_report.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "rule/metric_value.h"
#include "watch/service_numbers.h"

#include <stdlib.h>

#define RATE_WINDOW_NS (60 * NS_PER_S) /* of request_rate */

/* Answers in the window: the middle of fewer says little. But where they were slow of late, a single quick
 * one counts: else who is hardly asked any more would be slow for ever. */
enum { ANSWERS_MIN = 5 };
#define ANSWERS_SLOW_S 1.0

#define ERROR_WINDOW_NS_MIN NS_PER_S
#define STRETCH_NS          (3600 * NS_PER_S) /* longer than any alert has to be clear before it ends */

struct reported {
    char name[64];
    bool is_seen; /* in this tick's list */
    struct presence presence;
    struct deaths deaths;
    struct rate_window errors;
    bool is_bad;           /* the error rate was above `clear`, and not at it for STRETCH_NS since */
    int64_t good_since_ns; /* 0: it was above it when it was known last */
    struct rate_window requests;
    struct latency_window latency, answers;
    struct usual usual;
    int64_t usual_ns;                        /* of it; 0: not asked yet */
    int64_t slow_until_ns;                   /* the answers were slow, STRETCH_NS before */
    int64_t failing_since_ns, failed_for_ns; /* discovery: 0: it works; how long the latest failure lasted */
};

struct service_report {
    int64_t error_window_ns, crash_window_ns;
    uint32_t requests_min, crash_count;
    double error_clear;
    size_t count, capacity;
    struct reported **services; /* owned */
    uint64_t version;
};

struct service_report *service_report_new(void)
{
    return NEW(struct service_report);
}

void service_report_free(struct service_report *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->count; i++)
        free(r->services[i]);
    free(r->services);
    free(r);
}

void service_report_configure(struct service_report *r, const struct config_watch *config)
{
    int64_t window_ns = MAX(config->error_rate.for_ns, ERROR_WINDOW_NS_MIN);
    for (size_t i = 0; i < r->count && window_ns != r->error_window_ns; i++)
        r->services[i]->errors = (struct rate_window){0};
    r->error_window_ns = window_ns;
    r->error_clear = config->error_rate.clear;
    r->requests_min = config->error_rate_requests_min;
    r->crash_count = MIN(config->crash_count, (uint32_t)DEATHS_KEPT);
    r->crash_window_ns = config->crash_window_ns;
}

/* ---- services ---- */

static struct reported *add(struct service_report *r, struct str name)
{
    if (r->count == r->capacity) {
        r->capacity = MAX(2 * r->capacity, (size_t)8);
        r->services = mem_realloc(r->services, r->capacity * sizeof(struct reported *));
    }
    struct reported *s = NEW(struct reported);
    str_copy(s->name, sizeof(s->name), name);
    r->services[r->count++] = s;
    return s;
}

/* Services come in the same order tick after tick, so the hint is nearly always right. */
static struct reported *find(struct service_report *r, struct str name, size_t hint)
{
    if (hint < r->count && str_eq(str_of(r->services[hint]->name), name))
        return r->services[hint];
    for (size_t i = 0; i < r->count; i++)
        if (str_eq(str_of(r->services[i]->name), name))
            return r->services[i];
    return add(r, name);
}

void service_report_note_death(struct service_report *r, struct str service, struct str server,
                               struct str reason, int64_t now_ns)
{
    deaths_add(&find(r, service, 0)->deaths, server, reason, now_ns);
    r->version++;
}

static void forget_unseen(struct service_report *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (r->services[i]->is_seen)
            r->services[kept++] = r->services[i];
        else
            free(r->services[i]);
    }
    r->count = kept;
}

/* ---- kept over restarts ---- */

uint64_t service_report_version(const struct service_report *r)
{
    return r->version;
}

/* Ages, the oldest first; more than make the alert are not needed. */
static void save_deaths(const struct service_report *r, const struct reported *s, struct json *j,
                        int64_t now_ns)
{
    const struct deaths *d = &s->deaths;
    uint32_t count = MIN(deaths_within(d, r->crash_window_ns, now_ns), MAX(r->crash_count, 1u));
    if (count == 0)
        return;
    json_begin_object(j);
    json_put_text(j, "service", s->name);
    json_put_text(j, "server", d->last_server);
    json_put_text(j, "reason", d->last_reason);
    json_key(j, "ages");
    json_begin_array(j);
    for (uint32_t i = d->count - count; i < d->count; i++)
        json_int(j, now_ns - d->ns[i % DEATHS_KEPT]);
    json_end_array(j);
    json_end_object(j);
}

/* Microseconds of each hour, the oldest first. */
static void save_usual(const struct reported *s, struct json *j)
{
    if (usual_count(&s->usual) == 0)
        return;
    json_begin_object(j);
    json_put_text(j, "service", s->name);
    json_key(j, "usual");
    json_begin_array(j);
    for (uint32_t i = 0; i < usual_count(&s->usual); i++)
        json_int(j, usual_hour_ns(&s->usual, i) / NS_PER_US);
    json_end_array(j);
    json_end_object(j);
}

void service_report_save(const struct service_report *r, struct json *j, int64_t now_ns)
{
    json_begin_array(j);
    for (size_t i = 0; i < r->count; i++) {
        save_deaths(r, r->services[i], j, now_ns);
        save_usual(r->services[i], j);
    }
    json_end_array(j);
}

static void restore_deaths(struct service_report *r, const struct json_value *v, int64_t now_ns,
                           int64_t pause_ns)
{
    struct deaths before = {0};
    const struct json_value *ages = json_value_get(v, "ages");
    const char *service = json_value_text(v, "service", "");
    for (size_t i = 0; i < MIN(json_value_count(ages), (size_t)DEATHS_KEPT); i++) {
        int64_t age_ns = json_value_int_at(ages, i, -1);
        if (age_ns >= 0 && age_ns < r->crash_window_ns - pause_ns)
            deaths_add(&before, str_of(json_value_text(v, "server", "?")),
                       str_of(json_value_text(v, "reason", "?")), now_ns - pause_ns - age_ns);
    }
    if (service[0] && before.count)
        deaths_add_before(&find(r, str_of(service), 0)->deaths, &before);
}

static int64_t usual_of(const struct reported *s)
{
    return MAX(usual_get_ns(&s->usual), NS_PER_MS);
}

/* Before the first hour of this worker is over. */
static void restore_usual(struct service_report *r, const struct json_value *v)
{
    const struct json_value *hours = json_value_get(v, "usual");
    const char *service = json_value_text(v, "service", "");
    size_t count = MIN(json_value_count(hours), (size_t)USUAL_HOURS);
    if (service[0] == '\0' || count == 0)
        return;
    struct reported *s = find(r, str_of(service), 0);
    for (size_t i = 0; i < count; i++) {
        int64_t us = json_value_int_at(hours, i, -1);
        if (us > 0 && us < INT64_MAX / NS_PER_US)
            usual_add(&s->usual, us * NS_PER_US);
    }
    s->usual_ns = usual_of(s);
}

void service_report_restore(struct service_report *r, const struct json_value *list, int64_t now_ns,
                            int64_t pause_ns)
{
    enum { RESTORED_MAX = 1024 };
    for (size_t i = 0; i < MIN(json_value_count(list), (size_t)RESTORED_MAX); i++) {
        restore_deaths(r, json_value_at(list, i), now_ns, pause_ns);
        restore_usual(r, json_value_at(list, i));
    }
}

/* ---- readings ---- */

static void put_count(struct board *b, enum metric metric, const struct subject *subject, uint64_t count)
{
    board_put(b, metric, subject, reading_known((double)count));
}

static void put_presence(struct reported *s, const struct watch_service_input *input,
                         const struct subject *subject, struct board *b)
{
    char span[METRIC_VALUE_BYTES];
    int64_t now_ns = board_now_ns(b);
    const char *why = input->server_trouble ? input->server_trouble : "";
    struct reading down = presence_step(&s->presence, input, now_ns);
    if (input->servers_wanted == 0)
        board_put_note(b, METRIC_SERVICE_DOWN, subject, down, "%s wants no server any more", s->name);
    else if (input->servers_healthy > 0)
        board_put_note(b, METRIC_SERVICE_DOWN, subject, down, "%s has %u healthy of %u wanted again", s->name,
                       input->servers_healthy, input->servers_wanted);
    else
        board_put_note(b, METRIC_SERVICE_DOWN, subject, down, "%s has had none for %s; %u wanted%s%s",
                       s->name, metric_span_show(now_ns - s->presence.absent_since_ns, span),
                       input->servers_wanted, *why ? "; " : "", why);
    put_count(b, METRIC_SERVERS_HEALTHY, subject, input->servers_healthy);
    put_count(b, METRIC_SERVERS_WANTED, subject, input->servers_wanted);
}

static void judge_errors(struct reported *s, bool is_bad, int64_t now_ns)
{
    if (is_bad)
        s->good_since_ns = 0;
    else if (s->good_since_ns == 0)
        s->good_since_ns = MAX(now_ns, 1);
    s->is_bad = is_bad || (s->is_bad && now_ns - s->good_since_ns < STRETCH_NS);
}

/* While it is bad the window may be stretched for as many requests as it takes to tell that it is over. */
static void put_requests(const struct service_report *r, struct reported *s,
                         const struct watch_service_input *input, const struct subject *subject,
                         struct board *b)
{
    char span[METRIC_VALUE_BYTES];
    int64_t now_ns = board_now_ns(b);
    rate_window_add(&s->errors, r->error_window_ns, input->requests_total, input->errors_total, now_ns);
    struct rate errors = rate_window_get(&s->errors, r->error_window_ns, r->requests_min, s->is_bad);
    if (errors.percent.is_known)
        judge_errors(s, errors.percent.value > r->error_clear, now_ns);
    board_put_note(b, METRIC_ERROR_RATE, subject, errors.percent, "%llu of %llu within %s",
                   (unsigned long long)errors.errors, (unsigned long long)errors.requests,
                   metric_span_show(errors.window_ns, span));
    rate_window_add(&s->requests, RATE_WINDOW_NS, input->requests_total, 0, now_ns);
    struct rate rate = rate_window_get(&s->requests, RATE_WINDOW_NS, 0, false);
    board_put(b, METRIC_REQUEST_RATE, subject,
              rate.window_ns > 0 ? reading_known((double)rate.requests / ((double)rate.window_ns / 1e9))
                                 : reading_unknown("nothing was counted yet"));
}

static void put_latency(struct reported *s, const struct watch_service_input *input,
                        const struct subject *subject, struct board *b)
{
    struct histogram_sum latest;
    struct reading p50 = reading_unknown("no request was answered in the last minute"), p99 = p50;
    if (input->durations == NULL)
        return;
    latency_window_step(&s->latency, input->durations, board_now_ns(b), &latest);
    if (latest.count) {
        p50 = reading_known((double)histogram_sum_quantile_ns(&latest, 0.50) / 1e9);
        p99 = reading_known((double)histogram_sum_quantile_ns(&latest, 0.99) / 1e9);
    }
    board_put(b, METRIC_LATENCY_P50, subject, p50);
    board_put(b, METRIC_LATENCY_P99, subject, p99);
}

/* Half of all answers may begin late by nature, as those of a language model: what is wrong with a service is
 * seen beside its own past. */
static void put_slowdown(struct reported *s, struct reading median, const struct subject *subject,
                         struct board *b)
{
    if (median.is_known)
        median.value /= (double)s->usual_ns / 1e9;
    board_put(b, METRIC_ANSWER_SLOWDOWN, subject, median);
}

static void put_median(struct reported *s, struct reading median, uint64_t answers,
                       const struct subject *subject, struct board *b)
{
    char usually[METRIC_VALUE_BYTES];
    unsigned long long count = answers;
    if (usual_is_known(&s->usual))
        board_put_note(b, METRIC_ANSWER_P50, subject, median, "%llu answers within a minute, usually %s",
                       count, metric_value_show(METRIC_UNIT_SECONDS, (double)s->usual_ns / 1e9, usually));
    else
        board_put_note(b, METRIC_ANSWER_P50, subject, median, "%llu answers within a minute", count);
}

static void put_answers(struct service_report *r, struct reported *s, const struct watch_service_input *input,
                        const struct subject *subject, struct board *b)
{
    struct histogram_sum latest;
    if (input->answers == NULL || input->latency_ns > 0)
        return;
    latency_window_step(&s->answers, input->answers, board_now_ns(b), &latest);
    struct reading median = reading_unknown("too few requests to tell");
    if (latest.count >= (board_now_ns(b) < s->slow_until_ns ? 1 : ANSWERS_MIN))
        median = reading_known((double)histogram_sum_quantile_ns(&latest, 0.50) / 1e9);
    if (median.is_known && median.value > ANSWERS_SLOW_S)
        s->slow_until_ns = board_now_ns(b) + STRETCH_NS;
    bool is_hour_over = usual_step(&s->usual, input->answers, board_now_ns(b));
    r->version += is_hour_over;
    if (is_hour_over || s->usual_ns == 0)
        s->usual_ns = usual_of(s);
    put_median(s, median, latest.count, subject, b);
    put_slowdown(s, median, subject, b);
}

static void put_queue(const struct watch_service_input *input, const struct subject *subject, struct board *b)
{
    char age[METRIC_VALUE_BYTES];
    if (input->queue_length_max == 0)
        return;
    double percent = 100.0 * input->queue_length / input->queue_length_max;
    board_put_note(b, METRIC_QUEUE_LENGTH, subject, reading_known(input->queue_length),
                   "the first has waited for %s", metric_span_show(input->queue_age_ns, age));
    board_put_note(b, METRIC_QUEUE, subject, reading_known(MIN(percent, 100)), "%u of %u",
                   input->queue_length, input->queue_length_max);
    board_put(b, METRIC_QUEUE_AGE, subject, reading_known((double)input->queue_age_ns / 1e9));
}

static void put_deaths(const struct service_report *r, const struct reported *s,
                       const struct subject *subject, struct board *b)
{
    char window[METRIC_VALUE_BYTES], ago[METRIC_VALUE_BYTES];
    int64_t now_ns = board_now_ns(b);
    uint32_t count = deaths_within(&s->deaths, r->crash_window_ns, now_ns);
    metric_span_show(r->crash_window_ns, window);
    metric_span_show((now_ns - deaths_last_ns(&s->deaths)) / NS_PER_S * NS_PER_S, ago);
    if (count)
        board_put_note(b, METRIC_SERVER_DEATHS, subject, reading_known(count),
                       "%u servers of %s died within %s (limit %u); the last, %s, %s ago: %s", count, s->name,
                       window, r->crash_count, s->deaths.last_server, ago, s->deaths.last_reason);
    else
        board_put_note(b, METRIC_SERVER_DEATHS, subject, reading_known(0), "no server of %s died for %s",
                       s->name, deaths_last_ns(&s->deaths) ? ago : window);
}

/* The patience is the source's: it counts from its first failure, not from when somebody looked. */
static void put_source(struct reported *s, const struct watch_service_input *input,
                       const struct subject *subject, struct board *b)
{
    char span[METRIC_VALUE_BYTES];
    int64_t now_ns = board_now_ns(b);
    if (!input->has_source)
        return;
    if (input->source_failing_ns > 0) {
        s->failing_since_ns = now_ns - input->source_failing_ns;
        board_put_note(b, METRIC_DISCOVERY_FAILING, subject,
                       reading_known((double)input->source_failing_ns / 1e9), "%s",
                       input->source_error ? input->source_error : "it does not say why");
        return;
    }
    if (s->failing_since_ns) {
        s->failed_for_ns = now_ns - s->failing_since_ns;
        s->failing_since_ns = 0;
    }
    board_put_note(b, METRIC_DISCOVERY_FAILING, subject, reading_known(0), "%s",
                   s->failed_for_ns ? metric_span_show(s->failed_for_ns, span) : "");
}

static void put_scaling(const struct watch_service_input *input, const struct subject *subject,
                        struct board *b)
{
    if (input->provider_trouble)
        board_put_note(b, METRIC_PROVIDER_FAILING, subject, reading_known(input->provider_trouble[0] != '\0'),
                       "%s", input->provider_trouble);
    if (input->is_scaled)
        board_put_note(b, METRIC_SCALING_SHORT, subject, reading_known(input->servers_short), "%s",
                       input->scale_reason ? input->scale_reason : "");
}

void service_report_put(struct service_report *r, const struct watch_service_input *services, size_t count,
                        struct board *b)
{
    for (size_t i = 0; i < r->count; i++)
        r->services[i]->is_seen = false;
    for (size_t i = 0; i < count; i++) {
        struct reported *s = find(r, services[i].name, i);
        struct subject subject = {.names = {s->name}};
        s->is_seen = true;
        put_presence(s, &services[i], &subject, b);
        put_requests(r, s, &services[i], &subject, b);
        put_latency(s, &services[i], &subject, b);
        put_answers(r, s, &services[i], &subject, b);
        put_queue(&services[i], &subject, b);
        put_deaths(r, s, &subject, b);
        put_source(s, &services[i], &subject, b);
        put_scaling(&services[i], &subject, b);
    }
    forget_unseen(r);
}
