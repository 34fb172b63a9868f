/*
 * evidence_korean.c: see evidence_korean.h.
 *
 * Names and numbers come from elsewhere, so no particle may depend on how they are read: behind them stands a
 * noun of ours, a particle that never changes (의, 에, 보다), or 입니다.
 *
 * Collectors write their notes in English alone, here and on other machines. A note is known by its form
 * (form.h): each row has the one that a collector gives to board_put_note(). tests/tidy holds the rows
 * against the collectors.
 */
#include "watch/evidence_korean.h"

#include "base/macros.h"
#include "watch/form.h"

const char evidence_korean_general[] = "{subject}{what} 값은 {value}입니다{rest}. {course}";
const char evidence_korean_general_flag[] = "{subject}{metric} 상태{rest}: {course}";

#define DISK_IS_FULL "{path} 파일 시스템의 {what} 사용률은 {value}입니다{rest}. {course}"
#define DISK_FILLS   "이대로라면 {path} 파일 시스템은 {now} 뒤에 가득 찹니다{rest}."
#define DISK_IS_CALM "{path} 파일 시스템은 이제 그렇게 빨리 차지 않습니다{rest}."
#define KILLED       "지난 30분 동안 메모리 부족으로 종료된 프로세스는 {now}개입니다{rest}."
#define NONE_KILLED  "지난 30분 동안 메모리 부족으로 종료된 프로세스가 없습니다."
#define REQUESTS_FAILED                                                                                                     \
    "{service} 서비스의 요청 가운데 {value}가 실패했습니다{rest}. 기준은 {threshold}, 해제 기준은 " \
    "{clear}입니다."
#define CERTIFICATE_EXPIRES "{probe}의 인증서는 {now} 뒤에 만료됩니다{rest}."
#define CERTIFICATE_IS_FINE "{probe}의 인증서는 {now} 동안 유효합니다."

#define BURNS(long_window, short_window)                                                                     \
    "{service} 서비스가 최근 " long_window " 동안 허용된 속도의 {first}배, 최근 " short_window               \
    " 동안 {second}배로 예산을 썼습니다{rest}. {course}",                                                    \
        "{lasted} 만에 {service} 서비스가 예산을 쓰는 속도가 다시 기준 이하입니다(최근 " long_window         \
        " 동안 {first}배, 최근 " short_window " 동안 {second}배)."

