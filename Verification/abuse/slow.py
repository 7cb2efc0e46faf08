"""Attacks of those who are slow, and of those who are many."""

import http.server
import socket
import ssl
import threading
import time

from wire import clock, connect_many, hold, kernel_memory, key

PER_CLIENT = 100
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def post(length, *fields):
    head = ["POST /sink HTTP/1.1", "Host: a", f"Content-Length: {length}", *fields]
    return "\r\n".join(head).encode() + b"\r\n\r\n"


def told(closed, of, last):
    return f"{closed:,} of {of:,} were closed" + (f", the last after {last:.0f} s" if closed else "")


def idle(gateway, count, seconds):
    made = connect_many(gateway.port, count, GET)
    began = clock()
    closed, last = hold(made, min(seconds, 3.5 * gateway.patience))
    words = told(closed, len(made), last)
    return f"{len(made):,} connections, each idle after a request, for {clock() - began:.0f} s; {words}"


def too_many(gateway, count, seconds, words, **connect):
    made = connect_many(gateway.port, count, GET, **connect)
    closed, _ = hold(made, seconds / 2)
    return f"{len(made):,} connections {words}; {closed:,} were closed as they came"


def bound(gateway, count, seconds):
    """More connections than the gateway takes."""
    return too_many(gateway, count, seconds, f"where {gateway.bound:,} are taken")


def one_client(gateway, count, seconds):
    """More connections of one address than the gateway takes; others have another."""
    return too_many(gateway, count, seconds, f"of one address where it may have {PER_CLIENT}", source="127.0.0.2")


def descriptors(gateway, count, seconds):
    """More connections than the gateway has descriptors for."""
    return too_many(gateway, count, seconds, f"to a gateway with {gateway.files:,} descriptors")


def slow_heads(gateway, count, seconds):
    made = connect_many(gateway.port, count, b"GET / HTTP/1.1\r\nHost: a\r\nx: ")
    return "a byte of the head each second: " + told(*of(made, hold(made, seconds, b"x")))


def slow_bodies(gateway, count, seconds):
    made = connect_many(gateway.port, count, post(100_000))
    return ended("a byte of the body each second", made, seconds)


def slow_keyed_bodies(gateway, count, seconds):
    made = connect_many(gateway.port, count, lambda _: post(100_000, f"Idempotency-Key: {key()}"))
    return ended("the same, with a key", made, seconds)


def silent_bodies(gateway, count, seconds):
    made = connect_many(gateway.port, count, lambda n: post(100_000, *([f"Idempotency-Key: {key()}"] if n % 2 else [])))
    return "bodies that never come, half of them with a key: " + told(*of(made, hold(made, seconds)))


def kept_bodies(gateway, count, seconds):
    """Nearly as much as a route keeps, and then no end."""
    amount = b"x" * 1_000_000
    made = connect_many(gateway.port, count, lambda _: post(1_048_576, f"Idempotency-Key: {key()}") + amount)
    return ended("1 MB of a body, then a byte each second", made, seconds)


def early_answers(gateway, count, seconds):
    """The service answers and does not read, while the body goes on."""
    head = post(1 << 40).replace(b"/sink", b"/early")
    made, sent = connect_many(gateway.port, count, head, received=4096), 0
    end = clock() + seconds
    while clock() < end:
        for one in made:
            try:
                sent += one.send(b"\0" * 65_536)
            except OSError:
                pass
        time.sleep(0.01)
    return f"{len(made):,} bodies without end for a service that has answered and does not read; {sent / 1e6:.1f} MB sent"


def slow_readers(gateway, count, seconds):
    """1 MiB may find room in the kernel's buffers. 8 MiB do not, and what all of them fill there the machine lacks: so
    few ask for them."""
    asks = [b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % path for path in (b"large", b"huge")]
    made = connect_many(gateway.port, count, lambda number: asks[number % 10 == 0], received=4096)
    most, end = 0.0, clock() + seconds
    while clock() < end:
        most = max(most, kernel_memory())
        time.sleep(0.1)
    for one in made:
        one.close()
    return f"{len(made):,} ask for 1 MiB, or each tenth for 8, and do not read; the kernel's buffers took {most:.0f} MiB"


