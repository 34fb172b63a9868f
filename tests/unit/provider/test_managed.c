/* managed.h on a real loop with real threads: the example of docs/how-to/write-a-provider.md starts and
 * stops, and a driver that hangs stops nobody. */
#define EXAMPLE "../../../examples/provider/folder.c" /* of no room */
#include EXAMPLE

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "provider/managed.h"

struct told {
    struct loop *loop;
    uint32_t started, exited, failed, observed, troubles, recovered;
    char last[PROVIDER_TEXT_BYTES];
    struct addr address;
};

static void on_started(void *context, const char *key, const struct addr *address, int pid)
{
    struct told *t = context;
    t->started++;
    t->address = *address;
}

static void on_start_failed(void *context, const char *key, const char *reason)
{
    ((struct told *)context)->failed++;
}

static void on_exited(void *context, const char *key, const char *reason, const char *last_lines)
{
    struct told *t = context;
    t->exited++;
    (void)str_copy(t->last, sizeof(t->last), str_of(reason));
}

static void on_coming(void *context, const char *key)
{
}

static void on_stopping(void *context, const char *key, const char *reason)
{
}

static bool on_spared(void *context, const char *key, const char *reason)
{
    return false;
}

static void on_observed(void *context, struct provider *p)
{
    ((struct told *)context)->observed++;
}

static void on_trouble(void *context, struct provider *p, const struct provider_trouble *trouble)
{
    struct told *t = context;
    t->troubles++;
    (void)str_copy(t->last, sizeof(t->last), str_of(trouble->text));
}

static void on_recovered(void *context, struct provider *p, int64_t for_ns)
{
    ((struct told *)context)->recovered++;
}

static struct provider_sink sink_for(struct told *t)
{
    return (struct provider_sink){t,           on_started, on_start_failed, on_exited,  on_coming,
                                  on_stopping, on_spared,  on_observed,     on_trouble, on_recovered};
}

static struct config_service shop(void)
{
    return (struct config_service){
        .name = STR("shop"),
        .scale = {
            .start_timeout_ns = 10 * NS_PER_S,
            .stop_timeout_ns = 0,
            .engine = {.poll_ns = 100 * NS_PER_MS, .timeout_ns = 200 * NS_PER_MS, .calls_per_second = 100}}};
}

/* --- turning the loop until something is so ---------------------------------------------------------- */

struct until {
    struct timer timer;
    const uint32_t *count;
    uint32_t wanted;
    int64_t deadline_ns;
};

static void on_look(struct loop *loop, struct timer *timer)
{
    struct until *u = container_of(timer, struct until, timer);
    if (*u->count >= u->wanted || clock_now_ns() >= u->deadline_ns)
        loop_stop(loop);
    else
        timer_set(loop, timer, clock_now_ns() + 5 * NS_PER_MS);
}

static void run_until(struct loop *loop, const uint32_t *count, uint32_t wanted)
{
    struct until u = {.count = count, .wanted = wanted, .deadline_ns = clock_now_ns() + 30 * NS_PER_S};
    timer_init(&u.timer, on_look);
    timer_set(loop, &u.timer, clock_now_ns());
    loop_run(loop);
    assert_true(*count >= wanted);
}

static struct provider *provider_over(const struct driver_ops *driver, const struct config_service *service,
                                      const struct provider_sink *sink, struct told *t)
{
    struct err err = {0};
    struct managed_params params = {
        .loop = t->loop, .driver = driver, .service = service, .sink = sink, .seed = 7};
    struct provider *p = managed_provider_new(&params, &err);
    assert_non_null(p);
    return p;
}

/* --- the example ------------------------------------------------------------------------------------- */

static char folder_path[] = "/tmp/weir-folder-XXXXXX";

static struct driver *open_in_tmp(const struct config_service *service, const char *owner, struct err *err)
{
    struct driver *d = folder_open(service, owner, err);
    free(d->folder);
    d->folder = mem_strdup(folder_path);
    return d;
}

/* The engine: who has a file gets an address. */
static void run_engine(const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder_path, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "127.0.0.1:4711\n", 15), 15);
    close(fd);
}