static const struct evidence_korean sentences[] = {
    {"HostDiskHigh", DISK_IS_FULL, NULL},
    {"HostDiskAlmostFull", DISK_IS_FULL, NULL},
    {"HostInodesHigh", "{path} 파일 시스템의 {what} 아이노드 사용률은 {value}입니다{rest}. {course}", NULL},
    {"HostDiskFilling", DISK_FILLS, DISK_IS_CALM},
    {"HostDiskFillsToday", DISK_FILLS, DISK_IS_CALM},
    {"HostDiskReadOnly", "{lasted} 동안 {path}에 아무것도 쓸 수 없습니다.",
     "{lasted} 만에 {path}에 다시 쓸 수 있습니다."},
    {"HostClockUnsynchronised", "{lasted} 동안 시계가 동기화(NTP, PTP)되지 않았습니다{rest}.",
     "{lasted} 만에 시계가 다시 동기화됩니다."},
    {"HostOutOfMemory", KILLED, NONE_KILLED},
    {"CgroupOutOfMemory", KILLED, NONE_KILLED},
    {"HostDown", "{instance} 시스템을 {now}번 연속으로 읽지 못했습니다{rest}.",
     "{lasted} 만에 {instance} 시스템을 다시 읽을 수 있습니다."},
    {"ServiceDown", "{note}.", "{note}. {lasted} 만에 해결되었습니다."},
    {"ErrorRateHigh", REQUESTS_FAILED, REQUESTS_FAILED},
    {"ErrorBudgetBurn1h", BURNS("1시간", "5분")},
    {"ErrorBudgetBurn6h", BURNS("6시간", "30분")},
    {"ErrorBudgetBurn1d", BURNS("하루", "2시간")},
    {"ErrorBudgetBurn3d", BURNS("3일", "6시간")},
    {"LatencyBudgetBurn1h", BURNS("1시간", "5분")},
    {"LatencyBudgetBurn6h", BURNS("6시간", "30분")},
    {"LatencyBudgetBurn1d", BURNS("하루", "2시간")},
    {"LatencyBudgetBurn3d", BURNS("3일", "6시간")},
    {"ServiceSlow", "{service} 서비스의 응답 시간 중앙값은 {first}입니다{rest}. {course}",
     "{lasted} 만에 끝났습니다. {service} 서비스의 응답 시간 중앙값은 이제 {first}입니다{rest}."},
    {"ServerCrashing", "{note}.", "{note}."},
    {"ServerDown", "{lasted} 동안 {service} 서비스의 서버 {server}에 요청을 보낼 수 없었습니다{rest}.",
     "{lasted} 만에 {service} 서비스의 서버 {server}에 요청을 다시 보낼 수 있습니다."},
    {"QueueWaiting",
     "{lasted} 동안 {service} 서비스의 요청이 서버를 기다리고 있습니다. 지금 대기 중인 요청은 "
     "{now}건입니다{rest}.",
     "{lasted} 만에 {service} 서비스에 대기 중인 요청이 없어졌습니다."},
    {"QueueAlmostFull", "{service} 서비스의 대기열 사용률은 {now}입니다{rest}. 가득 차면 요청이 거부됩니다.",
     NULL},
    {"DiscoveryFailing", "{now} 동안 {service} 서비스의 서버 목록을 읽지 못했습니다{rest}.",
     "{note} 만에 {service} 서비스의 서버 목록을 다시 읽을 수 있습니다."},
    {"ProviderFailing", "{lasted} 동안 {service} 서비스의 서버를 관리하지 못했습니다{rest}.",
     "{lasted} 만에 {service} 서비스의 서버를 다시 관리할 수 있습니다."},
    {"ScalingAtMaximum", "{lasted} 동안 {service} 서비스에 허용된 수보다 많은 서버가 필요했습니다{rest}.",
     "{lasted} 만에 {service} 서비스의 서버가 다시 충분해졌습니다."},
    {"SinkFailing", "{now} 동안 {sink} 수신처에 도착한 메시지가 없습니다{rest}.",
     "{lasted} 만에 {sink} 수신처에 메시지가 다시 도착합니다."},
    {"SinkLost", "최근 {sink} 수신처에 전달되지 못한 알림은 {now}건입니다{rest}.",
     "지난 1시간 동안 {sink} 수신처에 전달되지 못한 알림이 없습니다."},
    {"ProbeFailing", "{probe} 확인이 {now}번 연속으로 실패했습니다{rest}.",
     "{lasted} 만에 {probe} 확인이 다시 성공했습니다."},
    {"ProbeSlow", "{probe}의 {what} 응답 시간은 {value}입니다{rest}. {course}",
     "{lasted} 만에 {probe}의 응답이 다시 빨라졌습니다."},
    {"CertificateExpires", CERTIFICATE_EXPIRES, CERTIFICATE_IS_FINE},
    {"CertificateExpiresSoon", CERTIFICATE_EXPIRES, CERTIFICATE_IS_FINE},
    {"HistoryFailing", "{lasted} 동안 기록을 저장하지 못했습니다{rest}.",
     "{lasted} 만에 기록이 다시 저장됩니다."},
    {"StateFailing", "{lasted} 동안 학습한 내용과 알림, 대기 중인 메시지를 저장하지 못했습니다{rest}.",
     "{lasted} 만에 다시 저장합니다."},
};

const struct evidence_korean *evidence_korean_find(const char *rule)
{
    for (size_t i = 0; i < ARRAY_LEN(sentences); i++)
        if (strcmp(sentences[i].rule, rule) == 0)
            return &sentences[i];
    return NULL;
}

/* ---- notes ---- */

#define OBJECTIVE_NOTES(metric)                                                                              \
    {metric, "of the budget of {} % slower than {t}", "{1}보다 느린 응답의 예산 {0}% 기준"},                 \
        {metric, "of the budget of {} % of errors", "오류 예산 {0}% 기준"},

