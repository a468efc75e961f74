/*
 * framebuffer.h - letters in dots, on a screen that the loader has left in graphics mode (UEFI).
 */
#ifndef DRIVERS_VIDEO_FRAMEBUFFER_H
#define DRIVERS_VIDEO_FRAMEBUFFER_H

#include "kernel/boot_info.h"

/*
 * Unless console= names others only, and if its format is one of ours (direct colour, 15 to 32 bits). To be
 * called again once the page tables are there: a screen above 4 GiB cannot be reached before.
 */
void framebuffer_init(const struct boot_framebuffer *fb);

#endif
