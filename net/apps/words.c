/*
 * words.c - a line of a command cut into words.
 */
#include "net/apps/words.h"

#include <stdbool.h>
#include <stddef.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* One word, its quotes removed in place. Return: where the line goes on; NULL: a quote has no end. */
static char *take_word(char *from, bool *last)
{
    char *to = from, quote = 0;
    for (; *from && (quote || !is_blank(*from)); from++) {
        if (quote ? *from == quote : *from == '"' || *from == '\'')
            quote = quote ? 0 : *from;
        else if (*from == '\\' && quote != '\'' && from[1])
            *to++ = *++from;
        else
            *to++ = *from;
    }
    *last = !*from;
    *to = '\0';
    return quote ? NULL : from + !*last;
}

int words_split(char *line, char **words, int max, const char **why)
{
    bool last = false;
    int n = 0;
    *why = NULL;
    for (;;) {
        while (!last && is_blank(*line))
            line++;
        if (last || !*line || *line == '#')
            break;
        if (n == max - 1) {
            *why = "too many words on one line";
            return -1;
        }
        words[n++] = line;
        line = take_word(line, &last);
        if (!line) {
            *why = "a quote is opened and not closed";
            return -1;
        }
    }
    words[n] = NULL;
    return n;
}
