/*
 * chargen.c - the character generator, port 19 (RFC 864): lines of characters without end.
 *
 * On UDP the answer to each datagram is of a random length up to 512, as the RFC says, but never longer than
 * its question or CHARGEN_FREE_LEN: anybody can put somebody else's address into a question, and a short
 * question with a long answer would make this a weapon.
 */
#include "net/apps/service.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CHARGEN_LINE     74u /* 72 characters, CR, LF */
#define CHARGEN_CHARS    95u /* the printing characters of ASCII, space included */
#define CHARGEN_FREE_LEN CHARGEN_LINE
#define CHARGEN_UDP_MAX  512u

/* The line whose first character is the `n`th of the ring. */
static void write_line(char *line, unsigned n)
{
    for (unsigned i = 0; i < CHARGEN_LINE - 2; i++)
        line[i] = ' ' + (n + i) % CHARGEN_CHARS;
    memcpy(line + CHARGEN_LINE - 2, "\r\n", 2);
}

static void chargen_serve(int fd, void *shared)
{
    char buf[20 * CHARGEN_LINE], ignored[512];
    for (unsigned n = 0;; n += 20) {
        for (unsigned i = 0; i < 20; i++)
            write_line(buf + i * CHARGEN_LINE, n + i);
        if (service_send(fd, buf, sizeof(buf)))
            return;
        while (recv(fd, ignored, sizeof(ignored), MSG_DONTWAIT) > 0)
            ; /* what the peer says is thrown away */
    }
}

static ssize_t chargen_answer(char *datagram, size_t len)
{
    char lines[CHARGEN_UDP_MAX + CHARGEN_LINE];
    unsigned n = (unsigned)rand() % CHARGEN_CHARS;
    size_t most = len > CHARGEN_FREE_LEN ? len : CHARGEN_FREE_LEN;
    size_t wanted = (unsigned)rand() % (CHARGEN_UDP_MAX + 1);
    for (size_t at = 0; at < CHARGEN_UDP_MAX; at += CHARGEN_LINE)
        write_line(lines + at, n++);
    wanted = wanted < most ? wanted : most;
    memcpy(datagram, lines, wanted);
    return wanted;
}

const struct service chargen_service = {"chargen", 19, chargen_serve, chargen_answer, 0};
