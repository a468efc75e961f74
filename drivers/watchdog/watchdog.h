/*
 * watchdog.h - the watchdogs that are driven here: kernel/main.c calls these once the PCI bus is known.
 */
#ifndef DRIVERS_WATCHDOG_WATCHDOG_H
#define DRIVERS_WATCHDOG_WATCHDOG_H

void i6300esb_init(void); /* Intel 6300ESB: QEMU's -device i6300esb */
void itco_init(void);     /* the TCO timer in Intel's chipsets, ICH9 to the 9 series */

#endif