static void the_example_starts_and_stops(void **state)
{
    struct driver_ops ops = folder_driver;
    struct told t = {.loop = loop_new(NULL)};
    struct provider_sink sink = sink_for(&t);
    struct config_service service = shop();
    struct err err = {0};
    struct provider_status status = {0};
    assert_non_null(mkdtemp(folder_path));
    ops.open = open_in_tmp;
    struct provider *p = provider_over(&ops, &service, &sink, &t);
    run_until(t.loop, &t.observed, 1);
    assert_true(p->ops->start(p, "shop/shop-1", &service, &err));
    uint32_t listed = 0;
    while (listed == 0) { /* its file is there */
        run_until(t.loop, &t.observed, 1);
        p->ops->status(p, &status);
        listed = status.listed_count;
    }
    assert_int_equal(t.started, 0);
    run_engine("shop,shop-1");
    run_until(t.loop, &t.started, 1);
    assert_int_equal(addr_port(&t.address), 4711);
    p->ops->stop(p, "shop/shop-1", 0);
    run_until(t.loop, &t.exited, 1);
    assert_string_equal(p->ops->name, "folder");
    assert_int_equal(rmdir(folder_path), 0); /* the folder is empty */
    run_until(t.loop, &t.troubles, 1);
    assert_non_null(strstr(t.last, "No such file or directory"));
    p->ops->free(p);
    loop_free(t.loop);
}

/* --- a driver that hangs ----------------------------------------------------------------------------- */

static atomic_int is_hanging;

static struct driver *hung_open(const struct config_service *service, const char *owner, struct err *err)
{
    return (struct driver *)NEW(int);
}

static void hung_close(struct driver *d)
{
    free(d);
}

static bool hung_list(struct driver *d, const struct driver_call *call, struct instance_list *ret_list,
                      struct driver_failure *f)
{
    while (atomic_load(&is_hanging) && !atomic_load(call->is_cancelled)) /* whatever its deadline */
        (void)usleep(10000);
    *ret_list = (struct instance_list){0};
    return true;
}

static bool hung_set_count(struct driver *d, const struct driver_call *call, uint32_t count,
                           uint32_t count_before, struct driver_failure *f)
{
    return true;
}

static bool hung_wait(struct driver *d, const struct driver_call *call, struct driver_failure *f)
{
    while (!atomic_load(call->is_cancelled))
        (void)usleep(10000);
    return true;
}

static const struct driver_ops hung_driver = {.name = "hung",
                                              .capabilities = DRIVER_TELLS_ADDRESSES | DRIVER_TELLS_CHANGES,
                                              .open = hung_open,
                                              .close = hung_close,
                                              .list = hung_list,
                                              .set_count = hung_set_count,
                                              .wait = hung_wait};

static void a_call_that_hangs_fails_and_is_not_joined_by_another(void **state)
{
    struct told t = {.loop = loop_new(NULL)};
    struct provider_sink sink = sink_for(&t);
    struct config_service service = shop();
    struct provider_status status = {0};
    atomic_store(&is_hanging, 1);
    struct provider *p = provider_over(&hung_driver, &service, &sink, &t);
    uint32_t failures = 0;
    int64_t until_ns = clock_now_ns() + 30 * NS_PER_S;
    while (failures == 0 && clock_now_ns() < until_ns) {
        run_until(t.loop, &t.observed, 0);
        p->ops->status(p, &status);
        failures = (uint32_t)status.failures_total[DRIVER_FAULT_RETRYABLE];
    }
    assert_int_equal(failures, 1);
    assert_string_equal(status.last_failure.text, "no answer in time");
    assert_int_equal(status.calls_total[DRIVER_CALL_LIST], 1);
    atomic_store(&is_hanging, 0);
    run_until(t.loop, &t.observed, 1); /* the next one is made when the late one has returned */
    p->ops->free(p);
    loop_free(t.loop);
}

static void it_can_be_freed_while_calls_hang(void **state)
{
    struct told t = {.loop = loop_new(NULL)};
    struct provider_sink sink = sink_for(&t);
    struct config_service service = shop();
    atomic_store(&is_hanging, 1);
    struct provider *p = provider_over(&hung_driver, &service, &sink, &t);
    const uint32_t nothing = 0;
    for (int i = 0; i < 20; i++)
        run_until(t.loop, &nothing, 0);
    p->ops->free(p); /* what heeds is_cancelled ends at once */
    loop_free(t.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_starts_and_stops),
        cmocka_unit_test(a_call_that_hangs_fails_and_is_not_joined_by_another),
        cmocka_unit_test(it_can_be_freed_while_calls_hang),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
