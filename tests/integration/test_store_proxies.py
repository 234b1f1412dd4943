"""Agents that reach etcd only through one of its own proxies (use_proxies): the leader's lease is
renewed, a lost leader is replaced, what changes in the store is heard at once."""

import re
import signal
import subprocess

import pytest

from herdlib import Herd, Writer, deps, free_port, kill, wait_until


class Proxy:
    """`etcd gateway` forwards connections, `etcd grpc-proxy` speaks the protocol itself."""

    def __init__(self, herd, kind):
        self.port = free_port()
        self.log = open(herd.dir / "logs" / "etcd-proxy.log", "wb")
        # A gateway leaves a member that it has not reached once alone for a minute, unless told.
        more = ["--retry-delay=500ms"] if kind == "gateway" else []
        members = ",".join(f"127.0.0.1:{part['client_port']}" for part in herd.plan["etcd"].values())
        self.process = subprocess.Popen(
            [deps()["ETCD"], kind, "start", f"--endpoints={members}",
             f"--listen-addr=127.0.0.1:{self.port}", *more], stdout=self.log, stderr=self.log)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


@pytest.fixture(params=["gateway", "grpc-proxy"])
def herd(request):
    made = Herd(nodes=2)
    made.wait_complete()
    proxy = Proxy(made, request.param)
    for name in [*made.standbys(), made.leader()]:
        path = made.dir / name / "agent.yml"
        text, count = re.subn(r"hosts: \[.*\]", f"hosts: ['127.0.0.1:{proxy.port}']\n  use_proxies: true",
                              path.read_text(), count=1)
        assert count == 1, f"no hosts of etcd in {path}"
        path.write_text(text)
        before = made.agent_pid(name)
        kill(before, signal.SIGTERM)
        wait_until(f"the new agent of {name}", lambda name=name, before=before: made.agent_pid(name) != before)
        made.wait_complete(60)
    yield made
    made.close()
    proxy.close()


def renewals_of(herd, name):
    text = herd.rest(name, "/metrics")[1]
    found = re.search(r'pgherd_steps_started_total{[^}]*step="RenewLease"} (\d+)', text)
    return int(found[1]) if found else 0


def test_a_herd_behind_a_proxy_of_etcd(herd):
    leader = herd.leader()
    standby = herd.standbys()[0]
    said = len(herd.log(leader))
    postmaster = herd.postmaster_pid(leader)
    renewals = renewals_of(herd, leader)
    # The lease is 5 s: so many renewals take longer than it would last without them.
    wait_until("the lease is renewed", lambda: renewals_of(herd, leader) >= renewals + 8)
    assert herd.leader() == leader and herd.postmaster_pid(leader) == postmaster
    assert len(herd.log(leader)[said:].splitlines()) < 20, "a store that answers is nothing to talk of"
    herd.ctl("edit-config", "--force", "-s", "postgresql.parameters.log_temp_files=77")

    def has_heard():
        with herd.connect_node(standby) as connection:
            return connection.execute("show log_temp_files").fetchone()[0].startswith("77")
    wait_until("a change in the store reaches the standby", has_heard, 10)
    with Writer(herd) as writer:
        with herd.supervisor_asleep():
            herd.lose_node(leader)
            wait_until("the other one leads", lambda: herd.leader() == standby, 40)
            writer.wait_for_rows(20)
        herd.wait_complete(60)
