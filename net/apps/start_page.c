/*
 * start_page.c - the page of a machine that was given no site.
 *
 * Called by http_respond.c for "/" and "/status.json". The figures come from skiff_stats_walk(), under the
 * names that nstat and the text books use. The page is complete without its script; the script only keeps it
 * current.
 */
#include "net/apps/start_page.h"

#include <arpa/inet.h>
#include <skiff/system.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "net/apps/http_file.h"

struct text {
    char *data;
    size_t len, size;
};

static void __attribute__((format(printf, 2, 3))) put(struct text *text, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    size_t room = text->size - text->len;
    size_t len = vsnprintf(text->data + text->len, room, fmt, args);
    va_end(args);
    text->len += len < room ? len : room - 1;
}

/* --- the figures --- */

enum figure {
    UPTIME_MS,
    RX_PACKETS,
    TX_PACKETS,
    RX_BYTES,
    TX_BYTES,
    INTERRUPTS,
    POLLS,
    TCP_OPEN,
    TCP_ACCEPTED,
    RETRANSMITTED,
    MEM_TOTAL_KB,
    MEM_FREE_KB,
    REQUESTS,
    WEB_CONNECTIONS,
    DROPS,
    FIGURES
};

/* Name in status.json and in the page; the machine's name for it, summed over devices if it starts with '.'.
 */
static const struct {
    const char *id, *stat, *label;
} figure_table[FIGURES] = {
    [UPTIME_MS] = {"uptime_ms", "uptime_ms", "Running for"},
    [RX_PACKETS] = {"rx_packets", ".rx_packets", "Packets received"},
    [TX_PACKETS] = {"tx_packets", ".tx_packets", "Packets sent"},
    [RX_BYTES] = {"rx_bytes", ".rx_bytes", "Bytes received"},
    [TX_BYTES] = {"tx_bytes", ".tx_bytes", "Bytes sent"},
    [INTERRUPTS] = {"interrupts", ".napi_irqs", "Interrupts of the cards"},
    [POLLS] = {"polls", ".napi_polls", "Polls of the cards"},
    [TCP_OPEN] = {"tcp_open", "TcpCurrEstab", "TCP connections open"},
    [TCP_ACCEPTED] = {"tcp_accepted", "TcpPassiveOpens", "TCP connections accepted"},
    [RETRANSMITTED] = {"tcp_retransmitted", "TcpRetransSegs", "TCP segments sent again"},
    [MEM_TOTAL_KB] = {"mem_total_kb", "mem.total_kb", "Memory, KiB"},
    [MEM_FREE_KB] = {"mem_free_kb", "mem.free_kb", "Memory free, KiB"},
    [REQUESTS] = {"requests", NULL, "HTTP requests answered"},
    [WEB_CONNECTIONS] = {"http_connections", NULL, "HTTP connections open"},
    [DROPS] = {"drops", NULL, "Packets dropped"},
};

struct figures {
    uint64_t value[FIGURES];
    struct text *drops; /* where the reasons go, in the form of `drop_format` */
    const char *drop_format;
};

static bool is_stat(const char *name, const char *stat)
{
    if (!stat)
        return false;
    if (*stat != '.')
        return !strcmp(name, stat);
    const char *dot = strchr(name, '.');
    return dot && strncmp(name, "lo.", 3) && !strcmp(dot, stat);
}

static void note_stat(const char *name, uint64_t value, void *ctx)
{
    struct figures *figures = ctx;
    if (!strncmp(name, "drop.", 5)) {
        if (value && figures->drops->size - figures->drops->len > 128)
            put(figures->drops, figures->drop_format, figures->drops->len ? ", " : "", name + 5,
                (unsigned long long)value);
        figures->value[DROPS] += value;
        return;
    }
    for (int i = 0; i < FIGURES; i++)
        if (is_stat(name, figure_table[i].stat))
            figures->value[i] += value;
}

static void collect(struct figures *figures, const struct start_page_figures *web, struct text *drops,
                    const char *drop_format)
{
    memset(figures, 0, sizeof(*figures));
    figures->drops = drops;
    figures->drop_format = drop_format;
    skiff_stats_walk(note_stat, figures);
    figures->value[REQUESTS] = web->requests;
    figures->value[WEB_CONNECTIONS] = web->connections;
}

