/* Which file systems are watched, and what happens when one of them hangs. */
#include "watch/disks.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "tree.h"
#include "watch/cgroup.h"

#include <errno.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_select(void **state)
{
    static const char mounts[] =
        "22 27 0:21 / /proc rw - proc proc rw\n"
        "25 24 0:23 / /dev/shm rw - tmpfs tmpfs rw\n"
        "26 24 0:24 / /tmp rw - tmpfs tmpfs rw\n"
        "27 1 254:0 / / rw - ext4 /dev/vda rw\n"
        "28 27 254:0 /srv /bind/of/root rw - ext4 /dev/vda rw\n"
        "29 27 254:1 / /data rw - xfs /dev/vdb rw\n"
        "30 27 254:2 / /very/long/first rw - ext4 /dev/vdc rw\n"
        "31 27 254:2 / /short rw - ext4 /dev/vdc rw\n"
        "32 27 254:3 / /read/only/mount ro - ext4 /dev/vdd rw\n" /* made read-only by systemd, still filling
                                                                    up */
        "33 27 254:4 / /image ro - ext4 /dev/vde ro\n"
        "33 27 254:5 / /failed rw - ext4 /dev/vdx ro\n" /* made read-only by the kernel */
        "34 27 7:0 / /snap/core/1 ro - squashfs /dev/loop0 ro\n"
        "35 27 0:50 / /mnt/nfs\\040share rw - nfs4 server:/x rw\n"
        "36 27 0:60 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw\n"
        "37 27 0:61 / /some/overlay rw - overlay overlay rw\n"
        "37 27 0:62 / /srv/u/containers/overlay/x/merged rw - fuse.fuse-overlayfs fuse-overlayfs rw\n"
        "37 27 0:63 / /srv/u/.mount_App ro - fuse.App.AppImage App.AppImage ro,user_id=1000\n"
        "38 27 254:9 /c/hosts /etc/hosts rw - ext4 /dev/vdf rw\n"
        "39 27 254:10 / /dev/disk rw - ext4 /dev/vdg rw\n"
        "40 27 254:11 / /devices rw - ext4 /dev/vdh rw\n"
        "41 27 254:12 / /var/lib/docker rw - ext4 /dev/vdi rw\n" /* a disk of its own */
        "42 41 254:13 / /var/lib/docker/volumes/v/_data rw - ext4 /dev/vdj rw\n";
    static const char *const expected[] = {"/",       "/data",          "/short",   "/read/only/mount",
                                           "/failed", "/mnt/nfs share", "/devices", "/var/lib/docker"};
    char paths[HOST_DISKS_MAX][HOST_PATH_BYTES];
    assert_int_equal(disks_select(str_of(mounts), paths), ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        assert_string_equal(paths[i], expected[i]);
    assert_int_equal(disks_select(STR("1 1 0:5 / / rw - overlay overlay rw\n"), paths),
                     1); /* a container's root */
    assert_int_equal(disks_select(STR(""), paths), 0);
}

/* A file system that hangs until it is let go, beside two that answer. */
static sem_t let_go;
static _Atomic int hanging, looks;

static bool measure(const char *path, struct disk_counts *ret_counts)
{
    if (strstr(path, "/dead") && atomic_load(&hanging)) {
        sem_wait(&let_go);
        errno = EIO;
        return false;
    }
    if (strstr(path, "/missing")) {
        errno = ENOENT;
        return false;
    }
    atomic_fetch_add(&looks, 1);
    *ret_counts =
        (struct disk_counts){.fragment_bytes = 1, .blocks = 100, .blocks_free = 50, .blocks_available = 50};
    return true;
}

struct wait {
    struct timer timer;
};

static void on_stop(struct loop *l, struct timer *t)
{
    loop_stop(l);
}

static void run_for(struct loop *l, int64_t ns)
{
    struct wait w;
    timer_init(&w.timer, on_stop);
    timer_set(l, &w.timer, clock_now_ns() + ns);
    loop_run(l);
}

/* Runs until the path is known (or not), at most ten seconds. */
static bool wait_known(struct loop *l, struct disks *d, uint32_t index, bool is_known)
{
    struct disk_sample samples[HOST_DISKS_MAX];
    for (int i = 0; i < 1000; i++) {
        if (disks_get_samples(d, samples) > index && samples[index].percent.is_known == is_known)
            return true;
        run_for(l, 10 * NS_PER_MS);
    }
    return false;
}

static void test_hanging_file_system(void **state)
{
    static const struct tree_file no_files[] = {{"proc/empty", ""}};
    struct str paths[] = {STR("/good"), STR("/dead"), STR("/also-good"), STR("/missing")};
    struct disk_sample s[HOST_DISKS_MAX];
    struct tree tree = tree_new(no_files, 1);
    struct loop *l = loop_new(NULL);
    char *scratch = mem_alloc(CGROUP_SCRATCH_BYTES);
    sem_init(&let_go, 0, 0);
    struct disks *d = disks_new(
        &(struct disks_params){.loop = l, .root = tree.root, .scratch = scratch, .measure = measure});
    disks_configure(d, &(struct config_strings){.count = ARRAY_LEN(paths), .items = paths});
    assert_int_equal(disks_get_samples(d, s), 4);
    assert_false(s[0].percent.is_known);

    disks_refresh(d, clock_now_ns());
    assert_true(wait_known(l, d, 1, true));
    assert_int_equal(disks_get_samples(d, s), 4);
    assert_true(s[0].percent.value == 50 && s[2].percent.is_known && !s[3].percent.is_known);
    assert_string_equal(s[3].percent.why_unknown, "No such file or directory");

    /* The look is given up after its deadline; here that has nearly passed already. */
    atomic_store(&hanging, 1);
    disks_refresh(d, clock_now_ns() - DISKS_DEADLINE_NS + 50 * NS_PER_MS);
    assert_true(wait_known(l, d, 1, false));
    disks_get_samples(d, s);
    assert_string_equal(s[1].percent.why_unknown, "the file system does not answer");

    /* The next look leaves it out and reaches the one behind it. */
    int before = atomic_load(&looks);
    disks_refresh(d, clock_now_ns());
    for (int i = 0; i < 1000 && atomic_load(&looks) < before + 2; i++)
        run_for(l, 10 * NS_PER_MS);
    assert_int_equal(atomic_load(&looks), before + 2);
    run_for(l, 10 * NS_PER_MS);

    /* It answers again: its thread comes back, and then its number. */
    atomic_store(&hanging, 0);
    sem_post(&let_go);
    bool is_back = false;
    for (int i = 0; i < 1000 && !is_back; i++) {
        disks_refresh(d, clock_now_ns());
        run_for(l, 10 * NS_PER_MS);
        disks_get_samples(d, s);
        is_back = s[1].percent.is_known;
    }
    assert_true(is_back);

    /* Freed while it hangs: nobody waits. */
    atomic_store(&hanging, 1);
    disks_refresh(d, clock_now_ns());
    run_for(l, 20 * NS_PER_MS);
    disks_free(d);
    loop_free(l);
    sem_post(&let_go);
    tree_free(&tree);
    free(scratch);
}

static void the_root_is_looked_at_whatever_it_is_made_of(void **state)
{
    static const struct {
        const char *mountinfo;
        uint32_t count;
    } rows[] = {
        {"30 1 0:20 / /proc rw - proc proc rw\n", 1},                               /* a chroot */
        {"30 1 0:20 / / rw - gofer none rw\n", 1},                                  /* a sandbox */
        {"30 1 254:1 / / rw - squashfs /dev/vda ro\n", 0},                          /* an image */
        {"30 1 254:1 / / rw - ext4 /dev/vda rw\n", 1},                              /* already there */
        {"30 1 254:1 / / rw - squashfs a ro\n31 1 254:2 / /d rw - ext4 b rw\n", 1}, /* an image with a disk */
    };
    char paths[HOST_DISKS_MAX][HOST_PATH_BYTES];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str text = str_of(rows[i].mountinfo);
        assert_int_equal(disks_add_root(text, paths, disks_select(text, paths)), rows[i].count);
    }
}

