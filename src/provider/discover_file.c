/*
 * discover: {file: …}: a watched file. See address_list.h for what it may hold.
 *
 * A look at the file is a job on a thread of its own, since a file may lie on a mount that hangs; one at a
 * time. Looks are asked for by inotify, and every POLL_NS besides: the kernel tells nothing of a file on NFS,
 * of the target of a symbolic link, or of a folder that does not exist yet. What is watched is the folder, so
 * that a file that is moved into place, taken away or made later is seen.
 *
 * A file that is being written must not be taken for a shorter list. So:
 *
 * 1. What has changed is read when its writer closed it or moved it into place; else when nothing happened to
 *    it for WRITING_NS; without inotify, when two looks in a row found the same.
 * 2. A file that makes no sense, that is away, or whose last line has no end gets a second look after
 * DOUBT_NS before that counts: editors take files away for a moment.
 *
 * Rejected: watching the file itself (lost with the first rename), reading in control's loop (may hang).
 */
#include "provider/address_list.h"
#include "provider/discovery.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLL_NS    (2 * NS_PER_S)
#define SOON_NS    (20 * NS_PER_MS)  /* after a writer has closed it; more events may follow */
#define WRITING_NS NS_PER_S          /* nothing has been written for so long */
#define DOUBT_NS   (500 * NS_PER_MS) /* to the second look */
#define LOOK_NS    (5 * NS_PER_S)    /* a look that takes longer is given up */

enum {
    WATCHED = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
              IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
    WRITTEN = IN_CREATE | IN_MODIFY, /* perhaps not yet whole */
};

/* By what a file is known to be the same as at the last look. All zero: none. */
struct file_identity {
    dev_t device;
    ino_t inode;
    off_t size;
    int64_t changed_ns; /* ctime: a text that was written over can keep its mtime */
};

struct file_source {
    struct loop *loop;
    struct job_pool *jobs;
    const struct discovery_sink *sink;
    const char *path;      /* of the configuration */
    struct handle inotify; /* fd -1: the kernel gives none, so looks come by time alone */
    int watch;             /* of the folder; -1: none */
    struct timer timer;    /* the next look */
    struct look *look;     /* under way; NULL: none */
    bool is_due;           /* the next one was due meanwhile */
    bool is_complete;      /* its writer has finished: what the next look finds may be read */
    bool is_doubted;       /* the next look is the second one */
    bool is_good;          /* what was taken last was a list, and nothing failed since */
    struct file_identity taken, seen;
};

enum look_result { LOOK_TEXT, LOOK_SAME, LOOK_CHANGING, LOOK_FAILED };

/* One job. The thread uses nothing else. */
struct look {
    struct job job;
    struct file_source *source; /* NULL: it was closed meanwhile. The loop's thread only */
    char *path, *folder;        /* owned */
    int inotify_fd;             /* a descriptor of its own */
    bool is_complete;
    struct file_identity taken, seen;
    /* The outcome. */
    enum look_result result;
    struct buf text;
    int watch;
    char reason[HELD_REASON_BYTES];
};

/* ---- on a job's thread ---- */

static bool is_same(const struct file_identity *a, const struct file_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed_ns == b->changed_ns;
}

static enum look_result fail(struct look *l, int error_number)
{
    if (error_number == EACCES)
        (void)snprintf(l->reason, sizeof(l->reason),
                       "%s: permission denied: Weir's worker reads it as user id %u (the key 'user'), which "
                       "needs the right to read it and to enter its folder",
                       l->path, (unsigned)geteuid());
    else
        (void)snprintf(l->reason, sizeof(l->reason), "%s: %s", l->path, strerror(error_number));
    return LOOK_FAILED;
}

static enum look_result read_text(struct look *l, int fd)
{
    char chunk[16 * 1024];
    ssize_t n = 1;
    while (n > 0 && l->text.len <= ADDRESS_LIST_BYTES_MAX) {
        n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            buf_put(&l->text, str_n(chunk, (size_t)n));
    }
    return n < 0 ? fail(l, errno) : LOOK_TEXT;
}

