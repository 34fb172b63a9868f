/*
 * silence.h: which alerts nobody is to be told of, from when until when, by whom and why: silences that
 * people set, and maintenance windows of the configuration. Pure; times are of the wall clock, for they are
 * people's.
 *
 * The shape is Alertmanager's. A silence cannot be without an end. It is kept for a while after that, so that
 * people find it in the list.
 */
#pragma once
#include "base/err.h"
#include "base/json.h"
#include "config/model.h"
#include "net/json_value.h"
#include "rule/matcher.h"
#include "watch/alert.h"

enum {
    SILENCE_ID_BYTES = 16,
    SILENCE_MATCHERS_MAX = 8,
    SILENCE_WHO_BYTES_MAX = 128,
    SILENCE_COMMENT_BYTES_MAX = 512,
};
#define SILENCE_KEPT_NS (INT64_C(5) * 24 * 3600 * 1000000000) /* after its end, as Alertmanager does */

/* What is asked for. All text is borrowed. */
struct silence_wish {
    struct str id; /* of the silence to replace; "": a new one */
    int64_t starts_wall_ns, ends_wall_ns;
    struct str who, comment;
    size_t matcher_count;
    struct matcher matchers[SILENCE_MATCHERS_MAX];
};

/* Why an alert is silent. Borrowed until the next change of the silences. */
struct silence_hit {
    const char *id; /* NULL: it is not */
    int64_t until_wall_ns;
    const char *who, *comment;
};

struct silences;

struct silences *silences_new(void);    /* with the limits of an empty configuration */
void silences_free(struct silences *s); /* NULL is fine */
/* The limits and the maintenance windows; config must outlive the silences or the next call. */
void silences_configure(struct silences *s, const struct config_silences *config);

/*
 * Reads the body of a request, Alertmanager's postableSilence: matchers [{name, value, isEqual}], startsAt
 * (default now), endsAt, createdBy, comment, id. False with a sentence.
 */
bool silence_wish_read(const struct json_value *body, int64_t wall_ns, struct silence_wish *ret,
                       struct err *err);
/* False with a sentence: it ends before now, is too long, there are too many. ret_id has SILENCE_ID_BYTES. */
bool silences_add(struct silences *s, const struct silence_wish *wish, int64_t wall_ns, char *ret_id,
                  struct err *err);
/* Ends it now. False with a sentence: there is none, it is over, or it is the configuration's. */
bool silences_end(struct silences *s, struct str id, int64_t wall_ns, struct err *err);

/* Once a tick, before silences_find: finds out which maintenance windows are open, and forgets what is long
 * over. */
void silences_step(struct silences *s, int64_t wall_ns);
/* Of several the one that ends last. */
struct silence_hit silences_find(const struct silences *s, const struct alert *a, int64_t wall_ns);
/* Whether the silence of that id is about that alert, begun or not. false: there is no such silence. */
bool silences_fit(const struct silences *s, struct str id, const struct alert *a);

/* One array, newest first, then the windows. Of an id alone: one object; false: there is none. */
void silences_write(const struct silences *s, struct json *j, int64_t wall_ns);
bool silences_write_one(const struct silences *s, struct json *j, struct str id, int64_t wall_ns);
void silences_write_metrics(const struct silences *s, struct buf *out, int64_t wall_ns);

/* What people set, as text and back; the windows are the configuration's. *ret_version of silences_version is
 * another one after each change. */
uint64_t silences_version(const struct silences *s);
void silences_save(const struct silences *s, struct json *j);
/* Adds those that are not over for long; what does not fit is left out. */
void silences_restore(struct silences *s, const struct json_value *list, int64_t wall_ns);
