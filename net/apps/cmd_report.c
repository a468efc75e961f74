/*
 * cmd_report.c - `report`: all that tells what is wrong with a machine, on one screen to be photographed.
 *
 * Lines have a label in front. Lists are cut to what is left of the screen: the last warnings of the log,
 * which come last, always have some lines.
 */
#include <inttypes.h>
#include <net/if.h>
#include <skiff/link.h>
#include <skiff/machine.h>
#include <skiff/route.h>
#include <skiff/system.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/apps/commands.h"
#include "net/apps/parse.h"

#define SHEET_LINES   24 /* of a screen of 25: below it stands the prompt */
#define SHEET_COLUMNS 79
#define LABEL_COLUMNS 8
#define CARDS_MAX     3 /* with two lines each */
#define PCI_MAX       4 /* network cards with a line each */
#define DROPS_MAX     4
#define LOG_LINE      300
#define LOG_WARNINGS  4 /* and what is graver */

struct sheet {
    char lines[SHEET_LINES][SHEET_COLUMNS + 1];
    unsigned count;
    unsigned more; /* lines that the list being written may still begin */
};

/* A line, cut where the screen ends. */
static void put(struct sheet *sheet, const char *label, const char *fmt, ...)
{
    va_list args;
    if (sheet->count == SHEET_LINES)
        return;
    char *line = sheet->lines[sheet->count++];
    snprintf(line, SHEET_COLUMNS + 1, "%-*s", LABEL_COLUMNS, label);
    va_start(args, fmt);
    vsnprintf(line + LABEL_COLUMNS, SHEET_COLUMNS + 1 - LABEL_COLUMNS, fmt, args);
    va_end(args);
}

/* --- lists: items behind one another, on so many lines --- */

static void list_begin(struct sheet *sheet, const char *label, unsigned lines)
{
    put(sheet, label, "%s", "");
    sheet->more = lines - 1;
}

static bool list_is_empty(const struct sheet *sheet)
{
    return strlen(sheet->lines[sheet->count - 1]) == LABEL_COLUMNS;
}

/* What has no room any more is left out. */
static void list_add(struct sheet *sheet, const char *item)
{
    char *line = sheet->lines[sheet->count - 1];
    size_t used = strlen(line), comma = list_is_empty(sheet) ? 0 : 2;
    if (comma && used + comma + strlen(item) > SHEET_COLUMNS) {
        if (!sheet->more || sheet->count == SHEET_LINES)
            return;
        sheet->more--;
        put(sheet, "", "%s", item);
        return;
    }
    snprintf(line + used, SHEET_COLUMNS + 1 - used, "%s%s", comma ? ", " : "", item);
}

/* --- the machine --- */

struct first_line {
    struct sheet *sheet;
    const char *const *labels; /* of the report's lines; NULL ends them */
};

static void put_labelled(const char *text, void *ctx)
{
    struct first_line *lines = ctx;
    if (*lines->labels)
        put(lines->sheet, *lines->labels++, "%s", text);
}

static void say_machine(struct sheet *sheet)
{
    static const char *const cpu_labels[] = {"CPU", NULL}, *const boot_labels[] = {"Boot", "Words", NULL};
    struct timespec up;
    char now[32];
    struct tm tm;
    time_t t = time(NULL);
    clock_gettime(CLOCK_BOOTTIME, &up);
    gmtime_r(&t, &tm);
    strftime(now, sizeof(now), "%F %T", &tm);
    put(sheet, "Skiff", SKIFF_VERSION ", up %ld days %02ld:%02ld:%02ld, clock %s UTC",
        (long)up.tv_sec / 86400, (long)up.tv_sec / 3600 % 24, (long)up.tv_sec / 60 % 60, (long)up.tv_sec % 60,
        now);
    skiff_report("cpu", put_labelled, &(struct first_line){sheet, cpu_labels});
    skiff_report("boot", put_labelled, &(struct first_line){sheet, boot_labels});
    put(sheet, "Memory",
        "%" PRIu64 " KiB, free %" PRIu64 ", least free %" PRIu64 "; %" PRIu64 " tasks, %" PRIu64 " sockets",
        skiff_stat("mem.total_kb"), skiff_stat("mem.free_kb"), skiff_stat("mem.free_min_kb"),
        skiff_stat("tasks"), skiff_stat("mem.sockets"));
}

