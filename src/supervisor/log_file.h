/*
 * log_file.h: a file that lines are added to and that is rotated by size: FILE.1 is the one before, FILE.N
 * the oldest. Blocks as disks do; log_writer.h keeps that away from the supervisor. One thread.
 */
#pragma once
#include "base/err.h"
#include "base/macros.h"
#include "base/str.h"
#include "supervisor/supervisor.h"

#define LOG_FILE_RETRY_NS (10 * INT64_C(1000000000)) /* between attempts to open what cannot be opened */

struct log_file {
    const struct supervisor_log *plan; /* borrowed */
    int folder, fd;                    /* -1: not open */
    uint64_t size;
    int64_t opened_ns; /* or tried */
    bool is_failing;   /* and that was told */
    bool is_unrotated; /* rotating failed, and that was told */
    int64_t unrotated_ns;
    bool is_midline;
    uint64_t dropped_lines;
};

void log_file_init(struct log_file *f, const struct supervisor_log *plan);
void log_file_fini(struct log_file *f);
/*
 * Whole lines. Opens the file where it is not open, or is not the one of that name any more; rotates. False:
 * it cannot be opened, and the lines are the caller's still. What cannot be written for other reasons (a full
 * disk) is dropped, and counted in the file when it can be written again. Either is told once, in the log.
 */
bool log_file_put(struct log_file *f, struct str lines, int64_t now_ns) MUST_USE;
