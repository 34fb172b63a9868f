/*
 * phrases.c: see phrases.h. Korean is written so that no particle depends on how a number is read ("현재 값은
 * …", "기준은 …"), and in the polite form of the README.
 */
#include "watch/notify/phrases.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/units.h"
#include "rule/metric_value.h"

#include <math.h>

#define SPAN_MAX_S 9e9

enum { LANGUAGE_COUNT = LANGUAGE_KOREAN + 1 };

const char *phrase(enum config_language language, enum phrase p)
{
#define PHRASE_ROW(id, english, korean)                                                                      \
    [PHRASE_##id] = {[LANGUAGE_UNSET] = english, [LANGUAGE_ENGLISH] = english, [LANGUAGE_KOREAN] = korean},
    static const char *const table[PHRASE_COUNT][LANGUAGE_COUNT] = {PHRASES(PHRASE_ROW)};
#undef PHRASE_ROW
    ASSERT(p < PHRASE_COUNT && (size_t)language < LANGUAGE_COUNT);
    return table[p][language];
}

/* ---- summaries ---- */

static const struct {
    const char *name, *korean;
} summaries[] = {
    {"HostCpuHigh", "CPU 사용률이 높습니다"},
    {"HostCpuStolen", "하이퍼바이저가 CPU 시간을 가져가고 있습니다"},
    {"HostMemoryHigh", "메모리 사용률이 높습니다"},
    {"HostMemoryVeryHigh", "메모리 사용률이 매우 높습니다"},
    {"HostDiskHigh", "디스크 사용률이 높습니다"},
    {"HostDiskAlmostFull", "디스크가 거의 가득 찼습니다"},
    {"HostInodesHigh", "파일 시스템의 아이노드가 부족해지고 있습니다"},
    {"HostDiskFilling", "몇 시간 안에 디스크가 가득 찹니다"},
    {"HostDiskFillsToday", "하루 안에 디스크가 가득 찹니다"},
    {"HostDiskReadOnly", "커널이 파일 시스템을 읽기 전용으로 바꾸었습니다"},
    {"HostMemoryStalled", "메모리가 부족해 프로그램이 멈춰 있습니다"},
    {"HostOutOfMemory", "메모리가 부족해 커널이 프로세스를 종료했습니다"},
    {"CgroupOutOfMemory", "메모리가 부족해 컨트롤 그룹의 프로세스가 종료되었습니다"},
    {"CgroupThrottled", "컨트롤 그룹이 CPU 한도에 막혀 있습니다"},
    {"HostFilesHigh", "시스템의 열린 파일 수가 한도에 가까워지고 있습니다"},
    {"WeirFilesHigh", "Weir의 파일 디스크립터가 부족해지고 있습니다"},
    {"HostConntrackHigh", "방화벽의 연결 테이블이 차고 있습니다"},
    {"HostPortsHigh", "연결에 쓸 로컬 포트가 부족해지고 있습니다"},
    {"HostListenOverflows", "연결 대기열이 가득 차 있습니다"},
    {"HostClockOff", "시계가 맞지 않습니다"},
    {"HostClockUnsynchronised", "시계가 더 이상 동기화되지 않습니다"},
    {"HostDown", "다른 시스템의 값을 읽을 수 없습니다"},
    {"ProbeFailing", "외부에서 본 사이트가 실패합니다"},
    {"ProbeSlow", "외부에서 본 사이트가 느립니다"},
    {"CertificateExpires", "인증서가 3주 안에 만료됩니다"},
    {"CertificateExpiresSoon", "인증서가 며칠 안에 만료됩니다"},
    {"HistoryFailing", "기록을 저장할 수 없습니다"},
    {"StateFailing", "재시작 후에도 필요한 내용을 저장할 수 없습니다"},
    {"ServiceDown", "서비스에 정상 서버가 없습니다"},
    {"ErrorRateHigh", "오류 비율이 높습니다"},
    {"ServiceSlow", "서비스의 응답이 느립니다"},
    {"ErrorBudgetBurn1h", "오류로 인해 오류 예산이 너무 빨리 소진되고 있습니다"},
    {"ErrorBudgetBurn6h", "오류로 인해 오류 예산이 너무 빨리 소진되고 있습니다"},
    {"ErrorBudgetBurn1d", "오류로 인해 오류 예산이 너무 빨리 소진되고 있습니다"},
    {"ErrorBudgetBurn3d", "오류로 인해 오류 예산이 너무 빨리 소진되고 있습니다"},
    {"LatencyBudgetBurn1h", "느린 응답으로 인해 오류 예산이 너무 빨리 소진되고 있습니다"},
    {"LatencyBudgetBurn6h", "느린 응답으로 인해 오류 예산이 너무 빨리 소진되고 있습니다"},
    {"LatencyBudgetBurn1d", "느린 응답으로 인해 오류 예산이 너무 빨리 소진되고 있습니다"},
    {"LatencyBudgetBurn3d", "느린 응답으로 인해 오류 예산이 너무 빨리 소진되고 있습니다"},
    {"ServerDown", "서버가 요청을 받지 않습니다"},
    {"ServerCrashing", "서버가 계속 비정상 종료됩니다"},
    {"QueueWaiting", "요청이 서버를 기다리고 있습니다"},
    {"QueueAlmostFull", "서비스의 대기열이 거의 가득 찼습니다"},
    {"DiscoveryFailing", "서비스의 서버 목록을 읽지 못하고 있습니다"},
    {"ProviderFailing", "서비스의 서버를 관리하지 못하고 있습니다"},
    {"ScalingAtMaximum", "허용된 수보다 많은 서버가 필요합니다"},
    {"SinkFailing", "알림이 수신처에 도착하지 않고 있습니다"},
    {"SinkLost", "전달되지 못한 알림이 있습니다"},
};

const char *phrase_summary(enum config_language language, const char *name, const char *summary)
{
    for (size_t i = 0; language == LANGUAGE_KOREAN && i < ARRAY_LEN(summaries); i++)
        if (strcmp(name, summaries[i].name) == 0)
            return summaries[i].korean;
    return language == LANGUAGE_KOREAN ? NULL : summary;
}

/* ---- numbers ---- */

void phrase_write_span(enum config_language language, int64_t ns, struct buf *out)
{
    static const char *const units[LANGUAGE_COUNT][4] = {
        [LANGUAGE_UNSET] = {"d", "h", "m", "s"},
        [LANGUAGE_ENGLISH] = {"d", "h", "m", "s"},
        [LANGUAGE_KOREAN] = {"일", "시간", "분", "초"},
    };
    long long seconds = MAX(ns, 0) / NS_PER_S;
    const long long parts[] = {seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60};
    bool has_begun = false;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i] == 0 && (seconds > 0 || i < ARRAY_LEN(parts) - 1))
            continue;
        buf_printf(out, "%s%lld%s", has_begun && language == LANGUAGE_KOREAN ? " " : "", parts[i],
                   units[language][i]);
        has_begun = true;
    }
}

