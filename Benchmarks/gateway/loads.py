"""What proxies are loaded with, and what is read off it."""

import pathlib
import re
import resource
import socket
import subprocess
import sys

import processes

HERE = pathlib.Path(__file__).resolve().parent


class Answers:
    """What wrk saw."""

    def __init__(self, output):
        number = lambda pattern: next((float(found) for found in re.findall(pattern, output)), 0)
        self.count = number(r"(\d+) requests in")
        self.rate = number(r"Requests/sec:\s+([\d.]+)")
        self.declined = number(r"Non-2xx or 3xx responses: (\d+)")
        self.p50, self.p99 = (self._milliseconds(output, share) for share in ("50", "99"))
        broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
        self.broken = sum(int(count) for count in broken.groups()) if broken else 0

    @staticmethod
    def _milliseconds(output, share):
        found = re.search(rf"\s{share}%\s+([\d.]+)(us|ms|s)", output)
        return float(found.group(1)) * {"us": 0.001, "ms": 1, "s": 1_000}[found.group(2)] if found else 0

    def must_be_good(self, name):
        if self.declined or self.broken or not self.count:
            sys.exit(f"{name}: of {self.count:.0f} answers {self.declined:.0f} were not good, {self.broken} connections broke")


def wrk(ports, seconds, connections, path="/", script=None):
    """Loads all the ports at once, and says what each answered."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    command += ["-s", str(HERE / script)] if script else []
    running = [
        subprocess.Popen([*command, f"http://127.0.0.1:{port}{path}"], stdout=subprocess.PIPE, text=True,
                         preexec_fn=processes.die_with_parent) for port in ports]
    outputs = [each.communicate()[0] for each in running]
    if any(each.returncode for each in running):
        sys.exit("wrk failed")
    return [Answers(output) for output in outputs]


def wrk_seconds():
    """The CPU time of all the loads so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def build_open_loop():
    binary = processes.folder / "openloop"
    subprocess.run(["gcc", "-O2", "-o", str(binary), str(HERE / "openloop.c")], check=True)
    return binary


def open_loop(binary, port, rate, seconds, connections):
    """The p50 and p99 in milliseconds of requests that come at a constant rate, each counted from when it was due."""
    output = subprocess.run(
        [str(binary), "127.0.0.1", str(port), str(int(rate)), str(seconds), str(connections)], stdout=subprocess.PIPE,
        text=True, check=True, preexec_fn=processes.die_with_parent).stdout
    sent, answered, failed, p50, _, p99, _, _ = (float(word) for word in output.split())
    if failed:
        sys.exit(f"port {port}: {failed:.0f} of {sent:.0f} requests at a constant rate had no good answer")
    return p50 / 1_000, p99 / 1_000


def idle_connections(port, count):
    """Connections that have had one answer each, and now wait."""
    sockets = []
    for _ in range(count):
        each = socket.create_connection(("127.0.0.1", port), timeout=10)
        each.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        if not each.recv(65_536).startswith(b"HTTP/1.1 200"):
            sys.exit(f"port {port}: a connection that was to be idle was refused its answer")
        sockets.append(each)
    return sockets
