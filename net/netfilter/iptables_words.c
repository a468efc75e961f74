/*
 * iptables_words.c - a line of rules into words, and words into numbers, addresses and names.
 *
 * What is wrong is remembered once, with the place of the word that was read last; everybody then just
 * returns -EINVAL. Text comes from a file or a keyboard: any byte may stand in it.
 */
#include "net/netfilter/iptables_parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/netfilter/ip_set.h"

struct xt_parse *xt_parse_create(struct net *net)
{
    struct xt_parse *in = kzalloc(sizeof(*in));

    if (!in)
        return NULL;
    in->net = net;
    in->table = XT_FILTER;
    INIT_LIST_HEAD(&in->staged_sets);
    return in;
}

void xt_parse_destroy(struct xt_parse *in)
{
    for (unsigned i = 0; i < XT_TABLES; i++)
        xt_table_destroy(in->net, in->tables[i]);
    ip_set_unstage(in); /* after the rules that refer to them */
    kfree(in);
}

/* --- what is wrong --- */

static void xt_parse_fail(struct xt_parse *in, int err)
{
    in->err = err;
    in->err_line = in->line;
    in->err_column = in->nr_words ? in->columns[in->at ? min(in->at, in->nr_words) - 1 : 0] : 1;
}

int xt_parse_error(struct xt_parse *in, const char *format, ...)
{
    va_list args;

    if (in->err)
        return in->err;
    xt_parse_fail(in, -EINVAL);
    va_start(args, format);
    vsnprintf(in->reason, sizeof(in->reason), format, args);
    va_end(args);
    return -EINVAL;
}

int xt_parse_nomem(struct xt_parse *in)
{
    if (!in->err) {
        xt_parse_fail(in, -ENOMEM);
        strlcpy(in->reason, "not enough memory; give the machine more, or write fewer rules",
                sizeof(in->reason));
    }
    return -ENOMEM;
}

void xt_parse_tell(const struct xt_parse *in, struct xt_text *out)
{
    if (in->err_line)
        xt_print(out, "line %u, ", in->err_line);
    xt_print(out, "column %u: %s.\n", in->err_column, in->reason);
}

/* --- words --- */

static bool xt_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* A character inside a word or quotes; in->buf has room because it is as long as the longest line. */
static size_t xt_copy_word(const char *text, size_t len, char *to, bool *quoted, bool *open)
{
    char quote = 0;
    size_t i;

    *quoted = false;
    for (i = 0; i < len && (quote || !xt_is_blank(text[i])); i++) {
        if (quote && text[i] == quote) {
            quote = 0;
        } else if (!quote && (text[i] == '"' || text[i] == '\'')) {
            quote = text[i];
            *quoted = true;
        } else {
            if (text[i] == '\\' && quote != '\'' && i + 1 < len)
                i++;
            *to++ = text[i];
        }
    }
    *to = '\0';
    *open = quote != 0;
    return i;
}

static int xt_bad_line(struct xt_parse *in, size_t column, const char *why)
{
    in->columns[0] = (uint16_t)min(column, (size_t)UINT16_MAX);
    in->nr_words = 1;
    in->at = 0;
    in->words[0] = in->buf;
    return xt_parse_error(in, "%s", why);
}

int xt_parse_line(struct xt_parse *in, const char *text, size_t len)
{
    char *to = in->buf;
    bool open = false;

    in->buf[0] = '\0';
    in->nr_words = in->at = 0;
    if (len >= XT_LINE_MAX)
        return xt_bad_line(in, XT_LINE_MAX,
                           "the line is too long; write at most 2047 characters, with lists as a set");
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)text[i] < ' ' && !xt_is_blank(text[i]))
            return xt_bad_line(in, i + 1, "a control character; write plain text");
    for (size_t i = 0; i < len;) {
        if (xt_is_blank(text[i])) {
            i++;
            continue;
        }
        if (in->nr_words == XT_WORDS_MAX)
            return xt_bad_line(in, i + 1, "too many words; split the rule into several");
        in->words[in->nr_words] = to;
        in->columns[in->nr_words] = (uint16_t)(i + 1);
        i += xt_copy_word(text + i, len - i, to, &in->quoted[in->nr_words], &open);
        if (open)
            return xt_bad_line(in, in->columns[in->nr_words], "a quote is opened and not closed");
        to += strlen(to) + 1;
        in->nr_words++;
    }
    return 0;
}

