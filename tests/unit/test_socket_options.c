/*
 * test_socket_options.c - options of sockets and of IP, and the ioctls of sockets and devices.
 */
#include "tests/unit/socket_job.h"

/* --- options --- */

static int get_opt(int fd, int level, int name)
{
    int value = -12345;
    socklen_t len = sizeof(value);

    assert_int_equal(sys_getsockopt(F, fd, level, name, &value, &len), 0);
    assert_int_equal(len, sizeof(value));
    return value;
}

static int set_opt(int fd, int level, int name, int value)
{
    return sys_setsockopt(F, fd, level, name, &value, sizeof(value));
}

TEST("switches are kept as 0 and 1")
{
    const int names[] = {SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE, SO_BROADCAST};
    int fd = fake_socket();

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        assert_int_equal(get_opt(fd, SOL_SOCKET, names[i]), 0);
        assert_int_equal(set_opt(fd, SOL_SOCKET, names[i], 17), 0);
        assert_int_equal(get_opt(fd, SOL_SOCKET, names[i]), 1);
        assert_int_equal(set_opt(fd, SOL_SOCKET, names[i], 0), 0);
        assert_int_equal(get_opt(fd, SOL_SOCKET, names[i]), 0);
    }
}

TEST("buffer sizes are doubled, within Linux's limits")
{
    int fd = fake_socket();

    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_RCVBUF, 10000), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_RCVBUF), 20000);
    assert_true(fake_of(fd)->sk.sk_rcvbuf_locked);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_RCVBUF, 1), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_RCVBUF), SOCK_MIN_RCVBUF);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_RCVBUF, -1), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_RCVBUF), 2 * 212992);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_RCVBUFFORCE, 1000000), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_RCVBUF), 2000000);
    assert_false(fake_of(fd)->sk.sk_sndbuf_locked);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_SNDBUF, 1), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_SNDBUF), SOCK_MIN_SNDBUF);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_SNDBUF, 1 << 30), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_SNDBUF), 2 * 212992);
}

TEST("SO_MAX_PACING_RATE is 32 or 64 bits wide, and all ones is no bound")
{
    int fd = fake_socket();
    uint64_t rate = 5000000000u;
    socklen_t len = sizeof(rate);

    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_MAX_PACING_RATE), -1);
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_MAX_PACING_RATE), -1);
    rate = 0;
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, &len), 0);
    assert_int_equal(len, sizeof(rate));
    assert_int_equal(rate, 5000000000u);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, 100000), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_MAX_PACING_RATE), 100000);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, -1), 0);
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, &len), 0);
    assert_true(rate == UINT64_MAX);
}

TEST("a socket tells what it is")
{
    int fd = fake_socket(), listener = fake_listener();

    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_DOMAIN), AF_INET);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_PROTOCOL), FAKE_STREAM);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
    assert_int_equal(get_opt(listener, SOL_SOCKET, SO_ACCEPTCONN), 1);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_TYPE, 1), -ENOPROTOOPT);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_ERROR, 1), -ENOPROTOOPT);
    assert_int_equal(set_opt(fd, SOL_SOCKET, 9999, 1), -ENOPROTOOPT);
}

TEST("SO_ERROR is told once, a soft error only when there is no other")
{
    int fd = fake_socket();

    fake_of(fd)->sk.sk_err = ECONNRESET;
    fake_of(fd)->sk.sk_err_soft = EHOSTUNREACH;
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_ERROR), ECONNRESET);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_ERROR), EHOSTUNREACH);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_ERROR), 0);
}

TEST("SO_LINGER keeps seconds")
{
    int fd = fake_socket();
    struct linger linger = {.l_onoff = 5, .l_linger = 7};
    socklen_t len = sizeof(linger);

    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger) - 1), -EINVAL);
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    assert_int_equal(fake_of(fd)->sk.sk_lingertime_ms, 7000);
    memset(&linger, 0, sizeof(linger));
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_LINGER, &linger, &len), 0);
    assert_int_equal(linger.l_onoff, 1);
    assert_int_equal(linger.l_linger, 7);
}

TEST("timeouts: microseconds round up, nothing is for ever, nonsense is EDOM")
{
    int fd = fake_socket();
    struct timeval tv = {.tv_sec = 2, .tv_usec = 1500};
    socklen_t len = sizeof(tv);

    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len), 0);
    assert_int_equal(tv.tv_sec, 2);
    assert_int_equal(tv.tv_usec, 2000);
    tv.tv_usec = 1000000;
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), -EDOM);
    tv = (struct timeval){.tv_sec = -1};
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    assert_int_equal(fake_of(fd)->sk.sk_rcvtimeo_ms, 0);
    tv = (struct timeval){.tv_sec = 0};
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    assert_true(fake_of(fd)->sk.sk_rcvtimeo_ms == WAIT_FOREVER);
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_SNDTIMEO, &tv, 8), -EINVAL);
}

