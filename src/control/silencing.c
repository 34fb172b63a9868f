/* Silences that people set and end: asked for through the API, told as events, kept at once. */
#include "base/clock.h"
#include "control/control_priv.h"

#include <stdio.h>

/* How many alerts it is about: of all that there are, fine ones included, and of those that fire. */
static void write_fits(const struct control *c, const char *id, struct json *j)
{
    const struct alert *a;
    int64_t all = 0, firing = 0;
    for (size_t i = 0; (a = watch_alert(c->watch, i)) != NULL; i++) {
        bool does_fit = silences_fit(watch_silences(c->watch), str_of(id), a);
        all += does_fit;
        firing += does_fit && alert_life_is_active(&a->life);
    }
    json_put_int(j, "fits", all);
    json_put_int(j, "fits_firing", firing);
}

static void write_answer(const struct control *c, const char *id, struct json *j)
{
    json_begin_object(j);
    json_put_text(j, "silenceID", id);
    write_fits(c, id, j);
    json_key(j, "silence");
    (void)silences_write_one(watch_silences(c->watch), j, str_of(id), clock_wall_ns());
    json_end_object(j);
}

/* The silence itself is the event's details. */
static void note(struct control *c, const char *id, const char *text)
{
    struct buf details CLEANUP(buf_fini) = {0};
    struct json j;
    json_init(&j, &details);
    (void)silences_write_one(watch_silences(c->watch), &j, str_of(id), clock_wall_ns());
    control_note(c,
                 &(struct event_note){
                     .kind = "silence", .level = LOG_LEVEL_INFO, .text = text, .details = buf_str(&details)});
}

static void put_matchers(struct buf *out, const struct silence_wish *w)
{
    for (size_t i = 0; i < w->matcher_count; i++)
        buf_printf(out, " %.*s%s%.*s", STR_ARG(w->matchers[i].name), matcher_sign(&w->matchers[i]),
                   STR_ARG(w->matchers[i].value));
}

bool silencing_add(struct control *c, const struct json_value *body, struct json *j, struct err *err)
{
    char id[SILENCE_ID_BYTES], from[CLOCK_RFC3339_BYTES], until[CLOCK_RFC3339_BYTES];
    struct silence_wish wish;
    int64_t wall_ns = clock_wall_ns();
    struct buf text CLEANUP(buf_fini) = {0};
    if (!silence_wish_read(body, wall_ns, &wish, err) ||
        !silences_add(watch_silences(c->watch), &wish, wall_ns, id, err))
        return false;
    buf_put(&text, STR("nobody is told of"));
    put_matchers(&text, &wish);
    if (wish.starts_wall_ns > wall_ns)
        buf_printf(&text, " from %s", clock_format_rfc3339(from, wish.starts_wall_ns));
    buf_printf(&text, " until %s: silence %s by %.*s%s%.*s", clock_format_rfc3339(until, wish.ends_wall_ns),
               id, STR_ARG(wish.who), wish.comment.len ? ", " : "", STR_ARG(wish.comment));
    note(c, id, text.ptr);
    write_answer(c, id, j);
    keeping_note_watch(c);
    return true;
}

bool silencing_end(struct control *c, struct str id, struct json *j, struct err *err)
{
    char name[SILENCE_ID_BYTES], text[SILENCE_ID_BYTES + 32];
    if (!silences_end(watch_silences(c->watch), id, clock_wall_ns(), err))
        return false;
    str_copy(name, sizeof(name), id);
    snprintf(text, sizeof(text), "silence %s was ended", name);
    note(c, name, text);
    write_answer(c, name, j);
    keeping_note_watch(c);
    return true;
}
