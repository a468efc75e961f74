"""TCP segments as text, as packetdrill writes them, and as bytes.

    P. 1:1001(1000) ack 1 win 257 urg 5 <nop,nop,TS val 1 ecr 2>

Flags: S F R P U E W, A for AE (RFC 9768) and . for ACK; P? is a PSH that may be there or not. A * stands for any number. Options: mss N, wscale N,
sackOK, TS val N ecr N, sack N:N ..., FO COOKIE, FOEXP COOKIE, nop, eol, raw HEX; a list that ends in ... allows others, <...> any.
Sequence numbers are relative: those of a side start at 0 (or what the script writes) with its SYN. Our own timestamps and
cookies are random: a script gives them numbers or names of its own where they come, and echoes these.
"""
import re
import struct

FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, ".": 16, "U": 32, "E": 64, "W": 128, "A": 256}
ECN = {"noecn": 0, "ect1": 1, "ect0": 2, "ce": 3}
WORDS = {"win": int, "urg": int, "tos": int, "ttl": int, "from": str, "to": str, "sport": int, "dport": int, "ipopt": str}
SEGMENT = re.compile(r"(?:\[(?P<ip>[^\]]*)\] )?(?P<flags>[SFRPUEWA.?-]+|-) (?P<seq>\d+|\*):(?P<end>\d+|\*)\((?P<len>\d+|\*)\)"
                     r"(?: ack (?P<ack>\d+|\*))?(?P<words>(?: [a-z]+(?: [\w.*]+)?)*?)(?: <(?P<options>.*)>)?")
INFO_OPTIONS = {f"TCPI_OPT_{name}": 1 << i for i, name in enumerate("TIMESTAMPS SACK WSCALE ECN ECN_SEEN SYN_DATA".split())}
CA_STATES = {"TCP_CA_Open": 0, "TCP_CA_Disorder": 1, "TCP_CA_CWR": 2, "TCP_CA_Recovery": 3, "TCP_CA_Loss": 4}
ICMP = re.compile(r"\[(?P<seq>\d+):(?P<end>\d+)\((?P<len>\d+)\)\] icmp (?P<words>[a-z_ ]+?)(?: mtu (?P<mtu>\d+))?(?: from (?P<from>\S+))?")
ICMP_KINDS = {"unreachable": (3, 0), "unreachable net_unreachable": (3, 0), "unreachable host_unreachable": (3, 1),
              "unreachable protocol_unreachable": (3, 2), "unreachable port_unreachable": (3, 3),
              "unreachable frag_needed": (3, 4), "unreachable source_route_failed": (3, 5), "source_quench": (4, 0),
              "time_exceeded": (11, 0), "parameter_problem": (12, 0)}


class Syntax(Exception):
    """The script cannot be understood."""


class Wrong(Exception):
    """The stack did something else than the script says."""


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def address(text):
    return bytes(map(int, text.split(".")))


def pattern(seq, length):
    """What stands at these relative sequence numbers, in both directions."""
    return bytes((i * 31 + (i >> 8)) & 0xff for i in range(seq, seq + length))


def number(text):
    return None if text in (None, "*") else int(text)


class Segment:
    """Fields in relative numbers; None: not there, or any number. `words`: win, urg, and what stands in the IP header."""

    def __init__(self, flags, seq, length, ack=None, words=None, options=None, optional=0):
        self.flags, self.seq, self.len, self.ack, self.optional = flags, seq, length, ack, optional
        self.words, self.options = words or {}, options

    def __str__(self):
        flags = "".join(c for c in "SFRPUEWA." if self.flags & FLAGS[c]) or "-"
        end = "*" if self.seq is None or self.len is None else self.seq + self.len
        text = f"{flags} {'*' if self.seq is None else self.seq}:{end}({'*' if self.len is None else self.len})"
        text += "" if self.ack is None else f" ack {self.ack}"
        for word in ("win", "urg"):
            text += f" {word} {self.words[word]}" if self.words.get(word) else ""
        return text + (f" <{','.join(self.options)}>" if self.options else "")


def parse_words(text):
    words, parts = {}, text.split()
    while parts:
        word = parts.pop(0)
        if word in ("badsum", "df", "broadcast"):
            words[word] = True
        elif word in WORDS and parts:
            value = parts.pop(0)
            words[word] = None if value == "*" else WORDS[word](value)
        else:
            raise Syntax(f"'{word}' is unknown in a segment")
    return words


def parse_segment(text):
    m = SEGMENT.fullmatch(text)
    if not m:
        raise Syntax("this is no segment: FLAGS SEQ:END(LENGTH) ack N win N <options>")
    flags = sum(FLAGS[c] for c in m["flags"].replace("?", "") if c != "-")
    optional = FLAGS["P"] if "P?" in m["flags"] else 0
    seq, end, length = number(m["seq"]), number(m["end"]), number(m["len"])
    if None not in (seq, end, length) and end - seq != length:
        raise Syntax(f"{seq}:{end} are not {length} bytes")
    words = parse_words(m["words"])
    for word in re.split(r"[ ,]*,[ ,]*", m["ip"] or ""):
        if tos := re.fullmatch(r"(tos|ttl) (\w+)", word):
            words[tos[1]] = int(tos[2], 0)
        elif word:
            if word not in ECN:
                raise Syntax(f"[{word}] is unknown; there are tos N, ttl N, {', '.join(ECN)}")
            words["ecn"] = ECN[word]
    options = None if m["options"] is None else [o.strip() for o in m["options"].split(",")]
    segment = Segment(flags & ~optional, seq, length, number(m["ack"]), words, options, optional)
    segment.any_ack = m["ack"] == "*"
    return segment


