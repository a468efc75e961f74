/*
 * inetd.h - starts the small services by name: echo, discard, chargen (RFC 862, 863, 864), iperf3.
 */
#ifndef NET_APPS_INETD_H
#define NET_APPS_INETD_H

/**
 * inetd_main - start the services of a list, then return; the function of a task
 * @arg: their names, with commas in between: the value of inetd= on the command line (borrowed)
 */
void inetd_main(void *arg);

#endif
