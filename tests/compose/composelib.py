"""The deployment of deploy/compose as a person at a shell has it: docker, docker-compose, psql."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import pexpect
import psycopg

ROOT = pathlib.Path(__file__).parents[2]
NODES = [f"patroni-replica{number}" for number in range(4)]
ETCD = [f"etcd{number}" for number in range(3)]
SERVICES = NODES + ETCD + ["etcd-proxy", "patroni-haproxy"]
# As a person says it, and as the deployment's scripts take it: `docker-compose` or `docker compose`.
COMPOSE = tuple(os.environ.setdefault("COMPOSE", "docker-compose").split())
# What is laid over patroni.yml: OVERLAYS=tls,monitoring,backup; in the order in which it is.
OVERLAYS = tuple(name for name in ("tls", "monitoring", "backup") if name in os.environ.get("OVERLAYS", "").split(","))
MONITORS = ["prometheus", "alertmanager", "exporter-host"] + [f"exporter-{name}" for name in NODES]
PORTS = {"PRIMARY_PORT": 5432, "REPLICA_PORT": 5433, "STATS_PORT": 8080}


def wait_until(what, condition, seconds=60.0, pause=0.1):
    """The first value of `condition` that is true; errors on the way are no answer."""
    deadline = time.monotonic() + seconds
    while True:
        problem = None
        try:
            value = condition()
            if value:
                return value
        except (AssertionError, KeyError, ValueError, psycopg.Error,
                subprocess.SubprocessError) as error:
            problem = error
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}; last: {problem}"
        time.sleep(pause)


def run(*words, check=True, timeout=180, stdin=None, env=None, cwd=None):
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, input=stdin,
                          env=None if env is None else {**os.environ, **env}, cwd=cwd)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def docker(*words, **options):
    return run("docker", *words, **options).stdout


def inspect(container):
    return json.loads(docker("inspect", container))[0]


def health_of(containers):
    """Asked with one process: many of them would take the machine from what is waited for."""
    return {one["State"]["Health"]["Status"] for one in json.loads(docker("inspect", *containers))}


class Deployment:
    """A copy of deploy/compose with secrets and settings of its own. The images are those that were
    built before; the names of containers and networks are the guide's."""

    def __init__(self):
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="pgherd-compose-"))
        self.folder = self.place / "deploy" / "compose"
        shutil.copytree(ROOT / "deploy" / "compose", self.folder,
                        ignore=shutil.ignore_patterns(".secrets", "secrets", ".env", ".built", ".certs"))
        shutil.copytree(ROOT / "deploy" / "monitoring", self.place / "deploy" / "monitoring")
        self.healthy_after = None
        run("./create_secrets.sh", cwd=self.folder)
        if "tls" in OVERLAYS or "backup" in OVERLAYS:
            run("./create_certs.sh", cwd=self.folder)

    # ---- compose

    def files(self, file):
        """patroni.yml and its overlays, or client.yaml and those of it; what two of them want together is
        a file of both names."""
        together = [f"{one}-{other}" for one in OVERLAYS for other in OVERLAYS]
        names = [file]
        for overlay in (*OVERLAYS, *together):
            name = {"patroni.yml": f"{overlay}.yml", "client.yaml": f"client-{overlay}.yaml"}.get(file)
            if name and (self.folder / name).exists():
                names.append(name)
        return [word for name in names for word in ("-f", name)]

    def compose(self, *words, file="patroni.yml", **options):
        return run(*COMPOSE, *self.files(file), *words, cwd=self.folder, **options)

    def up(self):
        began = time.monotonic()
        try:
            self.compose("up", "-d", "--no-build")
        except AssertionError:
            print(self.logs())
            raise
        wait_until("all services are healthy", lambda: self.health() == {"healthy"}, 300, 0.5)
        self.healthy_after = time.monotonic() - began
        print(f"\nfrom `up` to healthy: {self.healthy_after:.1f} s")
        self.wait_whole()

    def health(self):
        return health_of(self.services())

    def services(self):
        return (SERVICES + (MONITORS if "monitoring" in OVERLAYS else [])
                + (["backup"] if "backup" in OVERLAYS else []))

    def close(self):
        self.compose("down", "--volumes", "--timeout", "5", check=False)
        shutil.rmtree(self.place)

    def secret(self, name):
        return (self.folder / ".secrets" / f"{name}_password.txt").read_text().strip()

    def logs(self, lines=60):
        said = []
        for name in self.services():
            done = run("docker", "logs", "--tail", str(lines), name, check=False)
            said.append(f"---- {name}\n{done.stdout}{done.stderr}")
        return "\n".join(said)

    # ---- inside

    def inside(self, container, *words, **options):
        return docker("exec", container, *words, **options)

    def ctl(self, *words, node=None, **options):
        return self.inside(node or self.any_node(), "patronictl", "-c", "/etc/patroni.yml", *words,
                           **options)

    def any_node(self):
        for name in NODES:
            if inspect(name)["State"]["Running"] and not inspect(name)["State"]["Paused"]:
                return name
        raise AssertionError("no node runs")

    def members(self, node=None):
        rows = json.loads(self.ctl("list", "-f", "json", node=node, timeout=20))
        return {row["Member"]: row for row in rows}

    def leader(self, node=None):
        leaders = [name for name, row in self.members(node).items() if row["Role"] == "Leader"]
        assert len(leaders) == 1, leaders
        return leaders[0]

    def standbys(self):
        return [name for name, row in self.members().items() if row["Role"] != "Leader"]

    def is_whole(self):
        members = self.members()
        states = sorted(row["State"] for row in members.values())
        return (len(members) == len(NODES) and states == ["running"] + ["streaming"] * 3
                and self.health() == {"healthy"} and self.ask("select not pg_is_in_recovery()"))

    def wait_whole(self, seconds=120):
        wait_until("the deployment is whole", self.is_whole, seconds, 0.5)

    # ---- as a client of the published ports

    def dsn(self, kind="--write", user="admin", password=None, database="postgres"):
        port = PORTS["PRIMARY_PORT" if kind == "--write" else "REPLICA_PORT"]
        verified = ""
        if "tls" in OVERLAYS:
            verified = f"sslmode=verify-full sslrootcert={self.folder}/.certs/client/ca.crt "
        return (f"host=127.0.0.1 port={port} user={user} dbname={database} connect_timeout=3 "
                f"{verified}password={password or self.secret('postgres')}")

    def ask(self, sql, kind="--write", **who):
        with psycopg.connect(self.dsn(kind, **who), autocommit=True) as connection:
            answer = connection.execute(sql)
            return answer.fetchone()[0] if answer.description else None

    def ask_node(self, node, sql):
        return self.inside(node, "psql", "-XAtq", "-U", "admin", "-d", "postgres", "-c", sql).strip()


def at_terminal(command, answers=(), timeout=60, cwd=None):
    """Runs a command line in a terminal, as `docker exec -it` wants it; `answers` are pairs of what is
    waited for and what is typed then. Gives all that was shown, and the exit status."""
    child = pexpect.spawn("/bin/bash", ["-c", command], encoding="utf-8", timeout=timeout, cwd=cwd,
                          dimensions=(60, 240))
    shown = ""
    for prompt, typed in answers:
        child.expect(prompt)
        shown += child.before + child.after
        child.sendline(typed)
    child.expect(pexpect.EOF)
    shown += child.before
    child.close()
    return shown.replace("\r\n", "\n"), child.exitstatus
