"""The overlay tls.yml: whoever speaks without TLS is not answered, both sides of each connection that can
show a certificate do, and new certificates are taken while everything runs."""

import re
import shutil
import subprocess
import time

import psycopg
import pytest

from composelib import ETCD, NODES, docker, run, wait_until
from herdlib import Writer
from test_guide import commands, run_commands

CA = "/etc/pgherd/certs/ca.crt"
IMAGE = "pgherd/haproxy:latest"
TLS_NODES = NODES + ["patroni-haproxy"]


def beside(network, *words, certs=None, env=(), check=True, timeout=30):
    """A command in a container of its own in one of the networks, with a folder of certificates."""
    options = ["--rm", "--network", network, "--entrypoint", words[0]]
    options += [word for one in env for word in ("--env", one)]
    if certs:
        options += ["--volume", f"{certs}:/certs:ro"]
    return run("docker", "run", *options, IMAGE, *words[1:], check=check, timeout=timeout)


def serial_of(file):
    return run("openssl", "x509", "-in", str(file), "-noout", "-serial").stdout.strip()


def served_at(network, *addresses):
    """The serial numbers of the certificates that are shown there; at 5432 PostgreSQL is asked."""
    script = ("for address; do case $address in *:5432) way='-starttls postgres' ;; *) way= ;; esac; "
              "openssl s_client -connect $address $way </dev/null 2>/dev/null | "
              "openssl x509 -noout -serial; done")
    if network != "etcd-network":
        return docker("exec", "patroni-haproxy", "sh", "-c", script, "sh", *addresses).split()
    return beside(network, "sh", "-c", script, "sh", *addresses, timeout=60).stdout.split()


def said(container):
    done = run("docker", "logs", container)
    return done.stdout + done.stderr


def server_log(node):
    return docker("exec", node, "cat", "/var/lib/postgresql/data/pgherd_postmaster.log")


def hears(container, pattern, seconds=20, log=said):
    return wait_until(f"{container} says {pattern}", lambda: re.search(pattern, log(container)), seconds)


# ---- no answer without TLS

@pytest.mark.quick
def test_plain_http_is_not_answered(deployment):
    for url in ("http://patroni-replica0:8008/health", "http://patroni-replica1:8008/leader"):
        done = beside("patroni-network", "curl", "-s", "--max-time", "3", url, check=False)
        assert done.returncode in (52, 56) and done.stdout == "", f"{url}: {done}"
    for port in (8008, 8080):
        done = beside("postgres-proxy-network", "curl", "-s", "--max-time", "3",
                      f"http://patroni-haproxy:{port}/", check=False)
        assert done.returncode in (52, 56) and done.stdout == "", f"{port}: {done}"


def test_etcd_speaks_to_nobody_without_a_certificate(deployment):
    own = deployment.folder / ".certs" / "patroni-replica0"
    way = {"certs": own, "check": False}
    for network, name in [("etcd-proxy-network", "etcd-proxy")] + [("etcd-network", one) for one in ETCD]:
        plain = beside(network, "curl", "-s", "--max-time", "3", f"http://{name}:2379/version", **way)
        assert "etcdserver" not in plain.stdout, plain
        nameless = beside(network, "curl", "-sS", "--max-time", "3", "--cacert", "/certs/ca.crt",
                          f"https://{name}:2379/version", **way)
        assert nameless.returncode != 0 and "certificate required" in nameless.stderr, nameless
        ours = beside(network, "curl", "-sS", "--max-time", "3", "--cacert", "/certs/ca.crt", "--cert",
                      "/certs/tls.pem", f"https://{name}:2379/version", **way)
        assert "etcdserver" in ours.stdout, ours
    peers = beside("etcd-network", "curl", "-s", "--max-time", "3", "http://etcd0:2380/version", **way)
    assert "etcdserver" not in peers.stdout, peers


