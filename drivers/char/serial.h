/*
 * serial.h - the first serial port (COM1) as a console.
 */
#ifndef DRIVERS_CHAR_SERIAL_H
#define DRIVERS_CHAR_SERIAL_H

/* Looks for the port and, unless console= names others only, registers it as a console. Before memory. */
void serial_console_init(void);

/* From now on output leaves by interrupt. After slab_init() and pic_init(). */
void serial_enable_interrupts(void);

#endif
