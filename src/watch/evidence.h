/*
 * evidence.h: the sentence that says why an alert fires or has ended, in each language. Pure.
 *
 * A template is text with words in braces:
 *   {value}     the number, at the firing its mean: "93.4 %"       {now}     the number now
 *   {threshold} "90 %"       {clear}   "80 %"
 *   {course}    "for 5m (threshold 90 %, clears at 80 %)", at the end "now, at most 80 %, after 14m12s"
 *   {lasted}    how long the condition has held, or the alert lasted
 *   {note}      the collector's note; {of} its part from "of" to the first ';' with a blank before it;
 *               {rest} what follows, or all of it when it does not begin with "of", with "; " before it
 *   {subject}   "/srv: ", "shop: ", "" for this machine
 *   {NAME}      a label of the alert
 *
 * The Korean templates and their words: evidence_korean.h.
 */
#pragma once
#include "watch/board.h"
#include "watch/rule_set.h"

/* Writes a->evidence and a->evidence_korean. note may be "". */
void evidence_write(struct alert *a, const struct armed_rule *rule, const char *note,
                    enum alert_change change, int64_t now_ns);
