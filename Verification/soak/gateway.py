"""The gateway that is soaked, and the operator who changes its configuration, sets things at run time and settles keys."""

import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "abuse"))
import processes

CONFIGURATION = """
threads: 2
listeners:
  - address: 127.0.0.1:{port}
  - address: 127.0.0.1:{tls_port}
    tls: {{ certificate: certificate.pem, key: key.pem }}
admin: {{ address: "127.0.0.1:{admin_port}" }}
store: {{ location: "sqlite:{folder}/keys.db" }}
accessLog: {{ path: "{folder}/access.log", begins: keyed }}
limits: {{ drainTimeout: 5s, refusedRetention: 1m }}
services:
  service:
    endpoints: ["http://127.0.0.1:{endpoints[0]}", "http://127.0.0.1:{endpoints[1]}"]
    connections: {connections}
    healthCheck: {{ path: /health, interval: 1s, timeout: 900ms }}
  operated:
    endpoints: ["http://127.0.0.1:{endpoints[2]}", "http://127.0.0.1:{endpoints[3]}"]
    breaker: {{ cooldown: 1s, consecutiveFailures: {failures} }}
  breaks-off:
    endpoints: ["http://127.0.0.1:{endpoints[0]}"]
    breaker: {{ consecutiveFailures: 1000000 }}
routes:
  - {{ name: charge, service: service, match: {{ path: /charges/*, methods: [POST] }}, idempotency: {{ keys: required, retention: 1m }} }}
  - {{ name: cut, service: breaks-off, match: {{ path: /cut }}, idempotency: {{ keys: required, retention: 1m }} }}
  - {{ name: rated, service: service, match: {{ path: /rated }}, caller: address, rateLimit: {{ requests: 5, burst: {burst} }} }}
  - {{ name: operated, service: operated, match: {{ path: /operated/* }} }}
  - {{ name: reads, service: service, match: {{ path: /ok/*, methods: [GET] }} }}
  - {{ name: flaky, service: service, match: {{ path: /flaky }}, retry: {{ attempts: 3 }} }}
  - {{ name: slow, service: service, match: {{ path: /slow }} }}
  - {{ name: big, service: service, match: {{ path: /big }} }}
  - {{ name: echo, service: service, match: {{ path: /echo }}, idempotency: {{ keys: "off" }} }}
  - {{ name: sockets, service: service, match: {{ path: /socket }} }}
  - {{ name: events, service: service, match: {{ path: /events }} }}
"""


