/*
 * forwarding.c: see forwarding.h for who is believed. Values that a trusted peer gave are checked before they
 * are passed on as the only one: a scheme, an authority, a port; what is none of these is replaced by what we
 * saw.
 */
#include "http/forwarding.h"

#include "http/h1_fields.h"
#include "http/scan.h"
#include "http/target.h"

#define IF_ORIGIN(wanted, identifier, name, kind) | (HTTP_KIND_##kind == (wanted) ? FIELD_BIT(identifier) : 0)
static const uint64_t origin_fields = 0 HTTP_FIELD_TABLE(IF_ORIGIN, HTTP_KIND_ORIGIN);

static const uint64_t written_fields = FIELD_BIT(X_FORWARDED_FOR) | FIELD_BIT(X_FORWARDED_PROTO) |
                                       FIELD_BIT(X_FORWARDED_HOST) | FIELD_BIT(X_FORWARDED_PORT) |
                                       FIELD_BIT(X_REAL_IP) | FIELD_BIT(FORWARDED);

uint64_t forwarding_replaces(const struct h1_request_context *c)
{
    return c->is_trusted ? written_fields : origin_fields;
}

static void put_line(struct out *o, struct str name_colon, struct str value)
{
    if (value.len == 0)
        return;
    out_str(o, name_colon);
    out_str(o, value);
    OUT_TEXT(o, "\r\n");
}

/* The last element of the last field with this id, which is what the nearest hop wrote; empty when there is
 * none. */
static struct str last_value(const struct http_request *r, enum http_field_id id)
{
    struct str last = STR("");
    for (uint32_t i = 0; i < r->field_count; i++)
        if (r->fields[i].id == id)
            last = r->fields[i].value;
    const char *comma = last.len ? memrchr(last.ptr, ',', last.len) : NULL;
    if (comma)
        last = str_n(comma + 1, (size_t)(last.ptr + last.len - comma) - 1);
    return str_trim(last);
}

/* `name: a, b, ` from all fields with this id, so that one value can follow in the same line. */
static void put_continued(struct out *o, const struct http_request *r, enum http_field_id id)
{
    out_str(o, http_field_name(id));
    OUT_TEXT(o, ": ");
    for (uint32_t i = 0; i < r->field_count; i++) {
        if (r->fields[i].id != id || r->fields[i].value.len == 0)
            continue;
        out_str(o, r->fields[i].value);
        OUT_TEXT(o, ", ");
    }
}

static void put_port(struct out *o, struct str scheme, uint16_t port)
{
    OUT_TEXT(o, "X-Forwarded-Port: ");
    out_u64(o, port ? port : str_eq(scheme, STR("https")) ? 443 : 80);
    OUT_TEXT(o, "\r\n");
}

/* `for=192.0.2.1;host=example.com;proto=http`, quoted where a token does not do (RFC 7239 §4, §6). */
static void put_forwarded_element(struct out *o, const struct h1_request_context *c, struct str authority)
{
    if (c->client_ip.len == 0) {
        OUT_TEXT(o, "for=unknown");
    } else if (memchr(c->client_ip.ptr, ':', c->client_ip.len)) {
        OUT_TEXT(o, "for=\"[");
        out_str(o, c->client_ip);
        OUT_TEXT(o, "]\"");
    } else {
        OUT_TEXT(o, "for=");
        out_str(o, c->client_ip);
    }
    OUT_TEXT(o, ";host=\"");
    out_str(o, authority);
    OUT_TEXT(o, "\";proto=");
    out_str(o, c->scheme);
    OUT_TEXT(o, "\r\n");
}

static void write_what_we_saw(struct out *o, const struct http_request *r, const struct h1_request_context *c,
                              struct str authority, uint16_t port)
{
    put_line(o, STR("X-Forwarded-For: "), c->client_ip);
    put_line(o, STR("X-Real-IP: "), c->client_ip);
    put_line(o, STR("X-Forwarded-Proto: "), c->scheme);
    put_line(o, STR("X-Forwarded-Host: "), authority);
    put_port(o, c->scheme, port);
    OUT_TEXT(o, "Forwarded: ");
    put_forwarded_element(o, c, authority);
}

/* The port the peer names, else the one in the authority it names, else what its scheme implies. */
static uint16_t believed_port(struct str stated, uint16_t authority_port)
{
    uint64_t port;
    bool is_port = stated.len <= 5 && str_parse_u64(stated, &port) && port > 0 && port <= UINT16_MAX;
    return is_port ? (uint16_t)port : authority_port;
}

static void write_what_peer_says(struct out *o, const struct http_request *r,
                                 const struct h1_request_context *c, struct str authority, uint16_t port)
{
    struct str ip = last_value(r, HTTP_FIELD_X_REAL_IP), host, unused;
    if (ip.len == 0)
        ip = last_value(r, HTTP_FIELD_X_FORWARDED_FOR); /* the client, as the peer saw it */
    put_line(o, STR("X-Real-IP: "), ip.len ? ip : c->client_ip);
    if (c->client_ip.len) {
        put_continued(o, r, HTTP_FIELD_X_FORWARDED_FOR);
        out_str(o, c->client_ip);
        OUT_TEXT(o, "\r\n");
    }
    struct str scheme = last_value(r, HTTP_FIELD_X_FORWARDED_PROTO);
    if (!str_eq_nocase(scheme, STR("http")) && !str_eq_nocase(scheme, STR("https")))
        scheme = c->scheme;
    put_line(o, STR("X-Forwarded-Proto: "), scheme);
    host = last_value(r, HTTP_FIELD_X_FORWARDED_HOST);
    if (!authority_parse(host, &unused, &port))
        host = authority;
    put_line(o, STR("X-Forwarded-Host: "), host);
    put_port(o, scheme, believed_port(last_value(r, HTTP_FIELD_X_FORWARDED_PORT), port));
    put_continued(o, r, HTTP_FIELD_FORWARDED);
    put_forwarded_element(o, c, authority);
}

void forwarding_write(struct out *o, const struct http_request *r, const struct h1_request_context *c,
                      struct str authority)
{
    struct str unused;
    uint16_t port = r->port;
    if (r->authority.len == 0)
        (void)authority_parse(c->authority, &unused, &port);
    if (c->is_trusted)
        write_what_peer_says(o, r, c, authority, port);
    else
        write_what_we_saw(o, r, c, authority, port);
}
