/* program.c with real programs: /bin/sh, and what it can be told to do wrong. */
#include "net/program.h"

#include "base/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SECONDS(n) ((n)*NS_PER_S)

static int setup(void **state)
{
    static struct program p;
    (void)signal(SIGPIPE, SIG_IGN); /* as in a worker */
    p = (struct program){0};
    *state = &p;
    return 0;
}

static int teardown(void **state)
{
    program_fini(*state);
    return 0;
}

static bool start_shell(struct program *p, const char *script, struct err *err)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    const char *environment[] = {"COLOUR=blue", NULL};
    return program_start(
        p, &(struct program_command){.argv = argv, .environment = environment, .directory = "/"}, err);
}

static struct program_limits within(int64_t ns)
{
    return (struct program_limits){.deadline_ns = clock_now_ns() + ns};
}

/* Asks once and tells what came: the line, or why there is none. */
static const char *ask(struct program *p, const char *line, int64_t ns)
{
    static char out[600];
    struct err err = {0};
    struct str answer;
    struct program_limits limits = within(ns);
    if (program_ask(p, str_of(line), &limits, &answer, &err))
        (void)str_copy(out, sizeof(out), answer);
    else
        (void)str_copy(out, sizeof(out), str_of(err.text));
    return out;
}

static const char *ask_script(struct program *p, const char *script, int64_t ns)
{
    struct err err = {0};
    assert_true(start_shell(p, script, &err));
    return ask(p, "question", ns);
}

static void a_line_a_call(void **state)
{
    struct program *p = *state;
    assert_string_equal(ask_script(p, "while read -r l; do echo \"got $l\"; done", SECONDS(10)),
                        "got question");
    assert_string_equal(ask(p, "more", SECONDS(10)), "got more");
    assert_true(program_is_running(p));
    program_end(p, SECONDS(10)); /* its input ends, and so does it */
    assert_false(program_is_running(p));
}

static void words_that_nobody_asked_for_are_no_answer(void **state)
{
    struct program *p = *state;
    const char *script = "while read -r l; do echo \"got $l\"; echo more; done";
    assert_string_equal(ask_script(p, script, SECONDS(10)), "got question");
    usleep(100000);
    assert_string_equal(ask(p, "second", SECONDS(10)), "got second");
}

static void environment_and_directory(void **state)
{
    struct program *p = *state;
    assert_int_equal(setenv("WEIR_INSTANCE", "0123", 1), 0);
    assert_int_equal(setenv("COLOUR", "red", 1), 0);
    const char *script = "read -r l; echo \"$COLOUR ${WEIR_INSTANCE-unmarked} $(pwd)\"";
    assert_string_equal(ask_script(p, script, SECONDS(10)), "blue unmarked /");
}

