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
#include "net/apps/http_path.h"

#define HOST_SHOWN_MAX 64u /* bytes of a Host that are worth showing */

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
    MEM_TOTAL_KB,
    MEM_FREE_KB,
    RX_PACKETS,
    TX_PACKETS,
    RX_BYTES,
    TX_BYTES,
    INTERRUPTS,
    POLLS,
    REQUESTS,
    WEB_CONNECTIONS,
    TCP_OPEN,
    TCP_ACCEPTED,
    RETRANSMITTED,
    DROPS,
    FIGURES
};

/* By card of the page. Name in status.json and in the page; the machine's name for it, summed over devices if
 * it starts with '.'. */
static const struct {
    const char *id, *stat, *label;
} figure_table[FIGURES] = {
    [UPTIME_MS] = {"uptime_ms", "uptime_ms", "Running for"},
    [MEM_TOTAL_KB] = {"mem_total_kb", "mem.total_kb", "Memory, KiB"},
    [MEM_FREE_KB] = {"mem_free_kb", "mem.free_kb", "Free, KiB"},
    [RX_PACKETS] = {"rx_packets", ".rx_packets", "Packets received"},
    [TX_PACKETS] = {"tx_packets", ".tx_packets", "Packets sent"},
    [RX_BYTES] = {"rx_bytes", ".rx_bytes", "Bytes received"},
    [TX_BYTES] = {"tx_bytes", ".tx_bytes", "Bytes sent"},
    [INTERRUPTS] = {"interrupts", ".napi_irqs", "Interrupts"},
    [POLLS] = {"polls", ".napi_polls", "Polls"},
    [REQUESTS] = {"requests", NULL, "HTTP requests answered"},
    [WEB_CONNECTIONS] = {"http_connections", NULL, "HTTP connections open"},
    [TCP_OPEN] = {"tcp_open", "TcpCurrEstab", "TCP connections open"},
    [TCP_ACCEPTED] = {"tcp_accepted", "TcpPassiveOpens", "TCP connections accepted"},
    [RETRANSMITTED] = {"tcp_retransmitted", "TcpRetransSegs", "TCP segments sent again"},
    [DROPS] = {"drops", NULL, "Packets"},
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
    "<header>\n"
    "<h1>Skiff is running</h1>\n"
    "<p>This page was served by a network operating system in one small file: its own kernel, card driver, TCP/IP\n"
    "stack, sockets and web server, with nothing underneath. You see it because the machine was started without\n"
    "a site of yours.</p>\n"
    "</header>\n"
    "<main>\n";

/* The two %s: the host, as the visitor reaches it. */
static const char page_end[] =
    "<section aria-labelledby=\"way\">\n"
    "<h2 id=\"way\">How this page came to you</h2>\n"
    "<p>Your request took the way the text books describe:</p>\n"
    "<ol>\n"
    "<li><b>card</b> <code>DMA</code> into the ring</li>\n"
    "<li><b>interrupt</b> <code>napi_schedule</code></li>\n"
    "<li><b>poll</b> <code>netif_receive_skb</code></li>\n"
    "<li><b>IP</b> <code>ip_rcv</code></li>\n"
    "<li><b>TCP</b> <code>tcp_v4_rcv</code></li>\n"
    "<li><b>socket</b> <code>epoll_wait</code>, <code>recv</code></li>\n"
    "<li><b>web server</b> <code>http_respond</code>, <code>send</code></li>\n"
    "<li><b>and back</b> <code>dev_queue_xmit</code></li>\n"
    "</ol>\n"
    "</section>\n"
    "<section aria-labelledby=\"next\">\n"
    "<h2 id=\"next\">What to try next</h2>\n"
    "<dl>\n"
    "<dt>Serve a folder of yours in place of this page</dt>\n"
    "<dd><pre><code>make run SITE=path/to/folder</code></pre></dd>\n"
    "<dt>Give the machine a network of its own with your computer, to ping it and watch its packets</dt>\n"
    "<dd><pre><code>make run NET=tap</code></pre></dd>\n"
    "<dt>Make an image that boots from a CD or a USB stick</dt>\n"
    "<dd><pre><code>make iso SITE=path/to/folder</code></pre></dd>\n"
    "<dt>Put it under load, and watch interrupts and polls above: while packets come fast, the card&rsquo;s\n"
    "interrupts stay masked and it is polled (NAPI)</dt>\n"
    "<dd><pre><code>wrk -c 64 -d 10 http://%s/</code></pre></dd>\n"
    "<dt>Get the figures above for a program</dt>\n"
    "<dd><pre><code>curl http://%s/status.json</code></pre></dd>\n"
    "</dl>\n"
    "<p>More words for the kernel command line, and the map of the source, are in <code>README.md</code>.</p>\n"
    "</section>\n"
    "</main>\n"
    "<footer>Skiff " SKIFF_VERSION "</footer>\n"
    "</body>\n"
    "</html>\n";

static const char style[] =
    ":root{color-scheme:light dark;--text:#17242b;--soft:#4d616b;--line:#d9e2e6;--back:#f4f7f8;--card:#fff;"
    "--accent:#0a6580}\n"
    "@media(prefers-color-scheme:dark){:root{--text:#e6eef1;--soft:#a3b5be;--line:#2c3b43;--back:#0f161a;"
    "--card:#172127;--accent:#74cbe3}}\n"
    "*{box-sizing:border-box}\n"
    "body{font:1rem/1.6 system-ui,-apple-system,'Segoe UI',sans-serif;color:var(--text);background:var(--back);"
    "margin:0;padding:0 1rem}\n"
    "header,main,footer{max-width:56rem;margin:0 auto}\n"
    "h1{font-size:clamp(1.75rem,5vw,2.5rem);line-height:1.15;letter-spacing:-.02em;margin:clamp(1.5rem,6vw,4rem) 0 "
    ".75rem;color:var(--accent)}\n"
    "header p{font-size:1.1rem;max-width:42rem;margin:0}\n"
    "h2{font-size:1.2rem;margin:2.5rem 0 .75rem}\n"
    "h3{font-size:1rem;margin:0 0 .25rem;color:var(--accent)}\n"
    ".cards{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr))}\n"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:1rem 1.25rem}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th,td{padding:.3rem 0;border-top:1px solid var(--line);text-align:left;font-weight:400;vertical-align:top}\n"
    "tr:first-child>*{border-top:0}\n"
    "th{color:var(--soft);padding-right:1rem}\n"
    "td{text-align:right;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}\n"
    "ol{list-style:none;padding:0;margin:0;display:grid;gap:.5rem;"
    "grid-template-columns:repeat(auto-fit,minmax(min(100%,12rem),1fr))}\n"
    "li{background:var(--card);border:1px solid var(--line);border-left:3px solid var(--accent);"
    "border-radius:.25rem;padding:.4rem .75rem;font-size:.9rem}\n"
    "li b{display:block}\n"
    "code{font:.9em/1.4 ui-monospace,SFMono-Regular,Consolas,monospace;overflow-wrap:anywhere}\n"
    "dt{margin-top:1.25rem}\n"
    "dd{margin:.25rem 0 0}\n"
    "pre{margin:0;background:var(--card);border:1px solid var(--line);border-radius:.35rem;padding:.6rem .9rem;"
    "white-space:pre-wrap;user-select:all}\n"
    "#state{color:var(--soft);margin:.75rem 0 0;min-height:1.6em}\n"
    "footer{color:var(--soft);padding:2.5rem 0 1.5rem}\n";

