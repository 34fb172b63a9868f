/*
 * event_korean.c: see event_korean.h.
 *
 * Events are written in English alone, by several rooms. A sentence is known by its kind and its form
 * (form.h); what is filled in is often a reason, which is known by its form as well. The last row of a kind
 * takes whatever it says, so each begins with words of ours. tests/tidy holds the forms against the source.
 *
 * As in evidence_korean.c, no particle depends on how a name or a number is read.
 */
#include "watch/event_korean.h"

#include "base/macros.h"
#include "watch/form.h"

#include <string.h>

#define NEEDED                                                                                               \
    "needed {} = {} for {} requests in flight + {} for growth + {} for bursts + {} for {} waiting, to be "   \
    "gone in {t}; one server carries {}"
#define NEEDED_KOREAN                                                                                                             \
    "필요한 서버 {0}대 = 처리 중인 요청 {2}건에 {1} + 증가 {3} + 급증 {4} + 대기 중인 요청 {6}건에 {5}" \
    "({7} 안에 처리)"
#define SLOW                                                                                                 \
    "with as many requests in flight, it answers {} times as fast as the others (of late: {} requests)"

static const struct event_form {
    const char *kind;
    const char *english, *korean;
} event_forms[] = {
    {"scale_up", "{} server: {}", "서버를 {0}대로 늘립니다: {1}"},
    {"scale_up", "{} servers: {}", "서버를 {0}대로 늘립니다: {1}"},
    {"scale_up", "{}", "서버를 늘립니다: {0}"},
    {"scale_down", "{} server: {}", "서버를 {0}대로 줄입니다: {1}"},
    {"scale_down", "{} servers: {}", "서버를 {0}대로 줄입니다: {1}"},
    {"scale_down", "{}", "서버를 줄입니다: {0}"},
    {"scale_advice", "{} advised, {} kept: {}", "다른 서버 수를 권합니다({0}, 지금은 {1}대 유지): {2}"},
    {"scale_advice", "{}", "다른 서버 수를 권합니다: {0}"},
    {"scale_manual", "set to {} by hand for {t}", "서버 수를 {1} 동안 {0}대로 직접 정했습니다"},
    {"scale_manual", "set to {} by hand", "서버 수를 {0}대로 직접 정했습니다"},
    {"scale_manual", "the time set by hand is over: given back to the policy",
     "직접 정한 시간이 끝나, 서버 수를 다시 정책에 맡깁니다"},
    {"scale_manual", "given back to the policy", "서버 수를 다시 정책에 맡깁니다"},
    {"scale_manual", "{}", "서버 수를 직접 정했습니다: {0}"},
    {"learned_restored", "{}", "재시작 전에 학습한 내용을 다시 씁니다"},
    {"learned_refused", "{}", "재시작 전에 학습한 내용이 맞지 않아 새로 학습합니다"},
    {"server_state", "{} -> {} after {} s: {}", "{0} → {1}({2}초 만에): {3}"},
    {"server_state", "{}", "서버 상태: {0}"},
    {"server_died", "{}", "요청을 처리하던 서버가 비정상 종료되었습니다: {0}"},
    {"server_start_failed", "{}", "서버가 시작되지 못했습니다: {0}"},
    {"server_unhealthy", "{}", "서버가 비정상이어서 요청을 보내지 않습니다: {0}"},
    {"server_healthy", "probes succeed again", "서버가 다시 정상입니다"},
    {"server_healthy", "{}", "서버가 다시 정상입니다: {0}"},
    {"server_refusing", "it refused a connection", "서버가 연결을 거부했습니다"},
    {"server_refusing", "{}", "서버가 연결을 거부했습니다: {0}"},
    {"server_slow", SLOW, "처리 중인 요청 수가 같을 때 응답 속도가 다른 서버의 {0}배입니다(최근 요청 {1}건)"},
    {"server_slow", "{}", "서버가 다른 서버보다 뚜렷이 느립니다: {0}"},
    {"server_in_pace", "{}", "서버의 응답 속도가 다시 다른 서버와 비슷합니다"},
    {"server_narrow", "it works on {} requests at once, the others on clearly more",
     "서버가 동시에 처리하는 요청이 {0}건으로, 다른 서버보다 뚜렷이 적습니다"},
    {"server_narrow", "{}", "서버가 동시에 처리하는 요청이 다른 서버보다 뚜렷이 적습니다: {0}"},
    {"server_wide", "{}", "서버가 다시 다른 서버만큼 많은 요청을 동시에 처리합니다"},
    {"server_unwell", "{}", "엔진은 서버가 정상이 아니라고 합니다: {0}"},
    {"server_well", "{}", "엔진은 더 이상 서버에 문제가 있다고 하지 않습니다"},
    {"back_off", "failures in a row: {}; the next start is in {t} at the earliest",
     "연속 {0}번 실패했습니다. 다음 시작은 빨라도 {1} 뒤입니다"},
    {"back_off", "{}", "실패가 이어져 시작을 미룹니다: {0}"},
    {"provider_trouble", "provider {}, {}: {} ({})", "서버 제공자 {0}의 호출({1})이 실패합니다: {2}"},
    {"provider_trouble", "{}", "서버 제공자의 호출이 실패합니다: {0}"},
    {"provider_recovered", "provider {} answers again, after {t}",
     "{1} 만에 서버 제공자 {0}의 응답이 다시 옵니다"},
    {"provider_recovered", "{}", "서버 제공자의 응답이 다시 옵니다: {0}"},
    {"servers_full", "{}", "서버를 더 둘 자리가 없습니다: Weir의 서버 표가 가득 찼습니다"},
    {"discovery_changed", "{}", "서버 목록이 바뀌었습니다: {0}"},
    {"discovery_failed", "{}: no servers are known", "서버 목록을 읽지 못해 아는 서버가 없습니다: {0}"},
    {"discovery_failed", "{}: the server that was found before is kept",
     "서버 목록을 읽지 못해 전에 찾은 서버를 유지합니다: {0}"},
    {"discovery_failed", "{}: the servers that were found before are kept",
     "서버 목록을 읽지 못해 전에 찾은 서버를 유지합니다: {0}"},
    {"discovery_failed", "{}", "서버 목록을 읽지 못했습니다: {0}"},
    {"discovery_recovered", "finding servers in {} works again after {t}",
     "{1} 만에 서버 목록을 다시 읽었습니다: {0}"},
    {"discovery_recovered", "{}", "서버 목록을 다시 읽었습니다: {0}"},
    {"discovery_given_up", "{} has failed for {t} (hold): {}",
     "{1} 동안 서버 목록을 읽지 못해, 전에 찾은 서버를 더는 쓰지 않습니다: {0}"},
    {"discovery_given_up", "{}", "서버 목록을 읽지 못해, 전에 찾은 서버를 더는 쓰지 않습니다: {0}"},
    {"discovery_limited", "{} has more servers than max ({}) allows: {} are left out",
     "서버가 최대({1}대)보다 많아 {2}대를 제외합니다: {0}"},
    {"discovery_limited", "{} has no more servers than max ({}) again",
     "서버가 다시 최대({1}대) 이하입니다: {0}"},
    {"discovery_limited", "{}", "서버 목록의 길이: {0}"},
    {"discovery_note", "{}", "서버 목록에 쓰지 않는 것이 있습니다: {0}"},
    {"state_opened", "what is learned is kept in {} ({})", "학습한 내용을 저장합니다: {0}({1})"},
    {"state_opened", "{}", "학습한 내용을 저장합니다: {0}"},
    {"state_anew", "{}; a new one was begun", "학습한 내용의 파일을 새로 만들었습니다: {0}"},
    {"state_anew", "{}", "학습한 내용의 파일을 새로 만들었습니다: {0}"},
    {"state_off", "{} is left alone and nothing is kept: {}", "학습한 내용을 저장하지 않습니다: {0}, {1}"},
    {"state_off", "{}", "학습한 내용을 저장하지 않습니다: {0}"},
    {"state_failed", "what is learned cannot be kept in {}, and is tried again: {}",
     "학습한 내용을 저장하지 못해 다시 시도합니다: {0}, {1}"},
    {"state_failed", "{}", "학습한 내용을 저장하지 못했습니다: {0}"},
    {"state_recovered", "what is learned is kept in {} again", "학습한 내용을 다시 저장합니다: {0}"},
    {"state_recovered", "{}", "학습한 내용을 다시 저장합니다: {0}"},
    {"history_failed", "the history cannot be kept in {}, and is tried again: {}",
     "기록을 저장하지 못해 다시 시도합니다: {0}, {1}"},
    {"history_failed", "{}", "기록을 저장하지 못했습니다: {0}"},
    {"history_recovered", "the history is kept in {} again", "기록을 다시 저장합니다: {0}"},
    {"history_recovered", "{}", "기록을 다시 저장합니다: {0}"},
    {"history_anew", "{}; a new one was begun", "기록 파일을 새로 만들었습니다: {0}"},
    {"history_anew", "{}", "기록 파일을 새로 만들었습니다: {0}"},
    {"history_shortened", "{}", "기록이 최대 크기(history: max_size)에 이르러 가장 오래된 값을 버립니다"},
    {"history_clock", "the clock is {t} behind what is recorded: {}",
     "시계가 기록보다 {0} 늦습니다. 따라잡을 때까지, 길어도 한 시간 동안 기록하지 않습니다"},
    {"history_clock", "{}", "한 시간 동안 기록보다 늦은 시계를 따릅니다. 그보다 뒤의 기록은 버립니다"},
    {"worker_ready", "{}", "요청을 받기 시작했습니다"},
    {"worker_draining", "{}: nothing new is taken; {} requests on {} connections may end within {t}",
     "새 요청을 받지 않습니다({0}). 연결 {2}개의 요청 {1}건은 {3} 안에 끝낼 수 있습니다"},
    {"worker_draining", "{}", "새 요청을 받지 않습니다: {0}"},
    {"worker_drained", "all connections have ended", "모든 연결이 끝났습니다"},
    {"worker_drained", "timeouts.drain has passed: {} connections with {} requests are cut",
     "timeouts.drain의 시간이 지나, 연결 {0}개를 요청 {1}건과 함께 끊었습니다"},
    {"worker_drained", "{}", "연결을 정리했습니다: {0}"},
    {"servers_left", "{}", "정해진 시간 안에 모든 서버를 종료하지 못했습니다(at_exit: stop)"},
    {"silence", "silence {} was ended", "알림을 다시 보냅니다: silence {0}"},
    {"silence", "nobody is told of {} until {}: silence {} by {}",
     "{1}까지 {0} 알림을 보내지 않습니다: silence {2}, {3}"},
    {"silence", "{}", "알림을 보내지 않습니다: {0}"},
};

