/*
 * ip_options.h - IPv4 options (RFC 791 3.1) of datagrams that pass through or are answered.
 */
#ifndef NET_IPV4_IP_OPTIONS_H
#define NET_IPV4_IP_OPTIONS_H

#include "net/ipv4/ip.h"

#define IPOPT_END  0
#define IPOPT_NOP  1
#define IPOPT_RR   7
#define IPOPT_TS   68
#define IPOPT_RA   148 /* router alert, RFC 2113 */
#define IPOPT_LSRR 131
#define IPOPT_SSRR 137

#define IP_OPTIONS_MAX 40u

/**
 * ip_options_check - whether the options of a received header are well-formed and allowed
 * @options: `len` bytes behind the first 20 of the header
 * @at: where it is not so, counted from the first option's first byte
 */
enum skb_drop_reason ip_options_check(const uint8_t *options, unsigned len, unsigned *at);

/**
 * ip_options_update - write our address and the time where record route and timestamp ask for it
 * @skb: at its IPv4 header, which has been checked and may be written (borrowed)
 * @addr: ours, of the device the datagram leaves by; 0: none to tell
 */
void ip_options_update(struct sk_buff *skb, be32 addr);

/* Record route and timestamp of a received request, updated, as its reply carries them (RFC 1122 3.2.2.6).
 * Return: bytes written, a multiple of 4. */
unsigned ip_options_echo(const struct sk_buff *request, be32 addr, uint8_t options[IP_OPTIONS_MAX]);

#endif
