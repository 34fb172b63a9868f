/*
 * options.h: the command line of `weir simulate`, read and checked. docs/reference/simulate.md lists it.
 */
#pragma once
#include "config/model.h"
#include "scale/simulate/settings.h"
#include "scale/simulate/study.h"

enum { OPTIONS_TRACES_MAX = 32 };

struct options {
    const char *traces[OPTIONS_TRACES_MAX];
    uint32_t trace_count;
    const char *config_path, *service_name; /* NULL: the standard study's */
    const char *plot_path;                  /* NULL: none */
    bool is_json;
    struct str policies;
    uint32_t start_s[STUDY_STARTS_MAX], start_count;
    double peak_servers; /* in the busiest minute; 0: as recorded; < 0: as recorded with -c, else 40 or 4 */
    bool has_servers;    /* --servers */
    struct sim_model model; /* with the options' values; servers and objective may still come from config */
};

/* False with a sentence. Everything is borrowed from argv. */
bool options_read(struct options *o, int argc, char **argv, struct err *err) MUST_USE;
