"""The service of the night: each charge is a line in a ledger, synced: its number, the key, the request's identifier.

It takes a while before the charge and a while after it, so that one who dies dies before some effects and after others."""

import asyncio
import itertools
import os
import sys

port, path = int(sys.argv[1]), sys.argv[2]
ledger = os.open(path, os.O_WRONLY | os.O_APPEND)
numbers = itertools.count(sum(1 for _ in open(path)) + 1)


async def serve(reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
            await reader.readexactly(int(fields.get("content-length", 0)))
            status, content = 200, "ok"
            if head[0].startswith("POST"):
                await asyncio.sleep(0.15)
                number = next(numbers)
                os.write(ledger, f"{number} {fields['idempotency-key']} {fields['x-request-id']}\n".encode())
                os.fdatasync(ledger)
                await asyncio.sleep(0.15)
                status, content = 201, f'{{"charge": {number}}}'
            writer.write(f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n{content}".encode())
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()


async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", port) as server:
        await server.serve_forever()

asyncio.run(main())
