"""A cluster whose backups are pgBackRest's: archived, backed up, its replicas and its successor made from the
repository. Each test goes on where the one before it ended."""

import re
import signal
import time

import pytest

from backuplib import Node, a_damaged_repository
from herdlib import wait_until

SCOPE = "backed-up"
NOW = "select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00')"

# What is in the table before the mistake, and what the cluster that is made as of that moment has in the end.
BEFORE = {"before the backup": 1000, "after the backup": 500, "streamed": 7, "after the switchover": 40}
AFTERWARDS = BEFORE | {"streamed": 10, "afterwards": 11}


def total(rows):
    return sum(rows.values())


@pytest.fixture(scope="module")
def primary(store):
    made = Node(store, SCOPE, "first")
    yield made
    print(made.said()[-8000:])
    made.close()


@pytest.fixture(scope="module")
def replica(store, primary):
    made = Node(store, SCOPE, "second", share=primary)
    yield made
    print(made.said()[-8000:])
    made.close_server()


def insert(node, part, count):
    with node.connect() as sql:
        sql.execute("insert into told select %s, n from generate_series(1, %s) n", (part, count))


def test_the_primary_archives_and_is_backed_up(primary, proven):
    primary.start()
    primary.wait_leads()
    primary.pgbackrest("stanza-create")
    primary.pgbackrest("check")
    with primary.connect() as sql:
        sql.execute("create table told (part text, number int)")
        sql.execute("create table ballast as select n, repeat('x', 100) from generate_series(1, 50000) n")
    insert(primary, "before the backup", 1000)
    with primary.connect() as sql:
        sql.execute("vacuum (freeze) ballast")
    primary.pgbackrest("--type=full", "backup")
    insert(primary, "after the backup", 500)
    primary.pgbackrest("check")
    info = primary.info()
    assert info["status"]["message"] == "ok"
    [backup] = info["backup"]
    assert backup["type"] == "full" and not backup["error"]
    assert primary.ask_sql("select failed_count from pg_stat_archiver") == 0
    archived = primary.ask_sql("select archived_count from pg_stat_archiver")
    assert info["archive"][0]["max"] == primary.ask_sql("select last_archived_wal from pg_stat_archiver")
    proven(f"archive: the primary archived {archived} files, up to {info['archive'][0]['max']}, without a failure",
           f"backup: full backup {backup['label']}, {backup['info']['size'] // 2**20} MiB of data")


def test_a_new_replica_is_made_from_the_repository(primary, replica, proven):
    began = time.monotonic()
    replica.start()
    replica.wait_streams_from(primary)
    took = time.monotonic() - began
    assert replica.rows() == {"before the backup": 1000, "after the backup": 500}
    log = replica.said()
    assert "postgresql.pgbackrest: running pgbackrest" in log
    assert "restore command end: completed successfully" in log
    assert "no copy was made by" not in log
    assert not replica.is_by_basebackup()
    insert(primary, "streamed", 7)
    replica.wait_streams_from(primary)
    assert replica.rows()["streamed"] == 7
    proven(f"new replica: made by pgbackrest --delta restore, not by pg_basebackup; streams after {took:.1f} s; "
           "1500 of 1500 rows, and 7 that were streamed")


def test_old_data_is_brought_up_to_date_by_a_delta_restore(primary, replica, proven):
    ballast = replica.data_dir / replica.ask_sql("select pg_relation_filepath('ballast')")
    told = replica.data_dir / replica.ask_sql("select pg_relation_filepath('told')")
    stray = replica.data_dir / "base/stray"
    stray.write_text("of nobody")
    before = ballast.stat().st_ino
    logged, restored = len(replica.said()), len(replica.restore_log())
    status, answer, _ = replica.ask("/reinitialize", "POST", {})
    assert status == 200, answer
    wait_until("the old data was left to pgBackRest",
               lambda: "keep_data" in replica.said()[logged:], 60)
    wait_until("pgBackRest has ended",
               lambda: "restore command end: completed successfully" in replica.said()[logged:], 120)
    replica.wait_streams_from(primary)
    assert not stray.exists(), "what is not of the backup is gone"
    assert ballast.stat().st_ino == before, "what is as in the backup is left alone"
    assert told.exists() and not replica.is_by_basebackup()
    log = replica.restore_log()[restored:]
    kept = len(re.findall("exists and matches backup", log))
    assert kept > 500 and "remove invalid files" in log
    assert replica.rows() == {"before the backup": 1000, "after the backup": 500, "streamed": 7}
    total = int(re.search(r"restore size = [^,]*, file total = ([0-9]+)", log)[1])
    proven(f"old data: after a reinit the delta restore left {kept} of {total} files as they were, removed what was not "
           "of the backup, and the replica streams again with 1507 of 1507 rows")