TEST("SO_RCVLOWAT of nothing is one, and a lower one wakes the reader")
{
    int fd = fake_socket();

    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_RCVLOWAT, 0), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_RCVLOWAT), 1);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_RCVLOWAT, 512), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_RCVLOWAT), 512);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_SNDLOWAT), 1);
}

TEST("SO_BINDTODEVICE takes a name, gives it back, and forgets it for an empty one")
{
    int fd = fake_socket();
    char name[IFNAMSIZ];
    socklen_t len = sizeof(name);

    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len), 0);
    assert_int_equal(len, 0);
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_BINDTODEVICE, "nix9", 5), -ENODEV);
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_BINDTOIFINDEX), fake.net->loopback_dev->ifindex);
    len = sizeof(name);
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len), 0);
    assert_string_equal(name, "lo");
    assert_int_equal(len, 3);
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0), 0);
    assert_int_equal(fake_of(fd)->sk.sk_bound_dev_if, 0);
}

TEST("options have lengths: too short is EINVAL, too long is cut")
{
    int fd = fake_socket(), value = 1;
    int64_t wide = -1;
    socklen_t len = sizeof(wide);

    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_REUSEADDR, &value, 3), -EINVAL);
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_REUSEADDR, NULL, 4), -EFAULT);
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_REUSEADDR, &value, (socklen_t)-1), -EINVAL);
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_TYPE, &wide, &len), 0);
    assert_int_equal(len, 4);
    assert_true(wide == (int64_t)0xffffffff00000001);
    len = 1;
    value = 0x7f7f7f7f;
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_TYPE, &value, &len), 0);
    assert_int_equal(value, 0x7f7f7f01);
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_TYPE, &value, NULL), -EFAULT);
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_TYPE, NULL, &len), -EFAULT);
    len = (socklen_t)-4;
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_TYPE, &value, &len), -EINVAL);
}

TEST("options of IP: time to live, type of service, path MTU discovery")
{
    int fd = fake_socket(), dgram = sys_socket(F, AF_INET, SOCK_DGRAM, FAKE_DGRAM);
    uint8_t byte = 9;

    assert_int_equal(get_opt(fd, SOL_IP, IP_TTL), 64);
    assert_int_equal(set_opt(fd, SOL_IP, IP_TTL, 0), -EINVAL);
    assert_int_equal(set_opt(fd, SOL_IP, IP_TTL, 256), -EINVAL);
    assert_int_equal(sys_setsockopt(F, fd, SOL_IP, IP_TTL, &byte, 1), 0);
    assert_int_equal(get_opt(fd, SOL_IP, IP_TTL), 9);
    assert_int_equal(set_opt(fd, SOL_IP, IP_TTL, -1), 0);
    assert_int_equal(get_opt(fd, SOL_IP, IP_TTL), 64);
    assert_int_equal(set_opt(fd, SOL_IP, IP_TOS, 0xb9), 0);
    assert_int_equal(get_opt(fd, SOL_IP, IP_TOS), 0xb8);
    assert_int_equal(set_opt(dgram, SOL_IP, IP_TOS, 0xb9), 0);
    assert_int_equal(get_opt(dgram, SOL_IP, IP_TOS), 0xb9);
    assert_int_equal(set_opt(fd, SOL_IP, IP_MULTICAST_TTL, 3), -EINVAL);
    assert_int_equal(set_opt(dgram, SOL_IP, IP_MULTICAST_TTL, 3), 0);
    assert_int_equal(get_opt(dgram, SOL_IP, IP_MULTICAST_TTL), 3);
    assert_int_equal(set_opt(dgram, SOL_IP, IP_PKTINFO, 1), 0);
    assert_int_equal(get_opt(dgram, SOL_IP, IP_PKTINFO), 1);
    assert_int_equal(set_opt(fd, SOL_IP, IP_MTU_DISCOVER, 6), -EINVAL);
    assert_int_equal(set_opt(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO), 0);
    assert_int_equal(get_opt(fd, SOL_IP, IP_MTU_DISCOVER), IP_PMTUDISC_DO);
    assert_int_equal(set_opt(fd, SOL_IP, 999, 1), -ENOPROTOOPT);
    assert_int_equal(sys_setsockopt(F, fd, SOL_IP, IP_TTL, NULL, 0), -EINVAL);
}

