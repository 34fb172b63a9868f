/*
 * silence.c: see silence.h. An array of silences in the order of their making; each owns its text in one
 * block.
 *
 * What grows is bounded three ways: their number (watch.silences.max; those that are over make room first),
 * the size of each by constants, and the text of all together, so that they always fit into one document of
 * the store.
 */
#include "watch/silence.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/units.h"
#include "stats/exposition.h"
#include "watch/alert_labels.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    TEXT_BYTES_MAX = 512 * 1024,
    TEXT_BYTES_EACH = 200
}; /* of the JSON of all; what one has besides its text */
#define MAINTENANCE_PREFIX "maintenance-"

struct silence {
    char id[SILENCE_ID_BYTES];
    int64_t starts_wall_ns, ends_wall_ns, updated_wall_ns; /* the last two are equal: somebody ended it */
    bool has_begun;
    char *text; /* owned: who, comment, then each matcher's name and value, each with its NUL */
    size_t text_bytes;
    const char *who, *comment; /* within text */
    size_t matcher_count;
    struct matcher matchers[SILENCE_MATCHERS_MAX]; /* within text; or within the configuration */
};

struct window {
    const struct config_maintenance *config;
    struct silence as_silence; /* its matchers and times; owns no text */
    bool is_open;
};

struct silences {
    uint32_t count_max;
    int64_t longest_ns;
    size_t count, capacity;
    struct silence *items; /* owned */
    size_t text_bytes;     /* of all */
    size_t window_count;
    struct window *windows; /* owned */
    struct random random;
    uint64_t version, refused;
};

enum silence_state { STATE_PENDING, STATE_ACTIVE, STATE_EXPIRED, STATE_COUNT };
static const char *const state_names[STATE_COUNT] = {"pending", "active", "expired"};

static enum silence_state state_of(const struct silence *s, int64_t wall_ns)
{
    if (wall_ns >= s->ends_wall_ns)
        return STATE_EXPIRED;
    return wall_ns >= s->starts_wall_ns ? STATE_ACTIVE : STATE_PENDING;
}

/* ---- life ---- */

struct silences *silences_new(void)
{
    struct silences *s = NEW(struct silences);
    random_seed_from_system(&s->random);
    return s;
}

static void free_silence(struct silence *s)
{
    for (size_t i = 0; i < s->matcher_count; i++)
        matcher_disarm(&s->matchers[i]);
    free(s->text);
}

static void free_windows(struct silences *s)
{
    for (size_t i = 0; i < s->window_count; i++)
        free_silence(&s->windows[i].as_silence);
    free(s->windows);
}

void silences_free(struct silences *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->count; i++)
        free_silence(&s->items[i]);
    free(s->items);
    free_windows(s);
    free(s);
}

/* What does not parse was refused when the configuration was read. */
static void add_window(struct silences *s, const struct config_maintenance *config)
{
    struct window *w = &s->windows[s->window_count++];
    struct silence *as = &w->as_silence;
    w->config = config;
    snprintf(as->id, sizeof(as->id), MAINTENANCE_PREFIX "%zu", s->window_count % 1000);
    as->who = "configuration";
    as->comment = config->comment.len ? config->comment.ptr : "maintenance window";
    for (size_t i = 0; i < config->match.count && as->matcher_count < SILENCE_MATCHERS_MAX; i++)
        if (matcher_parse(config->match.items[i], &as->matchers[as->matcher_count], NULL))
            matcher_arm(&as->matchers[as->matcher_count++]);
}

void silences_configure(struct silences *s, const struct config_silences *config)
{
    s->count_max = config->count_max;
    s->longest_ns = config->longest_ns;
    free_windows(s);
    s->windows = NEW_ARRAY(struct window, config->maintenance_count + 1);
    s->window_count = 0;
    for (size_t i = 0; i < config->maintenance_count; i++)
        add_window(s, &config->maintenance[i]);
}

static struct silence *find(const struct silences *s, struct str id)
{
    for (size_t i = 0; i < s->count; i++)
        if (str_eq(str_of(s->items[i].id), id))
            return &s->items[i];
    return NULL;
}

