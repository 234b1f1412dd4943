"""A former primary that has what its cluster has not: it says what, to people and to programs, waits for a decision,
and keeps it when it is rewound."""

import os
import pathlib
import signal
import subprocess

import psycopg
import pytest

from herdlib import PGHERD, Herd, Solo, kill, wait_until


@pytest.fixture(scope="module")
def herd():
    """For its store only."""
    made = Herd(nodes=1)
    yield made
    made.close()


@pytest.fixture
def members(herd, request):
    scope = request.node.name.removeprefix("test_").replace("_", "-")
    lead = Solo(herd, scope, name="lead")
    other = Solo(herd, scope, name="other", share=lead)
    for node in (lead, other):  # who writes is the test alone
        node.text = node.text.replace("parameters: {", "parameters: {autovacuum: 'off', ", 1)
    lead.start().wait_leads()
    other.start()
    wait_until("the standby streams", lambda: other.json("/patroni").get("replication_state") == "streaming", 60)
    yield lead, other
    for node in (other, lead):
        node.close_server()
    lead.close()


def connect(solo):
    return psycopg.connect(host="127.0.0.1", port=solo.pg_port, user="postgres", password="secret",
                           dbname="postgres", autocommit=True, connect_timeout=3)


def commit_here_only(solo, rows):
    """Nothing of it is sent to the standby. Returns the process that would have sent it."""
    with connect(solo) as sql:
        sql.execute("create table kept (n int)")
        wait_until("the standby has it all", lambda: sql.execute(
            "select replay_lsn = pg_current_wal_flush_lsn() from pg_stat_replication").fetchone() == (True,), 30)
        sender = sql.execute("select pid from pg_stat_replication").fetchone()[0]
        os.kill(sender, signal.SIGSTOP)
        for number in range(rows):
            sql.execute("insert into kept values (%s)", (number,))
    return sender


def doctor(solo):
    done = subprocess.run([PGHERD, "ctl", "-c", str(solo.folder / f"{solo.name}.yml"), "doctor"],
                          capture_output=True, text=True, timeout=60, check=False)
    return " ".join(done.stdout.split())


def lose_with_commits_here_only(lead, other, rows):
    postmaster = int((lead.data_dir / "postmaster.pid").read_text().splitlines()[0])
    sender = commit_here_only(lead, rows)
    lead.stop(signal.SIGKILL)
    for pid in (postmaster, sender):
        kill(pid)
    other.wait_leads()


def test_what_is_here_only_is_told_and_kept(members):
    lead, other = members
    lose_with_commits_here_only(lead, other, 5)
    lead.start()
    lead.wait_for("[F6]", 60)
    said = lead.json("/patroni")["diverged_wal"]
    assert said["commits"] == 5
    assert said["timeline"] == 1
    assert f"{said['from']} to {said['to']}: {said['records']} records, 5 commits" in lead.said()
    assert "kept_in" not in said
    assert f"'lead' had what the cluster does not have: 5 commits on timeline 1 from {said['from']} on" in doctor(other)

    assert other.ask("/config", "PATCH", {"postgresql": {"use_pg_rewind": True}})[0] == 200
    wait_until("it streams", lambda: lead.json("/patroni").get("replication_state") == "streaming", 60)
    rewound = lead.json("/patroni")["diverged_wal"]
    kept = pathlib.Path(rewound.pop("kept_in"))
    assert rewound == said
    assert "5 commits" in (kept / "diverged.txt").read_text()
    assert f"kept there in {kept}" in doctor(other)
    with connect(lead) as sql:
        assert sql.execute("select count(*) from kept").fetchone() == (0,)


def test_a_rewind_that_cannot_be_is_said_and_becomes_a_copy_where_that_is_allowed(members):
    lead, other = members
    lose_with_commits_here_only(lead, other, 1)
    for segment in (lead.data_dir / "pg_wal").iterdir():
        if len(segment.name) == 24:
            segment.unlink()
    assert other.ask("/config", "PATCH", {"postgresql": {"use_pg_rewind": True}})[0] == 200
    lead.start()
    lead.wait_for("Rewind{other} failed: ", 60)
    assert (lead.data_dir / "PG_VERSION").exists()
    assert "removing the content" not in lead.said()

    allowed = {"postgresql": {"remove_data_directory_on_rewind_failure": True}}
    assert other.ask("/config", "PATCH", allowed)[0] == 200
    wait_until("it streams", lambda: lead.json("/patroni").get("replication_state") == "streaming", 90)
    assert "copied from other" in lead.said()
    with connect(lead) as sql:
        assert sql.execute("select count(*) from kept").fetchone() == (0,)
