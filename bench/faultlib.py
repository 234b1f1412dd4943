"""What hurts a node of a herd on this machine, and heals it: for the benches that need more than a signal to one
process."""

import contextlib
import os
import pathlib
import re
import select
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/integration"))

from herdlib import Herd, Writer, kill, wait_until  # noqa: E402,F401


def processes_below(pid):
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                parents.setdefault(int(stat[1]), []).append(int(entry.name))
    found, left = [], [pid]
    while left:
        one = left.pop()
        found.append(one)
        left += parents.get(one, [])
    return found


def of_node(herd, name):
    pids = {herd.agent_pid(name), *herd.guardian_pids(name)}
    return [*pids, *(pid for pid in processes_below(herd.postmaster_pid(name)) if pid not in pids)]


@contextlib.contextmanager
def stopped(pids, herd):
    for pid in pids:
        kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        herd.thawed_at = time.monotonic()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                kill(pid, signal.SIGCONT)


class Freezer:
    """A cgroup that holds a node while it is frozen; freezes and thaws all that is in it at once."""

    def __init__(self, name="node"):
        is_old = pathlib.Path("/sys/fs/cgroup/freezer").is_dir()
        self.root = pathlib.Path("/sys/fs/cgroup/freezer" if is_old else "/sys/fs/cgroup")
        self.path = self.root / f"pgherd-bench-{os.getpid()}-{name}"
        self.path.mkdir()
        self.knob = self.path / ("freezer.state" if is_old else "cgroup.freeze")
        self.frozen, self.thawed = ("FROZEN", "THAWED") if is_old else ("1", "0")

    def take(self, pids):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                (self.path / "cgroup.procs").write_text(str(pid))

    def is_frozen(self):
        if self.knob.name == "freezer.state":
            return self.knob.read_text().strip() == self.frozen
        return "frozen 1" in (self.path / "cgroup.events").read_text()

    def freeze(self):
        self.knob.write_text(self.frozen)
        wait_until("all of the node are frozen", self.is_frozen)

    def thaw(self):
        self.knob.write_text(self.thawed)

    def close(self):
        def is_empty():
            pids = (self.path / "cgroup.procs").read_text().split()
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    (self.root / "cgroup.procs").write_text(pid)
            return not pids

        wait_until("the cgroup is empty", is_empty)
        self.path.rmdir()


def a_freezer():
    try:
        return Freezer()
    except OSError:
        return None


@contextlib.contextmanager
def frozen(herd, leader):
    freezer = a_freezer()
    if freezer is None:
        with stopped(of_node(herd, leader), herd):
            yield
        return
    try:
        freezer.take(of_node(herd, leader))
        freezer.take(of_node(herd, leader))  # those that the postmaster made meanwhile
        freezer.freeze()
        try:
            yield
        finally:
            herd.thawed_at = time.monotonic()
            freezer.thaw()
    finally:
        freezer.close()


class Relay:
    """Between one agent and etcd. Cut off, it keeps its connections and lets nothing through."""

    def __init__(self, port):
        self.to = port
        self.is_cut = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            threading.Thread(target=self.carry, args=(near,), daemon=True).start()

    def carry(self, near):
        with near, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.to)) as far:
            while True:
                ready, _, _ = select.select([near, far], [], [], 0.05)
                while self.is_cut.is_set():
                    time.sleep(0.01)
                for one in ready:
                    data = one.recv(1 << 16)
                    if not data:
                        return
                    (far if one is near else near).sendall(data)


def through_relay(herd, name):
    """Sends this node's agent to etcd by a relay of its own, from its next start on."""
    path = herd.dir / name / "agent.yml"
    relay = Relay(herd.plan["ports"]["etcd"])
    text, count = re.subn(r"hosts: \[.*\]", f"hosts: ['127.0.0.1:{relay.port}']\n  use_proxies: true",
                          path.read_text(), count=1)
    assert count == 1, f"no hosts of etcd in {path}"
    path.write_text(text)
    before = herd.agent_pid(name)
    kill(before, signal.SIGTERM)
    wait_until(f"the new agent of {name}", lambda: herd.agent_pid(name) != before)
    herd.wait_complete(60)
    return relay
