/*
 * dhcp.h - the DHCP client, a program on sockets (RFC 2131).
 */
#ifndef NET_APPS_DHCP_H
#define NET_APPS_DHCP_H

/**
 * dhcp_main - keep an address from DHCP on one interface, for ever; the function of a task
 * @arg: the name of the interface, which must be up ("eth0"; borrowed, must stay)
 *
 * Words of the command line: hostname=name is what the server is told ("skiff" without). dhcp.probe=0 takes
 * an address without asking the link whether somebody has it already (RFC 2131 3.1 step 5 recommends asking;
 * it takes some four seconds, RFC 5227). While no server answers the interface gets an address of 169.254/16
 * after some eight seconds (RFC 3927); dhcp.link_local=0 keeps it without one.
 */
void dhcp_main(void *arg);

#endif
