/*
 * cmd_sysctl.c - `sysctl`: settings of the stack by name.
 */
#include <skiff/route.h>
#include <string.h>

#include "net/apps/commands.h"
#include "net/apps/text.h"

#define SYSCTL_VALUE 128

static void add_name(const char *name, void *ctx)
{
    struct text *text = ctx;
    text_add(text, name, strlen(name) + 1); /* with its NUL */
}

/* All of them, or those whose names begin with `prefix` ("net.ipv4."). */
static int show_all(struct shell *c, const char *prefix)
{
    struct text names = {0};
    char value[SYSCTL_VALUE];
    unsigned shown = 0;
    skiff_sysctl_walk(add_name, &names);
    for (const char *name = names.data; name && name < names.data + names.len && !c->stopped;
         name += strlen(name) + 1) {
        if (strncmp(name, prefix, strlen(prefix)) != 0 || skiff_sysctl_read(name, value, sizeof(value)) < 0)
            continue;
        console_printf(c, "%s = %s\n", name, value);
        shown++;
    }
    text_free(&names);
    return shown ? 0 : console_fail(c, prefix, "there is no such setting; sysctl -a lists them");
}

static int show_one(struct shell *c, const char *name)
{
    char value[SYSCTL_VALUE];
    if (skiff_sysctl_read(name, value, sizeof(value)) < 0)
        return show_all(c, name);
    console_printf(c, "%s = %s\n", name, value);
    return 0;
}

static int set_one(struct shell *c, char *assignment)
{
    char *value = strchr(assignment, '=');
    const char *why = NULL;
    *value++ = '\0';
    if (skiff_sysctl_write(assignment, value, &why))
        return console_fail(c, assignment, why);
    return show_one(c, assignment);
}

static int sysctl(struct shell *c, int argc, char **argv)
{
    int result = 0, i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (!strcmp(argv[i], "-a"))
            return show_all(c, "");
        if (strcmp(argv[i], "-w") != 0)
            return console_usage(c, "sysctl");
    }
    if (i == argc)
        return console_usage(c, "sysctl");
    for (; i < argc; i++)
        result |= strchr(argv[i], '=') ? set_one(c, argv[i]) : show_one(c, argv[i]);
    return result;
}

const struct command sysctl_command = {"sysctl", "settings of the stack",
                                       "sysctl -a                  all of them\n"
                                       "sysctl NAME ...            one, or all that begin so: net.ipv4.tcp\n"
                                       "sysctl [-w] NAME=VALUE ... changes it: net.ipv4.ip_forward=1",
                                       sysctl};
