"""What lies beside the deployment: the single PostgreSQL, the scripts, the diagram, the documents."""

import json
import os
import pathlib
import re
import shutil
import tempfile

import pytest
import yaml

from composelib import COMPOSE, ROOT, docker, run

FOLDER = ROOT / "deploy" / "compose"


@pytest.fixture(name="copy")
def a_copy(tmp_path):
    target = tmp_path / "deploy" / "compose"
    shutil.copytree(FOLDER, target,
                    ignore=shutil.ignore_patterns(".secrets", "secrets", ".env", ".built", ".certs"))
    return target


def model(folder, compose=COMPOSE, files=("patroni.yml",)):
    """patroni.yml, and what is laid over it, as Compose understands it; the services of its profiles too,
    which Compose 1 always prints, and Compose 2 only where they are asked for."""
    words = [word for file in files for word in ("-f", file)]
    return yaml.safe_load(run(*compose, *words, "config", cwd=folder, env={"COMPOSE_PROFILES": "drill"}).stdout)


def test_one_postgresql_for_development(running):
    env = {"POSTGRES_PORT": "127.0.0.1:0"}
    project = (*COMPOSE, "-p", "development", "-f", "postgres.yml")
    try:
        run(*project, "up", "-d", "--no-build", cwd=running.folder, env=env)
        said = run("./postgres_test.sh", cwd=running.folder).stdout
        assert said.count("ok  ") == 4 and "FAIL" not in said, said
        listens = docker("port", "postgres", "5432")
        assert listens.startswith("127.0.0.1:")
    finally:
        run(*project, "down", "--volumes", cwd=running.folder, env=env, check=False)


# ---- create_secrets.sh

def secrets_of(folder, name=".secrets"):
    return {file.name: file.read_text() for file in (folder / name).iterdir()}


def test_secrets_are_kept_unless_they_are_to_be_rotated(copy):
    run("./create_secrets.sh", cwd=copy)
    first = secrets_of(copy)
    assert len(set(first.values())) == 6
    assert all(len(text.strip()) == 32 for name, text in first.items() if name.endswith(".txt"))
    run("./create_secrets.sh", cwd=copy)
    assert secrets_of(copy) == first
    run("./create_secrets.sh", "--rotate", cwd=copy)
    rotated = secrets_of(copy)
    # Without its passphrase nobody could read the backups that there are.
    assert {name for name in first if rotated[name] == first[name]} == {"backup_password.txt"}


def test_secrets_of_ones_own_are_taken(copy):
    given = {"POSTGRES_PASSWORD": 'quote " and \\ back', "REPL_PASSWORD": "r"}
    run("./create_secrets.sh", cwd=copy, env=given)
    held = json.loads((copy / ".secrets" / "secrets.json").read_text())
    assert held["postgres_password"] == given["POSTGRES_PASSWORD"]
    assert (copy / ".secrets" / "repl_password.txt").read_text() == "r\n"
    clash = run("./create_secrets.sh", cwd=copy, env={"REPL_PASSWORD": "other"}, check=False)
    assert clash.returncode == 1
    assert "repl_password.txt holds another password than REPL_PASSWORD" in clash.stderr


def test_a_folder_without_the_dot_is_taken(copy):
    (copy / "secrets").mkdir()
    run("./create_secrets.sh", cwd=copy)
    assert not (copy / ".secrets").exists()
    files = {secret["file"] for secret in model(copy)["secrets"].values()}
    assert all(pathlib.Path(file).parent.name == "secrets" for file in files)


@pytest.mark.parametrize("line, folder", [("", "secrets"), ("SECRETS_DIR=./mine\n", "mine")])
def test_an_env_file_written_by_hand_is_told_which_folder_it_is(copy, line, folder):
    (copy / folder).mkdir()
    (copy / folder / "repl_password.txt").write_text("by-hand\n")
    (copy / ".env").write_text("PATRONI_SCOPE=mine" + (f"\n{line}" if line else ""))
    run("./create_secrets.sh", cwd=copy)
    run("./create_secrets.sh", cwd=copy)
    assert not (copy / ".secrets").exists()
    assert secrets_of(copy, folder)["repl_password.txt"] == "by-hand\n"
    made = model(copy)
    files = {secret["file"] for secret in made["secrets"].values()}
    assert {pathlib.Path(file).parent.name for file in files} == {folder}
    assert made["services"]["patroni-replica0"]["environment"]["PATRONI_SCOPE"] == "mine"
    assert (copy / ".env").read_text().count("SECRETS_DIR") == 1


