/*
 * keymap.h - from a keyboard's scan codes to characters: layouts, shift and its kin.
 *
 * Pure: codes in, characters out.
 */
#ifndef DRIVERS_CHAR_KEYMAP_H
#define DRIVERS_CHAR_KEYMAP_H

#include "kernel/types.h"

/* What is no character. */
enum key_action { KEY_NOTHING, KEY_TEXT, KEY_PAGE_UP, KEY_PAGE_DOWN, KEY_REPORT, KEY_RESTART };

struct keymap; /* a layout */

struct keyboard_state {
    const struct keymap *map;
    bool shift[2], control[2], alt, alt_gr, caps_lock;
    bool extended;   /* 0xe0 came */
    unsigned ignore; /* codes of the Pause key that are to come */
};

/* "us", "de"; NULL if there is none of that name. */
const struct keymap *keymap_find(const char *name);
/* The names there are, for a sentence: "us, de". */
const char *keymap_names(void);

/**
 * keymap_feed - one byte of scan code set 1, as the controller translates it
 * @text: receives up to 7 characters and a 0: what a terminal sends for this key (KEY_TEXT)
 */
enum key_action keymap_feed(struct keyboard_state *state, uint8_t code, char text[8]);

#endif
