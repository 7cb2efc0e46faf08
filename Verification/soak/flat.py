"""Decides whether a figure is flat: by the line through its samples that half of all slopes lie above, and half below
(Theil and Sen). One high sample, or a step back, does not move it; a leak does."""

import statistics

MOST = 120  # samples: each pair of them has a slope


def thinned(samples):
    """As many as are worth comparing: the medians of stretches of equal length."""
    size = max(1, -(-len(samples) // MOST))
    parts = [samples[start:start + size] for start in range(0, len(samples), size)]
    return [(statistics.median(time for time, _ in part), statistics.median(value for _, value in part)) for part in parts]


def slope(samples):
    """By how much the value grows in a second; `samples` are pairs of seconds and value."""
    points = thinned(samples)
    slopes = [(later - earlier) / (after - before)
              for number, (before, earlier) in enumerate(points) for after, later in points[number + 1:] if after > before]
    return statistics.median(slopes) if slopes else 0.0


class Figure:
    """What is sampled, and how much it may grow from the warm-up to the end along that line. That is a bound on a leak in
    one second too, the smaller the longer the soak is."""

    def __init__(self, name, unit, may_grow):
        self.name, self.unit, self.may_grow, self.samples = name, unit, may_grow, []

    def add(self, time, value):
        if value is not None:
            self.samples.append((time, value))

    def judge(self, since):
        measured = [(time, value) for time, value in self.samples if time >= since]
        self.measured = measured
        self.seconds = measured[-1][0] - measured[0][0] if measured else 0
        self.growth = slope(measured) * self.seconds
        return self

    @property
    def is_flat(self):
        return self.growth <= self.may_grow

    def row(self):
        values = [value for _, value in self.measured]
        tenth = max(1, len(values) // 10)
        first, last = statistics.median(values[:tenth]), statistics.median(values[-tenth:])
        return (f"| {self.name} | {first:.1f} | {last:.1f} | {max(values):.1f} | {self.growth:+.1f} | {self.may_grow:g} "
                f"| {'flat' if self.is_flat else 'grows'} |")

    def fault(self):
        return (f"{self.name} grow along their line by {self.growth:.1f}{self.unit} in {self.seconds:.0f} s, and "
                f"{self.may_grow:g}{self.unit} are allowed: {self.growth / max(self.seconds, 1) * 3600:.0f}{self.unit} an hour")