static enum look_result look_at(struct look *l, int fd)
{
    struct stat s;
    if (fstat(fd, &s) != 0)
        return fail(l, errno);
    if (!S_ISREG(s.st_mode)) {
        (void)snprintf(l->reason, sizeof(l->reason), "%s: this is no regular file", l->path);
        return LOOK_FAILED;
    }
    struct file_identity before = l->seen;
    l->seen = (struct file_identity){.device = s.st_dev,
                                     .inode = s.st_ino,
                                     .size = s.st_size,
                                     .changed_ns = s.st_ctim.tv_sec * NS_PER_S + s.st_ctim.tv_nsec};
    if (is_same(&l->seen, &l->taken))
        return LOOK_SAME;
    if (!l->is_complete && !is_same(&l->seen, &before))
        return LOOK_CHANGING;
    return read_text(l, fd);
}

static void run_look(struct job *j)
{
    struct look *l = container_of(j, struct look, job);
    /* The folder first: what happens to the file after our look must not be missed. */
    l->watch = inotify_add_watch(l->inotify_fd, l->folder, WATCHED);
    int fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    l->result = fd < 0 ? fail(l, errno) : look_at(l, fd);
    if (fd >= 0)
        close(fd);
}

/* ---- on the loop's thread ---- */

static void look_in(struct file_source *s, int64_t ns)
{
    timer_set(s->loop, &s->timer, loop_now_ns(s->loop) + ns);
}

/* True when this look is to be doubted: the next one comes soon and decides. */
static bool is_doubtful(struct file_source *s)
{
    s->is_doubted = !s->is_doubted;
    s->is_complete = true;
    if (s->is_doubted)
        look_in(s, DOUBT_NS);
    return s->is_doubted;
}

static void take_failure(struct file_source *s, const char *reason)
{
    if (is_doubtful(s))
        return;
    s->is_good = false;
    s->sink->on_failed(s->sink->context, reason);
}

static void tell_list(struct file_source *s, const struct address_list *list)
{
    char reason[HELD_REASON_BYTES];
    s->is_good = list->count > 0 || list->is_stated;
    if (s->is_good) {
        s->sink->on_list(s->sink->context, &(struct found_list){.addresses = list->addresses,
                                                                .count = list->count,
                                                                .is_stated = list->is_stated});
        return;
    }
    (void)snprintf(reason, sizeof(reason),
                   "%s: it has no addresses; when there are none on purpose, write []", s->path);
    s->sink->on_failed(s->sink->context, reason);
}

static void take_text(struct file_source *s, const struct look *l)
{
    struct address_list list = {0};
    struct err err;
    uint32_t line;
    char reason[HELD_REASON_BYTES], place[16] = "";
    bool is_list = address_list_parse(buf_str(&l->text), &list, &line, &err);
    bool is_whole = is_list && !list.is_cut && (list.count > 0 || list.is_stated);
    if (!is_whole && is_doubtful(s)) {
        address_list_fini(&list);
        return;
    }
    s->is_doubted = false;
    s->taken = l->seen; /* the same text would be told again with every look */
    if (is_list) {
        tell_list(s, &list);
        address_list_fini(&list);
        return;
    }
    s->is_good = false;
    if (line)
        (void)snprintf(place, sizeof(place), ":%u", line);
    (void)snprintf(reason, sizeof(reason), "%s%s: %.380s", s->path, place, err.text);
    s->sink->on_failed(s->sink->context, reason);
}

static void take_look(struct file_source *s, const struct look *l)
{
    s->seen = l->seen;
    if (s->watch >= 0 && s->watch != l->watch)
        (void)inotify_rm_watch(s->inotify.fd, s->watch); /* another folder has its name now */
    s->watch = l->watch;
    switch (l->result) {
    case LOOK_TEXT:
        take_text(s, l);
        break;
    case LOOK_SAME:
        s->is_doubted = false;
        if (s->is_good)
            s->sink->on_same(s->sink->context);
        break;
    case LOOK_CHANGING:
        break;
    case LOOK_FAILED:
        s->taken = (struct file_identity){0};
        take_failure(s, l->reason);
        break;
    }
}

static void on_looked(struct job *j, enum job_outcome outcome)
{
    struct look *l = container_of(j, struct look, job);
    struct file_source *s = l->source;
    char reason[HELD_REASON_BYTES];
    if (!s || outcome == JOB_CANCELLED)
        return;
    if (outcome == JOB_DONE) {
        take_look(s, l);
        return;
    }
    (void)snprintf(reason, sizeof(reason), "%s: reading it takes longer than %d s", s->path,
                   (int)(LOOK_NS / NS_PER_S));
    s->is_good = false;
    s->taken = (struct file_identity){0};
    s->sink->on_failed(s->sink->context, reason);
}

