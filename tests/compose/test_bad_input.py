"""What people get wrong: one clear line in `docker logs` that names file, key and what to do; no data
lost, and no loop faster than once in ten seconds."""

import contextlib
import socket
import time

import pytest

from composelib import COMPOSE, docker, inspect, run, wait_until

NODE = "patroni-replica3"


@contextlib.contextmanager
def changed(deployment, path, text):
    file = deployment.folder / path
    before = file.read_text() if file.exists() else None
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    try:
        yield
    finally:
        if before is None:
            file.unlink()
        else:
            file.write_text(before)


def recreate(deployment, service, **env):
    """As `up -d` does after a change; gives what the first life of the container said."""
    deployment.compose("up", "-d", "--no-build", "--no-deps", "--force-recreate", service, env=env)
    return service


def last_words(container):
    done = run("docker", "logs", container)
    return done.stdout + done.stderr


def says(container, *words, seconds=30):
    wait_until(f"{container} says {words}",
               lambda: all(word in last_words(container) for word in words), seconds)
    line = [line for line in last_words(container).splitlines() if words[0] in line][0]
    assert all(word in line for word in words), line


def does_not_spin(container):
    """Two starts are ten seconds apart; the moments are the daemon's own."""
    def starts():
        return inspect(container)["RestartCount"]
    before = starts()
    wait_until("it is started again", lambda: starts() > before, 40)
    first = starts()
    began = time.monotonic()
    wait_until("and once more", lambda: starts() > first, 40)
    assert time.monotonic() - began > 9


@pytest.fixture(name="heals")
def and_heals(deployment):
    """Whatever was wrong: with the right input again the node is back, with its data."""
    deployment.ask("create table if not exists kept as select 42 as a")
    yield deployment
    deployment.compose("up", "-d", "--no-build", "--force-recreate", "--no-deps", NODE,
                       "patroni-haproxy")
    deployment.wait_whole()
    assert deployment.ask_node(NODE, "select a from kept") == "42"


def test_an_empty_password(heals):
    with changed(heals, ".secrets/repl_password.txt", ""):
        recreate(heals, NODE)
        says(NODE, "PATRONI_POSTGRESQL_REPLICATION_PASSWORD_FILE", "is empty",
             "write the value into it")
        does_not_spin(NODE)


def test_a_password_file_that_is_not_there(heals):
    recreate(heals, NODE, POSTGRES_PASSWORD_FILE="/run/secrets/nowhere")
    says(NODE, "POSTGRES_PASSWORD_FILE", "/run/secrets/nowhere", "cannot be read")


def test_a_secret_that_is_not_there(deployment):
    """Compose looks in one folder only, and names the file; nothing is made in its place."""
    done = deployment.compose("run", "--rm", "client", file="client.yaml", check=False,
                              env={"SECRETS_DIR": "./nowhere"})
    assert done.returncode != 0
    assert f"does not exist: {deployment.folder}/nowhere/" in done.stdout + done.stderr
    assert not (deployment.folder / "nowhere").exists()


def test_a_header_that_does_not_fit_the_password(heals):
    recreate(heals, "patroni-haproxy", PATRONI_RESTAPI_AUTH_HEADER="bm90OnRoaXM=")
    says("patroni-haproxy", "PATRONI_RESTAPI_AUTH_HEADER", "base64", "remove it from .env")


def test_a_syntax_error_in_the_agents_configuration(heals):
    file = "cfg/patroni-conf.yml"
    text = (heals.folder / file).read_text()
    with changed(heals, file, text.replace("ctl:\n", "ctl: [\n")):
        recreate(heals, NODE)
        says(NODE, "/etc/patroni.yml:")


def test_a_wrong_value_in_the_agents_configuration(heals):
    file = "cfg/patroni-conf.yml"
    text = (heals.folder / file).read_text()
    with changed(heals, file, text.replace("use_unix_socket: true", "use_unix_socket: maybe")):
        recreate(heals, NODE)
        says(NODE, "use_unix_socket", "maybe", "/etc/patroni.yml")