static void drop(struct silences *s, size_t index)
{
    s->text_bytes -= s->items[index].text_bytes + TEXT_BYTES_EACH;
    free_silence(&s->items[index]);
    s->count--;
    memmove(&s->items[index], &s->items[index + 1], (s->count - index) * sizeof(struct silence));
    s->version++;
}

/* ---- wishes ---- */

static bool read_time(const struct json_value *body, const char *key, int64_t when_absent_ns, int64_t *ret_ns,
                      struct err *err)
{
    const char *text = json_value_text(body, key, NULL);
    *ret_ns = when_absent_ns;
    if (!json_value_has(body, key) && when_absent_ns)
        return true;
    if (text && clock_parse_rfc3339(str_of(text), ret_ns))
        return true;
    return err_set(err, "%s must be a time such as 2026-11-23T18:00:00Z", key);
}

static bool read_matcher(const struct json_value *v, struct matcher *ret, struct err *err)
{
    const char *name = json_value_text(v, "name", NULL), *value = json_value_text(v, "value", NULL);
    if (!name || !value)
        return err_set(err, "each of matchers must have a name and a value");
    *ret = (struct matcher){.name = str_of(name),
                            .value = str_of(value),
                            .is_unlike = !json_value_bool(v, "isEqual", true),
                            .is_regex = json_value_bool(v, "isRegex", false)};
    return matcher_is_valid(ret, err);
}

static bool read_text(const struct json_value *body, const char *key, size_t bytes_max, struct str *ret,
                      struct err *err)
{
    *ret = str_of(json_value_text(body, key, ""));
    for (size_t i = 0; i < ret->len; i++)
        if ((unsigned char)ret->ptr[i] < ' ')
            return err_set(err, "%s must be one line of text", key);
    return ret->len <= bytes_max || err_set(err, "%s has %zu bytes at most", key, bytes_max);
}

bool silence_wish_read(const struct json_value *body, int64_t wall_ns, struct silence_wish *ret,
                       struct err *err)
{
    const struct json_value *matchers = json_value_get(body, "matchers");
    struct silence_wish w = {.matcher_count = json_value_count(matchers)};
    if (w.matcher_count == 0 || w.matcher_count > SILENCE_MATCHERS_MAX)
        return err_set(err, "matchers must be a list of 1 to %d", SILENCE_MATCHERS_MAX);
    for (size_t i = 0; i < w.matcher_count; i++)
        if (!read_matcher(json_value_at(matchers, i), &w.matchers[i], err))
            return false;
    if (!read_time(body, "startsAt", wall_ns, &w.starts_wall_ns, err) ||
        !read_time(body, "endsAt", 0, &w.ends_wall_ns, err) ||
        !read_text(body, "createdBy", SILENCE_WHO_BYTES_MAX, &w.who, err) ||
        !read_text(body, "comment", SILENCE_COMMENT_BYTES_MAX, &w.comment, err) ||
        !read_text(body, "id", SILENCE_ID_BYTES - 1, &w.id, err))
        return false;
    *ret = w;
    return true;
}

/* ---- changes ---- */

/* What was asked for is sensible, but not now. */
static bool not_now(struct err *err)
{
    if (err)
        err->retryable = true;
    return false;
}

static char *put_text(char **at, struct str text)
{
    char *copy = *at;
    *at += str_copy(copy, text.len + 1, text) + 1;
    return copy;
}

static void take_text(struct silence *s, const struct silence_wish *w)
{
    s->text_bytes = w->who.len + w->comment.len + 2;
    for (size_t i = 0; i < w->matcher_count; i++)
        s->text_bytes += w->matchers[i].name.len + w->matchers[i].value.len + 2;
    char *at = s->text = mem_alloc(s->text_bytes);
    s->who = put_text(&at, w->who);
    s->comment = put_text(&at, w->comment);
    s->matcher_count = w->matcher_count;
    for (size_t i = 0; i < w->matcher_count; i++) {
        const struct matcher *m = &w->matchers[i];
        s->matchers[i].name = str_n(put_text(&at, m->name), m->name.len);
        s->matchers[i].value = str_n(put_text(&at, m->value), m->value.len);
        s->matchers[i].is_unlike = m->is_unlike;
        s->matchers[i].is_regex = m->is_regex;
        matcher_arm(&s->matchers[i]);
    }
}

