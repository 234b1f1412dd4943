"""What one sees after `up`: everything healthy, both ports, the table, isolation, no secret anywhere."""

import json
import os
import re

import psycopg
import pytest

from composelib import ETCD, NODES, OVERLAYS, SERVICES, at_terminal, docker, inspect, run

RULE = "+------------------+------------------+---------+-----------+----+-----------+-----------------+"
TABLE = [
    "+ Cluster: pg_cluster ({id}) ----+-----------+----+-----------+-----------------+",
    "| Member           | Host             | Role    | State     | TL | Lag in MB | Tags            |",
    RULE,
    *[f"| {name} | {name} | {{{name}}} |  1 | {{lag-{name}}} | clonefrom: true |" for name in NODES],
    RULE]


@pytest.mark.quick
def test_all_services_become_healthy(deployment):
    assert deployment.health() == {"healthy"}
    status = docker("ps", "--format", "{{.Names}} {{.Status}}")
    for name in SERVICES:
        assert re.search(rf"^{name} Up .*\(healthy\)$", status, re.M), status


@pytest.mark.quick
def test_both_ports_lead_where_they_should_with_the_settings_of_the_role(deployment):
    writes = "select concat_ws('|', pg_is_in_recovery(), current_setting('archive_mode'), " \
             "current_setting('archive_command'), current_setting('default_transaction_read_only'))"
    archive = "pgbackrest --stanza=main archive-push %p" if "backup" in OVERLAYS else "/usr/local/bin/archive-wal %p %f"
    assert deployment.ask(writes) == f"f|on|{archive}|off"
    # The overlay sets it in each node's own file, whatever its role; a standby does not archive.
    on_standby = archive if "backup" in OVERLAYS else ""
    assert deployment.ask(writes, "--read") == f"t|on|{on_standby}|on"
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        deployment.ask("create table never (a int)", "--read")


def test_no_setting_of_the_deployment_is_without_effect(deployment):
    for name in NODES:
        assert "has no effect" not in run("docker", "logs", name).stderr, name


@pytest.mark.quick
def test_the_application_has_its_user_and_database(deployment):
    password = deployment.secret("milvus")
    assert deployment.ask("select current_database()", user="milvus", password=password,
                          database="milvus") == "milvus"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        deployment.ask("select 1", user="milvus", password="wrong", database="milvus")
    assert deployment.ask("select count(*) from pg_extension where extname = 'pg_stat_statements'") == 1


@pytest.mark.quick
def test_the_client_reports_success(deployment):
    report = deployment.compose("run", "--rm", "client", file="client.yaml").stdout
    assert re.search(r"\d+ passed", report) and "failed" not in report, report


def test_the_table_is_the_guides(deployment):
    shown, status = at_terminal(
        "docker exec -it patroni-replica0 patronictl -c /etc/patroni.yml list")
    assert status == 0
    leader = deployment.leader()
    holes = {"id": deployment.ask("select system_identifier from pg_control_system()")}
    for name in NODES:
        holes[name] = "Leader  | running  " if name == leader else "Replica | streaming"
        holes[f"lag-{name}"] = "         " if name == leader else "        0"
    assert shown.splitlines() == [line.format_map(holes) for line in TABLE]


def test_the_rest_api_answers_where_the_guide_asks_it(deployment):
    login = f"patroni:{deployment.secret('patroni')}"
    leader = deployment.leader()

    def code(container, url):
        return deployment.inside(container, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                                 "-u", login, url)

    assert code("patroni-replica0", "http://localhost:8008/health") == "200"
    assert code("patroni-replica0", "http://localhost:8008/cluster") == "200"
    assert code("patroni-replica0", "http://localhost:8008/metrics") == "200"
    for name in NODES:
        expected = "200" if name == leader else "503"
        assert code("patroni-haproxy", f"http://{name}:8008/leader") == expected
    deployment.inside("patroni-haproxy", "ping", "-c", "1", "-W", "2", "patroni-replica0")


def test_psql_works_where_the_guide_runs_it(deployment):
    leader = deployment.leader()
    shown, status = at_terminal(
        f"docker exec -it {leader} psql -U admin -d postgres "
        "-Atc \"SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'\"")
    assert status == 0
    assert sorted(shown.split()) == sorted(name for name in NODES if name != leader)
    shown, status = at_terminal(
        "docker exec -it patroni-haproxy psql -h patroni-replica1 -p 5432 -U admin -d postgres "
        "-Atc 'SELECT 41 + 1'", [("Password for user admin: ", deployment.secret("postgres"))])
    assert (status, shown.split()[-1]) == (0, "42")


def test_the_statistics_want_a_password(deployment):
    def code(*login):
        return run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *login,
                   "http://localhost:8080/stats").stdout

    assert code() == "401"
    assert code("-u", "admin:wrong") == "401"
    assert code("-u", f"admin:{deployment.secret('patroni')}") == "200"


# ---- isolation

def address_of(container, network):
    return inspect(container)["NetworkSettings"]["Networks"][network]["IPAddress"]


def networks_of(container):
    return set(inspect(container)["NetworkSettings"]["Networks"])


