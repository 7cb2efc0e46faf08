"""What the night is played on: PostgreSQL on a small disk, two gateways that share it, a service with a ledger, Prometheus with
the alerts that are shipped. Each server is a process of this run's, and ends with it."""

import glob
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "abuse"))
import processes

ROOT = pathlib.Path(__file__).resolve().parents[2]
AS_POSTGRES = ["su", "postgres", "-s", "/bin/sh", "-c"] if os.getuid() == 0 else ["sh", "-c"]
SLOW = {"HoldfastStoreSlow", "HoldfastSlow"}  # Alerts on the speed of this machine, which may do other work.
DISK = 320  # MiB: a new cluster takes 40, its log 16 for each file of it

CONFIGURATION = """
listeners:
  - address: 127.0.0.1:{port}
  - address: 127.0.0.1:{tls_port}
    tls: {{ certificate: certificate.pem, key: key.pem }}
admin: {{ address: "127.0.0.1:{admin_port}" }}
store: {{ locationFile: store }}
accessLog: {{ path: {folder}/{name}-access.log, sample: 1% }}
services:
  payments:
    endpoints: ["http://127.0.0.1:{service_port}"]
    serviceBreaker: {{ failureRate: {{ share: 70%, over: 10s, atLeast: 20 }}, cooldown: 2s }}
routes:
  - name: charge
    service: payments
    match: {{ path: /charges, methods: [POST] }}
    deadline: 5s
    idempotency: {{ keys: required, wait: 2s }}
  - {{ name: read, service: payments, match: {{ methods: [GET] }}, deadline: 3s, idempotency: {{ keys: "off" }} }}
"""

PROMETHEUS = """
global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: [alerts.yml]
scrape_configs:
  - job_name: holdfast
    static_configs: [{{ targets: [{targets}] }}]
"""


def run(command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


class Database:
    """A cluster of its own, on a disk of its own where one may be mounted."""

    def __init__(self, folder, small_disk):
        self.folder, self.small = folder / "database", small_disk
        self.folder.mkdir()
        if small_disk:
            run(["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "tmpfs", self.folder])
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
        for part in (folder, folder.parent):
            part.chmod(part.stat().st_mode | 0o011)
        binaries = max(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]))
        self.control = f"{binaries}/pg_ctl -D {self.folder}/data -w -l {self.folder}/log"
        run(AS_POSTGRES + [f"{binaries}/initdb -D {self.folder}/data -U postgres -A trust"], cwd="/")
        self.start()
        self.url = f"postgres://postgres@/postgres?host={self.folder}"

    def start(self):
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c max_wal_size=64MB -c min_wal_size=32MB"
        subprocess.run(AS_POSTGRES + [f"{self.control} -o '{options}' start"], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, cwd="/")

    def stop(self):
        subprocess.run(AS_POSTGRES + [f"{self.control} -m immediate stop"], capture_output=True, cwd="/")
        if self.small:
            subprocess.run(["umount", "-l", self.folder], capture_output=True)

    def fill(self):
        """As a forgotten dump does. Returns its file."""
        dump = self.folder / "forgotten.dump"
        with open(dump, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * (1 << 16))
            except OSError:
                pass
        return dump


class Gateway:
    """With a supervisor that does what the unit does: `Restart=on-failure`, `RestartSec=2s`."""

    def __init__(self, binary, folder, name, service_port, database):
        self.binary, self.folder, self.name = binary, folder, name
        self.port, self.tls_port, self.admin_port = processes.free_ports(3)
        self.file, self.log = folder / f"{name}.yaml", folder / f"{name}.log"
        self.file.write_text(CONFIGURATION.format(
            port=self.port, tls_port=self.tls_port, admin_port=self.admin_port, folder=folder, name=name, service_port=service_port))
        store = folder / "store"
        store.write_text(database.url)
        store.chmod(0o600)
        self.wanted, self.process = True, None
        threading.Thread(target=self._supervise, daemon=True).start()

    def _supervise(self):
        while self.wanted:
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    [self.binary, "gateway", "--config", self.file], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    cwd=self.folder, preexec_fn=processes.die_with_parent)
                self.process.wait()
            time.sleep(2)

    def is_ready(self):
        try:
            return get(f"http://127.0.0.1:{self.admin_port}/ready") is not None
        except OSError:
            return False

    def stop(self):
        self.wanted = False
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()