static void append(struct silences *s, const char *id, const struct silence_wish *w, int64_t updated_wall_ns)
{
    if (s->count == s->capacity) {
        s->capacity = MAX(2 * s->capacity, (size_t)8);
        s->items = mem_realloc(s->items, s->capacity * sizeof(struct silence));
    }
    struct silence *new = &s->items[s->count++];
    *new = (struct silence){.starts_wall_ns = w->starts_wall_ns,
                            .ends_wall_ns = w->ends_wall_ns,
                            .updated_wall_ns = updated_wall_ns,
                            .has_begun = w->starts_wall_ns <= updated_wall_ns};
    str_copy(new->id, sizeof(new->id), str_of(id));
    take_text(new, w);
    s->text_bytes += new->text_bytes + TEXT_BYTES_EACH;
    s->version++;
}

/* Those that are over make room, the oldest first. */
static bool make_room(struct silences *s, int64_t wall_ns)
{
    for (size_t i = 0; i < s->count && (s->count >= s->count_max || s->text_bytes > TEXT_BYTES_MAX / 2);)
        if (state_of(&s->items[i], wall_ns) == STATE_EXPIRED)
            drop(s, i);
        else
            i++;
    return s->count < s->count_max && s->text_bytes <= TEXT_BYTES_MAX / 2; /* escapes may double it */
}

static bool is_sensible(const struct silences *s, const struct silence_wish *w, int64_t wall_ns,
                        struct err *err)
{
    char longest[UNITS_TEXT_BYTES];
    if (w->ends_wall_ns <= w->starts_wall_ns)
        return err_set(err, "a silence must end after it starts");
    if (w->ends_wall_ns <= wall_ns)
        return err_set(err, "a silence must end in the future");
    if (w->ends_wall_ns - w->starts_wall_ns <= s->longest_ns)
        return true;
    return err_set(err, "a silence may last %s at most (watch.silences.longest)",
                   units_format_duration(longest, s->longest_ns));
}

static void make_id(struct silences *s, char *out)
{
    do {
        snprintf(out, SILENCE_ID_BYTES, "%08x", (unsigned)(random_next(&s->random) >> 32));
    } while (find(s, str_of(out)));
}

/* A silence that has begun keeps its beginning: what it has hidden, it has hidden. */
static bool replace(struct silences *s, struct silence *old, const struct silence_wish *wish, int64_t wall_ns,
                    char *ret_id, struct err *err)
{
    struct silence_wish w = *wish;
    if (state_of(old, wall_ns) == STATE_EXPIRED) {
        (void)err_set(err, "the silence %s is over", old->id);
        return not_now(err);
    }
    if (state_of(old, wall_ns) == STATE_ACTIVE)
        w.starts_wall_ns = old->starts_wall_ns;
    if (!is_sensible(s, &w, wall_ns, err))
        return false;
    str_copy(ret_id, SILENCE_ID_BYTES, str_of(old->id));
    drop(s, (size_t)(old - s->items));
    append(s, ret_id, &w, wall_ns);
    return true;
}

bool silences_add(struct silences *s, const struct silence_wish *wish, int64_t wall_ns, char *ret_id,
                  struct err *err)
{
    struct silence *old = wish->id.len ? find(s, wish->id) : NULL;
    if (wish->id.len && !old)
        return err_set(err, "there is no silence `%.*s`", STR_ARG(wish->id));
    if (old)
        return replace(s, old, wish, wall_ns, ret_id, err);
    if (!is_sensible(s, wish, wall_ns, err))
        return false;
    if (!make_room(s, wall_ns)) {
        s->refused++;
        (void)err_set(err, "there are %zu silences already (watch.silences.max is %u)", s->count,
                      s->count_max);
        return not_now(err);
    }
    make_id(s, ret_id);
    append(s, ret_id, wish, wall_ns);
    return true;
}

