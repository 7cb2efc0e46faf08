"""Starts programs, ends them, and says what they have used. Nothing outlives the run: not on Ctrl-C, and not when the
run itself is killed."""

import ctypes
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

os.environ["PATH"] += ":/usr/sbin:/sbin"  # where Debian keeps nginx and HAProxy, and a user's PATH does not look
# On a disk: a store that syncs into memory would not be measured.
folder = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-bench-", dir=os.environ.get("FOLDER", "/var/tmp")))
folder.chmod(0o755)  # PostgreSQL's server is another user
_processes = []
_at_end = []
daemon_seconds = []  # of what was started and then belonged to nobody here


def die_with_parent():
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def start(*command, port=None):
    """Starts a program that stays in the foreground, and waits until its port answers in HTTP, with whatever status."""
    log = open(folder / f"{pathlib.Path(command[0]).name}.log", "ab")
    # A session of its own, or Ctrl-C would end it before its figures are read and the peers in the wrong order.
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, preexec_fn=die_with_parent)
    process.log = log.name
    _processes.append(process)
    for _ in range(200 if port else 0):
        must_run(process)
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).read()
            return process
        except urllib.error.HTTPError:
            return process
        except OSError:
            time.sleep(0.05)
    if port:
        sys.exit(f"nothing answers on port {port}: {tail(process)}")
    return process


def must_run(process):
    """Or whoever else has its port would be measured instead."""
    if process.poll() is not None:
        sys.exit(f"{process.args[0]} ended with {process.returncode}: {tail(process)}")


def tail(process):
    return pathlib.Path(process.log).read_text(errors="replace")[-800:].strip() or "it said nothing"


def stop(process):
    if process in _processes:
        _processes.remove(process)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def at_end(action):
    _at_end.append(action)


def stop_all():
    for process in list(_processes):
        stop(process)
    for action in reversed(_at_end):
        action()
    shutil.rmtree(folder, ignore_errors=True)


def family(pid):
    """A process and all that it started."""
    children = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    members, queue = [], [pid]
    while queue:
        members.append(queue.pop())
        queue += children.get(members[-1], [])
    return members


def cpu_seconds(*pids):
    """User and system time of processes, of what they started, and of what they waited for."""
    ticks = 0
    for member in {member for pid in pids for member in family(pid)}:
        try:
            fields = pathlib.Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def machine_seconds():
    """What all cores together have spent since the machine started: working, idle, and idle while a disk is awaited."""
    ticks = [int(field) for field in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, idle, disk, interrupts, soft, stolen = (each / os.sysconf("SC_CLK_TCK") for each in ticks)
    return {"working": user + nice + system + interrupts + soft + stolen, "idle": idle, "idle, awaiting the disk": disk}


def own_seconds():
    """The CPU time of this program and of all that it has started and seen end."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages) + sum(daemon_seconds)


def resident_mebibytes(pid):
    """Resident memory; what a master shares with its workers is counted once."""
    resident, private = [], []
    for member in family(pid):
        fields = {}
        for line in pathlib.Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()[1:]:
            name, value = line.split(":")
            fields[name] = int(value.split()[0])
        resident.append(fields["Rss"])
        private.append(fields["Private_Clean"] + fields["Private_Dirty"])
    largest = resident.index(max(resident))
    return (resident[largest] + sum(private) - private[largest]) / 1024