@pytest.mark.quick
@pytest.mark.parametrize("kind", ["--write", "--read"])
def test_postgresql_takes_no_session_without_tls(deployment, kind):
    without = re.sub(r"sslmode=\S+ sslrootcert=\S+", "sslmode=disable", deployment.dsn(kind))
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(without)
    assert deployment.ask("select ssl from pg_stat_ssl where pid = pg_backend_pid()", kind) is True


def streaming_conninfo(node, **changes):
    way = {"host": node, "user": "repl", "dbname": "postgres", "replication": "true",
           "sslmode": "verify-full", "sslrootcert": "/certs/ca.crt", "sslcert": "/certs/repl.pem",
           "sslkey": "/certs/repl.pem"}
    return " ".join(f"{key}={value}" for key, value in (way | changes).items())


def stream(deployment, node, certs, **changes):
    return beside("patroni-network", "psql", "-XAtc", "IDENTIFY_SYSTEM",
                  streaming_conninfo(node, **changes), certs=certs,
                  env=[f"PGPASSWORD={deployment.secret('repl')}"], check=False)


def test_nobody_streams_without_tls_or_without_a_certificate(deployment):
    own = deployment.folder / ".certs" / NODES[0]
    assert stream(deployment, NODES[1], own).returncode == 0
    plain = stream(deployment, NODES[1], own, sslmode="disable")
    assert plain.returncode != 0 and "no encryption" in plain.stderr
    nameless = stream(deployment, NODES[1], own, sslcert="/certs/none", sslkey="/certs/none")
    assert nameless.returncode != 0
    assert "connection requires a valid client certificate" in nameless.stderr


# ---- both sides verify

@pytest.mark.quick
def test_replication_is_verified_both_ways(deployment):
    deployment.wait_whole()
    with psycopg.connect(deployment.dsn()) as connection:
        rows = connection.execute(
            "select application_name, ssl, version, client_dn from pg_stat_replication "
            "join pg_stat_ssl using (pid) where usename = 'repl'").fetchall()
    assert {row[0] for row in rows} == set(deployment.standbys())
    assert {row[1:] for row in rows} == {(True, "TLSv1.3", "/CN=repl")}
    for name in deployment.standbys():
        way = deployment.ask_node(name, "select conninfo from pg_stat_wal_receiver")
        assert "sslmode=verify-full" in way and "sslrootcert=/run/pgherd/tls/ca.crt" in way


def test_who_changes_something_shows_a_certificate(deployment):
    login = f"patroni:{deployment.secret('patroni')}"
    own = deployment.folder / ".certs" / NODES[0]

    def code(*words):
        return beside("patroni-network", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                      "--cacert", "/certs/ca.crt", "-u", login, *words, certs=own).stdout

    assert code("https://patroni-replica1:8008/health") == "200"
    assert code("-X", "POST", "https://patroni-replica1:8008/reload") == "403"
    assert code("--cert", "/certs/tls.pem", "-X", "POST",
                "https://patroni-replica1:8008/reload") == "202"


def test_a_switchover_and_a_copy_go_over_it(deployment):
    former = deployment.leader()
    deployment.ctl("switchover", "--candidate", deployment.standbys()[0], "--force")
    deployment.wait_whole()
    leader = deployment.leader()
    assert leader != former
    deployment.ctl("reinit", "pg_cluster", former, "--force", "--wait", node=leader)
    deployment.wait_whole()


# ---- renewal

def take_new_certificates(deployment):
    run("./create_certs.sh", "--renew", cwd=deployment.folder)
    docker("kill", "--signal", "HUP", *TLS_NODES)


