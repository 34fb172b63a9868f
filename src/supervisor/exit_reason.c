#include "supervisor/exit_reason.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

char *exit_reason_format(char out[EXIT_REASON_BYTES], int wait_status)
{
    if (WIFEXITED(wait_status)) {
        snprintf(out, EXIT_REASON_BYTES, "exit status %d", WEXITSTATUS(wait_status));
        return out;
    }
    const char *dumped = WCOREDUMP(wait_status) ? " (core dumped)" : "";
    const char *name = sigabbrev_np(WTERMSIG(wait_status)); /* NULL for real-time signals */
    if (name)
        snprintf(out, EXIT_REASON_BYTES, "killed by SIG%s%s", name, dumped);
    else
        snprintf(out, EXIT_REASON_BYTES, "killed by signal %d%s", WTERMSIG(wait_status), dumped);
    return out;
}