int xt_parse_command(struct net *net, const char *line, struct xt_text *out,
                     int (*run)(struct xt_parse *in, struct xt_text *out))
{
    struct xt_parse *in = xt_parse_create(net);
    int err;

    if (!in) {
        xt_print(out, "Not enough memory.\n");
        xt_text_flush(out);
        return -ENOMEM;
    }
    err = xt_parse_line(in, line, strlen(line));
    if (!err)
        err = run(in, out);
    if (err)
        xt_parse_tell(in, out);
    xt_text_flush(out);
    xt_parse_destroy(in);
    return err;
}

bool xt_parse_done(const struct xt_parse *in)
{
    return in->at == in->nr_words;
}

const char *xt_parse_peek(const struct xt_parse *in)
{
    return xt_parse_done(in) ? NULL : in->words[in->at];
}

bool xt_parse_take(struct xt_parse *in, const char *word)
{
    if (xt_parse_done(in) || in->quoted[in->at] || strcmp(in->words[in->at], word))
        return false;
    in->at++;
    return true;
}

const char *xt_parse_word(struct xt_parse *in)
{
    if (xt_parse_done(in)) {
        xt_parse_error(in, "the line ends here; a value is missing behind %s",
                       in->at ? in->words[in->at - 1] : "the command");
        return NULL;
    }
    return in->words[in->at++];
}

struct net *xt_parse_net(struct xt_parse *in)
{
    return in->net;
}

/* --- values --- */

int xt_parse_number(const char *word, uint64_t max, uint64_t *value)
{
    unsigned base = word[0] == '0' && (word[1] == 'x' || word[1] == 'X') ? 16 : 10;
    uint64_t v = 0;

    if (base == 16)
        word += 2;
    if (!*word)
        return -EINVAL;
    for (; *word; word++) {
        unsigned digit = *word >= '0' && *word <= '9'                 ? (unsigned)(*word - '0')
                         : (*word | 32) >= 'a' && (*word | 32) <= 'f' ? (unsigned)((*word | 32) - 'a' + 10)
                                                                      : 99;

        if (digit >= base || v > (max - min((uint64_t)digit, max)) / base || v * base + digit > max)
            return -EINVAL;
        v = v * base + digit;
    }
    *value = v;
    return 0;
}

int xt_parse_u32(struct xt_parse *in, uint32_t low, uint32_t high, uint32_t *value)
{
    const char *word = xt_parse_word(in);
    uint64_t v;

    if (!word)
        return -EINVAL;
    if (xt_parse_number(word, high, &v) || v < low)
        return xt_parse_error(in, "\"%s\" does not fit; write a number from %u to %u", word, low, high);
    *value = (uint32_t)v;
    return 0;
}

/* One end of a range: [word, end) is empty (`missing`) or a number. */
static int xt_parse_bound(const char *word, size_t len, uint32_t max, uint32_t missing, uint32_t *value)
{
    char digits[12];
    uint64_t v;

    if (!len) {
        *value = missing;
        return 0;
    }
    if (len >= sizeof(digits))
        return -EINVAL;
    memcpy(digits, word, len);
    digits[len] = '\0';
    if (xt_parse_number(digits, max, &v))
        return -EINVAL;
    *value = (uint32_t)v;
    return 0;
}

int xt_parse_range(struct xt_parse *in, uint32_t max, uint32_t *from, uint32_t *to, char separator)
{
    const char *word = xt_parse_word(in), *middle;

    if (!word)
        return -EINVAL;
    middle = strchr(word, separator);
    if (!*word || xt_parse_bound(word, middle ? (size_t)(middle - word) : strlen(word), max, 0, from) ||
        (middle && xt_parse_bound(middle + 1, strlen(middle + 1), max, max, to)))
        return xt_parse_error(in, "\"%s\" does not fit; write one number up to %u, or from%cto", word, max,
                              separator);
    if (!middle)
        *to = *from;
    if (*from > *to)
        return xt_parse_error(in, "\"%s\" ends before it begins; write the smaller number first", word);
    return 0;
}

