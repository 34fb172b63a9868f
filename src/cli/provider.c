/* Finds the service in the file; what is done with it is above this room. */
#include "cli/provider.h"

#include "config/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct config_service *find_service(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->service_count; i++)
        if (str_eq(c->services[i].name, str_of(name)))
            return &c->services[i];
    return NULL;
}

static int try_service(const struct command_line *line, const struct config *c, const char *name)
{
    const struct config_service *s = find_service(c, name);
    if (!s) {
        fprintf(stderr, "weir provider: there is no service '%s' in the configuration\n", name);
        return CLI_FAILED;
    }
    if (s->scale.provider == SCALE_PROVIDER_NONE || s->scale.provider == SCALE_PROVIDER_PROCESS) {
        fprintf(stderr, "weir provider: %s\n",
                s->scale.provider == SCALE_PROVIDER_NONE
                    ? "the servers of this service are not started by Weir"
                    : "processes of this host are started by `weir run` alone: try them with that");
        return CLI_FAILED;
    }
    return line->hooks->try_provider(s) ? CLI_OK : CLI_FAILED;
}

int provider_command(const struct command_line *line)
{
    const char *path = command_line_value(line, "--config");
    struct diagnostics d;
    CLEANUP(buf_fini) struct buf messages = {0};
    if (strcmp(line->operands[0], "test") != 0 || !path) {
        fputs("usage: weir provider test SERVICE -c FILE\n", stderr);
        return CLI_USAGE;
    }
    struct config *c = config_load(path, &d);
    diagnostics_print(&d, isatty(STDERR_FILENO) && !getenv("NO_COLOR"), &messages);
    fwrite(messages.ptr ? messages.ptr : "", 1, messages.len, stderr);
    int status = c ? try_service(line, c, line->operands[1]) : CLI_FAILED;
    config_free(c);
    diagnostics_fini(&d);
    return status;
}
