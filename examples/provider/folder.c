/*
 * folder.c: an example of a provider: an engine that runs a server for each file in a folder. A file's name
 * is the server's key with a comma for the slash ("shop,shop-1"); the engine writes the server's address into
 * it once that runs.
 */
#include "provider/driver.h"

#include "base/buf.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct driver {
    const struct config_service *service; /* borrowed */
    char *folder;                         /* owned */
};

static struct driver *folder_open(const struct config_service *service, const char *owner, struct err *err)
{
    struct buf folder = {0};
    struct driver *d = NEW(struct driver);
    d->service = service;
    buf_printf(&folder, "/var/lib/servers/%s", owner); /* a real one has a key in the configuration for it */
    d->folder = folder.ptr;
    return d;
}

static void folder_close(struct driver *d)
{
    free(d->folder);
    free(d);
}

static void put_path(const struct driver *d, const char *key, char *out, size_t bytes)
{
    (void)snprintf(out, bytes, "%s/%s", d->folder, key);
    char *slash = strchr(out + strlen(d->folder) + 1, '/');
    if (slash)
        *slash = ',';
}

/* What an errno means for those who wait for the server. */
static enum driver_fault fault_of(int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return DRIVER_FAULT_CREDENTIALS;
    case ENOSPC:
    case EDQUOT:
        return DRIVER_FAULT_QUOTA;
    case ENOENT:
        return DRIVER_FAULT_CONFIGURATION;
    default:
        return DRIVER_FAULT_RETRYABLE;
    }
}

static bool fail(struct driver_failure *f, const char *path)
{
    return driver_fail(f, fault_of(errno), "%s: %s", path, strerror(errno));
}

static bool read_server(const struct driver *d, const char *name, struct instance *ret,
                        struct driver_failure *f)
{
    char path[512], text[ADDR_TEXT_BYTES + 2];
    const char *problem;
    struct instance i = {.state = INSTANCE_PENDING};
    (void)str_copy(i.id, sizeof(i.id), str_of(name));
    (void)str_copy(i.key, sizeof(i.key), str_of(name));
    *strchr(i.key, ',') = '/';
    put_path(d, i.key, path, sizeof(path));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return fail(f, path);
    while (n > 0 && text[n - 1] == '\n')
        n--;
    struct str address = str_n(text, (size_t)n);
    if (address.len) {
        i.state = INSTANCE_RUNNING;
        i.has_address = addr_parse(address, &i.address, &problem);
        if (!i.has_address)
            return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "%s: %s", path, problem);
    }
    *ret = i;
    return true;
}

static bool is_ours(const struct driver *d, const char *name)
{
    size_t len = d->service->name.len;
    return strncmp(name, d->service->name.ptr, len) == 0 && name[len] == ',';
}

/* Whole, or a failure: a server that is left out would be taken for one that is gone. */
static bool folder_list(struct driver *d, const struct driver_call *call, struct instance_list *ret_list,
                        struct driver_failure *f)
{
    struct instance_list list = {0};
    bool is_good = true;
    DIR *folder = opendir(d->folder);
    if (!folder)
        return fail(f, d->folder);
    for (const struct dirent *e; is_good && (e = readdir(folder)) != NULL;) {
        if (!is_ours(d, e->d_name) || list.count == INSTANCES_MAX)
            continue;
        list.items = mem_realloc(list.items, (list.count + 1) * sizeof(*list.items));
        is_good = read_server(d, e->d_name, &list.items[list.count], f);
        list.count += is_good;
    }
    (void)closedir(folder);
    if (is_good)
        *ret_list = list;
    else
        free(list.items);
    return is_good;
}

/* Idempotent: the file of a key is there once, however often it is asked for. */
static bool folder_start(struct driver *d, const struct driver_call *call, const char *key,
                         struct instance *ret_instance, struct driver_failure *f)
{
    char path[512];
    put_path(d, key, path, sizeof(path));
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return fail(f, path);
    close(fd);
    return read_server(d, strrchr(path, '/') + 1, ret_instance, f);
}

/* Fine when it is gone already. */
static bool folder_stop(struct driver *d, const struct driver_call *call, const struct instance *instance,
                        int64_t stop_timeout_ns, struct driver_failure *f)
{
    char path[512];
    put_path(d, instance->key, path, sizeof(path));
    return unlink(path) == 0 || errno == ENOENT || fail(f, path);
}

extern const struct driver_ops folder_driver;
const struct driver_ops folder_driver = {
    .name = "folder",
    .capabilities = DRIVER_STARTS_ONE | DRIVER_STOPS_CHOSEN | DRIVER_TELLS_ADDRESSES | DRIVER_KEEPS_KEYS,
    .open = folder_open,
    .close = folder_close,
    .list = folder_list,
    .start = folder_start,
    .stop = folder_stop,
};
