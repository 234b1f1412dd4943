"""A promotion that fails does not leave the cluster without a leader."""

import os
import re

import pytest

from herdlib import Herd, wait_until


@pytest.fixture
def herd():
    made = Herd(nodes=3)
    try:
        yield made
    finally:
        made.close()


def fired(herd, name, rule):
    found = re.search(rf'pgherd_rule_fired_total\{{[^}}]*rule="{rule}"[^}}]*\}} (\d+)',
                      herd.rest(name, "/metrics")[1])
    return int(found[1]) if found else 0


def restore_from(herd, archive):
    herd.wait_complete()
    command = f"cp {archive}/%f %p"
    assert herd.rest(herd.leader(), "/config", "PATCH", {"postgresql": {"parameters": {
        "restore_command": command}}})[0] == 200

    def is_in_force():
        for name in herd.standbys():
            with herd.connect_node(name) as connection:
                if connection.execute("show restore_command").fetchone()[0] != command:
                    return False
        return True

    wait_until("restore_command is in force on the standbys", is_in_force)


def test_a_segment_that_was_cut_short_in_the_archive_keeps_nobody_from_leading(herd):
    archive = herd.dir / "archive"
    archive.mkdir(mode=0o755)
    restore_from(herd, archive)
    leader = herd.leader()
    with herd.connect_node(leader) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept select generate_series(1, 1000)")
        here = connection.execute("select pg_current_wal_lsn()").fetchone()[0]
        segment = connection.execute("select pg_walfile_name(pg_current_wal_lsn())").fetchone()[0]
    for name in herd.standbys():
        with herd.connect_node(name) as standby:
            wait_until(f"{name} has all", lambda one=standby: one.execute(
                "select pg_last_wal_replay_lsn() >= %s", (here,)).fetchone()[0])
    (archive / segment).write_bytes(os.urandom(4096))  # its archiver died in the middle of it
    os.chmod(archive / segment, 0o644)
    with herd.supervisor_asleep():
        herd.lose_node(leader)
        left = [name for name in herd.nodes if name != leader]
        successor = wait_until("somebody leads", lambda: next(
            (name for name in left if herd.rest(name, "/primary")[0] == 200), None), seconds=25)

        def is_open():
            with herd.connect_node(successor) as connection:
                return not connection.execute("select pg_is_in_recovery()").fetchone()[0]

        wait_until(f"{successor} is a primary", is_open)
        wait_until("it is told why", lambda: fired(herd, successor, "K6") == 1)
        assert fired(herd, successor, "K3") == 0
        with herd.connect_node(successor) as connection:
            assert connection.execute("select count(*) from kept").fetchone()[0] == 1000
            assert not connection.execute("show transaction_read_only").fetchone()[0] == "on"
        assert "wrong size" in herd.all_logs(lines=400), "the archive was not what ended the promotion"
