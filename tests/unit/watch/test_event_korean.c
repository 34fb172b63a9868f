/* The ledger's sentences in Korean. */
#include "watch/event_korean.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void what_happened(void **state)
{
    static const struct {
        const char *kind, *text, *korean;
    } cases[] = {
        {"server_state", "starting -> warming after 0.4 s: first good probe, after 400ms",
         "시작 중 → 준비 중(0.4초 만에): 400밀리초 만에 첫 확인 성공"},
        {"server_state", "draining -> stopping after 2.0 s: its requests have ended",
         "정리 중 → 종료 중(2.0초 만에): 처리하던 요청이 끝남"},
        {"server_state",
         "draining -> stopping after 30.0 s: drain_timeout of 30s is over with 2 requests in flight",
         "정리 중 → 종료 중(30.0초 만에): drain_timeout 30초 경과, 처리 중인 요청 2건"},
        {"server_state", "it was discovered", "서버 상태: 서버 목록에 나타남"},
        {"server_died", "exit status 1: ImportError: no module named flask",
         "요청을 처리하던 서버가 비정상 종료되었습니다: 종료 상태 1, ImportError: no module named flask"},
        {"server_died", "killed by SIGKILL",
         "요청을 처리하던 서버가 비정상 종료되었습니다: SIGKILL 시그널을 받음"},
        {"server_unhealthy", "3 probes in a row failed: status 500 instead of 200",
         "서버가 비정상이어서 요청을 보내지 않습니다: 연속 3번 확인 실패, status 500 instead of 200"},
        {"scale_up",
         "3 servers: needed 2.31 = 1.50 for 12.0 requests in flight + 0.31 for growth + 0.00 for bursts + "
         "0.50 for "
         "4 waiting, to be gone in 5s; one server carries 8.0 (learned)",
         "서버를 3대로 늘립니다: 필요한 서버 2.31대 = 처리 중인 요청 12.0건에 1.50 + 증가 0.31 + 급증 0.00 + "
         "대기 "
         "중인 요청 4건에 0.50(5초 안에 처리)"},
        {"scale_down", "1 server: nothing to do; held by a number set by hand",
         "서버를 1대로 줄입니다: 할 일이 없음. 제한: 직접 정한 수"},
        {"scale_down", "0 servers: nothing to do", "서버를 0대로 줄입니다: 할 일이 없음"},
        {"scale_manual", "set to 4 by hand for 2h", "서버 수를 2시간 동안 4대로 직접 정했습니다"},
        {"back_off", "failures in a row: 3; the next start is in 8s at the earliest",
         "연속 3번 실패했습니다. 다음 시작은 빨라도 8초 뒤입니다"},
        {"provider_trouble", "provider docker, list: connection refused (away)",
         "서버 제공자 docker의 호출(list)이 실패합니다: connection refused"},
        {"discovery_failed", "/etc/servers: no such file: the servers that were found before are kept",
         "서버 목록을 읽지 못해 전에 찾은 서버를 유지합니다: /etc/servers: no such file"},
        {"discovery_recovered", "finding servers in /etc/servers works again after 2m5s",
         "2분 5초 만에 서버 목록을 다시 읽었습니다: /etc/servers"},
        {"worker_ready", "requests are taken", "요청을 받기 시작했습니다"},
        {"silence",
         "nobody is told of alertname=HostCpuHigh until 2026-11-27T02:00:00Z: silence abc by anna, deploy",
         "2026-11-27T02:00:00Z까지 alertname=HostCpuHigh 알림을 보내지 않습니다: silence abc, anna, deploy"},
        /* Other words of a kind that is known, and a kind that is not. */
        {"server_healthy", "who knows", "서버가 다시 정상입니다: who knows"},
        {"reload", "the configuration was reloaded", "the configuration was reloaded"},
        {"server_died", "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_fini) struct buf out = {0};
        event_korean_put(cases[i].kind, str_of(cases[i].text), &out);
        assert_string_equal(buf_str(&out).ptr, cases[i].korean);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_happened)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
