/* schema_table.h: what the files with the tables share (schema.c, schema_*.c). Nobody else includes it.
 */
#pragma once
#include "base/clock.h"
#include "base/macros.h"
#include "config/checks.h"
#include "config/model.h"
#include "config/reader.h"
#include "config/schema.h"
#include "rule/severity.h"

#include <assert.h>

#define AT(type, field) offsetof(struct type, field)
#define MS(n)           ((uint64_t)(n)*NS_PER_MS)
#define SECONDS(n)      ((uint64_t)(n)*NS_PER_S)
#define HOURS(n)        SECONDS((n)*3600)
#define KIB(n)          ((uint64_t)(n) << 10)
#define MIB(n)          ((uint64_t)(n) << 20)
#define TIB(n)          ((uint64_t)(n) << 40)
#define KEYS(array)     .keys = (array), .key_count = ARRAY_LEN(array)
#define MAPPING(table)  .type = VALUE_MAPPING, .mapping = &(table)

extern const struct schema_mapping schema_service;
extern const struct schema_mapping schema_scale;
extern const struct schema_mapping schema_http;          /* provider http */
extern const struct schema_mapping schema_exec;          /* provider exec */
extern const struct schema_mapping schema_server_log;    /* provider process */
extern const struct schema_mapping schema_server_limits; /* provider process */
extern const struct schema_mapping schema_discover;
extern const struct schema_mapping schema_docker_tls;    /* of struct config_docker_api */
extern const struct schema_choice schema_docker_plain[]; /* likewise */
extern const struct schema_mapping schema_docker;        /* provider docker */
extern const struct schema_mapping schema_swarm;         /* provider swarm */
extern const struct schema_mapping schema_history;
extern const struct schema_mapping schema_objectives;
extern const struct schema_mapping schema_silences;    /* of struct config_silences */
extern const struct schema_mapping schema_maintenance; /* of struct config_maintenance */
extern const struct schema_mapping schema_watch;
extern const struct schema_mapping schema_probe;
extern const struct schema_mapping schema_host;
extern const struct schema_mapping schema_rule; /* struct config_rule */
extern const struct schema_mapping schema_notify;
