/*
 * text.h: alerts in words for people, in their language: the same for all kinds of sinks that write to
 * people, which add their markup and cut to their limits. Pure.
 *
 * Per alert there is a title ("WARNING: Disk usage is high (/srv, web-1)"), a text (the sentence with the
 * numbers) and facts (since when, value and threshold, what changed before); a message of several has a
 * headline. A template of the user's replaces title and text, and with the text the facts.
 */
#pragma once
#include "watch/notify/kind.h"

/* How a kind writes what is not its own: escapes it. */
typedef void text_put(struct buf *out, struct str s);
void text_put_plain(struct buf *out, struct str s);    /* as it is */
void text_put_entities(struct buf *out, struct str s); /* `&`, `<` and `>` as in HTML */

struct text_voice {
    const struct alert_message *message;
    const struct config_words *words;
    text_put *put;            /* for all texts that come from elsewhere */
    bool has_template_markup; /* what stands in a template beside its placeholders is written as it is */
    bool is_short;            /* without the facts: for when a message would be too long */
};

/* In a message of one alert its title; else "3 alerts, 1 resolved", with more that are not shown counted in.
 */
void text_write_headline(const struct text_voice *v, struct buf *out);
void text_write_title(const struct text_voice *v, const struct notice *n, struct buf *out);
/* The sentence with the numbers, or what the template says. */
void text_write_text(const struct text_voice *v, const struct notice *n, struct buf *out);

enum { TEXT_FACTS_MAX = 8, TEXT_FACT_BYTES = 1024 };

struct text_fact {
    const char *label;           /* constant, in the voice's language */
    char value[TEXT_FACT_BYTES]; /* not escaped; may have several lines */
};

struct text_facts {
    size_t count; /* 0 when is_short, and when the text is a template's: it says what is to be said */
    struct text_fact items[TEXT_FACTS_MAX];
};

void text_find_facts(const struct text_voice *v, const struct notice *n, struct text_facts *ret);
/* The command that silences it, and its label; NULL: there is none, or it is over, or the text is a
 * template's. */
const char *text_silence(const struct text_voice *v, const struct notice *n, const char **ret_label);
/* Address of the page about it; "" when there is none. In out. */
void text_write_link(const struct text_voice *v, const struct notice *n, struct buf *out);
const char *text_link_label(const struct text_voice *v);
/* "and 5 more: they are on the page" for alerts that a message has no room for. */
void text_write_more(const struct text_voice *v, size_t more, struct buf *out);

/*
 * Cuts what was put into out since `start` to units_max UTF-16 code units, with an ellipsis at the end:
 * between characters, and not within what escaping made of one (`&amp;`, `\\*`).
 */
void text_cut(struct buf *out, size_t start, size_t units_max);
/* 0xRRGGBB by severity; green for what is over. */
uint32_t text_colour(const struct notice *n);

/* All about one alert but its title, line by line, for kinds without markup of their own. */
void text_write_lines(const struct text_voice *v, const struct notice *n, struct buf *out);
/* So of each alert of the message, with its title where the headline is not that, and how many more there
 * are. */
void text_write_body(const struct text_voice *v, struct buf *out);