@pytest.mark.quick
def test_certificates_are_renewed_while_everything_runs(deployment):
    """An open session, a writer, the standbys' streams and the lease live on; what is new is shown
    everywhere, and asked for of whoever comes next."""
    place = deployment.folder / ".certs"
    before = {name: serial_of(place / name / "tls.pem") for name in TLS_NODES + ETCD}
    leader = deployment.leader()
    walsenders = "select string_agg(pid::text, ',' order by pid) from pg_stat_replication"
    streams = deployment.ask(walsenders)
    with Writer(deployment) as writer, psycopg.connect(deployment.dsn(), autocommit=True) as session:
        pid = session.execute("select pg_backend_pid()").fetchone()[0]
        take_new_certificates(deployment)
        after = {name: serial_of(place / name / "tls.pem") for name in TLS_NODES + ETCD}
        assert all(after[name] != before[name] for name in after)
        for port in (8008, 5432):
            wait_until(f"every node shows it at {port}", lambda port=port: served_at(
                "patroni-network", *[f"{name}:{port}" for name in NODES]) == [
                    after[name] for name in NODES], 60)
        wait_until("HAProxy shows it", lambda: served_at(
            "postgres-proxy-network", "patroni-haproxy:8008", "patroni-haproxy:8080") == [
                after["patroni-haproxy"]] * 2, 60)
        assert served_at("etcd-network", *[f"{name}:{port}" for name in ETCD for port in (2379, 2380)]) == [
            after[name] for name in ETCD for _ in range(2)]
        # HAProxy would have ended the sessions of a former process by now.
        began = time.monotonic()
        wait_until("writes went on", lambda: writer.acknowledged[-1][1] > began + 6, 30)
        assert session.execute("select pg_backend_pid()").fetchone()[0] == pid
    assert writer.errors == []
    assert deployment.ask(walsenders) == streams
    assert deployment.leader() == leader
    hears("patroni-haproxy", "the new certificate is in force; no session ended")
    # A stream that begins now shows the new one.
    deployment.ask_node(leader, "select pg_terminate_backend(pid) from pg_stat_replication")
    fresh = {int(serial_of(place / name / "repl.pem").split("=")[1], 16)
             for name in NODES if name != leader}
    wait_until("the streams show it", lambda: {int(number) for number in deployment.ask_node(
        leader, "select client_serial from pg_stat_ssl join pg_stat_replication using (pid) "
        "where usename = 'repl'").split()} == fresh, 30)
    deployment.wait_whole()


def test_a_certificate_that_cannot_be_used_is_named_and_the_former_stays(deployment):
    name = deployment.standbys()[0]
    file = deployment.folder / ".certs" / name / "tls.pem"
    kept = file.read_text()
    shown = served_at("patroni-network", f"{name}:8008")
    try:
        file.write_text("no certificate\n")
        docker("kill", "--signal", "HUP", name)
        hears(name, r"cannot use \"/run/pgherd/tls/tls.pem\".*The old configuration stays")
        assert served_at("patroni-network", f"{name}:8008") == shown
        file.unlink()
        docker("kill", "--signal", "HUP", name)
        hears(name, "tls.pem cannot be read; ./create_certs.sh makes the certificates")
    finally:
        file.write_text(kept)
        file.chmod(0o600)
        docker("kill", "--signal", "HUP", name)
    deployment.wait_whole()


# ---- certificates that are not accepted

@pytest.fixture(name="strangers", scope="module")
def who_is_not_let_in(running, tmp_path_factory):
    """Folders with tls.pem and repl.pem: of another CA, ended, and a good one under another name."""
    place = running.folder / ".certs"
    run("./create_certs.sh", "--days", "-2", "ended", cwd=running.folder)
    elsewhere = tmp_path_factory.mktemp("foreign")
    shutil.copy(running.folder / "create_certs.sh", elsewhere)
    run("./create_certs.sh", "foreign", cwd=elsewhere)
    foreign = elsewhere / ".certs" / "foreign"
    # Whom it trusts is not what this is about.
    (foreign / "ca.crt").unlink()
    shutil.copy(place / "ca" / "ca.crt", foreign / "ca.crt")
    return {"foreign": foreign, "ended": place / "ended"}