def test_every_container_is_only_in_the_networks_that_it_needs(deployment):
    for name in ETCD:
        assert networks_of(name) == {"etcd-network"}
    assert networks_of("etcd-proxy") == {"etcd-network", "etcd-proxy-network"}
    for name in NODES:
        assert networks_of(name) == {"patroni-network", "etcd-proxy-network"}
    assert networks_of("patroni-haproxy") == {"patroni-network", "postgres-proxy-network"}


def test_nodes_reach_etcd_only_through_the_proxy(deployment):
    assert deployment.inside("patroni-replica0", "curl", "-s", "http://etcd-proxy:2379/version")
    for name in ETCD:
        for target in (name, address_of(name, "etcd-network")):
            done = run("docker", "exec", "patroni-replica0", "curl", "-s", "--max-time", "2",
                       f"http://{target}:2379/version", check=False)
            assert done.returncode != 0, f"patroni-replica0 reaches {target}"


def test_nobody_outside_reaches_a_node(deployment):
    published = {name: inspect(name)["NetworkSettings"]["Ports"] for name in SERVICES}
    for name in SERVICES:
        bound = {port for port, where in published[name].items() if where}
        wanted = {"5432/tcp", "5433/tcp", "8080/tcp"} if name == "patroni-haproxy" else set()
        assert bound == wanted, name
    for name in NODES:
        # Nothing is sent: it would leave this machine by the default route.
        for network in networks_of(name):
            route = run("ip", "route", "get", address_of(name, network), check=False).stdout
            assert " dev br-" not in route, f"this machine reaches {name}: {route}"
    done = deployment.compose(
        "run", "--rm", "client", "python3", "-c",
        "import socket\n"
        "for name in ('patroni-replica0', 'etcd-proxy', 'etcd0'):\n"
        "    try:\n"
        "        socket.create_connection((name, 5432), 2)\n"
        "        raise SystemExit(f'reached {name}')\n"
        "    except OSError:\n"
        "        pass\n", file="client.yaml", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# ---- secrets

def test_no_secret_is_in_inspect_logs_process_lists_or_images(deployment):
    secrets = [deployment.secret(name) for name in ("postgres", "repl", "milvus", "patroni")]
    places = {}
    for name in SERVICES:
        places[f"docker inspect {name}"] = docker("inspect", name)
        done = run("docker", "logs", name)
        places[f"docker logs {name}"] = done.stdout + done.stderr
        places[f"docker top {name}"] = docker("top", name, "-eo", "pid,args")
    for image in ("patroni", "haproxy", "etcd", "client", "postgres"):
        places[f"docker history {image}"] = docker("history", "--no-trunc", f"pgherd/{image}:latest")
        places[f"docker image inspect {image}"] = docker("image", "inspect", f"pgherd/{image}:latest")
    for place, text in places.items():
        for secret in secrets:
            assert secret not in text, f"a password is in {place}"


def test_the_environment_of_no_process_holds_a_password(deployment):
    secrets = [deployment.secret(name) for name in ("postgres", "repl", "milvus", "patroni")]
    for name in NODES + ["patroni-haproxy"]:
        dump = run("docker", "exec", name, "bash", "-c", "cat /proc/[0-9]*/environ | tr '\\0' '\\n'",
                   check=False).stdout
        assert "PATRONI_RESTAPI_USERNAME=patroni" in dump
        for secret in secrets:
            assert secret not in dump, name


def test_the_secrets_are_for_their_owner_only(deployment):
    folder = deployment.folder / ".secrets"
    names = {file.name for file in folder.iterdir()}
    assert names == {f"{name}_password.txt" for name in (
        "postgres", "repl", "milvus", "patroni", "backup")} | {"secrets.json"}
    for file in folder.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file
    held = json.loads((folder / "secrets.json").read_text())
    assert held["repl_password"] == deployment.secret("repl")


# ---- hardening

def test_containers_are_confined(deployment):
    for name in SERVICES:
        host = inspect(name)["HostConfig"]
        assert host["Privileged"] is False
        assert host["ReadonlyRootfs"] is True
        assert "ALL" in host["CapDrop"]
        assert host["Memory"] > 0
        assert host["Init"] is True
        limits = {limit["Name"]: limit["Hard"] for limit in host["Ulimits"]}
        assert limits["nofile"] == int(os.environ.get("NOFILE", 65535))
    assert inspect("patroni-replica0")["HostConfig"]["ShmSize"] >= 256 << 20
    for name, user in [("patroni-replica0", "postgres"), ("patroni-haproxy", "haproxy"),
                       ("etcd0", "etcd")]:
        owners = {line.split()[1] for line in docker("top", name, "-eo", "pid,user,comm").splitlines()[1:]
                  if line.split()[2] in ("pgherd", "patroni", "postgres", "haproxy", "etcd")}
        assert owners and "root" not in owners, (name, user, owners)


def test_images_hold_no_compiler(deployment):
    for image in ("patroni", "haproxy", "etcd", "client"):
        done = run("docker", "run", "--rm", "--entrypoint", "sh", f"pgherd/{image}:latest", "-c",
                   "command -v gcc g++ cc make cmake", check=False)
        assert done.stdout == "", image
        size = int(docker("image", "inspect", "--format", "{{.Size}}", f"pgherd/{image}:latest"))
        print(f"image {image}: {size / 1e6:.0f} MB")
