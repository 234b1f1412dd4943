"""`pgherd backup` over a repository of real pgBackRest. Each test goes on where the one before it ended."""

import json
import re
import subprocess
import time

import pytest
import yaml

from backuplib import Node, a_damaged_repository, documented
from herdlib import PGHERD, wait_until

SCOPE = "proven"


@pytest.fixture(scope="module")
def node(store):
    made = Node(store, SCOPE, "first")
    made.start()
    made.wait_primary()
    yield made
    print(made.said()[-4000:])
    made.close()


@pytest.fixture(scope="module")
def backed_up(node):
    """With a full backup and one that builds on it, both taken by the command."""
    node.pgbackrest("stanza-create")
    with node.connect() as sql:
        sql.execute("create table told as select n from generate_series(1, 1000) n")
    node.first = node.backup_command("now", "--type=full")
    node.second = node.backup_command("now", "--type", "incr", "-c", str(node.folder / f"{node.name}.d"))
    return node


def a_copied_repository(node, name):
    copied = node.folder / name
    subprocess.run(["cp", "-a", node.repository, copied], check=True)
    return copied


def test_without_a_backup_there_is_none_to_list(node, proven):
    none = node.backup_command("list")
    assert none.returncode == 1 and "problem: repository 1: missing stanza path" in none.stderr
    proven("no backup: `pgherd backup list` ends with 1 and says that there is no stanza")


def test_a_backup_is_taken(backed_up, proven):
    for done, kind in ((backed_up.first, "full"), (backed_up.second, "incr")):
        assert done.returncode == 0, done.stderr
        label = done.stdout.split()[2]
        assert done.stdout.startswith(f"{kind} backup {label} of ")
        assert label in [backup["label"] for backup in backed_up.info()["backup"]]
        assert "new backup label = " + label in done.stderr, "what pgBackRest says is shown as it comes"
    proven("now: a full backup and an incremental one, each found in the repository afterwards")


def test_the_backups_are_listed_in_all_formats(backed_up, proven):
    known = backed_up.info()["backup"]
    rows = json.loads(backed_up.backup_command("list", "-f", "json").stdout)
    for row, backup in zip(rows, known, strict=True):
        assert row["Label"] == backup["label"] and row["Type"] == backup["type"] and row["Status"] == "ok"
        assert row["Size"] == backup["info"]["size"]
        assert row["In repository"] == backup["info"]["repository"]["delta"]
        assert row["Duration"] == backup["timestamp"]["stop"] - backup["timestamp"]["start"]
        assert [row["WAL from"], row["WAL to"]] == [backup["archive"]["start"], backup["archive"]["stop"]]
        assert row["Start"].endswith("+00:00") and 0 <= row["Age"] < 600
    of_yaml = yaml.safe_load(backed_up.backup_command("list", "-f", "yaml").stdout)
    for row in rows + of_yaml:
        row.pop("Age")  # it goes on between the two
    assert of_yaml == rows
    header, *lines = backed_up.backup_command("list", "-f", "tsv").stdout.splitlines()
    assert header.split("\t") == [*rows[0], "Age"]
    assert [line.split("\t")[0] for line in lines] == [row["Label"] for row in rows]
    pretty = backed_up.backup_command("list")
    assert pretty.returncode == 0 and pretty.stdout.startswith("+ Stanza main (ok) --")
    assert all(row["Label"] in pretty.stdout for row in rows)
    proven(f"list: {len(rows)} backups, the same in all four formats as in `pgbackrest info`")


def test_the_stanza_has_to_be_named_where_there_are_several(backed_up, proven):
    several = backed_up.folder / "several.conf"
    several.write_text(backed_up.conf.read_text() + "\n[side]\npg1-path=/srv/side\n")
    unclear = backed_up.backup_command("list", "--config", str(several))
    assert unclear.returncode == 1
    assert "several stanzas (main, side): say which one with --stanza" in unclear.stderr
    named = backed_up.backup_command("list", "--config", str(several), "--stanza=main", "-f", "json")
    assert named.returncode == 0 and len(json.loads(named.stdout)) == len(backed_up.info()["backup"])
    proven("stanza: not guessed where pgBackRest's configuration has two")


def test_a_backup_of_another_data_directory_is_refused(backed_up, proven):
    other = backed_up.folder / "other.yml"
    other.write_text("postgresql: {data_dir: /srv/another}\n")
    before = len(backed_up.info()["backup"])
    refused = backed_up.backup_command("now", "-c", str(other))
    assert refused.returncode == 2 and "/srv/another" in refused.stderr and str(backed_up.data_dir) in refused.stderr
    assert len(backed_up.info()["backup"]) == before
    proven("now: refused where the agent's data directory is not the stanza's")


def test_a_good_repository_is_verified(backed_up, proven):
    good = backed_up.backup_command("verify")
    assert good.returncode == 0, good.stdout + good.stderr
    assert "nothing is wrong with the backups of stanza main" in good.stdout
    assert all(f"backup {backup['label']}: " in good.stdout for backup in backed_up.info()["backup"])
    proven("verify: nothing is wrong with a good repository")


