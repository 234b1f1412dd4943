"""pgherd drill: what it does to a herd, what it says of it, and when it does nothing."""

import json
import os
import signal
import subprocess

import pytest

from herdlib import PGHERD, wait_until


SCOPE = "pgherd"  # of every herd that `pgherd local` makes


class Driller:
    def __init__(self, herd):
        self.herd = herd
        # Any agent's configuration: the store, the REST API's login and the superuser's.
        self.config = herd.dir / "pg0" / "agent.yml"

    def words(self, drill, *options):
        return [str(PGHERD), "drill", drill, "-c", str(self.config), *options, SCOPE]

    def run(self, drill, *options, answer=""):
        return subprocess.run(self.words(drill, *options), input=answer, capture_output=True, text=True,
                              timeout=200, check=False)

    def report(self, drill, *options):
        done = self.run(drill, "--force", "--format", "json", *options)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    def tables(self):
        with self.herd.connect() as connection:
            return connection.execute(
                "select relname from pg_class where relname like 'pgherd_drill%' and relkind = 'r'").fetchall()

    def expect_nothing_left(self):
        self.herd.wait_complete()
        assert self.tables() == []
        assert "primary_start_timeout" not in self.herd.ctl("show-config").stdout


@pytest.fixture
def driller(herd):
    return Driller(herd)


def phases(report):
    return [phase["what"] for phase in report["phases"]]


def test_a_failover_is_had_and_told(herd, driller):
    leader = herd.wait_complete()
    report = driller.report("failover")
    successor = herd.leader()
    assert successor != leader
    assert report["passed"] and report["failures"] == []
    told = phases(report)
    assert told[0] == f"PostgreSQL of '{leader}' is killed"
    assert f"'{leader}' leads no more" in told and f"'{successor}' leads" in told
    assert "a write is acknowledged again" in told and "so do all the others" in told
    assert 0 < report["outage_seconds"] < report["allowed_seconds"]
    assert report["rows"]["acknowledged"] > 20 and report["rows"]["lost"] is not None
    driller.expect_nothing_left()


def test_an_outage_that_is_too_long_fails_the_drill(herd, driller):
    herd.wait_complete()
    done = driller.run("failover", "--force", "--max-outage", "0.001")
    assert done.returncode == 1, done.stderr
    assert "FAILED: clients were without a primary for" in done.stdout
    driller.expect_nothing_left()


def test_a_drill_through_the_address_of_clients_of_a_synchronous_cluster(herd, driller, tmp_path):
    herd.ctl("edit-config", "-s", "synchronous_mode=on", "--force")
    try:
        wait_until("a synchronous standby", lambda: "Sync Standby" in herd.ctl("list").stdout)
        herd.wait_complete()
        metrics = tmp_path / "drill.prom"
        report = driller.report("failover", "--dsn", herd.dsn(), "--metrics-file", str(metrics))
        assert report["passed"] and report["rows"]["lost"] == 0
        assert f'pgherd_drill_passed{{drill="failover",scope="{SCOPE}"}} 1' in metrics.read_text()
    finally:
        herd.ctl("edit-config", "-s", "synchronous_mode=off", "--force")


def test_what_was_changed_is_put_back_when_it_is_interrupted(herd, driller):
    herd.ctl("edit-config", "-s", "primary_start_timeout=17", "--force")
    try:
        herd.wait_complete()
        drill = subprocess.Popen(driller.words("failover", "--force"), stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        wait_until("the setting of the drill", lambda: "primary_start_timeout: 0" in herd.ctl("show-config").stdout)
        drill.send_signal(signal.SIGTERM)
        _, complaint = drill.communicate(timeout=60)
        assert drill.returncode == 128 + signal.SIGTERM, complaint
        assert "primary_start_timeout: 17" in herd.ctl("show-config").stdout
        herd.wait_complete()
        assert driller.tables() == []
    finally:
        herd.ctl("edit-config", "-s", "primary_start_timeout=null", "--force")


def test_a_drill_that_is_interrupted_before_it_has_begun_leaves_no_table(herd, driller):
    herd.wait_complete()
    drill = subprocess.Popen(driller.words("failover", "--force", "--dsn", herd.dsn()), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    wait_until("its table", driller.tables)
    drill.send_signal(signal.SIGTERM)
    _, complaint = drill.communicate(timeout=60)
    assert drill.returncode == 128 + signal.SIGTERM, complaint
    driller.expect_nothing_left()


def test_a_door_that_leads_nowhere_is_said_at_once(herd, driller):
    leader = herd.wait_complete()
    done = driller.run("failover", "--force", "--dsn", "host=127.0.0.1 port=1")
    assert done.returncode == 1 and "no primary can be reached" in done.stderr and "refused" in done.stderr
    assert herd.leader() == leader


def test_a_leader_without_connections_goes_on(herd, driller):
    leader = herd.wait_complete()
    report = driller.report("exhaustion", "--hold", "3")
    assert report["passed"] and herd.leader() == leader
    taken, given_back, came_in = phases(report)
    assert taken.endswith("connections are taken, and none is left for clients") and int(taken.split()[0]) > 10
    assert given_back == "they are given back" and came_in == "a new client comes in"
    assert report["rows"]["lost"] == 0
    driller.expect_nothing_left()


def test_nothing_is_done_unless_somebody_says_yes(herd, driller):
    leader = herd.wait_complete()
    timeline = herd.status(leader)["timeline"]
    for answer in ("n\n", "\n", ""):
        done = driller.run("failover", answer=answer)
        assert done.returncode == 2 and "refused: not confirmed" in done.stderr
    assert f"Kill PostgreSQL of '{leader}', the leader of cluster pgherd?" in done.stdout
    assert herd.leader() == leader and herd.status(leader)["timeline"] == timeline


@pytest.mark.parametrize("drill", ["failover", "exhaustion", "restore"])
def test_a_herd_that_is_not_well_is_left_alone(herd, driller, drill):
    leader = herd.wait_complete()
    standby = next(name for name in herd.nodes if name != leader)
    agent = herd.agent_pid(standby)
    os.kill(agent, signal.SIGSTOP)
    try:
        done = driller.run(drill, "--force")
        assert done.returncode == 2, f"{done.stdout}\n{done.stderr}"
        assert f"the agent of '{standby}' is not reached" in done.stderr, "what is wrong"
        assert "see that it runs" in done.stderr, "and what to do about it"
    finally:
        os.kill(agent, signal.SIGCONT)
    assert herd.wait_complete() == leader


def test_maintenance_mode_and_a_strange_cluster_are_refused(herd, driller):
    herd.wait_complete()
    herd.ctl("pause", "--wait")
    try:
        done = driller.run("failover", "--force")
        assert done.returncode == 2 and "maintenance mode is on" in done.stderr
    finally:
        herd.ctl("resume", "--wait")
    done = subprocess.run([*driller.words("failover", "--force")[:-1], "nobody"], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 2 and "refused" in done.stderr and "nobody" in done.stderr


def test_a_login_that_is_none_is_refused(herd, driller):
    leader = herd.wait_complete()
    done = subprocess.run(driller.words("failover", "--force"), capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PATRONI_SUPERUSER_PASSWORD": "wrong"}, check=False)
    assert done.returncode == 2 and "refused: cannot log in at" in done.stderr
    assert herd.leader() == leader
