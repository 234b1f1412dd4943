"""`pgherd backup restore-test` over a repository of real pgBackRest. Each test goes on where the one before it ended."""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from backuplib import Node, a_damaged_repository, documented, replaced
from herdlib import PGHERD, process_is_alive, wait_until

SCOPE = "restored"
NOW = "select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00')"
TOMORROW = NOW.replace("clock_timestamp()", "(clock_timestamp() + interval '1 day')")
PREFIX = "pgherd_backup_restore_test_"


@pytest.fixture(scope="module")
def node(store):
    made = Node(store, SCOPE, "first")
    made.start()
    made.wait_primary()
    made.pgbackrest("stanza-create")
    with made.connect() as sql:
        sql.execute("create table told as select n from generate_series(1, 1000) n")
    done = made.backup_command("now", "--type=full")
    assert done.returncode == 0, done.stderr
    made.scratch, made.metrics_file = made.folder / "trial", made.folder / "restore.prom"
    yield made
    print(made.said()[-4000:])
    made.close()


def words_of(node, options):
    """`options`: over those that most tests want."""
    wanted = {"--scratch": node.scratch, "--metrics-file": node.metrics_file, "--pg-bindir": node.bin_dir,
              "--query": "select count(*) from told"} | options
    return ["restore-test", *(str(word) for option in wanted.items() for word in option)]


def restore_test(node, options=None, env=None):
    return node.backup_command(*words_of(node, options or {}), env=env)


def metrics_of(node):
    text = node.metrics_file.read_text()
    found = dict(re.findall(rf'^{PREFIX}(\w+)\{{stanza="main"\}} (\S+)$', text, re.M))
    assert len(found) == len([line for line in text.splitlines() if not line.startswith("#")])
    return {name: float(value) for name, value in found.items()}


