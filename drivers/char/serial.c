/*
 * serial.c - a 16550 on COM1: a terminal (kernel/tty.h) at the other end of a line.
 *
 * Output is put into a buffer and leaves 16 bytes per interrupt, so logging never waits for the line. What is
 * typed comes by interrupt as well, once somebody wants it; until then it is left in the UART. Where the
 * interrupt cannot be had, a timer looks.
 */
#include "drivers/char/serial.h"

#include <stdlib.h>

#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/timer.h"
#include "kernel/tty.h"
#include "kernel/x86/io.h"

#define COM1_PORT 0x3f8
#define COM1_IRQ  4

#define UART_DATA    0 /* transmit; divisor, low byte, with LCR_DLAB */
#define UART_IER     1 /* interrupt enable; divisor, high byte, with LCR_DLAB */
#define UART_IIR     2 /* read: interrupt identification */
#define UART_FCR     2 /* write: FIFO control */
#define UART_LCR     3 /* line control */
#define UART_MCR     4 /* modem control */
#define UART_LSR     5 /* line status */
#define UART_SCRATCH 7

#define IER_RX       (1u << 0)
#define IER_TX       (1u << 1)
#define IIR_NONE     (1u << 0)
#define FCR_ENABLE   0x87 /* FIFOs on, both cleared; an interrupt at 8 received bytes, or after a pause */
#define LCR_8N1      0x03
#define LCR_DLAB     (1u << 7)
#define MCR_ON       0x0b /* DTR, RTS, and OUT2, which lets interrupts through */
#define LSR_RX_READY (1u << 0)
#define LSR_OVERRUN  (1u << 1)
#define LSR_DAMAGED  (7u << 2) /* parity, framing, break: this byte means nothing */
#define LSR_TX_EMPTY (1u << 5)

#define UART_CLOCK   115200
#define DEFAULT_BAUD 115200
#define FIFO_SIZE    16
#define TX_BUFFER    4096    /* a power of two */
#define FLUSH_SPINS  1000000 /* per byte; a dead line must not hold up a panic */
#define IRQ_ROUNDS   64      /* of an interrupt: a flood must not keep everybody else out */
#define POLL_MS      10

static struct {
    struct tty tty;
    struct timer poll; /* without an interrupt */
    char tx[TX_BUFFER];
    unsigned tx_head, tx_tail; /* head: next to write; they count on and on */
    uint8_t ier;
    bool present, interrupts, reading;
} com1;

static uint8_t uart_read(unsigned reg)
{
    return inb((uint16_t)(COM1_PORT + reg));
}

static void uart_write(unsigned reg, uint8_t v)
{
    outb((uint16_t)(COM1_PORT + reg), v);
}

static void set_ier(uint8_t ier)
{
    if (ier == com1.ier)
        return;
    com1.ier = ier;
    uart_write(UART_IER, ier);
}

static size_t serial_room(struct tty *tty)
{
    return TX_BUFFER - (com1.tx_head - com1.tx_tail);
}

/* Fills the FIFO if it is empty; asks for an interrupt as long as anything waits. */
static void tx_drain(void)
{
    if (com1.tx_head != com1.tx_tail && (uart_read(UART_LSR) & LSR_TX_EMPTY))
        for (unsigned n = 0; n < FIFO_SIZE && com1.tx_tail != com1.tx_head; n++)
            uart_write(UART_DATA, (uint8_t)com1.tx[com1.tx_tail++ % TX_BUFFER]);
    if (com1.interrupts)
        set_ier((com1.tx_head != com1.tx_tail ? IER_TX : 0) | (com1.reading ? IER_RX : 0));
}

static void serial_write(struct tty *tty, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        com1.tx[com1.tx_head++ % TX_BUFFER] = text[i];
    tx_drain();
}

static void serial_flush(struct tty *tty)
{
    unsigned long flags = local_irq_save();
    unsigned spins = 0;
    while (com1.tx_head != com1.tx_tail && spins++ < FLUSH_SPINS) {
        unsigned before = com1.tx_tail;
        tx_drain();
        if (com1.tx_tail != before)
            spins = 0;
    }
    for (spins = 0; !(uart_read(UART_LSR) & LSR_TX_EMPTY) && spins < FLUSH_SPINS; spins++)
        ;
    local_irq_restore(flags);
}

