"""pgherd drill partition, on hosts: a network namespace each, with a cable to the one of etcd."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

from herdlib import PGHERD, deps, wait_until

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not (shutil.which("nft", path="/usr/sbin:/usr/bin") and
                              shutil.which("ip", path="/usr/sbin:/usr/bin")),
    reason="needs root, iproute2 and nftables")

NET = "10.97.0"
PATH = "/usr/sbin:/sbin:" + os.environ["PATH"]
AGENT = """
scope: hosts
name: {name}
etcd3: {{hosts: "{net}.1:2379"}}
restapi: {{listen: "{address}:8008", connect_address: "{address}:8008"}}
bootstrap:
  dcs: {{ttl: 6, loop_wait: 1, retry_timeout: 2, postgresql: {{use_pg_rewind: true, parameters: {{wal_log_hints: "on"}}}}}}
  initdb: [data-checksums, {{encoding: UTF8}}, {{auth-host: scram-sha-256}}, {{auth-local: trust}}]
postgresql:
  listen: {address}:5432
  connect_address: {address}:5432
  data_dir: {folder}/data
  bin_dir: {bin_dir}
  pgpass: {folder}/pgpass
  authentication:
    superuser: {{username: postgres, password: a-secret}}
    replication: {{username: replicator, password: another-secret}}
  parameters: {{unix_socket_directories: "", shared_buffers: 32MB}}
  pg_hba: ["host all all {net}.0/24 scram-sha-256", "host replication all {net}.0/24 scram-sha-256"]
