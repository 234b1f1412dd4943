"""Synchronous and quorum replication: what was acknowledged outlives the node that acknowledged it."""

import json
import re
import signal

import pytest

from herdlib import Writer, kill, wait_until

MODES = ["on", "quorum"]


def configure(herd, **settings):
    words = []
    for name, value in settings.items():
        words += ["-s", f"{name}={value}"]
    herd.ctl("edit-config", "--force", *words)


def sync_key(herd):
    text = herd.etcdctl("get", "--print-value-only", f"/service/{herd.plan['scope']}/sync")
    return json.loads(text) if text else {}


def listed(herd):
    return [name for name in (sync_key(herd).get("sync_standby") or "").split(",") if name]


def sync_names(herd):
    with herd.connect_node(herd.leader()) as connection:
        return connection.execute("show synchronous_standby_names").fetchone()[0]


def wait_listed(herd, count, seconds=30):
    def are_listed():
        key = sync_key(herd)
        return key.get("leader") == herd.leader() and len(listed(herd)) == count
    wait_until(f"{count} synchronous standbys of the leader in /sync", are_listed, seconds)


def write(herd, **settings):
    return Writer(herd, statement_timeout=0, **settings)


def assert_nothing_is_lost(herd, writer):
    with herd.connect() as connection:
        assert writer.missing(connection) == []
        assert writer.alien(connection) == []


@pytest.fixture(params=MODES)
def mode(herd, request):
    configure(herd, synchronous_mode=request.param, synchronous_mode_strict="false",
              synchronous_node_count=1)
    wait_listed(herd, 1 if request.param == "on" else 2)
    yield request.param


def test_the_names_and_the_key_say_the_same(herd, mode):
    names = listed(herd)
    assert herd.leader() not in names
    if mode == "on":
        assert sync_names(herd) == f'"{names[0]}"'
        assert sync_key(herd)["quorum"] == 0
    else:
        assert sync_names(herd) == 'ANY 1 ("%s","%s")' % tuple(names)
        assert sync_key(herd)["quorum"] == 1
    role = "sync_standby" if mode == "on" else "quorum_standby"
    roles = {member["name"]: member["role"]
             for member in json.loads(herd.rest(herd.leader(), "/cluster")[1])["members"]}
    assert [name for name, its in sorted(roles.items()) if its == role] == names
    check = "/sync" if mode == "on" else "/quorum"
    assert herd.rest(names[0], check)[0] == 200
    assert herd.rest(names[0], "/async")[0] == 503
    assert herd.rest(herd.leader(), check)[0] == 503
    assert role.split("_")[0].capitalize() + " Standby" in herd.ctl("list").stdout


def test_no_acknowledged_row_is_lost_with_the_leader(herd, mode):
    leader = herd.leader()
    with write(herd) as writer:
        for _ in range(2):
            with herd.supervisor_asleep():
                leader = herd.leader()
                herd.lose_node(leader)
                wait_until("another leader", lambda: herd.leader() not in (None, leader), 30)
                writer.wait_for_rows(30)
            herd.wait_complete(90)
            wait_listed(herd, 1 if mode == "on" else 2)
    assert_nothing_is_lost(herd, writer)


def test_a_killed_synchronous_standby_is_replaced_and_writes_go_on(herd, mode):
    with write(herd) as writer:
        gone = listed(herd)[0]
        with herd.supervisor_asleep():
            herd.lose_node(gone)
            writer.wait_for_rows(100)
            wait_until("the lost one is listed no more",
                       lambda: listed(herd) and gone not in listed(herd))
            assert gone not in sync_names(herd)
            # Its leader may go as well: the other one has everything.
            leader = herd.leader()
            herd.lose_node(leader)
            other = listed(herd)[0]
            wait_until("the listed one leads", lambda: herd.leader() == other, 30)
        herd.wait_complete(90)
    assert_nothing_is_lost(herd, writer)


