/*
 * fuzz_config.c - any bytes as skiff.cfg: each line is right or wrong, a right one gives words without
 * anything that does not belong there, and the walk ends. The bytes lie in memory of exactly their size.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/config_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_words(const char *words, size_t len)
{
    bool quoted = false;

    if (!len || len > CONFIG_FILE_LINE_MAX || words[0] == '#')
        abort();
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)words[i];
        if ((c < ' ' && c != '\t') || c > '~')
            abort();
        if (c == '"')
            quoted = !quoted;
    }
    if (quoted)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *copy = malloc(len ? len : 1);
    struct config_reader reader = {.text = copy, .len = len};
    const char *words, *why;
    size_t words_len;
    unsigned last = 0;
    int got;

    memcpy(copy, data, len);
    while ((got = config_file_next(&reader, &words, &words_len, &why))) {
        if (reader.number <= last || reader.at > len)
            abort();
        last = reader.number;
        if (got > 0)
            check_words(words, words_len);
        else if (!*why)
            abort();
    }
    cmdline_init("quiet ip=dhcp");
    config_file_load(copy, len);
    if (strcmp(cmdline_get("ip"), "dhcp") != 0 || cmdline_get_nth("ip", 1))
        abort();
    cmdline_warn_unknown();
    free(copy);
    return 0;
}
