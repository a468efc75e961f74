/*
 * test_line_edit.c - the line editor: keys in, and what a terminal of the plainest kind shows then.
 */
#include "tests/unit/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/apps/line_edit.h"
#include "net/apps/words.h"

#define PROMPT "skiff# "

/* --- a terminal that knows \b, \r, \n and the bell, and nothing else --- */

static struct {
    char row[200];
    size_t column;
    unsigned bells, rows;
    size_t bytes;
    char last_row[200];
} term;

static void term_put(char c)
{
    if (c == '\a') {
        term.bells++;
    } else if (c == '\b') {
        assert_true(term.column > 0);
        term.column--;
    } else if (c == '\r') {
        term.column = 0;
    } else if (c == '\n') {
        memcpy(term.last_row, term.row, sizeof(term.row));
        memset(term.row, 0, sizeof(term.row));
        term.column = 0;
        term.rows++;
    } else {
        assert_in_range((unsigned char)c, 0x20, 0x7e); /* no escape sequences */
        assert_true(term.column < 80);
        term.row[term.column++] = c;
    }
}

static void out(void *ctx, const char *text, size_t len)
{
    term.bytes += len;
    for (size_t i = 0; i < len; i++)
        term_put(text[i]);
}

static const char *const names[] = {"ping", "poweroff", "ps", "uptime", NULL};

static const char *complete(void *ctx, const char *line, size_t len, unsigned n)
{
    return memchr(line, ' ', len) ? NULL : names[n];
}

static struct line_edit edit;

static enum line_edit_event type(const char *keys)
{
    enum line_edit_event event;
    size_t len = strlen(keys);
    assert_int_equal(line_edit_feed(&edit, keys, len, &event), len);
    return event;
}

/* The row without blanks at its end, and the cursor's column behind the prompt. */
static void assert_shown(const char *text, size_t cursor)
{
    size_t len = strlen(term.row);
    while (len && term.row[len - 1] == ' ')
        term.row[--len] = '\0';
    if (len < strlen(PROMPT))
        strcpy(term.row, PROMPT);
    assert_string_equal(term.row + strlen(PROMPT), text);
    assert_int_equal(term.column, strlen(PROMPT) + cursor);
}

static int setup(void **state)
{
    memset(&term, 0, sizeof(term));
    memset(&edit, 0, sizeof(edit));
    edit.out = out;
    edit.complete = complete;
    line_edit_start(&edit, PROMPT);
    return 0;
}

static int teardown(void **state)
{
    line_edit_free(&edit);
    return 0;
}

static void enter(const char *line)
{
    assert_int_equal(type(line), LINE_EDIT_MORE);
    assert_int_equal(type("\r"), LINE_EDIT_LINE);
    line_edit_start(&edit, PROMPT);
}

TEST("what is typed is shown behind the prompt, and Enter ends the line")
{
    assert_int_equal(type("ip addr"), LINE_EDIT_MORE);
    assert_shown("ip addr", 7);
    assert_int_equal(type("\r"), LINE_EDIT_LINE);
    assert_string_equal(edit.line, "ip addr");
    assert_string_equal(term.last_row, PROMPT "ip addr");
    assert_int_equal(term.column, 0);
}

TEST("CR, LF and CR LF each end one line")
{
    enum line_edit_event event;
    static const char keys[] = "a\rb\nc\r\nd\r";
    size_t at = 0;
    for (char c = 'a'; c <= 'd'; c++) {
        at += line_edit_feed(&edit, keys + at, sizeof(keys) - 1 - at, &event);
        assert_int_equal(event, LINE_EDIT_LINE);
        assert_int_equal(edit.line[0], c);
        assert_int_equal(edit.line[1], 0);
        line_edit_start(&edit, PROMPT);
    }
    assert_int_equal(at, sizeof(keys) - 1);
}

TEST("arrows, Home and End move, in each way terminals send them, and text goes in where the cursor is")
{
    type("bcd\x1b[D\x1b[DX");
    assert_shown("bXcd", 2);
    type("\x1b[HA");
    assert_shown("AbXcd", 1);
    type("\x1b[FZ");
    assert_shown("AbXcdZ", 6);
    type("\x1b[1~0\x1b[4~9\x1bOH\x1bOC");
    assert_shown("0AbXcdZ9", 1);
    type("\x01\x05\x02\x06");
    assert_shown("0AbXcdZ9", 8);
    type("\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D");
    assert_shown("0AbXcdZ9", 0);
    assert_int_equal(type("\x1b[C\x1b[C\x1b[3~\r"), LINE_EDIT_LINE);
    assert_string_equal(edit.line, "0AXcdZ9");
}

