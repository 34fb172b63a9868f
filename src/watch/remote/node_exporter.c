/*
 * node_exporter.c: see node_exporter.h. Three tables name the rows that matter: single numbers of the machine
 * (some are sums over a label), columns of a file system, a block device, an interface. One pass over the
 * text fills them; then they are made into a sample, with the pass before for what is counted.
 */
#include "watch/remote/node_exporter.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "watch/disks.h"
#include "watch/formula.h"
#include "watch/pools.h"
#include "watch/recent.h"
#include "watch/remote/exposition_reader.h"
#include "watch/timekeeping.h"
#include "watch/trend.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char not_told[] = "the exporter does not tell it";

/* X(ID, metric, label, value): summed over the rows whose label has that value; without a label over all. */
#define FACTS(X)                                                                                             \
    X(CPU_ALL, "node_cpu_seconds_total", NULL, NULL)                                                         \
    X(CPU_IDLE, "node_cpu_seconds_total", "mode", "idle")                                                    \
    X(CPU_IOWAIT, "node_cpu_seconds_total", "mode", "iowait")                                                \
    X(CPU_STEAL, "node_cpu_seconds_total", "mode", "steal")                                                  \
    X(MEMORY_TOTAL, "node_memory_MemTotal_bytes", NULL, NULL)                                                \
    X(MEMORY_AVAILABLE, "node_memory_MemAvailable_bytes", NULL, NULL)                                        \
    X(SWAP_TOTAL, "node_memory_SwapTotal_bytes", NULL, NULL)                                                 \
    X(SWAP_FREE, "node_memory_SwapFree_bytes", NULL, NULL)                                                   \
    X(LOAD1, "node_load1", NULL, NULL)                                                                       \
    X(LOAD5, "node_load5", NULL, NULL)                                                                       \
    X(LOAD15, "node_load15", NULL, NULL)                                                                     \
    X(SWAPPED_IN, "node_vmstat_pswpin", NULL, NULL)                                                          \
    X(SWAPPED_OUT, "node_vmstat_pswpout", NULL, NULL)                                                        \
    X(MAJOR_FAULTS, "node_vmstat_pgmajfault", NULL, NULL)                                                    \
    X(OOM_KILLS, "node_vmstat_oom_kill", NULL, NULL)                                                         \
    X(CPU_WAITING, "node_pressure_cpu_waiting_seconds_total", NULL, NULL)                                    \
    X(MEMORY_WAITING, "node_pressure_memory_waiting_seconds_total", NULL, NULL)                              \
    X(MEMORY_STALLED, "node_pressure_memory_stalled_seconds_total", NULL, NULL)                              \
    X(IO_WAITING, "node_pressure_io_waiting_seconds_total", NULL, NULL)                                      \
    X(IO_STALLED, "node_pressure_io_stalled_seconds_total", NULL, NULL)                                      \
    X(FILES_OPEN, "node_filefd_allocated", NULL, NULL)                                                       \
    X(FILES_MAX, "node_filefd_maximum", NULL, NULL)                                                          \
    X(CONNTRACK_COUNT, "node_nf_conntrack_entries", NULL, NULL)                                              \
    X(CONNTRACK_MAX, "node_nf_conntrack_entries_limit", NULL, NULL)                                          \
    X(SOCKETS, "node_sockstat_sockets_used", NULL, NULL)                                                     \
    X(TCP_IN_USE, "node_sockstat_TCP_inuse", NULL, NULL)                                                     \
    X(TCP6_IN_USE, "node_sockstat_TCP6_inuse", NULL, NULL)                                                   \
    X(TCP_TIME_WAIT, "node_sockstat_TCP_tw", NULL, NULL)                                                     \
    X(SEGMENTS_SENT, "node_netstat_Tcp_OutSegs", NULL, NULL)                                                 \
    X(SEGMENTS_AGAIN, "node_netstat_Tcp_RetransSegs", NULL, NULL)                                            \
    X(LISTEN_OVERFLOWS, "node_netstat_TcpExt_ListenOverflows", NULL, NULL)                                   \
    X(LISTEN_DROPS, "node_netstat_TcpExt_ListenDrops", NULL, NULL)                                           \
    X(CLOCK_OFFSET, "node_timex_offset_seconds", NULL, NULL)                                                 \
    X(CLOCK_ERROR, "node_timex_maxerror_seconds", NULL, NULL)                                                \
    X(CLOCK_ESTIMATE, "node_timex_estimated_error_seconds", NULL, NULL)                                      \
    X(CLOCK_FREQUENCY, "node_timex_frequency_adjustment_ratio", NULL, NULL)                                  \
    X(CLOCK_SYNCHRONISED, "node_timex_sync_status", NULL, NULL)
