"""A DNS server of the tests' own (RFC 1035): UDP and TCP on one port of the loopback, answering from a table that a test changes.

`records[name, type]` is a list of values: an address for A and AAAA, (priority, weight, port, target) for SRV, a name for CNAME.
A name without any record does not exist (NXDOMAIN); one that has others has no data. What does not fit into 512 bytes is cut on
UDP, with TC set and no records, so that it must be asked for by TCP. `mood` makes it "servfail", "refused", "silent" or "garbage".
"""
import collections
import ipaddress
import socket
import struct
import threading

TYPES = {"A": 1, "CNAME": 5, "AAAA": 28, "SRV": 33}
NAMES = {number: name for name, number in TYPES.items()}
UDP_BYTES_MAX = 512
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5


def encode_name(name):
    labels = [label for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def encode_value(kind, value):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(value).packed
    if kind == "CNAME":
        return encode_name(value)
    priority, weight, port, target = value
    return struct.pack(">HHH", priority, weight, port) + encode_name(target)


def read_question(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    kind, = struct.unpack(">H", packet[at + 1:at + 3])
    return ".".join(labels).lower(), NAMES.get(kind, str(kind)), packet[12:at + 5]


class DnsServer:
    def __init__(self):
        self.records, self.ttl, self.mood = {}, 1, None
        self.queries = collections.Counter()  # (name, type, "udp" or "tcp")
        while True:
            self.udp, self.tcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
            self.udp.bind(("127.0.0.1", 0))
            self.port = self.udp.getsockname()[1]
            self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                self.tcp.bind(("127.0.0.1", self.port))
                break
            except OSError:  # somebody has that port for TCP
                self.udp.close()
                self.tcp.close()
        self.tcp.listen()
        for serve in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def set(self, name, kind, *values):
        """Replaces the records of a name in one step; without values it has none of that type."""
        if values:
            self.records[name, kind] = list(values)
        else:
            self.records.pop((name, kind), None)

    def count(self, name=None, kind=None, transport=None):
        return sum(count for key, count in list(self.queries.items())
                   if all(want in (None, have) for want, have in zip((name, kind, transport), key)))

    def close(self):
        for s in (self.udp, self.tcp):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def find(self, name, kind):
        """The records of the answer section, aliases first, and the rcode."""
        answer, here = [], name
        for _ in range(8):
            if kind == "CNAME" or (here, "CNAME") not in self.records:
                break
            answer.append((here, "CNAME", self.records[here, "CNAME"][0]))
            here = self.records[here, "CNAME"][0]
        answer += [(here, kind, value) for value in self.records.get((here, kind), [])]
        exists = answer or any(known == here for known, _ in list(self.records))
        return answer, NOERROR if exists else NXDOMAIN

    def answer(self, packet, transport):
        name, kind, question = read_question(packet)
        self.queries[name, kind, transport] += 1
        if self.mood == "silent":
            return None
        answer, rcode = self.find(name, kind)
        if self.mood in ("servfail", "refused"):
            answer, rcode = [], SERVFAIL if self.mood == "servfail" else REFUSED
        body = b""
        for owner, record_kind, value in answer:
            data = encode_value(record_kind, value)
            body += encode_name(owner) + struct.pack(">HHIH", TYPES[record_kind], 1, self.ttl, len(data)) + data
        if self.mood == "garbage":
            body = body[:-3]
        flags, count = 0x8580 | rcode, len(answer)
        if transport == "udp" and 12 + len(question) + len(body) > UDP_BYTES_MAX:
            flags, count, body = flags | 0x0200, 0, b""
        return packet[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) + question + body

    def serve_udp(self):
        while True:
            try:
                packet, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            if not packet:
                continue
            answer = self.answer(packet, "udp")
            if answer:
                self.udp.sendto(answer, peer)

    def serve_tcp(self):
        while True:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self.serve_connection, args=(connection,), daemon=True).start()

    def serve_connection(self, connection):
        with connection, connection.makefile("rb") as stream:
            while len(head := stream.read(2)) == 2:
                answer = self.answer(stream.read(struct.unpack(">H", head)[0]), "tcp")
                if answer:
                    connection.sendall(struct.pack(">H", len(answer)) + answer)
