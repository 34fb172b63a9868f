/*
 * watch_keep.c: see watch_keep.h.
 *
 * How long ago a document was written is told by the monotonic clock when the machine has not been booted
 * since, for that clock is the same for all processes and nobody sets it; otherwise by the wall clock, and
 * where that was set back, not at all: then no time has passed.
 */
#include "watch/watch_keep.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SILENCES_KEY "watch:silences"
#define DEATHS_KEY   "watch:deaths"
enum { VERSION = 1, BOOT_ID_BYTES = 48 };
#define SILENCES_AGAIN_NS (3600 * NS_PER_S) /* the store forgets what nobody writes for weeks */
#define SETTLE_NS         (60 * NS_PER_S)

/*
 * A pending or recovering alert loses what it had waited since it was written, so it is written again and
 * again; one that fires loses nothing, for its times are kept as such. So they have a document each, and the
 * one is not written for the other.
 */
enum part { PART_STEADY, PART_MOVING, PART_COUNT };

static const struct {
    const char *key;
    int64_t again_ns; /* although nothing has changed but time */
} parts[PART_COUNT] = {
    [PART_STEADY] = {"watch:alerts", 300 * NS_PER_S}, [PART_MOVING] = {"watch:alerts-moving", 10 * NS_PER_S}};

static enum part part_of(const struct alert *a)
{
    bool is_moving = a->life.state == ALERT_PENDING || a->life.state == ALERT_RECOVERING;
    return is_moving ? PART_MOVING : PART_STEADY;
}

struct kept_part {
    uint64_t digest; /* of what was given last... */
    bool is_due;     /* ...and was not kept */
    bool is_given;   /* with the last save */
    int64_t saved_ns;
};

struct watch_keep {
    struct silences *silences; /* borrowed, as are the next two */
    struct telling *telling;
    struct service_report *services;
    struct alert_memory *memory; /* owned */
    char boot_id[BOOT_ID_BYTES]; /* "": it cannot be read */
    int64_t first_ns;            /* when alerts were first looked at; 0: not yet */
    struct kept_part parts[PART_COUNT];
    uint64_t silences_version, deaths_version; /* as for the parts */
    bool is_silences_due, is_deaths_due, gave_silences, gave_deaths;
    int64_t silences_saved_ns;
};