#define FACT_ID(id, metric, label, value) FACT_##id,
enum fact { FACTS(FACT_ID) FACT_COUNT };

static const struct fact_row {
    const char *metric, *label, *value;
} fact_rows[FACT_COUNT] = {
#define FACT_ROW(id, metric, label, value) {metric, label, value},
    FACTS(FACT_ROW)};

/* X(ID, table, metric) */
#define COLUMNS(X)                                                                                           \
    X(DISK_SIZE, DISKS, "node_filesystem_size_bytes")                                                        \
    X(DISK_FREE, DISKS, "node_filesystem_free_bytes")                                                        \
    X(DISK_AVAILABLE, DISKS, "node_filesystem_avail_bytes")                                                  \
    X(DISK_FILES, DISKS, "node_filesystem_files")                                                            \
    X(DISK_FILES_FREE, DISKS, "node_filesystem_files_free")                                                  \
    X(DISK_READ_ONLY, DISKS, "node_filesystem_readonly")                                                     \
    X(READ_BYTES, DEVICES, "node_disk_read_bytes_total")                                                     \
    X(WRITTEN_BYTES, DEVICES, "node_disk_written_bytes_total")                                               \
    X(READS, DEVICES, "node_disk_reads_completed_total")                                                     \
    X(WRITES, DEVICES, "node_disk_writes_completed_total")                                                   \
    X(READ_TIME, DEVICES, "node_disk_read_time_seconds_total")                                               \
    X(WRITE_TIME, DEVICES, "node_disk_write_time_seconds_total")                                             \
    X(BUSY_TIME, DEVICES, "node_disk_io_time_seconds_total")                                                 \
    X(QUEUE_TIME, DEVICES, "node_disk_io_time_weighted_seconds_total")                                       \
    X(RECEIVED, INTERFACES, "node_network_receive_bytes_total")                                              \
    X(SENT, INTERFACES, "node_network_transmit_bytes_total")                                                 \
    X(RECEIVE_ERRORS, INTERFACES, "node_network_receive_errs_total")                                         \
    X(SEND_ERRORS, INTERFACES, "node_network_transmit_errs_total")                                           \
    X(RECEIVE_DROPS, INTERFACES, "node_network_receive_drop_total")                                          \
    X(SEND_DROPS, INTERFACES, "node_network_transmit_drop_total")                                            \
    X(SPEED, INTERFACES, "node_network_speed_bytes")
#define COLUMN_ID(id, table, metric) COLUMN_##id,
enum column { COLUMNS(COLUMN_ID) COLUMN_COUNT };
enum table { TABLE_DISKS, TABLE_DEVICES, TABLE_INTERFACES, TABLE_COUNT };

static const struct column_row {
    enum table table;
    const char *metric;
} column_rows[COLUMN_COUNT] = {
#define COLUMN_ROW(id, table, metric) {TABLE_##table, metric},
    COLUMNS(COLUMN_ROW)};

struct table_row {
    const char *label;
    uint32_t rows_max;
};
static const struct table_row table_rows[TABLE_COUNT] = {
    [TABLE_DISKS] = {"mountpoint", HOST_DISKS_MAX},
    [TABLE_DEVICES] = {"device", HOST_DEVICES_MAX},
    [TABLE_INTERFACES] = {"device", HOST_INTERFACES_MAX},
};

enum { ENTITIES_MAX = MAX(HOST_DISKS_MAX, MAX(HOST_DEVICES_MAX, HOST_INTERFACES_MAX)) };