class Service:
    """A payments service that can be killed and started again: it has a process of its own and a ledger on the disk."""

    def __init__(self, folder):
        self.ledger = folder / "ledger"
        self.ledger.touch()
        [self.port] = processes.free_ports(1)
        self.start()

    def start(self):
        self.process = subprocess.Popen([sys.executable, pathlib.Path(__file__).with_name("payments.py"), str(self.port), self.ledger],
                                        preexec_fn=processes.die_with_parent)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def charges(self):
        """The charges under each key: pairs of the charge and the request's identifier."""
        found = {}
        for line in self.ledger.read_text().splitlines():
            charge, key, request = line.split()
            found.setdefault(key, []).append((charge, request))
        return found

    stop = kill


def shortened(rules, factor):
    """The shipped alerts with every `for` and every range divided, so that a night takes minutes."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    shorter = lambda number, unit: f"{max(0, round(int(number) * units[unit] / factor))}s"
    rules = re.sub(r"(\bfor: )(\d+)([smhd])", lambda found: found[1] + shorter(found[2], found[3]), rules)
    return re.sub(r"\[(\d+)([smhd])\]", lambda found: "[" + shorter(found[1], found[2]) + "]", rules)


class Prometheus:
    def __init__(self, folder, gateways, factor):
        self.folder, self.factor = folder / "prometheus", factor
        self.folder.mkdir()
        [self.port] = processes.free_ports(1)
        rules = (ROOT / "Deployment/alerts.yml").read_text()
        self.waits = {name: wait for name, wait in re.findall(r"alert: (\w+)\n.*?\n +for: (\w+)", rules, re.S)}
        (self.folder / "alerts.yml").write_text(shortened(rules, factor))
        targets = ", ".join(f'"127.0.0.1:{gateway.admin_port}"' for gateway in gateways)
        (self.folder / "prometheus.yml").write_text(PROMETHEUS.format(targets=targets))
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
                 f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=log, preexec_fn=processes.die_with_parent)
        self.firing, self.seen = {}, {}
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        """Who is told: since when each alert fires, and when it did so first and last since `clear`."""
        while True:
            try:
                found = json.loads(get(f"http://127.0.0.1:{self.port}/api/v1/alerts"))["data"]["alerts"]
            except (OSError, ValueError):
                found = []
            now, firing = time.monotonic(), {}
            for alert in found:
                if alert["state"] == "firing":
                    firing.setdefault(alert["labels"]["alertname"], alert)
            for name, alert in firing.items():
                first = self.seen.get(name, (now, None, alert))[0]
                self.seen[name] = (first, None, alert)
            for name in set(self.firing) - set(firing):
                if name in self.seen:
                    first, _, alert = self.seen[name]
                    self.seen[name] = (first, now, alert)
            self.firing = firing
            time.sleep(0.25)

    def clear(self):
        self.seen = {}

    def await_alert(self, name, seconds):
        end = time.monotonic() + seconds
        while name not in self.seen:
            if time.monotonic() > end:
                raise RuntimeError(f"{name} does not fire within {seconds} s; what fires: {', '.join(self.firing) or 'nothing'}")
            time.sleep(0.1)
        return self.seen[name]

    def await_silence(self, seconds):
        end = time.monotonic() + seconds
        while left := set(self.firing) - SLOW:
            if time.monotonic() > end:
                raise RuntimeError(f"still firing after {seconds} s: {', '.join(sorted(left))}")
            time.sleep(0.1)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def make_certificate(folder, seconds):
    """One that an authority of the stand's own gives out and that is over after so many seconds. Renewed in place."""
    authority = folder / "authority"
    if not authority.exists():
        (authority / "new").mkdir(parents=True)
        (authority / "index").touch()
        (authority / "serial").write_text("01\n")
        (authority / "conf").write_text(
            f"[ca]\ndefault_ca=a\n[a]\ndatabase={authority}/index\nserial={authority}/serial\nnew_certs_dir={authority}/new\n"
            "default_md=sha256\npolicy=p\nunique_subject=no\nx509_extensions=x\n[p]\ncommonName=supplied\n[x]\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n")
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
             "-subj", "/CN=night", "-keyout", authority / "key.pem", "-out", folder / "trust.pem"])
    key, request, certificate = folder / "key.pem", authority / "request.pem", authority / "certificate.pem"
    if not key.exists():
        run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost",
             "-keyout", key, "-out", request])
    end = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + seconds))
    command = ["openssl", "ca", "-batch", "-notext", "-config", authority / "conf", "-cert", folder / "trust.pem", "-keyfile", authority / "key.pem",
               "-in", request, "-out", certificate, "-enddate", end]
    run(command)
    beside = folder / "certificate.new"
    shutil.copy(certificate, beside)
    beside.rename(folder / "certificate.pem")
    return " ".join(str(word) for word in command)
