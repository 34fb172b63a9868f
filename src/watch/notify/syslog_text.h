/* syslog_text.h: an alert as a line of syslog, in the form of RFC 5424 or of RFC 3164. Pure. */
#pragma once
#include "watch/notify/kind.h"

/* pid: of this process, for the line. bytes_max: longer lines are cut between characters. Line ends in the
 * text become blanks. */
void syslog_text_write(const struct alert_message *m, const struct config_notify *config, int pid,
                       size_t bytes_max, struct buf *out);
