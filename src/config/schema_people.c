/* The tables of the kinds of sinks that write to people, to programs and to the system's log. See schema.c
 * and schema_notify.c. */
#include "config/sink_keys.h"

const struct schema_choice schema_languages[] = {
    {"en", LANGUAGE_ENGLISH, "English"},
    {"ko", LANGUAGE_KOREAN, "Korean"},
    {NULL},
};

/* ---- words ---- */

static const struct schema_key template_keys[] = {
    {.name = "title",
     .type = VALUE_TEXT,
     .offset = AT(config_words, title),
     .default_shown = "in Weir's own words",
     .example = "\"[prod] {title}\"",
     .synonyms = " subject headline ",
     .help =
         "The line on top. Places for facts are in braces, such as `{service}`: see the how-to on alerts."},
    {.name = "text",
     .type = VALUE_TEXT,
     .offset = AT(config_words, text),
     .default_shown = "in Weir's own words",
     .example = "\"{evidence} Runbook: https://wiki.example.com/{alert}\"",
     .synonyms = " body message description ",
     .help = "What is told below the title, instead of Weir's own sentences and facts."},
};
const struct schema_mapping schema_template = {
    .help = "Other words for each alert.", KEYS(template_keys), .check = check_template};

bool schema_has_template(const void *sink)
{
    const struct config_words *words = &((const struct config_notify *)sink)->words;
    return words->title.len || words->text.len;
}

/* ---- chats ---- */

static const struct schema_key slack_keys[] = {
    URL_KEYS("https://hooks.slack.com/services/T0/B0/x", "URL of an incoming webhook."),
    CA_FILE_KEY,
    WORDS_KEYS,
    SINK_KEYS("slack"),
};
const struct schema_mapping schema_slack = {
    .help =
        "Messages to a channel of Slack, or of a chat that takes Slack's webhooks (Mattermost, Rocket.Chat).",
    KEYS(slack_keys),
    .shorthand = "url",
    .check = check_sink,
};

static const struct schema_key discord_keys[] = {
    URL_KEYS("https://discord.com/api/webhooks/1/x", "URL of a channel's webhook."),
    CA_FILE_KEY,
    WORDS_KEYS,
    SINK_KEYS("discord"),
};
const struct schema_mapping schema_discord = {
    .help = "Messages to a channel of Discord.",
    KEYS(discord_keys),
    .shorthand = "url",
    .check = check_sink,
};

static const struct schema_key teams_keys[] = {
    URL_KEYS("https://prod-1.westeurope.logic.azure.com/workflows/1/triggers/manual/paths/invoke?sig=x",
             "URL of a workflow that posts an adaptive card."),
    CA_FILE_KEY,
    WORDS_KEYS,
    SINK_KEYS("teams"),
};
const struct schema_mapping schema_teams = {
    .help = "Adaptive cards to a channel of Microsoft Teams, through a workflow.",
    KEYS(teams_keys),
    .shorthand = "url",
    .check = check_sink,
};

static const struct schema_key telegram_keys[] = {
    SECRET_KEYS("token", "the bot's token", "/etc/weir/telegram.token", "TELEGRAM_TOKEN",
                " token bot_token bot api_key key "),
    {.name = "chat",
     .type = VALUE_WORD,
     .offset = AT(config_notify, telegram.chat),
     .is_required = true,
     .example = "\"-1001234567890\"",
     .synonyms = " chat_id channel to group ",
     .help = "Number of the chat, or `@name` of a public channel."},
    {.name = "thread",
     .type = VALUE_COUNT,
     .offset = AT(config_notify, telegram.thread),
     .default_shown = "none",
     .example = "7",
     .synonyms = " message_thread_id topic thread_id ",
     .help = "Number of a topic in a group with topics."},
    {.name = "api",
     .type = VALUE_URL,
     .offset = AT(config_notify, url.value),
     .default_text = "https://api.telegram.org",
     .example = "https://telegram.example.com",
     .synonyms = " url address server ",
     .help = "Where the Bot API is, for a server of one's own."},
    CA_FILE_KEY,
    WORDS_KEYS,
    SINK_KEYS("telegram"),
};
const struct schema_mapping schema_telegram = {
    .help = "Messages of a Telegram bot to a chat.",
    KEYS(telegram_keys),
    .check = check_token_sink,
};