size_t start_page_json(const struct start_page_figures *web, char *out, size_t size)
{
    char drop_text[1024] = "";
    struct text drops = {drop_text, 0, sizeof(drop_text)}, json = {out, 0, size};
    struct figures figures;
    collect(&figures, web, &drops, "%s\"%s\":%llu");
    put(&json, "{");
    for (int i = 0; i < FIGURES; i++)
        put(&json, "\"%s\":%llu,", figure_table[i].id, (unsigned long long)figures.value[i]);
    put(&json, "\"drop_reasons\":{%s},\"version\":\"" SKIFF_VERSION "\"}\n", drop_text);
    return json.len;
}

/* --- the page --- */

static const char page_begin[] =
    "<!doctype html>\n"
    "<html lang=\"en\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>Skiff is running</title>\n"
    "<link rel=\"icon\" href=\"data:,\">\n"
    "<link rel=\"stylesheet\" href=\"/start.css\">\n"
    "<script src=\"/start.js\" defer></script>\n"
    "</head>\n"
    "<body>\n"
    "<main>\n"
    "<h1>Skiff is running</h1>\n"
    "<p>This page comes from a network operating system in one small image: its own kernel, card driver, TCP/IP\n"
    "stack, sockets and web server, with nothing underneath. The packets that carried it took the way the text\n"
    "books describe: card, interrupt, poll, <code>netif_receive_skb</code>, IP, TCP, socket, program, and back.</p>\n"
    "<p>You see it because the machine was started without a site of yours.</p>\n";

static const char page_end[] =
    "<h2>What to try next</h2>\n"
    "<dl>\n"
    "<dt><code>make run SITE=folder</code></dt>\n"
    "<dd>Serves your folder in place of this page. An archive works too: a tar file that holds <code>www/</code>,\n"
    "given as boot module (<code>-initrd site.tar</code>).</dd>\n"
    "<dt><code>make run NET=tap</code></dt>\n"
    "<dd>Puts the machine on a network of its own with your computer, where it can be pinged and captured from.</dd>\n"
    "<dt><code>wrk -c 64 -d 5 http://%s%s/</code></dt>\n"
    "<dd>Load. Watch the interrupts above: when packets come fast the card's interrupts stay masked and it is polled\n"
    "instead, so polls grow faster than interrupts, and each carries more frames. This is NAPI at work.</dd>\n"
    "<dt><code>inetd=echo,discard,chargen</code></dt>\n"
    "<dd>On the kernel command line: starts three small services of the early Internet, on ports 7, 9 and 19.</dd>\n"
    "<dt><code>curl http://%s%s/status.json</code></dt>\n"
    "<dd>The figures above, for programs.</dd>\n"
    "</dl>\n"
    "</main>\n"
    "<footer>Skiff " SKIFF_VERSION "</footer>\n"
    "</body>\n"
    "</html>\n";

static const char style[] =
    ":root{color-scheme:light dark;--text:#1c2b33;--soft:#526570;--line:#d5dee3;--back:#fbfcfd;--accent:#0b6e8a}\n"
    "@media(prefers-color-scheme:dark){:root{--text:#e4ecf0;--soft:#9db0ba;--line:#33434c;--back:#12191d;"
    "--accent:#6cc7e0}}\n"
    "body{font:1rem/1.6 system-ui,sans-serif;color:var(--text);background:var(--back);margin:0}\n"
    "main,footer{max-width:44rem;margin:0 auto;padding:1rem}\n"
    "h1{font-size:2rem;line-height:1.2;margin:2rem 0 1rem;color:var(--accent)}\n"
    "h2{font-size:1.25rem;margin:2rem 0 .5rem}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th,td{padding:.3rem 0;border-bottom:1px solid var(--line);text-align:left;font-weight:400;vertical-align:top}\n"
    "td{text-align:right;font-variant-numeric:tabular-nums}\n"
    "code{font:.95em/1.4 ui-monospace,monospace;overflow-wrap:anywhere}\n"
    "dt{margin-top:1rem}\n"
    "dd{margin:0;color:var(--soft)}\n"
    "footer{color:var(--soft)}\n";

