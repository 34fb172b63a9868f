/* history_file_priv.h: what history_file.c, which writes, and history_read.c, which answers, share. */
#pragma once
#include "store/history_file.h"

struct history_file {
    struct sql *sql;
    struct history_file_params params;
    int64_t behind_since_ns; /* 0: the clock is not behind */
    int64_t drop_after_ns;   /* nothing is dropped for its age before; 0: at once */
    const char *shortened;   /* a level, since it was told last; NULL: none */
};
