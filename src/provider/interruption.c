/* The handler only notes; clock_gettime is safe in one (signal-safety(7)). It may run on any thread. */
#include "provider/interruption.h"

#include "base/clock.h"
#include "base/macros.h"

#include <signal.h>
#include <stddef.h>

#define SAME_NS NS_PER_S /* so long after the first it is still the same interruption */

static const struct {
    int number;
    const char *name;
} signals[] = {{SIGINT, "SIGINT"}, {SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"}};

static atomic_bool is_on, is_undoing;
static atomic_int first; /* the signal that came first; 0: none */
static atomic_int_fast64_t first_ns;

static void on_signal(int number)
{
    int none = 0;
    int64_t now_ns = clock_now_ns();
    if (atomic_compare_exchange_strong(&first, &none, number))
        atomic_store(&first_ns, now_ns);
    else if (now_ns - atomic_load(&first_ns) < SAME_NS)
        return;
    else
        atomic_store(&is_undoing, false);
    if (!atomic_load(&is_undoing))
        atomic_store(&is_on, true);
}

void interruption_watch(void)
{
    struct sigaction action = {.sa_handler = on_signal}, before;
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        if (sigaction(signals[i].number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            (void)sigaction(signals[i].number, &action, NULL);
}

bool interruption_is_on(void)
{
    return atomic_load(&is_on);
}

const atomic_bool *interruption_flag(void)
{
    return &is_on;
}

void interruption_begin_undoing(void)
{
    atomic_store(&is_undoing, true);
    atomic_store(&is_on, false);
}

const char *interruption_name(void)
{
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        if (signals[i].number == atomic_load(&first))
            return signals[i].name;
    return NULL;
}

void interruption_obey(void)
{
    int number = atomic_load(&first);
    if (number == 0)
        return;
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}
