"""What a client sees while parts of the herd are killed, paused and started again."""

import contextlib
import datetime
import json
import os
import pathlib
import re
import signal
import threading
import time

import psycopg
import pytest

from herdlib import Writer, kill, process_is_alive, wait_until


def timeline(herd):
    return herd.status(herd.leader())["timeline"]


def last_of_history(herd):
    """As `ctl history` shows it: timeline, position, reason, time, new leader."""
    return list(json.loads(herd.ctl("history", "-f", "json").stdout)[-1].values())


def assert_nothing_is_lost(herd, writer):
    with herd.connect() as connection:
        assert writer.missing(connection) == []
        assert writer.alien(connection) == []


@pytest.mark.core
def test_a_killed_postmaster_is_restarted_in_place(herd):
    leader, before = herd.leader(), timeline(herd)
    with Writer(herd) as writer:
        kill(herd.postmaster_pid(leader))
        writer.wait_for_rows(50)
    assert herd.wait_complete() == leader
    assert timeline(herd) == before, "no promotion was needed"
    assert_nothing_is_lost(herd, writer)


@pytest.mark.core
def test_postgres_does_not_notice_a_killed_agent(herd):
    leader = herd.leader()
    agent, postmaster = herd.agent_pid(leader), herd.postmaster_pid(leader)
    with Writer(herd) as writer:
        kill(agent)
        wait_until("a new agent", lambda: herd.agent_pid(leader) not in (0, agent))
        writer.wait_for_rows(100)
        assert writer.longest_gap() < 4
    assert herd.wait_complete() == leader
    assert herd.postmaster_pid(leader) == postmaster
    assert_nothing_is_lost(herd, writer)


def test_agent_and_postmaster_killed_together(herd):
    leader = herd.leader()
    with Writer(herd) as writer:
        kill(herd.agent_pid(leader))
        kill(herd.postmaster_pid(leader))
        writer.wait_for_rows(50)
    herd.wait_complete()
    with herd.connect() as connection:
        assert writer.alien(connection) == []


@pytest.mark.core
def test_a_lost_node_is_replaced_and_rejoins_on_the_new_timeline(herd):
    leader, before = herd.leader(), timeline(herd)
    with Writer(herd) as writer:
        with herd.supervisor_asleep():
            herd.lose_node(leader)
            wait_until("another leader", lambda: herd.leader() not in (None, leader), 30)
            writer.wait_for_rows(50)
        assert herd.wait_complete(90) != leader
    assert timeline(herd) > before
    assert herd.status(leader)["role"] == "replica"
    assert herd.status(leader)["timeline"] == timeline(herd)
    with herd.connect() as connection:
        # Asynchronous replication: what the lost node had not sent may be missing, a few rows at most.
        assert len(writer.missing(connection)) <= 20
        assert writer.alien(connection) == []


def test_a_frozen_leader_stops_acknowledging_before_another_leads(herd):
    leader = herd.leader()
    agent, postmaster = herd.agent_pid(leader), herd.postmaster_pid(leader)
    kill(agent, signal.SIGSTOP)
    try:
        wait_until("another leader", lambda: any(
            herd.rest(name, "/leader", timeout=3)[0] == 200
            for name in herd.nodes if name != leader), 30)
        assert not process_is_alive(postmaster), "the guardian must have stopped it"
    finally:
        with contextlib.suppress(ProcessLookupError):
            kill(agent, signal.SIGCONT)
    assert herd.wait_complete(90) != leader


