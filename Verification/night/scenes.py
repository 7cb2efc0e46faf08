"""The four scenes: what happens, which alerts must fire, and what the operator does, by the guide alone. What an operator types
is a line of shell that the guide has, run in the folder of the configuration."""

import signal
import time

# From Documentation/Keys.md, "Many at once": the service's ledger decides.
SETTLE = """\
holdfast keys list --state unknown --limit 1000 --json --config blue.yaml |
    jq -r '.records[] | "\\(.record) \\(.cause.requestID)"' |
    while read -r record request; do
        charge=$(grep " $request$" ledger | cut -d' ' -f1)
        if [ -n "$charge" ]; then
            echo "{\\"charge\\": $charge}" > answer.json
            holdfast keys resolve "$record" --completed --status 201 --content-type application/json \\
                --body-file answer.json --by ada --why "charge $charge in the ledger" --config blue.yaml
        else
            holdfast keys resolve "$record" --released --by ada --why 'no such charge in the ledger' --config blue.yaml
        fi
    done"""


def settle_unknown(night):
    """By the section of HoldfastUnknownKeys: the list, one of them in full, the service asked, each settled."""
    night.type("holdfast keys list --state unknown --config blue.yaml", lines=3)
    night.type("record=$(holdfast keys list --state unknown --json --config blue.yaml | jq -r '.records[0].record // empty')\n"
               'holdfast keys explain "$record" --config blue.yaml', lines=20)
    night.type(SETTLE, lines=3)
    night.type("holdfast keys list --state unknown --config blue.yaml", lines=3)


def service_dies(night):
    """a service dies under load"""
    night.begin("service dies")
    night.service.kill()
    night.fires("HoldfastErrors")
    night.fires("HoldfastServiceHeldOff")
    night.type("curl -s 'http://127.0.0.1:{blue}/api/requests?problem=circuit-open&limit=1'", lines=4)
    night.type("id=$(curl -s 'http://127.0.0.1:{blue}/api/requests?problem=circuit-open&limit=1' | jq -r '.requests[0].id')\n"
               "curl -s \"http://127.0.0.1:{blue}/api/explain?id=$id\" | jq -r '.why[]'", lines=6)
    night.type("tail -n 200 blue-access.log | jq -r 'select(.outcome == \"failed\") | [.route, .endpoint, .detail] | @tsv' | sort | uniq -c",
               lines=4)
    night.act("the service is started again", night.service.start)
    night.fires("HoldfastUnknownKeys")
    settle_unknown(night)
    night.silence()


def gateway_killed(night):
    """a gateway is killed with keyed POSTs in flight"""
    night.begin("gateway killed")
    night.gateways[1].process.send_signal(signal.SIGKILL)
    night.fires("HoldfastRestarted")
    night.fires("HoldfastUnknownKeys")
    night.type("grep 'a key is unknown' green.log | tail -n 1", lines=1)
    settle_unknown(night)
    night.silence()


def certificate_ends(night):
    """a certificate runs out"""
    night.begin("certificate ends")
    night.issue_certificate(45)
    over = time.monotonic() + 45
    night.fires("HoldfastCertificateExpires")
    time.sleep(max(0, over + 2 - time.monotonic()))
    night.note("the certificate is over: clients that verify it get " + night.clients.take())
    night.type("curl -s http://127.0.0.1:{blue}/metrics | grep ^holdfast_certificate_expiry", lines=2)
    night.act("the certificate is renewed in place, by the authority's means", lambda: night.issue_certificate(30 * 86400))
    night.silence()
    night.clients.take()
    time.sleep(2)
    night.note("two seconds afterwards: " + night.clients.take())


def disk_full(night):
    """the database's disk is full"""
    night.begin("disk full")
    dump = night.database.fill()
    night.fires("HoldfastStoreUnavailable")
    night.type("grep -hE 'level=(warning|error|critical)' blue.log | tail -n 3", lines=3)
    night.type("df -h database | tail -n 1; ls -l database", lines=6)
    night.act("the forgotten dump is removed", dump.unlink)
    night.type("psql -h $PWD/database -U postgres -Atc 'select 1'", lines=3, fails=True)
    if "1" not in night.said.splitlines():
        night.act("PostgreSQL has stopped for want of room, and is started", night.database.start)
    night.wait_for_unknown(45)
    if night.unknown():
        settle_unknown(night)
    else:
        night.note("no key is unknown: what was executed when the disk was full was recorded when there was room")
    night.silence()


ALL = {"service": service_dies, "gateway": gateway_killed, "certificate": certificate_ends, "disk": disk_full}
