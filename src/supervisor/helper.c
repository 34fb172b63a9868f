#include "supervisor/helper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { PIPE_FD = 3, DESCRIPTORS_MAX = 65536 };

static void ignore_signals(void)
{
    sigset_t none;
    for (int n = 1; n < NSIG; n++)
        (void)signal(n, n == SIGCHLD ? SIG_DFL : SIG_IGN);
    for (int n = 0; n < 4; n++)
        (void)signal((const int[]){SIGSEGV, SIGBUS, SIGFPE, SIGABRT}[n], SIG_DFL);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void keep_only(int fd)
{
    int null_fd = open("/dev/null", O_RDWR);
    (void)dup2(null_fd, STDIN_FILENO);
    (void)dup2(null_fd, STDOUT_FILENO);
    (void)dup2(fd, PIPE_FD);
    if (close_range(PIPE_FD + 1, ~0u, 0) < 0) {
        for (int i = PIPE_FD + 1; i < (int)sysconf(_SC_OPEN_MAX) && i < DESCRIPTORS_MAX; i++)
            close(i);
    }
}

int helper_begin(const char *name, int fd)
{
    (void)setsid();
    (void)prctl(PR_SET_NAME, name);
    ignore_signals();
    keep_only(fd);
    (void)!chdir("/");
    return PIPE_FD;
}
