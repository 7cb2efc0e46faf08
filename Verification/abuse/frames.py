"""HTTP/2 on the wire, as far as an attacker needs it: frames, and fields as HPACK literals without compression."""

import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RESET, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, ACKNOWLEDGED, END_HEADERS = 1, 1, 4
INITIAL_WINDOW = 4
WIDEST_WINDOW = 0x7FFFFFFF


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def integer(value, prefix, first=0):
    """An HPACK integer (RFC 7541, section 5.1) whose first byte leaves `prefix` bits to it."""
    most = (1 << prefix) - 1
    if value < most:
        return bytes([first | value])
    encoded = bytearray([first | most])
    value -= most
    while value >= 128:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def literal(name, value, kept=False):
    """One field; `kept` puts it into the table of the other side."""
    name, value = name.encode(), value.encode()
    return (b"\x40" if kept else b"\x00") + integer(len(name), 7) + name + integer(len(value), 7) + value


def request(method="GET", path="/", fields=()):
    pseudo = (":method", method), (":scheme", "http"), (":path", path), (":authority", "a")
    return b"".join(literal(name, value) for name, value in (*pseudo, *fields))


def get(stream, path="/"):
    return frame(HEADERS, END_STREAM | END_HEADERS, stream, request(path=path))


def settings(**values):
    names = {"initial_window": INITIAL_WINDOW, "table": 1}
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", names[name], value) for name, value in values.items()))


def window_update(stream, by):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", by))


class Reader:
    """Takes bytes as they come, and gives whole frames."""

    def __init__(self):
        self.bytes = bytearray()

    def feed(self, data):
        self.bytes += data
        while len(self.bytes) >= 9:
            length = int.from_bytes(self.bytes[:3], "big")
            if len(self.bytes) < 9 + length:
                return
            kind, flags, stream = struct.unpack(">BBI", self.bytes[3:9])
            payload = bytes(self.bytes[9:9 + length])
            del self.bytes[:9 + length]
            yield kind, flags, stream & 0x7FFFFFFF, payload