static const char script[] =
    "'use strict';\n"
    "const span = ms => { const s = Math.floor(ms / 1000), d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24,\n"
    "  m = Math.floor(s / 60) % 60; return (d ? d + ' d ' : '') + (s >= 3600 ? h + ' h ' : '') +\n"
    "  (s >= 60 ? m + ' min ' : '') + s % 60 + ' s'; };\n"
    "async function refresh() {\n"
    "  try {\n"
    "    const figures = await (await fetch('/status.json')).json();\n"
    "    for (const [id, value] of Object.entries(figures)) {\n"
    "      const cell = document.getElementById(id);\n"
    "      if (cell) cell.textContent = id === 'uptime_ms' ? span(value) :\n"
    "        typeof value === 'object' ? Object.entries(value).map(e => e.join(' ')).join(', ') || 'none' : value;\n"
    "    }\n"
    "  } catch (e) { /* the machine is off or busy: ask again */ }\n"
    "}\n"
    "setInterval(() => document.hidden || refresh(), 2000);\n";

static void put_duration(struct text *page, uint64_t ms)
{
    unsigned long long s = ms / 1000;
    if (s >= 86400)
        put(page, "%llu d ", s / 86400);
    if (s >= 3600)
        put(page, "%llu h ", s / 3600 % 24);
    if (s >= 60)
        put(page, "%llu min ", s / 60 % 60);
    put(page, "%llu s", s % 60);
}

static void put_row(struct text *page, const char *label, const char *id, const char *value)
{
    put(page, "<tr><th scope=\"row\">%s</th><td id=\"%s\">%s</td></tr>\n", label, id, value);
}

static void put_figures(struct text *page, const struct start_page_figures *web, const char *own,
                        const char *peer)
{
    char drop_text[1024] = "none", value[64];
    struct text drops = {drop_text, 0, sizeof(drop_text)}, cell = {value, 0, sizeof(value)};
    struct figures figures;
    collect(&figures, web, &drops, "%s%s %llu");
    put(page, "<h2>This machine, now</h2>\n<table>\n");
    put_row(page, "Address", "address", own);
    put_row(page, "You come from", "peer", peer);
    put_duration(&cell, figures.value[UPTIME_MS]);
    put_row(page, figure_table[UPTIME_MS].label, figure_table[UPTIME_MS].id, value);
    for (int i = UPTIME_MS + 1; i < FIGURES; i++) {
        snprintf(value, sizeof(value), "%llu", (unsigned long long)figures.value[i]);
        put_row(page, figure_table[i].label, figure_table[i].id, value);
    }
    put_row(page, "Dropped, by reason", "drop_reasons", drop_text);
    put(page, "</table>\n");
}

static void address_text(int result, const struct sockaddr_in *address, char *out, size_t size)
{
    if (result || !inet_ntop(AF_INET, &address->sin_addr, out, size))
        snprintf(out, size, "unknown");
}

size_t start_page_html(const struct start_page_figures *web, char *out, size_t size)
{
    struct text page = {out, 0, size};
    struct sockaddr_in address = {0};
    socklen_t len = sizeof(address);
    char own[INET_ADDRSTRLEN], peer[INET_ADDRSTRLEN], port[8] = "";
    address_text(getsockname(web->conn_fd, (struct sockaddr *)&address, &len), &address, own, sizeof(own));
    len = sizeof(address);
    address_text(getpeername(web->conn_fd, (struct sockaddr *)&address, &len), &address, peer, sizeof(peer));
    if (web->port != 80)
        snprintf(port, sizeof(port), ":%u", (unsigned)web->port);
    put(&page, "%s", page_begin);
    put_figures(&page, web, own, peer);
    put(&page, page_end, own, port, own, port);
    return page.len;
}

int start_page_add_files(struct http_files *files)
{
    time_t now = time(NULL);
    if (http_files_add(files, "/start.css", style, sizeof(style) - 1, now))
        return -1;
    return http_files_add(files, "/start.js", script, sizeof(script) - 1, now);
}
