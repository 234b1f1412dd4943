"""A backup that was restored by hand, and an empty store: the agent recovers it from its archive, makes it the
primary and the cluster. A standby's data waits, and says what to do."""

import os
import pathlib
import subprocess

import psycopg
import pytest

from herdlib import Herd, Solo, deps, wait_until


@pytest.fixture(scope="module")
def herd():
    """For its store only."""
    made = Herd(nodes=1)
    yield made
    made.close()


@pytest.fixture
def origin(herd):
    """A cluster that archives."""
    made = Solo(herd, "solo-origin")
    archive = made.folder / "archive"
    archive.mkdir()
    os.chown(archive, made.user, made.group)
    made.text = made.text.replace(
        "shared_buffers: 16MB",
        f"shared_buffers: 16MB, archive_mode: 'on', archive_command: 'cp %p {archive}/%f'")
    made.archive = archive
    yield made
    made.close()
    forget(herd, made)


@pytest.fixture
def restored(herd, origin):
    made = Solo(herd, "solo-restored", name="restored", share=origin)
    made.text = made.text.replace(
        "  pg_hba:", f"  recovery_conf: {{restore_command: 'cp {origin.archive}/%f %p'}}\n  pg_hba:", 1)
    yield made
    made.close_server()
    forget(herd, made)


def forget(herd, solo):
    """The next test begins with an empty store."""
    herd.etcdctl("del", "--prefix", f"/service/{solo.scope}/")


def connect(solo):
    return psycopg.connect(host="127.0.0.1", port=solo.pg_port, user="postgres", password="secret",
                           dbname="postgres", autocommit=True, connect_timeout=3)


def wait_is_primary(solo):
    """It leads before its promotion has ended."""
    wait_until("the restored node is the primary", lambda: solo.get("/primary")[0] == 200
               and is_open(solo), 60)


def is_open(solo):
    with connect(solo) as sql:
        return not sql.execute("select pg_is_in_recovery()").fetchone()[0]


def as_server(solo, *words):
    owner = {"user": solo.user, "group": solo.group, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, cwd=solo.folder,
                          env=os.environ | {"PGPASSWORD": "secret"}, **owner)
    assert done.returncode == 0, done.stderr


def back_up(origin, target):
    """Without WAL, so that the archive is needed; what is written after it is in the archive only."""
    with connect(origin) as sql:
        sql.execute("create table told as select 'before' as word")
    as_server(origin, str(pathlib.Path(deps()["PG_BINDIR"]) / "pg_basebackup"), "-h", "127.0.0.1", "-p",
              str(origin.pg_port), "-U", "replicator", "-D", str(target), "-X", "none", "-c", "fast")
    with connect(origin) as sql:
        sql.execute("insert into told values ('after')")
        last = sql.execute("select pg_walfile_name(pg_switch_wal())").fetchone()[0]
    wait_until("all of it is archived", (origin.archive / last).exists)
    origin.stop()


def test_a_restored_backup_becomes_the_primary_of_a_new_cluster(herd, origin, restored):
    origin.start()
    origin.wait_leads()
    back_up(origin, restored.data_dir)
    as_server(restored, "touch", str(restored.data_dir / "recovery.signal"))
    restored.start()
    wait_is_primary(restored)
    assert "[B10]" in restored.said()
    with connect(restored) as sql:
        assert [row[0] for row in sql.execute("select word from told order by word desc")] == \
            ["before", "after"]
        # pg_control shows the new timeline after a checkpoint only.
        segment = sql.execute("select pg_walfile_name(pg_current_wal_lsn())").fetchone()[0]
        assert int(segment[:8], 16) >= 2
        sql.execute("insert into told values ('again')")
        system_id = sql.execute("select system_identifier from pg_control_system()").fetchone()[0]
    assert herd.etcdctl("get", "--print-value-only", f"/service/{restored.scope}/initialize") == \
        str(system_id)
    assert not (restored.data_dir / "recovery.signal").exists()


def test_a_standbys_data_waits_and_says_what_to_do(origin, restored):
    origin.start()
    origin.wait_leads()
    back_up(origin, restored.data_dir)
    signal_file = restored.data_dir / "standby.signal"
    as_server(restored, "touch", str(signal_file))
    restored.start()
    restored.wait_for("rename standby.signal to recovery.signal")
    assert not (restored.data_dir / "postmaster.pid").exists()
    assert restored.get("/health")[0] == 503
    signal_file.rename(restored.data_dir / "recovery.signal")
    wait_is_primary(restored)
    with connect(restored) as sql:
        assert sql.execute("select count(*) from told").fetchone()[0] == 2
