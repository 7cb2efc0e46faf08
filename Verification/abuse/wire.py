"""What attacks are made of: many connections, bytes that drip, bytes that flood. Everything is bounded in count and time.
"""

import os
import selectors
import socket
import time

HOST = "127.0.0.1"


def clock():
    return time.monotonic()


def connect(port, received=None, source=HOST):
    """`received`: how much the kernel takes before the other side has to wait, in bytes."""
    made = socket.socket()
    if source != HOST:
        made.bind((source, 0))
    if received:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, received)
    made.settimeout(5)
    made.connect((HOST, port))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def connect_many(port, count, first=b"", received=None, source=HOST):
    """`first` may depend on the connection's number. Those that cannot be made are left out."""
    made = []
    for number in range(count):
        try:
            one = connect(port, received, source)
            data = first(number) if callable(first) else first
            if data:
                one.sendall(data)
            one.setblocking(False)
            made.append(one)
        except OSError:
            pass
    return made


def is_open(one):
    """Whether the other side has not closed. Reads what is there."""
    try:
        while True:
            if not one.recv(1 << 16):
                return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def hold(connections, seconds, drip=None, every=1.0, reads=True):
    """Keeps connections, each of which sends a byte now and then.

    Returns how many the other side has closed, and when, in seconds, the last of them noticed."""
    began, last, left = clock(), 0.0, list(connections)
    while left and clock() - began < seconds:
        turn = clock()
        for one in list(left):
            try:
                if drip:
                    one.send(drip)
                is_there = is_open(one) if reads else True
            except BlockingIOError:
                is_there = True
            except OSError:
                is_there = False
            if not is_there:
                left.remove(one)
                one.close()
                last = clock() - began
        time.sleep(max(0.0, min(every, began + seconds - clock()) - (clock() - turn)))
    for one in left:
        one.close()
    return len(connections) - len(left), last


def kernel_memory():
    """What all of the machine's TCP connections take of the kernel's memory, in MiB."""
    with open("/proc/net/sockstat") as file:
        fields = next(line.split() for line in file if line.startswith("TCP:"))
    return int(fields[fields.index("mem") + 1]) * os.sysconf("SC_PAGESIZE") / (1 << 20)


class Flood:
    """Connections that send as fast as they are read, and come again when they are closed.

    `script` gives what one connection sends, in blocks: an iterator, which ends or does not. When it has ended, the
    connection waits to be closed. One that is not read takes no answer off the wire."""

    def __init__(self, port, script, connections, seconds, reads=True, most=100_000, received=None):
        self.port, self.script, self.count, self.seconds = port, script, connections, seconds
        self.reads, self.most, self.received_buffer = reads, most, received
        self.made = self.closed = self.refused = self.sent = self.received = 0

    def run(self):
        selector, self.pending = selectors.DefaultSelector(), {}
        end = clock() + self.seconds
        for _ in range(self.count):
            self._come(selector)
        while clock() < end and (selector.get_map() or self.made < self.most):
            for key, events in selector.select(0.05):
                if clock() >= end:
                    break
                if not self._serve(selector, key.fileobj, events):
                    self._leave(selector, key.fileobj)
                    self.closed += 1
                    self._come(selector)
        for one in list(self.pending):
            self._leave(selector, one)
        return self

    def _come(self, selector):
        if self.made >= self.most:
            return
        try:
            one = connect(self.port, self.received_buffer)
        except OSError:
            self.refused += 1
            return
        one.setblocking(False)
        self.made += 1
        self.pending[one] = [iter(self.script()), b""]
        selector.register(one, selectors.EVENT_WRITE | (selectors.EVENT_READ if self.reads else 0))

    def _leave(self, selector, one):
        selector.unregister(one)
        del self.pending[one]
        one.close()

    def _serve(self, selector, one, events):
        try:
            if events & selectors.EVENT_READ:
                data = one.recv(1 << 18)
                self.received += len(data)
                if not data:
                    return False
            if events & selectors.EVENT_WRITE:
                return self._send(selector, one)
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True

    def _send(self, selector, one):
        state = self.pending[one]
        if not state[1]:
            block = next(state[0], None)
            if block is None:
                selector.modify(one, selectors.EVENT_READ)
                return True
            state[1] = memoryview(block)
        sent = one.send(state[1])
        self.sent += sent
        state[1] = state[1][sent:]
        return True

    def __str__(self):
        amount = f"{self.sent / 1e6:.1f} MB" if self.sent >= 1e5 else f"{self.sent / 1e3:.1f} kB"
        return f"{self.made:,} connections, {self.closed:,} of them closed by the gateway; {amount} sent"


def key():
    return os.urandom(12).hex()
