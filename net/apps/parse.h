/*
 * parse.h - the words of commands: numbers, addresses.
 */
#ifndef NET_APPS_PARSE_H
#define NET_APPS_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/* A whole number from min to max, decimal or 0x...; false: it is none. */
bool parse_number(const char *word, uint64_t min, uint64_t max, uint64_t *number);

/* "10.0.0.0/8", or an address alone (/32); "default" is 0.0.0.0/0. Network byte order. */
bool parse_prefix(const char *word, uint32_t *addr, int *prefix_len);

/* "52:54:00:12:34:56" */
bool parse_mac(const char *word, uint8_t mac[6]);

#define MAC_TEXT 18
/* Return: text. */
char *format_mac(const uint8_t mac[6], char text[MAC_TEXT]);
#define ADDR_TEXT 16
char *format_addr(uint32_t addr, char text[ADDR_TEXT]);

#endif
