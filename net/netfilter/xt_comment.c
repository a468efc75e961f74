/*
 * xt_comment.c - -m comment: words for the reader; every packet fits.
 */
#include <errno.h>
#include <string.h>

#include "net/netfilter/xt_extensions.h"

#define COMMENT_MAX 256 /* with the NUL, as in Linux */

struct xt_comment {
    char text[COMMENT_MAX];
};

static int xt_comment_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_comment *c = data;
    const char *word;

    if (strcmp(option, "--comment"))
        return 0;
    if (xt_parse_no_invert(in, option, invert))
        return -EINVAL;
    word = xt_parse_word(in);
    if (!word)
        return -EINVAL;
    if (strlcpy(c->text, word, sizeof(c->text)) >= sizeof(c->text))
        return xt_parse_error(in, "a comment has at most %d characters; write a shorter one",
                              COMMENT_MAX - 1);
    return 1;
}

static bool xt_comment_match_packet(const void *data, struct xt_packet *p)
{
    return true;
}

static void xt_comment_print(struct xt_text *out, const void *data)
{
    xt_print(out, " --comment ");
    xt_print_quoted(out, ((const struct xt_comment *)data)->text);
}

static void xt_comment_list(struct xt_text *out, const void *data)
{
    xt_print(out, " /* %s */", ((const struct xt_comment *)data)->text);
}

/* Nothing to ask: the evaluator need not call anybody. */
static bool xt_comment_ports(const void *data, uint16_t ports[4])
{
    return true;
}

const struct xt_match xt_comment_match = {
    .name = "comment",
    .size = sizeof(struct xt_comment),
    .match = xt_comment_match_packet,
    .parse = xt_comment_parse,
    .print = xt_comment_print,
    .list = xt_comment_list,
    .ports = xt_comment_ports,
};
