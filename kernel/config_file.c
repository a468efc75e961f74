/*
 * config_file.c - skiff.cfg, read line by line.
 *
 * Called once, right after cmdline_init() and before anybody asks for a word; so all it needs is the text,
 * where the boot loader put it, and the log. Each line is validated as a whole (line_check) before its words
 * are taken.
 */
#include "kernel/config_file.h"

#include <errno.h>
#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/log.h"

/* What validates one line. */
struct line_state {
    bool quoted, in_word;
    const char *why; /* NULL: nothing is wrong so far */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Notepad's "Unicode". Without its mark, a NUL beside each letter gives it away. */
static bool is_utf16(const char *text, size_t len)
{
    return len >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2) || !text[0] || !text[1]);
}

static void skip_byte_order_mark(struct config_reader *reader)
{
    if (reader->at == 0 && reader->len >= 3 && !memcmp(reader->text, "\xef\xbb\xbf", 3))
        reader->at = 3;
}

/* The next line without its end, and past it. */
static const char *take_line(struct config_reader *reader, size_t *len)
{
    const char *line = reader->text + reader->at;
    size_t room = reader->len - reader->at;

    for (*len = 0; *len < room && line[*len] != '\n' && line[*len] != '\r'; ++*len)
        ;
    reader->at += *len;
    if (*len < room)
        reader->at += line[*len] == '\r' && *len + 1 < room && line[*len + 1] == '\n' ? 2 : 1;
    reader->number++;
    return line;
}

static const char *wrong_character(char c)
{
    if (!c)
        return "it has a NUL byte; save the file as plain text (UTF-8)";
    if ((unsigned char)c < ' ' || c == 0x7f)
        return "it has a control character; save the file as plain text";
    if ((unsigned char)c > 0x7f)
        return "it has a character that is not ASCII; for quotes, write plain \" \"";
    return NULL;
}

/* One character of a word, or one in front of it. */
static void check_character(struct line_state *s, const char *at, const char *end)
{
    bool first = !s->in_word;
    bool last = at + 1 == end || is_blank(at[1]);

    s->in_word = true;
    if (*at == '"')
        s->quoted = !s->quoted;
    else if (*at == '=' && !s->quoted && (first || last))
        s->why = "there is a blank beside \"=\", or no value; write key=value, or key=\"\" for an empty one";
    else if (*at != '\t')
        s->why = wrong_character(*at);
}

/* Return: length of what stands before the comment, or -EINVAL with *why set. */
static long line_check(const char *line, size_t len, const char **why)
{
    struct line_state s = {.why = len > CONFIG_FILE_LINE_MAX ? "it is longer than 1024 characters" : NULL};
    const char *at = line, *end = line + len;

    for (; at < end && !s.why; at++) {
        if (!s.quoted && is_blank(*at))
            s.in_word = false;
        else if (*at == '#' && !s.in_word)
            break;
        else
            check_character(&s, at, end);
    }
    if (!s.why && s.quoted)
        s.why = "a quote is not closed; write key=\"value with blanks\"";
    *why = s.why;
    return s.why ? -EINVAL : at - line;
}

int config_file_next(struct config_reader *reader, const char **words, size_t *len, const char **why)
{
    if (reader->at == 0 && is_utf16(reader->text, reader->len)) {
        reader->number = 1;
        reader->at = reader->len;
        *why = "the file is saved as UTF-16, or is no text; save it as UTF-8";
        return -EINVAL;
    }
    skip_byte_order_mark(reader);
    while (reader->at < reader->len) {
        size_t line_len;
        const char *line = take_line(reader, &line_len);
        long checked = line_check(line, line_len, why);
        if (checked < 0)
            return -EINVAL;
        for (; checked && is_blank(*line); checked--)
            line++;
        *words = line;
        *len = (size_t)checked;
        if (checked)
            return 1;
    }
    return 0;
}

void config_file_load(const char *text, size_t len)
{
    struct config_reader reader = {.text = text, .len = min(len, (size_t)CONFIG_FILE_MAX)};
    unsigned right = 0, wrong = 0;
    const char *words, *why;
    size_t words_len;
    int got;

    while ((got = config_file_next(&reader, &words, &words_len, &why))) {
        if (got > 0) {
            pr_info(CONFIG_FILE_NAME " line %u: %.*s", reader.number, (int)words_len, words);
            cmdline_add(words, words_len, reader.number);
            right++;
        } else if (++wrong <= CONFIG_FILE_WARNINGS) {
            pr_err(CONFIG_FILE_NAME " line %u is left out: %s", reader.number, why);
        }
    }
    if (!right && !wrong)
        pr_info(CONFIG_FILE_NAME ": nothing is chosen in it");
    if (wrong > CONFIG_FILE_WARNINGS)
        pr_err(CONFIG_FILE_NAME ": %u more lines are wrong and left out", wrong - CONFIG_FILE_WARNINGS);
    if (len > CONFIG_FILE_MAX)
        pr_err(CONFIG_FILE_NAME " is larger than %u KiB; the rest is ignored", CONFIG_FILE_MAX / 1024);
}
