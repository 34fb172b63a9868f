/*
 * pressure.c: see pressure.h. The kernel's averages lag behind and overlap, so the share is taken from its
 * total of microseconds: exact, over the time since the sample before.
 */
#include "watch/pressure.h"

#include "base/clock.h"
#include "base/macros.h"
#include "watch/formula.h"
#include "watch/procfs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_BYTES = 512, FOLDER_BYTES = 4096 };

void pressures_init_host(struct pressures *p, const char *root)
{
    *p = (struct pressures){.cpu.is_cpu = true};
    kept_file_init(&p->cpu.file, root, "/proc/pressure/cpu");
    kept_file_init(&p->memory.file, root, "/proc/pressure/memory");
    kept_file_init(&p->io.file, root, "/proc/pressure/io");
}

static void init_in_folder(struct kept_file *f, const char *root, const char *folder, const char *name)
{
    char path[FOLDER_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    kept_file_init(f, root, path);
}

void pressures_init_group(struct pressures *p, const char *root, const char *folder)
{
    *p = (struct pressures){.cpu.is_of_group = true, .memory.is_of_group = true, .io.is_of_group = true};
    init_in_folder(&p->cpu.file, root, folder, "cpu.pressure");
    init_in_folder(&p->memory.file, root, folder, "memory.pressure");
    init_in_folder(&p->io.file, root, folder, "io.pressure");
}

void pressures_fini(struct pressures *p)
{
    kept_file_fini(&p->cpu.file);
    kept_file_fini(&p->memory.file);
    kept_file_fini(&p->io.file);
}

static void set_unknown(struct pressure_sample *s, const char *why)
{
    s->some_percent = s->full_percent = s->some_seconds = s->full_seconds = reading_unknown(why);
}

void pressures_set_unknown(struct pressures_sample *s, const char *why)
{
    set_unknown(&s->cpu, why);
    set_unknown(&s->memory, why);
    set_unknown(&s->io, why);
}

/* The kernel's words for "no" are said so that people know what to do about it. */
static const char *explain(const struct pressure_file *p, const char *why)
{
    if (why == strerrordesc_np(ENOENT))
        return p->is_of_group ? "the control group has no such file"
                              : "the kernel does not measure pressure (PSI)";
    if (why == strerrordesc_np(EOPNOTSUPP))
        return "the measuring of pressure is switched off (psi=0)";
    return why;
}

static void take_shares(struct pressure_file *p, const struct pressure_text *text, int64_t now_ns,
                        struct pressure_sample *s)
{
    int64_t elapsed_ns = now_ns - p->taken_ns;
    s->some_percent = s->full_percent = reading_unknown(formula_first_sample);
    if (p->taken_ns) {
        s->some_percent = formula_time_share(p->some_us, text->some_us, NS_PER_US, elapsed_ns);
        s->full_percent = formula_time_share(p->full_us, text->full_us, NS_PER_US, elapsed_ns);
    }
    s->some_seconds = reading_known((double)text->some_us / 1e6);
    s->full_seconds = reading_known((double)text->full_us / 1e6);
    if (p->is_cpu && !p->is_of_group)
        s->full_percent = s->full_seconds = reading_unknown("it is not defined for the CPUs of a host");
    else if (!text->has_full)
        s->full_percent = s->full_seconds = reading_unknown("this kernel does not tell it");
}

static void take(struct pressure_file *p, int64_t now_ns, struct pressure_sample *s)
{
    char buffer[TEXT_BYTES];
    struct str text;
    struct pressure_text pressure;
    const char *why = "the pressure file is not as expected";
    if (!kept_file_read(&p->file, buffer, sizeof(buffer), &text, &why) ||
        !procfs_parse_pressure(text, &pressure)) {
        p->taken_ns = 0;
        set_unknown(s, explain(p, why));
        return;
    }
    take_shares(p, &pressure, now_ns, s);
    p->taken_ns = MAX(now_ns, 1);
    p->some_us = pressure.some_us;
    p->full_us = pressure.full_us;
}

void pressures_take(struct pressures *p, int64_t now_ns, struct pressures_sample *ret_sample)
{
    take(&p->cpu, now_ns, &ret_sample->cpu);
    take(&p->memory, now_ns, &ret_sample->memory);
    take(&p->io, now_ns, &ret_sample->io);
}
