/* test_mail.c: what is said to a mail server, against a scripted one in a thread. TLS and logging in with a
 * real server: tests/flow/test_notify_mail.py. */
#include "net/mail.h"

#include "base/clock.h"

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Answers line by line; what begins with `refused` gets `refusal`. */
struct server {
    int listener;
    const char *refused, *refusal;
    char said[8192]; /* by the client */
    pthread_t thread;
};

static void reply(int fd, const char *text)
{
    (void)!write(fd, text, strlen(text));
}

static void answer_line(const struct server *s, int fd, const char *line, bool *is_data)
{
    if (s->refused && strncmp(line, s->refused, strlen(s->refused)) == 0)
        reply(fd, s->refusal);
    else if (*is_data && strcmp(line, ".\r\n") != 0)
        return;
    else if (strncmp(line, "EHLO", 4) == 0)
        reply(fd, "250-canned\r\n250 8BITMIME\r\n");
    else if (strncmp(line, "DATA", 4) == 0)
        reply(fd, "354 go on\r\n");
    else if (strncmp(line, "QUIT", 4) == 0)
        reply(fd, "221 bye\r\n");
    else
        reply(fd, "250 fine\r\n");
    *is_data = strncmp(line, "DATA", 4) == 0;
}

static void *serve(void *context)
{
    struct server *s = context;
    int fd = accept(s->listener, NULL, NULL);
    FILE *in = fd < 0 ? NULL : fdopen(dup(fd), "r");
    char line[1024];
    bool is_data = false;
    if (!in)
        return NULL;
    reply(fd, "220 canned\r\n");
    while (fgets(line, sizeof(line), in)) {
        size_t len = strlen(s->said);
        snprintf(s->said + len, sizeof(s->said) - len, "%s", line);
        answer_line(s, fd, line, &is_data);
    }
    fclose(in);
    close(fd);
    return NULL;
}

static void server_start(struct server *s, char address[64])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(s->listener, 4), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&a, &len), 0);
    snprintf(address, 64, "127.0.0.1:%u", ntohs(a.sin_port));
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
    pthread_join(s->thread, NULL);
    close(s->listener);
}

static const char *const recipients[] = {"ops@example.com", "boss@example.com"};

static struct mail_request request_to(const char *server)
{
    return (struct mail_request){.server = server,
                                 .tls = MAIL_TLS_NONE,
                                 .hello = "web-1",
                                 .from = "weir@example.com",
                                 .to = recipients,
                                 .to_count = 2,
                                 .message = STR("Subject: fire\r\n\r\n.hidden\r\nend\r\n"),
                                 .timeout_ns = 10 * NS_PER_S};
}

static bool send_with(struct server *s, struct mail_answer *answer, struct err *err)
{
    char address[64];
    server_start(s, address);
    struct mail_request r = request_to(address);
    bool is_sent = mail_send(&r, answer, err);
    server_stop(s);
    return is_sent;
}

static void a_message_goes_to_all_recipients(void **state)
{
    struct server s = {0};
    struct mail_answer answer;
    struct err err = {0};
    assert_true(send_with(&s, &answer, &err));
    assert_string_equal(answer.refusal, "");
    assert_non_null(strstr(s.said, "EHLO web-1\r\n"));
    assert_non_null(strstr(s.said, "MAIL FROM:<weir@example.com>"));
    assert_non_null(strstr(s.said, "RCPT TO:<ops@example.com>\r\nRCPT TO:<boss@example.com>\r\n"));
    /* Dots at the beginnings of lines are doubled (RFC 5321 section 4.5.2). */
    assert_non_null(strstr(s.said, "DATA\r\nSubject: fire\r\n\r\n..hidden\r\nend\r\n.\r\n"));
}

static void one_refused_recipient_does_not_hold_back_the_others(void **state)
{
    struct server s = {.refused = "RCPT TO:<boss", .refusal = "550 5.1.1 nobody here\r\n"};
    struct mail_answer answer;
    struct err err = {0};
    assert_true(send_with(&s, &answer, &err));
    assert_string_equal(answer.refusal, "550 5.1.1 nobody here");
}

static void a_refusal_is_told_in_the_servers_words(void **state)
{
    static const struct {
        const char *refused, *refusal, *told;
        int code;
        bool retryable;
    } cases[] = {
        {"RCPT", "550 5.1.1 nobody here\r\n", "the server said: 550 5.1.1 nobody here", 550, false},
        {"RCPT", "450 4.2.1 mailbox busy\r\n", "the server said: 450 4.2.1 mailbox busy", 450, true},
        {"MAIL", "553 not you\r\n", "the server said: 553 not you", 553, false},
        {".\r\n", "452 4.3.1 disk full\r\n", "the server said: 452 4.3.1 disk full", 452, true},
        {".\r\n", "554 5.7.1 spam\r\n", "the server said: 554 5.7.1 spam", 554, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct server s = {.refused = cases[i].refused, .refusal = cases[i].refusal};
        struct mail_answer answer;
        struct err err = {0};
        assert_false(send_with(&s, &answer, &err));
        assert_string_equal(err.text, cases[i].told);
        assert_int_equal(answer.code, cases[i].code);
        assert_int_equal(err.retryable, cases[i].retryable);
    }
}

static void a_server_without_tls_gets_no_message(void **state)
{
    struct server s = {0};
    struct mail_answer answer;
    struct err err = {0};
    char address[64];
    server_start(&s, address);
    struct mail_request r = request_to(address);
    r.tls = MAIL_TLS_STARTTLS;
    r.user = "weir";
    r.password = "s3cret";
    assert_false(mail_send(&r, &answer, &err));
    server_stop(&s);
    assert_false(err.retryable);
    assert_null(strstr(s.said, "MAIL"));
    assert_null(strstr(s.said, "AUTH"));
}

static void nobody_there_is_retryable(void **state)
{
    struct server s = {0};
    struct mail_answer answer;
    struct err err = {0};
    char address[64];
    server_start(&s, address);
    shutdown(s.listener, SHUT_RDWR); /* the thread's accept fails, connections are refused */
    pthread_join(s.thread, NULL);
    close(s.listener);
    struct mail_request r = request_to(address);
    assert_false(mail_send(&r, &answer, &err));
    assert_int_equal(answer.code, 0);
    assert_true(err.retryable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_goes_to_all_recipients),
        cmocka_unit_test(one_refused_recipient_does_not_hold_back_the_others),
        cmocka_unit_test(a_refusal_is_told_in_the_servers_words),
        cmocka_unit_test(a_server_without_tls_gets_no_message),
        cmocka_unit_test(nobody_there_is_retryable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