static void read_boot_id(const char *root, char out[BOOT_ID_BYTES])
{
    char path[512];
    out[0] = '\0';
    snprintf(path, sizeof(path), "%s/proc/sys/kernel/random/boot_id", root);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = read(fd, out, BOOT_ID_BYTES - 1);
    close(fd);
    out[n > 0 ? n : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

struct watch_keep *watch_keep_new(const char *root, struct silences *silences, struct telling *telling,
                                  struct service_report *services)
{
    struct watch_keep *k = NEW(struct watch_keep);
    k->silences = silences;
    k->telling = telling;
    k->services = services;
    k->memory = alert_memory_new();
    read_boot_id(root, k->boot_id);
    return k;
}

void watch_keep_free(struct watch_keep *k)
{
    if (k == NULL)
        return;
    alert_memory_free(k->memory);
    free(k);
}

/* ---- reading ---- */

static int64_t pause_since(const struct watch_keep *k, const struct json_value *v, int64_t now_ns,
                           int64_t wall_ns)
{
    int64_t then_ns = json_value_int(v, "now", 0), then_wall_ns = json_value_int(v, "wall", wall_ns);
    bool is_same_boot = k->boot_id[0] && strcmp(json_value_text(v, "boot", ""), k->boot_id) == 0;
    return is_same_boot && then_ns <= now_ns ? now_ns - then_ns : MAX(wall_ns - then_wall_ns, 0);
}

bool watch_keep_restore(struct watch_keep *k, struct str key, struct str text, int64_t now_ns,
                        int64_t wall_ns)
{
    struct err err = {0};
    bool is_steady = str_eq(key, str_of(parts[PART_STEADY].key));
    bool is_moving = str_eq(key, str_of(parts[PART_MOVING].key));
    bool is_silences = str_eq(key, STR(SILENCES_KEY)), is_deaths = str_eq(key, STR(DEATHS_KEY));
    if (!is_steady && !is_moving && !is_silences && !is_deaths)
        return false;
    struct json_value *v = json_value_parse(text, &err);
    if (json_value_int(v, "version", 0) != VERSION)
        log_warn("watch: what was kept as %.*s cannot be read, and begins anew: %s", STR_ARG(key),
                 v ? "it is of another version" : err.text);
    else if (is_silences)
        silences_restore(k->silences, json_value_get(v, "silences"), wall_ns);
    else if (is_deaths)
        service_report_restore(k->services, json_value_get(v, "services"), now_ns,
                               pause_since(k, v, now_ns, wall_ns));
    else
        alert_memory_read(k->memory, json_value_get(v, "alerts"), is_moving, now_ns,
                          pause_since(k, v, now_ns, wall_ns));
    json_value_free(v);
    k->silences_version = is_silences ? silences_version(k->silences) : k->silences_version;
    return true;
}

void watch_keep_take(struct watch_keep *k, struct alert *a, int64_t now_ns)
{
    bool is_told;
    if (alert_memory_take(k->memory, a, now_ns, &is_told) && is_told && alert_life_is_active(&a->life))
        telling_restore(k->telling, a->fingerprint);
}

void watch_keep_tick(struct watch_keep *k, int64_t now_ns)
{
    if (!k->first_ns)
        k->first_ns = now_ns;
    if (now_ns - k->first_ns >= SETTLE_NS)
        alert_memory_clear(k->memory);
}

bool watch_keep_is_firing(const struct watch_keep *k, uint64_t fingerprint)
{
    return alert_memory_is_firing(k->memory, fingerprint);
}

/* ---- writing ---- */

static uint64_t digest_of(const struct watch_keep *k, struct watch_keep_alerts alerts, enum part part,
                          int64_t now_ns, bool *ret_is_bad)
{
    const struct alert *a;
    uint64_t digest = 1;
    *ret_is_bad = false;
    for (size_t i = 0; (a = alerts.get(alerts.context, i)) != NULL; i++) {
        if (!alert_keep_is_worth(a, now_ns) || part_of(a) != part)
            continue;
        digest += alert_keep_digest(a, telling_is_told(k->telling, a));
        *ret_is_bad |= a->life.state != ALERT_OK && a->life.state != ALERT_RESOLVED;
    }
    return digest;
}

/* With the moment: see the top. */
static void begin_dated(const struct watch_keep *k, struct json *j, int64_t now_ns, int64_t wall_ns)
{
    json_begin_object(j);
    json_put_int(j, "version", VERSION);
    json_put_text(j, "boot", k->boot_id);
    json_put_int(j, "now", now_ns);
    json_put_int(j, "wall", wall_ns);
}

static void write_deaths(const struct watch_keep *k, int64_t now_ns, int64_t wall_ns, struct buf *out)
{
    struct json j;
    json_init(&j, out);
    begin_dated(k, &j, now_ns, wall_ns);
    json_key(&j, "services");
    service_report_save(k->services, &j, now_ns);
    json_end_object(&j);
}

static void write_alerts(const struct watch_keep *k, struct watch_keep_alerts alerts, enum part part,
                         int64_t now_ns, int64_t wall_ns, struct buf *out)
{
    struct json j;
    const struct alert *a;
    json_init(&j, out);
    begin_dated(k, &j, now_ns, wall_ns);
    json_key(&j, "alerts");
    json_begin_array(&j);
    for (size_t i = 0; (a = alerts.get(alerts.context, i)) != NULL; i++)
        if (alert_keep_is_worth(a, now_ns) && part_of(a) == part)
            alert_keep_write(&j, a, telling_is_told(k->telling, a), now_ns);
    if (part == PART_STEADY)
        alert_memory_write(k->memory, &j, now_ns);
    json_end_array(&j);
    json_end_object(&j);
}

static void write_silences(const struct watch_keep *k, struct buf *out)
{
    struct json j;
    json_init(&j, out);
    json_begin_object(&j);
    json_put_int(&j, "version", VERSION);
    json_key(&j, "silences");
    silences_save(k->silences, &j);
    json_end_object(&j);
}

/* Due by its digest, or by its age while any is other than well. */
static bool is_part_due(const struct watch_keep *k, struct watch_keep_alerts alerts, enum part part,
                        int64_t now_ns, uint64_t *ret_digest)
{
    bool is_bad;
    const struct kept_part *p = &k->parts[part];
    *ret_digest = digest_of(k, alerts, part, now_ns, &is_bad);
    return p->is_due || *ret_digest != p->digest || (is_bad && now_ns - p->saved_ns >= parts[part].again_ns);
}

static bool are_alerts_due(const struct watch_keep *k, struct watch_keep_alerts alerts, int64_t now_ns)
{
    uint64_t digest;
    return is_part_due(k, alerts, PART_STEADY, now_ns, &digest) ||
           is_part_due(k, alerts, PART_MOVING, now_ns, &digest);
}

static void save_part(struct watch_keep *k, struct watch_keep_alerts alerts, enum part part, int64_t now_ns,
                      int64_t wall_ns, void (*put)(void *context, const char *key, struct str text),
                      void *context)
{
    struct buf text CLEANUP(buf_fini) = {0};
    struct kept_part *p = &k->parts[part];
    uint64_t digest;
    p->is_given = is_part_due(k, alerts, part, now_ns, &digest);
    if (!p->is_given)
        return;
    write_alerts(k, alerts, part, now_ns, wall_ns, &text);
    put(context, parts[part].key, buf_str(&text));
    p->digest = digest;
    p->saved_ns = now_ns;
}

static bool are_silences_due(const struct watch_keep *k, int64_t now_ns)
{
    uint64_t version = silences_version(k->silences);
    bool is_old = version && now_ns - k->silences_saved_ns >= SILENCES_AGAIN_NS;
    return k->is_silences_due || version != k->silences_version || is_old;
}

static bool are_deaths_due(const struct watch_keep *k)
{
    return k->is_deaths_due || service_report_version(k->services) != k->deaths_version;
}

bool watch_keep_is_due(const struct watch_keep *k, struct watch_keep_alerts alerts, int64_t now_ns)
{
    return are_silences_due(k, now_ns) || are_deaths_due(k) || are_alerts_due(k, alerts, now_ns);
}

void watch_keep_save(struct watch_keep *k, struct watch_keep_alerts alerts, int64_t now_ns, int64_t wall_ns,
                     void (*put)(void *context, const char *key, struct str text), void *context)
{
    struct buf text CLEANUP(buf_fini) = {0};
    for (int part = 0; part < PART_COUNT; part++)
        save_part(k, alerts, (enum part)part, now_ns, wall_ns, put, context);
    k->gave_silences = are_silences_due(k, now_ns);
    k->gave_deaths = are_deaths_due(k);
    if (k->gave_silences) {
        buf_clear(&text);
        write_silences(k, &text);
        put(context, SILENCES_KEY, buf_str(&text));
        k->silences_version = silences_version(k->silences);
        k->silences_saved_ns = now_ns;
    }
    if (k->gave_deaths) {
        buf_clear(&text);
        write_deaths(k, now_ns, wall_ns, &text);
        put(context, DEATHS_KEY, buf_str(&text));
        k->deaths_version = service_report_version(k->services);
    }
}

void watch_keep_kept(struct watch_keep *k, bool is_kept)
{
    for (struct kept_part *p = k->parts; p < k->parts + PART_COUNT; p++) {
        p->is_due = p->is_given ? !is_kept : p->is_due;
        p->is_given = false;
    }
    if (k->gave_silences)
        k->is_silences_due = !is_kept;
    if (k->gave_deaths)
        k->is_deaths_due = !is_kept;
    k->gave_silences = k->gave_deaths = false;
}