static const char script[] =
    "'use strict';\n"
    "const state = document.getElementById('state');\n"
    "const say = line => { if (state.textContent !== line) state.textContent = line; };\n"
    "const number = n => n.toLocaleString('en').replace(/,/g, '\\u202f');\n"
    "const span = ms => { const s = Math.floor(ms / 1000), d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24,\n"
    "  m = Math.floor(s / 60) % 60; return (d ? d + ' d ' : '') + (s >= 3600 ? h + ' h ' : '') +\n"
    "  (s >= 60 ? m + ' min ' : '') + s % 60 + ' s'; };\n"
    "const text = (id, value) => id === 'uptime_ms' ? span(value) : typeof value === 'number' ? number(value) :\n"
    "  Object.entries(value).map(e => e.join(' ')).join(', ') || 'none';\n"
    "async function refresh() {\n"
    "  try {\n"
    "    const answer = await fetch('/status.json', { signal: AbortSignal.timeout(5000) });\n"
    "    for (const [id, value] of Object.entries(await answer.json())) {\n"
    "      const cell = document.getElementById(id);\n"
    "      if (cell) cell.textContent = text(id, value);\n"
    "    }\n"
    "    say('Live: counted anew every second.');\n"
    "  } catch (e) {\n"
    "    say('The machine does not answer at the moment. These are its last figures.');\n"
    "  }\n"
    "  setTimeout(refresh, 1000);\n"
    "}\n"
    "refresh();\n";

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