WORDS = {
    "foreign": {"alert": "unknown ca", "server": "unable to get local issuer certificate",
                "ctl": "who signed it is not trusted there"},
    "ended": {"alert": "certificate expired", "server": "certificate has expired",
              "ctl": "it has expired"},
}


@pytest.mark.parametrize("kind", WORDS)
def test_the_rest_api_says_why_a_certificate_is_refused(deployment, strangers, kind):
    node = NODES[2]
    done = beside("patroni-network", "curl", "-sS", "--cacert", "/certs/ca.crt", "--cert",
                  "/certs/tls.pem", f"https://{node}:8008/health", certs=strangers[kind], check=False)
    assert done.returncode != 0 and WORDS[kind]["alert"] in done.stderr, done
    hears(node, rf"is refused, its certificate \"CN = {kind}\" of \".*pgherd CA \w+\", good from .* "
          rf"until .*: {WORDS[kind]['server']}; who may sign says restapi.cafile")


@pytest.mark.parametrize("kind", WORDS)
def test_ctl_says_why_its_certificate_is_refused(deployment, strangers, kind):
    asks, leader = deployment.standbys()[0], deployment.leader()
    subprocess.run(["docker", "exec", "-i", asks, "sh", "-c", "umask 077; cat >/tmp/stranger.pem"],
                   input=(strangers[kind] / "tls.pem").read_bytes(), check=True)
    done = run("docker", "exec", "--env", "PATRONI_CTL_CERTFILE=/tmp/stranger.pem", asks, "patronictl",
               "-c", "/etc/patroni.yml", "restart", "pg_cluster", leader, "--force", check=False)
    assert re.search(r"does not take our certificate /tmp/stranger.pem \(ctl.certfile\): "
                     + WORDS[kind]["ctl"], done.stdout + done.stderr), done


@pytest.mark.parametrize("kind", WORDS)
def test_postgresql_says_why_a_certificate_is_refused(deployment, strangers, kind):
    node = NODES[1]
    done = stream(deployment, node, strangers[kind])
    assert done.returncode != 0 and WORDS[kind]["alert"] in done.stderr, done
    hears(node, rf"could not accept SSL connection: certificate verify failed[^\n]*\n[^\n]*DETAIL:  "
          rf"Client certificate verification failed at depth 0: {WORDS[kind]['server']}", log=server_log)


def test_postgresql_says_that_a_certificate_is_of_another_role(deployment):
    node = NODES[1]
    done = stream(deployment, node, deployment.folder / ".certs" / NODES[0], sslcert="/certs/tls.pem",
                  sslkey="/certs/tls.pem")
    # The client hears of the method; the server knows what it was.
    assert done.returncode != 0 and "authentication failed for user \"repl\"" in done.stderr, done
    hears(node, r"certificate validation \(clientcert=verify-full\) failed for user \"repl\": CN mismatch",
          log=server_log)


def test_etcd_refuses_strangers(deployment, strangers):
    for kind in WORDS:
        done = beside("etcd-proxy-network", "curl", "-sS", "--max-time", "3", "--cacert", "/certs/ca.crt",
                      "--cert", "/certs/tls.pem", "https://etcd-proxy:2379/version",
                      certs=strangers[kind], check=False)
        assert done.returncode != 0 and done.stdout == "", done


# ---- what stands in the documents

def test_every_command_of_the_guide_about_tls_works(deployment):
    assert run_commands(deployment, commands("tls")) > 6
    deployment.wait_whole()


def test_nodes_are_replaced_with_their_overlay(deployment):
    with open(deployment.folder / ".env", "a", encoding="utf-8") as env:
        env.write("NODE_SHM=300m\n")
    said_so = run("./rolling_update.sh", cwd=deployment.folder, timeout=400).stdout
    assert said_so.count(": replaced") == 4, said_so
    deployment.wait_whole()
    assert deployment.ask("select bool_and(ssl) from pg_stat_ssl join pg_stat_replication using (pid)")
