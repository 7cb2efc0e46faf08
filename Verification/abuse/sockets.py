"""Attacks by WebSockets."""

import itertools
import struct

from secure import at_once
from wire import Flood, connect

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
OPENING = (b"GET /socket?read HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + b"\r\n\r\n")


def frame(code, payload=b""):
    """Masked with zeros, as a client's is."""
    length = struct.pack(">B", 0x80 | len(payload)) if len(payload) < 126 else struct.pack(">BQ", 0xFF, len(payload))
    return bytes([0x80 | code]) + length + b"\0\0\0\0" + payload


def web_socket_frames(gateway, count, seconds):
    """Frames of no bytes, of one, and pings, as many as go; and a frame that says it has 2^63 - 1 bytes."""
    endless = b"\x82\xff" + struct.pack(">Q", (1 << 63) - 1) + b"\0\0\0\0"
    kinds = itertools.cycle([frame(2) * 1_000, frame(2, b"x") * 1_000, frame(9, b"ping") * 1_000, endless + b"x" * 6_000])

    def script():
        return itertools.chain([OPENING], itertools.repeat(next(kinds)))

    return f"frames of WebSockets: {Flood(gateway.port, script, count, seconds).run()}"


def web_socket_openings(gateway, count, seconds):
    """Each is left as soon as it is open."""
    def attempt():
        with connect(gateway.port) as one:
            one.sendall(OPENING)
            if not one.recv(4_096).startswith(b"HTTP/1.1 101 "):
                raise OSError("no WebSocket")

    made, failed = at_once(count, seconds, attempt)
    return f"WebSockets that are left when they are open: {made:,}, {failed:,} of which failed"
