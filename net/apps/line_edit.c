/*
 * line_edit.c - editing a line on a terminal.
 *
 * Keys change the line; then the row is compared with what the screen shows, and only the difference is sent.
 * So no key needs to know what the screen looks like, and a paste of a thousand bytes is shown once.
 */
#include "net/apps/line_edit.h"

#include <stdlib.h>
#include <string.h>

#define CTRL(letter) ((letter)&0x1f)
#define ESC          0x1b
#define DEL          0x7f

enum escape_state { NO_ESCAPE, AFTER_ESC, AFTER_CSI, AFTER_SS3 };

/* --- the screen --- */

struct row_out {
    struct line_edit *edit;
    char buf[128];
    size_t len;
};

static void row_flush(struct row_out *out)
{
    if (out->len)
        out->edit->out(out->edit->ctx, out->buf, out->len);
    out->len = 0;
}

static void row_put(struct row_out *out, char c)
{
    if (out->len == sizeof(out->buf))
        row_flush(out);
    out->buf[out->len++] = c;
}

/* Moves by what every terminal can: backwards by \b, forwards by writing what stands there. */
static void row_move(struct row_out *out, size_t to)
{
    struct line_edit *e = out->edit;
    while (e->shown_cursor > to) {
        row_put(out, '\b');
        e->shown_cursor--;
    }
    while (e->shown_cursor < to)
        row_put(out, e->shown[e->shown_cursor++]);
}

/* Chooses which part of a long line is shown: the cursor must be in it, and not under a '<' or '>'. */
static void slide(struct line_edit *e, size_t width)
{
    if (e->len < width)
        e->left = 0;
    else if ((e->left && e->cursor <= e->left) || e->cursor + 1 >= e->left + width)
        e->left = e->cursor > width / 2 ? e->cursor - width / 2 : 0;
}

/* What the row should show. Return: its length. */
static size_t compose(struct line_edit *e, char *row)
{
    size_t prompt_len = strlen(e->prompt), width = LINE_EDIT_COLUMNS - prompt_len;
    slide(e, width);
    size_t n = e->len - e->left < width ? e->len - e->left : width;
    memcpy(row, e->prompt, prompt_len);
    memcpy(row + prompt_len, e->line + e->left, n);
    if (e->left)
        row[prompt_len] = '<';
    if (e->left + n < e->len)
        row[prompt_len + n - 1] = '>';
    return prompt_len + n;
}

static void refresh(struct line_edit *e)
{
    struct row_out out = {.edit = e};
    char row[LINE_EDIT_COLUMNS];
    size_t len = compose(e, row), same = 0;
    while (same < len && same < e->shown_len && row[same] == e->shown[same])
        same++;
    if (same < len || same < e->shown_len) {
        size_t old_len = e->shown_len;
        row_move(&out, same);
        memcpy(e->shown, row, len);
        e->shown_len = len;
        row_move(&out, len);
        for (size_t i = len; i < old_len; i++)
            row_put(&out, ' ');
        for (size_t i = len; i < old_len; i++)
            row_put(&out, '\b');
    }
    row_move(&out, strlen(e->prompt) + e->cursor - e->left);
    row_flush(&out);
}

/* The log has wiped the row off, or something else stands there. */
static void reprint(struct line_edit *e)
{
    struct row_out out = {.edit = e};
    row_put(&out, '\r');
    for (size_t i = 0; i < e->shown_len; i++)
        row_put(&out, ' ');
    row_put(&out, '\r');
    row_flush(&out);
    e->shown_len = e->shown_cursor = 0;
    refresh(e);
}

static void end_row(struct line_edit *e, const char *text)
{
    struct row_out out = {.edit = e};
    refresh(e);
    row_move(&out, e->shown_len);
    for (; *text; text++)
        row_put(&out, *text);
    row_flush(&out);
    e->shown_len = e->shown_cursor = 0;
}

static void bell(struct line_edit *e)
{
    e->out(e->ctx, "\a", 1);
}

/* --- the line --- */

static void set_line(struct line_edit *e, const char *text)
{
    e->len = strlen(text);
    memcpy(e->line, text, e->len + 1);
    e->cursor = e->len;
}

static void insert(struct line_edit *e, const char *text, size_t len)
{
    if (len > LINE_EDIT_MAX - e->len) {
        if (!e->too_long)
            bell(e);
        e->too_long = true;
        return;
    }
    memmove(e->line + e->cursor + len, e->line + e->cursor, e->len - e->cursor + 1);
    memcpy(e->line + e->cursor, text, len);
    e->len += len;
    e->cursor += len;
}

