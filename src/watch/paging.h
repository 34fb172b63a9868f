/* paging.h: what moves between memory and disks, and whom the kernel killed for lack of memory, from
 * /proc/vmstat. One thread. */
#pragma once
#include "watch/host_sample.h"
#include "watch/kept_file.h"
#include "watch/recent.h"

struct paging {
    struct kept_file file;
    uint64_t page_bytes;
    int64_t taken_ns;                               /* the look before; 0: none */
    uint64_t swapped_in, swapped_out, major_faults; /* pages */
    struct recent oom_kills;
};

void paging_init(struct paging *p, const char *root);
void paging_fini(struct paging *p);
/* scratch: for the text, as in kept_file_read. */
void paging_take(struct paging *p, char *scratch, size_t scratch_bytes, int64_t now_ns,
                 struct paging_sample *ret_sample);
