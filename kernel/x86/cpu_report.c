/*
 * cpu_report.c - which processor this is, for people.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/report.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/machine.h"

/* CPUID leaves (AMD64 manual volume 3, appendix E; Intel's volume 2, CPUID). */
#define CPUID_VENDOR      0
#define CPUID_VERSION     1
#define CPUID_BRAND_FIRST 0x80000002u /* 16 characters of the name in each of three leaves */
#define CPUID_BRAND_LAST  0x80000004u
#define FAMILY_EXTENDED   15 /* this one and, for the model, Intel's 6 have more bits further up */
#define FAMILY_INTEL      6

/* The name is padded with blanks at either end. */
static const char *brand(char text[49])
{
    for (uint32_t leaf = CPUID_BRAND_FIRST; leaf <= CPUID_BRAND_LAST; leaf++) {
        struct cpuid_result r = cpuid(leaf, 0);
        memcpy(text + (leaf - CPUID_BRAND_FIRST) * sizeof(r), &r, sizeof(r));
    }
    text[48] = '\0';
    if (!text[0]) { /* an old one has no name: its maker's */
        struct cpuid_result r = cpuid(CPUID_VENDOR, 0);
        memcpy(text, &r.ebx, 4);
        memcpy(text + 4, &r.edx, 4);
        memcpy(text + 8, &r.ecx, 4);
        text[12] = '\0';
    }
    for (size_t len = strlen(text); len && text[len - 1] == ' '; len--)
        text[len - 1] = '\0';
    return text + strspn(text, " ");
}

static void write_report(void (*line)(const char *text, void *ctx), void *ctx)
{
    uint32_t version = cpuid(CPUID_VERSION, 0).eax;
    unsigned family = version >> 8 & 15, model = version >> 4 & 15;
    char name[49], text[96];
    if (family == FAMILY_INTEL || family == FAMILY_EXTENDED)
        model |= (version >> 16 & 15) << 4;
    if (family == FAMILY_EXTENDED)
        family += version >> 20 & 255;
    snprintf(text, sizeof(text), "%s (%u/%u/%u)", brand(name), family, model, version & 15);
    line(text, ctx);
}

void cpu_report_init(void)
{
    static struct report report = {.list = LIST_HEAD_INIT(report.list), .name = "cpu", .write = write_report};
    report_register(&report);
}