@pytest.mark.parametrize("files", [
    ("patroni.yml",), ("patroni.yml", "tls.yml"), ("patroni.yml", "monitoring.yml"),
    ("patroni.yml", "backup.yml"),
    ("patroni.yml", "tls.yml", "monitoring.yml", "monitoring-tls.yml", "backup.yml", "monitoring-backup.yml")])
def test_both_spellings_of_compose_read_the_same(copy, files):
    run("./create_secrets.sh", cwd=copy)

    def gist(compose):
        made = model(copy, compose, files)
        return {
            "services": {name: (service.get("environment", {}), set(service["networks"]),
                                service["image"], looked_at_by(service),
                                mounted_at(service))
                         for name, service in made["services"].items()},
            "networks": set(made["networks"]), "volumes": set(made["volumes"]),
            "secrets": {name: secret["file"] for name, secret in made["secrets"].items()}}

    spellings = [words for words in (("docker-compose",), ("docker", "compose"))
                 if shutil.which(words[0]) and run(*words, "version", check=False).returncode == 0]
    if len(spellings) < 2:
        pytest.skip("there is one Compose only")
    one, other = map(gist, spellings)
    assert one == other


def test_files_written_by_hand_are_as_good(copy):
    """mkdir .secrets; echo ... > .secrets/..., and a .env of the guide's variables."""
    (copy / ".secrets").mkdir()
    for name in ("postgres", "repl", "milvus", "patroni"):
        (copy / ".secrets" / f"{name}_password.txt").write_text(f"by-hand-{name}\n")
    (copy / ".env").write_text("PATRONI_SCOPE=pg_cluster\nPATRONI_LOG_LEVEL=DEBUG\n"
                               "HAPROXY_STATS_USER=admin\nHAPROXY_STATS_PASSWORD=shown\n")
    made = model(copy)
    node = made["services"]["patroni-replica0"]["environment"]
    assert node["PATRONI_LOG_LEVEL"] == "DEBUG"
    assert made["services"]["patroni-haproxy"]["environment"]["HAPROXY_STATS_PASSWORD"] == "shown"
    run("./create_secrets.sh", cwd=copy)
    assert secrets_of(copy)["repl_password.txt"] == "by-hand-repl\n"


# ---- create_certs.sh

def certificates_of(folder):
    return {str(file.relative_to(folder / ".certs")): file.read_text()
            for file in (folder / ".certs").rglob("*") if file.is_file()}


def shown(file, *what):
    return run("openssl", "x509", "-in", str(file), "-noout", *what).stdout


def test_certificates_are_kept_unless_they_are_to_be_renewed(copy):
    (copy / ".env").write_text("TLS_NAMES='db.example 192.0.2.7'\n"
                               "PATRONI_POSTGRESQL_REPLICATION_USERNAME=streamer\n")
    few = ("etcd0", "patroni-replica0", "patroni-haproxy", "client")
    run("./create_certs.sh", *few, cwd=copy)
    first = certificates_of(copy)
    place = copy / ".certs"
    node = shown(place / "patroni-replica0" / "tls.pem", "-text")
    for name in ("DNS:patroni-replica0,", "DNS:patroni-haproxy,", "DNS:localhost,", "DNS:db.example,",
                 "IP Address:192.0.2.7", "IP Address:127.0.0.1"):
        assert name in node, node
    assert "CN = streamer" in shown(place / "patroni-replica0" / "repl.pem", "-subject")
    run("./create_certs.sh", *few, cwd=copy)
    assert certificates_of(copy) == first
    run("./create_certs.sh", "--renew", "--days", "10", *few, cwd=copy)
    renewed = certificates_of(copy)
    for name, text in first.items():
        assert (renewed[name] != text) == name.endswith(".pem"), name
        if name.endswith(".pem"):
            run("openssl", "verify", "-CAfile", str(place / "ca" / "ca.crt"), str(place / name))
            assert "will expire" in run("openssl", "x509", "-in", str(place / name), "-noout",
                                        "-checkend", str(11 * 86400), check=False).stdout
    run("./create_certs.sh", "patroni-replica4", cwd=copy)
    assert certificates_of(copy).keys() - first.keys() == {
        f"patroni-replica4/{file}" for file in ("ca.crt", "tls.pem", "repl.pem")}