/* One file system, device or interface. NAN: not told. */
struct entity {
    char name[HOST_PATH_BYTES];
    char pool[HOST_POOL_BYTES]; /* of a file system; "": it is alone */
    double values[COLUMN_COUNT];
};

/* One answer. NAN: not told. */
struct answer {
    int64_t at_ns;
    double facts[FACT_COUNT];
    uint32_t cpus;
    uint32_t counts[TABLE_COUNT];
    struct entity entities[TABLE_COUNT][ENTITIES_MAX];
};

struct filling { /* what is kept of one file system */
    char path[HOST_PATH_BYTES];
    uint32_t pool_mounts;
    struct trend trend;
};

struct node_exporter {
    bool has_before, is_machine;
    struct answer *now, *before; /* owned */
    struct recent oom_kills;
    uint32_t filling_count;
    struct filling filling[HOST_DISKS_MAX];
};

struct node_exporter *node_exporter_new(void)
{
    struct node_exporter *n = NEW(struct node_exporter);
    n->now = NEW(struct answer);
    n->before = NEW(struct answer);
    return n;
}

void node_exporter_free(struct node_exporter *n)
{
    if (n == NULL)
        return;
    free(n->now);
    free(n->before);
    free(n);
}

/* ---- reading ---- */

static void take_facts(struct answer *a, const struct exposition_row *row)
{
    char value[16];
    for (size_t i = 0; i < FACT_COUNT; i++) {
        const struct fact_row *f = &fact_rows[i];
        if (!str_eq(row->name, str_of(f->metric)))
            continue;
        if (f->label && (!exposition_label(row, f->label, value, sizeof(value)) || strcmp(value, f->value)))
            continue;
        a->facts[i] = isnan(a->facts[i]) ? row->value : a->facts[i] + row->value;
        a->cpus += i == FACT_CPU_IDLE;
    }
}

static struct entity *find_entity(struct answer *a, enum table table, const char *name)
{
    for (uint32_t i = 0; i < a->counts[table]; i++)
        if (strcmp(a->entities[table][i].name, name) == 0)
            return &a->entities[table][i];
    return NULL;
}

static struct entity *add_entity(struct answer *a, enum table table, const char *name)
{
    if (a->counts[table] == table_rows[table].rows_max)
        return NULL;
    struct entity *e = &a->entities[table][a->counts[table]++];
    e->pool[0] = '\0';
    str_copy(e->name, sizeof(e->name), str_of(name));
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        e->values[i] = NAN;
    return e;
}

static bool is_left_out(const struct exposition_row *row, enum table table, const char *name)
{
    char type[32];
    if (table == TABLE_INTERFACES)
        return strcmp(name, "lo") == 0;
    if (table != TABLE_DISKS)
        return false;
    exposition_label(row, "fstype", type, sizeof(type));
    return !disks_can_fill_up(str_of(type), str_of(name));
}

/* A device that is mounted several times, or in parts (btrfs), is a pool of its mounts. */
static void note_pool(const struct exposition_row *row, char ret_pool[HOST_POOL_BYTES])
{
    char type[32], device[HOST_PATH_BYTES];
    exposition_label(row, "fstype", type, sizeof(type));
    exposition_label(row, "device", device, sizeof(device));
    pools_name(str_of(type), str_of(device), ret_pool);
    if (str_starts_with(str_of(device), STR("/dev/")) && strlen(device) < HOST_POOL_BYTES)
        str_copy(ret_pool, HOST_POOL_BYTES, str_of(device));
}

static void take_columns(struct answer *a, const struct exposition_row *row)
{
    char name[HOST_PATH_BYTES];
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        const struct column_row *c = &column_rows[i];
        if (!str_eq(row->name, str_of(c->metric)) ||
            !exposition_label(row, table_rows[c->table].label, name, sizeof(name)) ||
            is_left_out(row, c->table, name))
            continue;
        struct entity *e = find_entity(a, c->table, name);
        if (!e)
            e = add_entity(a, c->table, name);
        if (!e)
            continue;
        e->values[i] = row->value;
        if (c->table == TABLE_DISKS)
            note_pool(row, e->pool);
    }
}