TEST("IP_MTU without a route is ENOTCONN")
{
    int value;
    socklen_t len = sizeof(value);

    assert_int_equal(sys_getsockopt(F, fake_socket(), SOL_IP, IP_MTU, &value, &len), -ENOTCONN);
}

TEST("a level nobody knows is ENOPROTOOPT")
{
    assert_int_equal(set_opt(fake_socket(), IPPROTO_TCP, 1, 1), -ENOPROTOOPT);
    assert_int_equal(set_opt(fake_socket(), 4711, 1, 1), -ENOPROTOOPT);
}

/* --- ioctl --- */

TEST("FIONBIO and FIONREAD")
{
    int fd = fake_connected(), on = 1, n = -1;

    assert_int_equal(sys_ioctl(F, fd, FIONBIO, &on), 0);
    assert_int_equal(sys_fcntl(F, fd, F_GETFL, 0), O_RDWR | O_NONBLOCK);
    fake_arrive(fd, "abc");
    assert_int_equal(sys_ioctl(F, fd, FIONREAD, &n), 0);
    assert_int_equal(n, 3);
    assert_int_equal(sys_ioctl(F, fd, FIONREAD, NULL), -EFAULT);
    assert_int_equal(sys_ioctl(F, fd, FIONBIO, NULL), -EFAULT);
    assert_int_equal(sys_ioctl(F, fd, 0x1234, &n), -ENOTTY);
}

TEST("the loopback device by name, by index, with flags, MTU and hardware type")
{
    int fd = fake_socket();
    struct ifreq ifr = {.ifr_name = "lo"};

    assert_int_equal(sys_ioctl(F, fd, SIOCGIFINDEX, &ifr), 0);
    int index = ifr.ifr_ifindex;
    memset(ifr.ifr_name, 0, sizeof(ifr.ifr_name));
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFNAME, &ifr), 0);
    assert_string_equal(ifr.ifr_name, "lo");
    assert_int_equal(ifr.ifr_ifindex, index);
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFFLAGS, &ifr), 0);
    assert_true(ifr.ifr_flags & IFF_LOOPBACK);
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFMTU, &ifr), 0);
    assert_int_equal(ifr.ifr_mtu, fake.net->loopback_dev->mtu);
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFHWADDR, &ifr), 0);
    assert_int_equal(ifr.ifr_hwaddr.sa_family, ARPHRD_LOOPBACK);
    memset(ifr.ifr_name, 'x', sizeof(ifr.ifr_name));
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFINDEX, &ifr), -ENODEV);
    ifr.ifr_ifindex = 77;
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFNAME, &ifr), -ENODEV);
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFINDEX, NULL), -EFAULT);
}

static uint32_t ifr_address(const struct ifreq *ifr)
{
    return ntohl(((const struct sockaddr_in *)&ifr->ifr_addr)->sin_addr.s_addr);
}

static int ifr_ioctl(int fd, unsigned long cmd, uint32_t *addr)
{
    struct sockaddr_in sin = fake_addr(*addr, 0);
    struct ifreq ifr = {.ifr_name = "lo"};

    memcpy(&ifr.ifr_addr, &sin, sizeof(sin));
    int err = sys_ioctl(F, fd, cmd, &ifr);
    *addr = ifr_address(&ifr);
    return err;
}

TEST("an address is set with its class's mask, then with another, then taken away")
{
    int fd = fake_socket();
    uint32_t addr = 0x0a010203, mask = 0xffffff00, holes = 0xff00ff00, none = 0;

    assert_int_equal(ifr_ioctl(fd, SIOCSIFADDR, &addr), 0);
    addr = 0;
    assert_int_equal(ifr_ioctl(fd, SIOCGIFADDR, &addr), 0);
    assert_int_equal(addr, 0x0a010203);
    assert_int_equal(ifr_ioctl(fd, SIOCGIFNETMASK, &addr), 0);
    assert_int_equal(addr, 0xff000000);
    assert_int_equal(ifr_ioctl(fd, SIOCSIFNETMASK, &holes), -EINVAL);
    assert_int_equal(ifr_ioctl(fd, SIOCSIFNETMASK, &mask), 0);
    assert_int_equal(ifr_ioctl(fd, SIOCGIFBRDADDR, &addr), 0);
    assert_int_equal(addr, 0x0a0102ff);
    addr = 0xe0000001;
    assert_int_equal(ifr_ioctl(fd, SIOCSIFADDR, &addr), -EINVAL);
    assert_int_equal(ifr_ioctl(fd, SIOCGIFADDR, &addr), 0);
    assert_int_equal(addr, 0x0a010203);
    assert_int_equal(ifr_ioctl(fd, SIOCSIFADDR, &none), 0);
    assert_int_equal(ifr_ioctl(fd, SIOCGIFADDR, &addr), -EADDRNOTAVAIL);
    assert_int_equal(ifr_ioctl(fd, SIOCSIFNETMASK, &mask), -EADDRNOTAVAIL);
}