bool silences_end(struct silences *s, struct str id, int64_t wall_ns, struct err *err)
{
    struct silence *found = find(s, id);
    if (!found && !str_starts_with(id, STR(MAINTENANCE_PREFIX)))
        return err_set(err, "there is no silence `%.*s`", STR_ARG(id));
    if (!found)
        (void)err_set(err, "`%.*s` is a maintenance window: it is changed in the configuration", STR_ARG(id));
    else if (state_of(found, wall_ns) == STATE_EXPIRED)
        (void)err_set(err, "the silence %s is over already", found->id);
    if (!found || state_of(found, wall_ns) == STATE_EXPIRED)
        return not_now(err);
    found->starts_wall_ns = MIN(found->starts_wall_ns, wall_ns);
    found->ends_wall_ns = found->updated_wall_ns = wall_ns;
    s->version++;
    return true;
}

/* ---- looking ---- */

static void step_window(struct window *w, int64_t wall_ns)
{
    struct cron_span span;
    const struct config_maintenance *config = w->config;
    w->is_open = cron_find_span(&config->from.times, &config->zone.rules, config->for_ns / NS_PER_S,
                                wall_ns / NS_PER_S, 0, &span);
    if (!w->is_open)
        return;
    w->as_silence.starts_wall_ns = span.from_s * NS_PER_S;
    w->as_silence.ends_wall_ns = span.until_s == CRON_NO_END ? INT64_MAX : span.until_s * NS_PER_S;
}

/* A clock that is set back neither takes back what has begun nor what somebody has ended. */
static void step_silence(struct silences *s, struct silence *one, int64_t wall_ns)
{
    const bool is_ended = one->ends_wall_ns == one->updated_wall_ns;
    one->has_begun |= one->starts_wall_ns <= wall_ns;
    if (one->has_begun && one->starts_wall_ns > wall_ns) {
        one->starts_wall_ns = wall_ns;
        s->version++;
    }
    if (is_ended && one->ends_wall_ns > wall_ns) {
        one->ends_wall_ns = one->updated_wall_ns = wall_ns;
        s->version++;
    }
}

void silences_step(struct silences *s, int64_t wall_ns)
{
    for (size_t i = 0; i < s->count;)
        if (wall_ns - s->items[i].ends_wall_ns > SILENCE_KEPT_NS)
            drop(s, i);
        else
            step_silence(s, &s->items[i++], wall_ns);
    for (size_t i = 0; i < s->window_count; i++)
        step_window(&s->windows[i], wall_ns);
}

static bool fits(const struct silence *s, const struct alert *a)
{
    for (size_t i = 0; i < s->matcher_count; i++)
        if (!matcher_fits(&s->matchers[i], alert_label_value(a, s->matchers[i].name)))
            return false;
    return true;
}

bool silences_fit(const struct silences *s, struct str id, const struct alert *a)
{
    const struct silence *one = find(s, id);
    return one && fits(one, a);
}

static void take_later(struct silence_hit *hit, const struct silence *s)
{
    if (hit->id && hit->until_wall_ns >= s->ends_wall_ns)
        return;
    *hit = (struct silence_hit){
        .id = s->id, .until_wall_ns = s->ends_wall_ns, .who = s->who, .comment = s->comment};
}

struct silence_hit silences_find(const struct silences *s, const struct alert *a, int64_t wall_ns)
{
    struct silence_hit hit = {0};
    for (size_t i = 0; i < s->count; i++)
        if (state_of(&s->items[i], wall_ns) == STATE_ACTIVE && fits(&s->items[i], a))
            take_later(&hit, &s->items[i]);
    for (size_t i = 0; i < s->window_count; i++)
        if (s->windows[i].is_open && fits(&s->windows[i].as_silence, a))
            take_later(&hit, &s->windows[i].as_silence);
    return hit;
}

/* ---- telling ---- */

static void put_time(struct json *j, const char *key, int64_t wall_ns)
{
    char time[CLOCK_RFC3339_BYTES];
    json_put_text(j, key, wall_ns && wall_ns != INT64_MAX ? clock_format_rfc3339(time, wall_ns) : NULL);
}

