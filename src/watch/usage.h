/*
 * usage.h: what each server uses of the machine: CPU time, memory, threads and open files of its process, of
 * the process group that this leads, and of all their children. Read from /proc, which tells everybody the
 * first three, whoever the processes belong to. Control thread; never blocks.
 *
 * Memory is the resident set, added up: what processes of a server share counts for each of them.
 */
#pragma once
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    USAGE_PROCESSES_MAX = 512, /* of one server; with more its numbers are unknown */
    USAGE_SHARE_LOOKS = 5,     /* the present CPU is over so many looks */
    USAGE_FILES_LOOKS = 5,     /* open files are counted in every so-and-so-manieth look */
};

struct usage;

/* A server to look at: its id (never used again for another) and the leader of its process group. */
struct usage_server {
    uint64_t id;
    int pid;
};

struct usage_sample {
    int64_t taken_ns;
    const char *why_unknown; /* constant text; NULL: the numbers are known */
    int64_t cpu_ns;          /* user and system, since it started, children that have ended included; never
                                goes back */
    bool has_cores;
    double cores; /* CPU time per time, over the last looks: 1 is one core; from the second look on */
    uint64_t memory_bytes;
    uint32_t processes, threads;
    bool has_files;
    uint32_t files; /* open descriptors */
};

struct usage *usage_new(const char *root); /* in front of /proc; "": the real one; never NULL */
void usage_free(struct usage *u);          /* NULL is fine */
/* About once a second. Servers that are missing in the list are forgotten. */
void usage_look(struct usage *u, int64_t now_ns, const struct usage_server *servers, size_t count);
/* NULL: that server was not in the last look. Borrowed until the next one. */
const struct usage_sample *usage_find(const struct usage *u, uint64_t id);
int64_t usage_cost_ns(const struct usage *u); /* CPU time that the last look took */
