/* notices.h: made-up alerts for the tests of messages. */
#pragma once
#include "watch/notify/kind.h"

#include "base/clock.h"

/* 2026-11-23 07:26:59 UTC */
#define NOTICE_BEGAN_NS (INT64_C(1795418819) * NS_PER_S)

#define TEXT(literal) ((char *)(literal)) /* nobody writes to it */

static struct notice_label notice_labels_disk[] = {{TEXT("instance"), TEXT("web-1")},
                                                   {TEXT("path"), TEXT("/srv")}};
static struct notice_label notice_labels_service[] = {
    {TEXT("instance"), TEXT("web-1")}, {TEXT("server"), TEXT("shop-2")}, {TEXT("service"), TEXT("shop")}};

static inline struct notice notice_disk(void)
{
    return (struct notice){
        .change = ALERT_FIRED,
        .severity = ALERT_WARNING,
        .fingerprint = 0xabc,
        .started_wall_ns = NOTICE_BEGAN_NS,
        .value = 95,
        .threshold = 90,
        .has_value = true,
        .unit = METRIC_UNIT_PERCENT,
        .label_count = 2,
        .labels = notice_labels_disk,
        .name = TEXT("HostDiskHigh"),
        .summary = TEXT("Disk usage is high"),
        .evidence = TEXT("/srv is 95.0 % full for 2m (threshold 90 %, clears at 87 %)"),
        .evidence_korean =
            TEXT("/srv 파일 시스템의 평균 사용률은 95%입니다. 2분 동안 기준 90%보다 높았습니다."),
        .changes = TEXT("07:20:11 the configuration was reloaded"),
        .changes_korean = TEXT("07:20:11 설정을 다시 읽었습니다"),
        .link = TEXT(""),
        .silence = TEXT("weir silence HostDiskHigh path=/srv --for 2h"),
        .line = TEXT("ALERT: Disk usage is high!")};
}

static inline struct notice notice_ended(struct notice n, int64_t after_s)
{
    n.change = ALERT_ENDED;
    n.ended_wall_ns = n.started_wall_ns + after_s * NS_PER_S;
    return n;
}

static inline struct notice notice_down(void)
{
    struct notice n = notice_disk();
    n.severity = ALERT_CRITICAL;
    n.fingerprint = 0xdef;
    n.has_value = false;
    n.unit = METRIC_UNIT_FLAG;
    n.label_count = 3;
    n.labels = notice_labels_service;
    n.name = TEXT("ServiceDown");
    n.summary = TEXT("A service has no healthy server");
    n.evidence = TEXT("shop has had none for 12s; 2 wanted");
    n.evidence_korean = TEXT("shop 서비스에 12초 동안 정상 서버가 없습니다. 필요한 서버는 2대입니다.");
    n.changes = n.changes_korean = n.silence = TEXT("");
    return n;
}

static inline struct alert_message message_of(const struct notice *notices, size_t count)
{
    return (struct alert_message){.receiver = TEXT("ops"),
                                  .external_url = TEXT("http://web-1:9900"),
                                  .wall_ns = NOTICE_BEGAN_NS + 5 * NS_PER_S,
                                  .count = count,
                                  .notices = notices};
}
