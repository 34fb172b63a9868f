/* test_trial.c: what `weir notify test` shows of an exchange, and that no secret is among it, whoever says
 * it. */
#include "watch/notify/trial.h"

#include "base/buf.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A receiver that says back where it was asked and what. */
static bool echo(const struct fetch_request *request, struct fetch_response *ret_response, struct err *err)
{
    const char *path = strchr(strstr(request->url, "://") + 3, '/');
    *ret_response = (struct fetch_response){.status = 404, .retry_after_s = -1};
    buf_printf(&ret_response->body, "no such page: %s; %.*s", path ? path : "/", STR_ARG(request->body));
    return true;
}

static void keep_line(void *context, const char *line)
{
    struct buf *shown = context;
    buf_put(shown, str_of(line));
    buf_put_char(shown, '\n');
}

static struct buf shown_of(enum notify_kind kind, const char *url)
{
    struct buf shown = {0};
    struct config_notify config = {.kind = kind,
                                   .name = STR("ops"),
                                   .url.value = str_of(url),
                                   .pace = {.timeout_ns = INT64_C(1000000000)}};
    struct trial t = {
        .config = &config, .external_url = "", .fetch = echo, .on_line = keep_line, .context = &shown};
    assert_false(trial_run(&t));
    return shown;
}

static void addresses_are_not_shown(void **state)
{
    static const struct {
        enum notify_kind kind;
        const char *url;
    } cases[] = {
        {NOTIFY_WEBHOOK, "https://u:S3CRET@hooks.test/x"},
        {NOTIFY_WEBHOOK, "https://hooks.test/a?key=S3CRET"},
        {NOTIFY_SLACK, "https://hooks.test/T/S3CRET"},
        {NOTIFY_DISCORD, "https://hooks.test/1/S3CRET"},
        {NOTIFY_NTFY, "https://ntfy.test/S3CRET"},
        {NOTIFY_NTFY, "https://ntfy.test/base/S3CRET"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_fini) struct buf shown = shown_of(cases[i].kind, cases[i].url);
        assert_non_null(strstr(shown.ptr, "answer: 404 no such page: "));
        assert_non_null(strstr(shown.ptr, "the receiver answered 404"));
        if (strstr(shown.ptr, "S3CRET"))
            fail_msg("shown: %s", shown.ptr);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(addresses_are_not_shown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
