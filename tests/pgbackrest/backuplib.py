"""A node with pgBackRest, configured by the files of etc/pgbackrest: the test puts in paths, the port and the moment,
nothing else."""

import json
import os
import pathlib
import pwd
import re
import shlex
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

# pylint: disable=wrong-import-position
import psycopg  # noqa: E402

from herdlib import PGHERD, ROOT, Solo, deps, wait_until  # noqa: E402

SHIPPED = ROOT / "etc/pgbackrest"
SHIPPED_TARGET = "2026-11-27 12:00:00+00"


def replaced(text, changes):
    for old, new in changes.items():
        assert old in text, f"{old!r} is not there any more"
        text = text.replace(old, str(new))
    return text


class Node(Solo):
    """`share`: a node whose folder, and so whose repository, this one uses. `repository`: another one. `target`: the
    point in time as of which it makes its cluster from the repository."""

    def __init__(self, herd, scope, name, share=None, repository=None, target=None):
        super().__init__(herd, scope, name=name, share=share)
        self.target = target
        self.repository = repository or self.folder / "repository"
        self.socket, self.backup_log = self.folder / f"{name}-socket", self.folder / f"{name}-log"
        self.make_folders(self.socket, self.backup_log, self.folder / "bin", self.folder / "lock")
        if repository is None:
            self.make_folders(self.repository)
        program = self.folder / "bin/pgbackrest"
        if not program.exists():
            program.symlink_to(deps()["PGBACKREST"])
        self.conf = self.folder / f"{name}-pgbackrest.conf"
        self.conf.write_text(replaced((SHIPPED / "pgbackrest.conf").read_text(), {
            "=/var/lib/pgbackrest\n": f"={self.repository}\n",
            "=/var/log/pgbackrest\n": f"={self.backup_log}\n",
            "=/var/lib/postgresql/17/main\n": f"={self.data_dir}\n",
            "=5432\n": f"={self.pg_port}\n",
            "=/var/run/postgresql\n": f"={self.socket}\n"}))
        # The user that runs the test's PostgreSQL may have another name than postgres.
        user = pwd.getpwuid(self.user if os.geteuid() == 0 else os.geteuid()).pw_name
        self.text = replaced(self.text, {
            'unix_socket_directories: ""': f'unix_socket_directories: "{self.socket}"',
            "  pg_hba: [": f'  pg_ident: ["owner {user} postgres"]\n'
                           '  pg_hba: ["local all postgres peer map=owner", '})

    def make_folders(self, *paths):
        for path in paths:
            path.mkdir(exist_ok=True)
            os.chown(path, self.user, self.group)

    def environment(self):
        # In place of /etc/pgbackrest.conf, and of what needs folders of the system.
        return {"PATH": f"{self.folder}/bin:{os.environ['PATH']}",
                "PGBACKREST_CONFIG": str(self.conf),
                "PGBACKREST_LOCK_PATH": str(self.folder / "lock"),
                "PGBACKREST_LOG_LEVEL_FILE": "detail"}

    def write_configuration(self, text):
        """A folder of files, as docs/operations.md has it."""
        config = self.folder / f"{self.name}.d"
        self.make_folders(config)
        (config / "00-node.yml").write_text(text)
        shutil.copy(SHIPPED / "50-pgbackrest.yml", config)
        if self.target:
            (config / "90-point-in-time.yml").write_text(replaced(
                (SHIPPED / "90-point-in-time.yml").read_text(), {SHIPPED_TARGET: self.target}))
        else:
            (config / "90-point-in-time.yml").unlink(missing_ok=True)
        return config

    def start(self, text=None, env=None):
        return super().start(text, self.environment() | (env or {}))

    def pgbackrest(self, *words):
        """As the owner of the data would call it; what it printed."""
        done = subprocess.run([self.folder / "bin/pgbackrest", "--stanza=main", *words],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
                              check=False, cwd=self.folder, env=os.environ | self.environment(), **self.owner())
        assert done.returncode == 0, f"pgbackrest {' '.join(words)}: {done.stdout}\n{done.stderr}\n{self.said()}"
        return done.stdout

    def owner(self):
        """For subprocess: the user who owns the data."""
        return {"user": self.user, "group": self.group, "extra_groups": []} if os.geteuid() == 0 else {}

    def backup_command(self, *words, env=None):
        """`pgherd backup`, as the owner of the data would call it: what came of it, and what it printed."""
        return subprocess.run([PGHERD, "backup", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=300, check=False, cwd=self.folder,
                              env=os.environ | self.environment() | (env or {}), **self.owner())

    def info(self):
        """What the repository has of the stanza."""
        return json.loads(self.pgbackrest("--output=json", "info"))[0]

    def restore_log(self):
        """What pgBackRest itself wrote of its restores on this node, file by file."""
        path = self.backup_log / "main-restore.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def connect(self):
        return psycopg.connect(host="127.0.0.1", port=self.pg_port, user="postgres", password="secret",
                               dbname="postgres", autocommit=True, connect_timeout=3)

    def ask_sql(self, sql):
        with self.connect() as connection:
            return connection.execute(sql).fetchone()[0]

    def rows(self):
        """How many there are of each part."""
        with self.connect() as connection:
            return dict(connection.execute("select part, count(*) from told group by part").fetchall())

    def wait_primary(self, seconds=120):
        def is_open():
            assert self.process.poll() is None, f"the agent has ended: {self.said()[-2000:]}"
            return self.get("/primary")[0] == 200 and not self.ask_sql("select pg_is_in_recovery()")
        wait_until(f"{self.name} is the primary", is_open, seconds)

    def is_streaming(self):
        return json.loads(self.get("/patroni")[1]).get("replication_state") == "streaming"

    def wait_streams_from(self, primary, seconds=120):
        """It has all that the primary has by now, by streaming."""
        wait_until(f"{self.name} streams", self.is_streaming, seconds)
        position = primary.ask_sql("select pg_current_wal_flush_lsn()")
        wait_until("all is replayed", lambda: self.ask_sql(
            f"select pg_last_wal_replay_lsn() >= '{position}'"), 60)
        assert primary.ask_sql("select count(*) from pg_stat_replication "
                               f"where application_name = '{self.name}' and state = 'streaming'") == 1

    def is_by_basebackup(self):
        """pg_basebackup leaves its manifest in the copy; pgBackRest leaves none."""
        return (self.data_dir / "backup_manifest").exists()


def a_damaged_repository(node, name):
    """A copy of the repository in which one file of the last backup is not what pgBackRest wrote: it fails late, and
    has put other files in place by then."""
    copied = node.folder / name
    subprocess.run(["cp", "-a", node.repository, copied], check=True)
    biggest = max((copied / f"backup/main/{node.info()['backup'][-1]['label']}/pg_data/base").rglob("*.gz"),
                  key=lambda path: path.stat().st_size)
    damaged = bytearray(biggest.read_bytes())
    damaged[len(damaged) // 2:] = bytes(len(damaged) - len(damaged) // 2)
    biggest.write_bytes(damaged)
    return copied


def documented(heading):
    """The commands of docs/operations.md behind a heading, word by word, without their comments."""
    behind = (ROOT / "docs/operations.md").read_text().split(f"**{heading}")[1]
    block = re.search(r"```sh\n(.*?)```", behind, re.S)[1].replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in block.splitlines()]