/* ---- pagers ---- */

static const struct schema_key pagerduty_keys[] = {
    SECRET_KEYS("routing_key", "the integration key of an Events API v2 integration",
                "/etc/weir/pagerduty.key", "PAGERDUTY_KEY",
                " integration_key service_key key token token_file "),
    {.name = "api",
     .type = VALUE_URL,
     .offset = AT(config_notify, url.value),
     .default_text = "https://events.pagerduty.com/v2/enqueue",
     .example = "https://events.eu.pagerduty.com/v2/enqueue",
     .synonyms = " url address endpoint ",
     .help = "Where events are sent; accounts in the EU have an address of their own."},
    CA_FILE_KEY,
    WORDS_KEYS,
    SINK_KEYS("pagerduty"),
};
const struct schema_mapping schema_pagerduty = {
    .help = "Incidents in PagerDuty (Events API v2), resolved when the alert is.",
    KEYS(pagerduty_keys),
    .check = check_token_sink,
};

static const struct schema_key ntfy_keys[] = {
    URL_KEYS("https://ntfy.sh/my-topic", "Address of the topic."),
    SECRET_KEYS("token", "the access token", "/etc/weir/ntfy.token", "NTFY_TOKEN",
                " access_token bearer authorization "),
    CA_FILE_KEY,
    WORDS_KEYS,
    SINK_KEYS("ntfy"),
};
const struct schema_mapping schema_ntfy = {
    .help = "Notifications to phones through ntfy, the public one or one's own.",
    KEYS(ntfy_keys),
    .shorthand = "url",
    .check = check_ntfy,
};

/* ---- mail ---- */

static const struct schema_choice security_choices[] = {
    {"starttls", MAIL_STARTTLS, "begins in the clear and insists on TLS; port 587 unless stated"},
    {"implicit", MAIL_IMPLICIT_TLS, "TLS from the first byte; port 465 unless stated"},
    {"off", MAIL_IN_THE_CLEAR, "no TLS, for a server on this machine; port 25 unless stated"},
    {NULL},
};

static const struct schema_key mail_keys[] = {
    {.name = "server",
     .type = VALUE_AUTHORITY,
     .offset = AT(config_notify, mail.server),
     .is_required = true,
     .example = "mail.example.com",
     .synonyms = " host smarthost smtp relay address ",
     .help = "The mail server, maybe with its port."},
    {.name = "tls",
     .type = VALUE_CHOICE,
     .offset = AT(config_notify, mail.tls),
     .choices = security_choices,
     .default_text = "starttls",
     .example = "implicit",
     .synonyms = " security encryption ssl starttls ",
     .help = "How the connection is made safe."},
    CA_FILE_KEY,
    {.name = "user",
     .type = VALUE_WORD,
     .offset = AT(config_notify, mail.user),
     .default_shown = "nobody logs in",
     .example = "weir@example.com",
     .synonyms = " username login auth_username ",
     .help = "Who logs in at the server."},
    SECRET_KEYS("password", "the password of `user`", "/etc/weir/mail.password", "MAIL_PASSWORD",
                " password pass secret auth_password "),
    {.name = "from",
     .type = VALUE_MAIL,
     .offset = AT(config_notify, mail.from),
     .is_required = true,
     .example = "weir@example.com",
     .synonyms = " sender ",
     .help = "The sender's address."},
    {.name = "to",
     .shape = SHAPE_LIST,
     .type = VALUE_MAIL,
     .offset = AT(config_notify, mail.to),
     .item_bytes = sizeof(struct str),
     .is_required = true,
     .example = "[ops@example.com]",
     .synonyms = " recipients recipient receivers rcpt ",
     .help = "Addresses of those who are told."},
    WORDS_KEYS,
    SINK_KEYS("mail"),
};
const struct schema_mapping schema_mail = {
    .help = "Mail through an SMTP server.",
    KEYS(mail_keys),
    .check = check_mail,
};

/* ---- programs and the system's log ---- */

