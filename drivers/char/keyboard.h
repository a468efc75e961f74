/*
 * keyboard.h - the keys of a PC, at the 8042 controller (PS/2; a USB keyboard where the firmware acts as
 * one).
 */
#ifndef DRIVERS_CHAR_KEYBOARD_H
#define DRIVERS_CHAR_KEYBOARD_H

/*
 * What is typed goes to the screen's terminal (drivers/video/screen.h). Page up and down look back, F12 types
 * `report`, Ctrl-Alt-Del starts anew. The word keymap= chooses the layout. Does nothing where there is no
 * controller, and asks its ports nothing where ACPI says so.
 */
void keyboard_init(void);

#endif
