"""Nodes that are made by commands of the operator: how they are called, and that nothing which they leave half
made is ever taken for a copy."""

import os
import pathlib
import shutil
import signal

import psycopg
import pytest

from herdlib import Herd, Solo, deps, process_is_alive, wait_until

BIN = pathlib.Path(deps()["PG_BINDIR"])

# Says how it was called and what it found, then copies; `{options}`: of pg_basebackup.
COPY = """#!/bin/sh
printf '%s\\n' "$@" > {log}.arguments
for word; do
  case $word in
    --datadir=*) dir=${{word#*=}} ;;
    --connstring=*) from=${{word#*=}} ;;
  esac
done
ls -Ad "$dir" "$dir"/* > {log}.found
{bin}/pg_basebackup -D "$dir" -d "$from" -X stream -c fast -w {options} &
echo $! > {log}.pid
wait $! || exit 1
{after}
"""


@pytest.fixture(scope="module")
def herd():
    """For its store only."""
    made = Herd(nodes=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def primary(herd):
    made = Solo(herd, "methods", name="first")
    made.start()
    made.wait_leads()
    with connect(made) as sql:
        sql.execute("create table told as select 'before' as word")
    yield made
    made.close()


@pytest.fixture
def copy(herd, primary):
    made = Solo(herd, "methods", name="second", share=primary)
    yield made
    made.close_server()
    shutil.rmtree(made.data_dir, ignore_errors=True)
    made.log_path.unlink(missing_ok=True)


def connect(solo):
    return psycopg.connect(host="127.0.0.1", port=solo.pg_port, user="postgres", password="secret",
                           dbname="postgres", autocommit=True, connect_timeout=3)


def script(solo, name, text):
    path, new = solo.folder / name, solo.folder / f"{name}.new"
    new.write_text(text)
    new.chmod(0o755)
    os.chown(new, solo.user, solo.group)
    return new.replace(path)  # a shell that reads the old one goes on with it


def copying(solo, name="own", options="", after=":"):
    """A script that makes a copy, and where it says what it saw."""
    log = solo.folder / name
    for path in solo.folder.glob(f"{name}.*"):
        path.unlink()
    return script(solo, f"copy-{name}", COPY.format(log=log, bin=BIN, options=options, after=after)), log


def with_methods(solo, names, **sections):
    lines = f"  create_replica_methods: [{', '.join(names)}]\n" + "".join(
        f"  {name}: {{{section}}}\n" for name, section in sections.items())
    return solo.text.replace("postgresql:\n", "postgresql:\n" + lines, 1)


def told(log, what):
    return pathlib.Path(f"{log}.{what}").read_text().splitlines()


def wait_streams(solo):
    wait_until("the copy streams", lambda: '"replication_state":"streaming"' in
               solo.get("/patroni")[1].replace(" ", ""), 60)
    with connect(solo) as sql:
        assert sql.execute("select word from told").fetchone()[0] == "before"


def test_a_command_makes_the_replica(primary, copy):
    command, log = copying(copy)
    copy.start(with_methods(copy, ["own"],
                            own=f"command: \"{command} 'two words'\", retries: 3, fast: true, no_leader: 0"))
    wait_streams(copy)
    arguments = told(log, "arguments")
    assert arguments[:-1] == ["two words", "--retries=3", "--fast=True", "--no_leader=0", "--scope=methods",
                              "--role=replica", f"--datadir={copy.data_dir}"]
    source = psycopg.conninfo.conninfo_to_dict(arguments[-1].removeprefix("--connstring="))
    assert (source["host"], int(source["port"]), source["user"]) == \
        ("127.0.0.1", primary.pg_port, "replicator")
    assert "password" not in source, "other users see arguments"
    assert told(log, "found") == [], "a command that makes the directory itself can do so"


def test_the_next_makes_what_the_first_cannot(copy):
    command, log = copying(copy)
    left = script(copy, "fails", f"#!/bin/sh\nmkdir {copy.data_dir} && touch {copy.data_dir}/PG_VERSION\n"
                  f"setsid sleep 600 >/dev/null 2>&1 & echo $! > {copy.folder}/left.pid\n"
                  "echo no backup is there >&2\nexit 3\n")
    copy.start(with_methods(copy, ["fails", "own"], fails=f"command: {left}", own=f"command: {command}"))
    wait_streams(copy)
    assert told(log, "found") == [], "what the first has left is gone"
    assert "postgresql.fails: no backup is there" in copy.said()
    assert "exited with status 3" in copy.said()
    pid = int((copy.folder / "left.pid").read_text())
    assert not process_is_alive(pid), "nothing of it goes on beside the next"


@pytest.mark.parametrize("lost", ["base", "global/pg_control", "PG_VERSION"])
def test_half_a_copy_is_never_started(copy, lost):
    """Although the command says that all is well."""
    command, _ = copying(copy, after=f'rm -r "$dir/{lost}"')
    copy.start(with_methods(copy, ["own"], own=f"command: {command}"))
    copy.wait_for("holds no whole cluster")
    assert copy.get("/health")[0] == 503
    assert not (copy.data_dir / "postmaster.pid").exists()
    copying(copy)  # the next attempt finds it mended
    wait_streams(copy)


def test_what_a_killed_agent_leaves_is_ended_and_made_anew(copy):
    command, log = copying(copy, options="--max-rate=32k")
    copy.start(with_methods(copy, ["own"], own=f"command: {command}"))
    # The mark follows the first file, for programs want an empty directory.
    wait_until("a part of the copy, marked as one", (copy.data_dir / "pgherd.unfinished").exists)
    pid = int(told(log, "pid")[0])
    copy.stop(signal.SIGKILL)
    assert process_is_alive(pid)
    command, log = copying(copy)
    copy.start(with_methods(copy, ["own"], own=f"command: {command}"))
    wait_streams(copy)
    assert not process_is_alive(pid)
    assert told(log, "found") == []


def test_a_leaving_agent_takes_its_command_along(copy):
    command, log = copying(copy, options="--max-rate=32k")
    copy.start(with_methods(copy, ["own"], own=f"command: {command}"))
    wait_until("a part of the copy", (copy.data_dir / "backup_label").exists)
    pid = int(told(log, "pid")[0])
    assert copy.stop() == 0
    assert not process_is_alive(pid)
    assert not copy.data_dir.exists()
