"""A herd that is well: what a user sees right after `local up`."""

import json
import pathlib
import re
import stat

import psycopg
import pytest

from herdlib import wait_until


@pytest.mark.core
def test_bootstrap_makes_one_leader_and_streaming_standbys(herd):
    table = herd.ctl("list").stdout
    assert len(re.findall(r"\| Leader +\| running ", table)) == 1, table
    assert len(re.findall(r"\| Replica +\| streaming ", table)) == 2, table
    assert table.startswith("+ Cluster: pgherd ("), table


@pytest.mark.core
def test_a_row_reaches_every_standby(herd):
    with herd.connect() as primary:
        primary.execute("create table if not exists news (text text)")
        primary.execute("insert into news values ('hello')")
    for name in herd.standbys():
        with herd.connect_node(name) as standby:
            assert standby.execute("select pg_is_in_recovery()").fetchone()[0]
            wait_until(f"the row on {name}",
                       lambda s=standby: s.execute("select count(*) from news").fetchone()[0] >= 1)


def test_the_write_port_leads_to_the_primary_and_the_read_port_to_standbys(herd):
    with herd.connect("--write") as connection:
        assert connection.execute("select pg_is_in_recovery()").fetchone()[0] is False
    for _ in range(4):
        with herd.connect("--read") as connection:
            assert connection.execute("select pg_is_in_recovery()").fetchone()[0] is True


def test_every_node_keeps_slots_for_the_others(herd):
    names = set(herd.nodes)
    for name in names:
        with herd.connect_node(name) as connection:
            wait_until(f"slots on {name}", lambda n=name, c=connection: {
                row[0] for row in c.execute("select slot_name from pg_replication_slots")
            } == names - {n})


def test_passwords_are_scram_and_in_private_files(herd):
    with herd.connect() as connection:
        kinds = {row[0] for row in connection.execute(
            "select split_part(rolpassword, '$', 1) from pg_authid where rolpassword is not null")}
    assert kinds == {"SCRAM-SHA-256"}
    readable = [path for path in pathlib.Path(herd.dir).glob("*")
                if path.is_file() and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)
                and "password" in path.read_text(errors="replace")]
    assert readable == []


def test_a_wrong_password_is_refused(herd):
    node = herd.nodes[herd.leader()]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host="127.0.0.1", port=node["pg_port"], user="postgres", password="wrong",
                        dbname="postgres")


def test_the_store_holds_what_patroni_would_write(herd):
    base = "/service/pgherd/"
    assert herd.etcdctl("get", "--print-value-only", base + "leader") == herd.leader()
    assert re.fullmatch(r"\d{10,}", herd.etcdctl("get", "--print-value-only", base + "initialize"))
    member = json.loads(herd.etcdctl("get", "--print-value-only", base + "members/" + herd.leader()))
    assert member["state"] == "running" and member["role"] == "primary"
    assert member["conn_url"].startswith("postgres://127.0.0.1:")
    assert tuple(int(part) for part in member["version"].split(".")) >= (4, 1)
    status = json.loads(herd.etcdctl("get", "--print-value-only", base + "status"))
    assert status["optime"] > 0 and herd.leader() in status["slots"]


@pytest.mark.core
def test_health_routes_tell_the_roles_apart(herd):
    leader = herd.leader()
    expected = {"/leader": 200, "/primary": 200, "/": 200, "/replica": 503, "/health": 200,
                "/read-only": 200, "/liveness": 200, "/nonsense": 503}
    assert {path: herd.rest(leader, path)[0] for path in expected} == expected
    standby = herd.standbys()[0]
    expected = {"/leader": 503, "/primary": 503, "/replica": 200, "/health": 200, "/read-only": 200}
    assert {path: herd.rest(standby, path)[0] for path in expected} == expected


def test_writing_routes_need_the_password(herd):
    code, text = herd.rest(herd.leader(), "/config", "PATCH", {"loop_wait": 1}, authorized=False)
    assert (code, text) == (401, "no auth header received")


@pytest.mark.core
def test_a_changed_parameter_reaches_every_server(herd):
    code, text = herd.rest(herd.standbys()[0], "/config", "PATCH",
                           {"postgresql": {"parameters": {"log_min_duration_statement": 1234}}})
    assert code == 200, text
    for name in herd.nodes:
        wait_until(f"the parameter on {name}", lambda n=name: herd.connect_node(n).execute(
            "show log_min_duration_statement").fetchone()[0] == "1234ms")


def test_edit_config_shows_the_change_and_show_config_keeps_it(herd):
    done = herd.ctl("edit-config", "-s", "maximum_lag_on_failover=2097152", "--force")
    assert "+maximum_lag_on_failover: 2097152" in done.stdout
    assert "maximum_lag_on_failover: 2097152" in herd.ctl("show-config").stdout


def test_metrics_are_patronis_and_ours(herd):
    text = herd.rest(herd.leader(), "/metrics")[1]
    assert re.search(r'^patroni_primary\{scope="pgherd",name="pg\d"\} 1$', text, re.M)
    assert "pgherd_lease_remaining_seconds" in text


@pytest.mark.core
def test_restart_by_ctl_keeps_the_leader(herd):
    leader = herd.leader()
    before = herd.postmaster_pid(leader)
    done = herd.ctl("restart", "pgherd", leader, "--force")
    assert f"Success: restart on member {leader}" in done.stdout
    assert herd.postmaster_pid(leader) != before
    assert herd.wait_complete() == leader


def test_doctor_is_content_and_finds_what_is_amiss(herd):
    herd.wait_complete()
    content = herd.ctl("doctor")
    assert content.stdout.splitlines()[0] == f"Cluster pgherd: 3 members, led by '{herd.leader()}'"
    assert content.stdout.splitlines()[1:] == ["Nothing is wrong."]
    standby = herd.standbys()[0]
    with herd.connect_node(standby) as connection:
        connection.execute("select pg_wal_replay_pause()")
        try:
            def words():
                ran = herd.ctl("doctor", check=False)
                return ran.stdout if ran.returncode == 1 else ""
            wait_until("doctor to see it", lambda: f"replay is paused on '{standby}'" in words())
        finally:
            connection.execute("select pg_wal_replay_resume()")


def test_nothing_but_the_standbys_shows_as_replication(herd):
    """Dashboards count these, and each takes one of max_wal_senders."""
    leader = herd.wait_complete()

    def shown_by(name):
        with herd.connect_node(name) as connection:
            return {row[0] for row in connection.execute("select application_name from pg_stat_replication")}
    wait_until("the standbys alone", lambda: shown_by(leader) == set(herd.standbys()))
    for standby in herd.standbys():
        wait_until(f"nobody at {standby}", lambda name=standby: not shown_by(name))
    assert {one["application_name"] for one in herd.status(leader)["replication"]} == set(herd.standbys())


def test_a_second_up_changes_nothing(herd):
    before = {name: herd.postmaster_pid(name) for name in herd.nodes}
    herd.local("up")
    assert {name: herd.postmaster_pid(name) for name in herd.nodes} == before
