#include "supervisor/places.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOON_NS  (300 * NS_PER_S) /* who ends so soon after its start may have failed for its machine */
#define AVOID_NS (60 * NS_PER_S)

enum { PORT_ATTEMPTS_MAX = 64 };

static void set_port(struct addr *a, uint16_t port)
{
    if (a->any.sa_family == AF_INET6)
        a->in6.sin6_port = htons(port);
    else
        a->in4.sin_port = htons(port);
}

struct addr places_machine(const struct addr *address)
{
    struct addr machine = *address;
    if (machine.any.sa_family != AF_UNIX)
        set_port(&machine, 0);
    return machine;
}

static bool add_machine(struct places *p, const char *text, struct err *err)
{
    char whole[ADDR_TEXT_BYTES];
    const char *problem = "it is empty";
    if (p->count == PLACES_MACHINES_MAX)
        return err_set(err, "more than %d machines", PLACES_MACHINES_MAX);
    (void)snprintf(whole, sizeof(whole), strchr(text, ':') ? "[%s]:1" : "%s:1", text);
    if (!text[0] || !addr_parse(str_of(whole), &p->machines[p->count], &problem))
        return err_set(err, "machine '%s': %s", text, problem);
    set_port(&p->machines[p->count++], 0);
    return true;
}

bool places_init(struct places *p, const char *const *machines, struct err *err)
{
    static const char *const here[] = {"127.0.0.1", NULL};
    *p = (struct places){0};
    for (const char *const *m = machines && *machines ? machines : here; *m; m++)
        if (!add_machine(p, *m, err))
            return false;
    return true;
}

/* Another port at each call. False: the address is not of this machine, or there is none left. */
static bool probe_here(const struct addr *machine, struct addr *ret_address)
{
    struct addr a = *machine;
    socklen_t len = sizeof(a.un);
    int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_bound = fd >= 0 && bind(fd, &a.any, a.len) == 0 && getsockname(fd, &a.any, &len) == 0;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    if (is_bound)
        *ret_address = a;
    return is_bound;
}

static struct addr draw_there(const struct addr *machine)
{
    uint32_t number = 0;
    struct addr a = *machine;
    ASSERT(getrandom(&number, sizeof(number), 0) == (ssize_t)sizeof(number));
    set_port(&a, (uint16_t)(PLACES_PORT_FIRST + number % PLACES_PORT_COUNT));
    return a;
}

static bool choose_port(const struct addr *machine, const struct places_facts *facts,
                        struct addr *ret_address, struct err *err)
{
    char text[ADDR_TEXT_BYTES];
    for (int i = 0; i < PORT_ATTEMPTS_MAX; i++) {
        bool is_here = probe_here(machine, ret_address);
        if (!is_here && errno != EADDRNOTAVAIL)
            return err_set_errno(err, errno, "looking for a free port on %s",
                                 addr_format_host(text, machine));
        if (!is_here)
            *ret_address = draw_there(machine);
        if (!facts->is_used(facts->context, ret_address))
            return true;
    }
    return err_set(err, "no free port on %s", addr_format_host(text, machine));
}

bool places_choose(const struct places *p, const struct places_facts *facts, int64_t now_ns,
                   struct addr *ret_address, struct err *err)
{
    uint32_t best = 0, best_count = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t count = facts->count_at(facts->context, &p->machines[i]);
        bool is_avoided = now_ns < p->avoid_until_ns[i], was_avoided = now_ns < p->avoid_until_ns[best];
        if (i > 0 && (is_avoided != was_avoided ? is_avoided : count >= best_count))
            continue;
        best = i;
        best_count = count;
    }
    return choose_port(&p->machines[best], facts, ret_address, err);
}

void places_note_end(struct places *p, const struct addr *address, int64_t lived_ns, int64_t now_ns)
{
    struct addr machine = places_machine(address);
    for (uint32_t i = 0; i < p->count; i++)
        if (addr_eq(&p->machines[i], &machine) && lived_ns < SOON_NS)
            p->avoid_until_ns[i] = now_ns + AVOID_NS;
}