static const struct note_form {
    enum metric metric;
    const char *english, *korean; /* {0}, {1}, ...: what stood there */
} note_forms[] = {
    {METRIC_CPU, "of the {} CPUs that control group {} may use", "컨트롤 그룹 {1}에 허용된 CPU {0}개 기준"},
    {METRIC_CPU, "of {} CPUs", "CPU {0}개 기준"},
    {METRIC_MEMORY, "of the {} that control group {} may use", "컨트롤 그룹 {1}에 허용된 {0} 기준"},
    {METRIC_MEMORY, "of {}; {} available", "전체 {0}, 사용 가능 {1}"},
    {METRIC_LOAD1, "on {} CPUs", "CPU {0}개"},
    {METRIC_LOAD5, "on {} CPUs", "CPU {0}개"},
    {METRIC_LOAD15, "on {} CPUs", "CPU {0}개"},
    {METRIC_CGROUP_CPU, "of {} CPUs, the limit of {}", "{1}의 한도 CPU {0}개 기준"},
    {METRIC_CGROUP_THROTTLED, "at {} CPUs, the limit of {}", "{1}의 한도는 CPU {0}개"},
    {METRIC_CGROUP_MEMORY, "of {}, the limit of {}", "{1}의 한도 {0} 기준"},
    {METRIC_CGROUP_PIDS, "{} of {}, the limit of {}", "{2}의 한도 {1}개 중 {0}개"},
    {METRIC_OPEN_FILES, "{} of {}", "{1}개 중 {0}개"},
    {METRIC_CONNTRACK, "{} of {} connections", "연결 {1}개 중 {0}개"},
    {METRIC_EPHEMERAL_PORTS, "{} of {} ports, towards {}", "{2} 방향 포트 {1}개 중 {0}개"},
    {METRIC_CLOCK_OFFSET, "the clock is ahead", "시계가 빠름"},
    {METRIC_CLOCK_OFFSET, "the clock is behind", "시계가 느림"},
    {METRIC_DISK, "{} of {} left", "{1} 중 {0} 남음"},
    {METRIC_DISK, "{} of {} left on {}, which {} mounts share",
     "마운트 {3}개가 함께 쓰는 {2}: {1} 중 {0} 남음"},
    {METRIC_DISK_FULL_IN, "{} left", "{0} 남음"},
    {METRIC_DISK_FULL_IN, "{} left on {}, which {} mounts share", "마운트 {2}개가 함께 쓰는 {1}: {0} 남음"},
    {METRIC_NET_USAGE, "of {} Mbit/s", "{0}Mbit/s 기준"},
    {METRIC_PROCESS_FILES_USAGE, "of {}", "한도 {0}개 기준"},
    {METRIC_SERVER_CPU, "of one CPU, by {} processes", "CPU 1개 기준, 프로세스 {0}개"},
    OBJECTIVE_NOTES(METRIC_BURN_5M) OBJECTIVE_NOTES(METRIC_BURN_30M) OBJECTIVE_NOTES(METRIC_BURN_1H)
        OBJECTIVE_NOTES(METRIC_BURN_2H) OBJECTIVE_NOTES(METRIC_BURN_6H) OBJECTIVE_NOTES(METRIC_BURN_1D)
            OBJECTIVE_NOTES(METRIC_BURN_3D){METRIC_ERROR_BUDGET, "of {} % slower than {t}",
                                            "{1}보다 느린 응답 {0}% 기준"},
    {METRIC_ERROR_BUDGET, "of {} % of errors", "오류 {0}% 기준"},
    {METRIC_SERVICE_DOWN, "{} wants no server any more", "{0} 서비스에는 더 이상 서버가 필요하지 않습니다"},
    {METRIC_SERVICE_DOWN, "{} has {} healthy of {} wanted again",
     "{0} 서비스에 필요한 서버 {2}대 가운데 {1}대가 다시 정상입니다"},
    {METRIC_SERVICE_DOWN, "{} has had none for {t}; {} wanted; {}",
     "{0} 서비스에 {1} 동안 정상 서버가 없습니다. 필요한 서버는 {2}대입니다({3})"},
    {METRIC_SERVICE_DOWN, "{} has had none for {t}; {} wanted",
     "{0} 서비스에 {1} 동안 정상 서버가 없습니다. 필요한 서버는 {2}대입니다"},
    {METRIC_ERROR_RATE, "{} of {} within {t}", "{2} 동안 {1}건 중 {0}건"},
    {METRIC_ANSWER_P50, "{} answers within a minute", "1분 동안 응답 {0}건"},
    {METRIC_ANSWER_P50, "{} answers within a minute, usually {t}", "1분 동안 응답 {0}건, 평소 {1}"},
    {METRIC_QUEUE_LENGTH, "the first has waited for {t}", "가장 오래 기다린 요청은 {0}"},
    {METRIC_QUEUE, "{} of {}", "{1}자리 중 {0}자리"},
    {METRIC_SERVER_DEATHS, "{} servers of {} died within {t} (limit {}); the last, {}, {t} ago: {}",
     "{1} 서비스의 서버가 {2} 안에 {0}번 비정상 종료되었습니다(기준 {3}번). 마지막은 {5} 전 {4}: {6}"},
    {METRIC_SERVER_DEATHS, "no server of {} died for {t}",
     "{0} 서비스의 서버가 {1} 동안 비정상 종료되지 않았습니다"},
    {METRIC_DISCOVERY_FAILING, "it does not say why", "이유를 알 수 없음"},
    {METRIC_DISCOVERY_FAILING, "{t}", "{0}"},
    {METRIC_SINK_FAILING, "{} alerts wait for it, {} were never told",
     "대기 중인 알림 {0}건, 전달되지 못한 알림 {1}건"},
    {METRIC_HOST_NUMBER, "the growth a second of {} series {}", "{1} 시계열 {0}개의 초당 증가량"},
    {METRIC_HOST_NUMBER, "the growth a second of {}", "{0}의 초당 증가량"},
    {METRIC_HOST_NUMBER, "the sum of {} series {}", "{1} 시계열 {0}개의 합"},
    {METRIC_PROBE_FAILURES, "{}: not looked at yet", "{0}: 아직 확인하지 않음"},
};

void evidence_korean_put_note(enum metric metric, struct str note, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(note_forms); i++)
        if (note_forms[i].metric == metric &&
            form_translate(note_forms[i].english, note_forms[i].korean, note, out, NULL))
            return;
    buf_put(out, note);
}
