/*
 * boot_report.c - keeps what the loader said in a line or two, for people.
 */
#include "kernel/boot_report.h"

#include <stdio.h>

#include "kernel/report.h"

static char loader_line[80], cmdline[160];

static void write_report(void (*line)(const char *text, void *ctx), void *ctx)
{
    line(loader_line, ctx);
    line(cmdline, ctx);
}

void boot_report_init(const struct boot_info *boot)
{
    static struct report report = {
        .list = LIST_HEAD_INIT(report.list), .name = "boot", .write = write_report};
    const struct boot_framebuffer *fb = &boot->framebuffer;
    char screen[40] = "text";
    if (fb->type != BOOT_FB_TEXT)
        snprintf(screen, sizeof(screen), "%ux%u dots of %u bits", fb->width, fb->height, fb->bits_per_pixel);
    snprintf(loader_line, sizeof(loader_line), "%s, screen: %s, modules: %u", boot->loader, screen,
             boot->nr_modules);
    snprintf(cmdline, sizeof(cmdline), "%s", boot->cmdline);
    report_register(&report);
}
