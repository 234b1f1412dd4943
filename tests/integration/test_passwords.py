"""Passwords that somebody has changed in PostgreSQL and not in the configuration: nobody loses the lead by it, it is
said, and a reload with the new ones ends it."""

import signal

import psycopg
import pytest

from herdlib import Herd, Solo, wait_until


@pytest.fixture(scope="module")
def herd():
    """For its store only."""
    made = Herd(nodes=1)
    yield made
    made.close()


@pytest.fixture
def members(herd, request):
    scope = request.node.name.removeprefix("test_a_new_").replace("_", "-")
    lead = Solo(herd, scope, name="lead")
    lead.start().wait_leads()
    other = Solo(herd, scope, name="other", share=lead)
    other.start()
    wait_until("the standby streams", lambda: streams(other), 60)
    yield lead, other
    for node in (other, lead):
        node.close_server()
    lead.close()


def streams(solo):
    return solo.json("/patroni").get("replication_state") == "streaming"


def connect(solo, password):
    return psycopg.connect(host="127.0.0.1", port=solo.pg_port, user="postgres", password=password,
                           dbname="postgres", autocommit=True, connect_timeout=3)


def reload_with(solo, role, password):
    solo.text = solo.text.replace(f"{role}, password: secret", f"{role}, password: {password}")
    solo.write_configuration(solo.text)
    solo.process.send_signal(signal.SIGHUP)


def test_a_new_replication_password(members):
    lead, other = members
    with connect(lead, "secret") as sql:
        sql.execute("alter role replicator password 'rotated'")
        sql.execute("select pg_terminate_backend(pid) from pg_stat_replication")
        wait_until("nobody streams", lambda: not streams(other), 30)
        other.wait_for("[F9] 'lead' runs, and this standby has not streamed from it for 10 s", 60)
        server_log = (other.data_dir / "pgherd_postmaster.log").read_text(errors="replace")
        assert 'password authentication failed for user "replicator"' in server_log
        assert lead.leads()
        sql.execute("create table meanwhile as select 1 as number")
    for node in members:
        reload_with(node, "replicator", "rotated")
    wait_until("it streams again", lambda: streams(other), 60)
    with connect(other, "secret") as sql:
        wait_until("it has the row", lambda: sql.execute("select to_regclass('meanwhile')").fetchone()[0])


def test_a_new_superuser_password(members):
    lead, other = members
    with connect(lead, "secret") as sql:
        sql.execute("alter role postgres password 'rotated'")
        sql.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'pgherd%'")
        lead.wait_for("pgherd cannot log in to the local PostgreSQL as 'postgres'", 30)
        refused_at = lead.json("/patroni")["dcs_last_seen"]
        wait_until("three ttl", lambda: lead.json("/patroni")["dcs_last_seen"] > refused_at + 15, 60)
        assert lead.get("/leader")[0] == 200
        sql.execute("create table meanwhile as select 1 as number")
    for node in members:
        reload_with(node, "postgres", "rotated")
    wait_until("it sees its server again", lambda: "xlog" in lead.json("/patroni") and lead.leads(), 30)
    assert streams(other)
    assert lead.json("/patroni")["timeline"] == 1
