"""Standbys of every kind, and what befalls them: one behind another, one that only reads the archive, settings
of their own, parameters that a standby may not lower first, WAL that is gone."""

import os
import shutil
import tempfile

import psycopg
import pytest

from herdlib import ROOT, Herd, Solo, wait_until

SCOPE = "solo-standbys"


@pytest.fixture(scope="module")
def herd():
    """For its store only."""
    made = Herd(nodes=1)
    yield made
    made.close()


def use_shipped_roles(solo):
    """etc/roles, with its files in the place where this member runs."""
    for path in (ROOT / "etc/roles").glob("*.conf"):
        shutil.copy(path, solo.folder / path.name)
    shipped = (ROOT / "etc/roles/50-roles.yml").read_text().replace("/etc/pgherd/", f"{solo.folder}/")
    section = shipped.split("postgresql:\n", 1)[1]
    solo.text = solo.text.replace("postgresql:\n", "postgresql:\n" + section, 1)


@pytest.fixture(scope="module")
def members(herd):
    """lead <- near <- behind, and apart, which reads the archive that lead fills."""
    made = {"lead": Solo(herd, SCOPE, name="lead")}
    with tempfile.TemporaryDirectory(prefix="pgherd-archive-", dir=made["lead"].folder) as archive:
        os.chmod(archive, 0o777)
        archiving = (f'parameters: {{archive_mode: "on", archive_command: "cp %p {archive}/%f", ')
        made["lead"].text = made["lead"].text.replace("parameters: {", archiving)
        use_shipped_roles(made["lead"])
        made["lead"].start().wait_leads()
        for name, more in {
                "near": "",
                "behind": "tags: {replicatefrom: near}\n",
                "apart": "tags: {nostream: true}\n"}.items():
            made[name] = Solo(herd, SCOPE, name=name, share=made["lead"])
            if name == "apart":
                made[name].text = made[name].text.replace(
                    "  authentication:", f'  recovery_conf: {{restore_command: "cp {archive}/%f %p"}}\n'
                                         "  authentication:", 1)
            made[name].text += more
            if name == "near":
                made[name].text = made[name].text.replace(
                    "  authentication:", "  recovery_conf: {trigger_file: /tmp/x, recovery_end_comand: typo, "
                                         "recovery_end_command: 'true'}\n  authentication:", 1)
            use_shipped_roles(made[name])
            made[name].start()
            wait_until(f"{name} runs", lambda node=name: made[node].get("/health")[0] == 200, 60)
        yield made
        for name in ["behind", "apart", "near"]:
            made[name].close_server()
        made["lead"].close_server()
    made["lead"].close()


def connect(solo):
    return psycopg.connect(host="127.0.0.1", port=solo.pg_port, user="postgres", password="secret",
                           dbname="postgres", autocommit=True, connect_timeout=3)


def value(solo, query):
    with connect(solo) as sql:
        row = sql.execute(query).fetchone()
    return row and row[0]


def streams_to(solo):
    """The names of the members that stream from it."""
    with connect(solo) as sql:
        return {row[0] for row in sql.execute(
            "select application_name from pg_stat_replication where state = 'streaming'")}


def row_of(solo, name):
    return next(member for member in solo.json("/cluster")["members"] if member["name"] == name)


def test_who_does_not_stream_follows_from_the_archive(members):
    lead, apart = members["lead"], members["apart"]
    with connect(lead) as sql:
        sql.execute("create table told as select 'one' as word")
        sql.execute("select pg_switch_wal()")
    wait_until("the row comes by the archive", lambda: value(
        apart, "select to_regclass('told') is not null") and value(apart, "select word from told") == "one", 60)
    assert "apart" not in streams_to(lead)
    wait_until("it says how it follows", lambda: row_of(lead, "apart")["state"] == "in archive recovery")


def test_a_recovery_setting_that_postgresql_does_not_take_costs_that_setting_alone(members):
    near = members["near"]
    wait_until("it streams", lambda: "near" in streams_to(members["lead"]), 60)
    assert value(near, "show recovery_end_command") == "true"
    if value(near, "select current_setting('server_version_num')::int") >= 160000:
        assert "postgresql.recovery_conf: trigger_file = '/tmp/x' is left out" in near.said()
    told = "postgresql.recovery_conf: recovery_end_comand = 'typo' is left out"
    assert near.said().count(told) == 1
    assert value(near, "select count(*) from pg_file_settings where error is not null and "
                       "name ~ 'recovery|trigger'") == 0


