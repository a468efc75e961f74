/*
 * inetd.c - the services of the word inetd= on the command line.
 *
 * Runs once at start and leaves the services' own tasks behind. None is on by default.
 */
#include "net/apps/inetd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/apps/service.h"

static const struct service *const services[] = {&echo_service, &discard_service, &chargen_service,
                                                 &iperf3_service};

static const struct service *find_service(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
        if (strlen(services[i]->name) == len && !memcmp(services[i]->name, name, len))
            return services[i];
    return NULL;
}

static void start(const char *name, size_t len)
{
    const struct service *service = find_service(name, len);
    if (!service)
        printf("inetd: there is no service '%.*s'; there are echo, discard, chargen and iperf3\n", (int)len,
               name);
    else if (service_start(service))
        printf("inetd: %s cannot start: %s\n", service->name, strerror(errno));
    else
        printf("inetd: %s on port %u, TCP%s\n", service->name, (unsigned)service->port,
               service->answer ? " and UDP" : "");
}

void inetd_main(void *arg)
{
    const char *name = arg;
    while (*name) {
        size_t len = strcspn(name, ",");
        if (len)
            start(name, len);
        name += len + (name[len] == ',');
    }
}
