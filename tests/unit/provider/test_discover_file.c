/* A watched file, with real files: moved into place, written slowly, wrong, taken away, made later. */
#include "provider/discovery.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/macros.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define PATIENCE_NS (10 * NS_PER_S)

struct scene {
    char folder[64], path[96], other[96];
    struct loop *loop;
    struct job_pool *jobs;
    struct config_discover config;
    struct discovery *discovery;
    struct buf servers; /* the ports handed on last, with a blank behind each */
    uint32_t hand_overs, failures;
    char failure[HELD_REASON_BYTES]; /* told last */
    struct timer look;
    bool (*is_so)(const struct scene *s);
    int64_t until_ns;
    bool was_so;
};

static void on_servers(void *context, const struct addr *addresses, uint32_t count)
{
    struct scene *s = context;
    s->hand_overs++;
    buf_clear(&s->servers);
    for (uint32_t i = 0; i < count; i++)
        buf_printf(&s->servers, "%u ", addr_port(&addresses[i]));
}

static void on_event(void *context, enum held_event event, bool is_warning, const char *text)
{
    struct scene *s = context;
    if (event != HELD_FAILED)
        return;
    s->failures++;
    snprintf(s->failure, sizeof(s->failure), "%s", text);
}

static void on_look(struct loop *loop, struct timer *t)
{
    struct scene *s = container_of(t, struct scene, look);
    s->was_so = s->is_so && s->is_so(s);
    if (s->was_so || loop_now_ns(loop) >= s->until_ns)
        loop_stop(loop);
    else
        timer_set(loop, t, loop_now_ns(loop) + 5 * NS_PER_MS);
}

static bool run_until(struct scene *s, bool (*is_so)(const struct scene *), int64_t at_most_ns)
{
    s->is_so = is_so;
    s->until_ns = clock_now_ns() + at_most_ns;
    timer_set(s->loop, &s->look, clock_now_ns());
    loop_run(s->loop);
    return s->was_so;
}

static const char *wanted;

static bool has_wanted(const struct scene *s)
{
    return strcmp(s->servers.ptr ? s->servers.ptr : "-", wanted) == 0;
}

static void await(struct scene *s, const char *servers)
{
    wanted = servers;
    if (!run_until(s, has_wanted, PATIENCE_NS))
        fail_msg("'%s' and not '%s'; told last: %s", s->servers.ptr ? s->servers.ptr : "-", servers,
                 s->failure);
}

static bool has_failed(const struct scene *s)
{
    return strstr(s->failure, wanted) != NULL;
}

static void await_failure(struct scene *s, const char *part)
{
    wanted = part;
    if (!run_until(s, has_failed, PATIENCE_NS))
        fail_msg("not told: '%s', but: %s", part, s->failure);
}

