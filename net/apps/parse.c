/*
 * parse.c - the words of commands.
 */
#include "net/apps/parse.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool parse_number(const char *word, uint64_t min, uint64_t max, uint64_t *number)
{
    char *end;
    if (!isdigit((unsigned char)*word))
        return false;
    errno = 0;
    unsigned long long value = strtoull(word, &end, 0);
    if (errno || *end || value < min || value > max)
        return false;
    *number = value;
    return true;
}

bool parse_prefix(const char *word, uint32_t *addr, int *prefix_len)
{
    char text[ADDR_TEXT];
    const char *slash = strchrnul(word, '/');
    uint64_t len = 32;
    if (!strcmp(word, "default") || !strcmp(word, "0/0")) {
        *addr = 0;
        *prefix_len = 0;
        return true;
    }
    if ((size_t)(slash - word) >= sizeof(text) || (*slash && !parse_number(slash + 1, 0, 32, &len)))
        return false;
    memcpy(text, word, (size_t)(slash - word));
    text[slash - word] = '\0';
    *prefix_len = (int)len;
    return inet_pton(AF_INET, text, addr) == 1;
}

bool parse_mac(const char *word, uint8_t mac[6])
{
    for (int i = 0; i < 6; i++) {
        char *end;
        if (!isxdigit((unsigned char)*word))
            return false;
        unsigned long byte = strtoul(word, &end, 16);
        if (byte > 0xff || end - word > 2 || *end != (i < 5 ? ':' : '\0'))
            return false;
        mac[i] = (uint8_t)byte;
        word = end + 1;
    }
    return true;
}

char *format_mac(const uint8_t mac[6], char text[MAC_TEXT])
{
    snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    return text;
}

char *format_addr(uint32_t addr, char text[ADDR_TEXT])
{
    inet_ntop(AF_INET, &addr, text, ADDR_TEXT);
    return text;
}
