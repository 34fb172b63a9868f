/*
 * alert_keep.c: see alert_keep.h. Each field of a life is named once, in the lists below, for both
 * directions.
 */
#include "watch/alert_keep.h"

#include "base/macros.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LIFE_MOMENTS(X)                                                                                      \
    X(state_since_ns)                                                                                        \
    X(unknown_since_ns) X(pending_clear_since_ns) X(passed_since_ns) X(passed_last_ns) X(firing_since_ns)
#define LIFE_FLAGS(X)   X(is_known) X(is_lost) X(is_blind)
#define LIFE_VECTORS(X) X(values) X(pending_sums) X(means)

enum { KEPT_MAX = 8192 }; /* as many as there can be alerts */

struct kept {
    uint64_t fingerprint;
    struct alert_life life;
    int64_t started_wall_ns, ended_wall_ns;
    bool is_told;
    char *evidence, *evidence_korean; /* owned */
};

struct alert_memory {
    size_t count;
    struct kept *items; /* owned */
};

struct alert_memory *alert_memory_new(void)
{
    return NEW(struct alert_memory);
}

static void free_texts(struct kept *k)
{
    free(k->evidence);
    free(k->evidence_korean);
}

void alert_memory_clear(struct alert_memory *m)
{
    for (size_t i = 0; i < m->count; i++)
        free_texts(&m->items[i]);
    free(m->items);
    *m = (struct alert_memory){0};
}

void alert_memory_free(struct alert_memory *m)
{
    if (m == NULL)
        return;
    alert_memory_clear(m);
    free(m);
}

/* ---- writing ---- */

bool alert_keep_is_worth(const struct alert *a, int64_t now_ns)
{
    const struct alert_life *l = &a->life;
    bool has_fired_lately = l->firing_count > 0 && now_ns - l->firing_since_ns < ALERT_FLAP_WINDOW_NS;
    return (l->state != ALERT_OK && l->state != ALERT_UNKNOWN) || l->is_lost || has_fired_lately;
}

static void put_age(struct json *j, const char *key, int64_t time_ns, int64_t now_ns)
{
    if (time_ns)
        json_put_int(j, key, now_ns - time_ns);
}

static void write_life(struct json *j, const struct alert_life *l, int64_t now_ns)
{
    json_put_text(j, "state", alert_state_name(l->state));
#define WRITE_MOMENT(field) put_age(j, #field, l->field, now_ns);
    LIFE_MOMENTS(WRITE_MOMENT)
#undef WRITE_MOMENT
#define WRITE_FLAG(field) json_put_bool(j, #field, l->field);
    LIFE_FLAGS(WRITE_FLAG)
#undef WRITE_FLAG
#define WRITE_VECTOR(field)                                                                                  \
    json_key(j, #field);                                                                                     \
    json_begin_array(j);                                                                                     \
    for (size_t i = 0; i < ARRAY_LEN(l->field); i++)                                                         \
        json_double(j, l->field[i]);                                                                         \
    json_end_array(j);
    LIFE_VECTORS(WRITE_VECTOR)
#undef WRITE_VECTOR
    json_put_double(j, "pending_s", l->pending_s);
    json_put_int(j, "firing_count", l->firing_count);
    json_key(j, "firings");
    json_begin_array(j);
    for (size_t i = 0; i < ALERT_FIRINGS_KEPT; i++)
        json_int(j, l->firings_ns[i] ? now_ns - l->firings_ns[i] : -1);
    json_end_array(j);
}

static void write_kept(struct json *j, const struct kept *k, int64_t now_ns)
{
    char fingerprint[24];
    snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64, k->fingerprint);
    json_begin_object(j);
    json_put_text(j, "fingerprint", fingerprint);
    json_put_bool(j, "is_told", k->is_told);
    json_put_int(j, "started", k->started_wall_ns);
    json_put_int(j, "ended", k->ended_wall_ns);
    json_put_text(j, "evidence", k->evidence);
    json_put_text(j, "evidence_korean", k->evidence_korean);
    write_life(j, &k->life, now_ns);
    json_end_object(j);
}

void alert_keep_write(struct json *j, const struct alert *a, bool is_told, int64_t now_ns)
{
    char evidence[ALERT_TEXT_BYTES], evidence_korean[ALERT_TEXT_BYTES];
    str_copy(evidence, sizeof(evidence), str_of(a->evidence));
    str_copy(evidence_korean, sizeof(evidence_korean), str_of(a->evidence_korean));
    write_kept(j,
               &(struct kept){.fingerprint = a->fingerprint,
                              .life = a->life,
                              .started_wall_ns = a->started_wall_ns,
                              .ended_wall_ns = a->ended_wall_ns,
                              .is_told = is_told,
                              .evidence = evidence,
                              .evidence_korean = evidence_korean},
               now_ns);
}

uint64_t alert_keep_digest(const struct alert *a, bool is_told)
{
    uint64_t facts = ((uint64_t)a->life.state << 2 | (uint64_t)a->life.is_lost << 1 | is_told) + 1;
    uint64_t hash = (a->fingerprint ^ facts) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ (hash >> 29) ^ a->life.firing_count) * UINT64_C(0xbf58476d1ce4e5b9);
    return hash ^ (hash >> 32);
}

/* ---- reading ---- */