static void append(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void move_into_place(struct scene *s, const char *text)
{
    append(s->other, text);
    assert_int_equal(rename(s->other, s->path), 0);
}

static void open_discovery(struct scene *s)
{
    struct discovery_params params = {.loop = s->loop, .jobs = s->jobs, .config = &s->config, .seed = 1};
    struct held_list_ops ops = {.context = s, .on_servers = on_servers, .on_event = on_event};
    s->discovery = discovery_open(&params, &ops, NULL);
    assert_non_null(s->discovery);
}

static int setup(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    snprintf(s->folder, sizeof(s->folder), "/tmp/weir-discover-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->path, sizeof(s->path), "%s/shop.servers", s->folder);
    snprintf(s->other, sizeof(s->other), "%s/.new", s->folder);
    s->loop = loop_new(NULL);
    s->jobs = job_pool_new(
        &(struct job_pool_params){.loop = s->loop, .name = "test", .threads_max = 2, .queue_max = 8});
    s->config = (struct config_discover){.source = DISCOVER_FILE, .file = str_of(s->path), .servers_max = 16};
    timer_init(&s->look, on_look);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    discovery_close(s->discovery);
    job_pool_free(s->jobs, NS_PER_S);
    timer_cancel(&s->look);
    loop_free(s->loop);
    unlink(s->path);
    unlink(s->other);
    rmdir(s->folder);
    buf_fini(&s->servers);
    free(s);
    return 0;
}

static void what_is_there_is_found_and_changes_count(void **state)
{
    struct scene *s = *state;
    append(s->path, "127.0.0.1:1\n127.0.0.1:2\n");
    open_discovery(s);
    assert_true(discovery_is_looking(s->discovery));
    await(s, "1 2 ");
    assert_false(discovery_is_looking(s->discovery));
    move_into_place(s, "127.0.0.1:2\n127.0.0.1:3\n");
    await(s, "2 3 ");
    append(s->path, "127.0.0.1:4\n");
    await(s, "2 3 4 ");
    move_into_place(s, "[]\n");
    await(s, "");
    assert_int_equal(s->failures, 0);
}

static void a_file_may_be_made_later_and_its_folder_too(void **state)
{
    struct scene *s = *state;
    assert_int_equal(rmdir(s->folder), 0);
    open_discovery(s);
    await_failure(s, "No such file or directory: no servers are known");
    assert_int_equal(mkdir(s->folder, 0755), 0);
    append(s->path, "127.0.0.1:1\n");
    await(s, "1 ");
    move_into_place(s, "127.0.0.1:2\n");
    await(s, "2 ");
}

static bool is_never(const struct scene *s)
{
    return false;
}

/* What a writer has not finished is not believed: neither a list that is still short nor an address cut off.
 */
static void a_file_is_read_when_it_is_whole(void **state)
{
    struct scene *s = *state;
    move_into_place(s, "127.0.0.1:1\n127.0.0.1:2\n");
    open_discovery(s);
    await(s, "1 2 ");
    int fd = open(s->path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    static const char *const parts[] = {"127.0.0.1:1\n", "127.0.0.1:", "23", "45\n"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        (void)run_until(s, is_never, 150 * NS_PER_MS);
        assert_int_equal(write(fd, parts[i], strlen(parts[i])), (ssize_t)strlen(parts[i]));
    }
    close(fd);
    await(s, "1 2345 ");
    assert_int_equal(s->hand_overs, 2);
    assert_int_equal(s->failures, 0);
}

static void a_wrong_file_changes_nothing_and_is_told_once(void **state)
{
    struct scene *s = *state;
    move_into_place(s, "127.0.0.1:1\n127.0.0.1:2\n");
    open_discovery(s);
    await(s, "1 2 ");
    move_into_place(s, "127.0.0.1:1\n127.0.0.1\n");
    await_failure(s, "shop.servers:2: '127.0.0.1': an address needs a port");
    (void)run_until(s, is_never, 2500 * NS_PER_MS); /* beyond a poll */
    assert_int_equal(s->failures, 1);
    move_into_place(s, "# nobody\n");
    await_failure(s, "it has no addresses; when there are none on purpose, write []");
    assert_int_equal(s->hand_overs, 1);
    move_into_place(s, "127.0.0.1:1\n127.0.0.1:2\n");
    (void)run_until(s, is_never, 300 * NS_PER_MS);
    assert_int_equal(discovery_held(s->discovery)->failing_since_ns, 0);
    assert_int_equal(s->hand_overs, 1);
}

static void a_file_that_is_taken_away_keeps_its_servers(void **state)
{
    struct scene *s = *state;
    move_into_place(s, "127.0.0.1:1\n");
    open_discovery(s);
    await(s, "1 ");
    assert_int_equal(rename(s->path, s->other), 0); /* as an editor does: away for a moment */
    (void)run_until(s, is_never, 100 * NS_PER_MS);
    append(s->path, "127.0.0.1:1\n127.0.0.1:2\n");
    await(s, "1 2 ");
    assert_int_equal(s->failures, 0);
    unlink(s->path);
    await_failure(s, "No such file or directory: the servers that were found before are kept");
    assert_int_equal(s->hand_overs, 2);
    assert_int_equal(rename(s->other, s->path), 0); /* the old file itself comes back */
    await(s, "1 ");
}

static void a_folder_in_the_place_of_the_file(void **state)
{
    struct scene *s = *state;
    assert_int_equal(mkdir(s->path, 0755), 0);
    open_discovery(s);
    await_failure(s, "this is no regular file");
    rmdir(s->path);
}

static void a_file_that_may_not_be_read(void **state)
{
    struct scene *s = *state;
    append(s->path, "127.0.0.1:1\n");
    assert_int_equal(chmod(s->path, 0), 0);
    chmod(s->folder, 0755);
    bool is_root = getuid() == 0;
    if (is_root)
        assert_int_equal(seteuid(65534), 0);
    open_discovery(s);
    await_failure(s, "permission denied: Weir's worker reads it as user id");
    if (is_root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(s->path, 0644), 0);
    await(s, "1 ");
}

static void a_link_that_is_turned(void **state)
{
    struct scene *s = *state;
    char target[112];
    for (int i = 1; i <= 2; i++) {
        char line[32];
        snprintf(target, sizeof(target), "%s/release-%d", s->folder, i);
        snprintf(line, sizeof(line), "127.0.0.1:%d\n", i);
        append(target, line);
    }
    assert_int_equal(symlink("release-1", s->path), 0);
    open_discovery(s);
    await(s, "1 ");
    assert_int_equal(symlink("release-2", s->other), 0);
    assert_int_equal(rename(s->other, s->path), 0);
    await(s, "2 ");
    append(target, "127.0.0.1:3\n"); /* of which inotify tells nothing here under our name */
    await(s, "2 3 ");
    for (int i = 1; i <= 2; i++) {
        snprintf(target, sizeof(target), "%s/release-%d", s->folder, i);
        unlink(target);
    }
}

static void closing_while_a_look_is_under_way(void **state)
{
    struct scene *s = *state;
    append(s->path, "127.0.0.1:1\n");
    open_discovery(s);
    (void)run_until(s, is_never, 1);
    uint32_t before = s->hand_overs; /* a quick thread may have been through already */
    discovery_close(s->discovery);
    s->discovery = NULL;
    (void)run_until(s, is_never, 50 * NS_PER_MS);
    assert_int_equal(s->hand_overs, before);
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(what_is_there_is_found_and_changes_count),
        STORY(a_file_may_be_made_later_and_its_folder_too),
        STORY(a_file_is_read_when_it_is_whole),
        STORY(a_wrong_file_changes_nothing_and_is_told_once),
        STORY(a_file_that_is_taken_away_keeps_its_servers),
        STORY(a_folder_in_the_place_of_the_file),
        STORY(a_file_that_may_not_be_read),
        STORY(a_link_that_is_turned),
        STORY(closing_while_a_look_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
