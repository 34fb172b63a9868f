/*
 * mail_text.h: a message as mail: fields and body (RFC 5322, 2045, 2047), lines ending in CR LF. Pure.
 *
 * All mail about an episode is one thread for a mail program: each alert's firing has an identifier that
 * follows from its episode, its end refers to it. A mail that is sent twice has the same identifier twice.
 */
#pragma once
#include "watch/notify/kind.h"

void mail_text_write(const struct alert_message *m, const struct config_notify *config, struct buf *out);

/* A field's value: in encoded words when it is not ASCII, folded; prefix_length: of what stands before it in
 * the line. */
void mail_text_encode(struct str text, size_t prefix_length, struct buf *out);
/* Quoted-printable; any line ends become CR LF. */
void mail_text_quote(struct str text, struct buf *out);
