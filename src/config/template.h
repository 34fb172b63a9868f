/*
 * template.h: a text of the user's with places for facts: "[prod] {summary} at {service}: {value}". Pure.
 *
 * {name} is one of the placeholders below, {label.NAME} the alert's label of that name; {{ and }} are braces.
 * What a placeholder becomes is the caller's; here a text is taken apart and mistakes in it are told.
 */
#pragma once
#include "base/err.h"
#include "base/macros.h"
#include "base/str.h"

/* X(ID, name, help): the help is for the reference page. */
#define TEMPLATE_PLACEHOLDERS(X)                                                                             \
    X(TITLE, "title", "the title as Weir itself writes it")                                                  \
    X(TEXT, "text", "the text as Weir itself writes it")                                                     \
    X(ALERT, "alert", "name of the rule: `HostDiskHigh`")                                                    \
    X(SUMMARY, "summary", "its sentence: `Disk usage is high`")                                              \
    X(EVIDENCE, "evidence", "the sentence with the numbers")                                                 \
    X(STATUS, "status", "`firing` or `resolved`")                                                            \
    X(SEVERITY, "severity", "`critical`, `warning` or `notice`")                                             \
    X(SUBJECT, "subject", "whom it is about: `/srv, web-1`")                                                 \
    X(SERVICE, "service", "the service, if it is about one")                                                 \
    X(SERVER, "server", "the server, if it is about one")                                                    \
    X(INSTANCE, "instance", "the machine")                                                                   \
    X(VALUE, "value", "the number now: `95.0 %`")                                                            \
    X(THRESHOLD, "threshold", "what it was compared with: `90 %`")                                           \
    X(SINCE, "since", "when it began: `2026-11-23 07:26:59 UTC`")                                            \
    X(DURATION, "duration", "for how long it has been so, or was: `14m12s`")                                 \
    X(CHANGES, "changes", "what happened just before it began")                                              \
    X(LINK, "link", "address of the page about it")                                                          \
    X(SILENCE, "silence", "the command that silences it")                                                    \
    X(LABELS, "labels", "all labels: `path=/srv, instance=web-1`")

#define TEMPLATE_PLACEHOLDER_ID(id, name, help) TEMPLATE_##id,
enum template_placeholder { TEMPLATE_PLACEHOLDERS(TEMPLATE_PLACEHOLDER_ID) TEMPLATE_LABEL };

enum template_step { TEMPLATE_LITERAL, TEMPLATE_PLACEHOLDER, TEMPLATE_END, TEMPLATE_WRONG };

struct template_part {
    struct str text; /* of literals: as it is to be written; of what is wrong: the place in the template */
    enum template_placeholder placeholder;
    struct str label; /* of TEMPLATE_LABEL */
};

/*
 * Takes the next part off the front of *rest. TEMPLATE_WRONG: problem reads as what is wrong, hint as what
 * would be right (it may be empty), and *rest is as it was.
 */
enum template_step template_next(struct str *rest, struct template_part *ret, struct err *problem,
                                 struct err *hint) MUST_USE;
