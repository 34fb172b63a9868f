/*
 * phrases.h: the words of messages in each language. Pure. A new language is a column here, one in the table
 * of summaries, and a case in each function.
 */
#pragma once
#include "base/buf.h"
#include "config/model.h"
#include "rule/metric.h"

/* X(ID, English, Korean) */
#define PHRASES(X)                                                                                           \
    X(CRITICAL, "CRITICAL", "위험")                                                                          \
    X(WARNING, "WARNING", "경고")                                                                            \
    X(NOTICE, "NOTICE", "알림")                                                                              \
    X(RESOLVED, "RESOLVED", "해결됨")                                                                        \
    X(TEST, "TEST", "시험")                                                                                  \
    X(IS_CRITICAL, "critical", "위험")                                                                       \
    X(IS_WARNING, "warning", "경고")                                                                         \
    X(IS_NOTICE, "notice", "알림")                                                                           \
    X(IS_FIRING, "firing", "발생")                                                                           \
    X(IS_RESOLVED, "resolved", "해결됨")                                                                     \
    X(SEVERITY, "Severity", "심각도")                                                                        \
    X(VALUE, "Value", "값")                                                                                  \
    X(BEGAN, "Since", "시작")                                                                                \
    X(LASTED, "Lasted", "지속 시간")                                                                         \
    X(BEFORE, "Just before", "직전에 있었던 일")                                                             \
    X(EARLIER, "Earlier", "이전 발생")                                                                       \
    X(PAGE, "Page", "페이지")                                                                                \
    X(SILENCE, "Silence", "알림 끄기")                                                                       \
    X(TEST_ONLY, "This is a test: nothing is wrong.", "시험으로 보낸 메시지입니다. 아무 문제도 없습니다.")   \
    X(WHOLE, "It began and ended while this could not be told.", "알릴 수 없는 동안 시작되었다가 끝났습니다.")

#define PHRASE_ID(id, english, korean) PHRASE_##id,
enum phrase { PHRASES(PHRASE_ID) PHRASE_COUNT };

const char *phrase(enum config_language language, enum phrase p);
/* Of a rule that everybody has, by its name; NULL when its own sentence has to do. Never NULL for English. */
const char *phrase_summary(enum config_language language, const char *name, const char *summary);

/* "14m12s", "14분 12초"; whole seconds. */
void phrase_write_span(enum config_language language, int64_t ns, struct buf *out);
/* "95.0 %", "1.5GiB", "4시간". */
void phrase_write_value(enum config_language language, enum metric_unit unit, double value, struct buf *out);
/* "95.0 % (threshold 90 %)" */
void phrase_write_value_and_threshold(enum config_language language, const char *value, const char *threshold,
                                      struct buf *out);

/* "3 alerts, 1 resolved" */
void phrase_write_counts(enum config_language language, size_t firing, size_t over, struct buf *out);
void phrase_write_more(enum config_language language, size_t more, bool has_page, struct buf *out);
void phrase_write_earlier(enum config_language language, unsigned episodes, struct buf *out);
