"""The well-behaved client: what others notice of an attack.

Five threads, each with one way to come: a kept connection, a kept connection under TLS, a new connection for each
request, a new idempotency key for each POST, and HTTP/2."""

import http.client
import multiprocessing
import os
import socket
import ssl
import threading
import time

import frames

PATIENCE = 5  # seconds for an answer; beyond it the request has failed
PAUSE = 0.02


class Broken(Exception):
    pass


def kept(port, tls=False):
    if tls:
        context = ssl._create_unverified_context()
        return http.client.HTTPSConnection("127.0.0.1", port, timeout=PATIENCE, context=context)
    return http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)


def exchange(connection, method="GET", path="/", body=None, fields=None):
    connection.request(method, path, body, fields or {})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise Broken(f"status {answer.status}")


class HTTP2:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(frames.PREFACE + frames.settings())
        self.reader, self.stream = frames.Reader(), -1

    def exchange(self):
        self.stream += 2
        self.socket.sendall(frames.get(self.stream))
        while True:
            data = self.socket.recv(65536)
            if not data:
                raise Broken("closed")
            for kind, flags, stream, payload in self.reader.feed(data):
                if kind == frames.SETTINGS and not flags & frames.ACKNOWLEDGED:
                    self.socket.sendall(frames.frame(frames.SETTINGS, frames.ACKNOWLEDGED))
                elif kind == frames.PING and not flags & frames.ACKNOWLEDGED:
                    self.socket.sendall(frames.frame(frames.PING, frames.ACKNOWLEDGED, 0, payload))
                elif kind in (frames.GOAWAY, frames.RESET):
                    raise Broken("GOAWAY" if kind == frames.GOAWAY else "RST_STREAM")
                elif stream == self.stream and kind in (frames.HEADERS, frames.DATA) and flags & frames.END_STREAM:
                    return

    def close(self):
        self.socket.close()


class Measured:
    def __init__(self):
        self.times, self.failures = [], []

    def quantile(self, share):
        times = sorted(self.times)
        return times[min(len(times) - 1, int(len(times) * share))] * 1000 if times else float("nan")


class Client:
    """Runs in a process of its own: the attacker's Python must not slow its clock."""

    def __init__(self, gateway, comes_anew=True):
        self.gateway, self.comes_anew = gateway, comes_anew
        self.pipe, other = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=self._run, args=(other,), daemon=True)
        self.process.start()
        if not self.pipe.poll(30):
            raise RuntimeError("the well-behaved client does not get ready")
        self.pipe.recv()

    def begin(self):
        self.pipe.send("begin")

    def end(self):
        self.pipe.send("end")
        measured = Measured()
        if not self.pipe.poll(30):
            raise RuntimeError("the well-behaved client does not end")
        measured.times, measured.failures = self.pipe.recv()
        self.process.join(5)
        return measured

    # In the process

    def _run(self, pipe):
        self.times, self.failures, self.counts, self.ends = [], [], False, False
        threads = [threading.Thread(target=self._repeat, args=way, daemon=True) for way in self._ways()]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        pipe.send("ready")
        pipe.recv()
        self.counts = True
        pipe.recv()
        self.ends = True
        for thread in threads:
            thread.join(PATIENCE + 1)
        pipe.send((self.times, self.failures))

    def _ways(self):
        port, tls = self.gateway.port, self.gateway.tls_port
        yield "kept", lambda: kept(port), exchange
        yield "TLS", lambda: kept(tls, True), exchange
        yield "keyed", lambda: kept(port), self._post
        yield "HTTP/2", lambda: HTTP2(port), HTTP2.exchange
        if self.comes_anew:
            yield "new", lambda: None, self._anew

    def _post(self, connection):
        exchange(connection, "POST", "/sink", b"x" * 256, {"Idempotency-Key": os.urandom(8).hex()})

    def _anew(self, _):
        connection = kept(self.gateway.port)
        try:
            exchange(connection)
        finally:
            connection.close()

    def _repeat(self, name, connect, once):
        connection = None
        while not self.ends:
            began, counts = time.monotonic(), self.counts
            try:
                connection = connection or connect()
                once(connection)
                if counts:
                    self.times.append(time.monotonic() - began)
            except Exception as error:
                if counts:
                    self.failures.append(f"{name}: {str(error) or type(error).__name__}")
                if connection:
                    connection.close()
                connection = None
            time.sleep(PAUSE)