def test_the_new_primary_archives_after_a_switchover(primary, replica, proven):
    status, answer, _ = primary.ask("/switchover", "POST", {"leader": primary.name, "candidate": replica.name})
    assert status == 200, answer
    replica.wait_primary()
    primary.wait_streams_from(replica)
    assert [node.get("/primary")[0] for node in (primary, replica)] == [503, 200], "who asks first where to back up"
    insert(replica, "after the switchover", 40)
    replica.pgbackrest("check")
    last = replica.info()["archive"][0]["max"]
    assert last.startswith("00000002") and replica.ask_sql("select failed_count from pg_stat_archiver") == 0
    primary.wait_streams_from(replica)
    assert primary.rows() == replica.rows() == BEFORE
    proven(f"switchover: the new primary archives into the same stanza, up to {last}, without a failure")


@pytest.fixture(scope="module")
def again(store, primary, replica):
    """The cluster after the loss of all its nodes, as of the moment before a mistake."""
    primary.moment = replica.ask_sql(NOW)
    insert(replica, "mistake", 700)
    replica.pgbackrest("check")
    assert replica.rows()["mistake"] == 700
    primary.system_id = primary.ask_sql("select system_identifier from pg_control_system()")
    primary.close_server()
    replica.close_server()
    made = Node(store, f"{SCOPE}-again", "third", share=primary, target=primary.moment)
    yield made
    print(made.said()[-8000:])
    made.close_server()


def test_a_cluster_is_made_as_of_a_point_in_time(store, primary, again, proven):
    began = time.monotonic()
    again.start()
    again.wait_primary()
    took = time.monotonic() - began
    assert again.rows() == BEFORE
    log = again.said()
    assert "bootstrap.pgbackrest: running pgbackrest" in log and "made a new cluster" in log
    assert store.etcdctl("get", "--print-value-only", f"/service/{again.scope}/initialize") == \
        str(primary.system_id) == str(again.ask_sql("select system_identifier from pg_control_system()"))
    assert again.ask_sql("select timeline_id from pg_control_checkpoint()") == 3
    for name in ("recovery_target_time", "recovery_target_action"):
        assert again.ask_sql(f"select setting = boot_val from pg_settings where name = '{name}'"), \
            "the target of this recovery is not one of a later recovery"
    again.pgbackrest("check")
    proven(f"point in time: a cluster of another scope made as of {primary.moment}, the primary after {took:.1f} s; "
           f"{total(BEFORE)} of {total(BEFORE)} rows from before are there, 0 of 700 from after, over the switchover onto "
           "timeline 3")


def test_its_replica_is_made_from_a_backup_of_the_timeline_before(store, again, proven):
    """As after any failover until there is a new backup."""
    joins = Node(store, again.scope, "older", share=again)
    try:
        joins.start()
        joins.wait_streams_from(again)
        assert joins.rows() == again.rows() == BEFORE
        assert "no copy was made by" not in joins.said() and not joins.is_by_basebackup()
        assert joins.ask_sql("select received_tli from pg_stat_wal_receiver") == 3
    finally:
        print(joins.said()[-8000:])
        joins.close_server()
    proven("its replica: made by pgbackrest from the backup of timeline 1, follows onto timeline 3; streams; "
           f"{total(BEFORE)} of {total(BEFORE)} rows")


def test_it_is_backed_up_and_copied_like_the_one_before(store, again, proven):
    insert(again, "afterwards", 11)
    again.pgbackrest("--type=full", "backup")
    assert [backup["error"] for backup in again.info()["backup"]] == [False, False]
    insert(again, "streamed", 3)
    joins = Node(store, again.scope, "fourth", share=again)
    try:
        joins.start()
        joins.wait_streams_from(again)
        assert joins.rows() == again.rows() == AFTERWARDS
        assert "no copy was made by" not in joins.said() and not joins.is_by_basebackup()
    finally:
        print(joins.said()[-8000:])
        joins.close_server()
    proven("its next backup: full, of timeline 3; a replica made from it by pgbackrest; streams; "
           f"{total(AFTERWARDS)} of {total(AFTERWARDS)} rows")


