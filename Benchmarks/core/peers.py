"""What pybreaker and tenacity cost over the bare call: peers that a script can install, measured as Holdfast is."""

import statistics
import time

import pybreaker
import tenacity

CALLS = 20_000
ROUNDS = 9


def call():
    return 1


def per_call(body):
    start = time.perf_counter_ns()
    for _ in range(CALLS):
        body()
    return (time.perf_counter_ns() - start) / CALLS


closed = pybreaker.CircuitBreaker(fail_max=5)
opened = pybreaker.CircuitBreaker(fail_max=5, reset_timeout=3600)
opened.open()
retrying = tenacity.Retrying(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_none(), reraise=True)


def rejected():
    try:
        opened.call(call)
    except pybreaker.CircuitBreakerError:
        pass


print("| peer | bare, ns | with it, ns | over the bare call, ns |\n|---|---|---|---|")
for name, guarded in [
    (f"pybreaker, closed", lambda: closed.call(call)),
    (f"pybreaker, rejection while open", rejected),
    (f"tenacity {tenacity.__version__ if hasattr(tenacity, '__version__') else ''}, succeeds at once".replace(" ,", ","),
     lambda: retrying(call)),
]:
    pairs = [(per_call(call), per_call(guarded)) for _ in range(ROUNDS)]
    bare, with_it = (statistics.median(column) for column in zip(*pairs))
    print(f"| {name} | {bare:.0f} | {with_it:.0f} | {with_it - bare:.0f} |")
