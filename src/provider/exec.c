/*
 * Each call is one JSON object to the program and one back. An answer that is not exactly what the protocol
 * says (exec_answer.h) is a failure, and a program that stays is ended for it: what it would say next could
 * belong to another question. The next call starts it anew; how soon that is, managed.c decides.
 */
#include "provider/exec.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "net/json_value.h"
#include "net/program.h"
#include "provider/exec_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#define GRACE_NS NS_PER_S /* for a program that stays, to end by itself when Weir does */

enum { VARIABLES_MAX = 10, VARIABLE_BYTES = 256 };

struct driver {
    const struct config_service *service; /* borrowed */
    const struct config_exec *config;     /* of it */
    char *owner;                          /* owned */
    struct program program;
    int64_t id; /* of the last question */
};

static struct driver *exec_open(const struct config_service *service, const char *owner, struct err *err)
{
    struct driver *d = NEW(struct driver);
    d->service = service;
    d->config = &service->scale.exec;
    d->owner = mem_strdup(owner);
    return d;
}

static void exec_close(struct driver *d)
{
    program_end(&d->program, GRACE_NS);
    program_fini(&d->program);
    free(d->owner);
    free(d);
}

/* --- the question ------------------------------------------------------------------------------------ */

/* What differs between calls; unused members are zero. */
struct question {
    const char *action; /* "list", "start", "stop", "count" */
    const char *key;
    const char *instance_id;
    bool has_count;
    uint32_t count, count_before;
    int64_t stop_timeout_ns;
};

static void write_question(struct driver *d, const struct question *q, struct buf *out)
{
    struct json j;
    json_init(&j, out);
    json_begin_object(&j);
    json_put_int(&j, "protocol", EXEC_PROTOCOL);
    json_put_int(&j, "id", ++d->id);
    json_put_text(&j, "action", q->action);
    json_put_str(&j, "service", d->service->name);
    json_put_text(&j, "owner", d->owner);
    if (q->key)
        json_put_text(&j, "key", q->key);
    if (q->instance_id) {
        json_put_text(&j, "instance", q->instance_id);
        json_put_double(&j, "timeout_seconds", (double)q->stop_timeout_ns / 1e9);
    }
    if (q->has_count) {
        json_put_int(&j, "count", q->count);
        json_put_int(&j, "count_before", q->count_before);
    }
    json_end_object(&j);
}

/* The same as environment variables, for programs that would rather not read JSON. */
struct variables {
    size_t count;
    char text[VARIABLES_MAX][VARIABLE_BYTES];
};

static void put_variable(struct variables *v, const char *name, const char *value)
{
    ASSERT(v->count < VARIABLES_MAX);
    (void)snprintf(v->text[v->count++], VARIABLE_BYTES, "%s=%s", name, value);
}

static void put_number(struct variables *v, const char *name, double value)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%g", value);
    put_variable(v, name, text);
}

static void fill_variables(const struct driver *d, const struct question *q, struct variables *v)
{
    put_number(v, "WEIR_PROTOCOL", EXEC_PROTOCOL);
    put_variable(v, "WEIR_ACTION", q->action);
    put_variable(v, "WEIR_SERVICE", d->service->name.ptr);
    put_variable(v, "WEIR_OWNER", d->owner);
    if (q->key)
        put_variable(v, "WEIR_KEY", q->key);
    if (q->instance_id) {
        put_variable(v, "WEIR_INSTANCE_ID", q->instance_id);
        put_number(v, "WEIR_TIMEOUT_SECONDS", (double)q->stop_timeout_ns / 1e9);
    }
    if (q->has_count) {
        put_number(v, "WEIR_COUNT", q->count);
        put_number(v, "WEIR_COUNT_BEFORE", q->count_before);
    }
}

/* --- running it -------------------------------------------------------------------------------------- */

/* variables and last may be NULL. */
static bool start(struct driver *d, const struct variables *variables, const char *last, struct err *err)
{
    const struct config_exec *c = d->config;
    size_t variable_count = variables ? variables->count : 0, count = 0;
    const char **argv = NEW_ARRAY(const char *, c->command.count + 2);
    const char **environment = NEW_ARRAY(const char *, c->environment.count + variable_count + 1);
    for (size_t i = 0; i < c->command.count; i++)
        argv[i] = c->command.items[i].ptr;
    argv[c->command.count] = last;
    for (size_t i = 0; i < c->environment.count; i++)
        environment[count++] = c->environment.items[i].ptr;
    for (size_t i = 0; i < variable_count; i++)
        environment[count++] = variables->text[i];
    bool is_started = program_start(
        &d->program,
        &(struct program_command){
            .argv = argv, .environment = environment, .directory = c->directory.ptr ? c->directory.ptr : ""},
        err);
    free(argv);
    free(environment);
    return is_started;
}

static bool ask_staying(struct driver *d, struct str line, const struct program_limits *limits,
                        struct str *ret_answer, struct driver_failure *f)
{
    struct err err = {0};
    if (!program_is_running(&d->program) && !start(d, NULL, NULL, &err))
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "%s", err.text);
    if (program_ask(&d->program, line, limits, ret_answer, &err))
        return true;
    program_kill(&d->program);
    return driver_fail(f, DRIVER_FAULT_RETRYABLE, "the plug-in: %s", err.text);
}

