/*
 * report.h: a study's results for people and for programs. Pure: into a buf.
 */
#pragma once
#include "base/json.h"
#include "scale/simulate/study.h"

/* What the tables' heads tell. */
struct report_subject {
    const char *trace; /* its name */
    const struct load *load;
    const struct sim_model *model;
    double trace_mean; /* requests a second as recorded */
};

/* A table a start time: of each policy the settings that none of its own beats; then how Weir stands. */
void report_table(const struct report_subject *subject, const struct study *s, struct buf *out);
/* Adds one object a row to an open array. */
void report_json(const struct report_subject *subject, const struct study *s, struct json *j);
