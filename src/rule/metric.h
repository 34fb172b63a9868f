/*
 * metric.h: the catalogue of what is watched. A metric is one kind of number; a subject is whom it is about;
 * both together are a series. Rules, history, API and the reference page name metrics as they are named here.
 *
 * X(ID, name, unit, subject, help). Add a row where its neighbours stand; a row's place is of no importance
 * to anything that is kept, its name is.
 */
#pragma once
#include "base/str.h"

#define METRICS(X)                                                                                           \
    /* The machine */                                                                                        \
    X(CPU, "cpu", PERCENT, HOST,                                                                             \
      "CPU use as psutil's cpu_percent; of what the control group may use when that has a limit.")           \
    X(CPU_IOWAIT, "cpu_iowait", PERCENT, HOST, "CPU time spent waiting for disks; idle in `cpu`.")           \
    X(CPU_STEAL, "cpu_steal", PERCENT, HOST, "CPU time taken by the hypervisor; busy in `cpu`.")             \
    X(MEMORY, "memory", PERCENT, HOST,                                                                       \
      "Memory that is not available to new programs; of the control group's limit when there is one.")       \
    X(SWAP, "swap", PERCENT, HOST, "Swap space in use; 0 without swap.")                                     \
    X(DISK, "disk", PERCENT, DISK, "How full a file system is for those who are not root.")                  \
    X(DISK_INODES, "disk_inodes", PERCENT, DISK, "Inodes of a file system in use.")                          \
    /* Objectives of services. Burn rates are scaled to a period of 30 days, so that one rule fits all. */   \
    X(BURN_5M, "burn_5m", RATIO, OBJECTIVE,                                                                  \
      "How fast the last 5 minutes used the error budget up; at 1 all day long, 30 days use up all of it.")  \
    X(BURN_30M, "burn_30m", RATIO, OBJECTIVE, "The same over the last 30 minutes.")                          \
    X(BURN_1H, "burn_1h", RATIO, OBJECTIVE, "The same over the last hour.")                                  \
    X(BURN_2H, "burn_2h", RATIO, OBJECTIVE, "The same over the last 2 hours.")                               \
    X(BURN_6H, "burn_6h", RATIO, OBJECTIVE, "The same over the last 6 hours.")                               \
    X(BURN_1D, "burn_1d", RATIO, OBJECTIVE, "The same over the last day.")                                   \
    X(BURN_3D, "burn_3d", RATIO, OBJECTIVE, "The same over the last 3 days.")                                \
    X(ERROR_BUDGET, "error_budget", PERCENT, OBJECTIVE,                                                      \
      "What is left of the error budget of the objective's period; below 0 when more was used.")

#define METRIC_ID(id, name, unit, subject, help) METRIC_##id,
enum metric { METRICS(METRIC_ID) METRIC_COUNT };

/* X(ID, name): what a value is, how it is written in a rule and shown to people. */
#define METRIC_UNITS(X)                                                                                      \
    X(PERCENT, "percent")                   /* 0 to 100; "90%" */                                            \
    X(SECONDS, "seconds")                   /* "300ms", "4h" */                                              \
    X(BYTES, "bytes")                       /* "2GiB" */                                                     \
    X(BYTES_PER_SECOND, "bytes per second") /* "10MiB/s" */                                                  \
    X(PER_SECOND, "per second")             /* "5/s" */                                                      \
    X(COUNT, "count")                       /* "3" */                                                        \
    X(RATIO, "ratio")                       /* "14.4" */                                                     \
    X(FLAG, "yes or no")                    /* 0 or 1 */
#define METRIC_UNIT_ID(id, name) METRIC_UNIT_##id,
enum metric_unit { METRIC_UNITS(METRIC_UNIT_ID) };

/* X(ID, first label, second label): the labels that tell subjects of one kind apart; "" for none. Every
 * series has the label `instance` besides: the machine it is about. */
#define SUBJECT_KINDS(X)                                                                                     \
    X(HOST, "", "")                                                                                          \
    X(CPU, "cpu", "")                                                                                        \
    X(DISK, "path", "")                                                                                      \
    X(DEVICE, "device", "")                                                                                  \
    X(INTERFACE, "interface", "")                                                                            \
    X(SERVICE, "service", "")                                                                                \
    X(SERVER, "service", "server")                                                                           \
    X(PROBE, "probe", "")                                                                                    \
    X(SINK, "sink", "")                                                                                      \
    X(OBJECTIVE, "service", "objective") /* "availability", "latency" */                                     \
    X(PROCESS, "process", "")            /* of Weir itself: "supervisor", "worker" */
#define SUBJECT_KIND_ID(id, first, second) SUBJECT_##id,
enum subject_kind { SUBJECT_KINDS(SUBJECT_KIND_ID) SUBJECT_KIND_COUNT };

enum { SUBJECT_NAMES_MAX = 2 };

struct metric_info {
    const char *name;
    enum metric_unit unit;
    enum subject_kind subject;
    const char *help;
};
extern const struct metric_info metric_infos[METRIC_COUNT];

const char *metric_unit_name(enum metric_unit unit);
/* The label's name, or "" when the kind has none at this index. */
const char *subject_label(enum subject_kind kind, size_t index);
/* METRIC_COUNT when there is none of this name. */
enum metric metric_find(struct str name);
/* The nearest name, for "did you mean"; NULL when none is near. */
const char *metric_suggest(struct str name);
