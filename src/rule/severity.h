/* severity.h: how bad an alert is. Pure. */
#pragma once
#include "base/str.h"

/* X(ID, name, help), the worst first. */
#define ALERT_SEVERITIES(X)                                                                                  \
    X(CRITICAL, "critical", "Users are hurt: somebody should look now.")                                     \
    X(WARNING, "warning", "Users may come to be hurt: somebody should look soon.")                           \
    X(NOTICE, "notice", "Worth knowing.")

#define ALERT_SEVERITY_ID(id, name, help) ALERT_##id,
enum alert_severity { ALERT_SEVERITIES(ALERT_SEVERITY_ID) ALERT_SEVERITY_COUNT };

const char *alert_severity_name(enum alert_severity severity);
