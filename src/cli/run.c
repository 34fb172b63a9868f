#include "cli/run.h"

#include "cli/terminal.h"
#include "config/command.h"

#include <stdio.h>
#include <unistd.h>

/* The options that say without a file what a file would say: they do not go with -c. */
static const char *const command_options[] = {"--listen",  "--admin",        "--servers",
                                              "--workers", "--max-requests", "--health"};

static bool is_configuration(struct str path)
{
    return str_ends_with(path, STR(".yaml")) || str_ends_with(path, STR(".yml"));
}

static bool check_usage(const struct command_line *line, struct err *err)
{
    bool has_file = command_line_value(line, "--config");
    if (has_file && line->operand_count)
        return err_set(err, "either -c FILE or a COMMAND, not both");
    if (!has_file && line->operand_count == 1 && is_configuration(str_of(line->operands[0])))
        return err_set(err, "%s is no command: a configuration is given by weir run -c %s", line->operands[0],
                       line->operands[0]);
    if (!has_file && !line->operand_count)
        return err_set(err, "what to run is missing: weir run -c FILE, or weir run [OPTIONS] -- COMMAND...");
    for (size_t i = 0; has_file && i < ARRAY_LEN(command_options); i++)
        if (command_line_value(line, command_options[i]))
            return err_set(err, "%s does not go with -c FILE: it is a key of the file", command_options[i]);
    return true;
}

static struct config_command command_of(const struct command_line *line)
{
    return (struct config_command){.argument_count = (int)line->operand_count,
                                   .arguments = (const char *const *)line->operands,
                                   .listen = command_line_value(line, "--listen"),
                                   .admin = command_line_value(line, "--admin"),
                                   .servers = command_line_value(line, "--servers"),
                                   .workers = command_line_value(line, "--workers"),
                                   .max_requests = command_line_value(line, "--max-requests"),
                                   .health_path = command_line_value(line, "--health")};
}

static struct config *load(const struct command_line *line)
{
    struct diagnostics diagnostics;
    struct buf text = {0};
    const char *path = command_line_value(line, "--config");
    struct config_command command = command_of(line);
    struct config *config =
        path ? config_load(path, &diagnostics) : config_for_command(&command, &diagnostics);
    diagnostics_print(&diagnostics, terminal_has_colour(STDERR_FILENO), &text);
    (void)fwrite(text.ptr ? text.ptr : "", 1, text.len, stderr);
    buf_fini(&text);
    diagnostics_fini(&diagnostics);
    return config;
}

static int print_config(const struct command_line *line, const struct config *config)
{
    struct buf text = {0};
    struct config_command command = command_of(line);
    if (command_line_value(line, "--config"))
        config_format(config, &text);
    else
        config_command_to_yaml(&command, &text);
    (void)fwrite(text.ptr, 1, text.len, stdout);
    buf_fini(&text);
    return CLI_OK;
}

int run_command(const struct command_line *line)
{
    struct err err;
    if (!check_usage(line, &err)) {
        fprintf(stderr, "weir run: %s\n", err.text);
        return CLI_USAGE;
    }
    struct config *config = load(line);
    if (!config)
        return CLI_FAILED;
    bool is_printed = command_line_value(line, "--print-config");
    struct cli_origin origin = {.config_path = command_line_value(line, "--config"),
                                .argument_count = line->operand_count,
                                .arguments = (const char *const *)line->operands};
    int status = is_printed ? print_config(line, config) : line->hooks->run(config, &origin);
    config_free(config);
    return status;
}
