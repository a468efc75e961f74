/*
 * keymap.c - layouts of the PC keyboard, and what its keys send.
 *
 * A layout is four rows of two strings, plain and with shift, in the order of the keys' scan codes; keys
 * without a character on a console for ASCII stand as blanks.
 */
#include "drivers/char/keymap.h"

#include <string.h>

#define CODE_RELEASE  0x80
#define CODE_EXTENDED 0xe0
#define CODE_PAUSE    0xe1 /* five more follow, in two halves */

/* Scan codes of set 1. */
enum {
    CODE_ESCAPE = 0x01,
    CODE_DIGITS = 0x02, /* 1 to = */
    CODE_BACKSPACE = 0x0e,
    CODE_TAB = 0x0f,
    CODE_UPPER = 0x10, /* q to ] */
    CODE_ENTER = 0x1c,
    CODE_CONTROL = 0x1d,
    CODE_MIDDLE = 0x1e, /* a to ` */
    CODE_LEFT_SHIFT = 0x2a,
    CODE_LOWER = 0x2b, /* \ and z to / */
    CODE_RIGHT_SHIFT = 0x36,
    CODE_PAD_STAR = 0x37,
    CODE_ALT = 0x38,
    CODE_SPACE = 0x39,
    CODE_CAPS_LOCK = 0x3a,
    CODE_HOME = 0x47, /* also the number pad, whose keys come without CODE_EXTENDED */
    CODE_UP = 0x48,
    CODE_PAGE_UP = 0x49,
    CODE_LEFT = 0x4b,
    CODE_RIGHT = 0x4d,
    CODE_END = 0x4f,
    CODE_DOWN = 0x50,
    CODE_PAGE_DOWN = 0x51,
    CODE_DELETE = 0x53,
    CODE_102ND = 0x56, /* left of z, where there is one */
    CODE_F12 = 0x58,
};

struct keymap {
    const char *name;
    const char *digits[2], *upper[2], *middle[2], *lower[2], *iso[2];
    /* With AltGr: pairs of the plain character and what it becomes. */
    const char *alt_gr;
};

static const struct keymap maps[] = {
    {.name = "us",
     .digits = {"1234567890-=", "!@#$%^&*()_+"},
     .upper = {"qwertyuiop[]", "QWERTYUIOP{}"},
     .middle = {"asdfghjkl;'`", "ASDFGHJKL:\"~"},
     .lower = {"\\zxcvbnm,./", "|ZXCVBNM<>?"},
     .iso = {"\\", "|"},
     .alt_gr = ""},
    {.name = "de",
     .digits = {"1234567890 '", "!\" $%&/()=?`"},
     .upper = {"qwertzuiop +", "QWERTZUIOP *"},
     .middle = {"asdfghjkl  ^", "ASDFGHJKL   "},
     .lower = {"#yxcvbnm,.-", "'YXCVBNM;:_"},
     .iso = {"<", ">"},
     .alt_gr = "7{8[9]0}q@+~<|"},
};

const struct keymap *keymap_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
        if (!strcmp(maps[i].name, name))
            return &maps[i];
    return NULL;
}

const char *keymap_names(void)
{
    return "us, de";
}

/* The character at `at` of a row of keys. */
static char in_row(const char *const row[2], unsigned at, bool shift)
{
    return at < strlen(row[shift]) ? row[shift][at] : 0;
}

static char character_of(const struct keyboard_state *state, uint8_t code, bool shift)
{
    const struct keymap *map = state->map;
    if (code == CODE_SPACE)
        return ' ';
    char c = code == CODE_102ND     ? in_row(map->iso, 0, shift)
             : code < CODE_DIGITS   ? 0
             : code < CODE_UPPER    ? in_row(map->digits, code - CODE_DIGITS, shift)
             : code < CODE_MIDDLE   ? in_row(map->upper, code - CODE_UPPER, shift)
             : code < CODE_LOWER    ? in_row(map->middle, code - CODE_MIDDLE, shift)
             : code < CODE_PAD_STAR ? in_row(map->lower, code - CODE_LOWER, shift)
                                    : 0;
    return c == ' ' ? 0 : c;
}

