/*
 * font.h - the letters of the framebuffer console.
 */
#ifndef DRIVERS_VIDEO_FONT_H
#define DRIVERS_VIDEO_FONT_H

#include "kernel/types.h"

#define FONT_FIRST   '!'
#define FONT_LAST    '~'
#define FONT_COLUMNS 7
#define FONT_ROWS    12

/* A row of dots per byte, the leftmost in bit 6. */
extern const uint8_t font[FONT_LAST - FONT_FIRST + 1][FONT_ROWS];

#endif
