/*
 * history_query.h: what is asked of /api/v1/history, from the query of its URL. Pure.
 *
 *   metric=cpu        without it: which series there are
 *   from=, to=        seconds since 1970, so long ago (6h), or now; without them the last hour
 *   step=             10, 10s, 1m: points at most so close; without it as suits a chart
 *   anything else     a label: path=/var
 */
#pragma once
#include "base/err.h"
#include "base/macros.h"
#include "base/str.h"

enum {
    HISTORY_QUERY_LABELS_MAX = 8,
    HISTORY_QUERY_NAME_BYTES = 64,
    HISTORY_QUERY_VALUE_BYTES = 512,
    HISTORY_QUERY_POINTS_MAX = 5000, /* of a series */
};

struct history_query {
    char metric[HISTORY_QUERY_NAME_BYTES]; /* "": which series there are */
    int64_t from_s, to_s;                  /* from < to <= now */
    int64_t step_s;                        /* 0: none was asked for */
    size_t label_count;
    struct history_query_label {
        char name[HISTORY_QUERY_NAME_BYTES], value[HISTORY_QUERY_VALUE_BYTES];
    } labels[HISTORY_QUERY_LABELS_MAX];
};

/* query: as it stood in the URL, without "?". False: err reads as a sentence. */
bool history_query_parse(struct history_query *ret_query, struct str query, int64_t now_s,
                         struct err *err) MUST_USE;
