"""libskiff.so for Python: one stack with one card, 10.0.0.1, on a wire whose other end, 10.0.0.2, is the script.

Time is virtual; frames the stack sends are kept with the time they were sent at. tests/host/skiff.h tells what each
call of the library does.
"""
import ctypes
import errno
import os
import pathlib
import struct

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBRARY = pathlib.Path(os.environ.get("SKIFF_LIBRARY", ROOT / "build/host/libskiff.so"))
LOCAL, PEER = "10.0.0.1", "10.0.0.2"
LOCAL_MAC, PEER_MAC = bytes([2, 0, 0, 0, 0, 1]), bytes([2, 0, 0, 0, 0, 2])
TRANSMIT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)

# struct tcp_info of libc/include/linux/tcp.h: name, struct format.
TCP_INFO = [(name, "B") for name in "state ca_state retransmits probes backoff options wscales flags".split()]
TCP_INFO += [(name, "I") for name in (
    "rto ato snd_mss rcv_mss unacked sacked lost retrans fackets last_data_sent last_ack_sent last_data_recv last_ack_recv "
    "pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans").split()]
TCP_INFO += [(name, "Q") for name in "pacing_rate max_pacing_rate bytes_acked bytes_received".split()]
TCP_INFO += [(name, "I") for name in "segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out".split()]
TCP_INFO += [(name, "Q") for name in "delivery_rate busy_time rwnd_limited sndbuf_limited".split()]
TCP_INFO += [(name, "I") for name in "delivered delivered_ce".split()] + [(name, "Q") for name in "bytes_sent bytes_retrans".split()]
TCP_INFO += [(name, "I") for name in "dsack_dups reord_seen rcv_ooopack snd_wnd".split()]
TCP_INFO_FORMAT = "<" + "".join(f for _, f in TCP_INFO)

STATES = ["", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK",
          "LISTEN", "CLOSING"]


def load():
    lib = ctypes.CDLL(str(LIBRARY), use_errno=True)
    pointer, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    lib.skiff_clock_now.restype = lib.skiff_clock_next_timer.restype = lib.skiff_counter.restype = ctypes.c_uint64
    lib.skiff_seed.argtypes = lib.skiff_clock_advance.argtypes = [ctypes.c_uint64]
    lib.skiff_stack_create.restype = lib.skiff_device_add.restype = pointer
    lib.skiff_stack_create.argtypes = [ctypes.c_char_p]
    lib.skiff_stack_destroy.argtypes = [pointer]
    lib.skiff_device_add.argtypes = [pointer, ctypes.c_char_p, ctypes.c_uint, TRANSMIT, pointer]
    lib.skiff_device_receive.argtypes = [pointer, ctypes.c_char_p, size]
    lib.skiff_device_receive_train.argtypes = [pointer, ctypes.c_char_p, size, ctypes.c_uint]
    lib.skiff_address_add.argtypes = [pointer, ctypes.c_char_p]
    for name in "route_add neighbour_add".split():
        getattr(lib, f"skiff_{name}").argtypes = [pointer, ctypes.c_char_p, ctypes.c_char_p]
    lib.skiff_sysctl_set.argtypes = [pointer, ctypes.c_char_p, ctypes.c_char_p]
    lib.skiff_counter.argtypes = [pointer, ctypes.c_char_p]
    for name in "socket bind listen accept connect shutdown close setsockopt getsockopt getsockname ioctl poll sendmsg recvmsg epoll_create1 epoll_ctl epoll_wait".split():
        getattr(lib, f"skiff_{name}").restype = number
    for name in ("send", "recv"):
        function = getattr(lib, f"skiff_{name}")
        function.argtypes, function.restype = [pointer, number, ctypes.c_char_p, size, number], ctypes.c_ssize_t
    lib.skiff_sendto.argtypes = [pointer, number, ctypes.c_char_p, size, number, pointer, ctypes.c_uint32]
    lib.skiff_sendto.restype = ctypes.c_ssize_t
    return lib


class IoVec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class MsgHdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("name_len", ctypes.c_uint32), ("iov", ctypes.POINTER(IoVec)), ("iov_len", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("control_len", ctypes.c_size_t), ("flags", ctypes.c_int)]


class Failed(Exception):
    """A call of the library answered -1; .errno tells why."""

    def __init__(self, number):
        super().__init__(errno.errorcode.get(number, str(number)))
        self.errno = number


