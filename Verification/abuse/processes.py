"""The gateway that is attacked, and the service behind it. Nothing outlives the run."""

import asyncio
import ctypes
import multiprocessing
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

os.environ["PATH"] += ":/usr/sbin:/sbin"  # where Debian keeps nginx, and a user's PATH does not look
CLOCK = os.sysconf("SC_CLK_TCK")
SIZES = {"small": 8 << 10, "medium": 32 << 10, "large": 1 << 20, "huge": 8 << 20}

SERVICE = """
{user}
worker_processes 1;
worker_rlimit_nofile {files};
daemon off;
pid {folder}/pid;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  keepalive_requests 1000000;
  client_max_body_size 0;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    root {folder};
    location = / {{ return 200 "ok"; }}
    # Answers when it has the whole body.
    location = /sink {{ proxy_pass http://127.0.0.1:{port}/; }}
    # What a caller's own input provokes.
    location = /bad {{ return 500; }}
    # A stream that has begun and says nothing.
    location = /silent {{
      proxy_pass http://127.0.0.1:{sockets_port};
      proxy_buffering off;
      proxy_read_timeout 1h;
    }}
  }}
}}
"""

GATEWAY = """
threads: 1
listeners:
  - address: 127.0.0.1:{port}
  - address: 127.0.0.1:{tls_port}
    tls: {{ certificate: {folder}/certificate.pem, key: {folder}/key.pem }}
admin: {{ address: "127.0.0.1:{admin_port}" }}
store: {{ location: memory }}
limits: {{ connections: {connections}, headerTimeout: {patience}s, bodyGrace: {patience}s, idleTimeout: {idle}s, clientTimeout: {patience}s{limits} }}
services:
  service:
    endpoints: ["http://127.0.0.1:{service_port}"]
    connections: {places}
  sockets:
    endpoints: ["http://127.0.0.1:{sockets_port}"]
  # Away until an attack lets it come back.
  away:
    endpoints: ["http://127.0.0.1:{away_port}"]
    breaker: {{ cooldown: 1s }}
    serviceBreaker: off
routes:
  - {{ name: away, service: away, match: {{ path: /away/* }}, attemptTimeout: {patience}s }}
  - {{ name: sockets, service: sockets, match: {{ path: /socket }} }}
  - {{ name: early, service: sockets, match: {{ path: /early }}, attemptTimeout: {patience}s }}
  - {{ name: everything, service: service, attemptTimeout: {patience}s }}
"""


def die_with_parent():
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for each in held:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def raise_files():
    """As many descriptors as the machine allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


class Process:
    def __init__(self, command, log, port, files=None):
        def prepare():
            die_with_parent()
            if files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

        self.log, self.port = log, port
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, preexec_fn=prepare)
        for _ in range(400):
            if self.process.poll() is not None:
                break
            if self.serves():
                return
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"{command[0]} does not start: {self.tail()}")

    def serves(self):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=2).status == 200
        except OSError:
            return False

    def tail(self):
        return pathlib.Path(self.log).read_text(errors="replace")[-800:]

    def stop(self):
        """Returns whether it ended when asked to."""
        if self.process.poll() is not None:
            return False
        self.process.terminate()
        try:
            self.process.wait(10)
            return True
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False


class Service(Process):
    def __init__(self, folder):
        self.folder = folder / "service"
        self.folder.mkdir()
        for name, size in SIZES.items():
            (self.folder / name).write_bytes(b"x" * size)
        [port] = free_ports(1)
        configuration = self.folder / "nginx.conf"
        self.sockets_port, self.sockets = serve_sockets()
        configuration.write_text(SERVICE.format(
            folder=self.folder, port=port, sockets_port=self.sockets_port, files=raise_files(),
            user="user root;" if os.getuid() == 0 else ""))
        error_log = self.folder / "error.log"
        super().__init__(["nginx", "-e", error_log, "-c", configuration], self.folder / "log", port)

    def stop(self):
        self.sockets.kill()
        return super().stop()


class Gateway(Process):
    def __init__(self, binary, folder, service, patience, connections=12_000, files=None, limits="",
                 places=1_024):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=folder))
        port, self.tls_port, self.admin_port, self.away_port = free_ports(4)
        shutil.copy(folder / "certificate.pem", self.folder)
        shutil.copy(folder / "key.pem", self.folder)
        configuration = self.folder / "holdfast.yaml"
        configuration.write_text(GATEWAY.format(
            folder=self.folder, port=port, tls_port=self.tls_port, admin_port=self.admin_port,
            service_port=service.port, sockets_port=service.sockets_port, away_port=self.away_port, connections=connections, patience=patience,
            idle=4 * patience, limits=limits and ", " + limits, places=places))
        super().__init__([binary, "gateway", "--config", configuration], self.folder / "log", port, files)

    def _status(self, name):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) / 1024

    def memory(self):
        """Resident, in MiB."""
        try:
            return self._status("VmRSS")
        except (OSError, TypeError):
            return 0.0

    def seconds(self):
        """Of CPU."""
        try:
            fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / CLOCK
        except OSError:
            return 0.0

    def connections(self):
        """Of clients, as the gateway tells."""
        try:
            text = urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=5).read().decode()
            return int(float(re.search(r"^holdfast_connections (\S+)", text, re.M)[1]))
        except (OSError, TypeError):
            return -1


def serve_sockets():
    """Serves WebSockets that send without end, answers before it has the request's body, and begins streams that say
    nothing. It reads none of it, but with `?read`. In a process of its own."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)

    async def answer_early(writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.2)

    async def stay_silent(writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await writer.drain()
            await asyncio.sleep(3600)

    async def serve(reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"/early" in head:
                await answer_early(writer)
            if b"/silent" in head:
                await stay_silent(writer)
        except (OSError, EOFError):
            return writer.close()
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                     b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        try:
            if b"?read" in head:
                while await reader.read(1 << 16):
                    pass
                return writer.close()
            while True:
                await writer.drain()
                writer.write(b"\x82\x7e\xff\x00" + b"\0" * 0xFF00)
        except OSError:
            writer.close()

    async def main():
        # A reader that nobody reads holds its side back at once.
        async with await asyncio.start_server(serve, sock=listening, limit=1024):
            await asyncio.Event().wait()

    process = multiprocessing.Process(target=lambda: asyncio.run(main()), daemon=True)
    process.start()
    return listening.getsockname()[1], process


def make_certificate(folder):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
        check=True, capture_output=True)
