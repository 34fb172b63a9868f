/*
 * docker_api.h: calls of the Docker Engine API, for the drivers docker and swarm: over its Unix socket or
 * TCP, with TLS where configured, in the newest version that both sides speak (GET /_ping). Each call blocks
 * up to its deadline.
 *
 * A struct docker_api belongs to one thread; it is small, so each thread that calls has one.
 */
#pragma once
#include "base/buf.h"
#include "config/model.h"
#include "net/json_value.h"
#include "provider/driver.h"

struct docker_api {
    const struct config_docker_api *config; /* borrowed */
    char version[16];                       /* "1.41"; "" until somebody answered */
};

void docker_api_init(struct docker_api *api, const struct config_docker_api *config);

/* Where the API's Unix socket is, or "" when it is reached by TCP. Borrowed from the configuration. */
const char *docker_api_socket(const struct config_docker_api *config);

struct docker_request {
    const char *method;        /* "GET"... */
    const char *path;          /* behind the version, with its query: "/containers/json?all=1" */
    struct str body;           /* JSON; may be empty */
    const char *registry_auth; /* value of X-Registry-Auth; NULL: none */
    int64_t patience_ns;       /* 0: until the call's deadline; else no answer within this is no failure */
    /* For streams: each line (without its end) of a 2xx answer. False: enough. NULL: the body is collected.
     */
    bool (*on_line)(void *context, struct str line);
    void *context;
};

struct docker_answer {
    int status;              /* 0: none within patience_ns */
    struct buf body;         /* owned */
    struct json_value *json; /* owned; NULL when the body is no JSON */
    int64_t retry_after_ns;  /* 0: not told */
};

/* True when an answer came, whatever its status; it is then to be freed. */
bool docker_call(struct docker_api *api, const struct driver_call *call, const struct docker_request *request,
                 struct docker_answer *ret_answer, struct driver_failure *f) MUST_USE;
void docker_answer_fini(struct docker_answer *a);
bool docker_answer_is_good(const struct docker_answer *a); /* 2xx or 304 */
const char *docker_answer_message(
    const struct docker_answer *a); /* the engine's own words, or "status 500" */

/* Fails for an answer that is not good: "starting shop-1: the engine's words". Returns false. */
bool docker_refuse(struct driver_failure *f, const struct docker_answer *a, const char *what);
/* The fault that words of the engine mean: those inside a stream, which have no status (0). */
enum driver_fault docker_fault_of(int status, const char *words);

/* The most common call: one that must be good. The answer is freed when ret_answer is NULL. */
bool docker_do(struct docker_api *api, const struct driver_call *call, const char *method, const char *path,
               struct str body, const char *what, struct docker_answer *ret_answer, struct driver_failure *f);