class Gateway(processes.Process):
    def __init__(self, binary, folder, endpoints, leaks):
        self.binary, self.folder, self.endpoints = binary, folder, endpoints
        port, self.tls_port, self.admin_port = processes.free_ports(3)
        self.port = port
        self.file, self.live_file = folder / "holdfast.yaml", folder / "live"
        processes.make_certificate(folder)
        self.configure(0)
        os.environ.update(self._environment(leaks))
        try:
            super().__init__([binary, "gateway", "--config", self.file], folder / "log", self.admin_port, files=4096)
        finally:
            os.environ.pop("LD_PRELOAD", None)
        self.port = port  # What was asked whether it serves is the control plane.

    def _environment(self, leaks):
        """With what says how much the allocator has given out, where there is a compiler."""
        compiler, library = shutil.which("cc") or shutil.which("clang"), self.folder / "live.so"
        source = pathlib.Path(__file__).with_name("live.c")
        if not compiler or subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-lpthread"]).returncode:
            return {}
        environment = {"LD_PRELOAD": str(library), "HOLDFAST_SOAK_LIVE": str(self.live_file)}
        return environment | ({"HOLDFAST_SOAK_LEAK": "1"} if leaks else {})

    def configure(self, number, mistake=False):
        """Each number is another configuration: pools and breakers of one service are made anew."""
        text = CONFIGURATION.format(
            port=self.port, tls_port=self.tls_port, admin_port=self.admin_port, folder=self.folder, endpoints=self.endpoints,
            connections=1000 + number % 2, failures=5 + number % 3, burst=10 + number % 4)
        beside = self.file.with_suffix(".new")
        beside.write_text(text + ("  - { name: mistake, servise: none }\n" if mistake else ""))
        beside.rename(self.file)

    def hang_up(self):
        self.process.send_signal(signal.SIGHUP)

    # Samples

    def _proc(self, name):
        return pathlib.Path(f"/proc/{self.process.pid}/{name}")

    def sample(self):
        """Memory, live bytes (none, where they cannot be had), descriptors, threads."""
        status = self._proc("status").read_text()
        number = lambda name: int(re.search(rf"^{name}:\s+(\d+)", status, re.M)[1])
        live = int(self.live_file.read_text() or 0) / (1 << 20) if self.live_file.exists() else None
        return number("VmRSS") / 1024, live, len(os.listdir(self._proc("fd"))), number("Threads")

    def metric(self, name):
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=5).read().decode()
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M))

    def holdfast(self, *words):
        """A command of the operator's. Returns what it printed; a failure is told."""
        done = subprocess.run([self.binary, *words, "--admin", f"http://127.0.0.1:{self.admin_port}"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RuntimeError(f"holdfast {' '.join(words)} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        return done.stdout

    def complaints(self):
        """Lines of its own log that nobody should have to read."""
        return [line for line in pathlib.Path(self.log).read_text(errors="replace").splitlines()
                if re.search(r"^time=\S+ level=(error|critical) ", line) and ".yaml:" not in line and "configuration" not in line
                or re.match(r"Fatal|Assertion|Swift/|.*==\d+==", line)]


class Operator:
    """One thing after the other, a few seconds between them, in turn."""

    def __init__(self, gateway):
        self.gateway, self.number, self.errors = gateway, 0, []
        self.counts = {"reloads": 0, "refused reloads": 0, "orders": 0, "keys settled": 0}
        self.turns = [self._reload, self._weigh, self._reload_by_signal, self._drain, self._mistake, self._isolate, self._log, self._settle]

    def turn(self):
        what = self.turns[self.number % len(self.turns)]
        self.number += 1
        try:
            what()
        except Exception as error:
            self.errors.append(f"the operator's{what.__name__.replace('_', ' ')}: {type(error).__name__} {error}")

    def _reads(self, result, signals, **options):
        before = self._readings(result)
        self.gateway.configure(self.number, **options)
        if signals:
            self.gateway.hang_up()
        end = time.monotonic() + 20
        while self._readings(result) <= before:
            if time.monotonic() > end:
                raise RuntimeError(f"no reading that has {result}, within 20 s")
            time.sleep(0.2)

    def _readings(self, result):
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.gateway.admin_port}/metrics", timeout=5).read().decode()
        found = re.search(rf'^holdfast_config_reloads_total{{result="{result}"}} (\S+)$', text, re.M)
        return float(found[1]) if found else 0

    def _reload(self):
        self._reads("succeeded", signals=False)
        self.counts["reloads"] += 1

    def _reload_by_signal(self):
        processes.make_certificate(self.gateway.folder)
        self._reads("succeeded", signals=True)
        self.counts["reloads"] += 1

    def _mistake(self):
        self._reads("refused", signals=False, mistake=True)
        self.counts["refused reloads"] += 1
        self._reload()

    def _order(self, *words):
        self.gateway.holdfast("admin", *words, "--reason", "a soak", "--by", "soak")
        self.counts["orders"] += 1

    def _drain(self):
        endpoint = f"127.0.0.1:{self.gateway.endpoints[2]}"
        for action in ("drain", "undrain", "disable", "enable"):
            self._order("endpoint", action, "operated", endpoint)

    def _weigh(self):
        endpoint = f"127.0.0.1:{self.gateway.endpoints[3]}"
        for weight in ("10", "100"):
            self._order("endpoint", "weight", "operated", endpoint, weight)

    def _isolate(self):
        for action in ("isolate", "release", "reset"):
            self._order("breaker", action, "operated")

    def _log(self):
        self._order("log", "level", "debug", "--for", "2s")
        self.gateway.holdfast("admin", "list", "--events")

    def _settle(self):
        found = json.loads(self.gateway.holdfast("keys", "list", "--state", "unknown", "--json"))
        # The newest: the oldest may expire while they are looked at, since they are kept for a minute here.
        for record in found["records"][-3:]:
            self.gateway.holdfast("keys", "explain", record["record"])
            self.gateway.holdfast("keys", "resolve", record["record"], "--released", "--by", "soak", "--why", "the service broke off")
            self.counts["keys settled"] += 1
