"""A cluster that follows another one: made from it, promoted, and a former primary's cluster that follows
in its turn, with the data that it has: as they are where nothing was written past the other's beginning,
rewound where something was."""

import os
import subprocess

import psycopg
import pytest

from herdlib import PGHERD, Herd, Solo, wait_until


@pytest.fixture(scope="module")
def herd():
    """For its store only."""
    made = Herd(nodes=1)
    yield made
    made.close()


@pytest.fixture
def near(herd):
    """A cluster that archives."""
    made = Solo(herd, "solo-near", name="near")
    made.archive = made.folder / "archive"
    made.archive.mkdir()
    os.chown(made.archive, made.user, made.group)
    made.text = made.text.replace("dcs: {", "dcs: {postgresql: {use_pg_rewind: true}, ", 1).replace(
        "shared_buffers: 16MB",
        "shared_buffers: 16MB, wal_log_hints: 'on', archive_mode: 'on', "
        f"archive_command: 'test ! -f {made.archive}/%f && cp %p {made.archive}/%f'")
    made.start()
    made.wait_leads()
    yield made
    made.close()
    herd.etcdctl("del", "--prefix", f"/service/{made.scope}/")


@pytest.fixture
def far(herd, near):
    """Its standby cluster, by streaming and from the archive."""
    made = Solo(herd, "solo-far", name="far", share=near)
    section = (f"standby_cluster: {{host: 127.0.0.1, port: {near.pg_port}, "
               f"restore_command: 'cp {near.archive}/%f %p'}}, ")
    made.text = made.text.replace("dcs: {", "dcs: {" + section, 1)
    made.start()
    wait_until("a standby leader", lambda: made.get("/standby_leader")[0] == 200, 60)
    yield made
    made.close_server()
    herd.etcdctl("del", "--prefix", f"/service/{made.scope}/")


def connect(solo):
    return psycopg.connect(host="127.0.0.1", port=solo.pg_port, user="postgres", password="secret",
                           dbname="postgres", autocommit=True, connect_timeout=3)


def change_config(solo, patch):
    status, text, _ = solo.ask("/config", "PATCH", patch)
    assert status == 200, text


def words(solo):
    with connect(solo) as sql:
        return [row[0] for row in sql.execute("select word from told order by word")]


def ctl(solo, *words):
    done = subprocess.run([PGHERD, "ctl", "-c", str(solo.folder / f"{solo.name}.yml"), *words, "--force"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def promote(solo):
    assert "cluster is successfully promoted" in ctl(solo, "promote-cluster")
    wait_takes_writes(solo)


def wait_takes_writes(solo):
    wait_until("the standby leader is a primary", lambda: solo.get("/primary")[0] == 200, 60)
    wait_until("it takes writes", lambda: connect(solo).execute(
        "select not pg_is_in_recovery()").fetchone()[0])


def make_follow(solo, other):
    said = ctl(solo, "demote-cluster", "--host", "127.0.0.1", "--port", str(other.pg_port))
    assert "cluster is successfully demoted" in said


def wait_streams(solo, primary):
    def is_streaming():
        with connect(primary) as sql:
            return solo.name in [row[0] for row in sql.execute(
                "select application_name from pg_stat_replication where state = 'streaming'")]
    wait_until(f"{solo.name} streams from {primary.name}", is_streaming, 60)


def test_a_cluster_that_wrote_past_the_others_beginning_is_rewound(near, far):
    with connect(near) as sql:
        sql.execute("create table told as select 'both' as word")
    wait_until("it is there", lambda: words(far) == ["both"])
    promote(far)
    with connect(far) as sql:
        sql.execute("insert into told values ('far')")
    with connect(near) as sql:
        sql.execute("insert into told values ('near, and lost')")
    make_follow(near, far)
    wait_streams(near, far)
    assert near.get("/standby_leader")[0] == 200
    wait_until("it has the other's history", lambda: words(near) == ["both", "far"])
    assert "running pg_rewind from the remote primary" in near.said()


def test_a_cluster_that_is_demoted_first_follows_as_it_is(near, far):
    with connect(near) as sql:
        sql.execute("create table told as select 'both' as word")
    # From now on it has what the archive has, and no more.
    change_config(far, {"standby_cluster": {"host": None, "port": None}})
    wait_until("nobody streams", lambda: not connect(near).execute(
        "select from pg_stat_replication where application_name = 'far'").fetchall())
    with connect(near) as sql:
        sql.execute("insert into told values ('last')")
    make_follow(near, far)  # which is no primary yet: it waits, and can be read
    wait_until("the primary is down to follow", lambda: near.get("/standby_leader")[0] == 200, 60)
    near.wait_for("which has the shutdown checkpoint")
    last = wait_until("the former primary can be read", lambda: connect(near).execute(
        "select checkpoint_lsn from pg_control_checkpoint()").fetchone()[0])
    wait_until("the shutdown checkpoint came through the archive", lambda: connect(far).execute(
        "select pg_last_wal_replay_lsn() > %s::pg_lsn", (last,)).fetchone()[0], 60)
    assert words(far) == ["both", "last"]
    promote(far)
    with connect(far) as sql:
        sql.execute("insert into told values ('on')")
    wait_streams(near, far)
    wait_until("it goes on from there", lambda: words(near) == ["both", "last", "on"])
    assert "pg_rewind" not in near.said()


@pytest.fixture
def apart(herd, near):
    """A standby cluster that reaches nothing but the archive, made of a backup."""
    made = Solo(herd, "solo-apart", name="apart", share=near)
    backup = made.folder / "backup"
    subprocess.run([f"{near.bin_dir}/pg_basebackup", "-D", str(backup), "-c", "fast", "-X", "none",
                    "-d", f"host=127.0.0.1 port={near.pg_port} user=postgres password=secret"], check=True)
    subprocess.run(["chown", "-R", f"{made.user}:{made.group}", str(backup)], check=True)
    section = (f"standby_cluster: {{restore_command: 'cp {near.archive}/%f %p', "
               "create_replica_methods: [of_backup]}, ")
    made.text = made.text.replace("dcs: {", "dcs: {" + section, 1).replace(
        "postgresql:\n", f"postgresql:\n  of_backup: {{command: 'cp -a {backup} {made.data_dir}', "
                         "no_params: true, no_leader: true}\n", 1)
    made.start()
    wait_until("a standby leader", lambda: made.get("/standby_leader")[0] == 200, 60)
    yield made
    made.close_server()
    herd.etcdctl("del", "--prefix", f"/service/{made.scope}/")


def test_a_cluster_follows_another_by_its_archive_alone(near, apart):
    with connect(near) as sql:
        sql.execute("create table told as select 'by the archive' as word")
        sql.execute("select pg_switch_wal()")
    wait_until("the row is there", lambda: words(apart) == ["by the archive"], 60)
    with connect(apart) as sql:
        assert sql.execute("show primary_conninfo").fetchone()[0] == ""
    change_config(apart, {"standby_cluster": None})
    wait_takes_writes(apart)
    with connect(apart) as sql:
        sql.execute("insert into told values ('of its own')")
    assert words(near) == ["by the archive"]