/* "90", "93.4" */
static void write_decimal(double value, struct buf *out)
{
    double rounded = round(value * 10) / 10;
    buf_printf(out, "%.*f", rounded == floor(rounded) ? 0 : 1, rounded);
}

static void write_seconds(enum config_language language, double seconds, struct buf *out)
{
    if (seconds > 0 && seconds < 0.01)
        buf_printf(out, language == LANGUAGE_KOREAN ? "%g밀리초" : "%gms", MAX(round(seconds * 1e4), 1) / 10);
    else if (seconds > 0 && seconds < 1)
        buf_printf(out, language == LANGUAGE_KOREAN ? "%.0f밀리초" : "%.0fms", seconds * 1000);
    else if (seconds > 0 && round(seconds * 10) < 600)
        buf_printf(out, language == LANGUAGE_KOREAN ? "%g초" : "%gs", round(seconds * 10) / 10);
    else
        phrase_write_span(language, (int64_t)(MIN(seconds, SPAN_MAX_S) * 1e9), out);
}

void phrase_write_value(enum config_language language, enum metric_unit unit, double value, struct buf *out)
{
    char size[UNITS_TEXT_BYTES], number[METRIC_VALUE_BYTES];
    bool is_korean = language == LANGUAGE_KOREAN;
    switch (unit) {
    case METRIC_UNIT_PERCENT:
        write_decimal(value, out);
        buf_put(out, is_korean ? STR("%") : STR(" %"));
        break;
    case METRIC_UNIT_SECONDS:
        write_seconds(language, value, out);
        break;
    case METRIC_UNIT_BYTES:
        buf_put(out, str_of(units_format_size(size, (uint64_t)MAX(value, 0))));
        break;
    case METRIC_UNIT_BYTES_PER_SECOND:
        buf_printf(out, "%s/s", units_format_size(size, (uint64_t)MAX(value, 0)));
        break;
    case METRIC_UNIT_PER_SECOND:
        buf_printf(out, is_korean ? "초당 %.3g" : "%.3g/s", value);
        break;
    case METRIC_UNIT_COUNT:
        write_decimal(value, out);
        break;
    case METRIC_UNIT_RATIO:
        buf_printf(out, "%.3g", value);
        break;
    case METRIC_UNIT_NUMBER:
        buf_put(out, str_of(metric_value_show(unit, value, number)));
        break;
    case METRIC_UNIT_FLAG:
        buf_put(out,
                value > 0 ? (is_korean ? STR("예") : STR("yes")) : (is_korean ? STR("아니요") : STR("no")));
        break;
    }
}

/* ---- sentences ---- */

void phrase_write_value_and_threshold(enum config_language language, const char *value, const char *threshold,
                                      struct buf *out)
{
    if (language == LANGUAGE_KOREAN)
        buf_printf(out, "%s (기준 %s)", value, threshold);
    else
        buf_printf(out, "%s (threshold %s)", value, threshold);
}

void phrase_write_counts(enum config_language language, size_t firing, size_t over, struct buf *out)
{
    bool is_korean = language == LANGUAGE_KOREAN;
    if (firing && is_korean)
        buf_printf(out, "경보 %zu건", firing);
    else if (firing)
        buf_printf(out, "%zu alert%s", firing, firing == 1 ? "" : "s");
    if (firing && over)
        buf_put(out, STR(", "));
    if (over && is_korean)
        buf_printf(out, "해결 %zu건", over);
    else if (over)
        buf_printf(out, "%zu resolved", over);
}

void phrase_write_more(enum config_language language, size_t more, bool has_page, struct buf *out)
{
    if (language == LANGUAGE_KOREAN)
        buf_printf(out,
                   has_page ? "그 밖에 %zu건이 더 있습니다. 페이지에서 모두 볼 수 있습니다."
                            : "그 밖에 %zu건이 더 있습니다.",
                   more);
    else
        buf_printf(out, has_page ? "and %zu more: see the page" : "and %zu more", more);
}

void phrase_write_earlier(enum config_language language, unsigned episodes, struct buf *out)
{
    if (language == LANGUAGE_KOREAN)
        buf_printf(out, "알리지 못하는 동안 %u번 더 발생했다가 끝났습니다", episodes);
    else if (episodes == 1)
        buf_put(out, STR("it began and ended once more while this could not be told"));
    else
        buf_printf(out, "it began and ended %u more times while this could not be told", episodes);
}
