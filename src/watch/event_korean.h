/*
 * event_korean.h: what the ledger tells in English, for messages in Korean. Pure.
 */
#pragma once
#include "base/buf.h"

/*
 * The event's sentence. What is not ours in it, such as the words of an engine or the last line of a program,
 * stays as it is; so does the sentence of a kind that is not known.
 */
void event_korean_put(const char *kind, struct str text, struct buf *out);

/* Whether there is a sentence for whatever an event of that kind says. */
bool event_korean_knows(const char *kind);