/* What stands in the sentences above, and in these. None takes all, so what is left to tell gets shorter. */
static const struct {
    const char *english, *korean;
} reason_forms[] = {
    {"requested", "요청됨"},
    {"starting", "시작 중"},
    {"warming", "준비 중"},
    {"serving", "처리 중"},
    {"draining", "정리 중"},
    {"stopping", "종료 중"},
    {"gone", "없어짐"},
    {"failed", "실패"},
    {"nothing to do", "할 일이 없음"},
    {"nothing to do; held by {}", "할 일이 없음. 제한: {0}"},
    {NEEDED "; held by {}", NEEDED_KOREAN ". 제한: {9}"},
    {NEEDED, NEEDED_KOREAN},
    {"a shared bottleneck: more servers got no more done", "공유 병목(늘려도 처리량이 늘지 않음)"},
    {"requests in flight that fewer servers could not carry", "더 적은 서버로는 감당할 수 없는 요청"},
    {"a number set by hand", "직접 정한 수"},
    {"spares kept beyond the need{}", "여유분{0}"},
    {"it is in the configuration", "설정에 있음"},
    {"it is no longer in the configuration", "설정에서 빠짐"},
    {"it was discovered", "서버 목록에 나타남"},
    {"it is discovered no longer", "서버 목록에서 빠짐"},
    {"it was there already", "이미 있던 서버"},
    {"it was on its way already", "이미 시작되고 있던 서버"},
    {"the provider is asked for it", "제공자에게 요청함"},
    {"the provider started it", "제공자가 시작함"},
    {"first good probe, after {t}", "{0} 만에 첫 확인 성공"},
    {"it gets its full share", "제 몫의 요청을 모두 받음"},
    {"fewer servers are wanted", "필요한 서버가 줄어듦"},
    {"its requests have ended", "처리하던 요청이 끝남"},
    {"drain_timeout of {t} is over with {} requests in flight",
     "drain_timeout {0} 경과, 처리 중인 요청 {1}건"},
    {"it ended: {}", "종료됨({0})"},
    {"it ended by itself while draining: {}", "정리 중에 스스로 종료됨({0})"},
    {"it was never started: {}", "시작된 적이 없음({0})"},
    {"it exists no longer", "더 이상 없음"},
    {"another server has come under its name", "같은 이름의 다른 서버가 나타남"},
    {"drained by hand", "직접 정리함"},
    {"made ready by hand", "직접 되돌림"},
    {"exit status {}: {}", "종료 상태 {0}, {1}"},
    {"exit status {}", "종료 상태 {0}"},
    {"killed by signal {}", "{0}번 시그널을 받음"},
    {"killed by SIG{}", "SIG{0} 시그널을 받음"},
    {"{} probes in a row failed: {}", "연속 {0}번 확인 실패, {1}"},
    {"unhealthy for {t}: {}", "{0} 동안 비정상, {1}"},
    {"no good probe within start_timeout of {t}; the last said: {}",
     "start_timeout {0} 안에 성공한 확인이 없음, 마지막은 {1}"},
    {"no good probe within start_timeout of {t}", "start_timeout {0} 안에 성공한 확인이 없음"},
};

static void put_reason(struct str text, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(reason_forms); i++)
        if (form_translate(reason_forms[i].english, reason_forms[i].korean, text, out, put_reason))
            return;
    buf_put(out, text);
}

void event_korean_put(const char *kind, struct str text, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(event_forms); i++)
        if (strcmp(event_forms[i].kind, kind) == 0 &&
            form_translate(event_forms[i].english, event_forms[i].korean, text, out, put_reason))
            return;
    buf_put(out, text);
}

bool event_korean_knows(const char *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(event_forms); i++)
        if (strcmp(event_forms[i].kind, kind) == 0 && strcmp(event_forms[i].english, "{}") == 0)
            return true;
    return false;
}