TEST("words are jumped over and deleted")
{
    type("ip route add\x17");
    assert_shown("ip route", 9); /* and a blank, which the screen does not tell */
}

TEST("Ctrl-U, K and W take text away, and Ctrl-Y puts it back")
{
    type("one two three\x17");
    assert_string_equal(edit.line, "one two ");
    type("\x1b"
         "b\x0b");
    assert_string_equal(edit.line, "one ");
    type("\x19");
    assert_string_equal(edit.line, "one two ");
    type("\x15");
    assert_string_equal(edit.line, "");
    assert_shown("", 0);
    type("\x19\x19");
    assert_string_equal(edit.line, "one two one two ");
    type("\x01\x1b[1;5C");
    assert_int_equal(edit.cursor, 3);
}

TEST("backspace at the beginning and Delete at the end do nothing")
{
    type("\x7f\x08\x1b[3~");
    assert_shown("", 0);
    type("ab\x1b[3~\x7f\x08\x08");
    assert_shown("", 0);
}

TEST("history goes up and down, and the line that was begun comes back")
{
    enter("first");
    enter("second");
    enter("second");
    enter("  hidden");
    type("begun\x1b[A");
    assert_shown("second", 6);
    type("\x1b[A");
    assert_shown("first", 5);
    type("\x1b[A\x10");
    assert_shown("first", 5);
    type("\x1b[B\x0e\x1b[B");
    assert_shown("begun", 5);
    type("\x10\x10 again\r");
    assert_string_equal(edit.line, "first again");
}

TEST("history is bounded, and forgets the oldest")
{
    char line[32];
    for (int i = 0; i < LINE_EDIT_HISTORY * 3; i++) {
        snprintf(line, sizeof(line), "line %d", i);
        enter(line);
    }
    for (int i = 0; i < LINE_EDIT_HISTORY * 2; i++)
        type("\x1b[A");
    assert_string_equal(edit.line, "line 100");
}

TEST("answers to a question are not remembered")
{
    enter("command");
    line_edit_remember(&edit, false);
    enter("*filter");
    line_edit_remember(&edit, true);
    type("\x1b[A");
    assert_string_equal(edit.line, "command");
}

TEST("Tab completes what is certain, rings where it is not, and lists at the second time")
{
    type("up\t");
    assert_shown("uptime", 7);
    assert_string_equal(edit.line, "uptime ");
    type("\x15p\t");
    assert_string_equal(edit.line, "p");
    assert_int_equal(term.rows, 0);
    type("\t");
    assert_int_equal(term.rows, 2);
    assert_string_equal(term.last_row, "ping  poweroff  ps  ");
    assert_shown("p", 1);
    type("x\t");
    assert_true(term.bells > 0);
    assert_string_equal(edit.line, "px");
}

TEST("Ctrl-D ends the session on an empty line only, and deletes otherwise")
{
    type("ab\x01\x04");
    assert_shown("b", 0);
    assert_int_equal(type("\x04"), LINE_EDIT_MORE);
    assert_int_equal(type("\x04"), LINE_EDIT_END);
}

TEST("a line longer than the row slides past, the cursor always in sight")
{
    char line[301];
    for (int i = 0; i < 300; i++)
        line[i] = (char)('a' + i % 26);
    line[300] = '\0';
    for (int i = 0; i < 300; i++) {
        type((char[]){line[i], 0});
        assert_true(term.column < LINE_EDIT_COLUMNS);
    }
    assert_int_equal(term.row[strlen(PROMPT)], '<');
    for (int i = 299; i >= 0; i--) {
        type("\x1b[D");
        assert_int_equal(term.row[term.column], line[i]);
    }
    assert_int_equal(term.row[LINE_EDIT_COLUMNS - 1], '>');
    assert_int_equal(type("\r"), LINE_EDIT_LINE);
    assert_string_equal(edit.line, line);
}

TEST("a line that is too long is refused whole; nothing is run in part")
{
    char paste[LINE_EDIT_MAX * 3 + 2];
    enum line_edit_event event;
    memset(paste, 'x', sizeof(paste) - 2);
    strcpy(paste + sizeof(paste) - 2, "\r");
    assert_int_equal(line_edit_feed(&edit, paste, sizeof(paste) - 1, &event), sizeof(paste) - 1);
    assert_int_equal(event, LINE_EDIT_TOO_LONG);
    assert_int_equal(edit.len, LINE_EDIT_MAX);
    assert_int_equal(term.bells, 1);
    line_edit_start(&edit, PROMPT);
    type("\x1b[A");
    assert_string_equal(edit.line, "");
    type("fits");
    assert_int_equal(type("\r"), LINE_EDIT_LINE);
}