def test_each_role_has_the_settings_of_its_file(members):
    lead, near = members["lead"], members["near"]
    for name, primary, standby in [("log_lock_waits", "on", "on"),
                                   ("idle_in_transaction_session_timeout", "10min", "0"),
                                   ("default_transaction_read_only", "off", "on")]:
        assert (value(lead, f"show {name}"), value(near, f"show {name}")) == (primary, standby), name


def test_who_stands_behind_another_falls_back_to_the_leader_and_returns(members):
    lead, near, behind = (members[name] for name in ("lead", "near", "behind"))
    wait_until("the cascade streams", lambda: "behind" in streams_to(near), 60)
    near.stop()
    wait_until("the leader takes its place", lambda: "behind" in streams_to(lead), 60)
    with connect(lead) as sql:
        sql.execute("create table meanwhile as select 1 as number")
    wait_until("it follows there", lambda: value(behind, "select to_regclass('meanwhile') is not null"))
    near.start()
    wait_until("the cascade streams again", lambda: "behind" in streams_to(near), 60)
    assert "behind" not in streams_to(lead)


def test_parameters_are_lowered_on_the_primary_first(members):
    """PostgreSQL does not start a standby whose max_connections is below its primary's."""
    lead, near = members["lead"], members["near"]
    wait_until("near streams", lambda: "near" in streams_to(lead), 60)
    wanted = {"postgresql": {"parameters": {"max_connections": 80}}}
    assert lead.ask("/config", "PATCH", wanted)[0] == 200
    wait_until("near has to be restarted", lambda: near.json("/patroni").get("pending_restart"))
    assert near.ask("/restart", "POST", {})[0] == 200
    wait_until("near streams again", lambda: "near" in streams_to(lead), 60)
    assert value(near, "show max_connections") == "100", "what the primary has"
    assert near.json("/patroni").get("pending_restart")
    assert lead.ask("/restart", "POST", {})[0] == 200
    assert value(lead, "show max_connections") == "80"
    wait_until("near has heard of it", lambda: "near" in streams_to(lead), 60)

    def is_lowered():
        return near.ask("/restart", "POST", {})[0] == 200 and value(near, "show max_connections") == "80"
    wait_until("near is lowered after it", is_lowered, 60)
    wait_until("nothing is pending", lambda: not near.json("/patroni").get("pending_restart"))


def test_a_standby_whose_wal_is_gone_says_so_and_is_copied_anew_when_asked(members):
    lead, near = members["lead"], members["near"]
    wait_until("near streams", lambda: "near" in streams_to(lead), 60)
    near.stop()
    assert lead.ask("/config", "PATCH", {"member_slots_ttl": 0})[0] == 200
    with connect(lead) as sql:
        wait_until("its slot is dropped", lambda: "near" not in {row[0] for row in sql.execute(
            "select slot_name from pg_replication_slots")}, 60)
        wait_until("its WAL is gone", lambda: sql.execute(
            "select pg_switch_wal(), pg_logical_emit_message(true, 'pad', 'x')") and sql.execute(
                "checkpoint") and wal_begins_after(sql, near), 60)
    near.start()
    wait_until("it runs and does not stream", lambda: near.get("/health")[0] == 200 and "near" not in streams_to(
        lead), 60)
    wait_until("PostgreSQL says why", lambda: "has already been removed" in server_log(near))
    near.wait_for("[F9] 'lead' runs, and this standby has not streamed from it for 10 s")
    status, answer, _ = near.ask("/reinitialize", "POST", {})
    assert status == 200, answer
    wait_until("near streams", lambda: "near" in streams_to(lead), 90)
    assert lead.ask("/config", "PATCH", {"member_slots_ttl": None})[0] == 200


def wal_begins_after(sql, solo):
    """Whether the primary's oldest WAL is younger than all that the stopped standby has."""
    newest_there = max(name for name in os.listdir(solo.data_dir / "pg_wal") if len(name) == 24)
    oldest_here = sql.execute("select min(name) from pg_ls_waldir() where length(name) = 24").fetchone()[0]
    return oldest_here > newest_there


def server_log(solo):
    return (solo.data_dir / "pgherd_postmaster.log").read_text(errors="replace")
