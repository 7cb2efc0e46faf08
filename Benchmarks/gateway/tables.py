"""Prints what was measured: each figure with its bound, and in bold where the gateway is outside it."""

import subprocess

import figures
import proxies

PROXIES = ("nginx", "HAProxy", "Envoy", "Holdfast")


class Row:
    """A figure. `least` and `most` bound the gateway's value by a factor of a peer's, or by a number."""

    def __init__(self, name, figure, label, digits=0, peer=None, least=None, most=None, beside=(), scale=1):
        self.name, self.figure, self.label, self.digits = name, figure, label, digits
        self.peer, self.least, self.most, self.beside, self.scale = peer, least, most, beside, scale

    def cells(self, measured):
        values = {name: value * self.scale for name, value in measured.values[self.figure].items()}
        own = values["Holdfast"]
        bounds, met = [], True
        for limit, sign in ((self.least, "≥"), (self.most, "≤")):
            if limit is None:
                continue
            reference = values[self.peer] if self.peer else 1
            met &= own >= limit * reference if sign == "≥" else own <= limit * reference
            bounds.append(f"{sign} {limit:,} × {self.peer}'s" if self.peer else f"{sign} {limit:,}")
        for peer, bound, factor in self.beside:
            met &= own <= factor * values[peer]
            bounds.append(bound)
        ratios = [f"{own / values[peer]:.2f} × {peer}" for peer in
                  dict.fromkeys([*([self.peer] if self.peer else []), "HAProxy", "Envoy"]) if peer in values]
        shown = [self._number(values.get(name)) for name in PROXIES]
        if not met:
            shown[-1] = f"**{shown[-1]}**"
        return [self.label, " and ".join(bounds), *shown, ", ".join(ratios)]

    def _number(self, value):
        return "" if value is None else f"{value:,.{self.digits}f}"


def rows(measured):
    half = f"{getattr(measured, 'half', 0):,}"
    return [
        Row("get", "cost", "CPU µs per keep-alive GET", 1, peer="Envoy", most=0.6),
        Row("get", "rate", "requests/s", peer="Envoy", least=1.6),
        Row("p99", "p50", f"p50 at {half} requests/s, ms", 2),
        Row("p99", "p99", f"p99 at {half} requests/s, ms", 2, peer="HAProxy", most=1.5),
        Row("idle", "at rest", "resident at rest, MiB", 1),
        # 30 MB in MiB.
        Row("idle", "idle", "resident with 1,000 idle connections, MiB", 1, most=28.6, beside=[("Envoy", "< Envoy's", 1)]),
        Row("bodies", "down", "1 MiB down, MiB/s", peer="HAProxy", least=0.8),
        Row("bodies", "down cost", "CPU µs per MiB down"),
        Row("bodies", "up", "1 MiB up, MiB/s", peer="HAProxy", least=0.8),
        Row("bodies", "up cost", "CPU µs per MiB up"),
        Row("sqlite", "sqlite", "POST with a new key each, SQLite, answers/s", least=10_000),
        Row("sqlite", "sqlite wide", "the same, 256 connections", least=10_000),
        Row("postgres", "postgres", "the same, three gateways, one PostgreSQL, answers/s"),
        Row("dead", "rejections", "a dead service, rejections/s"),
        Row("dead", "rejection cost", "CPU µs per rejection", 1),
        Row("dead", "rejection share", "rejections/s ÷ good answers/s", 2, least=3),
    ]


def show(measured, wanted):
    values = measured.values
    print(f"Medians of {figures.ROUNDS} rounds of {figures.SECONDS} s, {figures.CONNECTIONS} connections (16 for bodies), "
          f"one worker each. {versions()}\n")
    table(["figure", "bound", *PROXIES, "Holdfast's"],
          [row.cells(measured) for row in rows(measured) if row.name in wanted])
    for figure, title in (("sqlite", "SQLite, 64 connections"), ("sqlite wide", "SQLite, 256 connections"),
                          ("postgres", "three gateways on one PostgreSQL, 64 connections each")):
        if figure not in values:
            continue
        times, shares = values[f"{figure} times"], values[f"{figure} shares"]
        print(f"\nWhere the time of a POST with a new key goes, {title}: p50 {times['p50']:.1f} ms, p99 {times['p99']:.1f} ms.\n")
        table(["of the cores' time", "µs per answer"], [[name, f"{value:.1f}"] for name, value in shares.items()])


def table(heads, lines):
    for cells in (heads, ["---"] * len(heads), *lines):
        print(f"| {' | '.join(cells)} |")


def versions():
    def first_line(*command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.stdout.splitlines()[0] if done.stdout else ""
    nginx = first_line("nginx", "-v").rpartition("/")[2]
    haproxy = first_line("haproxy", "-v").removeprefix("HAProxy version ").split("-")[0]
    return f"nginx {nginx}, HAProxy {haproxy}, Envoy {proxies.ENVOY}."