/* --- the bus --- */

struct pci_lines {
    struct sheet *sheet;
    unsigned cards;
    bool others; /* the second time round: only what is no network card, by its numbers */
};

static void put_pci(const char *text, void *ctx)
{
    struct pci_lines *pci = ctx;
    bool network = strstr(text, " network ") || strstr(text, " wireless ");
    const char *ids = strchr(text, '[');
    if (network && !pci->others && pci->cards++ < PCI_MAX)
        put(pci->sheet, pci->cards == 1 ? "PCI" : "", "%s", text);
    if (!network && pci->others && ids) {
        char item[10];
        strlcpy(item, ids + 1, sizeof(item)); /* "8086:1237" */
        list_add(pci->sheet, item);
    }
}

static void say_pci(struct sheet *sheet)
{
    struct pci_lines pci = {.sheet = sheet};
    if (skiff_report("pci", put_pci, &pci)) {
        put(sheet, "PCI", "this machine has no PCI bus");
        return;
    }
    if (!pci.cards)
        put(sheet, "PCI", "no network card at all");
    pci.others = true;
    list_begin(sheet, "", 1);
    skiff_report("pci", put_pci, &pci);
    if (list_is_empty(sheet))
        sheet->count--;
}

/* " 11:        123  IO-APIC   eth0" without its blanks; what is no device's and never came is left out. */
static void put_interrupt(const char *text, void *ctx)
{
    char item[SHEET_COLUMNS];
    size_t len = 0;
    for (; *text && len < sizeof(item) - 1; text++)
        if (*text != ' ' || (len && item[len - 1] != ' '))
            item[len++] = *text;
    item[len - (len && item[len - 1] == ' ')] = '\0';
    const char *count = strchr(item, ':');
    if (count && (strtoull(count + 1, NULL, 10) || (item[0] >= '0' && item[0] <= '9')))
        list_add(ctx, item);
}

static void say_interrupts(struct sheet *sheet)
{
    list_begin(sheet, "IRQ", 2);
    if (skiff_report("interrupts", put_interrupt, sheet) || list_is_empty(sheet))
        sheet->count--;
}

/* --- the network --- */

static void list_addresses(struct sheet *sheet, const char *device)
{
    struct skiff_addr addr;
    char text[ADDR_TEXT], item[40];
    for (size_t skip = 0; skiff_addr_list(&addr, 1, skip); skip++) {
        if (strcmp(addr.device, device) != 0)
            continue;
        snprintf(item, sizeof(item), "%s/%u%s", format_addr(addr.local, text), addr.prefix_len,
                 addr.tentative ? " (tentative)" : "");
        list_add(sheet, item);
    }
}

static uint64_t figure(const char *device, const char *name)
{
    char full[64];
    snprintf(full, sizeof(full), "%s.%s", device, name);
    return skiff_stat(full);
}

static void say_card(struct sheet *sheet, const struct skiff_link *link)
{
    char item[SHEET_COLUMNS], mac[MAC_TEXT];
    uint64_t speed = figure(link->name, "speed");
    list_begin(sheet, link->name, 1);
    if (!(link->flags & IFF_UP))
        list_add(sheet, "switched off");
    else if (!link->carrier)
        list_add(sheet, "NO LINK");
    else if (speed) {
        snprintf(item, sizeof(item), "link %" PRIu64 " Mb/s %s", speed,
                 figure(link->name, "full_duplex") ? "full duplex" : "HALF DUPLEX");
        list_add(sheet, item);
    } else
        list_add(sheet, "link");
    list_add(sheet, format_mac(link->addr, mac));
    list_addresses(sheet, link->name);
    put(sheet, "",
        "rx %" PRIu64 " err %" PRIu64 " drop %" PRIu64 " miss %" PRIu64 ", tx %" PRIu64 " err %" PRIu64
        " drop %" PRIu64 " hung %" PRIu64,
        link->rx_packets, link->rx_errors, link->rx_dropped, link->rx_missed, link->tx_packets,
        link->tx_errors, link->tx_dropped, figure(link->name, "tx_timeouts"));
}

