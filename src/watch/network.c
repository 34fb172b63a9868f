/*
 * network.c: see network.h.
 *
 * Interfaces that never carried a packet and the host's ends of containers' links (veth…) are left out: the
 * latter come and go with containers, and what they carry the bridge behind them carries too.
 *
 * tcp_open counts sockets of both families; those in TIME_WAIT are not among them.
 */
#include "watch/network.h"

#include "base/macros.h"
#include "base/mem.h"
#include "watch/cgroup.h"
#include "watch/formula.h"
#include "watch/kept_file.h"
#include "watch/links.h"
#include "watch/procfs.h"
#include "watch/procfs_net.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct network {
    char *scratch;
    uint64_t page_bytes;
    struct kept_file dev, snmp, netstat, sockstat, sockstat6, conntrack_count, conntrack_max;
    struct links *links;
    int64_t taken_ns; /* the look before; 0: none */
    uint32_t interface_count;
    struct interface_sample interfaces[HOST_INTERFACES_MAX]; /* of the look before */
    struct tcp_sample tcp;                                   /* of the look before */
};

struct network *network_new(const struct network_params *params)
{
    struct network *n = NEW(struct network);
    n->scratch = params->scratch;
    n->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    kept_file_init(&n->dev, params->root, "/proc/net/dev");
    kept_file_init(&n->snmp, params->root, "/proc/net/snmp");
    kept_file_init(&n->netstat, params->root, "/proc/net/netstat");
    kept_file_init(&n->sockstat, params->root, "/proc/net/sockstat");
    kept_file_init(&n->sockstat6, params->root, "/proc/net/sockstat6");
    kept_file_init(&n->conntrack_count, params->root, "/proc/sys/net/netfilter/nf_conntrack_count");
    kept_file_init(&n->conntrack_max, params->root, "/proc/sys/net/netfilter/nf_conntrack_max");
    n->links = links_new(params->root, params->jobs);
    return n;
}

void network_free(struct network *n)
{
    if (n == NULL)
        return;
    links_free(n->links);
    kept_file_fini(&n->dev);
    kept_file_fini(&n->snmp);
    kept_file_fini(&n->netstat);
    kept_file_fini(&n->sockstat);
    kept_file_fini(&n->sockstat6);
    kept_file_fini(&n->conntrack_count);
    kept_file_fini(&n->conntrack_max);
    free(n);
}

static bool read_text(struct network *n, struct kept_file *f, struct str *ret_text, const char **ret_why)
{
    return kept_file_read(f, n->scratch, CGROUP_SCRATCH_BYTES, ret_text, ret_why);
}

/* ---- interfaces ---- */

static bool is_wanted(const struct interface_line *line)
{
    bool is_used = line->received_packets || line->sent_packets || line->received_errors || line->sent_errors;
    return is_used && line->name.len < HOST_NAME_BYTES && !str_starts_with(line->name, STR("veth"));
}

static const struct interface_sample *find_previous(const struct network *n, const char *name)
{
    for (uint32_t i = 0; i < n->interface_count; i++)
        if (strcmp(n->interfaces[i].name, name) == 0)
            return &n->interfaces[i];
    return NULL;
}

static struct reading usage_of(const struct interface_sample *s)
{
    if (!s->speed.is_known)
        return s->speed;
    if (!s->received_rate.is_known)
        return s->received_rate;
    if (!s->sent_rate.is_known)
        return s->sent_rate;
    double busier = MAX(s->received_rate.value, s->sent_rate.value);
    return reading_known(formula_round_tenth(busier * 8 / s->speed.value * 100));
}

static void take_interface(const struct network *n, const struct interface_line *line, int64_t now_ns,
                           struct interface_sample *s)
{
    *s = (struct interface_sample){.received_bytes = line->received_bytes,
                                   .received_packets = line->received_packets,
                                   .received_errors = line->received_errors,
                                   .received_drops = line->received_drops,
                                   .sent_bytes = line->sent_bytes,
                                   .sent_packets = line->sent_packets,
                                   .sent_errors = line->sent_errors,
                                   .sent_drops = line->sent_drops};
    str_copy(s->name, sizeof(s->name), line->name);
    s->speed = links_speed(n->links, s->name);
    s->received_rate = s->sent_rate = s->errors_rate = s->drops_rate = reading_unknown(formula_first_sample);
    const struct interface_sample *before = find_previous(n, s->name);
    if (before) {
        int64_t elapsed_ns = now_ns - n->taken_ns;
        s->received_rate = formula_rate(before->received_bytes, s->received_bytes, elapsed_ns);
        s->sent_rate = formula_rate(before->sent_bytes, s->sent_bytes, elapsed_ns);
        s->errors_rate = formula_rate(before->received_errors + before->sent_errors,
                                      s->received_errors + s->sent_errors, elapsed_ns);
        s->drops_rate = formula_rate(before->received_drops + before->sent_drops,
                                     s->received_drops + s->sent_drops, elapsed_ns);
    }
    s->usage_percent = usage_of(s);
}

static void take_interfaces(struct network *n, int64_t now_ns, struct host_sample *s, const char **ret_why)
{
    struct str text;
    struct interface_line line;
    uint32_t count = 0;
    *ret_why = NULL;
    if (read_text(n, &n->dev, &text, ret_why))
        while (count < HOST_INTERFACES_MAX && procfs_next_interface(&text, &line))
            if (is_wanted(&line))
                take_interface(n, &line, now_ns, &s->interfaces[count++]);
    s->interface_count = n->interface_count = count;
    memcpy(n->interfaces, s->interfaces, count * sizeof(s->interfaces[0]));
    links_refresh(n->links, s->interfaces, count, now_ns);
}