def files_in(folder):
    return sum(1 for path in folder.rglob("*") if path.is_file() and path.stat().st_size > 0)


def test_a_restore_that_is_killed_with_its_agent_is_gone_on_with(store, again, proven):
    joins = Node(store, again.scope, "fifth", share=again)
    try:
        joins.start()
        wait_until("a part of the files", lambda: files_in(joins.data_dir / "base") > 20)
        joins.stop(signal.SIGKILL)
        wait_until("a part of the copy", lambda: (joins.data_dir / "pgherd.unfinished").exists())
        assert not (joins.data_dir / "global/pg_control").exists(), "pgBackRest puts it there in the end"
        logged = len(joins.restore_log())
        joins.start()
        joins.wait_streams_from(again)
        assert joins.rows() == AFTERWARDS
        assert "no copy was made by" not in joins.said() and not joins.is_by_basebackup()
        kept = len(re.findall("exists and matches backup", joins.restore_log()[logged:]))
        assert kept > 0
    finally:
        print(joins.said()[-8000:])
        joins.close_server()
    proven(f"killed: agent lost in a restore; the next one ends what was left of it, the delta restore keeps {kept} "
           "files that were whole, and the replica streams")


@pytest.mark.parametrize("repository, says", [("damaged", "in compressed data"), ("missing", "no backup set found")])
def test_without_a_usable_repository_a_replica_is_copied_from_the_primary(store, again, repository, says, proven):
    place = again.folder / f"{repository}-repository"
    if repository == "damaged":
        a_damaged_repository(again, place.name)
    joins = Node(store, again.scope, f"from-{repository}", share=again, repository=place)
    try:
        joins.start()
        joins.wait_streams_from(again)
        assert joins.is_by_basebackup()
        assert joins.rows() == AFTERWARDS
        reason = re.search(r"no copy was made by pgbackrest: .*ERROR: ([^|]*[^| ])", joins.said())[1]
        assert says in reason
        assert not (joins.data_dir / "backup.manifest").exists(), "nothing is left of what pgBackRest began"
    finally:
        print(joins.said()[-8000:])
        joins.close_server()
    proven(f"{repository} repository: pgbackrest fails ({reason}), pg_basebackup makes the replica; it streams with "
           f"{total(AFTERWARDS)} of {total(AFTERWARDS)} rows")


@pytest.fixture(scope="module")
def all_lost(again):
    """What can still be asked for when all nodes of that cluster are lost, too."""
    again.last_moment = again.ask_sql(NOW)
    again.next_day = again.ask_sql(NOW.replace("clock_timestamp()", "(clock_timestamp() + interval '1 day')"))
    again.damaged = a_damaged_repository(again, "damaged-for-bootstrap")
    again.close_server()
    return again


@pytest.mark.parametrize("what, says", [
    ("a damaged repository", "in compressed data"),
    ("no repository", "unable to find backup set"),
    ("a moment before every backup", "unable to find backup set"),
    ("a moment that the archive does not reach", "recovery ended before configured recovery target was reached"),
])
def test_a_bootstrap_that_fails_makes_no_cluster(store, all_lost, what, says, proven):
    target = {"a moment before every backup": "2001-01-01 00:00:00+00",
              "a moment that the archive does not reach": all_lost.next_day}.get(what, all_lost.last_moment)
    repository = {"a damaged repository": all_lost.damaged,
                  "no repository": all_lost.folder / "no-repository"}.get(what, all_lost.repository)
    node = Node(store, f"{SCOPE}-none", what.replace(" ", "-"), share=all_lost, repository=repository, target=target)
    status, log = node.run_to_its_end(seconds=180)
    print(log)
    assert status == 1
    assert says in log and "bootstrap failed" in log
    assert not node.data_dir.exists()
    aside = node.data_dir.with_name(node.data_dir.name + ".failed")
    assert not aside.exists() or (aside / "pgherd.unfinished").exists(), "it counts as no data, wherever it is moved"
    assert store.etcdctl("get", "--prefix", "--keys-only", f"/service/{node.scope}/initialize") == ""
    assert store.etcdctl("get", "--prefix", "--keys-only", f"/service/{node.scope}/leader") == ""
    proven(f"bootstrap, {what}: the agent ends with 1 and says why ({says}); no data directory, no key in etcd, "
           "nothing made by initdb")
