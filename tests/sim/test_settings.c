/*
 * test_settings.c - whatever the settings of the two hosts are, a conversation over a lossy wire ends, with
 * every byte.
 */
#include <stdlib.h>

#include "tests/sim/flow.h"

/* Settings that may change how TCP works, but not whether; from the least to the most that makes sense. */
static const struct setting {
    const char *name;
    int least, most;
    unsigned values;
    const char *last; /* one more, always the same */
} settings[] = {
    {"tcp_mem", 0, 64, 2, " 1000"}, /* beyond the high mark orphans are reset: not all bytes arrive */
    {"tcp_rmem", 2304, 1 << 20, 3},
    {"tcp_wmem", 2304, 1 << 20, 3},
    {"tcp_mtu_probing", 0, 1, 1},
    {"tcp_syncookies", 0, 2, 1},
    {"tcp_max_syn_backlog", 1, 2, 1},
    {"tcp_max_tw_buckets", 0, 1, 1},
    {"tcp_moderate_rcvbuf", 0, 1, 1},
    {"tcp_window_scaling", 0, 1, 1},
    {"tcp_timestamps", 0, 1, 1},
    {"tcp_ecn", 0, 2, 1},
    {"tcp_ecn_fallback", 0, 1, 1},
    {"tcp_sack", 0, 1, 1},
    {"tcp_dsack", 0, 1, 1},
    {"tcp_recovery", 0, 7, 1},
    {"tcp_early_retrans", 0, 4, 1},
    {"tcp_frto", 0, 2, 1},
    {"tcp_slow_start_after_idle", 0, 1, 1},
    {"tcp_challenge_ack_limit", 0, 1000, 1},
    {"tcp_min_snd_mss", 48, 1400, 1},
    {"tcp_notsent_lowat", 1, 1 << 17, 1},
    {"tcp_pacing", 0, 1, 1},
    {"tcp_pacing_ss_ratio", 5, 1000, 1},
    {"tcp_pacing_ca_ratio", 5, 1000, 1},
};

/* The least, the most, or something in between, closer to the least. */
static int draw(const struct setting *s)
{
    double x = host_random_unit();

    if (x < 0.2)
        return s->least;
    if (x < 0.4)
        return s->most;
    return s->least + (int)((s->most - s->least) * host_random_unit() * host_random_unit());
}

static void draw_settings(struct net *net, char *text, size_t size)
{
    size_t at = 0;

    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        const struct setting *s = &settings[i];
        char name[64], value[64];
        int n = 0;

        if (host_random_unit() < 0.6)
            continue;
        for (unsigned k = 0; k < s->values; k++)
            n += snprintf(value + n, sizeof(value) - (size_t)n, "%s%d", k ? " " : "", draw(s));
        snprintf(value + n, sizeof(value) - (size_t)n, "%s", s->last ? s->last : "");
        snprintf(name, sizeof(name), "net.ipv4.%s", s->name);
        if (sysctl_set(net, name, value))
            fail_msg("%s=%s", name, value);
        at += (size_t)snprintf(text + at, size - at, " %s=\"%s\"", s->name, value);
    }
}

static void run_seed(uint64_t seed)
{
    static char client_text[2048], server_text[2048];
    struct sim_link *link = sim_link_create();
    struct flow f = {.port = 5001};

    client_text[0] = server_text[0] = '\0';
    host_random_seed(seed);
    struct sim_host *client = sim_host_create("client", link, "10.0.0.1/24");
    struct sim_host *server = sim_host_create("server", link, "10.0.0.2/24");
    host_run();
    draw_settings(client->net, client_text, sizeof(client_text));
    draw_settings(server->net, server_text, sizeof(server_text));
    sim_link_set(link, &(struct sim_conditions){.loss = 0.02 * host_random_unit(),
                                                .delay_ns = (uint64_t)(20 * MS * host_random_unit())});
    f.end[0].to_send = (size_t)(200000 * host_random_unit());
    f.end[1].to_send = (size_t)(200000 * host_random_unit());
    flow_start(&f, client, server);
    if (!host_run_until(flow_over, &f, 4 * 3600 * NSEC_PER_SEC) || f.error ||
        f.end[1].received != f.end[0].to_send || f.end[0].received != f.end[1].to_send)
        fail_msg("seed %llu: %s (%zu of %zu up, %zu of %zu down), client%s, server%s",
                 (unsigned long long)seed, f.error ? f.error : "no end", f.end[1].received, f.end[0].to_send,
                 f.end[0].received, f.end[1].to_send, client_text, server_text);
    hosts_done(link, client, server);
}

TEST("whatever the settings, all bytes arrive")
{
    const char *from = getenv("SKIFF_SEED"), *to = getenv("SKIFF_SEED_END");
    uint64_t first = from ? strtoull(from, NULL, 10) : 1, last = to ? strtoull(to, NULL, 10) : 40;

    for (uint64_t seed = first; seed <= last; seed++)
        run_seed(seed);
}

TEST_MAIN()