static bool read_answer(struct answer *a, struct str text, char *why, size_t why_bytes)
{
    struct exposition_reader e;
    struct exposition_row row;
    bool has_rows = false;
    memset(a->counts, 0, sizeof(a->counts));
    a->cpus = 0;
    for (size_t i = 0; i < FACT_COUNT; i++)
        a->facts[i] = NAN;
    exposition_reader_init(&e, text);
    while (exposition_reader_next(&e, &row)) {
        has_rows = true;
        if (!str_starts_with(row.name, STR("node_")))
            continue;
        take_facts(a, &row);
        take_columns(a, &row);
    }
    if (e.why) {
        (void)snprintf(why, why_bytes, "line %u: %s", e.line, e.why);
        return false;
    }
    if (!has_rows)
        (void)snprintf(why, why_bytes, "it tells nothing at all: no exporter");
    return has_rows;
}

/* ---- making a sample ---- */

static const char nonsense[] = "the exporter tells nonsense";

/* For people: a size in bytes, whatever was told. */
static uint64_t whole(double value)
{
    return value > 0 && value < 0x1p63 ? (uint64_t)value : 0;
}

static struct reading gauge(double value)
{
    if (isinf(value))
        return reading_unknown(nonsense);
    return isnan(value) ? reading_unknown(not_told) : reading_known(value);
}

/* What a counter grew by; unknown with a reason where that cannot be said. */
static struct reading grown(const struct node_exporter *n, double before, double now)
{
    if (isnan(now))
        return reading_unknown(not_told);
    if (isinf(now) || isinf(before))
        return reading_unknown(nonsense);
    if (!n->has_before || isnan(before))
        return reading_unknown(formula_first_sample);
    if (now < before)
        return reading_unknown("the counter began anew");
    return reading_known(now - before);
}

static double elapsed_s(const struct node_exporter *n)
{
    return (double)(n->now->at_ns - n->before->at_ns) / NS_PER_S;
}

static struct reading scaled(struct reading r, double factor)
{
    r.value *= factor;
    return r;
}

static struct reading rate(const struct node_exporter *n, double before, double now)
{
    return scaled(grown(n, before, now), 1 / elapsed_s(n));
}

static struct reading fact_rate(const struct node_exporter *n, enum fact f)
{
    return rate(n, n->before->facts[f], n->now->facts[f]);
}

static struct reading fact_gauge(const struct node_exporter *n, enum fact f)
{
    return gauge(n->now->facts[f]);
}

/* Of a counter of seconds: its share of the time. */
static struct reading time_percent(struct reading seconds_a_second)
{
    struct reading r = scaled(seconds_a_second, 100);
    r.value = formula_round_tenth(MIN(r.value, 100.0));
    return r;
}

static struct reading percent_of(double used, double total)
{
    if (isnan(used) || isnan(total))
        return reading_unknown(not_told);
    if (!isfinite(used) || !isfinite(total) || used < 0)
        return reading_unknown(nonsense);
    return reading_known(total > 0 ? formula_round_tenth(100 * used / total) : 0);
}

static struct reading share_of(struct reading part, struct reading whole)
{
    if (!part.is_known || !whole.is_known)
        return part.is_known ? whole : part;
    if (whole.value <= 0)
        return reading_unknown("the counters stood still");
    return reading_known(formula_round_tenth(100 * part.value / whole.value));
}

static struct reading fact_grown(const struct node_exporter *n, enum fact f)
{
    return grown(n, n->before->facts[f], n->now->facts[f]);
}

static void make_cpu(const struct node_exporter *n, struct cpu_sample *cpu)
{
    struct reading all = fact_grown(n, FACT_CPU_ALL), idle = fact_grown(n, FACT_CPU_IDLE);
    struct reading iowait = fact_grown(n, FACT_CPU_IOWAIT), busy = all;
    busy.value = MAX(all.value - idle.value - (iowait.is_known ? iowait.value : 0), 0.0);
    cpu->percent = idle.is_known ? share_of(busy, all) : idle;
    cpu->iowait_percent = share_of(iowait, all);
    cpu->steal_percent = share_of(fact_grown(n, FACT_CPU_STEAL), all);
    cpu->cpu_count = n->now->cpus;
}