def processes_in(folder):
    """Whoever works in a folder, or was told of it."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().replace(b"\0", b" ").decode(errors="replace")
            where = os.readlink(f"/proc/{entry}/cwd")
        except OSError:
            continue
        if f"{folder}/" in words or where.startswith(f"{folder}/"):
            found.append((entry, words))
    return found


def assert_nothing_is_left(node):
    assert not node.scratch.exists(), list(node.scratch.rglob("*"))[:5]
    assert not processes_in(node.scratch)


def write_and_archive(node, part):
    with node.connect() as sql:
        sql.execute("insert into told select n from generate_series(1, %s) n", (part,))
    node.pgbackrest("check")


def test_a_good_backup_is_proven(node, proven):
    write_and_archive(node, 500)
    committed = time.time()
    began = time.monotonic()
    done = restore_test(node)
    took = time.monotonic() - began
    assert done.returncode == 0, done.stdout + done.stderr
    label = node.info()["backup"][-1]["label"]
    assert f"proven: backup {label} can be restored" in done.stdout
    assert "query      select count(*) from told: 1500" in done.stdout, "the write-ahead log behind the backup as well"
    assert "pg_amcheck found nothing wrong" in done.stdout
    assert "(pg_last_xact_replay_timestamp)" in done.stdout
    values = metrics_of(node)
    assert values["success"] == 1 and values["relations_checked"] == 1
    assert 0 < values["rto_seconds"] < took
    assert 0 <= values["rpo_seconds"] < time.time() - committed + 30
    assert values["last_success_timestamp_seconds"] == values["timestamp_seconds"]
    assert values["last_success_rto_seconds"] == values["rto_seconds"]
    assert node.metrics_file.stat().st_mode & 0o777 == 0o644, "node_exporter is another user"
    assert_nothing_is_left(node)
    assert node.ask_sql("select count(*) from told") == 1500
    assert node.ask_sql("select failed_count from pg_stat_archiver") == 0
    assert not [one for one in node.info()["archive"] if one["max"].startswith("00000002")], "it archived nothing"
    proven(f"restore-test: backup {label} restored, 1500 of 1500 rows; RTO {values['rto_seconds']:.1f} s, "
           f"RPO {values['rpo_seconds']:.1f} s; nothing left of it")


def test_the_command_of_the_manual_does_what_it_says(node, proven):
    [words] = documented("Prove that it can be restored.")
    places = {"/etc/pgherd/agent.yml": node.folder / f"{node.name}.d", "/var/lib/postgresql/restore-test": node.scratch,
              "/var/lib/prometheus/node-exporter/pgherd-restore-test.prom": node.metrics_file, "from orders": "from told"}
    line = replaced("\n".join(words), places).split("\n")
    assert line[:2] == ["pgherd", "backup"]
    done = node.backup_command(*line[2:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert [said.split()[0] for said in done.stdout.splitlines()] == \
        ["restored", "recovered", "pg_amcheck", "query", "RTO", "RPO", "proven:"]
    assert metrics_of(node)["success"] == 1
    assert_nothing_is_left(node)
    proven("docs/operations.md: its restore-test does what it says, with programs and superuser of the agent's file")


def test_the_commit_times_of_the_server_are_preferred(node, proven):
    """As the primary has it: recovery then keeps them."""
    status, answer, _ = node.ask("/config", "PATCH", {"postgresql": {"parameters": {"track_commit_timestamp": "on"}}})
    assert status == 200, answer
    wait_until("a restart is wanted", lambda: node.json("/patroni").get("pending_restart"), 60)
    assert node.ask("/restart", "POST", {})[0] == 200
    wait_until("it is on", lambda: node.ask_sql("show track_commit_timestamp") == "on", 60)
    node.wait_primary()
    write_and_archive(node, 1)
    wanted = node.ask_sql("select extract(epoch from timestamp) from pg_last_committed_xact()")
    assert node.backup_command("now", "--type=full").returncode == 0
    write_and_archive(node, 2)
    newest = node.ask_sql("select extract(epoch from timestamp) from pg_last_committed_xact()")
    began = time.time()
    done = restore_test(node)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "(pg_last_committed_xact)" in done.stdout and newest > wanted
    assert abs(metrics_of(node)["rpo_seconds"] - (began - float(newest))) < 5
    proven("RPO: from pg_last_committed_xact where the cluster keeps commit times")


def test_a_moment_before_a_mistake_is_restored(node, proven):
    before = node.ask_sql("select count(*) from told")
    moment = node.ask_sql(NOW)
    write_and_archive(node, 700)
    done = restore_test(node, {"--target-time": moment})
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"query      select count(*) from told: {before}\n" in done.stdout
    assert "before the moment that was asked for" in done.stdout
    future = restore_test(node, {"--target-time": node.ask_sql(TOMORROW)})
    assert future.returncode == 1
    assert "recovery ended before configured recovery target was reached" in future.stdout
    assert_nothing_is_left(node)
    proven(f"restore-test --target-time: {before} of {before} rows, none of 700 from after it; a moment that the archive "
           "does not reach is not proven")


def test_a_query_that_fails_proves_nothing(node, proven):
    done = restore_test(node, {"--query": "select count(*) from what_is_not_there"})
    assert done.returncode == 1
    assert 'not proven: `select count(*) from what_is_not_there`' in done.stdout
    assert 'relation "what_is_not_there" does not exist' in done.stdout
    values = metrics_of(node)
    assert values["success"] == 0 and values["rto_seconds"] > 0
    assert_nothing_is_left(node)
    proven("restore-test: a query that the restored database cannot answer is a failure")


def test_a_damaged_repository_is_not_proven(node, proven):
    before = metrics_of(node)
    damaged = a_damaged_repository(node, "damaged")
    bad = restore_test(node, env={"PGBACKREST_REPO1_PATH": str(damaged)})
    assert bad.returncode == 1
    reason = re.search("not proven: (.*)", bad.stdout)[1]
    assert reason.startswith("pgbackrest restore exited with status ") and "compressed data" in reason
    values = metrics_of(node)
    assert values["success"] == 0 and values["timestamp_seconds"] > before["timestamp_seconds"]
    assert "rto_seconds" not in values and "rpo_seconds" not in values
    for name in ("timestamp_seconds", "rto_seconds", "rpo_seconds"):
        assert values[f"last_success_{name}"] == before[f"last_success_{name}"] > 0, "the last proven one stays"
    assert_nothing_is_left(node)
    proven(f"restore-test of a damaged repository: exit status 1 ({reason[:60]}...), success 0, the last proven one kept")


def test_an_archive_that_breaks_off_is_not_proven(node, proven):
    """PostgreSQL opens without what cannot be read, and says nothing."""
    write_and_archive(node, 3)
    write_and_archive(node, 3)
    copied = node.folder / "broken-off"
    subprocess.run(["cp", "-a", node.repository, copied], check=True)
    newest = node.info()["backup"][-1]["archive"]["stop"]
    behind = sorted(path for path in (copied / "archive/main").rglob("0*-*.gz") if path.name[:24] > newest)
    assert len(behind) >= 2
    behind[0].unlink()
    bad = restore_test(node, env={"PGBACKREST_REPO1_PATH": str(copied)})
    assert bad.returncode == 1, bad.stdout
    assert f"and the archive goes on to {behind[-1].name[:24]}: what lies between is lost" in bad.stdout
    assert_nothing_is_left(node)
    proven("restore-test: an archive that lacks a segment behind the backup is not proven, though PostgreSQL opens")


def test_a_directory_in_use_is_refused(node, proven):
    before = node.metrics_file.read_text()
    precious = node.folder / "precious"
    node.make_folders(precious)
    (precious / "file").write_text("of somebody")
    agent = node.folder / f"{node.name}.d"
    for scratch, says in ((precious, "is in use: it is not empty"),
                          (node.data_dir, "inside, the data directory"),
                          (node.data_dir / "trial", "inside, the data directory"),
                          (node.folder, "lies in it")):
        refused = restore_test(node, {"-c": agent, "--scratch": scratch})
        assert refused.returncode == 2, refused.stdout + refused.stderr
        assert refused.stderr.startswith("refused: ") and says in refused.stderr and str(scratch) in refused.stderr
    assert (precious / "file").read_text() == "of somebody"
    assert node.metrics_file.read_text() == before, "nothing was tried"
    assert node.ask_sql("select 1") == 1
    proven("restore-test: a directory in use, a data directory, one inside and one above it are refused, exit status 2")


def started(node, options=None, env=None):
    return subprocess.Popen([PGHERD, "backup", *words_of(node, options or {})], stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=node.folder,
                            env=os.environ | node.environment() | (env or {}), **node.owner())


def test_an_interruption_leaves_nothing(node, proven):
    before = node.metrics_file.read_text()
    running = started(node, {"--query": "select pg_sleep(300)"})
    status_file = node.scratch / "data/postmaster.pid"
    wait_until("the query runs", lambda: any("pg_sleep" in words for _, words in processes_in(node.scratch)), 120)
    server = int(status_file.read_text().splitlines()[0])
    running.send_signal(signal.SIGTERM)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 128 + signal.SIGTERM and "interrupted by signal 15" in stderr
    assert not process_is_alive(server)
    assert_nothing_is_left(node)
    assert node.metrics_file.read_text() == before
    proven("restore-test: SIGTERM in the middle of it ends PostgreSQL and removes everything")


def test_an_interruption_of_the_restore_itself_leaves_nothing(node, proven):
    slow = node.folder / "slow"
    slow.mkdir(exist_ok=True)
    program = slow / "pgbackrest"
    real = os.readlink(node.folder / "bin/pgbackrest")
    program.write_text(f'#!/bin/sh\nif [ "$1" = restore ]; then touch {node.scratch}/data/begun; exec sleep 300; fi\n'
                       f'exec {real} "$@"\n')
    program.chmod(0o755)
    running = started(node, env={"PATH": f"{slow}:{os.environ['PATH']}"})
    wait_until("the restore is under way", (node.scratch / "data/begun").exists, 60)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode == 128 + signal.SIGINT
    assert_nothing_is_left(node)
    proven("restore-test: SIGINT while pgBackRest restores ends it and removes everything")


def test_what_a_killed_test_left_is_cleaned_by_the_next(node, proven):
    running = started(node, {"--query": "select pg_sleep(300)"})
    wait_until("the query runs", lambda: any("pg_sleep" in words for _, words in processes_in(node.scratch)), 120)
    running.kill()
    running.communicate(timeout=60)
    wait_until("PostgreSQL has ended as well", lambda: not processes_in(node.scratch), 60)
    assert (node.scratch / "data/PG_VERSION").exists()
    done = restore_test(node)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_nothing_is_left(node)
    proven("restore-test: killed by SIGKILL, its PostgreSQL ends with it, and the next one cleans up")


def test_the_absence_of_pg_amcheck_is_said(node, proven):
    programs = node.folder / "programs"
    programs.mkdir()
    for name in ("postgres", "psql", "pg_controldata"):
        (programs / name).write_text(f'#!/bin/sh\nexec {node.bin_dir}/{name} "$@"\n')
        (programs / name).chmod(0o755)
    done = restore_test(node, {"--pg-bindir": programs})
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search("pg_amcheck was NOT run: .*pg_amcheck.*No such file", done.stdout)
    assert metrics_of(node)["relations_checked"] == 0
    shutil.rmtree(programs)
    proven("restore-test: where pg_amcheck is not installed it says so, and the metrics do")