static const struct schema_key sink_exec_keys[] = {
    {.name = "command",
     .shape = SHAPE_STRICT_LIST,
     .type = VALUE_TEXT,
     .offset = AT(config_notify, exec.command),
     .item_bytes = sizeof(struct str),
     .is_required = true,
     .example = "[/usr/local/bin/tell, ops]",
     .synonyms = " cmd program run args path script ",
     .help = "Program and arguments, as a list; no shell is between."},
    {.name = "environment",
     .default_shown = "none",
     .shape = SHAPE_VARIABLES,
     .type = VALUE_TEXT,
     .offset = AT(config_notify, exec.environment),
     .is_secret = true,
     .item_bytes = sizeof(struct str),
     .example = "{SMS_NUMBER: \"+821012345678\"}",
     .synonyms = " env variables ",
     .help = "Environment variables for it, beside those that Weir itself has."},
    {.name = "directory",
     .type = VALUE_FILE,
     .offset = AT(config_notify, exec.directory),
     .example = "/srv/tell",
     .default_shown = "the directory that Weir was started in",
     .synonyms = " dir cwd chdir working_directory ",
     .help = "Working directory."},
    WORDS_KEYS,
    SINK_KEYS("exec"),
};
const struct schema_mapping schema_sink_exec = {
    .help = "A program for each message, with JSON on its standard input.",
    KEYS(sink_exec_keys),
    .check = check_sink_exec,
};

static const struct schema_choice transport_choices[] = {
    {"local", SYSLOG_LOCAL, "the log of this machine, through `socket`"},
    {"udp", SYSLOG_UDP, "to `server`, port 514 unless stated; what gets lost is not noticed"},
    {"tcp", SYSLOG_TCP, "to `server`, port 601 unless stated"},
    {NULL},
};
static const struct schema_choice format_choices[] = {
    {"rfc5424", SYSLOG_RFC5424, "with year, time zone and fields"},
    {"rfc3164", SYSLOG_RFC3164, "as syslog(3) writes: what journald and rsyslog expect at /dev/log"},
    {NULL},
};
static const struct schema_choice facility_choices[] = {
    {"user", 1, "user"},      {"daemon", 3, "daemon"},  {"auth", 4, "auth"},      {"local0", 16, "local0"},
    {"local1", 17, "local1"}, {"local2", 18, "local2"}, {"local3", 19, "local3"}, {"local4", 20, "local4"},
    {"local5", 21, "local5"}, {"local6", 22, "local6"}, {"local7", 23, "local7"}, {NULL},
};

static bool is_local(const void *sink)
{
    return ((const struct config_notify *)sink)->syslog.transport == SYSLOG_LOCAL;
}

static const struct schema_key syslog_keys[] = {
    {.name = "protocol",
     .type = VALUE_CHOICE,
     .offset = AT(config_notify, syslog.transport),
     .choices = transport_choices,
     .default_text = "local",
     .example = "tcp",
     .synonyms = " transport proto network ",
     .help = "How lines get there."},
    {.name = "server",
     .type = VALUE_AUTHORITY,
     .offset = AT(config_notify, syslog.server),
     .default_shown = "none",
     .example = "logs.example.com:514",
     .synonyms = " host address to ",
     .help = "The log server, for `udp` and `tcp`."},
    {.name = "socket",
     .type = VALUE_FULL_FILE,
     .offset = AT(config_notify, syslog.socket),
     .default_text = "/dev/log",
     .is_shown = is_local,
     .example = "/run/systemd/journal/dev-log",
     .synonyms = " path file ",
     .help = "Where the log of this machine listens."},
    {.name = "format",
     .type = VALUE_CHOICE,
     .offset = AT(config_notify, syslog.format),
     .choices = format_choices,
     .default_shown = "`rfc3164` for `local`, `rfc5424` for others",
     .example = "rfc5424",
     .synonyms = " rfc ",
     .help = "How a line is written."},
    {.name = "facility",
     .type = VALUE_CHOICE,
     .offset = AT(config_notify, syslog.facility),
     .choices = facility_choices,
     .default_text = "daemon",
     .example = "local0",
     .help = "The facility of the lines."},
    WORDS_KEYS,
    SINK_KEYS("syslog"),
};
const struct schema_mapping schema_syslog = {
    .help = "A line for each alert to the system's log, here or on a log server.",
    KEYS(syslog_keys),
    .check = check_syslog,
};
