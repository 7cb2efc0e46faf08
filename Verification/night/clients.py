"""The clients of the night: each pays under a new key, and asks again with the same key, at the other gateway, until it has an
answer to it. One reads, and one comes under TLS and looks at the certificate."""

import http.client
import itertools
import ssl
import threading
import time

PAYERS = 8
FINAL = 201


class Clients:
    def __init__(self, gateways, trust):
        self.gateways, self.ends = gateways, False
        self.context = ssl.create_default_context(cafile=trust)
        self.answers, self.waiting, self.statuses, self.differ = {}, {}, {}, []
        self.lock, self.numbers = threading.Lock(), itertools.count(1)
        ways = [self._pay] * PAYERS + [self._read, self._read, self._verify]
        self.threads = [threading.Thread(target=way, args=(number,), daemon=True) for number, way in enumerate(ways)]
        for thread in self.threads:
            thread.start()

    def _ask(self, number, method, path, fields=None, tls=False):
        """A status, or the name of what went wrong, and the body."""
        gateway = self.gateways[number % len(self.gateways)]
        connection = (http.client.HTTPSConnection("127.0.0.1", gateway.tls_port, timeout=10, context=self.context) if tls
                      else http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10))
        try:
            connection.request(method, path, "amount=1000" if method == "POST" else None, fields or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__, b""
        finally:
            connection.close()

    def _count(self, kind, status):
        with self.lock:
            self.statuses[kind, status] = self.statuses.get((kind, status), 0) + 1

    def _pay(self, number):
        while not self.ends:
            key = f"order-{next(self.numbers)}"
            self.waiting[key] = time.monotonic()
            for attempt in itertools.count(number):
                status, body = self._ask(attempt, "POST", "/charges", {"Idempotency-Key": key, "Authorization": f"Bearer payer-{number}"})
                self._count("pay", status)
                if status == FINAL:
                    break
                time.sleep(0.3)
                # Who waits for a person lets others go on: a thread of its own asks on.
                if attempt == number + 3 and not self.ends:
                    threading.Thread(target=self._ask_on, args=(number, key), daemon=True).start()
                    break
            else:
                continue
            if status == FINAL:
                self._done(key, body)
            time.sleep(0.05)

    def _ask_on(self, number, key):
        for attempt in itertools.count():
            status, body = self._ask(number + attempt, "POST", "/charges", {"Idempotency-Key": key, "Authorization": f"Bearer payer-{number}"})
            if status == FINAL:
                return self._done(key, body)
            time.sleep(1)

    def _done(self, key, body):
        with self.lock:
            self.answers[key] = body
            self.waiting.pop(key, None)

    def _read(self, number):
        while not self.ends:
            self._count("read", self._ask(number, "GET", "/balance")[0])
            time.sleep(0.02)

    def _verify(self, number):
        while not self.ends:
            self._count("tls", self._ask(number, "GET", "/balance", tls=True)[0])
            number += 1
            time.sleep(0.2)

    def take(self):
        """What was answered since the last time, in words."""
        with self.lock:
            found, self.statuses = self.statuses, {}
        return ", ".join(f"{count} {kind} {status}" for (kind, status), count in sorted(found.items(), key=str))

    def settle(self, seconds):
        """Until nobody has waited for long for an answer."""
        end = time.monotonic() + seconds
        while late := [key for key, since in list(self.waiting.items()) if time.monotonic() - since > 15]:
            if time.monotonic() > end:
                raise RuntimeError(f"{len(late)} keys have no answer after {seconds} s: {', '.join(late[:5])}")
            time.sleep(0.2)