class Stack:
    def __init__(self, mtu=1500, seed=1, local=LOCAL, peer=PEER):
        self.lib, self.sent, self.local, self.peer = load(), [], local, peer
        self.lib.skiff_seed(seed)
        self.stack = ctypes.c_void_p(self.lib.skiff_stack_create(b"script"))
        self.callback = TRANSMIT(self.on_transmit)
        self.device = ctypes.c_void_p(self.lib.skiff_device_add(self.stack, LOCAL_MAC, mtu, self.callback, None))
        if not self.stack or not self.device:
            raise Failed(ctypes.get_errno())
        gateway = peer if peer == PEER else local.rpartition(".")[0] + ".254"
        self.check(self.lib.skiff_address_add(self.device, f"{local}/24".encode()))
        self.check(self.lib.skiff_neighbour_add(self.device, gateway.encode(), PEER_MAC))
        self.check(self.lib.skiff_route_add(self.device, b"0.0.0.0/0", gateway.encode()))
        self.start_ns = self.lib.skiff_clock_now()
        self.sent.clear()

    def close(self):
        self.lib.skiff_stack_destroy(self.stack)

    def check(self, result):
        if result < 0:
            raise Failed(ctypes.get_errno())
        return result

    # --- time, in microseconds since the start ---

    def now(self):
        return (self.lib.skiff_clock_now() - self.start_ns) // 1000

    def advance_to(self, us):
        self.lib.skiff_clock_advance(max(0, (us - self.now()) * 1000))

    def next_timer(self):
        return (self.lib.skiff_clock_next_timer() - self.start_ns) // 1000

    # --- frames ---

    def on_transmit(self, _ctx, frame, length):
        data = ctypes.string_at(frame, length)
        if data[12:14] == b"\x08\x00":
            self.sent.append((self.now(), data[14:]))

    def receive(self, datagram, to_mac=LOCAL_MAC, mss=0):
        """`mss`: the datagram is a train of segments with so much in each, merged by the card."""
        frame = to_mac + PEER_MAC + b"\x08\x00" + datagram
        if mss:
            self.check(self.lib.skiff_device_receive_train(self.device, frame, len(frame), mss))
        else:
            self.check(self.lib.skiff_device_receive(self.device, frame, len(frame)))

    # --- settings, counters, sockets ---

    def sysctl(self, name, value):
        self.check(self.lib.skiff_sysctl_set(self.stack, name.encode(), str(value).encode()))

    def counter(self, name):
        return self.lib.skiff_counter(self.stack, name.encode())

    def call(self, name, *arguments):
        return self.check(getattr(self.lib, f"skiff_{name}")(self.stack, *arguments))

    def address(self, host, port):
        packed = struct.pack("<H", 2) + struct.pack("!H", port) + bytes(map(int, host.split("."))) + bytes(8)
        return ctypes.create_string_buffer(packed, 16), 16

    def recv(self, fd, size, flags=0):
        room = ctypes.create_string_buffer(max(1, size))
        length = self.call("recv", fd, room, size, flags)
        return room.raw[:length]

    def recvmsg(self, fd, size, flags=0):
        """The bytes, and [(level, type, number)] of the control messages with them."""
        room, control = ctypes.create_string_buffer(max(1, size)), ctypes.create_string_buffer(256)
        pieces = (IoVec * 1)(IoVec(ctypes.addressof(room), size))
        message = MsgHdr(iov=pieces, iov_len=1, control=ctypes.addressof(control), control_len=len(control))
        length = self.call("recvmsg", fd, ctypes.byref(message), flags)
        found, at = [], 0
        while at < message.control_len:
            size, level, kind, number = struct.unpack_from("<Qiii", control, at)
            found.append((level, kind, number))
            at += max(size + 7 & ~7, 16)
        return room.raw[:length], found

    def getsockopt(self, fd, level, option, size=4):
        room, length = ctypes.create_string_buffer(max(1, size)), ctypes.c_uint32(size)
        self.call("getsockopt", fd, level, option, room, ctypes.byref(length))
        return room.raw[:length.value]

    def tcp_info(self, fd):
        data = self.getsockopt(fd, 6, 11, struct.calcsize(TCP_INFO_FORMAT))
        return dict(zip((name for name, _ in TCP_INFO), struct.unpack(TCP_INFO_FORMAT, data)))
