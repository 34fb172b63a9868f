/*
 * plot.h: load, servers and latency over time as an SVG image. Pure: into a buf.
 */
#pragma once
#include "scale/simulate/report.h"

/* The study must have kept points. For each start time: Weir, the oracle, and of each other policy the
 * setting that keeps the objective best for no more servers than Weir's (or for the least). */
void plot_svg(const struct report_subject *subject, const struct study *s, struct buf *out);
