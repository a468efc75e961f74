/*
 * machine.h - the machine under a program: its log, its tasks, what is plugged into it, and its end.
 *
 * What `dmesg`, `ps`, `lspci`, `reboot` and `poweroff` show and do. Implemented in net/socket/machine.c,
 * the end in net/socket/shutdown.c.
 */
#ifndef SKIFF_MACHINE_H
#define SKIFF_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/**
 * skiff_log_read - the next line of the log, without its newline
 * @pos: where to go on; 0 starts at the oldest. Lines overwritten meanwhile are skipped.
 * @level: as syslog's: 3 an error, 4 a warning ... 7 for debugging
 *
 * Return: its length (cut to size - 1, NUL-terminated), or -1 if there is none.
 */
long skiff_log_read(uint64_t *pos, int *level, char *buf, size_t size);

struct skiff_task {
    char name[24];
    char state; /* as ps shows it: R ready or running, S waits, Z has ended */
    uint64_t cpu_ns;
};

/* Return: how many were written, oldest first; `skip` leaves out the first ones. */
size_t skiff_task_list(struct skiff_task *tasks, size_t max, size_t skip);

/**
 * skiff_report - what a room of the machine tells in lines of text
 * @name: "pci": each device on the bus, as lspci prints it; "pci-verbose": as lspci -v does; "interrupts":
 *        how often each line has interrupted
 *
 * line() must not sleep; its text is valid during the call. Return: 0; -1 with errno ENOENT.
 */
int skiff_report(const char *name, void (*line)(const char *text, void *ctx), void *ctx);

/**
 * skiff_sign - what stands above all lines of a screen, where there is one, to be read from afar
 * @large: digits and dots; @small: any characters; "" for none
 */
void skiff_sign(const char *large, const char *small);

/*
 * The machine starts anew; is switched off, or says on the log that it cannot switch itself off. Before,
 * programs are told (skiff_end_open) and connections get their FIN: some three seconds at the most.
 */
void skiff_restart(void) __attribute__((noreturn));
void skiff_power_off(void) __attribute__((noreturn));

enum skiff_end {
    SKIFF_END_PROGRAM, /* told first */
    SKIFF_END_ADDRESS  /* told when all connections have ended: for who gives the machine its address */
};

/**
 * skiff_end_open - a descriptor that becomes readable, for poll(), when the machine is about to go
 *
 * Who has said its farewells then closes it: the machine waits for that, half a second at the most.
 * Return: the descriptor; -1 with errno EINVAL, EMFILE, ENOMEM.
 */
int skiff_end_open(enum skiff_end when);

/* Is it going to start anew, as far as one knows? */
int skiff_end_is_restart(void);

#endif
