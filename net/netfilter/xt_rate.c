/*
 * xt_rate.c - rates as text, and token buckets on the monotonic clock.
 */
#include "net/netfilter/xt_rate.h"

#include <errno.h>
#include <string.h>

#include "net/netfilter/iptables_parse.h"

static const struct {
    const char *name, *brief; /* any beginning of the name will do */
    uint64_t ns;
} xt_units[] = {
    {"second", "sec", NSEC_PER_SEC},
    {"minute", "min", 60 * NSEC_PER_SEC},
    {"hour", "hour", 3600 * NSEC_PER_SEC},
    {"day", "day", 86400 * NSEC_PER_SEC},
};

int xt_rate_parse(struct xt_parse *in, struct xt_rate *rate)
{
    const char *word = xt_parse_word(in), *slash;
    char digits[12];
    uint64_t count;

    if (!word)
        return -EINVAL;
    slash = strchr(word, '/');
    strlcpy(digits, word, sizeof(digits));
    if (slash && (size_t)(slash - word) < sizeof(digits))
        digits[slash - word] = '\0';
    rate->unit = 0;
    if (slash) {
        while (rate->unit < ARRAY_SIZE(xt_units) &&
               (!slash[1] || strncmp(xt_units[rate->unit].name, slash + 1, strlen(slash + 1))))
            rate->unit++;
    }
    if (xt_parse_number(digits, 1000000, &count) || !count || rate->unit == ARRAY_SIZE(xt_units))
        return xt_parse_error(
            in, "\"%.40s\" is no rate; write 1 to 1000000 per /second, /minute, /hour or /day", word);
    rate->count = (uint32_t)count;
    return 1;
}

void xt_rate_print(struct xt_text *out, const struct xt_rate *rate)
{
    xt_print(out, "%u/%s", rate->count, xt_units[rate->unit].brief);
}

uint64_t xt_rate_cost_ns(const struct xt_rate *rate)
{
    return max(xt_units[rate->unit].ns / rate->count, (uint64_t)1);
}

bool xt_bucket_take(struct xt_bucket *bucket, uint64_t cost_ns, uint64_t most_ns)
{
    ktime_t now = ktime_get();
    uint64_t idle = now - bucket->stamp;

    bucket->stamp = now;
    bucket->credit_ns = idle > most_ns - bucket->credit_ns ? most_ns : bucket->credit_ns + idle;
    if (bucket->credit_ns < cost_ns)
        return false;
    bucket->credit_ns -= cost_ns;
    return true;
}