TEST("SIOCGIFCONF lists who has an address, and first says how long the list is")
{
    int fd = fake_socket();
    uint32_t addr = 0x0a010203;
    struct ifreq list[2];
    struct ifconf ifc = {.ifc_len = 0};

    assert_int_equal(ifr_ioctl(fd, SIOCSIFADDR, &addr), 0);
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFCONF, &ifc), 0);
    assert_int_equal(ifc.ifc_len, sizeof(struct ifreq));
    ifc.ifc_req = list;
    ifc.ifc_len = sizeof(list);
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFCONF, &ifc), 0);
    assert_int_equal(ifc.ifc_len, sizeof(struct ifreq));
    assert_string_equal(list[0].ifr_name, "lo");
    assert_int_equal(ifr_address(&list[0]), 0x0a010203);
    ifc.ifc_len = sizeof(struct ifreq) - 1;
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFCONF, &ifc), 0);
    assert_int_equal(ifc.ifc_len, 0);
}

TEST("a device goes down and up again by its flags")
{
    int fd = fake_socket();
    struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = 0};

    assert_int_equal(sys_ioctl(F, fd, SIOCSIFFLAGS, &ifr), 0);
    assert_false(netif_running(fake.net->loopback_dev));
    ifr.ifr_flags = IFF_UP;
    assert_int_equal(sys_ioctl(F, fd, SIOCSIFFLAGS, &ifr), 0);
    assert_true(netif_running(fake.net->loopback_dev));
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFFLAGS, &ifr), 0);
    assert_true(ifr.ifr_flags & IFF_UP);
}

static void put_sin(struct sockaddr *sa, uint32_t addr)
{
    struct sockaddr_in sin = fake_addr(addr, 0);

    memcpy(sa, &sin, sizeof(sin));
}

TEST("routes are added and removed, wrong ones refused")
{
    int fd = fake_socket();
    struct rtentry rt = {.rt_flags = RTF_UP, .rt_dev = "lo"};

    put_sin(&rt.rt_dst, 0x0b000000);
    put_sin(&rt.rt_genmask, 0xff000000);
    put_sin(&rt.rt_gateway, 0);
    assert_int_equal(sys_ioctl(F, fd, SIOCDELRT, &rt), -ESRCH);
    assert_int_equal(sys_ioctl(F, fd, SIOCADDRT, &rt), 0);
    assert_int_equal(sys_ioctl(F, fd, SIOCADDRT, &rt), -EEXIST);
    assert_int_equal(sys_ioctl(F, fd, SIOCDELRT, &rt), 0);
    rt.rt_dev = "nix9";
    assert_int_equal(sys_ioctl(F, fd, SIOCADDRT, &rt), -ENODEV);
    rt.rt_dev = NULL;
    assert_int_equal(sys_ioctl(F, fd, SIOCADDRT, &rt), -ENODEV);
    put_sin(&rt.rt_genmask, 0xff00ff00);
    assert_int_equal(sys_ioctl(F, fd, SIOCADDRT, &rt), -EINVAL);
    rt.rt_flags |= RTF_HOST | RTF_REJECT;
    assert_int_equal(sys_ioctl(F, fd, SIOCADDRT, &rt), 0);
    assert_int_equal(sys_ioctl(F, fd, SIOCDELRT, &rt), 0);
    rt.rt_flags = RTF_UP | RTF_GATEWAY | RTF_HOST;
    put_sin(&rt.rt_gateway, 0xc0000201);
    assert_int_equal(sys_ioctl(F, fd, SIOCADDRT, &rt), -ENETUNREACH);
    rt.rt_dst.sa_family = AF_INET6;
    assert_int_equal(sys_ioctl(F, fd, SIOCADDRT, &rt), -EAFNOSUPPORT);
}

TEST_FIXTURE(fake_start, fake_end)
