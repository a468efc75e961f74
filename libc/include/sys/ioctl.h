/*
 * sys/ioctl.h - requests on a descriptor, with the numbers of linux/sockios.h.
 */
#ifndef LIBC_SYS_IOCTL_H
#define LIBC_SYS_IOCTL_H

#define FIONREAD   0x541b
#define FIONBIO    0x5421
#define TIOCINQ    0x541b
#define TIOCOUTQ   0x5411
#define TIOCGWINSZ 0x5413

#define SIOCINQ    FIONREAD
#define SIOCOUTQ   TIOCOUTQ
#define SIOCATMARK 0x8905
#define SIOCGSTAMP 0x8906

/* Routes (struct rtentry, net/route.h). */
#define SIOCADDRT 0x890b
#define SIOCDELRT 0x890c

/* Devices (struct ifreq, struct ifconf, net/if.h). */
#define SIOCGIFNAME    0x8910
#define SIOCGIFCONF    0x8912
#define SIOCGIFFLAGS   0x8913
#define SIOCSIFFLAGS   0x8914
#define SIOCGIFADDR    0x8915
#define SIOCSIFADDR    0x8916
#define SIOCGIFDSTADDR 0x8917
#define SIOCSIFDSTADDR 0x8918
#define SIOCGIFBRDADDR 0x8919
#define SIOCSIFBRDADDR 0x891a
#define SIOCGIFNETMASK 0x891b
#define SIOCSIFNETMASK 0x891c
#define SIOCGIFMETRIC  0x891d
#define SIOCSIFMETRIC  0x891e
#define SIOCGIFMTU     0x8921
#define SIOCSIFMTU     0x8922
#define SIOCSIFNAME    0x8923
#define SIOCSIFHWADDR  0x8924
#define SIOCGIFHWADDR  0x8927
#define SIOCADDMULTI   0x8931
#define SIOCDELMULTI   0x8932
#define SIOCGIFINDEX   0x8933
#define SIOCGIFTXQLEN  0x8942
#define SIOCSIFTXQLEN  0x8943
#define SIOCETHTOOL    0x8946

/* The ARP table (struct arpreq, net/if_arp.h). */
#define SIOCDARP 0x8953
#define SIOCGARP 0x8954
#define SIOCSARP 0x8955

/* Bridges and VLANs. */
#define SIOCGIFBR   0x8940
#define SIOCSIFBR   0x8941
#define SIOCBRADDBR 0x89a0
#define SIOCBRDELBR 0x89a1
#define SIOCBRADDIF 0x89a2
#define SIOCBRDELIF 0x89a3
#define SIOCGIFVLAN 0x8982
#define SIOCSIFVLAN 0x8983

int ioctl(int fd, unsigned long request, ...);

#endif
