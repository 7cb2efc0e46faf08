"""The figures: each takes rounds of measurements of every proxy in turn, and keeps the medians."""

import contextlib
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

import loads
import processes
import proxies
from processes import folder
from proxies import PORTS, SERVICE, START

SECONDS, ROUNDS = int(os.environ.get("SECONDS_EACH", "5")), int(os.environ.get("ROUNDS", "3"))
CONNECTIONS = 64
GATEWAYS = (18121, 18122, 18123)


class Figures:
    """`values[figure][proxy]` are medians."""

    def __init__(self):
        self.values = {}
        self.service = None

    def _rounds(self, label, names, measure):
        """Measures each proxy in turn, round after round. `measure` returns one number for each figure."""
        taken = {}
        for place in range(ROUNDS):
            for name in names:
                print(f"{label}: round {place + 1} of {ROUNDS}, {name}", file=sys.stderr)
                for figure, value in measure(name).items():
                    taken.setdefault(figure, {}).setdefault(name, []).append(value)
        for figure, of_proxies in taken.items():
            self.values[figure] = {name: statistics.median(values) for name, values in of_proxies.items()}

    @contextlib.contextmanager
    def _started(self, endpoints=SERVICE, ports=PORTS, **options):
        running = {}
        for name, port in ports.items():
            running[name] = START[name](port, endpoints, **(options if name == "Holdfast" else {}))
        try:
            yield running
        finally:
            for process in running.values():
                processes.must_run(process)
                processes.stop(process)

    def get(self):
        """Keep-alive GETs as fast as they are answered."""
        if "rate" in self.values:
            return
        with self._started() as running:
            def measure(name):
                before = processes.cpu_seconds(running[name].pid)
                [answers] = loads.wrk([PORTS[name]], SECONDS, CONNECTIONS)
                answers.must_be_good(name)
                used = processes.cpu_seconds(running[name].pid) - before
                return {"rate": answers.rate, "cost": used / answers.count * 1e6}
            self._rounds("GET", PORTS, measure)

    def p99(self):
        """Keep-alive GETs at half the rate that was the gateway's most."""
        self.get()
        self.half = int(self.values["rate"]["Holdfast"] / 2)
        binary = loads.build_open_loop()
        with self._started():
            def measure(name):
                p50, p99 = loads.open_loop(binary, PORTS[name], self.half, SECONDS, CONNECTIONS)
                return {"p50": p50, "p99": p99}
            self._rounds("p99", PORTS, measure)

    def idle(self):
        """What a proxy that has just been started has in memory, at rest and with idle connections."""
        def measure(name):
            process = START[name](PORTS[name], SERVICE)
            time.sleep(1)
            at_rest = processes.resident_mebibytes(process.pid)
            sockets = loads.idle_connections(PORTS[name], 1_000)
            time.sleep(1)
            full = processes.resident_mebibytes(process.pid)
            for each in sockets:
                each.close()
            processes.stop(process)
            return {"at rest": at_rest, "idle": full}
        self._rounds("idle", PORTS, measure)

    def bodies(self):
        """Bodies of 1 MiB, down and up."""
        with self._started() as running:
            def load(name, path, script, way):
                before = processes.cpu_seconds(running[name].pid)
                [answers] = loads.wrk([PORTS[name]], SECONDS, 16, path, script)
                answers.must_be_good(name)
                used = processes.cpu_seconds(running[name].pid) - before
                return {way: answers.rate, f"{way} cost": used / answers.count * 1e6}
            self._rounds("bodies", PORTS, lambda name: {
                **load(name, "/large", None, "down"), **load(name, "/upload", "upload.lua", "up")})

    def dead(self):
        """A service of which no endpoint listens, long enough for all of them to be left out."""
        ports = proxies.DEAD_PORTS
        # A cooldown that outlasts the measurement, so that what is counted are rejections.
        with self._started(), self._started(proxies.DEAD, ports, cooldown="1h") as running:
            def measure(name):
                # One after the other, so that whatever else the machine does is the same for both.
                [good] = loads.wrk([PORTS[name]], SECONDS, CONNECTIONS)
                good.must_be_good(name)
                loads.wrk([ports[name]], 1, CONNECTIONS)
                before = processes.cpu_seconds(running[name].pid)
                [answers] = loads.wrk([ports[name]], SECONDS, CONNECTIONS)
                if answers.declined < answers.count:
                    sys.exit(f"{name}: {answers.count - answers.declined:.0f} good answers of a dead service")
                used = processes.cpu_seconds(running[name].pid) - before
                return {"rejections": answers.rate, "rejection cost": used / answers.count * 1e6,
                        "rejection share": answers.rate / good.rate}
            self._rounds("dead", PORTS, measure)

    def sqlite(self):
        """POSTs with a key each, in front of a store on disk. Nobody else here keeps keys."""
        def start():
            return {"gateway": [proxies.start_holdfast(GATEWAYS[0], SERVICE, f"sqlite:{folder}/keys-{time.monotonic_ns()}.db")]}
        self._posts("sqlite", GATEWAYS[:1], start, CONNECTIONS)
        self._posts("sqlite wide", GATEWAYS[:1], start, 4 * CONNECTIONS)

    def postgres(self):
        """The same through three gateways on one PostgreSQL."""
        url, pid = start_postgres()
        def start():
            return {
                "gateways": [proxies.start_holdfast(port, SERVICE, url) for port in GATEWAYS],
                "PostgreSQL": [pid]}
        self._posts("postgres", GATEWAYS, start, CONNECTIONS)

    def _posts(self, figure, ports, start, connections):
        taken, shares = [], []
        for place in range(ROUNDS):
            print(f"{figure}: round {place + 1} of {ROUNDS}", file=sys.stderr)
            groups = {**start(), "service": [self.service.pid]}
            pids = {name: [getattr(each, "pid", each) for each in group] for name, group in groups.items()}
            loads.wrk(ports, 1, connections, script="fresh-keys.lua")
            before = {name: processes.cpu_seconds(*group) for name, group in pids.items()}
            before["wrk"], machine = loads.wrk_seconds(), processes.machine_seconds()
            answers = loads.wrk(ports, SECONDS, connections, script="fresh-keys.lua")
            spent = {name: value - machine[name] for name, value in processes.machine_seconds().items()}
            used = {name: processes.cpu_seconds(*group) - before[name] for name, group in pids.items()}
            used["wrk"] = loads.wrk_seconds() - before["wrk"]
            for each in answers:
                each.must_be_good(figure)
            count = sum(each.count for each in answers)
            taken.append({
                "rate": sum(each.rate for each in answers), "p50": statistics.mean(each.p50 for each in answers),
                "p99": max(each.p99 for each in answers)})
            shares.append({
                name: seconds / count * 1e6 for name, seconds in (
                    *used.items(), ("other programs", max(0, spent.pop("working") - sum(used.values()))), *spent.items())})
            for group in groups.values():
                for process in group:
                    if process is not self.service and not isinstance(process, int):
                        processes.must_run(process)
                        processes.stop(process)
        median = lambda rows: {name: statistics.median(row[name] for row in rows) for name in rows[0]}
        self.values[figure] = {"Holdfast": median(taken)["rate"]}
        self.values[f"{figure} times"], self.values[f"{figure} shares"] = median(taken), median(shares)


def start_postgres():
    """A server of its own, reached through a socket in the folder. Returns its URL and the process's id."""
    binaries = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    data, home = folder / "postgres/data", folder / "postgres"
    home.mkdir()
    as_user = []
    if os.geteuid() == 0:
        shutil.chown(home, "postgres")
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    def call(program, *arguments):
        subprocess.run([*as_user, str(binaries / program), *arguments], check=True, cwd="/", stdout=subprocess.DEVNULL)
    call("initdb", "-D", str(data), "-U", "postgres", "-A", "trust")
    call("pg_ctl", "-D", str(data), "-w", "-l", str(home / "log"), "-o",
         f"-c listen_addresses= -c unix_socket_directories={home} -c max_connections=200", "start")
    pid = int((data / "postmaster.pid").read_text().split()[0])
    def end():
        processes.daemon_seconds.append(processes.cpu_seconds(pid))
        call("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
    processes.at_end(end)
    call("createdb", "-h", str(home), "-U", "postgres", "bench")
    return f"postgres://postgres@/bench?host={home}", pid
