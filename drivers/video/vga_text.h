/*
 * vga_text.h - the VGA text screen as a console.
 */
#ifndef DRIVERS_VIDEO_VGA_TEXT_H
#define DRIVERS_VIDEO_VGA_TEXT_H

/* Unless console= names others only, and if there is a screen: registers it. The loader must have left text
 * mode. */
void vga_text_init(void);

#endif