def test_a_syntax_error_in_postgresqls_configuration(heals):
    file = "cfg/postgresql.replica.conf"
    text = (heals.folder / file).read_text()
    with changed(heals, file, text + "\nwork_mem = = 4MB\n"):
        recreate(heals, NODE)
        says(NODE, "postgresql.replica.conf", "syntax error", seconds=60)


def test_a_syntax_error_in_haproxys_configuration(heals):
    file = "cfg/haproxy.cfg.tmpl"
    text = (heals.folder / file).read_text()
    with changed(heals, file, text.replace("mode tcp", "mode carrier-pigeon")):
        recreate(heals, "patroni-haproxy")
        says("patroni-haproxy", "haproxy refuses cfg/haproxy.cfg.tmpl", "carrier-pigeon")
        does_not_spin("patroni-haproxy")


def test_a_port_in_use(deployment):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = deployment.compose("up", "-d", "--no-build", "patroni-haproxy", check=False,
                                  env={"STATS_PORT": f"127.0.0.1:{port}"})
        said = done.stdout + done.stderr
    # Compose 1.29 leaves a container that it could not replace under another name.
    deployment.compose("rm", "--stop", "--force", "patroni-haproxy")
    deployment.compose("up", "-d", "--no-build", "--no-deps", "patroni-haproxy")
    assert done.returncode != 0
    assert f"127.0.0.1:{port}" in said and "address already in use" in said


def test_a_volume_of_another_cluster(heals):
    """The node refuses, and touches nothing of it."""
    volume = "pgherd-test-other-cluster"
    make = ("install -d -o postgres -m 700 /var/lib/postgresql/data && "
            "setpriv --reuid postgres --regid postgres --init-groups initdb -D "
            "/var/lib/postgresql/data >/dev/null && echo mine >/var/lib/postgresql/data/mine")
    docker("volume", "create", volume)
    try:
        docker("run", "--rm", "--entrypoint", "bash", "--volume", f"{volume}:/var/lib/postgresql",
               "pgherd/patroni:latest", "-c", make)
        override = heals.folder / "override.yml"
        override.write_text(
            f"services:\n  {NODE}:\n    volumes: ['other:/var/lib/postgresql']\n"
            f"volumes:\n  other:\n    external: true\n    name: {volume}\n")
        # Compose would carry the old container's volume over into one that it recreates.
        heals.compose("rm", "--stop", "--force", NODE)
        run(*COMPOSE, "-f", "patroni.yml", "-f", "override.yml", "up", "-d", "--no-build", "--no-deps",
            "--force-recreate", NODE, cwd=heals.folder)
        says(NODE, "system ID mismatch", "different cluster", "scope or data_dir", seconds=60)
        does_not_spin(NODE)
        assert docker("run", "--rm", "--entrypoint", "cat", "--volume",
                      f"{volume}:/var/lib/postgresql", "pgherd/patroni:latest",
                      "/var/lib/postgresql/data/mine") == "mine\n"
        override.unlink()
    finally:
        run("docker", "rm", "--force", NODE, check=False)
        heals.compose("up", "-d", "--no-build", "--no-deps", NODE)
        docker("volume", "rm", volume)


def test_a_volume_of_another_version_of_postgresql(heals):
    standby = NODE
    heals.inside(standby, "true")
    docker("stop", standby)
    volume = next(mount["Name"] for mount in inspect(standby)["Mounts"]
                  if mount["Destination"] == "/var/lib/postgresql")
    change = "docker run --rm --entrypoint sh --volume {}:/v pgherd/patroni:latest -c"

    def set_version(number):
        run(*change.format(volume).split(), f"echo {number} >/v/data/PG_VERSION")

    set_version(16)
    try:
        docker("start", standby)
        says(standby, "was made by PostgreSQL 16", "17", seconds=60)
    finally:
        docker("stop", standby)
        set_version(17)
        docker("start", standby)
