/*
 * lines.h: a server's output, cut into lines: whole lines go on at once, the last few are kept for the day it
 * dies. Pure. Longer lines are cut into several, so that a server without line ends cannot make Weir grow.
 * NUL bytes become '?'.
 */
#pragma once
#include "base/buf.h"

enum {
    LINES_BYTES_MAX =
        3900,            /* of one line: with its prefix it fits into one atomic write to a pipe (PIPE_BUF) */
    LINES_KEPT_MAX = 10, /* lines */
    LINES_KEPT_BYTES_MAX = 512, /* of each kept line */
};

struct lines {
    size_t len;
    char partial[LINES_BYTES_MAX];
    unsigned kept_count; /* ever; the newest is at (kept_count - 1) % LINES_KEPT_MAX */
    char kept[LINES_KEPT_MAX][LINES_KEPT_BYTES_MAX + 1];
};

/* Called for each line, without its end (LF or CR LF). */
struct lines_sink {
    void *context;
    void (*on_line)(void *context, struct str line);
};

/* A zeroed struct lines is ready for use. */
void lines_feed(struct lines *l, struct str bytes, const struct lines_sink *sink);
void lines_flush(struct lines *l, const struct lines_sink *sink); /* the last line may lack its end */
void lines_format_kept(const struct lines *l, struct buf *out);   /* oldest first, each followed by LF */
