#include "cli/actions.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/percent.h"
#include "base/units.h"
#include "cli/client.h"

#include <inttypes.h>
#include <stdio.h>

static bool parse_for(const char *text, int64_t *ret_seconds, struct err *err)
{
    const char *problem;
    int64_t ns;
    if (!units_parse_duration(str_of(text), &ns, &problem))
        return err_set(err, "--for: %s", problem);
    if (ns < NS_PER_S || ns % NS_PER_S)
        return err_set(err, "--for: whole seconds are wanted, one at least");
    *ret_seconds = ns / NS_PER_S;
    return true;
}

static bool format_body(const char *text, const char *time, struct buf *body, struct err *err)
{
    int64_t for_s = 0;
    struct json j;
    uint64_t count;
    bool is_automatic = strcmp(text, "auto") == 0;
    if (!is_automatic && (!str_parse_u64(str_of(text), &count) || count > INT32_MAX))
        return err_set(err, "'%s' is neither a number of servers nor 'auto'", text);
    if (time && is_automatic)
        return err_set(err, "--for goes with a number of servers, not with 'auto'");
    if (time && !parse_for(time, &for_s, err))
        return false;
    json_init(&j, body);
    json_begin_object(&j);
    if (is_automatic)
        json_put_bool(&j, "auto", true);
    else
        json_put_int(&j, "count", (int64_t)count);
    if (for_s)
        json_put_int(&j, "for_seconds", for_s);
    json_end_object(&j);
    return true;
}

int action_scale(const struct command_line *line)
{
    struct buf path CLEANUP(buf_fini) = {0};
    struct buf body CLEANUP(buf_fini) = {0};
    struct json_value *answer = NULL;
    const char *time = command_line_value(line, "--for");
    struct err err;
    if (!format_body(line->operands[1], time, &body, &err)) {
        fprintf(stderr, "weir scale: %s\n", err.text);
        return CLI_USAGE;
    }
    buf_put(&path, STR("/api/v1/services/"));
    percent_put(&path, str_of(line->operands[0]));
    buf_put(&path, STR("/replicas"));
    int status = client_call(line, "POST", path.ptr, buf_str(&body), &answer, NULL);
    if (status != CLI_OK)
        return status;
    if (strcmp(line->operands[1], "auto") == 0)
        printf("%s: the scaler decides again\n", line->operands[0]);
    else if (time)
        printf("%s: %s servers for %s, then the scaler decides again\n", line->operands[0], line->operands[1],
               time);
    else
        printf("%s: %s servers until told otherwise (weir scale %s auto)\n", line->operands[0],
               line->operands[1], line->operands[0]);
    json_value_free(answer);
    return CLI_OK;
}

static int act_on_server(const struct command_line *line, const char *verb)
{
    struct buf path CLEANUP(buf_fini) = {0};
    struct json_value *answer = NULL;
    buf_put(&path, STR("/api/v1/servers/"));
    percent_put(&path, str_of(line->operands[0]));
    buf_printf(&path, "/%s", verb);
    int status = client_call(line, "POST", path.ptr, STR(""), &answer, NULL);
    if (status != CLI_OK)
        return status;
    printf("%s: %s, %" PRId64 " requests in flight\n", line->operands[0],
           json_value_text(answer, "state", "?"), json_value_int(answer, "in_flight", 0));
    json_value_free(answer);
    return CLI_OK;
}

int action_drain(const struct command_line *line)
{
    return act_on_server(line, "drain");
}

int action_ready(const struct command_line *line)
{
    return act_on_server(line, "ready");
}
