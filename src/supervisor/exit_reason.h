/* exit_reason.h: how a process ended, in words. Pure. */
#pragma once

enum { EXIT_REASON_BYTES = 64 };

/* From waitpid's status: "exit status 1", "killed by SIGKILL", "killed by SIGSEGV (core dumped)". Returns
 * out. */
char *exit_reason_format(char out[EXIT_REASON_BYTES], int wait_status);
