/*
 * log_file.c
 *
 * Root may write in a folder here that less trusted users have a hand in, so no link is followed at the end
 * of the path, and only a plain file with one name is written to. Names are looked up in the folder as it was
 * opened.
 *
 * Each piece is written after a look whether the name is still this file's: one that was moved away
 * (logrotate) or removed is opened anew with the next line, without a signal.
 */
#include "supervisor/log_file.h"

#include "base/buf.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0640 };

static const char *name_of(const struct log_file *f)
{
    return strrchr(f->plan->file, '/') + 1;
}

/* ---- opening ---- */

static void close_file(struct log_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    if (f->folder >= 0)
        close(f->folder);
    f->fd = f->folder = -1;
}

static bool open_folder(struct log_file *f, struct err *err)
{
    char path[PATH_MAX];
    str_copy(path, sizeof(path), str_n(f->plan->file, (size_t)(name_of(f) - f->plan->file)));
    f->folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return f->folder >= 0 || err_set_errno(err, errno, "opening the folder %s", path);
}

static bool open_name(struct log_file *f, struct err *err)
{
    struct stat s;
    f->fd = openat(f->folder, name_of(f),
                   O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, FILE_MODE);
    if (f->fd < 0 && errno == ELOOP)
        return err_set(err, "%s is a link, which is not followed", f->plan->file);
    if (f->fd < 0 || fstat(f->fd, &s) < 0)
        return err_set_errno(err, errno, "opening %s", f->plan->file);
    if (!S_ISREG(s.st_mode) || s.st_nlink > 1)
        return err_set(err, "%s is no plain file with one name", f->plan->file);
    f->size = (uint64_t)s.st_size;
    return true;
}

static bool open_file(struct log_file *f, struct err *err)
{
    if (open_folder(f, err) && open_name(f, err))
        return true;
    close_file(f);
    return false;
}

static bool is_still_named(const struct log_file *f)
{
    struct stat named, mine;
    return fstatat(f->folder, name_of(f), &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(f->fd, &mine) == 0 &&
           named.st_ino == mine.st_ino && named.st_dev == mine.st_dev;
}

static void tell_failure(struct log_file *f, const char *what, const char *reason)
{
    if (!f->is_failing)
        log_warn("the servers' log: %s; %s", reason, what);
    f->is_failing = true;
}

static bool ensure_open(struct log_file *f, int64_t now_ns)
{
    struct err err;
    if (f->fd >= 0 && is_still_named(f))
        return true;
    bool was_open = f->fd >= 0;
    close_file(f);
    if (!was_open && f->opened_ns && now_ns - f->opened_ns < LOG_FILE_RETRY_NS)
        return false;
    f->opened_ns = now_ns;
    if (open_file(f, &err))
        return true;
    tell_failure(f, "their lines go to standard error", err.text);
    return false;
}

/* ---- rotation ---- */

static bool rename_in(const struct log_file *f, uint32_t from, uint32_t to)
{
    char old_name[NAME_MAX + 16], new_name[NAME_MAX + 16];
    snprintf(old_name, sizeof(old_name), "%s.%u", name_of(f), from);
    snprintf(new_name, sizeof(new_name), "%s.%u", name_of(f), to);
    return renameat(f->folder, from ? old_name : name_of(f), f->folder, new_name) == 0;
}

/* False: the file keeps its name, for the reason in errno. */
static bool move_away(const struct log_file *f)
{
    if (f->plan->keep == 0)
        return unlinkat(f->folder, name_of(f), 0) == 0;
    for (uint32_t i = f->plan->keep; i-- > 1;)
        (void)rename_in(f, i, i + 1); /* most are not there */
    return rename_in(f, 0, 1);
}

/* Where the folder does not allow it, lines are worth more than the limit. */
static void rotate(struct log_file *f, int64_t now_ns)
{
    if (f->is_unrotated && now_ns - f->unrotated_ns < LOG_FILE_RETRY_NS)
        return;
    if (!move_away(f)) {
        f->unrotated_ns = now_ns;
        if (!f->is_unrotated)
            log_warn("the servers' log %s cannot be rotated and grows: %s", f->plan->file, strerror(errno));
        f->is_unrotated = true;
        return;
    }
    f->is_unrotated = false;
    close_file(f);
    f->opened_ns = 0;
}

/* ---- writing ---- */

static uint64_t count_lines(struct str s)
{
    uint64_t count = 0;
    for (size_t i = 0; i < s.len; i++)
        count += s.ptr[i] == '\n';
    return count;
}

/* Returns what could not be written. */
static struct str write_bytes(struct log_file *f, struct str bytes)
{
    while (bytes.len) {
        ssize_t n = write(f->fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        f->size += (uint64_t)n;
        f->is_midline = bytes.ptr[n - 1] != '\n';
        bytes = str_n(bytes.ptr + n, bytes.len - (size_t)n);
    }
    return bytes;
}

static bool tell_dropped(struct log_file *f)
{
    char text[128];
    if (f->dropped_lines == 0)
        return true;
    int n = snprintf(text, sizeof(text),
                     "%sweir: %" PRIu64 " lines were dropped: the file could not be written\n",
                     f->is_midline ? "\n" : "", f->dropped_lines);
    if (write_bytes(f, str_n(text, (size_t)n)).len)
        return false;
    f->dropped_lines = 0;
    return true;
}

static void write_lines(struct log_file *f, struct str lines)
{
    struct str rest = tell_dropped(f) ? write_bytes(f, lines) : lines;
    if (rest.len == 0) {
        f->is_failing = false;
        return;
    }
    struct err err;
    (void)err_set_errno(&err, errno, "writing %s", f->plan->file);
    f->dropped_lines += count_lines(rest);
    tell_failure(f, "their lines are dropped until it can be written", err.text);
}

bool log_file_put(struct log_file *f, struct str lines, int64_t now_ns)
{
    if (!ensure_open(f, now_ns))
        return false;
    if (f->size && f->size + lines.len > f->plan->bytes_max)
        rotate(f, now_ns);
    if (!ensure_open(f, now_ns))
        return false;
    write_lines(f, lines);
    return true;
}

void log_file_init(struct log_file *f, const struct supervisor_log *plan)
{
    *f = (struct log_file){.plan = plan, .folder = -1, .fd = -1};
}

void log_file_fini(struct log_file *f)
{
    close_file(f);
}