def steady_readers(gateway, count, seconds):
    """100 kB a second, for longer than anything but a client that has stopped may take. Each that is cut is a fault."""
    made = connect_many(gateway.port, count, GET.replace(b"/ ", b"/huge "), received=65_536)
    open_ones, taken, end = list(made), 0, clock() + seconds
    while clock() < end:
        turn = clock()
        for one in list(open_ones):
            try:
                data = one.recv(10_000)
                taken += len(data)
                if not data:
                    open_ones.remove(one)
            except BlockingIOError:
                pass
            except OSError:
                open_ones.remove(one)
        time.sleep(max(0.0, 0.1 - (clock() - turn)))
    cut = len(made) - len(open_ones)
    for one in open_ones:
        one.close()
    words = f"{len(made):,} take 100 kB of 8 MiB a second; {taken / 1e6:.1f} MB taken, {cut} of them cut off"
    return words, cut, "were cut off, though they took their answers"


def slow_readers_elsewhere(gateway, count, seconds):
    """More clients of one address than the service has connections, none of which takes its answer."""
    return places_held(gateway, count, seconds, GET.replace(b"/ ", b"/huge "), "ask for 8 MiB and do not read")


def long_polls(gateway, count, seconds):
    """The same, with answers that do not come."""
    return places_held(gateway, count, seconds, GET.replace(b"/ ", b"/silent "), "follow a stream that says nothing")


def places_held(gateway, count, seconds, request, words):
    made = connect_many(gateway.port, count, request, received=4096, source="127.0.0.2")
    time.sleep(seconds)
    for one in made:
        one.close()
    return f"{len(made):,} of one address {words}, where the service has {gateway.places} connections"


def slow_uploads(gateway, count, seconds):
    """Just fast enough that none of them is too slow, from many addresses."""
    made = []
    for number in range(count):
        made += connect_many(gateway.port, 1, post(100_000_000), source=f"127.0.1.{number % 250 + 1}")
    sent, end = 0, clock() + seconds
    while clock() < end:
        turn = clock()
        for one in made:
            try:
                sent += one.send(b"x" * 300)
            except OSError:
                pass
        time.sleep(max(0.0, 0.5 - (clock() - turn)))
    for one in made:
        one.close()
    return (f"{len(made):,} bodies of 600 bytes a second, where the service has {gateway.places} connections; "
            f"{sent / 1e6:.1f} MB sent")


def probe_holder(gateway, count, seconds):
    """A service comes back, and one stranger asks for nothing but what is answered late, or takes long to send. Others
    ask twice a second, and have their answers soon after the breaker's cooldown of 1 s."""
    for number in range(8):
        status(gateway.port, b"GET /away/ HTTP/1.1\r\nHost: a\r\n\r\n", f"127.0.1.{number + 1}")
    comes_back(gateway.away_port)
    ends = threading.Event()
    late = b"GET /away/late HTTP/1.1\r\nHost: a\r\n\r\n"
    slow = post(60_000).replace(b"/sink", b"/away/")
    for number in range(count):
        threading.Thread(target=holds, args=(gateway.port, late if number % 2 else slow, ends), daemon=True).start()
    began, first, answers = clock(), None, 0
    while clock() < began + max(seconds, 6):
        for number in range(5):
            if status(gateway.port, b"GET /away/ HTTP/1.1\r\nHost: a\r\n\r\n", f"127.0.1.{number + 1}") == b"200":
                first = first or clock() - began
                answers += 1
        time.sleep(0.5)
    ends.set()
    soon = first is not None and first < 5
    words = f"{count} connections of one address ask a service that is well again for what is late; others had {answers:,} answers"
    words += f", the first after {first:.1f} s" if first else ""
    return words, 0 if soon else 1, "kept a breaker open whose service was well"