def learn(want, came, peer):
    """Numbers and names the script gives to timestamps and cookies of ours, for the options that echo them."""
    for option in want.options or []:
        if (m := re.match(r"TS val (\d+)", option)) and (live := [o for o in came.options if o.startswith("TS ")]):
            peer.timestamps[int(m[1])] = int(live[0].split()[2])
        if (m := re.match(r"(FO|FOEXP) (\w+)$", option)) and (live := [o for o in came.options if o.startswith(m[1] + " ")]):
            peer.cookies[m[2]] = live[0].split()[1]


def fast_open_bytes(words, peer):
    cookie = peer.cookies.get(words[1], words[1]) if len(words) > 1 else ""
    if cookie == "last":
        cookie = peer.cookie.hex()
    if not re.fullmatch(r"([0-9a-fA-F]{2})*", cookie):
        raise Syntax(f"the cookie {cookie} was never seen, and is not hexadecimal")
    start = b"\xf9\x89" if words[0] == "FOEXP" else b""
    value = start + bytes.fromhex(cookie)
    return bytes([254 if start else 34, 2 + len(value)]) + value


def option_bytes(option, peer):
    words = option.split()
    if words[0] == "TS":
        echo = int(words[4])
        return struct.pack("!BBII", 8, 10, int(words[2]), peer.timestamps.get(echo, echo))
    if words[0] in ("FO", "FOEXP"):
        return fast_open_bytes(words, peer)
    if words[0] == "sack":
        edges = [(int(e) + peer.local_base) % 2**32 for block in words[1:] for e in block.split(":")]
        return struct.pack(f"!BB{len(edges)}I", 5, 2 + 4 * len(edges), *edges)
    if words[0] == "raw":
        return bytes.fromhex("".join(words[1:]))
    if words[0] == "md5":
        return bytes([19, 2 + len(words[1]) // 2]) + bytes.fromhex(words[1])
    simple = {"nop": lambda: b"\1", "eol": lambda: b"\0", "sackOK": lambda: b"\4\2",
              "mss": lambda: struct.pack("!BBH", 2, 4, int(words[1])), "wscale": lambda: bytes([3, 3, int(words[1])])}
    if words[0] not in simple:
        raise Syntax(f"option '{option}' is unknown")
    return simple[words[0]]()


def option_texts(data, peer):
    texts = []
    while data:
        kind = data[0]
        length = 1 if kind in (0, 1) else data[1] if len(data) > 1 else 0
        value = data[2:length]
        if length < 1 or length > len(data) or (kind > 1 and length < 2):
            return texts + [f"raw {data.hex()}"]
        if kind == 5:
            edges = [(e - peer.local_base_of_peer) % 2**32 for e in struct.unpack(f"!{len(value) // 4}I", value)]
            texts.append("sack " + " ".join(f"{a}:{b}" for a, b in zip(edges[::2], edges[1::2])))
        elif kind == 34 or kind == 254 and value[:2] == b"\xf9\x89":
            texts.append(f"FO {value.hex()}".strip() if kind == 34 else f"FOEXP {value[2:].hex()}".strip())
        elif kind == 8:
            texts.append("TS val {} ecr {}".format(*struct.unpack("!II", value)))
        else:
            texts.append({0: lambda: "eol", 1: lambda: "nop", 2: lambda: f"mss {int.from_bytes(value, 'big')}",
                          3: lambda: f"wscale {value[0]}", 4: lambda: "sackOK"}.get(kind, lambda: f"raw {data[:length].hex()}")())
        data = data[length:]
        if kind == 0:
            return texts + ([f"raw {data.hex()}"] if data.strip(b"\0") else [])  # behind the end there are zeros only
    return texts


def ip_header(source, target, protocol, length, words=None):
    words = words or {}
    options = bytes.fromhex(words.get("ipopt", ""))
    tos = words.get("tos", 0) | words.get("ecn", 0)
    header = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, tos, 20 + len(options) + length, 1, 0, words.get("ttl", 64),
                         protocol, 0)
    header += address(source) + address(target) + options
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:]


def tcp_sum(source, target, segment):
    return checksum(source + target + struct.pack("!BBH", 0, 6, len(segment)) + segment)