static void what_goes_wrong_is_told(void **state)
{
    static const struct {
        const char *script, *told;
    } rows[] = {
        {"read -r l; exit 3", "it ended with status 3"},
        {"read -r l; echo '  so sorry' >&2; echo >&2; exit 4", "it ended with status 4: so sorry"},
        {"read -r l; kill -9 $$", "it was killed by signal 9"},
        {"read -r l; printf half; exit 0", "it ended with status 0"},
        {"exit 5", "it ended with status 5"},
        {"exec >&-; exec sleep 60", "it closed its output"},
        {"exec <&-; exec >&-; exec sleep 60", "it closed its "}, /* input or output: whichever is met first */
        {"printf half; exec sleep 60", "no answer in time"},
        {"exec sleep 60", "no answer in time"},
        {"while :; do echo nonsense >&2; done", "no answer in time"},
        {"yes | tr -d '\\n'", "its answer is longer than 1048576 bytes"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct program *p = *state;
        int64_t begin_ns = clock_now_ns();
        bool is_slow = strstr(rows[i].told, "in time") != NULL;
        const char *told = ask_script(p, rows[i].script, is_slow ? NS_PER_S / 2 : SECONDS(30));
        if (strncmp(told, rows[i].told, strlen(rows[i].told)) != 0)
            fail_msg("%s: %s", rows[i].script, told);
        assert_true(clock_now_ns() - begin_ns < SECONDS(40));
        program_kill(p);
    }
}

static void a_large_line_reaches_a_slow_reader(void **state)
{
    struct program *p = *state;
    size_t bytes = 400000;
    char *line = malloc(bytes + 1);
    memset(line, 'x', bytes);
    line[bytes] = '\0';
    struct err err = {0};
    assert_true(start_shell(p, "sleep 0.2; head -n 1 | wc -c", &err));
    assert_int_equal(atoi(ask(p, line, SECONDS(20))), (int)bytes + 1);
    free(line);
}

static void it_is_given_up_when_weir_goes_down(void **state)
{
    struct program *p = *state;
    atomic_bool is_cancelled = true;
    struct program_limits limits = {.deadline_ns = clock_now_ns() + SECONDS(60),
                                    .is_cancelled = &is_cancelled};
    struct err err = {0};
    struct str answer;
    assert_true(start_shell(p, "exec sleep 60", &err));
    assert_false(program_ask(p, STR("question"), &limits, &answer, &err));
    assert_string_equal(err.text, "Weir is going down");
}

static void a_program_that_is_not_there(void **state)
{
    struct program *p = *state;
    const char *argv[] = {"/no/such/program", NULL};
    struct err err = {0};
    assert_false(program_start(p, &(struct program_command){.argv = argv, .directory = ""}, &err));
    assert_string_equal(err.text, "starting /no/such/program: No such file or directory");
    assert_false(program_is_running(p));
    const char *shell[] = {"sh", NULL};
    assert_false(program_start(p, &(struct program_command){.argv = shell, .directory = "/no/where"}, &err));
    assert_string_equal(err.text, "starting sh: No such file or directory");
}

/* A server that it leaves running holds its output open: its end counts, not the end of its output. */
static void a_program_a_call(void **state)
{
    struct program *p = *state;
    struct err err = {0};
    struct program_limits limits = within(SECONDS(20));
    struct str output;
    int status;
    int64_t begin_ns = clock_now_ns();
    assert_true(start_shell(p, "read -r l; echo \"did $l\"; sleep 30 & echo $!; exit 7", &err));
    assert_true(program_run(p, STR("it"), &limits, &output, &status, &err));
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    assert_true(str_starts_with(output, STR("did it\n")));
    assert_true(clock_now_ns() - begin_ns < SECONDS(20));
    pid_t left = (pid_t)atoi(output.ptr + strlen("did it\n"));
    assert_int_equal(kill(left, 0), 0); /* only the program itself is ever killed */
    (void)kill(left, SIGKILL);
}

static void a_program_that_does_not_end_is_killed(void **state)
{
    struct program *p = *state;
    struct err err = {0};
    struct program_limits limits = within(NS_PER_S / 5);
    struct str output;
    int status;
    assert_true(start_shell(p, "exec sleep 60", &err));
    assert_false(program_run(p, STR("it"), &limits, &output, &status, &err));
    assert_string_equal(err.text, "no answer in time");
    assert_false(program_is_running(p));
}

/* False for a zombie, too: who reaps it is not our business. */
static bool is_alive(pid_t pid)
{
    char path[64], state = 'Z';
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    (void)!fscanf(f, "%*d (%*[^)]) %c", &state);
    fclose(f);
    return state != 'Z';
}

static void one_that_is_alone_takes_along_what_it_started(void **state)
{
    struct program *p = *state;
    struct err err = {0};
    struct program_limits limits = within(NS_PER_S / 5);
    struct str output;
    int status;
    static const char *const argv[] = {"sh", "-c", "sleep 60 & echo $!; wait", NULL};
    assert_true(
        program_start(p, &(struct program_command){.argv = argv, .directory = "", .is_alone = true}, &err));
    assert_false(program_run(p, STR("it"), &limits, &output, &status, &err));
    pid_t left = (pid_t)atoi(p->answer.ptr);
    assert_true(left > 1);
    for (int i = 0; i < 500 && is_alive(left); i++)
        usleep(10000);
    assert_false(is_alive(left));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_a_call),
        TEST(words_that_nobody_asked_for_are_no_answer),
        TEST(environment_and_directory),
        TEST(what_goes_wrong_is_told),
        TEST(a_large_line_reaches_a_slow_reader),
        TEST(it_is_given_up_when_weir_goes_down),
        TEST(a_program_that_is_not_there),
        TEST(a_program_a_call),
        TEST(a_program_that_does_not_end_is_killed),
        TEST(one_that_is_alone_takes_along_what_it_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