/* ---- TCP ---- */

static struct reading find(struct str text, const char *why_no_text, struct str protocol, struct str name)
{
    uint64_t value;
    if (why_no_text)
        return reading_unknown(why_no_text);
    if (!procfs_find_column(text, protocol, name, &value))
        return reading_unknown("the kernel does not count it");
    return reading_known((double)value);
}

/* Both are counters, read as such. */
static struct reading rate_of(struct reading before, struct reading now, int64_t elapsed_ns)
{
    if (!now.is_known)
        return now;
    if (!before.is_known)
        return reading_unknown(formula_first_sample);
    return formula_rate((uint64_t)before.value, (uint64_t)now.value, elapsed_ns);
}

/* 0 when nothing was sent. */
static struct reading retransmits_of(const struct tcp_sample *before, const struct tcp_sample *now,
                                     int64_t elapsed_ns)
{
    struct reading sent = rate_of(before->segments_sent, now->segments_sent, elapsed_ns);
    struct reading again = rate_of(before->segments_retransmitted, now->segments_retransmitted, elapsed_ns);
    if (!sent.is_known || !again.is_known)
        return sent.is_known ? again : sent;
    double share = sent.value > 0 ? again.value / sent.value * 100 : 0;
    return reading_known(formula_round_tenth(MIN(share, 100.0)));
}

static void take_tcp(struct network *n, int64_t now_ns, struct tcp_sample *s)
{
    struct str text = STR("");
    const char *why = NULL;
    int64_t elapsed_ns = now_ns - n->taken_ns;
    (void)read_text(n, &n->snmp, &text, &why);
    s->segments_sent = find(text, why, STR("Tcp"), STR("OutSegs"));
    s->segments_retransmitted = find(text, why, STR("Tcp"), STR("RetransSegs"));
    why = NULL;
    (void)read_text(n, &n->netstat, &text, &why);
    s->listen_overflows = find(text, why, STR("TcpExt"), STR("ListenOverflows"));
    s->listen_drops = find(text, why, STR("TcpExt"), STR("ListenDrops"));
    s->retransmits_percent = retransmits_of(&n->tcp, s, elapsed_ns);
    s->listen_overflows_rate = rate_of(n->tcp.listen_overflows, s->listen_overflows, elapsed_ns);
    s->listen_drops_rate = rate_of(n->tcp.listen_drops, s->listen_drops, elapsed_ns);
    n->tcp = *s;
}

/* ---- sockets, connection table ---- */

static struct reading find_pair(struct str text, const char *why_no_text, struct str protocol,
                                struct str name)
{
    uint64_t value;
    if (why_no_text)
        return reading_unknown(why_no_text);
    if (!procfs_find_pair(text, protocol, name, &value))
        return reading_unknown("the kernel does not tell it");
    return reading_known((double)value);
}

static void take_sockets(struct network *n, struct sockets_sample *s)
{
    struct str text = STR("");
    const char *why = NULL;
    uint64_t open6;
    (void)read_text(n, &n->sockstat, &text, &why);
    s->used = find_pair(text, why, STR("sockets"), STR("used"));
    s->tcp_open = find_pair(text, why, STR("TCP"), STR("inuse"));
    s->tcp_time_wait = find_pair(text, why, STR("TCP"), STR("tw"));
    s->tcp_orphans = find_pair(text, why, STR("TCP"), STR("orphan"));
    s->tcp_memory_bytes = find_pair(text, why, STR("TCP"), STR("mem"));
    s->tcp_memory_bytes.value *= (double)n->page_bytes;
    why = NULL;
    if (read_text(n, &n->sockstat6, &text, &why) && /* missing where IPv6 is off */
        procfs_find_pair(text, STR("TCP6"), STR("inuse"), &open6))
        s->tcp_open.value += (double)open6;
}

/* Into a small buffer: for files of /proc/sys the kernel clears as much memory as is asked for. */
static struct reading read_number(struct kept_file *f)
{
    char buffer[64];
    struct str text;
    uint64_t value;
    const char *why = "it is not a number";
    if (kept_file_read(f, buffer, sizeof(buffer), &text, &why) && procfs_parse_number(text, &value))
        return reading_known((double)value);
    return reading_unknown(why == strerrordesc_np(ENOENT) ? "the kernel follows no connections here" : why);
}

static void take_conntrack(struct network *n, struct conntrack_sample *s)
{
    s->count = read_number(&n->conntrack_count);
    s->max = read_number(&n->conntrack_max);
    s->percent = s->count.is_known ? s->max : s->count;
    if (s->percent.is_known && s->max.value > 0)
        s->percent.value = formula_percent((uint64_t)s->count.value, (uint64_t)s->max.value);
    else if (s->percent.is_known)
        s->percent = reading_unknown("there is no limit");
}

void network_take(struct network *n, int64_t now_ns, struct host_sample *s, const char **ret_why)
{
    take_interfaces(n, now_ns, s, ret_why);
    take_tcp(n, now_ns, &s->tcp);
    take_sockets(n, &s->sockets);
    take_conntrack(n, &s->conntrack);
    n->taken_ns = MAX(now_ns, 1);
}
