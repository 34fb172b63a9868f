/*
 * pressure.h: how much time tasks lost for want of CPU, memory or disk, as the kernel measures it (PSI), of
 * the host or of a control group. Kernels without it, or with it switched off (psi=0), are told apart from
 * pressure that is 0. One thread.
 */
#pragma once
#include "watch/host_sample.h"
#include "watch/kept_file.h"

struct pressure_file { /* one resource */
    struct kept_file file;
    bool is_cpu, is_of_group; /* for the CPUs of a host `full` is not defined */
    int64_t taken_ns;         /* the look before; 0: none */
    uint64_t some_us, full_us;
};

struct pressures {
    struct pressure_file cpu, memory, io;
};

void pressures_init_host(struct pressures *p, const char *root);
/* folder: of a version 2 control group, with root in front. */
void pressures_init_group(struct pressures *p, const char *root, const char *folder);
void pressures_fini(struct pressures *p); /* fine when all is zero */
void pressures_take(struct pressures *p, int64_t now_ns, struct pressures_sample *ret_sample);
/* All unknown, for this reason. */
void pressures_set_unknown(struct pressures_sample *s, const char *why);
