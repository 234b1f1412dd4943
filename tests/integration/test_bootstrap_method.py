"""A cluster that a command of the operator makes: from a backup, recovered to where it is told to."""

import json
import os
import pathlib
import shutil
import signal
import subprocess

import psycopg
import pytest

from herdlib import Herd, Solo, deps, process_is_alive, wait_until

BIN = pathlib.Path(deps()["PG_BINDIR"])


@pytest.fixture(scope="module")
def herd():
    """For its store only."""
    made = Herd(nodes=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def backup(herd):
    """What is left of a cluster: a backup, an archive, and the moment before a mistake."""
    origin = Solo(herd, "methods-origin", name="origin")
    archive = origin.folder / "archive"
    archive.mkdir()
    os.chown(archive, origin.user, origin.group)
    origin.text = origin.text.replace("password: secret", "password: former").replace(
        "shared_buffers: 16MB", f"shared_buffers: 16MB, max_prepared_transactions: 3, archive_mode: 'on', "
                                f"archive_command: 'cp %p {archive}/%f'")
    origin.start()
    origin.wait_leads()
    origin.archive, origin.backup = archive, origin.folder / "backup"
    with connect(origin, "former") as sql:
        sql.execute("create table told as select 'before' as word")
        run_as(origin, BIN / "pg_basebackup", "-h", "127.0.0.1", "-p", origin.pg_port, "-U", "replicator",
               "-D", origin.backup, "-X", "none", "-c", "fast")
        sql.execute("insert into told values ('kept')")
        origin.moment = sql.execute("select clock_timestamp()::text").fetchone()[0]
        sql.execute("insert into told values ('lost')")
        last = sql.execute("select pg_walfile_name(pg_switch_wal())").fetchone()[0]
    wait_until("all of it is archived", (archive / last).exists)
    origin.close_server()
    yield origin
    origin.close()


@pytest.fixture
def restored(herd, backup):
    made = Solo(herd, "methods-restored", name="restored", share=backup)
    yield made
    print(made.said())  # shown where a test has failed
    made.close_server()
    herd.etcdctl("del", "--prefix", f"/service/{made.scope}/")
    for path in backup.folder.glob("restored*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def connect(solo, password="secret"):
    return psycopg.connect(host="127.0.0.1", port=solo.pg_port, user="postgres", password=password,
                           dbname="postgres", autocommit=True, connect_timeout=3)


def run_as(solo, *words):
    owner = {"user": solo.user, "group": solo.group, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60,
                          check=False, cwd=solo.folder, env=os.environ | {"PGPASSWORD": "former"}, **owner)
    assert done.returncode == 0, done.stderr


def script(solo, name, text):
    path = solo.folder / f"{solo.name}-{name}"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    os.chown(path, solo.user, solo.group)
    return path


def restoring(solo, backup, after=""):
    return script(solo, "restore", f"""
printf '%s\\n' "$@" > {solo.folder}/{solo.name}-arguments
for word; do case $word in --datadir=*) dir=${{word#*=}} ;; esac; done
echo restoring
mkdir "$dir" && cp -a {backup.backup}/. "$dir" && chmod 0755 "$dir" || exit 1
{after}
""")


def with_method(solo, command, *lines, more=""):
    section = "".join(f"    {line}\n" for line in (f"command: {command}", *lines))
    return solo.text.replace("bootstrap:\n", f"bootstrap:\n  method: backup\n  backup:\n{section}{more}", 1)


def recovery(backup, restore=None):
    return ("recovery_conf: {standby_mode: 'on', trigger_file: /tmp/x, recovery_end_comand: typo, "
            f"restore_command: '{restore or f'cp {backup.archive}/%f %p'}', recovery_target_time: '{backup.moment}'}}")


def wait_is_primary(solo):
    def is_open():
        with connect(solo) as sql:
            return not sql.execute("select pg_is_in_recovery()").fetchone()[0]
    wait_until("the restored node is the primary", lambda: solo.get("/primary")[0] == 200 and is_open(), 60)


def words_in(solo):
    with connect(solo) as sql:
        return [row[0] for row in sql.execute("select word from told order by word")]


def test_a_cluster_is_made_from_a_backup_as_of_the_moment_that_was_asked_for(herd, backup, restored):
    after = script(restored, "after", f'{BIN}/psql -w "$1" -c "create table by_script (x int)"\n')
    restored.text = "".join(line for line in restored.text.splitlines(True) if "pg_hba:" not in line)
    restored.start(with_method(restored, restoring(restored, backup), "stanza: main", "fast: true",
                               recovery(backup), more=f"  post_bootstrap: {after}\n  pg_hba: [local told all reject]\n"))
    wait_is_primary(restored)
    assert (restored.data_dir / "pg_hba.conf").read_text().endswith("\n\nlocal told all reject\n")
    for setting in ("trigger_file", "recovery_end_comand"):
        assert f"bootstrap.backup.recovery_conf: {setting} = " in restored.said()
    assert words_in(restored) == ["before", "kept"]
    arguments = (restored.folder / "restored-arguments").read_text().splitlines()
    assert arguments == [f"--scope={restored.scope}", f"--datadir={restored.data_dir}", "--stanza=main",
                         "--fast=True"]
    with connect(restored) as sql:
        assert sql.execute("select count(*) from by_script").fetchone()[0] == 0
        for name in ("restore_command", "recovery_target_time", "recovery_target_action", "hot_standby"):
            value, usual = sql.execute("select setting, boot_val from pg_settings where name = %s",
                                       (name,)).fetchone()
            assert value == usual, "what was for the recovery is over"
        system_id = sql.execute("select system_identifier from pg_control_system()").fetchone()[0]
        segment = sql.execute("select pg_walfile_name(pg_current_wal_lsn())").fetchone()[0]
        assert int(segment[:8], 16) == 2
        sql.execute("insert into told values ('again')")
    with pytest.raises(psycopg.OperationalError):
        connect(restored, "former")
    assert herd.etcdctl("get", "--print-value-only", f"/service/{restored.scope}/initialize") == \
        str(system_id)
    assert not list(restored.data_dir.glob("*.signal")) and \
        not (restored.data_dir / "pgherd.unfinished").exists()
    assert "pending_restart" not in restored.get("/patroni")[1]


def test_a_replica_is_made_from_the_backup_of_the_timeline_before(herd, backup, restored):
    """pg_control of that backup says that it was open for writes: it was, and what is recovered is not."""
    archive = f"archive_mode: 'on', archive_command: 'cp %p {backup.archive}/%f'"
    restored.text = restored.text.replace("shared_buffers: 16MB", f"shared_buffers: 16MB, {archive}")
    restored.start(with_method(restored, restoring(restored, backup), recovery(backup)))
    wait_is_primary(restored)
    with connect(restored) as sql:  # else the segment of the former timeline would be taken, with what is not wanted
        first = sql.execute("select pg_walfile_name(pg_switch_wal())").fetchone()[0]
    wait_until("the new timeline is archived", lambda: (backup.archive / "00000002.history").exists() and
               (backup.archive / first).exists())
    replica = Solo(herd, restored.scope, name="restored-second", share=backup)
    try:
        replica.start(replica.text.replace("postgresql:\n", f"""postgresql:
  create_replica_methods: [backup]
  backup: {{command: {restoring(replica, backup)}}}
  recovery_conf: {{restore_command: 'cp {backup.archive}/%f %p'}}
""", 1))
        wait_until("the replica streams", lambda: json.loads(replica.get("/patroni")[1]).get(
            "replication_state") == "streaming", 60)
        assert words_in(replica) == ["before", "kept"]
    finally:
        print(replica.said()[-8000:])
        replica.close_server()
        (backup.archive / "00000002.history").unlink()


def test_what_the_command_has_set_for_the_recovery_can_be_kept(backup, restored):
    settings = f"""
printf '%s\\n' "restore_command = 'cp {backup.archive}/%f %p'" \
  "recovery_target_time = '{backup.moment}'" >> "$dir/postgresql.auto.conf"
touch "$dir/standby.signal"
"""
    text = with_method(restored, restoring(restored, backup, settings), "keep_existing_recovery_conf: true")
    restored.start(text)
    wait_is_primary(restored)
    assert words_in(restored) == ["before", "kept"]


@pytest.mark.parametrize("restore, said", [
    ("exit 7", "exited with status 7"),
    ("true", "holds nothing"),
])
def test_a_command_that_fails_makes_no_cluster_and_gives_the_claim_back(herd, backup, restored, restore, said):
    status, log = restored.run_to_its_end(with_method(restored, script(restored, "restore", restore)), 60)
    assert status == 1
    assert "bootstrap.backup: " in log and said in log
    assert not restored.data_dir.exists()
    assert herd.etcdctl("get", "--prefix", "--keys-only", f"/service/{restored.scope}/initialize") == ""


def test_a_backup_that_does_not_come_to_the_moment_is_no_cluster(herd, backup, restored):
    status, log = restored.run_to_its_end(
        with_method(restored, restoring(restored, backup), recovery(backup, "false")), 90)
    assert status == 1
    assert "bootstrap failed" in log
    assert not restored.data_dir.exists()
    assert (restored.folder / "restored-data.failed").is_dir()
    assert herd.etcdctl("get", "--prefix", "--keys-only", f"/service/{restored.scope}/initialize") == ""


def test_a_recovery_that_was_interrupted_is_no_cluster_but_begun_anew(herd, backup, restored):
    """Else it would be taken for a backup that recovers to the end, with what was not wanted."""
    gate = restored.folder / "restored-gate"
    fetch = script(restored, "fetch", f"while [ ! -e {gate} ]; do sleep 0.05; done; cp {backup.archive}/$1 $2\n")
    text = with_method(restored, restoring(restored, backup), recovery(backup, f"{fetch} %f %p"))
    restored.start(text)
    wait_until("PostgreSQL recovers", (restored.data_dir / "postmaster.pid").exists)
    postmaster = int((restored.data_dir / "postmaster.pid").read_text().splitlines()[0])
    restored.stop(signal.SIGKILL)
    assert (restored.data_dir / "pgherd.unfinished").exists()
    restored.start(text)
    wait_until("what was left is ended", lambda: not process_is_alive(postmaster))
    gate.touch()
    wait_is_primary(restored)
    assert words_in(restored) == ["before", "kept"]
