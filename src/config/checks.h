/*
 * checks.h: what one key alone cannot tell: combinations that make no sense, and defaults that depend on
 * other keys. Each is called by decode.c when all keys of its mapping were decoded; `node` is NULL when the
 * mapping was not written. Only this room.
 */
#pragma once
#include "config/decode.h"
#include "config/model.h"

struct config_scale;
struct rule_mistake;

void check_root(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_limits(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_listener(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_service(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_health(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_scale(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_http(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_exec(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_http_list(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
/* Of `scale:`, written: which provider it is, and whether what is written suits it. */
void check_provider(struct decoding *d, const struct schema_mapping *m, struct node *scale,
                    struct config_scale *s);
/* Of a mapping with `endpoint`, `tls` and `without_tls`. */
void check_docker_api(struct decoding *d, struct node *node, struct config_docker_api *api);
/* Of two keys that say the same from two places (NULL: not written): only one may be. */
void check_either(struct decoding *d, const struct node *first, struct node *second);
/* "Name: value" each, with a message for what is not. */
void check_headers(struct decoding *d, struct node *headers);
/* A mistake in a scalar's text, with its own place; the node is bad then. */
void check_tell_mistake(struct decoding *d, struct node *n, const struct rule_mistake *m);
void check_number(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_host(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_probe(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_server_limits(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_discover(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_docker(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_swarm(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_registry(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
/* Of a kind of sink: where its address and its secret come from. */
void check_sink(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_token_sink(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_template(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_ntfy(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_mail(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_sink_exec(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_syslog(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
/* Of the whole file: puts the log first among the sinks and gives each a name of its own. */
void check_notify(struct decoding *d, struct node *root, struct config *c);
void check_objectives(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_maintenance(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_threshold(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_history_keep(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_agent(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
/* Warns of rules about services and probes that there are not. */
void check_rule_subjects(struct decoding *d, struct node *root, const struct config *c);
void check_watch(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_rule(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
void check_admin(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target);