def test_a_commit_that_waits_is_let_go_by_whom_it_waits_for_now(herd):
    """The other standby has had the record for long, and replies to the next one only: nobody writes that."""
    configure(herd, synchronous_mode="on", synchronous_mode_strict="true", synchronous_node_count=1)
    wait_listed(herd, 1)
    leader = herd.leader()
    asked_at_leisure = {"wal_receiver_status_interval": 0, "wal_sender_timeout": 0}

    def set_to(parameters):
        assert herd.rest(leader, "/config", "PATCH", {"postgresql": {"parameters": parameters}})[0] == 200

    def is_in_force(name):
        with herd.connect_node(name) as connection:
            return all(connection.execute(f"show {key}").fetchone()[0] == "0" for key in asked_at_leisure)

    set_to(asked_at_leisure)
    for name in herd.nodes:
        wait_until(f"the configuration of {name}", lambda name=name: is_in_force(name))
    with herd.connect_node(leader) as connection:  # it writes a record now and then
        background = connection.execute(
            "select pid from pg_stat_activity where backend_type = 'background writer'").fetchone()[0]
    with write(herd) as writer, herd.supervisor_asleep():
        kill(background, signal.SIGSTOP)
        try:
            herd.lose_node(listed(herd)[0])
            writer.wait_for_rows(100, 30)
        finally:
            kill(background, signal.SIGCONT)
    set_to(dict.fromkeys(asked_at_leisure))
    herd.wait_complete(90)
    assert_nothing_is_lost(herd, writer)


@pytest.mark.parametrize("mode", MODES)
def test_strict_mode_lets_writes_wait_until_a_standby_is_back(herd, mode):
    configure(herd, synchronous_mode=mode, synchronous_mode_strict="true")
    wait_listed(herd, 1 if mode == "on" else 2)
    leader = herd.leader()
    with write(herd) as writer:
        with herd.supervisor_asleep():
            for name in herd.standbys():
                herd.lose_node(name)

            def a_commit_waits():
                with herd.connect_node(leader) as connection:
                    return connection.execute(
                        "select count(*) from pg_stat_activity "
                        "where wait_event = 'SyncRep' and now() - query_start > '4 s'").fetchone()[0]
            wait_until("a commit that waits", a_commit_waits)
            assert re.search(r" WARNING: .*No active replication connections from Patroni members and "
                             "synchronous_mode_strict is requested", herd.log(leader))
            assert sync_names(herd) != ""
            assert herd.leader() == leader
        writer.wait_for_rows(50)
    herd.wait_complete(90)
    assert_nothing_is_lost(herd, writer)


def test_without_a_standby_writes_go_on_when_not_strict(herd, mode):
    with write(herd) as writer:
        with herd.supervisor_asleep():
            for name in herd.standbys():
                herd.lose_node(name)
            writer.wait_for_rows(50)
            assert sync_names(herd) == ""
            assert listed(herd) == []
    herd.wait_complete(90)
    wait_listed(herd, 1 if mode == "on" else 2)
    assert_nothing_is_lost(herd, writer)


def test_a_restart_of_the_synchronous_standby_holds_up_nobody(herd):
    configure(herd, synchronous_mode="on", synchronous_mode_strict="false")
    wait_listed(herd, 1)
    standby = listed(herd)[0]
    with write(herd) as writer:
        herd.ctl("restart", herd.plan["scope"], standby, "--force")
        writer.wait_for_rows(50)
    assert "[Q9]" in herd.log(standby), "it asked to be let go first"
    herd.wait_complete()
    assert_nothing_is_lost(herd, writer)


def test_a_switchover_goes_to_a_synchronous_standby_and_loses_nothing(herd, mode):
    before = herd.leader()
    with write(herd) as writer:
        expected = listed(herd)
        herd.ctl("switchover", herd.plan["scope"], "--leader", before, "--force")
        wait_until("another leader", lambda: herd.leader() not in (None, before), 30)
        assert herd.leader() in expected
        writer.wait_for_rows(50)
    herd.wait_complete(90)
    assert_nothing_is_lost(herd, writer)


def test_turned_off_it_leaves_nothing_behind(herd):
    configure(herd, synchronous_mode="off", synchronous_mode_strict="false")
    wait_until("/sync is gone", lambda: sync_key(herd) == {})
    wait_until("the operator's value", lambda: sync_names(herd) == "")
