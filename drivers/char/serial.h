/*
 * serial.h - the first serial port (COM1) as a console.
 */
#ifndef DRIVERS_CHAR_SERIAL_H
#define DRIVERS_CHAR_SERIAL_H

#include "kernel/softirq.h"
#include "kernel/types.h"

/* Looks for the port and, unless console= names others only, registers it as a console. Before memory. */
void serial_console_init(void);

/* From now on output leaves by interrupt, and input is kept. After slab_init() and pic_init(). */
void serial_enable_interrupts(void);

/* The next character received; -1 if there is none. */
int serial_getc(void);

/* `softirq` is raised when characters have arrived (borrowed; NULL for none). */
void serial_set_reader(struct softirq *softirq);

#endif
