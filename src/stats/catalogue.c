#include "stats/catalogue.h"

#define ROW(id, name, labels, help) {name, labels, help},
const struct metric_row thread_metric_rows[THREAD_COUNTER_COUNT] = {THREAD_COUNTERS(ROW)};
const struct metric_row service_metric_rows[SERVICE_COUNTER_COUNT] = {SERVICE_COUNTERS(ROW)};
const struct metric_row server_metric_rows[SERVER_COUNTER_COUNT] = {SERVER_COUNTERS(ROW)};

const double metric_edges_s[METRIC_EDGE_COUNT] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                  0.25,  0.5,    1,     2.5,  5,     10,   30};
