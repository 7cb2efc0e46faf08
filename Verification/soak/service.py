"""The service behind the gateway that is soaked, in a process of its own. What it does is in the path."""

import asyncio
import itertools
import multiprocessing
import socket

BIG = b"x" * (200 << 10)
effects = {}
numbers = itertools.count(1)


async def answer(method, path, fields, body, writer):
    """Returns whether the connection goes on."""
    key = fields.get("idempotency-key", "")
    status, content = 200, b"ok"
    if path.startswith("/charges"):
        effects[path + key] = effects.get(path + key, 0) + 1
        status, content = 201, f"charge {next(numbers)} {effects[path + key]}".encode()
        if "slow" in path:
            await asyncio.sleep(0.4)
    elif path.startswith("/cut"):
        return False
    elif path.startswith("/flaky") and fields.get("holdfast-attempt") in (None, "1"):
        status, content = 503, b"again"
    elif path.startswith("/slow"):
        await asyncio.sleep(1)
    elif path.startswith("/big"):
        content = BIG
    elif path.startswith("/echo"):
        content = str(len(body)).encode()
    elif path.startswith("/socket"):
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                     b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        while True:  # until the other side has gone
            writer.write(b"\x82\x04tick")
            await writer.drain()
            await asyncio.sleep(0.1)
    elif path.startswith("/events"):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for _ in range(20):
            writer.write(b"data: tick\n\n")
            await writer.drain()
            await asyncio.sleep(0.2)
        return False
    writer.write(b"HTTP/1.1 %d Any\r\nContent-Length: %d\r\n\r\n" % (status, len(content)) + content)
    await writer.drain()
    return True


async def body_of(reader, fields):
    if "chunked" not in fields.get("transfer-encoding", ""):
        return await reader.readexactly(int(fields.get("content-length", 0)))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


async def serve(reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ", 2)
            fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
            if not await answer(method, path, fields, await body_of(reader, fields), writer):
                break
    except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError, ValueError):
        pass
    writer.close()


def start(count):
    """Returns the ports of so many endpoints, and the process."""
    listening = [socket.create_server(("127.0.0.1", 0), backlog=1024) for _ in range(count)]

    async def run():
        servers = [await asyncio.start_server(serve, sock=one) for one in listening]
        await asyncio.gather(*(server.serve_forever() for server in servers))

    process = multiprocessing.Process(target=lambda: asyncio.run(run()), daemon=True)
    process.start()
    return [one.getsockname()[1] for one in listening], process
