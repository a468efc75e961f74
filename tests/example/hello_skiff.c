/*
 * hello_skiff.c - libskiff.so in one page: two stacks on one wire, and a conversation over TCP.
 *
 *     gcc -I. tests/example/hello_skiff.c build/host/libskiff.so -o hello && ./hello
 *
 * Everything happens in virtual time, so the second that a lost SYN costs takes no time at all.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/skiff.h"

static struct skiff_device *wire[2];
static int frames, lose_frame;

/* The wire: what one end sends, the other receives - except the frame number `lose_frame`. */
static void to_other_end(void *ctx, const void *frame, size_t len)
{
    if (++frames != lose_frame)
        skiff_device_receive(*(struct skiff_device **)ctx, frame, len);
}

static void check(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(1);
    }
}

int main(void)
{
    skiff_seed(1);
    struct skiff_stack *alice = skiff_stack_create("alice"), *bob = skiff_stack_create("bob");
    check(alice && bob, "skiff_stack_create");
    wire[0] = skiff_device_add(alice, (uint8_t[]){2, 0, 0, 0, 0, 1}, 1500, to_other_end, &wire[1]);
    wire[1] = skiff_device_add(bob, (uint8_t[]){2, 0, 0, 0, 0, 2}, 1500, to_other_end, &wire[0]);
    check(wire[0] && wire[1], "skiff_device_add");
    check(skiff_address_add(wire[0], "10.0.0.1/24") == 0, "alice's address");
    check(skiff_address_add(wire[1], "10.0.0.2/24") == 0, "bob's address");

    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(80)};
    int listener = skiff_socket(bob, AF_INET, SOCK_STREAM, 0);
    check(skiff_bind(bob, listener, (void *)&addr, sizeof(addr)) == 0, "bind");
    check(skiff_listen(bob, listener, 1) == 0, "listen");

    lose_frame = frames + 3; /* after alice's ARP request and bob's reply: the SYN */
    int client = skiff_socket(alice, AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, "10.0.0.2", &addr.sin_addr);
    skiff_connect(alice, client, (void *)&addr, sizeof(addr)); /* EINPROGRESS */
    check(skiff_accept(bob, listener, NULL, NULL) == -1, "the SYN was lost");
    skiff_clock_advance(1500000000); /* one and a half seconds: it is sent again */
    int server = skiff_accept(bob, listener, NULL, NULL);
    check(server >= 0, "accept");

    char text[64] = "";
    check(skiff_send(alice, client, "ahoy", 4, 0) == 4, "send");
    check(skiff_recv(bob, server, text, sizeof(text) - 1, 0) == 4, "recv");
    printf("bob heard \"%s\" after %d frames; alice retransmitted %llu segment\n", text, frames,
           (unsigned long long)skiff_counter(alice, "TcpRetransSegs"));

    skiff_stack_destroy(alice);
    skiff_stack_destroy(bob);
    return strcmp(text, "ahoy") != 0;
}