def status(port, request, source):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=3, source_address=(source, 0)) as one:
            one.sendall(request)
            return one.recv(4096)[9:12]
    except OSError:
        return b""


def holds(port, request, ends):
    """Asks, drips a body where there is one, and asks again."""
    while not ends.is_set():
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=0.1, source_address=("127.0.0.2", 0)) as one:
                one.sendall(request)
                while not ends.is_set():
                    try:
                        if not one.recv(4096):
                            break
                        one.sendall(request)
                    except TimeoutError:
                        if request.startswith(b"POST"):
                            one.sendall(b"x" * 80)
        except OSError:
            time.sleep(0.01)


def comes_back(port):
    """Serves, in threads: `/away/late` after a minute, and all else at once."""
    class Answers(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path.endswith("late"):
                time.sleep(60)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Answers)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()


def silent_streams(gateway, count, seconds):
    """Streams that say nothing for longer than an answer may take to begin. Each that is cut is a fault."""
    made = connect_many(gateway.port, count, GET.replace(b"/ ", b"/silent "))
    cut, _ = hold(made, seconds)
    words = f"{len(made):,} streams that say nothing after their heads; {cut} of them cut off"
    return words, cut, "were cut off, though a stream may be silent"


def bad_requests(gateway, count, seconds):
    """What the service answers with 500, as fast as it goes, and nothing else."""
    return bad(gateway, count, seconds, 0.0, "127.0.0.2")


def bad_tenth(gateway, count, seconds):
    """The same from the others' own address, with about a tenth of the traffic, in bursts."""
    return bad(gateway, count, seconds, 1.0, "127.0.0.1", burst=20)


def bad(gateway, count, seconds, pause, source, burst=1):
    made = connect_many(gateway.port, count, source=source)
    asked, end = 0, clock() + seconds
    request = GET.replace(b"/ ", b"/bad ")
    while clock() < end and made:
        for _ in range(burst):
            for one in list(made):
                try:
                    one.setblocking(True)
                    one.sendall(request)
                    asked += bool(one.recv(65_536))
                except OSError:
                    made.remove(one)
        time.sleep(pause)
    for one in made:
        one.close()
    return f"{asked:,} requests that the service answers with 500" + (f", {burst} at a time" if burst > 1 else "")


def web_sockets(gateway, count, seconds):
    """The service sends without end and reads nothing, and so does the client."""
    upgrade = "GET /socket HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"
    head = "\r\n".join((*upgrade, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")).encode() + b"\r\n\r\n"
    made, sent = connect_many(gateway.port, count, head, received=4096), 0
    made = [one for one in made if answers(one, b"HTTP/1.1 101 ")]
    end = clock() + seconds
    while clock() < end:
        for one in made:
            try:
                sent += one.send(b"\0" * 65_536)
            except OSError:
                pass
        time.sleep(0.1)
    return f"{len(made):,} WebSockets whose peers send and do not read; {sent / 1e6:.1f} MB sent"


def answers(one, beginning):
    one.settimeout(5)
    try:
        return one.recv(len(beginning)) == beginning
    except OSError:
        return False
    finally:
        one.setblocking(False)


def handshakes(gateway, count, seconds):
    """Half say nothing, half begin."""
    outgoing = ssl.MemoryBIO()
    hello = ssl._create_unverified_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="a")
    try:
        hello.do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello = outgoing.read()
    made = connect_many(gateway.tls_port, count, lambda number: hello[:number % 2 * len(hello)])
    return "TLS handshakes that never end: " + told(*of(made, hold(made, seconds)))


def ended(words, made, seconds):
    """Goes on a byte at a time. Returns how many were not ended for that, besides the words."""
    closed, last = hold(made, seconds, b"x")
    return f"{words}: {told(closed, len(made), last)}", len(made) - closed


def of(made, ended):
    closed, last = ended
    return closed, len(made), last