/* What the mount table tells of a path: its device, and whether the kernel has made it read-only. */
static void test_mounts_of_paths(void **state)
{
    static const struct tree_file files[] = {{"proc/self/mountinfo",
                                              "27 1 254:0 / / rw - ext4 /dev/vda rw\n"
                                              "29 27 254:2 / /data/deep rw - ext4 /dev/vdc rw,emergency_ro\n"
                                              "28 27 254:1 / /data rw - ext4 /dev/vdb ro\n"
                                              "30 27 254:3 / /image ro - ext4 /dev/vdd ro\n"
                                              "31 27 254:4 / /dat rw - xfs /dev/vde rw\n"}};
    struct str paths[] = {STR("/home"), STR("/data/x"), STR("/data/deep"), STR("/image"), STR("/data")};
    static const struct {
        uint32_t minor;
        bool is_read_only;
    } expected[] = {{0, false}, {1, true}, {2, true}, {3, false}, {1, true}};
    static struct disk_sample s[HOST_DISKS_MAX];
    struct tree tree = tree_new(files, ARRAY_LEN(files));
    struct loop *l = loop_new(NULL);
    char *scratch = mem_alloc(CGROUP_SCRATCH_BYTES);
    struct disks *d = disks_new(
        &(struct disks_params){.loop = l, .root = tree.root, .scratch = scratch, .measure = measure});
    disks_configure(d, &(struct config_strings){.count = ARRAY_LEN(paths), .items = paths});
    assert_int_equal(disks_get_samples(d, s), ARRAY_LEN(paths));
    assert_false(s[0].read_only.is_known || s[0].full_in_s.is_known);
    disks_refresh(d, clock_now_ns());
    assert_true(wait_known(l, d, 0, true));
    disks_get_samples(d, s);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_int_equal(s[i].device_major, 254);
        assert_int_equal(s[i].device_minor, expected[i].minor);
        assert_true(s[i].read_only.is_known && s[i].read_only.value == expected[i].is_read_only);
        assert_false(s[i].full_in_s.is_known); /* too little data */
    }
    tree_put(&tree, "proc/self/mountinfo", "27 1 254:0 / /elsewhere rw - ext4 /dev/vda rw\n");
    disks_refresh(d, clock_now_ns() + 2 * DISKS_FIND_EVERY_NS);
    disks_get_samples(d, s);
    assert_false(s[0].read_only.is_known);
    disks_free(d);
    loop_free(l);
    free(scratch);
    tree_free(&tree);
}

