#include "scale/engine_write.h"

#include "base/clock.h"
#include "stats/exposition.h"

#include <stdio.h>

static double seconds(int64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

static bool has_engine(const struct provider *p)
{
    return p && p->ops->status;
}

static struct provider_status status_of(const struct provider *p)
{
    struct provider_status status = {0};
    p->ops->status(p, &status);
    return status;
}

/* --- JSON ------------------------------------------------------------------------------------------- */

static const char *state_of(const struct provider_status *s)
{
    if (s->has_trouble)
        return s->trouble.is_away ? "away" : "failing";
    return s->has_listed ? "fine" : "unlisted";
}

static void write_trouble(const char *key, const struct provider_trouble *t, bool is_there, int64_t now_ns,
                          struct json *j)
{
    json_key(j, key);
    if (!is_there) {
        json_null(j);
        return;
    }
    json_begin_object(j);
    json_put_text(j, "call", driver_call_name(t->call));
    json_put_text(j, "fault", driver_fault_name(t->fault));
    json_put_text(j, "text", t->text);
    json_put_int(j, "failures_in_a_row", t->failures_in_a_row);
    json_put_double(j, "since_seconds", seconds(now_ns - t->since_ns));
    json_put_double(j, "ago_seconds", seconds(now_ns - t->last_ns));
    json_end_object(j);
}

void scale_write_engine(const struct provider *provider, int64_t now_ns, struct json *j)
{
    json_key(j, "engine");
    if (!has_engine(provider)) {
        json_null(j);
        return;
    }
    struct provider_status s = status_of(provider);
    json_begin_object(j);
    json_put_text(j, "name", provider->ops->name);
    json_put_text(j, "state", state_of(&s));
    json_put_double_if(j, "listed_seconds", s.has_listed, seconds(now_ns - s.listed_ns));
    json_put_int(j, "listed", s.listed_count);
    json_put_int(j, "waiting", s.waiting_count);
    json_put_double(j, "next_call_seconds", seconds(MAX(s.next_call_ns - now_ns, 0)));
    write_trouble("trouble", &s.trouble, s.has_trouble, now_ns, j);
    write_trouble("last_failure", &s.last_failure, s.has_failed, now_ns, j);
    json_end_object(j);
}

void scale_put_engine_reason(const struct provider *provider, bool is_held, int64_t now_ns, struct buf *out)
{
    if (!has_engine(provider))
        return;
    struct provider_status s = status_of(provider);
    const char *name = provider->ops->name;
    if (is_held)
        buf_printf(out, "%snothing is started or stopped before provider %s has told which servers there are",
                   out->len ? "; " : "", name);
    if (s.has_trouble)
        buf_printf(out, "%sprovider %s has failed for %.0f s (%s, %s): %s", out->len ? "; " : "", name,
                   seconds(now_ns - s.trouble.since_ns), driver_call_name(s.trouble.call),
                   driver_fault_name(s.trouble.fault), s.trouble.text);
}

/* --- Prometheus ------------------------------------------------------------------------------------- */

static void put_row(struct buf *out, const char *name, const struct scale_view *v, const char *more,
                    double value)
{
    buf_printf(out, "%s{service=\"%s\",provider=\"%s\"%s} %.10g\n", name, v->service->name,
               v->provider->ops->name, more, value);
}

static void put_calls(struct buf *out, const char *name, const struct scale_view *v,
                      const struct provider_status *s)
{
    char labels[64];
    for (int call = 0; call < DRIVER_CALL_COUNT; call++) {
        uint64_t failed = s->failed_calls_total[call], all = s->calls_total[call];
        const char *call_name = driver_call_name((enum driver_call_kind)call);
        (void)snprintf(labels, sizeof(labels), ",call=\"%s\",outcome=\"done\"", call_name);
        put_row(out, name, v, labels, (double)(all - failed));
        (void)snprintf(labels, sizeof(labels), ",call=\"%s\",outcome=\"failed\"", call_name);
        put_row(out, name, v, labels, (double)failed);
    }
}

static void put_failures(struct buf *out, const char *name, const struct scale_view *v,
                         const struct provider_status *s)
{
    char labels[64];
    for (int fault = 0; fault < DRIVER_FAULT_COUNT; fault++) {
        (void)snprintf(labels, sizeof(labels), ",fault=\"%s\"", driver_fault_name((enum driver_fault)fault));
        put_row(out, name, v, labels, (double)s->failures_total[fault]);
    }
}

static void put_up(struct buf *out, const char *name, const struct scale_view *v,
                   const struct provider_status *s)
{
    put_row(out, name, v, "", s->has_listed && !s->has_trouble);
}

static void put_listed(struct buf *out, const char *name, const struct scale_view *v,
                       const struct provider_status *s)
{
    if (s->has_listed)
        put_row(out, name, v, "", s->listed_count);
}

static const struct {
    const char *name, *type, *help;
    void (*put)(struct buf *out, const char *name, const struct scale_view *v,
                const struct provider_status *s);
} families[] = {
    {"weir_provider_up", "gauge", "1 while the engine that servers come from answers as it should, else 0.",
     put_up},
    {"weir_provider_listed_servers", "gauge", "Servers that the engine listed last.", put_listed},
    {"weir_provider_calls_total", "counter", "Calls to the engine, by call and outcome.", put_calls},
    {"weir_provider_failures_total", "counter",
     "Calls to the engine that failed, by what is to be done about it.", put_failures},
};

void scale_write_engine_metrics(const struct scale_view *views, uint32_t count, struct buf *out)
{
    for (size_t f = 0; f < ARRAY_LEN(families); f++) {
        exposition_begin(out, families[f].name, families[f].type, families[f].help);
        for (uint32_t i = 0; i < count; i++) {
            if (!has_engine(views[i].provider))
                continue;
            struct provider_status s = status_of(views[i].provider);
            families[f].put(out, families[f].name, &views[i], &s);
        }
    }
}