static void delete (struct line_edit *e, size_t from, size_t to)
{
    memmove(e->line + from, e->line + to, e->len - to + 1);
    e->len -= to - from;
    e->cursor = from;
    if (from < to)
        e->too_long = false;
}

static void kill_text(struct line_edit *e, size_t from, size_t to)
{
    if (from < to) {
        memcpy(e->killed, e->line + from, to - from);
        e->killed[to - from] = '\0';
    }
    delete (e, from, to);
}

static size_t word_left(const struct line_edit *e)
{
    size_t at = e->cursor;
    while (at && e->line[at - 1] == ' ')
        at--;
    while (at && e->line[at - 1] != ' ')
        at--;
    return at;
}

static size_t word_right(const struct line_edit *e)
{
    size_t at = e->cursor;
    while (at < e->len && e->line[at] == ' ')
        at++;
    while (at < e->len && e->line[at] != ' ')
        at++;
    return at;
}

/* --- history --- */

static void remember(struct line_edit *e)
{
    unsigned count = e->history_count;
    if (e->quiet_history || !e->len || e->line[0] == ' ' ||
        (count && !strcmp(e->history[count - 1], e->line)))
        return;
    char *copy = strdup(e->line);
    if (!copy) /* no memory: this one is not remembered */
        return;
    if (count == LINE_EDIT_HISTORY) {
        free(e->history[0]);
        memmove(e->history, e->history + 1, (count - 1) * sizeof(e->history[0]));
        count--;
    }
    e->history[count] = copy;
    e->history_count = count + 1;
}

static void go_in_history(struct line_edit *e, int step)
{
    if (step < 0 ? !e->history_at : e->history_at == e->history_count)
        return;
    if (e->history_at == e->history_count)
        memcpy(e->edited, e->line, e->len + 1);
    e->history_at += (unsigned)step;
    set_line(e, e->history_at == e->history_count ? e->edited : e->history[e->history_at]);
}

void line_edit_remember(struct line_edit *e, bool on)
{
    e->quiet_history = !on;
}

/* --- completion --- */

static size_t common_length(const char *a, const char *b, size_t max)
{
    size_t n = 0;
    while (n < max && a[n] && a[n] == b[n])
        n++;
    return n;
}

static void list_candidates(struct line_edit *e, const char *word, size_t word_len)
{
    const char *candidate;
    end_row(e, "\n");
    for (unsigned n = 0; (candidate = e->complete(e->ctx, e->line, e->cursor, n)); n++)
        if (!strncmp(candidate, word, word_len)) {
            e->out(e->ctx, candidate, strlen(candidate));
            e->out(e->ctx, "  ", 2);
        }
    e->out(e->ctx, "\n", 1);
}

/* The first Tab writes what all candidates have in common, a second one lists them. */
static void complete(struct line_edit *e)
{
    const char *candidate, *found = NULL;
    size_t start = e->cursor, common = 0;
    unsigned matches = 0;
    while (start && e->line[start - 1] != ' ')
        start--;
    size_t word_len = e->cursor - start;
    for (unsigned n = 0; e->complete && (candidate = e->complete(e->ctx, e->line, e->cursor, n)); n++) {
        if (strncmp(candidate, e->line + start, word_len) != 0)
            continue;
        common = matches++ ? common_length(found, candidate, common) : strlen(candidate);
        found = candidate;
    }
    if (matches && common > word_len) /* the last found has the common part too */
        insert(e, found + word_len, common - word_len);
    else if (matches > 1 && e->was_tab)
        list_candidates(e, e->line + start, word_len);
    else if (matches != 1)
        bell(e);
    if (matches == 1 && e->cursor == e->len)
        insert(e, " ", 1);
}

/* --- keys --- */

static void move_key(struct line_edit *e, char key)
{
    switch (key) {
    case 'A':
        go_in_history(e, -1);
        break;
    case 'B':
        go_in_history(e, 1);
        break;
    case 'C':
        e->cursor += e->cursor < e->len;
        break;
    case 'D':
        e->cursor -= e->cursor > 0;
        break;
    case 'H':
        e->cursor = 0;
        break;
    case 'F':
        e->cursor = e->len;
        break;
    }
}

static void delete_right(struct line_edit *e)
{
    delete (e, e->cursor, e->cursor + (e->cursor < e->len));
}

/* ESC [ number ~: Home is 1 or 7, Del 3, End 4 or 8. ESC [ 1;5 C and D: with Ctrl, by words. */
static void csi_key(struct line_edit *e, char key)
{
    if (key == '~') {
        if (e->number == 1 || e->number == 7)
            e->cursor = 0;
        else if (e->number == 4 || e->number == 8)
            e->cursor = e->len;
        else if (e->number == 3)
            delete_right(e);
    } else if (e->number >= 10 && (key == 'C' || key == 'D')) {
        e->cursor = key == 'C' ? word_right(e) : word_left(e);
    } else {
        move_key(e, key);
    }
}

