#include "provider/docker_events.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/macros.h"
#include "base/percent.h"
#include "provider/container.h"

#include <stdio.h>
#include <time.h>

static void write_kinds(struct json *j)
{
    static const char *const kinds[] = {"start", "die", "destroy", "health_status", "pause", "unpause"};
    json_key(j, "type");
    json_raw(j, STR("[\"container\"]"));
    json_key(j, "event");
    json_begin_array(j);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        json_str(j, str_of(kinds[i]));
    json_end_array(j);
}

static void write_label(struct json *j, const char *name, const char *value)
{
    char label[192];
    (void)snprintf(label, sizeof(label), "%s=%s", name, value);
    json_str(j, str_of(label));
}

void docker_events_put_filters(struct buf *out, const char *service, const char *owner, bool is_for_events)
{
    struct buf text CLEANUP(buf_fini) = {0};
    struct json j;
    json_init(&j, &text);
    json_begin_object(&j);
    json_key(&j, "label");
    json_begin_array(&j);
    if (owner)
        write_label(&j, LABEL_OWNER, owner);
    write_label(&j, LABEL_SERVICE, service);
    json_end_array(&j);
    if (is_for_events)
        write_kinds(&j);
    json_end_object(&j);
    percent_put(out, buf_str(&text));
}

static bool on_event(void *context, struct str line)
{
    int64_t *since_ns = context;
    struct json_value *v = json_value_parse(line, NULL);
    int64_t at_ns = json_value_int(v, "timeNano", 0);
    json_value_free(v);
    if (at_ns < INT64_MAX) /* one more is where the next wait begins */
        *since_ns = MAX(*since_ns, at_ns);
    return false;
}

/* By the engine's clock, since that stamps its events. */
static bool find_now(struct docker_events *e, const struct driver_call *call, int64_t *ret_ns,
                     struct driver_failure *f)
{
    struct docker_answer answer;
    struct tm tm = {0};
    if (!docker_do(&e->api, call, "GET", "/info", STR(""), "asking the engine's time", &answer, f))
        return false;
    const char *text = json_value_text(answer.json, "SystemTime", "");
    bool ok = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) != NULL;
    int64_t ns = ok ? instance_time_ns((double)timegm(&tm)) : 0;
    *ret_ns = ns ? ns : clock_wall_ns();
    docker_answer_fini(&answer);
    return true;
}

bool docker_events_wait(struct docker_events *e, const struct driver_call *call, struct driver_failure *f)
{
    struct docker_answer answer;
    struct buf path CLEANUP(buf_fini) = {0};
    if (e->since_ns == 0)
        return find_now(e, call, &e->since_ns, f);
    buf_printf(&path, "/events?since=%lld.%09lld&filters=%s", (long long)(e->since_ns / NS_PER_S),
               (long long)(e->since_ns % NS_PER_S), e->filters.ptr);
    int64_t since_ns = e->since_ns;
    const struct docker_request request = {.method = "GET",
                                           .path = path.ptr,
                                           .patience_ns = MAX(call->deadline_ns - clock_now_ns(), NS_PER_MS),
                                           .on_line = on_event,
                                           .context = &since_ns};
    if (!docker_call(&e->api, call, &request, &answer, f)) {
        e->since_ns = 0; /* what it remembers of events is gone with it */
        return false;
    }
    bool ok =
        answer.status == 0 || docker_answer_is_good(&answer) || docker_refuse(f, &answer, "GET /events");
    docker_answer_fini(&answer);
    e->since_ns = ok ? since_ns + (since_ns > e->since_ns ? 1 : 0) : 0;
    return ok;
}