static bool find_state(const char *name, enum alert_state *ret)
{
    for (int s = 0; s < ALERT_STATE_COUNT; s++)
        if (strcmp(alert_state_name((enum alert_state)s), name) == 0) {
            *ret = (enum alert_state)s;
            return true;
        }
    return false;
}

/* From its age when it was written; 0 stays 0. */
static int64_t read_moment(const struct json_value *v, const char *key, int64_t written_ns)
{
    return json_value_has(v, key) ? written_ns - MAX(json_value_int(v, key, 0), 0) : 0;
}

/* Clocks that stand still without readings. */
static void let_pass(struct alert_life *l, int64_t pause_ns)
{
    if (l->state == ALERT_PENDING || l->state == ALERT_RECOVERING)
        l->state_since_ns += pause_ns;
    if (l->pending_clear_since_ns)
        l->pending_clear_since_ns += pause_ns;
    if (l->passed_last_ns)
        l->passed_last_ns += pause_ns;
}

static bool read_life(const struct json_value *v, struct alert_life *l, int64_t now_ns, int64_t pause_ns)
{
    int64_t written_ns = now_ns - pause_ns;
    const struct json_value *firings = json_value_get(v, "firings");
    if (!find_state(json_value_text(v, "state", ""), &l->state))
        return false;
#define READ_MOMENT(field) l->field = read_moment(v, #field, written_ns);
    LIFE_MOMENTS(READ_MOMENT)
#undef READ_MOMENT
#define READ_FLAG(field) l->field = json_value_bool(v, #field, false);
    LIFE_FLAGS(READ_FLAG)
#undef READ_FLAG
#define READ_VECTOR(field)                                                                                   \
    for (size_t i = 0; i < ARRAY_LEN(l->field); i++)                                                         \
        l->field[i] = json_value_to_double(json_value_at(json_value_get(v, #field), i), 0);
    LIFE_VECTORS(READ_VECTOR)
#undef READ_VECTOR
    l->pending_s = json_value_double(v, "pending_s", 0);
    l->firing_count = (uint32_t)json_value_int(v, "firing_count", 0);
    for (size_t i = 0; i < ALERT_FIRINGS_KEPT; i++) {
        int64_t age_ns = json_value_int_at(firings, i, -1);
        l->firings_ns[i] = age_ns >= 0 ? written_ns - age_ns : 0;
    }
    let_pass(l, pause_ns);
    return true;
}

static struct kept *find(const struct alert_memory *m, uint64_t fingerprint)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->items[i].fingerprint == fingerprint)
            return &m->items[i];
    return NULL;
}

/* Takes over its texts. */
static void put_kept(struct alert_memory *m, struct kept *k, bool is_newer)
{
    struct kept *known = find(m, k->fingerprint);
    if (known && !is_newer) {
        free_texts(k);
        return;
    }
    if (known)
        free_texts(known);
    else
        known = &m->items[m->count++];
    *known = *k;
}

void alert_memory_read(struct alert_memory *m, const struct json_value *list, bool is_newer, int64_t now_ns,
                       int64_t pause_ns)
{
    size_t count = MIN(json_value_count(list), (size_t)KEPT_MAX - m->count);
    m->items = mem_realloc(m->items, (m->count + count + 1) * sizeof(struct kept));
    for (size_t i = 0; i < count; i++) {
        const struct json_value *v = json_value_at(list, i);
        struct kept k = {.started_wall_ns = json_value_int(v, "started", 0),
                         .ended_wall_ns = json_value_int(v, "ended", 0),
                         .is_told = json_value_bool(v, "is_told", false)};
        const char *fingerprint = json_value_text(v, "fingerprint", "");
        char *end;
        k.fingerprint = strtoull(fingerprint, &end, 16);
        if (end == fingerprint || *end || !read_life(v, &k.life, now_ns, pause_ns))
            continue;
        k.evidence = mem_strdup(json_value_text(v, "evidence", ""));
        k.evidence_korean = mem_strdup(json_value_text(v, "evidence_korean", ""));
        put_kept(m, &k, is_newer);
    }
}

bool alert_memory_take(struct alert_memory *m, struct alert *a, int64_t now_ns, bool *ret_is_told)
{
    struct kept *k = find(m, a->fingerprint);
    if (!k)
        return false;
    a->life = k->life;
    a->started_wall_ns = k->started_wall_ns;
    a->ended_wall_ns = k->ended_wall_ns;
    str_copy(a->evidence, sizeof(a->evidence), str_of(k->evidence));
    str_copy(a->evidence_korean, sizeof(a->evidence_korean), str_of(k->evidence_korean));
    *ret_is_told = k->is_told;
    if (alert_life_is_active(&a->life)) /* as if it were bad until then; see ALERT_KEEP_SETTLE_NS */
        a->life.passed_last_ns = MAX(a->life.passed_last_ns, now_ns + ALERT_KEEP_SETTLE_NS);
    free_texts(k);
    *k = m->items[--m->count];
    return true;
}

void alert_memory_write(const struct alert_memory *m, struct json *j, int64_t now_ns)
{
    for (size_t i = 0; i < m->count; i++)
        write_kept(j, &m->items[i], now_ns);
}

bool alert_memory_is_firing(const struct alert_memory *m, uint64_t fingerprint)
{
    const struct kept *k = find(m, fingerprint);
    return k && alert_life_is_active(&k->life);
}
