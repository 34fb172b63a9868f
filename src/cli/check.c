/* `weir check FILE`. The room config does the work; here is only what goes where, and the one line that says
 * that all is well. */
#include "cli/check.h"

#include "config/reader.h"
#include "config/secrets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put_count(struct buf *out, size_t count, const char *one, const char *many)
{
    buf_printf(out, "%zu %s", count, count == 1 ? one : many);
}

static void put_counts(struct buf *out, uint32_t min, uint32_t max)
{
    if (min == max)
        buf_printf(out, "%u", min);
    else
        buf_printf(out, "%u..%u", min, max);
}

/* Between the parts of an enumeration that has `count` of them: ", " or " and ". */
static void put_joint(struct buf *out, size_t at, size_t count)
{
    if (at)
        buf_put(out, at + 1 == count ? STR(" and ") : STR(", "));
}

/* "2 fixed servers, discovered ones for 1 service and 1..16 scaled ones" */
static void put_servers(struct buf *out, const struct config *c)
{
    size_t fixed = 0, discovering = 0, at = 0;
    uint32_t min = 0, max = 0;
    for (size_t i = 0; i < c->service_count; i++) {
        const struct config_service *s = &c->services[i];
        bool is_scaled = s->scale.provider != SCALE_PROVIDER_NONE;
        fixed += s->server_count;
        discovering += s->discover.source != DISCOVER_NONE;
        min += is_scaled ? s->scale.servers_min : 0;
        max += is_scaled ? s->scale.servers_max : 0;
    }
    size_t count = (size_t)(fixed > 0) + (discovering > 0) + (max > 0);
    if (fixed) {
        put_count(out, fixed, "fixed server", "fixed servers");
        at++;
    }
    if (discovering) {
        put_joint(out, at, count);
        buf_put(out, at++ ? STR("discovered ones for ") : STR("discovered servers for "));
        put_count(out, discovering, "service", "services");
    }
    if (max) {
        put_joint(out, at, count);
        put_counts(out, min, max);
        buf_put(out, at         ? max == 1 ? STR(" scaled one") : STR(" scaled ones")
                             : max == 1 ? STR(" scaled server")
                                : STR(" scaled servers"));
    }
}

static void put_summary(struct buf *out, const char *file_name, const struct config *c)
{
    char admin[ADDR_TEXT_BYTES];
    buf_printf(out, "%s: fine: ", file_name);
    put_count(out, c->listener_count, "listener", "listeners");
    buf_put(out, STR(", "));
    put_count(out, c->service_count, "service", "services");
    buf_put(out, STR(", "));
    put_servers(out, c);
    if (c->admin.is_enabled)
        buf_printf(out, ", admin on %s\n", addr_format(admin, &c->admin.address));
    else
        buf_put(out, STR(", no admin listener\n"));
}

/* Of who runs this: the service may be another user, and on another machine. */
static void warn_of_unreadable(void *context, struct str *path)
{
    const struct diagnostics *d = context;
    if (path->len && access(path->ptr, R_OK) < 0)
        fprintf(stderr, "%s: warning: %s cannot be read here: %s\n", d->file_name.ptr, path->ptr,
                strerror(errno));
}

int cli_check(int argc, char **argv)
{
    if (argc != 2 || (argv[1][0] == '-' && argv[1][1] != '\0')) {
        fputs("usage: weir check FILE\n", stderr);
        return 2;
    }
    struct diagnostics d;
    CLEANUP(buf_fini) struct buf messages = {0};
    CLEANUP(buf_fini) struct buf summary = {0};
    struct config *c = config_load(argv[1], &d);
    diagnostics_print(&d, isatty(STDERR_FILENO) && !getenv("NO_COLOR"), &messages);
    fwrite(messages.ptr ? messages.ptr : "", 1, messages.len, stderr);
    if (c) {
        config_each_secret_file(c, warn_of_unreadable, &d);
        put_summary(&summary, d.file_name.ptr, c);
        fputs(summary.ptr, stdout);
    }
    bool is_fine = c != NULL;
    config_free(c);
    diagnostics_fini(&d);
    return is_fine ? 0 : 1;
}
