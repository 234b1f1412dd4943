"""A herd whose members are of two kinds: pgherd's agent and real Patroni, each with the same YAML
file, in one cluster. It begins as `pgherd local` makes it; then nobody but the test starts agents."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

# pylint: disable=wrong-import-position
from herdlib import PGHERD, Herd, deps, kill, process_is_alive, wait_until  # noqa: E402


def patroni_versions():
    """The kinds of Patroni that fetch-deps has found: {"patroni4": <folder of its modules>, ...}."""
    found = deps()
    return {key.lower(): found[key] for key in ("PATRONI4", "PATRONI3") if key in found}


def patronictl(kind, config, *words, stdin=None, check=True):
    done = subprocess.run(
        ["/usr/bin/python3", "-c", "from patroni.ctl import ctl; ctl(prog_name='patronictl')",
         "-c", str(config), *words],
        env={**os.environ, "PYTHONPATH": patroni_versions()[kind], "COLUMNS": "200",
             "LC_ALL": "C.UTF-8"},
        input=stdin, capture_output=True, text=True, timeout=120, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"patronictl {' '.join(words)}: {done.stdout}\n{done.stderr}")
    return done


class MixedHerd(Herd):
    def __init__(self, nodes=3, ttl=20, options=()):
        self.agents = {}
        self.kinds = {}
        super().__init__(nodes, ttl, ("--loop-wait", "2", "--retry-timeout", "3", *options))
        self.wait_complete(60)
        kill(self.supervisor_pid(), signal.SIGSTOP)
        self.kinds = {name: "pgherd" for name in self.nodes}
        self.first_pids = {name: node["pid"] for name, node in self.nodes.items()}

    def close(self):
        for name in list(self.agents):
            with contextlib.suppress(Exception):
                self.stop(name)
        for name in self.nodes:  # what an agent has left running in maintenance mode
            with contextlib.suppress(OSError, AssertionError):
                kill(self.postmaster_pid(name), signal.SIGQUIT)
        if self.kinds:
            kill(self.supervisor_pid(), signal.SIGCONT)
        super().close()

    # ---- agents of either kind -------------------------------------------------------------------

    def command(self, name, kind):
        config = self.nodes[name]["config"]
        if kind == "pgherd":
            return [PGHERD, "agent", config], {}
        modules = patroni_versions()[kind]
        return ["/usr/bin/python3", "-m", "patroni", config], {"PYTHONPATH": modules}

    def patronictl(self, kind, *words, stdin=None, check=True):
        return patronictl(kind, self.dir / "patronictl.yml", *words, stdin=stdin, check=check)

    def is_alive(self, name):
        if name in self.agents:
            return self.agents[name].poll() is None
        return process_is_alive(self.first_pids[name])

    def agent_pid(self, name):
        return self.agents[name].pid if name in self.agents else self.first_pids[name]

    def stop(self, name, seconds=60):
        """SIGTERM, as systemd sends it."""
        with contextlib.suppress(ProcessLookupError):
            kill(self.agent_pid(name), signal.SIGTERM)
        wait_until(f"the end of {name}'s agent", lambda: not self.is_alive(name), seconds)

    def start(self, name, kind):
        argv, more = self.command(name, kind)
        # Of another group it could not even see which program the postmaster is.
        owner = pathlib.Path(self.nodes[name]["config"])
        with (self.dir / "logs" / f"{name}.log").open("ab") as log:
            self.agents[name] = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=owner.owner(),
                group=owner.group(), extra_groups=[], env={**os.environ, **more},
                start_new_session=True)
        self.kinds[name] = kind

    def replace(self, name, kind):
        """As an operator does it with a standby: the old agent ends, the other begins."""
        self.stop(name)
        self.start(name, kind)
        self.wait_complete(60)

    def is_complete(self):
        """As the primary sees it: Patroni 3.0 does not say whether a standby streams."""
        leader = self.leader()
        if leader is None:
            return False
        states = {name: self.status(name) for name in self.nodes}
        if any(state["state"] != "running" or state.get("timeline") != states[leader]["timeline"]
               for state in states.values()):
            return False
        with self.connect_node(leader) as connection:
            streaming = connection.execute(
                "select count(*) from pg_stat_replication where state = 'streaming'").fetchone()[0]
        return streaming == len(self.nodes) - 1

    def of_kind(self, kind):
        return [name for name in self.nodes if self.kinds[name] == kind]