/* The backslash of the German layout: the key right of 0, whose own letter is not ASCII. */
#define CODE_SHARP_S (CODE_DIGITS + 10)

static char with_alt_gr(const struct keyboard_state *state, uint8_t code)
{
    char plain = character_of(state, code, false);
    if (code == CODE_SHARP_S && *state->map->alt_gr)
        return '\\';
    for (const char *pair = state->map->alt_gr; *pair; pair += 2)
        if (plain == pair[0])
            return pair[1];
    return 0;
}

static bool is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* A key with a character on it. */
static enum key_action type_character(const struct keyboard_state *state, uint8_t code, char text[8])
{
    bool shift = state->shift[0] || state->shift[1];
    char c = state->alt_gr ? with_alt_gr(state, code) : character_of(state, code, shift);
    if (!c)
        return KEY_NOTHING;
    if (state->caps_lock && is_letter(c))
        c ^= 0x20;
    if (state->control[0] || state->control[1]) {
        if (c != ' ' && !(c >= '@' && c <= '~'))
            return KEY_NOTHING;
        c &= 0x1f; /* Ctrl-C is 3 */
    }
    text[0] = c;
    return KEY_TEXT;
}

/* Keys that send the same whatever the layout; the sequences are those of a VT100. */
static const char *fixed_text(uint8_t code)
{
    switch (code) {
    case CODE_ESCAPE:
        return "\x1b";
    case CODE_BACKSPACE:
        return "\x7f";
    case CODE_TAB:
        return "\t";
    case CODE_ENTER:
        return "\r";
    case CODE_HOME:
        return "\x1b[H";
    case CODE_UP:
        return "\x1b[A";
    case CODE_LEFT:
        return "\x1b[D";
    case CODE_RIGHT:
        return "\x1b[C";
    case CODE_END:
        return "\x1b[F";
    case CODE_DOWN:
        return "\x1b[B";
    case CODE_DELETE:
        return "\x1b[3~";
    default:
        return NULL;
    }
}

/* Return: true if it was one of the keys that change what others mean. */
static bool modifier(struct keyboard_state *state, uint8_t code, bool extended, bool down)
{
    switch (code) {
    case CODE_LEFT_SHIFT:
    case CODE_RIGHT_SHIFT:
        if (!extended) /* with it: noise around arrow keys */
            state->shift[code == CODE_RIGHT_SHIFT] = down;
        return true;
    case CODE_CONTROL:
        state->control[extended] = down;
        return true;
    case CODE_ALT:
        *(extended ? &state->alt_gr : &state->alt) = down;
        return true;
    case CODE_CAPS_LOCK:
        state->caps_lock ^= down;
        return true;
    default:
        return false;
    }
}

static enum key_action press(const struct keyboard_state *state, uint8_t code, bool extended, char text[8])
{
    bool control = state->control[0] || state->control[1];
    const char *fixed = fixed_text(code);
    if (code == CODE_DELETE && control && (state->alt || state->alt_gr))
        return KEY_RESTART;
    if (code == CODE_PAGE_UP)
        return KEY_PAGE_UP;
    if (code == CODE_PAGE_DOWN)
        return KEY_PAGE_DOWN;
    if (code == CODE_F12)
        return KEY_REPORT;
    if (fixed) {
        strlcpy(text, fixed, 8);
        return KEY_TEXT;
    }
    if (extended && code == 0x35) { /* the number pad's / */
        text[0] = '/';
        return KEY_TEXT;
    }
    return extended ? KEY_NOTHING : type_character(state, code, text);
}

enum key_action keymap_feed(struct keyboard_state *state, uint8_t code, char text[8])
{
    bool extended = state->extended, down = !(code & CODE_RELEASE);
    memset(text, 0, 8);
    if (state->ignore) {
        state->ignore--;
        return KEY_NOTHING;
    }
    state->extended = code == CODE_EXTENDED;
    if (code == CODE_PAUSE)
        state->ignore = 2; /* it comes twice, each with two more */
    if (code == CODE_PAUSE || code == CODE_EXTENDED)
        return KEY_NOTHING;
    code &= 0xff ^ CODE_RELEASE;
    if (modifier(state, code, extended, down) || !down)
        return KEY_NOTHING;
    return press(state, code, extended, text);
}