def test_root_lets_guardians_run_before_postgresql(herd):
    """So that a node that goes on after a freeze answers nobody. Nobody else has the right to that."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except PermissionError:
        pytest.skip("this user may not give a real-time priority")
    for name in herd.nodes:
        assert {os.sched_getscheduler(pid) for pid in herd.guardian_pids(name)} == {os.SCHED_RR}
        postmaster = herd.postmaster_pid(name)
        assert os.sched_getscheduler(postmaster) == os.SCHED_OTHER
        rights = pathlib.Path(f"/proc/{postmaster}/status").read_text()
        assert re.findall(r"Cap(?:Eff|Prm|Amb):\t(\w+)", rights) == ["0" * 16] * 3


def test_a_postmaster_that_is_stopped_for_longer_than_the_lease_goes_on(herd):
    """Nobody gets in, but whoever is in goes on, the agent too: a failover would end them all."""
    leader, before = herd.leader(), timeline(herd)
    postmaster = herd.postmaster_pid(leader)
    with herd.connect_node(leader) as inside:
        inside.execute("create table if not exists inside (number int)")
        kill(postmaster, signal.SIGSTOP)
        try:
            begun = herd.status(leader)["dcs_last_seen"]
            wait_until("two ttl", lambda: herd.status(leader)["dcs_last_seen"] > begun + 10, 60)
            inside.execute("insert into inside values (1)")
            assert herd.leader() == leader
        finally:
            kill(postmaster, signal.SIGCONT)
    with herd.connect() as connection:
        assert connection.execute("select count(*) > 0 from inside").fetchone()[0]
    assert herd.wait_complete() == leader
    assert timeline(herd) == before
    assert herd.postmaster_pid(leader) == postmaster


def test_nothing_of_a_primary_outlives_its_agent_and_guardian(herd):
    leader = herd.leader()
    postmaster, agent, guardians = (herd.postmaster_pid(leader), herd.agent_pid(leader),
                                    herd.guardian_pids(leader))
    backend = herd.connect_node(leader)
    with herd.supervisor_asleep():
        for pid in [agent, *guardians]:
            kill(pid)
        wait_until("the end of the postmaster", lambda: not process_is_alive(postmaster), 5)
        with pytest.raises(psycopg.Error):
            backend.execute("create table never (n int)")
        wait_until("another leader", lambda: herd.leader() not in (None, leader), 30)
        assert not process_is_alive(postmaster), "somebody has started it again"
    assert herd.wait_complete(90) != leader


def test_postgresql_goes_on_without_its_agent(herd):
    leader = herd.leader()
    postmaster, guardians = herd.postmaster_pid(leader), herd.guardian_pids(leader)
    kill(herd.agent_pid(leader))
    wait_until("an agent again", lambda: herd.leader() == leader)
    assert herd.postmaster_pid(leader) == postmaster
    assert herd.guardian_pids(leader) == guardians
    herd.wait_complete()


@pytest.mark.core
def test_sigterm_hands_over_without_losing_anything(herd):
    leader = herd.leader()
    with Writer(herd) as writer:
        with herd.supervisor_asleep():
            agent = herd.agent_pid(leader)
            kill(agent, signal.SIGTERM)
            wait_until("another leader", lambda: herd.leader() not in (None, leader), 30)
            wait_until("the end of the agent", lambda: not process_is_alive(agent))
            writer.wait_for_rows(50)
        assert herd.wait_complete(90) != leader
    assert_nothing_is_lost(herd, writer)


@pytest.mark.core
def test_switchover_by_ctl_loses_nothing_and_needs_no_rewind(herd):
    leader, candidate = herd.leader(), herd.standbys()[0]
    rewinds = herd.log(leader).count("Rewind")
    with Writer(herd) as writer:
        done = herd.ctl("switchover", "pgherd", "--leader", leader, "--candidate", candidate, "--force")
        assert f'Successfully switched over to "{candidate}"' in done.stdout
        writer.wait_for_rows(50)
        assert herd.wait_complete() == candidate
    assert_nothing_is_lost(herd, writer)
    assert herd.log(leader).count("Rewind") == rewinds
    wait_until("the history names the new leader", lambda: last_of_history(herd)[-1] == candidate)
    moment = datetime.datetime.fromisoformat(last_of_history(herd)[-2])
    assert abs(moment.timestamp() - time.time()) < 60


def test_switchover_by_rest(herd):
    leader, candidate = herd.leader(), herd.standbys()[-1]
    code, text = herd.rest(leader, "/switchover", "POST", {"leader": leader, "candidate": candidate})
    assert (code, text) == (200, f'Successfully switched over to "{candidate}"')
    assert herd.wait_complete() == candidate


def test_switchover_to_nobody_is_refused_and_changes_nothing(herd):
    leader = herd.leader()
    done = herd.ctl("switchover", "pgherd", "--candidate", "pg9", "--force", check=False)
    assert done.returncode != 0
    assert "pg9" in done.stderr + done.stdout
    assert herd.leader() == leader


@pytest.mark.core
def test_losing_an_etcd_member_is_not_noticed(herd):
    leader, before = herd.leader(), timeline(herd)
    with Writer(herd) as writer:
        for name, member in herd.plan["etcd"].items():
            kill(member["pid"])
            writer.wait_for_rows(150)
            wait_until(f"{name} again", lambda n=name, p=member["pid"]:
                       herd.plan["etcd"][n]["pid"] not in (0, p))
            wait_until("etcd healthy", lambda: herd.etcdctl("get", "/service/pgherd/leader"))
    assert herd.leader() == leader and timeline(herd) == before
    assert_nothing_is_lost(herd, writer)


def test_all_nodes_killed_at_once_come_back(herd):
    with Writer(herd) as writer:
        for name in herd.nodes:
            herd.lose_node(name)
        writer.wait_for_rows(20, 90)
    herd.wait_complete(90)
    with herd.connect() as connection:
        assert writer.alien(connection) == []


def test_a_standby_that_is_killed_comes_back(herd):
    standby = herd.standbys()[0]
    with Writer(herd) as writer:
        kill(herd.postmaster_pid(standby))
        herd.wait_complete()
        writer.wait_for_rows(20)
        assert writer.longest_gap() < 2
    assert_nothing_is_lost(herd, writer)


def test_a_primary_that_loses_the_store_is_still_read(herd):
    leader = herd.leader()
    with herd.connect_node(leader) as sql:
        sql.execute("create table if not exists still_read as select 1 as number")
    postmaster = herd.postmaster_pid(leader)
    members = [member["pid"] for member in herd.plan["etcd"].values()]

    def reads():
        with herd.connect_node(leader) as sql:
            return sql.execute("select pg_is_in_recovery(), number from still_read").fetchone() == (True, 1)

    with herd.supervisor_asleep():
        for member in members:
            kill(member, signal.SIGSTOP)
        try:
            wait_until("the end of the primary", lambda: not process_is_alive(postmaster))
            wait_until("it can be read again", reads)
            assert herd.rest(leader, "/primary")[0] == 503
        finally:
            for member in members:
                kill(member, signal.SIGCONT)
    herd.wait_complete()


@pytest.mark.parametrize("mode, word", [("failsafe_mode", "all members are accessible"), ("pause", "")])
def test_a_leader_that_stays_open_leads_without_a_gap_when_the_store_was_away(herd, mode, word):
    """The store has forgotten its lease meanwhile. A proxy that hears otherwise once cuts all connections."""
    leader = herd.leader()
    assert herd.rest(leader, "/config", "PATCH", {mode: True})[0] == 200
    wait_until("all are named", lambda: mode == "pause" or all(
        name in herd.etcdctl("get", "/service/pgherd/failsafe") for name in herd.nodes))
    wait_until("the mode is in force", lambda: mode != "pause" or herd.status(leader).get("pause"))
    members = [member["pid"] for member in herd.plan["etcd"].values()]
    answers, is_over = [], threading.Event()

    def lease():
        return json.loads(herd.etcdctl("get", "/service/pgherd/leader", "-w", "json"))["kvs"][0]["lease"]

    def ask():
        while not is_over.is_set():
            answers.append(herd.rest(leader, "/primary")[0])

    def is_longer_than_the_lease():
        return time.monotonic() - silent_since > 6 and word in herd.log(leader)

    before = lease()
    proxy = threading.Thread(target=ask)
    with herd.supervisor_asleep():
        silent_since = time.monotonic()
        for member in members:
            kill(member, signal.SIGSTOP)
        try:
            proxy.start()
            wait_until("the end of the lease", is_longer_than_the_lease)
        finally:
            for member in members:
                kill(member, signal.SIGCONT)
    wait_until("a lease of its own again", lambda: lease() != before)
    is_over.set()
    proxy.join()
    assert set(answers) == {200}