/* In groups of three digits, as the script writes them. */
static void put_number(struct text *cell, uint64_t n)
{
    if (n >= 1000)
        put_number(cell, n / 1000);
    put(cell, n >= 1000 ? "&#8239;%03u" : "%u", (unsigned)(n % 1000));
}

static void put_figure(struct text *page, const struct figures *figures, enum figure figure)
{
    char value[128] = "";
    struct text cell = {value, 0, sizeof(value)};
    if (figure == UPTIME_MS)
        put_duration(&cell, figures->value[figure]);
    else
        put_number(&cell, figures->value[figure]);
    put_row(page, figure_table[figure].label, figure_table[figure].id, value);
}

static void put_card_begin(struct text *page, const char *title)
{
    put(page, "<div class=\"card\">\n<h3>%s</h3>\n<table>\n", title);
}

static void put_card_end(struct text *page)
{
    put(page, "</table>\n</div>\n");
}

/* A card of the figures from `first` to `last`. */
static void put_card(struct text *page, const char *title, const struct figures *figures, enum figure first,
                     enum figure last)
{
    put_card_begin(page, title);
    for (unsigned i = first; i <= last; i++)
        put_figure(page, figures, i);
    put_card_end(page);
}

static void put_figures(struct text *page, const struct start_page_figures *web, const char *own,
                        const char *peer)
{
    char drop_text[1024] = "none";
    struct text drops = {drop_text, 0, sizeof(drop_text)};
    struct figures figures;
    collect(&figures, web, &drops, "%s%s %llu");
    put(page,
        "<section aria-labelledby=\"now\">\n<h2 id=\"now\">This machine, now</h2>\n<div class=\"cards\">\n");
    put_card_begin(page, "Machine");
    put_row(page, "Address", "address", own);
    put_row(page, "You come from", "peer", peer);
    for (unsigned i = UPTIME_MS; i <= MEM_FREE_KB; i++)
        put_figure(page, &figures, i);
    put_card_end(page);
    put_card(page, "Card", &figures, RX_PACKETS, POLLS);
    put_card(page, "Connections", &figures, REQUESTS, RETRANSMITTED);
    put_card_begin(page, "Dropped");
    put_figure(page, &figures, DROPS);
    put_row(page, "By reason", "drop_reasons", drop_text);
    put_card_end(page);
    put(page, "</div>\n<p id=\"state\" role=\"status\"></p>\n</section>\n");
}

static void address_text(int result, const struct sockaddr_in *address, char *out, size_t size)
{
    if (result || !inet_ntop(AF_INET, &address->sin_addr, out, size))
        snprintf(out, size, "unknown");
}

/* What the visitor can type to come here: Host if there is one, for behind a port forwarding our own address
 * is of no use. */
static void put_host(struct text *host, const struct start_page_figures *web, const char *own)
{
    if (web->host_len && web->host_len < HOST_SHOWN_MAX)
        host->len = http_html_escape(web->host, web->host_len, host->data, host->size);
    else if (web->port == 80)
        put(host, "%s", own);
    else
        put(host, "%s:%u", own, (unsigned)web->port);
}

size_t start_page_html(const struct start_page_figures *web, char *out, size_t size)
{
    struct sockaddr_in address = {0};
    socklen_t len = sizeof(address);
    char own[INET_ADDRSTRLEN], peer[INET_ADDRSTRLEN], host_text[HOST_SHOWN_MAX * 6 + 16];
    struct text page = {out, 0, size}, host = {host_text, 0, sizeof(host_text)};
    address_text(getsockname(web->conn_fd, (struct sockaddr *)&address, &len), &address, own, sizeof(own));
    len = sizeof(address);
    address_text(getpeername(web->conn_fd, (struct sockaddr *)&address, &len), &address, peer, sizeof(peer));
    put_host(&host, web, own);
    put(&page, "%s", page_begin);
    put_figures(&page, web, own, peer);
    put(&page, page_end, host_text, host_text);
    return page.len;
}

int start_page_add_files(struct http_files *files)
{
    time_t now = time(NULL);
    if (http_files_add(files, "/start.css", style, sizeof(style) - 1, now))
        return -1;
    return http_files_add(files, "/start.js", script, sizeof(script) - 1, now);
}