static void say_cards(struct sheet *sheet)
{
    struct skiff_link link;
    unsigned cards = 0;
    for (size_t skip = 0; skiff_link_list(&link, 1, skip) && cards < CARDS_MAX; skip++)
        if (link.kind == SKIFF_LINK_ETHER) {
            say_card(sheet, &link);
            cards++;
        }
    if (!cards)
        put(sheet, "Cards", "none that Skiff drives");
}

static void say_routes(struct sheet *sheet)
{
    struct skiff_route route;
    struct skiff_neigh neigh;
    unsigned answer = 0, silent = 0;
    char item[SHEET_COLUMNS], addr[ADDR_TEXT];
    list_begin(sheet, "Route", 1);
    for (size_t skip = 0; skiff_route_list(&route, 1, skip); skip++) {
        if (route.prefix_len || route.type != SKIFF_ROUTE_UNICAST)
            continue;
        snprintf(item, sizeof(item), "default %s%s dev %s", route.gateway ? "via " : "on the link",
                 route.gateway ? format_addr(route.gateway, addr) : "", route.device);
        list_add(sheet, item);
    }
    if (list_is_empty(sheet))
        list_add(sheet, "no default");
    for (size_t skip = 0; skiff_neigh_list(&neigh, 1, skip); skip++)
        neigh.has_lladdr ? answer++ : silent++;
    snprintf(item, sizeof(item), "neighbours: %u known, %u silent", answer, silent);
    list_add(sheet, item);
}

/* --- drops --- */

struct drops {
    struct {
        char name[40];
        uint64_t count;
    } top[DROPS_MAX]; /* the most frequent first */
};

static void rank_drop(const char *name, uint64_t count, void *ctx)
{
    struct drops *drops = ctx;
    unsigned at = DROPS_MAX;
    if (strncmp(name, "drop.", 5) != 0)
        return;
    while (at && drops->top[at - 1].count < count)
        at--;
    if (at == DROPS_MAX)
        return;
    memmove(&drops->top[at + 1], &drops->top[at], (DROPS_MAX - 1 - at) * sizeof(drops->top[0]));
    drops->top[at].count = count;
    strlcpy(drops->top[at].name, name + 5, sizeof(drops->top[at].name));
}

static void say_drops(struct sheet *sheet)
{
    struct drops drops = {0};
    char item[80];
    skiff_stats_walk(rank_drop, &drops);
    list_begin(sheet, "Drops", 1);
    for (unsigned i = 0; i < DROPS_MAX && drops.top[i].count; i++) {
        snprintf(item, sizeof(item), "%s %" PRIu64, drops.top[i].name, drops.top[i].count);
        list_add(sheet, item);
    }
    if (list_is_empty(sheet))
        list_add(sheet, "none");
}

/* --- the log --- */

/* Writes the last of them, after leaving out `skip`. Return: how many warnings there are. */
static unsigned walk_warnings(struct sheet *sheet, unsigned skip)
{
    char line[LOG_LINE];
    uint64_t pos = 0;
    unsigned warnings = 0;
    int level;
    while (skiff_log_read(&pos, &level, line, sizeof(line)) >= 0)
        if (level <= LOG_WARNINGS && warnings++ >= skip)
            put(sheet, warnings == skip + 1 ? "Log" : "", "%s", line);
    return warnings;
}

static void say_log(struct sheet *sheet)
{
    unsigned warnings = walk_warnings(sheet, UINT32_MAX), room = SHEET_LINES - sheet->count;
    if (warnings)
        walk_warnings(sheet, warnings > room ? warnings - room : 0);
    else
        put(sheet, "Log", "no warnings");
}

static int report(struct shell *c, int argc, char **argv)
{
    struct sheet sheet = {.count = 0};
    if (argc > 1)
        return console_usage(c, "report");
    say_machine(&sheet);
    say_pci(&sheet);
    say_interrupts(&sheet);
    say_cards(&sheet);
    say_routes(&sheet);
    say_drops(&sheet);
    say_log(&sheet);
    console_printf(c, "\f"); /* a screen shows it without the sign (drivers/video/screen.c) */
    for (unsigned i = 0; i < sheet.count; i++)
        console_printf(c, "%s\n", sheet.lines[i]);
    return 0;
}

const struct command report_command = {
    "report", "one screen to photograph when something does not work (key F12)", "report", report};