/* At most a FIFO full: a UART that has gone, and reads as all ones, must not hold us. */
static void rx_take(void)
{
    for (unsigned n = 0; com1.reading && n < FIFO_SIZE; n++) {
        uint8_t lsr = uart_read(UART_LSR);
        if (!(lsr & LSR_RX_READY))
            return;
        char c = (char)uart_read(UART_DATA);
        if (lsr & LSR_OVERRUN)
            tty_overrun(&com1.tty);
        if (!(lsr & LSR_DAMAGED))
            tty_receive(&com1.tty, c);
    }
}

static void serial_work(void)
{
    rx_take();
    tx_drain();
    tty_output_ready(&com1.tty);
}

/*
 * The line is edge-triggered: it must have been low before another interrupt comes, so both reasons are seen
 * to until none is left - or, in a flood, all are masked and unmasked again, which makes a new edge.
 */
static enum irqreturn serial_interrupt(unsigned irq, void *arg)
{
    unsigned rounds = 0;
    if (uart_read(UART_IIR) & IIR_NONE)
        return IRQ_NONE;
    do
        serial_work();
    while (!(uart_read(UART_IIR) & IIR_NONE) && ++rounds < IRQ_ROUNDS);
    if (rounds == IRQ_ROUNDS) {
        uint8_t ier = com1.ier;
        set_ier(0);
        set_ier(ier);
    }
    return IRQ_HANDLED;
}

static void serial_poll(struct timer *self)
{
    unsigned long flags = local_irq_save();
    serial_work();
    local_irq_restore(flags);
    mod_timer(self, ktime_get_ms() + POLL_MS);
}

/* Somebody reads: keys are asked for. */
static void serial_open(struct tty *tty)
{
    com1.reading = true;
    if (com1.interrupts)
        tx_drain();
    else
        mod_timer(&com1.poll, ktime_get_ms() + POLL_MS);
}

/* A register that keeps what is written: there is a 16450 or better. */
static bool uart_probe(void)
{
    uart_write(UART_SCRATCH, 0x5a);
    if (uart_read(UART_SCRATCH) != 0x5a)
        return false;
    uart_write(UART_SCRATCH, 0xa5);
    return uart_read(UART_SCRATCH) == 0xa5;
}

/* "115200" or "9600n8": the number counts, parity and bits are always n8. */
static unsigned baud_from(const char *options)
{
    long baud = strtol(options, NULL, 10);
    return baud > 0 && baud <= UART_CLOCK ? (unsigned)baud : DEFAULT_BAUD;
}

static void uart_setup(unsigned baud)
{
    unsigned divisor = UART_CLOCK / baud;
    uart_write(UART_IER, 0);
    uart_write(UART_LCR, LCR_8N1 | LCR_DLAB);
    uart_write(UART_DATA, (uint8_t)divisor);
    uart_write(UART_IER, (uint8_t)(divisor >> 8));
    uart_write(UART_LCR, LCR_8N1);
    uart_write(UART_FCR, FCR_ENABLE);
    uart_write(UART_MCR, MCR_ON);
}

void serial_console_init(void)
{
    static const struct tty_ops ops = {
        .room = serial_room, .write = serial_write, .flush = serial_flush, .open = serial_open};
    const char *options = console_options("ttyS0");
    if (!options || !uart_probe())
        return;
    uart_setup(baud_from(options));
    com1.present = true;
    timer_setup(&com1.poll, serial_poll);
    tty_register(&com1.tty, "ttyS0", &ops);
}

void serial_enable_interrupts(void)
{
    if (!com1.present)
        return;
    if (request_irq(COM1_IRQ, serial_interrupt, "ttyS0", &com1) < 0) {
        pr_warn("ttyS0: no memory for its interrupt; output may be slow");
        mod_timer(&com1.poll, ktime_get_ms() + POLL_MS);
        return;
    }
    unsigned long flags = local_irq_save();
    com1.interrupts = true;
    tx_drain();
    local_irq_restore(flags);
}
