/* alert_labels.h: what is said of an alert by its labels: whether a matcher fits, the command that silences
 * it, its place on the page. Pure. */
#pragma once
#include "base/buf.h"
#include "watch/alert.h"

/* alertname and severity are labels, too. Borrowed; "" when it has none of this name. */
struct str alert_label_value(const struct alert *a, struct str name);
/* Adds `weir silence alertname=HostDiskHigh path=/ --for 2h`, for a shell. The instance is named when it is
 * another machine than `instance`. */
void alert_put_silence_command(const struct alert *a, struct str instance, struct buf *out);
/* Adds `http://127.0.0.1:9900/#alert-ba3bc400778e8bc5`; nothing when external_url is "". */
void alert_put_link(const struct alert *a, const char *external_url, struct buf *out);
