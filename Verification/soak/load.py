"""What clients do to the gateway while it is soaked: each way is a task that goes on until it is told to end, and each of its
requests has the statuses that it may get. Whatever else comes is an unexpected error."""

import asyncio
import collections
import itertools
import os
import pathlib
import ssl
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "abuse"))
import frames

PATIENCE = 20  # seconds for an answer, and for a page
numbers = itertools.count()


class Unexpected(Exception):
    pass


def fresh():
    return f"key-{os.getpid()}-{next(numbers)}"


class Client:
    """A connection; it is made anew when it has ended."""

    async def ask(self, method, path, fields=(), body=b""):
        async with asyncio.timeout(PATIENCE):
            await self.send(method, path, fields, body)
            return await self.answer()

    def close(self):
        if self.writer:
            self.writer.transport.abort()
            self.writer = None


class HTTP1(Client):
    """With one request after the other."""

    def __init__(self, port, tls=None):
        self.port, self.tls, self.writer = port, tls, None

    async def connect(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls)

    async def send(self, method, path, fields=(), body=b""):
        if self.writer is None:
            await self.connect()
        lines = [f"{method} {path} HTTP/1.1", "Host: a", *(f"{name}: {value}" for name, value in fields)]
        if body or method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await self.writer.drain()

    async def answer(self):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        fields = {name: value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
        body = await self.reader.readexactly(int(fields["content-length"])) if "content-length" in fields else b""
        if fields.get("connection") == "close":
            self.close()
        return int(head[0].split()[1]), fields, body


class HTTP2(Client):
    """A connection with one request after the other, each a stream. The other side is asked to keep no table, so a status is
    its entry in the static one, or a literal (RFC 7541, sections 6.1 and 6.2)."""

    STATIC = {0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500}

    def __init__(self, port):
        self.port, self.writer = port, None

    async def connect(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(frames.PREFACE + frames.settings(table=0) + frames.window_update(0, 1 << 30))
        self.frames, self.stream, self.waiting = frames.Reader(), -1, []

    async def send(self, method, path, fields=(), body=b""):
        if self.writer is None:
            await self.connect()
        self.stream += 2
        fields = [(name.lower(), value) for name, value in fields]
        head = frames.request(method, path, fields)
        end = 0 if body else frames.END_STREAM
        self.writer.write(frames.frame(frames.HEADERS, end | frames.END_HEADERS, self.stream, head))
        if body:
            self.writer.write(frames.frame(frames.DATA, frames.END_STREAM, self.stream, body))
        await self.writer.drain()

    def leave(self):
        """Takes the request back that was sent last (CANCEL)."""
        self.writer.write(frames.frame(frames.RESET, 0, self.stream, (8).to_bytes(4, "big")))

    async def answer(self):
        status, body = None, b""
        while True:
            if not self.waiting:
                data = await self.reader.read(1 << 16)
                if not data:
                    raise ConnectionError("closed by the gateway")
                self.waiting = list(self.frames.feed(data))
                continue
            kind, flags, stream, payload = self.waiting.pop(0)
            if kind == frames.SETTINGS and not flags & frames.ACKNOWLEDGED:
                self.writer.write(frames.frame(frames.SETTINGS, frames.ACKNOWLEDGED))
            elif kind == frames.PING and not flags & frames.ACKNOWLEDGED:
                self.writer.write(frames.frame(frames.PING, frames.ACKNOWLEDGED, 0, payload))
            elif kind == frames.GOAWAY:
                raise ConnectionError(f"GOAWAY with {int.from_bytes(payload[4:8], 'big')}")
            elif stream == self.stream:
                if kind == frames.RESET:
                    raise ConnectionError(f"RST_STREAM with {int.from_bytes(payload[:4], 'big')}")
                if kind == frames.HEADERS:
                    status = self._status(payload)
                elif kind == frames.DATA:
                    body += payload
                    if payload and not flags & frames.END_STREAM:
                        self.writer.write(frames.window_update(stream, len(payload)))
                if kind in (frames.HEADERS, frames.DATA) and flags & frames.END_STREAM:
                    return status, {}, body

    def _status(self, block):
        while block[0] & 0xE0 == 0x20:  # The table's new size comes before the first field.
            block = block[1:]
        if block[0] in self.STATIC:
            return self.STATIC[block[0]]
        # A literal whose name is that of entry 8: 0x08, 0x18 (never indexed) or 0x48.
        length = block[1] & 0x7F
        text = block[2:2 + length]
        return int(self._digits(text) if block[1] & 0x80 else text)

    def _digits(self, text):
        """Huffman's code of digits (RFC 7541, appendix B): five bits for 0 to 2, six for 3 to 9."""
        bits, found = "".join(f"{byte:08b}" for byte in text), ""
        while len(found) < 3:
            size = 5 if int(bits[:5], 2) < 3 else 6
            value = int(bits[:size], 2)
            found, bits = found + str(value if size == 5 else value - 0b011001 + 3), bits[size:]
        return found


class Load:
    """`port` and `tls_port` are the gateway's, `admin_port` its control plane's. `pause` is between two requests of a way."""

    def __init__(self, port, tls_port, admin_port, pause):
        self.port, self.tls_port, self.admin_port, self.pause = port, tls_port, admin_port, pause
        self.counts, self.errors, self.ends = collections.Counter(), [], False
        self.tls = ssl.create_default_context()
        self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE

    async def run(self):
        ways = [self.plain, self.keyed, self.in_two_tries, self.large, self.leaving, self.leaving_early, self.refused, self.operated, self.streams]
        made = [(way, lambda: HTTP1(self.port)) for way in ways]
        made += [(way, lambda: HTTP2(self.port)) for way in (self.plain, self.keyed, self.in_two_tries, self.leaving_a_stream)]
        made += [(self.new, lambda: HTTP1(self.port)), (self.new, lambda: HTTP1(self.tls_port, self.tls)), (self.unknown, lambda: HTTP1(self.port))]
        await asyncio.gather(*(self._repeat(way, make) for way, make in made), self._view(), self._scrape(), self._probe())

    async def fill(self):
        """Fills what is bounded and full within minutes of any traffic: the explanations, and the waiting lines of a pool."""
        async def some():
            connection = HTTP1(self.port)
            for _ in range(300):
                await self._expect(connection, {400}, "POST", "/charges/no-key")
            connection.close()
        await asyncio.gather(*(some() for _ in range(16)))

    async def _repeat(self, way, make):
        connection = make()
        name = f"{way.__name__.replace('_', ' ')} over {type(connection).__name__}{' with TLS' if getattr(connection, 'tls', None) else ''}"
        while not self.ends:
            try:
                await way(connection)
                self.counts[name] += 1
            except Exception as error:
                self.errors.append(f"{name}: {type(error).__name__} {error}")
                connection.close()
                await asyncio.sleep(0.2)
            await asyncio.sleep(self.pause)
        connection.close()

    async def _expect(self, connection, statuses, method, path, fields=(), body=b""):
        status, found, content = await connection.ask(method, path, fields, body)
        if status not in statuses:
            raise Unexpected(f"{method} {path} was answered with {status}: {content[:300].decode('latin-1')}")
        return found, content

    # Ways

    async def plain(self, connection):
        await self._expect(connection, {200}, "GET", f"/ok/{next(numbers) % 1000}")

    async def in_two_tries(self, connection):
        await self._expect(connection, {200}, "GET", "/flaky")
        for _ in range(4):  # so that the retries' budget is not what is asked here
            await self._expect(connection, {200}, "GET", "/ok")

    async def keyed(self, connection):
        """A key, its repeat, the key under another request, and two at once."""
        key, body = [("Idempotency-Key", fresh())], os.urandom(40).hex().encode()
        _, first = await self._expect(connection, {201}, "POST", "/charges", key, body)
        _, again = await self._expect(connection, {201}, "POST", "/charges", key, body)
        if first != again:
            raise Unexpected(f"a replay differs: {first[:80]!r} and then {again[:80]!r}")
        await self._expect(connection, {422}, "POST", "/charges", key, b"another")
        key = [("Idempotency-Key", fresh())]
        other = type(connection)(self.port)
        try:
            both = await asyncio.gather(*(self._expect(one, {201}, "POST", "/charges/slow", key, body) for one in (connection, other)))
        finally:
            other.close()
        if both[0][1] != both[1][1] or not both[0][1].endswith(b" 1"):
            raise Unexpected(f"duplicates got {both[0][1][:80]!r} and {both[1][1][:80]!r}")

    async def large(self, connection):
        _, content = await self._expect(connection, {200}, "GET", "/big")
        if len(content) != 200 << 10:
            raise Unexpected(f"a body of {len(content)} bytes")
        await self._expect(connection, {200}, "POST", "/echo", (), b"y" * (300 << 10))
        await self._expect(connection, {201}, "POST", "/charges/large", [("Idempotency-Key", fresh())], b"z" * (100 << 10))

    async def leaving(self, connection):
        """Goes before the answer comes; with a key, asks again and gets the one effect."""
        await connection.send("GET", "/slow")
        await asyncio.sleep(0.05)
        connection.close()
        key = [("Idempotency-Key", fresh())]
        await connection.send("POST", "/charges/slow", key, b"leaves")
        await asyncio.sleep(0.1)
        connection.close()
        _, content = await self._expect(connection, {201}, "POST", "/charges/slow", key, b"leaves")
        if not content.endswith(b" 1"):
            raise Unexpected(f"a client that left was charged again: {content[:80]!r}")

    async def leaving_a_stream(self, connection):
        await connection.send("GET", "/slow")
        await asyncio.sleep(0.05)
        connection.leave()
        await self._expect(connection, {200}, "GET", "/ok")
        await asyncio.sleep(0.5)  # Whoever leaves many streams at once is an attacker, and told so with a GOAWAY.

    async def leaving_early(self, connection):
        """Goes before it has sent a byte, within a handshake, within a head, and out of a WebSocket."""
        for port, first in ((self.port, b""), (self.tls_port, b"\x16\x03\x01"), (self.port, b"GET /ok HTTP/1.1\r\nHo")):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(first)
            await asyncio.sleep(0.02)
            writer.transport.abort()
        fields = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
                  ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
        async with asyncio.timeout(PATIENCE):
            await connection.send("GET", "/socket", fields)
            await connection.reader.readuntil(b"tick")
        connection.close()
        await asyncio.sleep(0.2)

    async def refused(self, connection):
        await self._expect(connection, {400}, "POST", "/charges", (), b"no key")
        await self._expect(connection, {404}, "GET", "/nowhere/at/all")
        await self._expect(connection, {400}, "GET", "/ok/../secret")
        await self._expect(connection, {200, 429}, "GET", "/rated")
        tunnel = HTTP1(self.port)
        try:
            await self._expect(tunnel, {400, 404, 405, 501}, "CONNECT", "a:443")
        finally:
            tunnel.close()

    async def operated(self, connection):
        """A service whose endpoints are drained and whose breakers are isolated meanwhile."""
        await self._expect(connection, {200, 503}, "GET", f"/operated/{next(numbers) % 10}")

    async def streams(self, connection):
        """Every second one is left in the middle."""
        async with asyncio.timeout(PATIENCE):
            await connection.send("GET", "/events")
            await connection.reader.readuntil(b"tick" if next(numbers) % 2 else b"0\r\n\r\n")
        connection.close()

    async def new(self, connection):
        try:
            await self._expect(connection, {200}, "GET", "/ok")
        finally:
            connection.close()

    async def unknown(self, connection):
        """The service breaks off; an operator settles it (`operator.py`)."""
        await self._expect(connection, {502}, "POST", "/cut", [("Idempotency-Key", fresh())], b"cut")
        await asyncio.sleep(2)

    # The control plane

    async def _view(self):
        """The page: what it loads, and its stream, which is opened again every half a minute."""
        while not self.ends:
            try:
                for path in ("/", "/api/state", "/api/trends", "/api/requests?limit=20", "/api/keys?state=unknown"):
                    await self._get(path)
                connection = HTTP1(self.admin_port)
                await connection.send("GET", "/api/events")
                for _ in range(150):
                    if self.ends:
                        break
                    try:
                        async with asyncio.timeout(0.2):
                            if not await connection.reader.read(1 << 16):
                                raise ConnectionError("the page's stream ended")
                    except TimeoutError:
                        pass
                connection.close()
                self.counts["the page opened"] += 1
            except Exception as error:
                self.errors.append(f"the page: {type(error).__name__} {error}")
                await asyncio.sleep(0.2)

    async def _scrape(self):
        while not self.ends:
            try:
                content = await self._get("/metrics")
                if b"holdfast_requests_total" not in content:
                    raise Unexpected("metrics without holdfast_requests_total")
                self.counts["scrapes"] += 1
            except Exception as error:
                self.errors.append(f"a scrape: {type(error).__name__} {error}")
            await asyncio.sleep(1)

    async def _probe(self):
        """Whoever asks often, so that what a single request leaves behind comes to a sum."""
        while not self.ends:
            try:
                await self._get("/ready")
                self.counts["probes"] += 1
            except Exception as error:
                self.errors.append(f"a probe: {type(error).__name__} {error}")
            await asyncio.sleep(self.pause)

    async def _get(self, path):
        """Over a connection of its own, which the control plane may keep or close."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.admin_port)
        try:
            async with asyncio.timeout(PATIENCE):
                writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                answer = await reader.read()
        finally:
            writer.transport.abort()
        if not answer.startswith(b"HTTP/1.1 200"):
            raise Unexpected(f"GET {path} was answered with {answer[:60]!r}")
        return answer


def work(load, pipe):
    """In a process of its own, until something comes through the pipe; then its figures go back."""
    async def main():
        await load.fill()
        pipe.send("filled")
        running = asyncio.ensure_future(load.run())
        while not pipe.poll(0):
            await asyncio.sleep(0.2)
        load.ends = True
        await running
    try:
        asyncio.run(main())
    except Exception as error:
        load.errors.append(f"the clients: {type(error).__name__} {error}")
    pipe.send((load.counts, load.errors))