def test_the_commands_of_the_manual_do_what_it_says(backed_up, proven):
    commands = documented("Take, list and verify backups")
    assert [words[:3] for words in commands] == [["pgherd", "backup", name] for name in ("now", "list", "verify")]
    for words in commands:
        done = backed_up.backup_command(*words[2:])
        assert done.returncode == 0, done.stdout + done.stderr
    proven(f"docs/operations.md: {len(commands)} commands do what it says")


def test_a_damaged_file_is_found_and_named(backed_up, proven):
    damaged = a_damaged_repository(backed_up, "damaged-to-verify")
    bad = backed_up.backup_command("verify", env={"PGBACKREST_REPO1_PATH": str(damaged)})
    assert bad.returncode == 1, bad.stdout + bad.stderr
    label = backed_up.info()["backup"][-1]["label"]
    assert f"problem: backup {label} is invalid (checksum invalid: 1)" in bad.stdout
    assert f"problem: invalid checksum '{label}/pg_data/base/" in bad.stdout, "the file by its name"
    listed = backed_up.backup_command("list", env={"PGBACKREST_REPO1_PATH": str(damaged)})
    assert listed.returncode == 0, "`info` does not read the files: that is what verify is for"
    proven("verify: a damaged file of a backup is found and named; exit status 1 (that of `pgbackrest verify` is 0)")


def test_write_ahead_log_that_is_missing_is_found(backed_up, proven):
    copied = a_copied_repository(backed_up, "without-a-segment")
    needed = backed_up.info()["backup"][0]["archive"]["start"]
    [segment] = (copied / "archive/main").rglob(f"{needed}-*")
    segment.unlink()
    bad = backed_up.backup_command("verify", env={"PGBACKREST_REPO1_PATH": str(copied)})
    assert bad.returncode == 1, bad.stdout + bad.stderr
    label = backed_up.info()["backup"][0]["label"]
    assert f"problem: backup {label} cannot be recovered: the archive lacks {needed}" in bad.stdout
    proven("verify: a segment that a backup cannot be used without is missed, which `pgbackrest verify` does not")


def test_an_archive_that_has_lost_its_end_is_listed_as_a_problem(backed_up, proven):
    copied = a_copied_repository(backed_up, "without-its-end")
    needed = backed_up.info()["backup"][-1]["archive"]["stop"]
    for segment in (copied / "archive/main").rglob("*-*.gz"):
        if segment.name[:24] >= needed:
            segment.unlink()
    bad = backed_up.backup_command("list", env={"PGBACKREST_REPO1_PATH": str(copied)})
    assert bad.returncode == 1 and "problem: the archive lacks the write-ahead log of the newest backup" in bad.stderr
    proven("list: ends with 1 where the archive does not reach the end of the newest backup")


def test_a_backup_that_fails_says_why(backed_up, proven):
    nowhere = backed_up.folder / "nowhere"
    bad = backed_up.backup_command("now", "--stanza=main", env={"PGBACKREST_REPO1_PATH": str(nowhere)})
    assert bad.returncode == 1
    assert "error: pgbackrest backup exited with status 55: " in bad.stderr and "stanza-create" in bad.stderr
    proven("now: ends with 1 and pgBackRest's own reason where the repository is not there")


def doctor(node):
    return subprocess.run([PGHERD, "ctl", "-c", str(node.folder / f"{node.name}.d"), "doctor"], capture_output=True,
                          text=True, check=False, timeout=60).stdout


def waiting(node):
    """Files, and the seconds that the oldest has waited."""
    text = node.metrics()
    return [int(re.search(rf"^pgherd_archive_{name}{{.*}} (\d+)$", text, re.M)[1])
            for name in ("waiting_files", "oldest_wait_seconds")]


def test_archiving_that_fails_is_seen_within_a_minute(backed_up, proven):
    said = "'first' has not archived write-ahead log for "
    assert said not in doctor(backed_up)
    aside = backed_up.repository.with_name("repository-aside")
    backed_up.repository.rename(aside)
    began = time.monotonic()
    with backed_up.connect() as sql:
        sql.execute("create table kept_waiting as select 1 as n")
        sql.execute("select pg_switch_wal()")
    try:
        wait_until("the doctor says so", lambda: said in doctor(backed_up), 60)
        took = time.monotonic() - began
        files, seconds = waiting(backed_up)
        assert files >= 1 and 30 < seconds < 90
    finally:
        if backed_up.repository.exists():  # what archive-push made of it meanwhile
            backed_up.repository.rename(backed_up.repository.with_name("repository-of-the-failure"))
        aside.rename(backed_up.repository)
    with backed_up.connect() as sql:
        sql.execute("create table goes_on as select 1 as n")
        sql.execute("select pg_switch_wal()")
    wait_until("nothing waits any more", lambda: waiting(backed_up) == [0, 0], 120)
    assert said not in doctor(backed_up)
    proven(f"archiving that fails: `ctl doctor` and /metrics say so after {took:.0f} s, and no longer once it goes on")
