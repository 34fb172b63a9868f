/*
 * catalogue.h: every counter of the data path, declared once: exposition, API and docs/reference/metrics.md
 * come from here. X(ID, name, labels, help). A row of labels is the fixed label text of that row; rows of one
 * metric stand together.
 */
#pragma once

/* One set a data thread. */
#define THREAD_COUNTERS(X)                                                                                   \
    X(CONNECTIONS_ACCEPTED, "weir_client_connections_total", "", "Client connections accepted.")             \
    X(CONNECTIONS_CLOSED, "weir_client_connections_closed_total", "", "Client connections closed.")          \
    X(CONNECTIONS_REFUSED, "weir_client_connections_refused_total", "",                                      \
      "Client connections closed at once because limits.connections was reached or memory or descriptors "   \
      "were out.")                                                                                           \
    X(BYTES_FROM_CLIENTS, "weir_client_bytes_received_total", "", "Bytes read from clients.")                \
    X(BYTES_TO_CLIENTS, "weir_client_bytes_sent_total", "", "Bytes written to clients.")                     \
    X(REFUSED_BAD_REQUEST, "weir_requests_refused_total", "reason=\"bad_request\"",                          \
      "Requests that Weir answered itself before choosing a server, by reason.")                             \
    X(REFUSED_TARGET_TOO_LONG, "weir_requests_refused_total", "reason=\"target_too_long\"", "")              \
    X(REFUSED_HEAD_TOO_LARGE, "weir_requests_refused_total", "reason=\"head_too_large\"", "")                \
    X(REFUSED_BODY_TOO_LARGE, "weir_requests_refused_total", "reason=\"body_too_large\"", "")                \
    X(REFUSED_HEAD_TIMEOUT, "weir_requests_refused_total", "reason=\"head_timeout\"", "")                    \
    X(REFUSED_NOT_SUPPORTED, "weir_requests_refused_total", "reason=\"not_supported\"", "")                  \
    X(REFUSED_NO_ROUTE, "weir_requests_refused_total", "reason=\"no_route\"", "")                            \
    X(BODY_TIMEOUTS, "weir_body_timeouts_total", "",                                                         \
      "Exchanges ended because a body stood still for timeouts.body.")                                       \
    X(IDLE_TIMEOUTS, "weir_client_idle_timeouts_total", "",                                                  \
      "Idle client connections closed after timeouts.idle.")                                                 \
    X(BUFFERS_EXHAUSTED, "weir_buffers_exhausted_total", "",                                                 \
      "Times a connection found no buffer (limits.buffer_memory).")

/* One set a data thread and service. */
#define SERVICE_COUNTERS(X)                                                                                  \
    X(RESPONSES_1XX, "weir_requests_total", "code=\"1xx\"",                                                  \
      "Requests answered, by class of the final status.")                                                    \
    X(RESPONSES_2XX, "weir_requests_total", "code=\"2xx\"", "")                                              \
    X(RESPONSES_3XX, "weir_requests_total", "code=\"3xx\"", "")                                              \
    X(RESPONSES_4XX, "weir_requests_total", "code=\"4xx\"", "")                                              \
    X(RESPONSES_5XX, "weir_requests_total", "code=\"5xx\"", "")                                              \
    X(ARRIVALS, "weir_request_arrivals_total", "", "Requests routed to the service.")                        \
    X(CLIENT_ABORTS, "weir_request_client_aborts_total", "",                                                 \
      "Requests whose client left before the end of the response.")                                          \
    X(QUEUE_ABORTS, "weir_request_queue_aborts_total", "",                                                   \
      "Of these: requests whose client left while they waited in the queue.")                                \
    X(RETRIES, "weir_request_retries_total", "", "Requests tried again on another server.")                  \
    X(QUEUED, "weir_requests_queued_total", "", "Requests that had to wait in the service's queue.")         \
    X(SLOW_BODIES, "weir_requests_slow_body_total", "",                                                      \
      "Requests that went to a server before their small body was there: it came slower than "               \
      "timeouts.collect.")                                                                                   \
    X(FAULT_CONNECT, "weir_faults_total", "fault=\"connect\"", "Errors answered by Weir itself, by cause.")  \
    X(FAULT_SERVER_BROKE, "weir_faults_total", "fault=\"server_broke\"", "")                                 \
    X(FAULT_SERVER_BAD_RESPONSE, "weir_faults_total", "fault=\"bad_response\"", "")                          \
    X(FAULT_SERVER_TIMEOUT, "weir_faults_total", "fault=\"server_timeout\"", "")                             \
    X(FAULT_NO_SERVER, "weir_faults_total", "fault=\"no_server\"", "")                                       \
    X(FAULT_QUEUE_FULL, "weir_faults_total", "fault=\"queue_full\"", "")                                     \
    X(FAULT_QUEUE_TIMEOUT, "weir_faults_total", "fault=\"queue_timeout\"", "")                               \
    X(FAULT_NO_SERVER_IN_TIME, "weir_faults_total", "fault=\"no_server_in_time\"", "")                       \
    X(FAULT_NO_TURN_IN_TIME, "weir_faults_total", "fault=\"no_turn_in_time\"", "")

/* One set a data thread and server. */
#define SERVER_COUNTERS(X)                                                                                   \
    X(ATTEMPTS, "weir_server_requests_total", "", "Requests sent to the server, retries included.")          \
    X(FINISHED, "weir_server_requests_finished_total", "",                                                   \
      "Requests to the server that ended, in whatever way.")                                                 \
    X(ERRORS_5XX, "weir_server_errors_total", "error=\"5xx\"", "Failed requests to the server, by kind.")    \
    X(ERRORS_CONNECT, "weir_server_errors_total", "error=\"connect\"", "")                                   \
    X(ERRORS_BROKE, "weir_server_errors_total", "error=\"broke\"", "")                                       \
    X(ERRORS_TIMEOUT, "weir_server_errors_total", "error=\"timeout\"", "")                                   \
    X(CONNECTS, "weir_server_connections_total", "", "Connections opened to the server.")                    \
    X(REUSES, "weir_server_connection_reuses_total", "", "Requests sent on a connection kept from before.")  \
    X(BYTES_TO_SERVER, "weir_server_bytes_sent_total", "", "Bytes written to the server.")                   \
    X(BYTES_FROM_SERVER, "weir_server_bytes_received_total", "", "Bytes read from the server.")

#define CATALOGUE_ID_THREAD(id, name, labels, help)  THREAD_##id,
#define CATALOGUE_ID_SERVICE(id, name, labels, help) SERVICE_##id,
#define CATALOGUE_ID_SERVER(id, name, labels, help)  SERVER_##id,
enum thread_counter { THREAD_COUNTERS(CATALOGUE_ID_THREAD) THREAD_COUNTER_COUNT };
enum service_counter { SERVICE_COUNTERS(CATALOGUE_ID_SERVICE) SERVICE_COUNTER_COUNT };
enum server_counter { SERVER_COUNTERS(CATALOGUE_ID_SERVER) SERVER_COUNTER_COUNT };

struct metric_row {
    const char *name, *labels, *help;
};
extern const struct metric_row thread_metric_rows[THREAD_COUNTER_COUNT];
extern const struct metric_row service_metric_rows[SERVICE_COUNTER_COUNT];
extern const struct metric_row server_metric_rows[SERVER_COUNTER_COUNT];

/* Upper edges of the histograms' `le` buckets in /metrics, in seconds. */
enum { METRIC_EDGE_COUNT = 14 };
extern const double metric_edges_s[METRIC_EDGE_COUNT];
