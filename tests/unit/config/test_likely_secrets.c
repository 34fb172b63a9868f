/* test_likely_secrets.c: whatever is wrong with a configuration, what is told of it shows no secret. */
#include "base/buf.h"
#include "base/macros.h"
#include "config/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* What weir says about a file with this text below a service. */
static struct buf told_about(const char *text)
{
    CLEANUP(buf_fini) struct buf source = {0};
    struct buf told = {0};
    struct diagnostics d;
    buf_printf(&source, "services: {shop: {servers: [\"127.0.0.1:1\"]}}\n%s\n", text);
    config_free(config_read("weir.yaml", buf_str(&source), &d));
    diagnostics_print(&d, false, &told);
    diagnostics_fini(&d);
    buf_put_char(&told, '\0');
    return told;
}

static void no_mistake_shows_a_secret(void **state)
{
    static const char *const texts[] = {
        /* no YAML */
        "notify:\n  - slack: {url: \"https://hooks.example.com/S3CRET}",
        "notify:\n\t- slack: https://hooks.example.com/S3CRET",
        "notify:\n  - slack: https://hooks.example.com/S3CRET: x",
        "notify:\n  - mail: {server: a.example, password: 'S3CRET}",
        /* in the wrong place, or of the wrong shape */
        "notify: https://hooks.example.com/S3CRET",
        "notify: [https://hooks.example.com/S3CRET]",
        "notify:\n  - https://hooks.example.com/S3CRET",
        "notify:\n  - slack: [https://hooks.example.com/S3CRET]",
        "notify:\n  - slack: &a https://hooks.example.com/S3CRET\n  - slack: *a",
        "notify:\n  - {slack: {url: https://hooks.example.com/S3CRET}, nam: x}",
        "slack: https://hooks.example.com/S3CRET",
        "notify:\n  - telegram: 123:S3CRET",
        "notify:\n  - pagerduty: S3CRET",
        "notify:\n  - telegram: {token_env: 123:S3CRET, chat: \"1\"}",
        /* under a wrong name */
        "notify:\n  - slak: https://hooks.example.com/S3CRET",
        "notify:\n  - slack: {ulr: \"https://hooks.example.com/S3CRET\"}",
        "notify:\n  - slack: {ulr: S3CRET}",
        "notify:\n  - slack: {url: https://a.example/S3CRET, url: https://a.example/S3CRET}",
        "notify:\n  - telegram: {token: \"123:S3CRET\", chat: \"1\"}",
        "notify:\n  - pagerduty: {routing_key: S3CRET}",
        "notify:\n  - mail: {server: a.example, password: S3CRET, from: a@b.c, to: [a@b.c]}",
        "notify:\n  - mail: {server: \"smtp://u:S3CRET@a.example\", from: a@b.c, to: [a@b.c]}",
        "notify:\n  - webhook: {url: \"https://a.example/\", headers: {Authorization: S3CRET}}",
        "notify:\n  - webhook: {url: \"https://a.example/\", Bearer-Token: \"a \\\" S3CRET\"}",
        "admin: {listen: \"127.0.0.1:1\", token: S3CRET}",
        /* beside a mistake */
        "watch: {probes: {a: {http: \"https://u:S3CRET@a.example/\", nix: 1}}}",
        "watch: {probes: {a: {http: \"https://a.example/?key=S3CRET\", nix: 1}}}",
        "watch: {hosts: {b: {agent: \"http://a.example\", token: S3CRET}}}",
        "{watch: {nix: 1}, notify: [{slack: https://hooks.example.com/S3CRET}]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        CLEANUP(buf_fini) struct buf told = told_about(texts[i]);
        if (!strstr(told.ptr, "weir.yaml:"))
            fail_msg("this is no mistake: %s", texts[i]);
        if (strstr(told.ptr, "S3CRET"))
            fail_msg("shown: %s", told.ptr);
    }
}

static void what_is_no_secret_stays_readable(void **state)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"watch: {probes: {a: {http: \"https://a.example/page\", nix: 1}}}", "https://a.example/page"},
        {"notify:\n  - slack: {url_file: /etc/weir/slack.url, nam: ops}", "/etc/weir/slack.url"},
        {"notify:\n  - telegram: {token_env: BOT_TOKEN, chat: \"1\", nam: ops}", "BOT_TOKEN"},
        {"notify:\n  - slack: {url: https://a.example/x, nam: ops} # why", "# why"},
        {"timeouts: {connect: 5}", "connect: 5"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_fini) struct buf told = told_about(cases[i].text);
        if (!strstr(told.ptr, cases[i].shown))
            fail_msg("not shown: %s in %s", cases[i].shown, told.ptr);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_mistake_shows_a_secret),
        cmocka_unit_test(what_is_no_secret_stays_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