static void write_matchers(struct json *j, const struct silence *s)
{
    json_key(j, "matchers");
    json_begin_array(j);
    for (size_t i = 0; i < s->matcher_count; i++) {
        json_begin_object(j);
        json_put_str(j, "name", s->matchers[i].name);
        json_put_str(j, "value", s->matchers[i].value);
        json_put_bool(j, "isRegex", s->matchers[i].is_regex);
        json_put_bool(j, "isEqual", !s->matchers[i].is_unlike);
        json_end_object(j);
    }
    json_end_array(j);
}

static void write_one(struct json *j, const struct silence *s, const char *state)
{
    json_begin_object(j);
    json_put_text(j, "id", s->id);
    if (state) {
        json_key(j, "status");
        json_begin_object(j);
        json_put_text(j, "state", state);
        json_end_object(j);
    }
    write_matchers(j, s);
    put_time(j, "startsAt", s->starts_wall_ns);
    put_time(j, "endsAt", s->ends_wall_ns);
    put_time(j, "updatedAt", s->updated_wall_ns);
    json_put_text(j, "createdBy", s->who);
    json_put_text(j, "comment", s->comment);
    json_end_object(j);
}

void silences_write(const struct silences *s, struct json *j, int64_t wall_ns)
{
    json_begin_array(j);
    for (size_t i = s->count; i-- > 0;)
        write_one(j, &s->items[i], state_names[state_of(&s->items[i], wall_ns)]);
    for (size_t i = 0; i < s->window_count; i++)
        write_one(j, &s->windows[i].as_silence,
                  state_names[s->windows[i].is_open ? STATE_ACTIVE : STATE_PENDING]);
    json_end_array(j);
}

bool silences_write_one(const struct silences *s, struct json *j, struct str id, int64_t wall_ns)
{
    const struct silence *found = find(s, id);
    if (found)
        write_one(j, found, state_names[state_of(found, wall_ns)]);
    return found != NULL;
}

void silences_write_metrics(const struct silences *s, struct buf *out, int64_t wall_ns)
{
    uint32_t counts[STATE_COUNT] = {0}, open = 0;
    for (size_t i = 0; i < s->count; i++)
        counts[state_of(&s->items[i], wall_ns)]++;
    for (size_t i = 0; i < s->window_count; i++)
        open += s->windows[i].is_open;
    exposition_begin(out, "weir_silences", "gauge",
                     "Silences, by state; the number is bounded by watch.silences.max.");
    for (size_t i = 0; i < STATE_COUNT; i++)
        buf_printf(out, "weir_silences{state=\"%s\"} %u\n", state_names[i], counts[i]);
    exposition_put_one(out, "weir_silences_refused_total", "counter",
                       "Silences that were refused because there were too many.", (double)s->refused);
    exposition_put_one(out, "weir_maintenance_windows_open", "gauge",
                       "Maintenance windows of the configuration that are open now.", open);
}

/* ---- keeping ---- */

uint64_t silences_version(const struct silences *s)
{
    return s->version;
}

void silences_save(const struct silences *s, struct json *j)
{
    json_begin_array(j);
    for (size_t i = 0; i < s->count; i++)
        write_one(j, &s->items[i], NULL);
    json_end_array(j);
}

void silences_restore(struct silences *s, const struct json_value *list, int64_t wall_ns)
{
    for (size_t i = 0; i < json_value_count(list) && make_room(s, wall_ns); i++) {
        const struct json_value *v = json_value_at(list, i);
        struct silence_wish w;
        int64_t updated_ns = 0;
        char id[SILENCE_ID_BYTES];
        if (!silence_wish_read(v, wall_ns, &w, NULL) || w.id.len == 0 || find(s, w.id) ||
            wall_ns - w.ends_wall_ns > SILENCE_KEPT_NS)
            continue;
        str_copy(id, sizeof(id), w.id);
        (void)read_time(v, "updatedAt", 1, &updated_ns, NULL);
        append(s, id, &w, updated_ns);
    }
}
