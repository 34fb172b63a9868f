/*
 * procfs_net.h: reads the texts of /proc/net. Pure: text in, numbers out; nothing is allocated. As procfs.h,
 * made for text that may be cut off or come from a strange kernel.
 *
 * Sources: proc_pid_net(5), net/core/net-procfs.c, net/ipv4/proc.c of Linux.
 */
#pragma once
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* One line of /proc/net/dev. Since the interface was made. */
struct interface_line {
    struct str name;
    uint64_t received_bytes, received_packets, received_errors, received_drops;
    uint64_t sent_bytes, sent_packets, sent_errors, sent_drops;
};
bool procfs_next_interface(struct str *rest, struct interface_line *ret_line); /* skips what is none */

/* /proc/net/snmp and /proc/net/netstat: a line "Tcp: NAME NAME …", then one "Tcp: 12 34 …". protocol: "Tcp".
 */
bool procfs_find_column(struct str text, struct str protocol, struct str name, uint64_t *ret_value);

/* /proc/net/sockstat: "TCP: inuse 1 orphan 0 …". */
bool procfs_find_pair(struct str text, struct str protocol, struct str name, uint64_t *ret_value);

/* /proc/sys/net/ipv4/ip_local_port_range: "32768 60999". */
bool procfs_parse_port_range(struct str text, uint16_t *ret_first, uint16_t *ret_last);

/* /proc/sys/fs/file-nr: "414 0 2470938", allocated, unused, most. */
bool procfs_parse_file_count(struct str text, uint64_t *ret_open, uint64_t *ret_max);
