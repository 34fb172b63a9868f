/*
 * exec_answer.h: what a plug-in answers (docs/reference/plugin-protocol.md). Pure.
 *
 * The answer to `list` is whole or it is a failure: a server without an id, in a state that nobody knows or
 * with an address that is none could be one that serves.
 */
#pragma once
#include "net/json_value.h"
#include "provider/driver.h"

/* The answer to the question with that id, which the caller frees. False with f when it is none, or says that
 * it could not: only then is the fault another one than DRIVER_FAULT_CONFIGURATION. */
bool exec_answer_read(struct str text, int64_t id, struct json_value **ret_answer, struct driver_failure *f);
/* Its `instance`; v may be NULL. */
bool exec_answer_instance(const struct json_value *v, struct instance *ret_instance,
                          struct driver_failure *f);
/* Its `instances`; items may be NULL. *ret_list is the caller's. */
bool exec_answer_instances(const struct json_value *items, struct instance_list *ret_list,
                           struct driver_failure *f);
/* Of a plug-in that is given keys: each has one of that service. One without may be somebody else's, and to
 * leave it out could be to lose one of ours. */
bool exec_answer_has_keys(const struct instance_list *list, struct str service, struct driver_failure *f);