static void make_memory(const struct node_exporter *n, struct host_sample *s)
{
    const double *f = n->now->facts;
    s->memory.percent = percent_of(f[FACT_MEMORY_TOTAL] - f[FACT_MEMORY_AVAILABLE], f[FACT_MEMORY_TOTAL]);
    s->swap.percent = percent_of(f[FACT_SWAP_TOTAL] - f[FACT_SWAP_FREE], f[FACT_SWAP_TOTAL]);
    if (s->memory.percent.is_known) {
        s->memory.total_bytes = whole(f[FACT_MEMORY_TOTAL]);
        s->memory.available_bytes = whole(f[FACT_MEMORY_AVAILABLE]);
    }
    s->load.one = fact_gauge(n, FACT_LOAD1);
    s->load.five = fact_gauge(n, FACT_LOAD5);
    s->load.fifteen = fact_gauge(n, FACT_LOAD15);
}

/* node_exporter does not tell the size of a page; nobody has swap on machines where it is not this. */
enum { PAGE_BYTES = 4096 };

static void make_paging(struct node_exporter *n, struct host_sample *s)
{
    s->paging.swapped_in_rate = scaled(fact_rate(n, FACT_SWAPPED_IN), PAGE_BYTES);
    s->paging.swapped_out_rate = scaled(fact_rate(n, FACT_SWAPPED_OUT), PAGE_BYTES);
    s->paging.major_faults_rate = fact_rate(n, FACT_MAJOR_FAULTS);
    s->paging.oom_kills = fact_gauge(n, FACT_OOM_KILLS);
    s->paging.oom_kills_recent = recent_add(&n->oom_kills, s->paging.oom_kills, n->now->at_ns);
}

static void make_pressure(const struct node_exporter *n, struct pressures_sample *p)
{
    p->cpu.some_percent = time_percent(fact_rate(n, FACT_CPU_WAITING));
    p->memory.some_percent = time_percent(fact_rate(n, FACT_MEMORY_WAITING));
    p->memory.full_percent = time_percent(fact_rate(n, FACT_MEMORY_STALLED));
    p->io.some_percent = time_percent(fact_rate(n, FACT_IO_WAITING));
    p->io.full_percent = time_percent(fact_rate(n, FACT_IO_STALLED));
}

static void make_tables(const struct node_exporter *n, struct host_sample *s)
{
    const double *f = n->now->facts;
    s->files.open = fact_gauge(n, FACT_FILES_OPEN);
    s->files.max = fact_gauge(n, FACT_FILES_MAX);
    s->files.percent = percent_of(f[FACT_FILES_OPEN], f[FACT_FILES_MAX]);
    s->conntrack.count = fact_gauge(n, FACT_CONNTRACK_COUNT);
    s->conntrack.max = fact_gauge(n, FACT_CONNTRACK_MAX);
    s->conntrack.percent = percent_of(f[FACT_CONNTRACK_COUNT], f[FACT_CONNTRACK_MAX]);
    s->ports.percent = reading_unknown(not_told);
    s->sockets.used = fact_gauge(n, FACT_SOCKETS);
    s->sockets.tcp_open = fact_gauge(n, FACT_TCP_IN_USE);
    if (!isnan(f[FACT_TCP6_IN_USE]))
        s->sockets.tcp_open.value += f[FACT_TCP6_IN_USE];
    s->sockets.tcp_time_wait = fact_gauge(n, FACT_TCP_TIME_WAIT);
    s->tcp.retransmits_percent =
        share_of(fact_grown(n, FACT_SEGMENTS_AGAIN), fact_grown(n, FACT_SEGMENTS_SENT));
    s->tcp.listen_overflows_rate = fact_rate(n, FACT_LISTEN_OVERFLOWS);
    s->tcp.listen_drops_rate = fact_rate(n, FACT_LISTEN_DROPS);
    s->clock.offset_s = fact_gauge(n, FACT_CLOCK_OFFSET);
    s->clock.error_bound_s = fact_gauge(n, FACT_CLOCK_ERROR);
    s->clock.is_synchronised = fact_gauge(n, FACT_CLOCK_SYNCHRONISED);
    if (s->clock.is_synchronised.is_known)
        s->clock.is_synchronised =
            timekeeping_judge(f[FACT_CLOCK_SYNCHRONISED] > 0, f[FACT_CLOCK_FREQUENCY] - 1,
                              f[FACT_CLOCK_ERROR], f[FACT_CLOCK_ESTIMATE]);
}