"""


def ip(*words):
    subprocess.run(["ip", *words], check=True, env={**os.environ, "PATH": PATH})


class Hosts:
    """Three, of which each has a member, and one for etcd and whoever looks."""

    def __init__(self, folder):
        self.folder = folder
        self.mark = f"pgherd{os.getpid()}"
        self.running = []
        self.names = ["pg0", "pg1", "pg2"]
        ip("netns", "add", self.space("switch"))
        self.inside("switch", "ip", "link", "add", "hub", "type", "bridge")
        self.inside("switch", "ip", "addr", "add", f"{NET}.1/24", "dev", "hub")
        for link in ("lo", "hub"):
            self.inside("switch", "ip", "link", "set", link, "up")
        for number, name in enumerate(self.names):
            self.plug_in(name, f"{NET}.{10 + number}")

    def space(self, host):
        return f"{self.mark}-{host}"

    def words(self, host, *words):
        return ["ip", "netns", "exec", self.space(host), *map(str, words)]

    def inside(self, host, *words, check=True, **options):
        return subprocess.run(self.words(host, *words), check=check, env={**os.environ, "PATH": PATH}, **options)

    def plug_in(self, name, address):
        ip("netns", "add", self.space(name))
        self.inside("switch", "ip", "link", "add", name, "type", "veth", "peer", "name", "eth0",
                    "netns", self.space(name))
        self.inside("switch", "ip", "link", "set", name, "master", "hub", "up")
        self.inside(name, "ip", "addr", "add", f"{address}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            self.inside(name, "ip", "link", "set", link, "up")
        home = self.folder / name
        home.mkdir()
        (home / "agent.yml").write_text(AGENT.format(
            name=name, net=NET, address=address, folder=home, bin_dir=deps()["PG_BINDIR"]))
        shutil.chown(home, "postgres", "postgres")

    def start(self, host, *words):
        with (self.folder / f"{host}.log").open("ab") as log:
            self.running.append(subprocess.Popen(self.words(host, *words), stdout=log, stderr=log,
                                                 env={**os.environ, "PATH": PATH}))

    def up(self):
        self.start("switch", deps()["ETCD"], "--data-dir", self.folder / "etcd",
                   "--listen-client-urls", f"http://{NET}.1:2379", "--advertise-client-urls", f"http://{NET}.1:2379",
                   "--listen-peer-urls", f"http://{NET}.1:2380",
                   "--initial-advertise-peer-urls", f"http://{NET}.1:2380",
                   "--initial-cluster", f"default=http://{NET}.1:2380", "--log-level", "error")
        for name in self.names:
            self.start(name, "setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups",
                       PGHERD, "agent", self.config(name))
        self.wait_complete()

    def config(self, name):
        return self.folder / name / "agent.yml"

    def members(self):
        listed = self.inside("switch", PGHERD, "ctl", "-c", self.config("pg0"), "list", "-f", "json",
                             capture_output=True, text=True, check=False)
        return json.loads(listed.stdout) if listed.returncode == 0 else []

    def leader(self):
        return next((row["Member"] for row in self.members() if row["Role"] == "Leader"), None)

    def wait_complete(self):
        wait_until("all hosts in one cluster", lambda: sorted(row["State"] for row in self.members()) ==
                   ["running", "streaming", "streaming"], 90)
        wait_until("nothing wrong", lambda: self.inside(
            "switch", PGHERD, "ctl", "-c", self.config("pg0"), "doctor", check=False,
            capture_output=True).returncode == 0)
        return self.leader()

    def drill(self, host, *options, check=True):
        done = self.inside(host, PGHERD, "drill", "partition", "-c", self.config(host), "--force", *options, "hosts",
                           capture_output=True, text=True, check=False, timeout=200)
        assert not check or done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done

    def tables(self, host):
        return self.inside(host, "nft", "list", "tables", capture_output=True, text=True).stdout

    def logs(self):
        return "\n".join(f"---- {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-40:])
                         for path in sorted(self.folder.glob("*.log")))

    def close(self):
        for process in reversed(self.running):  # the agents before their store
            process.send_signal(signal.SIGTERM)
        for process in self.running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            if process.poll() is None:
                process.kill()
        for host in ("switch", *self.names):
            subprocess.run(["ip", "netns", "del", self.space(host)], check=False, env={**os.environ, "PATH": PATH})


@pytest.fixture(scope="module")
def hosts():
    with tempfile.TemporaryDirectory(prefix="pgherd-hosts-", dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        made = Hosts(pathlib.Path(folder))
        try:
            made.up()
            yield made
        finally:
            print(made.logs())
            made.close()


def test_a_leader_that_is_cut_off_is_replaced_and_comes_back(hosts):
    leader = hosts.wait_complete()
    report = json.loads(hosts.drill(leader, "--format", "json").stdout)
    assert hosts.leader() != leader
    assert report["passed"]
    told = [phase["what"] for phase in report["phases"]]
    assert told[0] == f"'{leader}' is cut off for 17 s", "twice the ttl, and 5"
    assert f"'{leader}' leads no more" in told and "so do all the others" in told
    # Its key was its own for ttl, less what had passed since it was renewed.
    left = next(phase["after_seconds"] for phase in report["phases"] if phase["what"] == f"'{leader}' leads no more")
    assert 3 < left < 7
    assert "pgherd_drill" not in hosts.tables(leader)
    hosts.wait_complete()


def test_nothing_acknowledged_is_lost_in_synchronous_mode(hosts):
    hosts.inside("switch", PGHERD, "ctl", "-c", hosts.config("pg0"), "edit-config", "-s", "synchronous_mode=on",
                 "--force", capture_output=True)
    wait_until("a synchronous standby", lambda: "Sync Standby" in {row["Role"] for row in hosts.members()})
    leader = hosts.wait_complete()
    report = json.loads(hosts.drill(leader, "--format", "json", "--max-outage", "20").stdout)
    assert report["rows"]["lost"] == 0 and report["rows"]["acknowledged"] > 20
    hosts.wait_complete()


def test_a_host_whose_drill_was_killed_is_let_go_all_the_same(hosts):
    leader = hosts.wait_complete()
    drill = subprocess.Popen(hosts.words(leader, PGHERD, "drill", "partition", "-c", hosts.config(leader), "--force",
                                         "hosts"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env={**os.environ, "PATH": PATH})
    wait_until("the cut", lambda: "pgherd_drill" in hosts.tables(leader))
    drill.kill()
    drill.communicate(timeout=30)
    wait_until("another leader", lambda: hosts.leader() not in (None, leader))
    hosts.wait_complete()
    assert "pgherd_drill" in hosts.tables(leader), "the table is there, and lets everything through"


def test_a_host_that_does_not_lead_is_left_alone(hosts):
    leader = hosts.wait_complete()
    other = next(name for name in hosts.names if name != leader)
    refused = hosts.drill(other, check=False)
    assert refused.returncode == 2 and f"'{leader}' leads" in refused.stderr
    assert hosts.leader() == leader
