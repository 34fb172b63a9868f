/*
 * The page is one hand-written file with holes `{{name}}`. It is readable without a script: services and
 * servers are filled in here as they are now. With a script, page.js fills the same tables each second from
 * the API. Nothing in it comes from elsewhere and nothing in it is inline, so its Content-Security-Policy can
 * forbid both.
 */
#include "admin/admin_priv.h"
#include "admin/totals.h"
#include "admin/page_assets.h"

static void put_escaped(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        switch (s.ptr[i]) {
        case '<':
            buf_put(out, STR("&lt;"));
            break;
        case '>':
            buf_put(out, STR("&gt;"));
            break;
        case '&':
            buf_put(out, STR("&amp;"));
            break;
        case '"':
            buf_put(out, STR("&quot;"));
            break;
        default:
            buf_put_char(out, s.ptr[i]);
        }
    }
}

static void put_text_cell(struct buf *out, const char *class_name, const char *text)
{
    buf_printf(out, "<td class=\"%s\">", class_name);
    put_escaped(out, str_of(text));
    buf_put(out, STR("</td>"));
}

static void put_number_cell(struct buf *out, const char *label, uint64_t value)
{
    buf_printf(out, "<td class=\"n\" data-label=\"%s\">%llu</td>", label, (unsigned long long)value);
}

static void put_duration_cell(struct buf *out, const char *label, const struct histogram_sum *sum, double q)
{
    buf_printf(out, "<td class=\"n\" data-label=\"%s\">", label);
    if (sum->count)
        buf_printf(out, "%.1f ms", (double)histogram_sum_quantile_ns(sum, q) / 1e6);
    else
        buf_put(out, STR("–"));
    buf_put(out, STR("</td>"));
}

static void put_recent_cells(struct buf *out, const struct recent_view *view)
{
    buf_printf(out, "<td class=\"n\" data-label=\"Requests/s\">%.1f</td>",
               view->window_s > 0 ? (double)view->duration.count / view->window_s : 0);
    put_duration_cell(out, "Median", &view->duration, 0.5);
    put_duration_cell(out, "p99", &view->duration, 0.99);
}

static void put_usage_cells(struct admin *a, struct buf *out, const struct server *s)
{
    struct admin_usage usage;
    if (a->ops.server_usage(a->ops.context, s, &usage))
        buf_printf(out,
                   "<td class=\"n\" data-label=\"CPU\">%.0f %%</td>"
                   "<td class=\"n\" data-label=\"Memory\">%.0f MiB</td>",
                   usage.cpu_percent, (double)usage.memory_bytes / (1 << 20));
    else
        buf_put(out,
                STR("<td class=\"n\" data-label=\"CPU\">–</td><td class=\"n\" data-label=\"Memory\">–</td>"));
}

static void put_service_row(struct admin *a, struct buf *out, const struct service *s)
{
    struct recent_view view;
    uint32_t total = 0, healthy = 0;
    fleet_for_each_server (a->fleet, server) {
        if (server->service == s)
            total++;
        healthy += server->service == s && server_can_take(server);
    }
    recent_view_service(a->recent, s, loop_now_ns(a->loop), &view);
    buf_put(out, STR("<tr>"));
    put_text_cell(out, "name", s->name);
    buf_printf(out, "<td class=\"n\" data-label=\"Servers\">%u of %u</td>", healthy, total);
    put_number_cell(out, "In flight", (uint64_t)MAX(atomic_load(&s->in_flight), 0));
    put_number_cell(out, "Queued", (uint64_t)MAX(atomic_load(&s->queued), 0));
    put_recent_cells(out, &view);
    put_number_cell(out, "Requests", service_total(a->fleet, s, SERVICE_ARRIVALS));
    put_number_cell(out, "5xx", service_total(a->fleet, s, SERVICE_RESPONSES_5XX));
    buf_put(out, STR("<td class=\"actions\"></td></tr>"));
}

static void put_server_row(struct admin *a, struct buf *out, const struct server *s)
{
    char address[ADDR_TEXT_BYTES];
    struct recent_view view;
    recent_view_server(a->recent, s, loop_now_ns(a->loop), &view);
    buf_put(out, STR("<tr>"));
    put_text_cell(out, "name", s->name);
    put_text_cell(out, "", server_state_name((enum server_state)atomic_load(&s->state)));
    put_text_cell(out, "address", s->address.len ? addr_format(address, &s->address) : "");
    put_number_cell(out, "In flight", (uint64_t)MAX(server_in_flight(s), 0));
    put_recent_cells(out, &view);
    put_usage_cells(a, out, s);
    put_number_cell(out, "Requests", server_total(a->fleet, s, SERVER_ATTEMPTS));
    put_number_cell(out, "Errors", server_errors(a->fleet, s));
    buf_put(out, STR("<td class=\"actions\"></td></tr>"));
}

/* What goes into the hole of that name. */
static void put_hole(struct admin *a, struct buf *out, struct str name, bool can_see)
{
    if (str_eq(name, STR("version")))
        buf_put(out, STR(WEIR_VERSION));
    if (str_eq(name, STR("status")) && !can_see)
        buf_put(out, STR("This Weir asks for its token."));
    if (str_eq(name, STR("services")) && can_see)
        fleet_for_each_service (a->fleet, s)
            put_service_row(a, out, s);
    if (str_eq(name, STR("servers")) && can_see)
        fleet_for_each_server (a->fleet, s)
            put_server_row(a, out, s);
}

void admin_page(struct admin *a, bool can_see, struct admin_response *response)
{
    struct str rest = str_n(page_html, page_html_bytes);
    response->status = 200;
    response->content_type = "text/html; charset=utf-8";
    response->is_page = true;
    for (;;) {
        const char *open = memmem(rest.ptr, rest.len, "{{", 2);
        const char *close = open ? memmem(open, rest.len - (size_t)(open - rest.ptr), "}}", 2) : NULL;
        if (!close)
            break;
        buf_put(&response->body, str_n(rest.ptr, (size_t)(open - rest.ptr)));
        put_hole(a, &response->body, str_n(open + 2, (size_t)(close - open - 2)), can_see);
        rest = str_n(close + 2, rest.len - (size_t)(close + 2 - rest.ptr));
    }
    buf_put(&response->body, rest);
}

bool admin_asset(struct str path, struct admin_response *response)
{
    if (str_eq(path, STR("/page.css"))) {
        response->content_type = "text/css; charset=utf-8";
        buf_put(&response->body, str_n(page_css, page_css_bytes));
    } else if (str_eq(path, STR("/page.js"))) {
        response->content_type = "text/javascript; charset=utf-8";
        buf_put(&response->body, str_n(page_js, page_js_bytes));
    } else {
        return false;
    }
    response->status = 200;
    response->is_asset = true;
    return true;
}
