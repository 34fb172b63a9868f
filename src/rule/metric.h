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
    X(SWAP_IN, "swap_in", BYTES_PER_SECOND, HOST, "Memory read back from the swap space.")                   \
    X(SWAP_OUT, "swap_out", BYTES_PER_SECOND, HOST, "Memory written to the swap space.")                     \
    X(MAJOR_FAULTS, "major_faults", PER_SECOND, HOST,                                                        \
      "Pages of memory that had to be read from a disk first.")                                              \
    X(LOAD1, "load1", RATIO, HOST,                                                                           \
      "Load average of one minute: tasks that run, wait for a CPU or for a disk.")                           \
    X(LOAD5, "load5", RATIO, HOST, "Load average of five minutes.")                                          \
    X(LOAD15, "load15", RATIO, HOST, "Load average of 15 minutes.")                                          \
    X(LOAD_PER_CPU, "load_per_cpu", RATIO, HOST, "`load15` for each CPU.")                                   \
    X(CPU_PRESSURE, "cpu_pressure", PERCENT, HOST, "Time in which some task waited for a CPU (PSI some).")   \
    X(MEMORY_PRESSURE, "memory_pressure", PERCENT, HOST,                                                     \
      "Time in which some task waited for memory (PSI some).")                                               \
    X(MEMORY_STALLED, "memory_stalled", PERCENT, HOST,                                                       \
      "Time in which all tasks that could work waited for memory (PSI full).")                               \
    X(IO_PRESSURE, "io_pressure", PERCENT, HOST, "Time in which some task waited for a disk (PSI some).")    \
    X(IO_STALLED, "io_stalled", PERCENT, HOST,                                                               \
      "Time in which all tasks that could work waited for a disk (PSI full).")                               \
    X(OOM_KILLS, "oom_kills", COUNT, HOST,                                                                   \
      "Processes killed for lack of memory within 30 minutes; of the control group when that has a limit.")  \
    X(OPEN_FILES, "open_files", PERCENT, HOST,                                                               \
      "Files open in the whole machine, of what its kernel allows.")                                         \
    X(CONNTRACK, "conntrack", PERCENT, HOST, "Connections that the firewall follows, of those that it can.") \
    X(EPHEMERAL_PORTS, "ephemeral_ports", PERCENT, HOST,                                                     \
      "Local ports in use towards the busiest destination, of the range for outgoing connections.")          \
    X(SOCKETS, "sockets", COUNT, HOST, "Sockets in use, of all kinds.")                                      \
    X(TCP_CONNECTIONS, "tcp_connections", COUNT, HOST, "TCP sockets in use, without those in TIME_WAIT.")    \
    X(TCP_TIME_WAIT, "tcp_time_wait", COUNT, HOST, "TCP sockets in TIME_WAIT.")                              \
    X(TCP_RETRANSMITS, "tcp_retransmits", PERCENT, HOST, "TCP segments that had to be sent again.")          \
    X(LISTEN_OVERFLOWS, "listen_overflows", PER_SECOND, HOST,                                                \
      "Connections that found the accept queue of a listening socket full.")                                 \
    X(LISTEN_DROPS, "listen_drops", PER_SECOND, HOST,                                                        \
      "Connections dropped before they were accepted, for any reason.")                                      \
    X(CLOCK_OFFSET, "clock_offset", SECONDS, HOST,                                                           \
      "How far the clock is off, by what disciplines it; without sign.")                                     \
    X(CLOCK_ERROR, "clock_error", SECONDS, HOST,                                                             \
      "How far the clock may be off at most, as the kernel reckons.")                                        \
    X(CLOCK_SYNCHRONISED, "clock_synchronised", FLAG, HOST,                                                  \
      "Whether something (NTP, PTP) disciplines the clock; unknown until something has since the kernel "    \
      "started.")                                                                                            \
    X(CPU_CORE, "cpu_core", PERCENT, CPU, "Use of one CPU.")                                                 \
    /* The control group (container) of Weir */                                                              \
    X(CGROUP_CPU, "cgroup_cpu", PERCENT, HOST,                                                               \
      "CPU use, of the limit that is nearest to being reached; there while there is one.")                   \
    X(CGROUP_THROTTLED, "cgroup_throttled", PERCENT, HOST,                                                   \
      "Periods in which the control group was held back at its CPU limit; there while there is one.")        \
    X(CGROUP_MEMORY, "cgroup_memory", PERCENT, HOST,                                                         \
      "Memory in use, of the limit that is nearest to being reached; there while there is one.")             \
    X(CGROUP_PIDS, "cgroup_pids", PERCENT, HOST,                                                             \
      "Processes and threads, of the limit that is nearest to being reached; there while there is one.")     \
    X(CGROUP_OOM_KILLS, "cgroup_oom_kills", COUNT, HOST,                                                     \
      "Processes of the control group killed for lack of memory within 30 minutes.")                         \
    X(CGROUP_CPU_PRESSURE, "cgroup_cpu_pressure", PERCENT, HOST,                                             \
      "Time in which some task of the group waited for a CPU (PSI some).")                                   \
    X(CGROUP_CPU_STALLED, "cgroup_cpu_stalled", PERCENT, HOST,                                               \
      "Time in which all tasks of the group waited for a CPU (PSI full).")                                   \
    X(CGROUP_MEMORY_PRESSURE, "cgroup_memory_pressure", PERCENT, HOST,                                       \
      "Time in which some task of the group waited for memory (PSI some).")                                  \
    X(CGROUP_MEMORY_STALLED, "cgroup_memory_stalled", PERCENT, HOST,                                         \
      "Time in which all tasks of the group waited for memory (PSI full).")                                  \
    X(CGROUP_IO_PRESSURE, "cgroup_io_pressure", PERCENT, HOST,                                               \
      "Time in which some task of the group waited for a disk (PSI some).")                                  \
    X(CGROUP_IO_STALLED, "cgroup_io_stalled", PERCENT, HOST,                                                 \
      "Time in which all tasks of the group waited for a disk (PSI full).")                                  \
    /* File systems */                                                                                       \
    X(DISK, "disk", PERCENT, DISK, "How full a file system is for those who are not root.")                  \
    X(DISK_INODES, "disk_inodes", PERCENT, DISK, "Inodes of a file system in use.")                          \
    X(DISK_FREE, "disk_free", BYTES, DISK, "What those who are not root may still write to a file system.")  \
    X(DISK_FULL_IN, "disk_full_in", SECONDS, DISK,                                                           \
      "Time until a file system is full, if it goes on filling as in the last six hours; a year stands for " \
      "later and for never.")                                                                                \
    X(DISK_READ_ONLY, "disk_read_only", FLAG, DISK,                                                          \
      "Whether the kernel made a file system read-only, after an error.")                                    \
    /* What block devices and links do */                                                                    \
    X(DISK_READ, "disk_read", BYTES_PER_SECOND, DEVICE, "Bytes read from a block device.")                   \
    X(DISK_WRITTEN, "disk_written", BYTES_PER_SECOND, DEVICE, "Bytes written to a block device.")            \
    X(DISK_READS, "disk_reads", PER_SECOND, DEVICE, "Read requests that a block device has finished.")       \
    X(DISK_WRITES, "disk_writes", PER_SECOND, DEVICE, "Write requests that a block device has finished.")    \
    X(DISK_BUSY, "disk_busy", PERCENT, DEVICE, "Time in which a block device had something to do.")          \
    X(DISK_QUEUE, "disk_queue", RATIO, DEVICE, "Requests under way at a block device, in the mean.")         \
    X(DISK_READ_LATENCY, "disk_read_latency", SECONDS, DEVICE,                                               \
      "What a read request took, in the mean; 0 when there was none.")                                       \
    X(DISK_WRITE_LATENCY, "disk_write_latency", SECONDS, DEVICE,                                             \
      "What a write request took, in the mean; 0 when there was none.")                                      \
    X(NET_RECEIVED, "net_received", BYTES_PER_SECOND, INTERFACE, "Bytes that a network interface received.") \
    X(NET_SENT, "net_sent", BYTES_PER_SECOND, INTERFACE, "Bytes that a network interface sent.")             \
    X(NET_USAGE, "net_usage", PERCENT, INTERFACE,                                                            \
      "The busier direction of a network interface, of its link's speed.")                                   \
    X(NET_ERRORS, "net_errors", PER_SECOND, INTERFACE, "Packets with errors, both directions.")              \
    X(NET_DROPS, "net_drops", PER_SECOND, INTERFACE, "Packets dropped, both directions.")                    \
    /* Who is told of alerts */                                                                              \
    X(SINK_FAILING, "sink_failing", SECONDS, SINK,                                                           \
      "For how long no message has reached a sink although there were some; 0 when the last one did.")       \
    X(SINK_LOST, "sink_lost", COUNT, SINK,                                                                   \
      "Notifications that a sink was never told of: refused, too old or too many. Counted until an hour "    \
      "after the last one.")                                                                                 \
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
      "What is left of the error budget of the objective's period; below 0 when more was used.")             \
    /* The servers */                                                                                        \
    X(SERVER_DOWN, "server_down", FLAG, SERVER,                                                              \
      "It should take requests and does not: its checks fail, or it refuses connections.")                   \
    X(SERVER_CPU, "server_cpu", PERCENT, SERVER,                                                             \
      "CPU use of a server that Weir started here; 100 % is one CPU.")                                       \
    X(SERVER_MEMORY, "server_memory", BYTES, SERVER, "Resident memory of its processes, added up.")          \
    X(SERVER_PROCESSES, "server_processes", COUNT, SERVER, "Its processes.")                                 \
    X(SERVER_THREADS, "server_threads", COUNT, SERVER, "Threads of its processes.")                          \
    X(SERVER_FILES, "server_files", COUNT, SERVER, "Open files of its processes.")                           \
    /* Weir itself */                                                                                        \
    X(PROCESS_CPU, "process_cpu", PERCENT, PROCESS, "CPU use of a process of Weir; 100 % is one CPU.")       \
    X(PROCESS_MEMORY, "process_memory", BYTES, PROCESS, "Resident memory of a process of Weir.")             \
    X(PROCESS_FILES, "process_files", COUNT, PROCESS, "Open files of a process of Weir.")                    \
    X(PROCESS_FILES_USAGE, "process_files_usage", PERCENT, PROCESS,                                          \
      "Open files of the worker, of its limit (RLIMIT_NOFILE).")                                             \
    X(PROCESS_THREADS, "process_threads", COUNT, PROCESS, "Threads of a process of Weir.")                   \
    X(PROCESS_RESTARTS, "process_restarts", COUNT, PROCESS,                                                  \
      "How often the worker was started anew since the supervisor began.")                                   \
    X(HISTORY_FAILING, "history_failing", FLAG, HOST,                                                        \
      "Whether the history cannot be kept, as on a full disk; there while one is kept.")                     \
    X(STATE_FAILING, "state_failing", FLAG, HOST,                                                            \
      "Whether what is learned, alerts and messages that wait cannot be kept (`state`); not with "           \
      "`state: off`.")                                                                                       \
    /* Other machines */                                                                                     \
    X(HOST_FAILURES, "host_failures", COUNT, HOST,                                                           \
      "Times in a row that the numbers of another machine could not be had; 0: all is well.")                \
    X(HOST_NUMBER, "host_number", NUMBER, NUMBER,                                                            \
      "A number that another machine's exporter tells, declared under `numbers` of the host.")               \
    /* Probes: sites and services seen from outside */                                                       \
    X(PROBE_FAILURES, "probe_failures", COUNT, PROBE, "Looks that failed in a row; 0: all is well.")         \
    X(PROBE_TIME, "probe_time", SECONDS, PROBE, "How long the latest look took until all was there.")        \
    X(CERTIFICATE_LEFT, "certificate_left", SECONDS, PROBE,                                                  \
      "Until the first certificate of the chain that was shown ends to be valid.")                           \
    /* The services */                                                                                       \
    X(SERVICE_DOWN, "service_down", FLAG, SERVICE,                                                           \
      "The service wants servers and has no healthy one; not while its first ones start, and not for 5 s "   \
      "when Weir replaces one that died.")                                                                   \
    X(SERVERS_HEALTHY, "servers_healthy", COUNT, SERVICE, "Servers that take requests now.")                 \
    X(SERVERS_WANTED, "servers_wanted", COUNT, SERVICE,                                                      \
      "Servers that are configured, or that scaling wants.")                                                 \
    X(REQUEST_RATE, "request_rate", PER_SECOND, SERVICE, "Requests answered, over the last minute.")         \
    X(ERROR_RATE, "error_rate", PERCENT, SERVICE,                                                            \
      "Share of responses that were 5xx, over `watch.error_rate.for`; unknown with less than "               \
      "`min_requests` of them.")                                                                             \
    X(LATENCY_P50, "latency_p50", SECONDS, SERVICE,                                                          \
      "Half of the requests of the last minute took at most so long; unknown when there were none.")         \
    X(LATENCY_P99, "latency_p99", SECONDS, SERVICE, "The same of 99 % of them.")                             \
    X(ANSWER_P50, "answer_p50", SECONDS, SERVICE,                                                            \
      "Half of the answers of the last minute began at most so long after the request was sent to a "        \
      "server; unknown with less than 5. Only of services that promise no latency: an error budget tells "   \
      "more.")                                                                                               \
    X(ANSWER_SLOWDOWN, "answer_slowdown", RATIO, SERVICE,                                                    \
      "How many times as long as usual `answer_p50` is; usual is the median hour of the week before, and "   \
      "a second until there were 24 hours with 20 answers each.")                                            \
    X(QUEUE_LENGTH, "queue_length", COUNT, SERVICE, "Requests that wait for a server now.")                  \
    X(QUEUE, "queue", PERCENT, SERVICE, "How full the queue is (`queue.length`).")                           \
    X(QUEUE_AGE, "queue_age", SECONDS, SERVICE, "How long the first request in the queue has waited.")       \
    X(SERVER_DEATHS, "server_deaths", COUNT, SERVICE,                                                        \
      "Servers that died without being told to, within `watch.crashes.within`.")                             \
    X(DISCOVERY_FAILING, "discovery_failing", SECONDS, SERVICE,                                              \
      "For how long the service's servers could not be discovered; 0 when they can.")                        \
    X(PROVIDER_FAILING, "provider_failing", FLAG, SERVICE,                                                   \
      "The engine that the service's servers come from fails, and not just once.")                           \
    X(SCALING_SHORT, "scaling_short", COUNT, SERVICE,                                                        \
      "Servers that the load needs beyond the most that scaling may start.")

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
    X(NUMBER, "number")                     /* "0.25", "100000": whatever its source means by it */          \
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
    X(NUMBER, "number", "") /* of another machine's exporter, by its name in the configuration */            \
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
