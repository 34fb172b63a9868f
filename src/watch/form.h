/*
 * form.h: sentences that are known by their form, so that they can be told in another language. Pure.
 *
 * A form is text with {} for what was filled in, and {t} for a span of time ("1h2m3s"). The text in the other
 * language names what stood there by its number: {0}, {1}, ..., up to {9}; spans are written out there.
 */
#pragma once
#include "base/buf.h"

/*
 * Writes `korean` with what stood at the places of `english` in text. false: text is not of that form, and
 * nothing is written. put_item writes one thing that was filled in; NULL: as it is.
 */
bool form_translate(const char *english, const char *korean, struct str text, struct buf *out,
                    void (*put_item)(struct str item, struct buf *out));
