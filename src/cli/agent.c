/* agent.c: see agent.h. A Weir without services: the same worker, with the admin listener alone. */
#include "cli/agent.h"

#include "cli/terminal.h"
#include "config/command.h"

#include <stdio.h>
#include <unistd.h>

int agent_command(const struct command_line *line)
{
    struct diagnostics diagnostics;
    struct buf text = {0}, yaml = {0};
    struct config_agent_command command = {.listen = command_line_value(line, "--listen"),
                                           .check = command_line_value(line, "--check"),
                                           .token_file = command_line_value(line, "--token-file")};
    struct config *config = config_for_agent(&command, &diagnostics);
    diagnostics_print(&diagnostics, terminal_has_colour(STDERR_FILENO), &text);
    (void)fwrite(text.ptr ? text.ptr : "", 1, text.len, stderr);
    buf_fini(&text);
    diagnostics_fini(&diagnostics);
    if (!config)
        return CLI_FAILED;
    int status = CLI_OK;
    if (command_line_value(line, "--print-config")) {
        config_agent_to_yaml(&command, &yaml);
        (void)fwrite(yaml.ptr, 1, yaml.len, stdout);
        buf_fini(&yaml);
    } else {
        status = line->hooks->run(config, &(struct cli_origin){0});
    }
    config_free(config);
    return status;
}