def test_keys_are_for_their_owner_only(copy):
    """Of a member of etcd, which reads it itself, for its user; where who made it may not give it away, it
    is kept by the folder."""
    few = ("./create_certs.sh", "etcd0", "etcd-proxy", "patroni-replica0", "patroni-haproxy")
    run(*few, cwd=copy)
    place = copy / ".certs"
    assert place.stat().st_mode & 0o777 == 0o700
    for file in place.rglob("*.pem"):
        is_etcds = file.parent.name.startswith("etcd")
        assert file.stat().st_mode & 0o777 == (0o400 if is_etcds else 0o600), file
        assert file.stat().st_uid == (998 if is_etcds else 0), file
    assert (place / "ca" / "ca.key").stat().st_mode & 0o777 == 0o600
    with tempfile.TemporaryDirectory(prefix="pgherd-certs-") as elsewhere:
        shutil.copy(copy / "create_certs.sh", elsewhere)
        os.chown(elsewhere, 65534, 65534)
        run("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *few, cwd=elsewhere)
        place = pathlib.Path(elsewhere) / ".certs"
        assert place.stat().st_mode & 0o777 == 0o700
        for file in place.rglob("*.pem"):
            is_etcds = file.parent.name.startswith("etcd")
            assert file.stat().st_mode & 0o777 == (0o444 if is_etcds else 0o600), file


def test_the_key_of_the_ca_is_not_overwritten(copy):
    run("./create_certs.sh", "client", cwd=copy)
    ca = copy / ".certs" / "ca"
    key, certificate = (ca / "ca.key").read_text(), (ca / "ca.crt").read_text()

    def refuses(*words):
        done = run("./create_certs.sh", *words, cwd=copy, check=False)
        assert done.returncode == 1, done
        return done.stderr

    (ca / "ca.key").unlink()
    run("./create_certs.sh", "client", cwd=copy)
    assert "ca.key is not there, and signs the certificates: bring it back" in refuses("etcd0")
    assert not (ca / "ca.key").exists() and (ca / "ca.crt").read_text() == certificate
    (ca / "ca.key").write_text(key)
    (ca / "ca.crt").unlink()
    assert "ca.key is there and" in refuses("etcd0")
    assert (ca / "ca.key").read_text() == key
    (ca / "ca.crt").write_text(certificate)
    run("./create_certs.sh", "etcd0", cwd=copy)
    run("./create_certs.sh", "--replace-ca", cwd=copy)
    assert (ca / "ca.key").read_text() != key
    (ca / "ca.key").write_text(key)
    (ca / "ca.crt").write_text(certificate)
    assert "is not of the CA in .certs/ca: --renew makes another one" in refuses("etcd0")
    assert "is no number of days" in refuses("--days", "soon")
    assert "is less than a day" in refuses("--ca-days", "0")
    assert "cannot be the name of a service" in refuses("../etcd0")


def looked_at_by(service):
    """The command of its health check. Compose 1 prints "test: [NONE]" where there is none, Compose 2
    "disable: true"."""
    check = service["healthcheck"]
    return ["NONE"] if check.get("disable") else list(check["test"])


def mounted_at(service):
    """Compose 1 prints "source:/place:rw", Compose 2 a map."""
    return {volume["target"] if isinstance(volume, dict) else volume.split(":")[1]
            for volume in service.get("volumes", [])}


def test_a_folder_of_certificates_has_to_be_there(copy):
    """Of this kind, Compose names the folder that is missing, and makes none in its place."""
    run("./create_secrets.sh", cwd=copy)
    made = model(copy, files=("patroni.yml", "tls.yml"))
    for name, service in made["services"].items():
        sources = [volume for volume in service["volumes"]
                   if isinstance(volume, dict) and "/.certs/" in volume.get("source", "")]
        assert len(sources) == 1 and sources[0]["type"] == "bind", name


def test_wrong_words_are_refused(copy):
    for script in ("./create_secrets.sh", "./create_certs.sh", "./pg_repository.sh"):
        done = run(script, "--frobnicate", cwd=copy, check=False)
        assert done.returncode == 1 and "--frobnicate" in done.stderr
        assert run(script, "--help", cwd=copy).stdout.startswith(script[2:])


def test_the_apt_repository_is_added_only_with_a_key(copy, tmp_path):
    """Nothing of this machine is changed: a root of its own, and files in the place of the network."""
    place = tmp_path / "root"
    place.mkdir()
    script = (copy / "pg_repository.sh").read_text()
    script = script.replace("/usr/share/keyrings", f"{place}/keys").replace(
        "/etc/apt/sources.list.d", f"{place}/lists")
    for name in ("keys", "lists"):
        (place / name).mkdir()
    changed = tmp_path / "pg_repository.sh"
    changed.write_text(script)
    no_key = tmp_path / "no-key"
    no_key.write_text("<html>not found</html>")
    done = run("bash", str(changed), env={"PGDG_KEY_URL": f"file://{no_key}"}, check=False)
    assert done.returncode == 1 and "is no key" in done.stderr
    assert not list((place / "lists").iterdir())
    key = tmp_path / "key"
    key.write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
    run("bash", str(changed), env={"PGDG_KEY_URL": f"file://{key}"})
    sources = (place / "lists" / "pgdg.sources").read_text()
    assert re.search(r"^Suites: \w+-pgdg$", sources, re.M) and "Signed-By:" in sources
    run("bash", str(changed), "--remove")
    assert not list((place / "lists").iterdir())


# ---- the documents say what is there

def named_volumes(service):
    """Compose 1 prints "name:/place:rw", Compose 2 a map."""
    sources = [volume["source"] if isinstance(volume, dict) else volume.split(":")[0]
               for volume in service.get("volumes", [])]
    return [source for source in sources if not source.startswith("/")]


def test_the_diagram_shows_what_there_is(copy):
    run("./create_secrets.sh", cwd=copy)
    made = model(copy)
    drawn = (FOLDER / "patroni.mermaid").read_text()
    blocks = re.findall(r"subgraph ([\w-]+)[^\n]*\n(.*?)\n    end", drawn, re.S)
    for name, service in made["services"].items():
        networks = list(service["networks"])
        shown = [network for network, block in blocks if re.search(rf"^\s+{name}\[", block, re.M)]
        assert len(shown) == 1 and shown[0] in networks, f"{name} is drawn in {shown}"
        for volume in named_volumes(service):
            assert volume in drawn
    for network in made["networks"]:
        assert f"subgraph {network}\n" in drawn
    boxes = set(re.findall(r"^\s+([\w-]+)\[", drawn, re.M))
    assert boxes == set(made["services"])
    for port in ("5432", "5433", "8080"):
        assert f"port{port}" in drawn


def test_every_variable_is_explained():
    explained = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", (FOLDER / "ENVIRONMENT.md").read_text()))
    used = set()
    for file in [*FOLDER.glob("*.yml"), *FOLDER.glob("*.yaml")]:
        used |= set(re.findall(r"\$\{([A-Z0-9_]+)", file.read_text()))
    assert used - {"PGHERD_PREBUILT"} <= explained, used - explained
    env = set(re.findall(r"^([A-Z0-9_]+)=", (FOLDER / "create_secrets.sh").read_text(), re.M))
    env |= set(re.findall(r"setting ([A-Z0-9_]+)", (FOLDER / "create_certs.sh").read_text()))
    assert env - {"COMPOSE_IGNORE_ORPHANS"} <= explained


def test_every_variable_of_the_images_has_its_rule():
    page = (ROOT / "docs" / "patroni-compatibility.md").read_text()
    table = page.split("### Read by the images")[1].split("\n## ")[0]
    said = set(re.findall(r"^\| `([A-Z0-9_]+)`", table, re.M))
    used = set()
    for folder in ("images", "initdb.d"):
        for file in (FOLDER / folder).iterdir():
            text = file.read_text()
            used |= set(re.findall(r"\$\{([A-Z][A-Z0-9_]+):?[-?]", text))
            used |= set(re.findall(r"secret ([A-Z][A-Z0-9_]+)\)", text))
    agents = {name for name in used if name.startswith("PATRONI_")} | {"POSTGRES_PASSWORD", "PGDATA"}
    assert used - agents - {"PGHERD_PREBUILT"} == said - {"PATRONI_RESTAPI_AUTH_HEADER"}