/* A failure that it states itself, on its output, says more than its exit status. */
static bool ask_once(struct driver *d, const struct question *q, struct str line,
                     const struct program_limits *limits, struct str *ret_answer, struct driver_failure *f)
{
    struct err err = {0};
    struct variables variables = {0};
    int status;
    fill_variables(d, q, &variables);
    if (!start(d, &variables, q->action, &err))
        return driver_fail(f, DRIVER_FAULT_CONFIGURATION, "%s", err.text);
    if (!program_run(&d->program, line, limits, ret_answer, &status, &err))
        return driver_fail(f, DRIVER_FAULT_RETRYABLE, "the plug-in: %s", err.text);
    bool has_succeeded = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (has_succeeded || (WIFEXITED(status) && ret_answer->len))
        return true;
    const char *words = d->program.words;
    if (WIFSIGNALED(status))
        return driver_fail(f, DRIVER_FAULT_RETRYABLE, "the plug-in was killed by signal %d",
                           WTERMSIG(status));
    return driver_fail(f, DRIVER_FAULT_RETRYABLE, "the plug-in ended with status %d%s%s", WEXITSTATUS(status),
                       words[0] ? ": " : "", words);
}

/* --- asking ------------------------------------------------------------------------------------------ */

static bool ask(struct driver *d, const struct driver_call *call, const struct question *q,
                struct json_value **ret_answer, struct driver_failure *f)
{
    CLEANUP(buf_fini) struct buf line = {0};
    struct program_limits limits = {.deadline_ns = call->deadline_ns, .is_cancelled = call->is_cancelled};
    struct str answer;
    write_question(d, q, &line);
    bool is_staying = d->config->protocol == EXEC_LINES;
    bool is_answered = is_staying ? ask_staying(d, buf_str(&line), &limits, &answer, f)
                                  : ask_once(d, q, buf_str(&line), &limits, &answer, f);
    if (!is_answered)
        return false;
    if (exec_answer_read(answer, d->id, ret_answer, f))
        return true;
    if (f->fault == DRIVER_FAULT_CONFIGURATION)
        program_kill(&d->program); /* out of step, perhaps; a failure that it stated is none of that */
    return false;
}

/* --- the driver -------------------------------------------------------------------------------------- */

static bool exec_list(struct driver *d, const struct driver_call *call, struct instance_list *ret_list,
                      struct driver_failure *f)
{
    struct json_value *answer;
    if (!ask(d, call, &(struct question){.action = "list"}, &answer, f))
        return false;
    bool is_good = exec_answer_instances(json_value_get(answer, "instances"), ret_list, f);
    json_value_free(answer);
    return is_good;
}

static bool exec_list_keys(struct driver *d, const struct driver_call *call, struct instance_list *ret_list,
                           struct driver_failure *f)
{
    struct instance_list list;
    if (!exec_list(d, call, &list, f))
        return false;
    bool is_good = exec_answer_has_keys(&list, d->service->name, f);
    if (is_good)
        *ret_list = list;
    else
        free(list.items);
    return is_good;
}

static bool exec_start(struct driver *d, const struct driver_call *call, const char *key,
                       struct instance *ret_instance, struct driver_failure *f)
{
    struct json_value *answer;
    struct instance i;
    if (!ask(d, call, &(struct question){.action = "start", .key = key}, &answer, f))
        return false;
    bool is_good = exec_answer_instance(json_value_get(answer, "instance"), &i, f);
    json_value_free(answer);
    if (!is_good)
        return false;
    (void)str_copy(i.key, sizeof(i.key), str_of(key));
    *ret_instance = i;
    return true;
}

static bool ask_only(struct driver *d, const struct driver_call *call, const struct question *q,
                     struct driver_failure *f)
{
    struct json_value *answer;
    if (!ask(d, call, q, &answer, f))
        return false;
    json_value_free(answer);
    return true;
}

static bool exec_stop(struct driver *d, const struct driver_call *call, const struct instance *instance,
                      int64_t stop_timeout_ns, struct driver_failure *f)
{
    return ask_only(d, call,
                    &(struct question){.action = "stop",
                                       .key = instance->key,
                                       .instance_id = instance->id,
                                       .stop_timeout_ns = stop_timeout_ns},
                    f);
}

static bool exec_set_count(struct driver *d, const struct driver_call *call, uint32_t count,
                           uint32_t count_before, struct driver_failure *f)
{
    return ask_only(d, call,
                    &(struct question){
                        .action = "count", .has_count = true, .count = count, .count_before = count_before},
                    f);
}

const struct driver_ops exec_driver = {
    .name = "exec",
    .capabilities = DRIVER_STARTS_ONE | DRIVER_STOPS_CHOSEN | DRIVER_TELLS_ADDRESSES | DRIVER_KEEPS_KEYS |
                    DRIVER_TELLS_STARTS | DRIVER_TELLS_PROCESSES | DRIVER_TELLS_PRICES | DRIVER_TELLS_HEALTH,
    .open = exec_open,
    .close = exec_close,
    .list = exec_list_keys,
    .start = exec_start,
    .stop = exec_stop,
};

const struct driver_ops exec_count_driver = {
    .name = "exec",
    .capabilities = DRIVER_TELLS_ADDRESSES | DRIVER_TELLS_STARTS | DRIVER_TELLS_PROCESSES |
                    DRIVER_TELLS_PRICES | DRIVER_TELLS_HEALTH,
    .open = exec_open,
    .close = exec_close,
    .list = exec_list,
    .set_count = exec_set_count,
};
