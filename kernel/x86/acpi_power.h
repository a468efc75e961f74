/*
 * acpi_power.h - ACPI's registers for reset, power-off and the power button.
 */
#ifndef KERNEL_X86_ACPI_POWER_H
#define KERNEL_X86_ACPI_POWER_H

#include "kernel/types.h"

/* Takes power management over from firmware and listens to the power button. After interrupts and time. */
void acpi_power_init(void);

/* Both do nothing where the tables tell no way; then, or if it did not work, they return. */
void acpi_reset(void);
void acpi_power_off(void);

#endif