/* "255.255.0.0" or "16". */
static int xt_parse_mask(const char *text, be32 *mask)
{
    struct in_addr addr;
    uint64_t length;

    if (strchr(text, '.')) {
        if (inet_pton(AF_INET, text, &addr) != 1)
            return -EINVAL;
        *mask = (__force be32)addr.s_addr;
        return 0;
    }
    if (xt_parse_number(text, 32, &length))
        return -EINVAL;
    *mask = cpu_to_be32(length ? 0xffffffffu << (32 - length) : 0);
    return 0;
}

/* "10.1.2.3", or with a mask "10.1" and "10": the missing bytes are 0. */
static int xt_parse_dotted(const char *text, bool short_form, be32 *addr)
{
    struct in_addr in;
    char full[24];
    unsigned dots = 0;

    for (const char *c = text; *c; c++)
        dots += *c == '.';
    if (strlen(text) > 15 || dots > 3 || (dots < 3 && !short_form))
        return -EINVAL;
    strlcpy(full, text, sizeof(full));
    for (; dots < 3; dots++)
        strlcat(full, ".0", sizeof(full));
    if (inet_pton(AF_INET, full, &in) != 1)
        return -EINVAL;
    *addr = (__force be32)in.s_addr;
    return 0;
}

int xt_parse_addr_text(struct xt_parse *in, const char *text, be32 *addr, be32 *mask)
{
    char base[40];
    const char *slash = strchr(text, '/');

    strlcpy(base, text, sizeof(base));
    if (slash && (size_t)(slash - text) < sizeof(base))
        base[slash - text] = '\0';
    *mask = cpu_to_be32(0xffffffffu);
    if (xt_parse_dotted(base, slash != NULL, addr))
        return xt_parse_error(
            in, "\"%s\" is no IPv4 address; write it as 10.0.0.1 or 10.0.0.0/8 (names are not looked up)",
            text);
    if (slash && xt_parse_mask(slash + 1, mask))
        return xt_parse_error(in, "\"%s\" has no right mask; write /0 to /32, or /255.255.255.0", text);
    *addr &= *mask;
    return 0;
}

int xt_parse_addr(struct xt_parse *in, be32 *addr, be32 *mask)
{
    const char *word = xt_parse_word(in);

    return word ? xt_parse_addr_text(in, word, addr, mask) : -EINVAL;
}

int xt_parse_name(struct xt_parse *in, const char *what, const char *const *names)
{
    const char *word = xt_parse_word(in);
    char list[160] = "";

    if (!word)
        return -EINVAL;
    for (int i = 0; names[i]; i++) {
        if (!strcmp(word, names[i]))
            return i;
        if (i)
            strlcat(list, ", ", sizeof(list));
        strlcat(list, names[i], sizeof(list));
    }
    return xt_parse_error(in, "\"%s\" is no %s; write one of %s", word, what, list);
}

int xt_parse_no_invert(struct xt_parse *in, const char *option, bool invert)
{
    return invert ? xt_parse_error(in, "%s cannot be negated; leave out the \"!\"", option) : 0;
}

/* "[12:345]" */
int xt_parse_counters(const char *word, uint64_t *packets, uint64_t *bytes)
{
    char text[48], *colon;
    size_t len = strlen(word);

    if (len < 5 || len >= sizeof(text) || word[0] != '[' || word[len - 1] != ']')
        return 0;
    memcpy(text, word + 1, len - 2);
    text[len - 2] = '\0';
    colon = strchr(text, ':');
    if (!colon)
        return 0;
    *colon = '\0';
    return !xt_parse_number(text, UINT64_MAX, packets) && !xt_parse_number(colon + 1, UINT64_MAX, bytes);
}