def build(segment, peer, local, remote):
    """The datagram of a segment from the peer to us."""
    words = segment.words
    options = b"".join(option_bytes(o, peer) for o in segment.options or [] if o)
    options += b"\0" * (-len(options) % 4)
    source, target = words.get("from", remote), words.get("to", local)
    ack = 0 if segment.ack is None else (segment.ack + peer.local_base) % 2**32
    tcp = struct.pack("!HHIIBBHHH", words.get("sport", peer.remote_port), words.get("dport", peer.local_port),
                      (segment.seq + peer.remote_base) % 2**32, ack, (20 + len(options)) << 2 | segment.flags >> 8, segment.flags & 255,
                      words.get("win", 0), 0, words.get("urg", 0)) + options
    tcp += pattern(segment.seq + bool(segment.flags & FLAGS["S"]), segment.len)
    right = tcp_sum(address(source), address(target), tcp)
    tcp = tcp[:16] + struct.pack("!H", right ^ 0x5555 if "badsum" in words else right) + tcp[18:]
    return ip_header(source, target, 6, len(tcp), words) + tcp


def build_icmp(text, peer, local, remote):
    """An ICMP error about a segment of ours: [SEQ:END(LENGTH)] icmp unreachable frag_needed mtu 1200."""
    last = re.fullmatch(r"(.*) (\[\S+\])", text)
    m = ICMP.fullmatch(f"{last[2]} {last[1]}" if last else text)
    if not m or m["words"] not in ICMP_KINDS:
        raise Syntax(f"this is no ICMP error: [SEQ:END(LENGTH)] icmp KIND mtu N; kinds: {', '.join(ICMP_KINDS)}")
    kind, code = ICMP_KINDS[m["words"]]
    quoted = struct.pack("!HHIIBBHHH", peer.local_port, peer.remote_port, (int(m["seq"]) + peer.local_base) % 2**32, 0, 5 << 4,
                         16, 0, 0, 0)
    quoted = ip_header(local, remote, 6, 20 + int(m["len"])) + quoted
    icmp = struct.pack("!BBHHH", kind, code, 0, 0, int(m["mtu"] or 0)) + quoted
    icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
    return ip_header(m["from"] or remote, local, 1, len(icmp)) + icmp


def dissect(datagram, find_peer):
    """The segment a datagram of ours carries, and its peer; Syntax if it is malformed."""
    ihl = (datagram[0] & 15) * 4
    total = struct.unpack_from("!H", datagram, 2)[0]
    if checksum(datagram[:ihl]) or total > len(datagram):
        raise Syntax("IP header: wrong checksum or length")
    tcp = datagram[ihl:total]
    sport, dport, seq, ack, offset, flags, win, _, urg = struct.unpack_from("!HHIIBBHHH", tcp)
    if tcp_sum(datagram[12:16], datagram[16:20], tcp):
        raise Syntax("wrong TCP checksum")
    header_len = (offset >> 4) * 4  # of the four bits behind it AE is the last
    if not 20 <= header_len <= len(tcp):
        raise Syntax("wrong data offset")
    flags |= (offset & 1) << 8
    peer = find_peer(sport, dport, flags)
    if flags & 2:
        peer.local_base = (seq - peer.script_isn) % 2**32
        peer.isns += [seq] if seq not in peer.isns else []
    peer.local_base_of_peer = peer.remote_base
    words = {"win": win, "urg": urg, "tos": datagram[1], "ecn": datagram[1] & 3, "ttl": datagram[8], "df": bool(datagram[6] & 0x40)}
    words |= {"from": ".".join(map(str, datagram[12:16])), "to": ".".join(map(str, datagram[16:20]))}
    segment = Segment(flags, (seq - peer.local_base) % 2**32, len(tcp) - header_len,
                      (ack - peer.remote_base) % 2**32 if flags & 16 else None, words, option_texts(tcp[20:header_len], peer))
    segment.data = tcp[header_len:]
    return segment, peer


def option_pattern(option):
    """Our timestamps and cookies are ours to choose: any fits a number or name of the script."""
    pattern_text = re.escape(option).replace(r"\*", r"[\da-f]+")
    if option.startswith("TS val "):
        pattern_text = re.sub(r"^TS\\ val\\ \d+", r"TS\\ val\\ \\d+", pattern_text)
    return re.sub(r"^(FO|FOEXP)\\ \w*[G-Zg-z_]\w*$", r"\1 [0-9a-f]+", pattern_text)


def differences(want, came):
    """Words on what is not as wanted; none if the segment fits."""
    found = []
    if (want.flags | want.optional) != (came.flags | want.optional):
        found.append("flags")
    for name in ("seq", "len"):
        if getattr(want, name) is not None and getattr(want, name) != getattr(came, name):
            found.append(f"{name} {getattr(want, name)}, came {getattr(came, name)}")
    if not want.any_ack and want.ack != came.ack:
        found.append(f"ack {want.ack}, came {came.ack}")
    for word, value in want.words.items():
        if value is not None and came.words[word] != value:
            found.append(f"{word} {value}, came {came.words[word]}")
    options = want.options or []
    if options and options[-1] == "...":
        missing = [o for o in options[:-1] if o and not any(re.fullmatch(option_pattern(o), c) for c in came.options)]
        found += [f"option {o} is missing" for o in missing]
    elif len(options) != len(came.options) or not all(re.fullmatch(option_pattern(o), c)
                                                      for o, c in zip(options, came.options)):
        found.append(f"options <{','.join(options)}>, came <{','.join(came.options)}>")
    return found