/* A full pool is one file system too full, not as many as it has datasets. */
static bool measure_pool(const char *path, struct disk_counts *ret_counts)
{
    bool has_quota = strstr(path, "/quota") != NULL, is_data = strstr(path, "/data") != NULL;
    uint64_t used = is_data ? 970 : 45, left = has_quota ? 5 : 30;
    *ret_counts = (struct disk_counts){
        .fragment_bytes = 1, .blocks = used + left, .blocks_free = left, .blocks_available = left};
    return true;
}

static struct disks *look_at_pool(struct loop *l, const struct tree *tree, char *scratch,
                                  const struct config_strings *paths, uint32_t *ret_count,
                                  struct disk_sample ret_samples[HOST_DISKS_MAX])
{
    struct disks *d = disks_new(
        &(struct disks_params){.loop = l, .root = tree->root, .scratch = scratch, .measure = measure_pool});
    disks_configure(d, paths);
    disks_refresh(d, clock_now_ns());
    assert_true(wait_known(l, d, 0, true));
    *ret_count = disks_get_samples(d, ret_samples);
    return d;
}

static void test_pool(void **state)
{
    static const struct tree_file files[] = {{"proc/self/mountinfo",
                                              "20 1 254:0 / / rw - ext4 /dev/vda rw\n"
                                              "30 20 0:40 / /tank rw - zfs tank rw,xattr\n"
                                              "31 30 0:41 / /tank/data rw - zfs tank/data rw,xattr\n"
                                              "32 30 0:42 / /tank/home rw - zfs tank/home rw,xattr\n"
                                              "33 30 0:43 / /tank/quota rw - zfs tank/quota rw,xattr\n"}};
    static struct disk_sample s[HOST_DISKS_MAX];
    struct tree tree = tree_new(files, ARRAY_LEN(files));
    struct loop *l = loop_new(NULL);
    char *scratch = mem_alloc(CGROUP_SCRATCH_BYTES);
    struct str all[] = {STR("/tank"), STR("/tank/data")};
    uint32_t count;

    struct disks *d = look_at_pool(l, &tree, scratch, &(struct config_strings){0}, &count, s);
    assert_int_equal(count, 3);
    assert_string_equal(s[0].path, "/");
    assert_string_equal(s[0].pool, "");
    assert_string_equal(s[1].path, "/tank/data");
    assert_string_equal(s[1].pool, "tank");
    assert_int_equal(s[1].pool_mounts, 3);
    assert_true(s[1].percent.value == 97);
    assert_string_equal(s[2].path, "/tank/quota");
    assert_true(s[2].percent.value == 90 && s[2].pool_mounts == 0);
    disks_free(d);

    /* Who names paths hears of each. */
    d = look_at_pool(l, &tree, scratch, &(struct config_strings){.count = ARRAY_LEN(all), .items = all},
                     &count, s);
    assert_int_equal(count, 2);
    assert_string_equal(s[0].path, "/tank");
    assert_int_equal(s[1].pool_mounts, 0);
    disks_free(d);
    loop_free(l);
    free(scratch);
    tree_free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_is_looked_at_whatever_it_is_made_of),
        cmocka_unit_test(test_select),
        cmocka_unit_test(test_mounts_of_paths),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_hanging_file_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