static struct filling *filling_of(struct node_exporter *n, const char *path)
{
    for (uint32_t i = 0; i < n->filling_count; i++)
        if (strcmp(n->filling[i].path, path) == 0)
            return &n->filling[i];
    if (n->filling_count == HOST_DISKS_MAX)
        return NULL;
    struct filling *f = &n->filling[n->filling_count++];
    str_copy(f->path, sizeof(f->path), str_of(path));
    return f;
}

static void make_disk(struct node_exporter *n, const struct entity *e, struct disk_sample *d)
{
    const double *v = e->values;
    double used = v[COLUMN_DISK_SIZE] - v[COLUMN_DISK_FREE], available = v[COLUMN_DISK_AVAILABLE];
    if (available < 0)
        available = 0;
    str_copy(d->path, sizeof(d->path), str_of(e->name));
    str_copy(d->pool, sizeof(d->pool), str_of(e->pool));
    d->percent = percent_of(used, used + available);
    d->inodes_percent =
        v[COLUMN_DISK_FILES] > 0
            ? percent_of(v[COLUMN_DISK_FILES] - v[COLUMN_DISK_FILES_FREE], v[COLUMN_DISK_FILES])
            : reading_unknown("the file system does not count inodes");
    d->read_only = reading_unknown(not_told);
    d->full_in_s = reading_unknown(not_told);
    if (!d->percent.is_known)
        return;
    d->total_bytes = whole(v[COLUMN_DISK_SIZE]);
    d->used_bytes = whole(used);
    d->available_bytes = whole(available);
    struct filling *f = filling_of(n, e->name);
    if (f) {
        trend_add(&f->trend, pools_fill_level(d), n->now->at_ns);
        d->full_in_s = trend_seconds_left(&f->trend, available, n->now->at_ns);
        d->pool_mounts = f->pool_mounts;
    }
}

/* Leaves out those that others speak for. */
static void settle_pools(struct node_exporter *n, struct host_sample *s)
{
    struct disk_sample *disks[HOST_DISKS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->disk_count; i++)
        disks[i] = &s->disks[i];
    pools_settle(disks, s->disk_count);
    for (uint32_t i = 0; i < s->disk_count; i++) {
        struct filling *f = filling_of(n, s->disks[i].path);
        if (f)
            f->pool_mounts = s->disks[i].pool_mounts;
        if (s->disks[i].is_spoken_for)
            continue;
        if (count != i)
            s->disks[count] = s->disks[i];
        count++;
    }
    s->disk_count = count;
}

/* Of whatever type: what is full to the last byte and can only be read was made so, and does not fill up. */
static bool is_image(const struct entity *e)
{
    return e->values[COLUMN_DISK_READ_ONLY] > 0 && e->values[COLUMN_DISK_AVAILABLE] <= 0;
}

static struct reading column_rate(const struct node_exporter *n, const struct entity *before,
                                  const struct entity *now, enum column c)
{
    return rate(n, before ? before->values[c] : NAN, now->values[c]);
}

/* Seconds of work for each request; 0 when there was none. */
static struct reading latency(struct reading seconds, struct reading requests)
{
    if (!seconds.is_known || !requests.is_known)
        return seconds.is_known ? requests : seconds;
    return reading_known(requests.value > 0 ? seconds.value / requests.value : 0);
}

