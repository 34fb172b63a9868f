/* Cross checks of the kinds of sinks in schema_people.c; see checks.h. */
#include "config/checks.h"
#include "config/model.h"
#include "config/template.h"

/* Written, and in its place in a list. */
static bool is_item(const struct node *n)
{
    return n && n->key;
}

/* ---- templates ---- */

/* Where text[at, at + length) is in the source; a scalar with escapes or folded lines is told as a whole. */
static struct diagnostic *error_within(struct decoding *d, struct node *n, size_t at, size_t length,
                                       const char *problem)
{
    size_t quote = n->is_plain ? 0 : 1;
    n->is_bad = true;
    if (n->length != n->text.len + 2 * quote)
        return node_error(d->d, n, "%s", problem);
    return diagnostics_add(d->d, DIAGNOSTIC_ERROR, n->offset + quote + at, length, "%s", problem);
}

static void check_text(struct decoding *d, struct node *n)
{
    struct err problem = {0}, hint = {0};
    struct template_part part;
    enum template_step step;
    if (!n || n->is_bad || n->kind != NODE_SCALAR)
        return;
    struct str rest = n->text;
    do
        step = template_next(&rest, &part, &problem, &hint);
    while (step != TEMPLATE_END && step != TEMPLATE_WRONG);
    if (step == TEMPLATE_END)
        return;
    size_t at = (size_t)(part.text.ptr - n->text.ptr);
    struct diagnostic *item = error_within(d, n, at, part.text.len, problem.text);
    if (hint.text[0])
        diagnostics_hint(d->d, item, "%s", hint.text);
}

void check_template(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    if (!node)
        return;
    check_text(d, node_find(node, "title"));
    check_text(d, node_find(node, "text"));
}

/* ---- what has to be there ---- */

/* The pair of rows of a secret: "token_file", "token_env". */
static const struct schema_key *secret_row(const struct schema_mapping *m, size_t offset)
{
    for (size_t i = 0; i < m->key_count; i++)
        if (m->keys[i].offset == offset)
            return &m->keys[i];
    ASSERT(!"a table without the rows of a secret");
}

static void require_token(struct decoding *d, const struct schema_mapping *m, struct node *node)
{
    const struct schema_key *file = secret_row(m, offsetof(struct config_notify, token.file));
    const struct schema_key *variable = secret_row(m, offsetof(struct config_notify, token.env));
    if (node->is_bad || node_find(node, file->name) || node_find(node, variable->name) ||
        decode_is_misspelt(m, node, file->name) || decode_is_misspelt(m, node, variable->name))
        return;
    struct diagnostic *item =
        node_key_error(d->d, node, "'%s' is missing in '%s'", file->name, node->key->text.ptr);
    diagnostics_hint(d->d, item, "such as %s: %s, or %s", file->name, file->example, variable->name);
}

void check_token_sink(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    if (!is_item(node))
        return;
    check_sink(d, m, node, target);
    require_token(d, m, node);
}

void check_ntfy(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    const struct config_notify *sink = target;
    struct node *url = node_find(node, "url");
    if (!is_item(node))
        return;
    check_sink(d, m, node, target);
    struct str rest = sink->url.value;
    if (rest.len == 0)
        return;
    const char *host = strstr(rest.ptr, "://") + 3, *path = strchr(host, '/');
    bool has_query = strpbrk(host, "?#") != NULL;
    if (path && path[1] && path[strlen(path) - 1] != '/' && !has_query)
        return;
    if (url && url->is_bad)
        return;
    struct diagnostic *item = node_error(d->d, url ? url : node, "the address of the topic ends in its name");
    diagnostics_hint(d->d, item, "such as https://ntfy.sh/my-topic");
}

/* ---- mail ---- */

static bool is_here(struct str server)
{
    return str_eq(server, STR("localhost")) || str_starts_with(server, STR("localhost:")) ||
           str_starts_with(server, STR("127.")) || str_starts_with(server, STR("[::1]"));
}

static void check_login(struct decoding *d, const struct schema_mapping *m, struct node *node,
                        const struct config_notify *sink)
{
    bool has_password = sink->token.file.len || sink->token.env.len;
    struct node *user = node_find(node, "user"), *tls = node_find(node, "tls");
    if (user && !user->is_bad && !has_password) {
        struct diagnostic *item = node_key_error(d->d, user, "'user' has no password");
        diagnostics_hint(d->d, item, "it is in a file, such as password_file: /etc/weir/mail.password");
    }
    if (has_password && !user && !decode_is_misspelt(m, node, "user")) {
        struct diagnostic *item =
            node_key_error(d->d, node, "there is a password, but nobody who logs in with it");
        diagnostics_hint(d->d, item, "such as user: weir@example.com");
    }
    if (user && tls && !tls->is_bad && sink->mail.tls == MAIL_IN_THE_CLEAR && !is_here(sink->mail.server)) {
        struct diagnostic *item = node_error(d->d, tls, "the password would be sent in the clear");
        diagnostics_hint(d->d, item, "starttls or implicit, unless the server is on this machine");
    }
}

void check_mail(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    const struct config_notify *sink = target;
    struct node *to = node_find(node, "to");
    if (!is_item(node))
        return;
    check_sink(d, m, node, target);
    check_login(d, m, node, sink);
    if (to && !to->is_bad && sink->mail.to.count == 0)
        diagnostics_hint(d->d, node_key_error(d->d, to, "nobody is told: 'to' is empty"),
                         "such as to: [ops@example.com]");
}

/* ---- programs and the system's log ---- */

void check_sink_exec(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    const struct config_notify *sink = target;
    struct node *command = node_find(node, "command");
    if (!node_is_good(command))
        return;
    if (sink->exec.command.count == 0)
        diagnostics_hint(d->d, node_key_error(d->d, command, "'command' is empty"),
                         "such as [/usr/local/bin/tell, ops]");
    else if (!command->first->is_bad && command->first->text.len == 0)
        diagnostics_hint(d->d, node_error(d->d, command->first, "the program's name is empty"),
                         "such as /usr/local/bin/tell");
}

void check_syslog(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    struct config_notify *sink = target;
    struct config_syslog *s = &sink->syslog;
    struct node *server = node_find(node, "server"), *protocol = node_find(node, "protocol");
    struct node *socket = node_find(node, "socket");
    if (s->format == SYSLOG_FORMAT_UNSET)
        s->format = s->transport == SYSLOG_LOCAL ? SYSLOG_RFC3164 : SYSLOG_RFC5424;
    if (!is_item(node) || (protocol && protocol->is_bad))
        return;
    if (s->transport == SYSLOG_LOCAL && server && !server->is_bad)
        diagnostics_hint(d->d, node_key_error(d->d, server, "'server' is not for the log of this machine"),
                         "say how lines get there: protocol: udp or protocol: tcp");
    if (s->transport != SYSLOG_LOCAL && !server && !decode_is_misspelt(m, node, "server"))
        diagnostics_hint(d->d, node_error(d->d, protocol, "'server' is missing in 'syslog'"),
                         "such as server: logs.example.com:514");
    if (s->transport != SYSLOG_LOCAL && socket && !socket->is_bad)
        node_key_error(d->d, socket, "'socket' is for the log of this machine only");
}
