/* severity.c: see severity.h. */
#include "rule/severity.h"

#include "base/macros.h"

const char *alert_severity_name(enum alert_severity severity)
{
#define SEVERITY_NAME(id, name, help) name,
    static const char *const names[] = {ALERT_SEVERITIES(SEVERITY_NAME)};
    ASSERT((size_t)severity < ARRAY_LEN(names));
    return names[severity];
}