static void make_device(const struct node_exporter *n, const struct entity *now, struct device_sample *d)
{
    const struct entity *before = find_entity(n->before, TABLE_DEVICES, now->name);
    str_copy(d->name, sizeof(d->name), str_of(now->name));
    d->read_rate = column_rate(n, before, now, COLUMN_READ_BYTES);
    d->write_rate = column_rate(n, before, now, COLUMN_WRITTEN_BYTES);
    d->reads_rate = column_rate(n, before, now, COLUMN_READS);
    d->writes_rate = column_rate(n, before, now, COLUMN_WRITES);
    d->busy_percent = time_percent(column_rate(n, before, now, COLUMN_BUSY_TIME));
    d->queue = column_rate(n, before, now, COLUMN_QUEUE_TIME);
    d->read_latency_s = latency(column_rate(n, before, now, COLUMN_READ_TIME), d->reads_rate);
    d->write_latency_s = latency(column_rate(n, before, now, COLUMN_WRITE_TIME), d->writes_rate);
}

static struct reading sum(struct reading a, struct reading b)
{
    if (!a.is_known || !b.is_known)
        return a.is_known ? b : a;
    return reading_known(a.value + b.value);
}

static void make_interface(const struct node_exporter *n, const struct entity *now,
                           struct interface_sample *i)
{
    const struct entity *before = find_entity(n->before, TABLE_INTERFACES, now->name);
    double speed = now->values[COLUMN_SPEED];
    str_copy(i->name, sizeof(i->name), str_of(now->name));
    i->received_rate = column_rate(n, before, now, COLUMN_RECEIVED);
    i->sent_rate = column_rate(n, before, now, COLUMN_SENT);
    i->errors_rate = sum(column_rate(n, before, now, COLUMN_RECEIVE_ERRORS),
                         column_rate(n, before, now, COLUMN_SEND_ERRORS));
    i->drops_rate = sum(column_rate(n, before, now, COLUMN_RECEIVE_DROPS),
                        column_rate(n, before, now, COLUMN_SEND_DROPS));
    i->speed = speed > 0 ? reading_known(speed * 8) : reading_unknown("the link does not tell its speed");
    i->usage_percent = i->speed;
    if (speed > 0)
        i->usage_percent = i->received_rate.is_known && i->sent_rate.is_known
                               ? percent_of(MAX(i->received_rate.value, i->sent_rate.value), speed)
                               : i->received_rate;
}

static void make_sample(struct node_exporter *n, struct host_sample *s)
{
    *s = (struct host_sample){.taken_ns = n->now->at_ns};
    make_cpu(n, &s->cpu);
    make_memory(n, s);
    make_paging(n, s);
    make_pressure(n, &s->pressure);
    make_tables(n, s);
    for (uint32_t i = 0; i < n->now->counts[TABLE_DISKS]; i++)
        if (!is_image(&n->now->entities[TABLE_DISKS][i]))
            make_disk(n, &n->now->entities[TABLE_DISKS][i], &s->disks[s->disk_count++]);
    settle_pools(n, s);
    s->device_count = n->now->counts[TABLE_DEVICES];
    for (uint32_t i = 0; i < s->device_count; i++)
        make_device(n, &n->now->entities[TABLE_DEVICES][i], &s->devices[i]);
    s->interface_count = n->now->counts[TABLE_INTERFACES];
    for (uint32_t i = 0; i < s->interface_count; i++)
        make_interface(n, &n->now->entities[TABLE_INTERFACES][i], &s->interfaces[i]);
}

bool node_exporter_read(struct node_exporter *n, struct str text, int64_t now_ns,
                        struct host_sample *ret_sample, char *ret_why, size_t why_bytes)
{
    if (!read_answer(n->now, text, ret_why, why_bytes))
        return false;
    n->is_machine |= !isnan(n->now->facts[FACT_CPU_ALL]) || !isnan(n->now->facts[FACT_MEMORY_TOTAL]);
    n->now->at_ns = now_ns;
    n->has_before = n->has_before && now_ns > n->before->at_ns;
    make_sample(n, ret_sample);
    struct answer *free_one = n->before;
    n->before = n->now;
    n->now = free_one;
    n->has_before = true;
    return true;
}

bool node_exporter_is_machine(const struct node_exporter *n)
{
    return n->is_machine;
}