/* Return: the byte belonged to an escape sequence. */
static bool escape_key(struct line_edit *e, char c)
{
    switch ((enum escape_state)e->escape) {
    case NO_ESCAPE:
        return false;
    case AFTER_ESC:
        e->number = 0;
        e->escape = c == '[' ? AFTER_CSI : c == 'O' ? AFTER_SS3 : NO_ESCAPE;
        if (c == 'b')
            e->cursor = word_left(e);
        else if (c == 'f')
            e->cursor = word_right(e);
        return c != '\r' && c != '\n'; /* a line's end is one whatever stands before it */
    case AFTER_SS3:
        e->escape = NO_ESCAPE;
        move_key(e, c);
        return true;
    case AFTER_CSI:
        if (c >= '0' && c <= '9')
            e->number = e->number * 10 % 1000 + (unsigned)(c - '0');
        else if (c >= 0x40 && c < DEL) {
            e->escape = NO_ESCAPE;
            csi_key(e, c);
        } else if (c < ' ') {
            e->escape = NO_ESCAPE;
            return false;
        }
        return true;
    }
    return false;
}

static void control_key(struct line_edit *e, char c)
{
    switch (c) {
    case CTRL('a'):
    case CTRL('e'):
        e->cursor = c == CTRL('a') ? 0 : e->len;
        break;
    case CTRL('b'):
    case CTRL('f'):
        move_key(e, c == CTRL('b') ? 'D' : 'C');
        break;
    case CTRL('p'):
    case CTRL('n'):
        move_key(e, c == CTRL('p') ? 'A' : 'B');
        break;
    case CTRL('d'):
        delete_right(e);
        break;
    case CTRL('h'):
    case DEL:
        delete (e, e->cursor - (e->cursor > 0), e->cursor);
        break;
    case CTRL('k'):
        kill_text(e, e->cursor, e->len);
        break;
    case CTRL('u'):
        kill_text(e, 0, e->cursor);
        break;
    case CTRL('w'):
        kill_text(e, word_left(e), e->cursor);
        break;
    case CTRL('y'):
        insert(e, e->killed, strlen(e->killed));
        break;
    case CTRL('l'):
    case CTRL('r'):
        reprint(e);
        break;
    case CTRL('i'):
        complete(e);
        break;
    case ESC:
        e->escape = AFTER_ESC;
        break;
    }
}

static enum line_edit_event finish(struct line_edit *e)
{
    end_row(e, "\n");
    if (e->too_long)
        return LINE_EDIT_TOO_LONG;
    remember(e);
    return LINE_EDIT_LINE;
}

static enum line_edit_event one_key(struct line_edit *e, char c)
{
    bool second_of_crlf = e->was_cr && c == '\n';
    e->was_cr = c == '\r';
    if (second_of_crlf || escape_key(e, c))
        return LINE_EDIT_MORE;
    if (c == '\r' || c == '\n')
        return finish(e);
    if (c == CTRL('d') && !e->len) {
        end_row(e, "\n");
        return LINE_EDIT_END;
    }
    if ((unsigned char)c >= ' ' && (unsigned char)c < DEL) /* ASCII only */
        insert(e, &c, 1);
    else
        control_key(e, c);
    e->was_tab = c == CTRL('i');
    return LINE_EDIT_MORE;
}

size_t line_edit_feed(struct line_edit *e, const char *keys, size_t len, enum line_edit_event *event)
{
    *event = LINE_EDIT_MORE;
    for (size_t i = 0; i < len; i++) {
        *event = one_key(e, keys[i]);
        if (*event != LINE_EDIT_MORE)
            return i + 1;
    }
    refresh(e);
    return len;
}

void line_edit_start(struct line_edit *e, const char *prompt)
{
    e->prompt = prompt;
    e->len = e->cursor = e->left = 0;
    e->line[0] = '\0';
    e->too_long = e->was_tab = false;
    e->escape = NO_ESCAPE;
    e->history_at = e->history_count;
    e->shown_len = e->shown_cursor = 0;
    refresh(e);
}

void line_edit_give_up(struct line_edit *e)
{
    end_row(e, "^C\n");
}

void line_edit_free(struct line_edit *e)
{
    for (unsigned i = 0; i < e->history_count; i++)
        free(e->history[i]);
    e->history_count = 0;
}