/* Also without a source, and for a look that hung when the pool was freed on a thread of its own. */
static void release_look(struct job *j)
{
    struct look *l = container_of(j, struct look, job);
    if (l->source) {
        l->source->look = NULL;
        if (l->source->is_due)
            look_in(l->source, 0);
    }
    close(l->inotify_fd);
    buf_fini(&l->text);
    free(l->path);
    free(l->folder);
    free(l);
}

static char *folder_of(const char *path)
{
    char *folder = mem_strdup(path);
    char *slash = strrchr(folder, '/');
    ASSERT(slash); /* the schema takes paths from the root only */
    slash[slash == folder ? 1 : 0] = '\0';
    return folder;
}

static void on_timer(struct loop *loop, struct timer *t)
{
    struct file_source *s = container_of(t, struct file_source, timer);
    look_in(s, POLL_NS);
    s->is_due = s->look != NULL; /* it hangs, or takes its time: one at a time */
    if (s->is_due)
        return;
    struct look *l = NEW(struct look);
    *l = (struct look){
        .job = {.run = run_look, .on_done = on_looked, .release = release_look},
        .source = s,
        .path = mem_strdup(s->path),
        .folder = folder_of(s->path),
        .inotify_fd = fcntl(s->inotify.fd, F_DUPFD_CLOEXEC, 0),
        .is_complete = s->is_complete,
        .taken = s->taken,
        .seen = s->seen,
    };
    s->is_complete = false;
    s->look = l;
    if (!job_submit(s->jobs, &l->job, loop_now_ns(loop) + LOOK_NS))
        release_look(&l->job); /* the queue is full: with the next poll */
}

/* ---- inotify ---- */

static void note_event(struct file_source *s, const struct inotify_event *e)
{
    const char *name = strrchr(s->path, '/') + 1;
    bool is_folder = e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT | IN_Q_OVERFLOW);
    bool is_ours = e->wd == s->watch && e->len > 0 && strcmp(e->name, name) == 0;
    if (e->wd == s->watch && (e->mask & IN_IGNORED))
        s->watch = -1;
    if (!is_folder && !is_ours)
        return;
    s->is_complete = true; /* by the time the timer says */
    look_in(s, e->mask & WRITTEN ? WRITING_NS : SOON_NS);
}

static void on_inotify(struct loop *loop, struct handle *h, uint32_t events)
{
    (void)loop, (void)events;
    struct file_source *s = container_of(h, struct file_source, inotify);
    _Alignas(struct inotify_event) char bytes[4096];
    ssize_t n = read(h->fd, bytes, sizeof(bytes));
    for (char *at = bytes; n > 0 && at < bytes + n;) {
        const struct inotify_event *e = (const void *)at;
        note_event(s, e);
        at += sizeof(*e) + e->len;
    }
}

/* ---- the interface ---- */

static struct discovery_source *open_file(const struct discovery_params *params,
                                          const struct discovery_sink *sink, struct err *err)
{
    (void)err; /* it always begins: without inotify it looks by time alone */
    struct file_source *s = NEW(struct file_source);
    s->loop = params->loop;
    s->jobs = params->jobs;
    s->sink = sink;
    s->path = params->config->file.ptr;
    s->watch = -1;
    s->is_complete = true; /* what is there when Weir starts is taken as it is */
    s->inotify = (struct handle){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .on_event = on_inotify};
    if (s->inotify.fd >= 0 && !loop_add(s->loop, &s->inotify, EPOLLIN)) {
        close(s->inotify.fd);
        s->inotify.fd = -1;
    }
    timer_init(&s->timer, on_timer);
    look_in(s, 0);
    return (struct discovery_source *)s;
}

static void close_file(struct discovery_source *source)
{
    struct file_source *s = (struct file_source *)source;
    if (s->look)
        s->look->source = NULL;
    timer_cancel(&s->timer);
    if (s->inotify.fd >= 0) {
        loop_remove(s->loop, &s->inotify);
        close(s->inotify.fd);
    }
    free(s);
}

const struct discovery_ops discover_file_ops = {.name = "file", .open = open_file, .close = close_file};