TEST("a paste is shown once, not key by key")
{
    char paste[901];
    memset(paste, 'y', 900);
    paste[900] = '\0';
    term.bytes = 0;
    type(paste);
    assert_true(term.bytes < 4 * LINE_EDIT_COLUMNS);
}

TEST("when the log has wiped the row off it is written again, cursor and all")
{
    type("abcdef\x1b[D\x1b[D");
    memset(term.row, 0, sizeof(term.row)); /* as the terminal does: \r, blanks, \r, then the log's line */
    term.column = 0;
    type("\x12");
    assert_shown("abcdef", 4);
}

TEST("Ctrl-C leaves the line standing, marked")
{
    type("abc\x1b[D");
    line_edit_give_up(&edit);
    assert_string_equal(term.last_row, PROMPT "abc^C");
}

TEST("bytes that are no keys change nothing")
{
    for (int c = 1; c < 256; c++) {
        if (strchr("\r\n\x04\x19\t\x10\x0e\x1b", c) || (c >= ' ' && c < 0x7f))
            continue;
        type((char[]){(char)c, 0});
    }
    type("\x1b[99999999999999999~\x1b[?25h\x1b[>c\x1bOx\x1bq");
    assert_shown("", 0);
    assert_string_equal(edit.line, "");
    assert_int_equal(type("\x1b[\r"), LINE_EDIT_LINE); /* a sequence that was cut off does not eat Enter */
}

TEST("whatever is typed, the screen shows the line")
{
    static const char *const keys[] = {"a",
                                       "bc",
                                       " ",
                                       "\x1b[D",
                                       "\x1b[C",
                                       "\x1b[A",
                                       "\x1b[B",
                                       "\x7f",
                                       "\x15",
                                       "\x17",
                                       "\x0b",
                                       "\x19",
                                       "\x01",
                                       "\x05",
                                       "\x12",
                                       "\t",
                                       "\x04",
                                       "wxyz",
                                       "\x1b[3~",
                                       "\x1b"
                                       "b"};
    srand(7);
    for (int i = 0; i < 20000; i++) {
        const char *key = keys[(size_t)rand() % (sizeof(keys) / sizeof(keys[0]))];
        enum line_edit_event event;
        line_edit_feed(&edit, key, strlen(key), &event);
        if (event != LINE_EDIT_MORE || rand() % 200 == 0) {
            if (event == LINE_EDIT_MORE)
                type("\r");
            line_edit_start(&edit, PROMPT);
        }
        assert_int_equal(strlen(edit.line), edit.len);
        assert_true(edit.cursor <= edit.len && edit.len <= LINE_EDIT_MAX);
        char under = edit.cursor < edit.len ? edit.line[edit.cursor] : ' ';
        char on_screen = term.row[term.column] ? term.row[term.column] : ' ';
        assert_int_equal(on_screen, under);
        assert_true(edit.len > 60 || !strncmp(term.row + strlen(PROMPT), edit.line, edit.len));
    }
}

/* --- words --- */

static int split(const char *text, char **words, int max, const char **why)
{
    static char line[256];
    strcpy(line, text);
    return words_split(line, words, max, why);
}

TEST("a line is cut into words at its blanks; quotes keep them together")
{
    char *w[8];
    const char *why;
    assert_int_equal(split("  ip  addr\tshow ", w, 8, &why), 3);
    assert_string_equal(w[0], "ip");
    assert_string_equal(w[1], "addr");
    assert_string_equal(w[2], "show");
    assert_null(w[3]);
    assert_int_equal(split("a \"b c\" 'd \"e' f\\ g \"h\\\"i\" ''", w, 8, &why), 6);
    assert_string_equal(w[1], "b c");
    assert_string_equal(w[2], "d \"e");
    assert_string_equal(w[3], "f g");
    assert_string_equal(w[4], "h\"i");
    assert_string_equal(w[5], "");
    assert_int_equal(split("a#b # the rest", w, 8, &why), 1);
    assert_string_equal(w[0], "a#b");
    assert_int_equal(split("", w, 8, &why), 0);
    assert_int_equal(split("   ", w, 8, &why), 0);
    assert_int_equal(split("back\\", w, 8, &why), 1);
    assert_string_equal(w[0], "back\\");
}

TEST("an open quote and too many words get a sentence")
{
    char *w[4];
    const char *why;
    assert_int_equal(split("a \"b", w, 4, &why), -1);
    assert_non_null(why);
    assert_int_equal(split("a 'b", w, 4, &why), -1);
    assert_int_equal(split("a b c", w, 4, &why), 3);
    assert_int_equal(split("a b c d", w, 4, &why), -1);
    assert_non_null(why);
}

TEST_FIXTURE(setup, teardown)
