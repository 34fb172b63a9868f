/* Routes: the first that fits wins, hosts without regard to case, prefixes by whole segments. */
#include "base/macros.h"
#include "proxy/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct service_view views[4];
static struct route routes[] = {
    {.host = {"shop.example.com", 16}, .path_prefix = {"/api/", 5}, .service = 0},
    {.host = {"shop.example.com", 16}, .path_prefix = {"/", 1}, .service = 1},
    {.host = {".example.com", 12}, .is_wildcard = true, .path_prefix = {"/", 1}, .service = 2},
    {.host = {"", 0}, .path_prefix = {"/old", 4}, .service = 3},
};
static const struct snapshot snapshot = {
    .services = views, .service_count = 4, .routes = routes, .route_count = ARRAY_LEN(routes)};

static void each_request_finds_its_service(void **state)
{
    static const struct {
        const char *host, *path;
        int service; /* -1: none */
    } rows[] = {
        {"shop.example.com", "/api/x", 0},
        {"SHOP.Example.COM", "/api/", 0},
        {"shop.example.com.", "/api/v1", 0},
        {"shop.example.com", "/api", 1},
        {"shop.example.com", "/", 1},
        {"a.example.com", "/api/x", 2},
        {"a.b.example.com", "/", 2},
        {"example.com", "/", -1},
        {".example.com", "/", -1},
        {"other.org", "/old", 3},
        {"other.org", "/old/x", 3},
        {"other.org", "/older", -1},
        {"other.org", "/", -1},
        {"", "/old", 3},
        {"badexample.com", "/", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct service_view *v = router_find(&snapshot, str_of(rows[i].host), str_of(rows[i].path));
        assert_int_equal(v ? v - views : -1, rows[i].service);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_request_finds_its_service)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
