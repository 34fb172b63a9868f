/*
 * default_rules.c: see default_rules.h.
 *
 * What the machine runs out of is a warning at most, for it may be meant so; critical is what hurts users. A
 * machine's number has to be bad for minutes, and clears well below where it began.
 */
#include "rule/default_rules.h"

#include "base/macros.h"

const struct default_rule default_rules[] = {
    /* ---- the machine ---- */
    {.name = "HostCpuHigh",
     .when = "cpu > 90% for 5m clear 80% for 1m",
     .severity = ALERT_WARNING,
     .summary = "CPU usage is high",
     .numbers = NUMBERS_CPU},
    {.name = "HostCpuStolen",
     .when = "cpu_steal > 10% for 10m clear 5% for 1m unknown ok",
     .severity = ALERT_WARNING,
     .summary = "The hypervisor takes CPU time away"},
    {.name = "HostMemoryHigh",
     .when = "memory > 80% for 5m clear 75% for 1m",
     .severity = ALERT_NOTICE,
     .summary = "Memory usage is high",
     .numbers = NUMBERS_MEMORY},
    {.name = "HostMemoryVeryHigh",
     .when = "memory > 90% for 5m clear 87.5% for 1m unknown ok",
     .severity = ALERT_WARNING,
     .summary = "Memory usage is very high",
     .numbers = NUMBERS_MEMORY_HALF},
    {.name = "HostDiskHigh",
     .when = "disk > 90% for 2m clear 87% for 1m",
     .severity = ALERT_WARNING,
     .summary = "Disk usage is high",
     .says = "{path} is {value} full {course}{rest}",
     .numbers = NUMBERS_DISK},
    {.name = "HostDiskAlmostFull",
     .when = "disk > 97% for 2m clear 95% for 1m unknown ok",
     .severity = ALERT_CRITICAL,
     .summary = "A disk is almost full",
     .says = "{path} is {value} full {course}{rest}",
     .numbers = NUMBERS_DISK_END},
    {.name = "HostInodesHigh",
     .when = "disk_inodes > 90% for 2m clear 87% for 1m unknown ok",
     .severity = ALERT_WARNING,
     .summary = "A file system runs out of inodes",
     .says = "{path} has {value} of its inodes in use {course}{rest}"},

    /* ---- services ---- */
    {.name = "ServiceDown",
     .when = "service_down",
     .severity = ALERT_CRITICAL,
     .summary = "A service has no healthy server",
     .says = "{note}",
     .says_at_end = "{note} after {lasted}"},
    {.name = "ErrorRateHigh",
     .when = "error_rate > 5% clear 2% for 10s unknown ok",
     .severity = ALERT_CRITICAL,
     .summary = "The error rate is high",
     .says = "{value} of {service}'s requests failed: {note} (threshold {threshold}, clears at {clear})",
     .says_at_end =
         "{value} of {service}'s requests failed: {note} (threshold {threshold}, clears at {clear})",
     .numbers = NUMBERS_ERROR_RATE},
    {.name = "ErrorBudgetBurn1h",
     .when = "burn_1h{objective=\"availability\"} > 14.4 and burn_5m{objective=\"availability\"} > 14.4 "
             "unknown ok",
     .severity = ALERT_CRITICAL,
     .summary = "Errors use up the error budget too fast"},
    {.name = "ErrorBudgetBurn6h",
     .when =
         "burn_6h{objective=\"availability\"} > 6 and burn_30m{objective=\"availability\"} > 6 unknown ok",
     .severity = ALERT_CRITICAL,
     .summary = "Errors use up the error budget too fast"},
    {.name = "ErrorBudgetBurn1d",
     .when = "burn_1d{objective=\"availability\"} > 3 and burn_2h{objective=\"availability\"} > 3 unknown ok",
     .severity = ALERT_WARNING,
     .summary = "Errors use up the error budget too fast"},
    {.name = "ErrorBudgetBurn3d",
     .when = "burn_3d{objective=\"availability\"} > 1 and burn_6h{objective=\"availability\"} > 1 unknown ok",
     .severity = ALERT_WARNING,
     .summary = "Errors use up the error budget too fast"},
    {.name = "LatencyBudgetBurn1h",
     .when = "burn_1h{objective=\"latency\"} > 14.4 and burn_5m{objective=\"latency\"} > 14.4 unknown ok",
     .severity = ALERT_CRITICAL,
     .summary = "Slow requests use up the error budget too fast"},
    {.name = "LatencyBudgetBurn6h",
     .when = "burn_6h{objective=\"latency\"} > 6 and burn_30m{objective=\"latency\"} > 6 unknown ok",
     .severity = ALERT_CRITICAL,
     .summary = "Slow requests use up the error budget too fast"},
    {.name = "LatencyBudgetBurn1d",
     .when = "burn_1d{objective=\"latency\"} > 3 and burn_2h{objective=\"latency\"} > 3 unknown ok",
     .severity = ALERT_WARNING,
     .summary = "Slow requests use up the error budget too fast"},
    {.name = "LatencyBudgetBurn3d",
     .when = "burn_3d{objective=\"latency\"} > 1 and burn_6h{objective=\"latency\"} > 1 unknown ok",
     .severity = ALERT_WARNING,
     .summary = "Slow requests use up the error budget too fast"},
    {.name = "ServerCrashing",
     .when = "server_deaths > 2 clear 0",
     .severity = ALERT_WARNING,
     .summary = "A server keeps crashing",
     .says = "{note}",
     .says_at_end = "{note}",
     .numbers = NUMBERS_CRASHES},
    {.name = "QueueWaiting",
     .when = "queue_length > 0 for 1m clear 0 for 30s",
     .severity = ALERT_WARNING,
     .summary = "Requests have to wait for a server",
     .says = "for {lasted}, requests of {service} have had to wait for a server: {now} now{rest}",
     .says_at_end = "no request of {service} waits any more after {lasted}"},
    {.name = "QueueAlmostFull",
     .when = "queue > 80% for 10s clear 50% for 30s",
     .severity = ALERT_CRITICAL,
     .summary = "A service's queue is almost full",
     .says =
         "{now} of the places in {service}'s queue are taken; requests are refused when it is full{rest}"},
    {.name = "DiscoveryFailing",
     .when = "discovery_failing > 5m clear 0s",
     .severity = ALERT_WARNING,
     .summary = "Finding a service's servers fails",
     .says = "for {now}, where the servers of {service} are listed could not be read: {note}",
     .says_at_end = "the servers of {service} can be found again after {note}",
     .numbers = NUMBERS_DISCOVERY},
    {.name = "ProviderFailing",
     .when = "provider_failing clear 0 for 10s",
     .severity = ALERT_WARNING,
     .summary = "Servers cannot be started or stopped",
     .says = "servers of {service}: {note}",
     .says_at_end = "where {service}'s servers come from answers again after {lasted}"},
    {.name = "ScalingAtMaximum",
     .when = "scaling_short > 0 for 5m clear 0 for 1m",
     .severity = ALERT_WARNING,
     .summary = "A service needs more servers than it may have",
     .says = "{service} has needed more servers than it may have for {lasted}{rest}",
     .says_at_end = "{service} has servers enough again after {lasted}"},

    /* ---- who is told: by all sinks but the one it is about ---- */
    {.name = "SinkFailing",
     .when = "sink_failing > 5m clear 0s",
     .severity = ALERT_WARNING,
     .summary = "Alerts do not reach a receiver",
     .says = "for {now}, no message has reached the sink {sink}: {note}",
     .says_at_end = "messages reach the sink {sink} again after {lasted}"},
    {.name = "SinkLost",
     .when = "sink_lost > 0 clear 0",
     .severity = ALERT_WARNING,
     .summary = "Somebody was not told of alerts",
     .says = "alerts were never told to the sink {sink}, {now} of late{rest}",
     .says_at_end = "for an hour, no alert was lost on its way to the sink {sink}"},
};
const size_t default_rule_count = ARRAY_LEN(default_rules);

const struct default_inhibition default_inhibitions[] = {
    {"ServiceDown", "ErrorRateHigh", "service"},    {"ServiceDown", "ErrorBudget*", "service"},
    {"ServiceDown", "LatencyBudget*", "service"},   {"ServiceDown", "ServerCrashing", "service"},
    {"ServiceDown", "Queue*", "service"},           {"ServiceDown", "ScalingAtMaximum", "service"},
    {"QueueAlmostFull", "QueueWaiting", "service"},
};
const size_t default_inhibition_count = ARRAY_LEN(default_inhibitions);

const struct default_rule *default_rule_find(struct str name)
{
    for (size_t i = 0; i < default_rule_count; i++)
        if (str_eq(name, str_of(default_rules[i].name)))
            return &default_rules[i];
    return NULL;
}

const char *default_rule_suggest(struct str name)
{
    const char *names[ARRAY_LEN(default_rules)];
    for (size_t i = 0; i < default_rule_count; i++)
        names[i] = default_rules[i].name;
    return str_nearest(name, names, default_rule_count);
}
