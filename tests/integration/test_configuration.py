"""What stands in the configuration holds, or somebody says that it does not."""

import contextlib
import http.client
import itertools
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading

import pytest

from herdlib import PGHERD, Solo, wait_until


SCOPES = (f"conf-{number}" for number in itertools.count())


@pytest.fixture
def solo(herd):
    made = Solo(herd, next(SCOPES))
    yield made
    made.close()


def with_rest_keys(solo, keys):
    assert solo.text.count("restapi: {") == 1
    return solo.text.replace("restapi: {", "restapi: {" + keys + ", ")


def patch(solo, maximum_lag, source):
    return solo.ask("/config", "PATCH", {"maximum_lag_on_failover": maximum_lag}, source)[0]


def stored_lag(solo):
    return json.loads(solo.get("/config")[1]).get("maximum_lag_on_failover")


def test_who_leads_leads_without_a_gap_when_the_ttl_is_changed(solo):
    """A proxy that hears otherwise once cuts all connections."""
    solo.start().wait_leads()
    answers, is_over = [], threading.Event()

    def ask():
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", solo.rest_port, timeout=10)) as connection:
            while not is_over.is_set():
                connection.request("GET", "/leader")
                answer = connection.getresponse()
                answer.read()
                answers.append(answer.status)

    proxy = threading.Thread(target=ask)
    proxy.start()
    for ttl in range(20, 30):
        assert solo.ask("/config", "PATCH", {"ttl": ttl})[0] == 200
        solo.wait_for(f"lease of {ttl} s")
        asked = len(answers)
        wait_until("the proxy's next answer", lambda asked=asked: len(answers) > asked)
    is_over.set()
    proxy.join()
    assert set(answers) == {200}


@pytest.mark.core
@pytest.mark.parametrize("where", ["file", "variable"])
def test_a_change_from_an_address_that_is_not_listed_is_denied(solo, where):
    if where == "file":
        solo.start(with_rest_keys(solo, 'allowlist: ["127.0.0.1"]'))
    else:
        solo.start(env={"PATRONI_RESTAPI_ALLOWLIST": "127.0.0.1"})
    solo.wait_leads()
    assert solo.ask("/config", "PATCH", {"maximum_lag_on_failover": 1}, "127.0.0.2")[:2] == (
        403, "Access is denied")
    assert stored_lag(solo) is None
    assert solo.ask("/patroni", source="127.0.0.2")[0] == 200, "looking is for everybody"
    assert patch(solo, 2, "127.0.0.1") == 200
    # It is shown as soon as the store's watch has told the agent.
    wait_until("the change is shown", lambda: stored_lag(solo) == 2)


@pytest.mark.core
def test_a_reload_admits_whom_the_list_names_now(solo):
    solo.start(with_rest_keys(solo, "allowlist: [127.0.0.1], http_extra_headers: {X-Site: north}"))
    solo.wait_leads()
    assert patch(solo, 1, "127.0.0.2") == 403
    assert solo.ask("/patroni")[2]["X-Site"] == "north"
    config = solo.folder / f"{solo.name}.yml"

    config.write_text(with_rest_keys(solo, "allowlist: [127.0.0.0/33]"))
    solo.process.send_signal(signal.SIGHUP)
    solo.wait_for("'127.0.0.0/33' is none of them. The old configuration stays")
    assert patch(solo, 2, "127.0.0.2") == 403

    config.write_text(with_rest_keys(solo, "allowlist: [127.0.0.0/8], http_extra_headers: {X-Site: south}"))
    solo.process.send_signal(signal.SIGHUP)
    wait_until("the new header", lambda: solo.ask("/patroni")[2]["X-Site"] == "south")
    assert patch(solo, 3, "127.0.0.2") == 200


def test_members_are_admitted_beside_the_list(solo):
    solo.start(with_rest_keys(solo, "allowlist: [127.9.9.9]"),
               env={"PATRONI_RESTAPI_ALLOWLIST_INCLUDE_MEMBERS": "true"})
    solo.wait_leads()
    assert patch(solo, 1, "127.0.0.2") == 403
    assert patch(solo, 2, "127.0.0.1") == 200, "where this member's own API is"


def test_tls_has_the_passphrase_the_ciphers_and_the_headers_of_the_configuration(solo):
    key, certificate = solo.folder / "key.pem", solo.folder / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-passout", "pass:open sesame",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost"],
                   check=True, capture_output=True)
    for path in (key, certificate):
        path.chmod(0o644)
    text = with_rest_keys(solo, f'certfile: "{certificate}", keyfile: "{key}", '
                                'ciphers: ECDHE-RSA-AES256-GCM-SHA384, '
                                'http_extra_headers: {X-Site: north}, '
                                'https_extra_headers: {Strict-Transport-Security: max-age=1}')
    status, said = solo.run_to_its_end(text)
    assert status == 1 and "restapi.keyfile: cannot use" in said, "there is no passphrase"
    solo.start(text, env={"PATRONI_RESTAPI_KEYFILE_PASSWORD": "open sesame"})
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def ask():
        connection = http.client.HTTPSConnection("127.0.0.1", solo.rest_port, timeout=5, context=context)
        with contextlib.closing(connection):
            connection.request("GET", "/patroni")
            return connection.sock.cipher()[0], connection.getresponse().headers
    cipher, headers = wait_until("the API answers", ask)
    assert cipher == "ECDHE-RSA-AES256-GCM-SHA384"
    assert headers["X-Site"] == "north" and headers["Strict-Transport-Security"] == "max-age=1"
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    with pytest.raises(OSError):
        ask()


@pytest.mark.core
@pytest.mark.parametrize("old, new, key", [
    ("scope: ", "citus: {group: 0, database: x}\nscope: ", "citus"),
    ("scope: ", "consul: {host: localhost}\nscope: ", "consul"),
])
def test_what_cannot_be_left_out_is_refused_at_the_start(solo, old, new, key):
    assert old in solo.text
    text = solo.text.replace(old, new, 1)
    status, said = solo.run_to_its_end(text)
    assert status == 1
    assert f": {key} is not served: " in said and "solo.yml:" in said, said
    assert not solo.data_dir.exists(), "nothing was made in another way than asked"
    validated = subprocess.run([PGHERD, "agent", "--validate-config", "-i", solo.folder / "solo.yml"],
                               capture_output=True, text=True, timeout=20, check=False)
    assert validated.returncode == 1
    assert re.search(f"pgherd: (.*: {key} is not served: .*)", validated.stderr)[1] in said


def test_what_can_be_left_out_is_warned_of(solo):
    text = solo.text.replace("bootstrap:\n", "bootstrap:\n  users: {admin: {password: x}}\n")
    solo.start(text + "thread_pool_size: 7\n")
    solo.wait_leads()
    for key in ("bootstrap.users", "thread_pool_size"):
        lines = [line for line in solo.said().splitlines() if f": {key} is not served: " in line]
        assert len(lines) == 1 and "WARNING" in lines[0], solo.said()
    validated = subprocess.run([PGHERD, "agent", "--validate-config", "-i", solo.folder / "solo.yml"],
                               capture_output=True, text=True, timeout=20, check=False)
    assert validated.returncode == 0
    assert "warning: " in validated.stderr and "bootstrap.users is not served" in validated.stderr
    assert solo.ask("/config", "PATCH", {"postgresql": {"bin_name": {"pg_ctl": "other"}}})[0] == 200
    solo.wait_for("dynamic configuration: postgresql.bin_name.pg_ctl is not served")


@pytest.mark.core
def test_the_log_has_the_form_of_the_configuration_also_after_a_reload(solo):
    """Python's names of a line's parts, the levels of Patroni's loggers, the heartbeat of each loop."""
    folder = solo.folder / "logs"
    folder.mkdir()
    os.chown(folder, solo.user, solo.group)
    log = folder / "patroni.log"
    form = "'%(levelname)-8s;%(asctime)s;%(name)s;%(message)s'"
    solo.start(solo.text + f"log: {{dir: {folder}, mode: 0640, format: {form}, "
                           "loggers: {patroni.api: DEBUG}}\n", env={"PATRONI_LOG_DATEFORMAT": "%Y"})
    solo.wait_leads()
    heartbeat = f"no action. I am ({solo.name}), the leader with the lock"
    wait_until("a heartbeat in every loop", lambda: log.read_text().count(heartbeat) > 2)
    lines = log.read_text().splitlines()
    assert all(re.fullmatch(r"(DEBUG|INFO|WARNING) *;\d{4};pgherd\.[a-z_.]+;.*", line) for line in lines), lines
    assert any(line.startswith("DEBUG   ;") and ";pgherd.rest.connection;API request 127.0.0.1 GET /" in line
               for line in lines), lines
    assert not any(line.startswith("DEBUG") and ";pgherd.daemon" in line for line in lines)
    assert log.stat().st_mode & 0o777 == 0o640
    assert solo.said() == "", "all of it is in the file"

    (solo.folder / f"{solo.name}.yml").write_text(
        solo.text + f"log: {{dir: {folder}, type: json, format: [message, levelname: level], "
                    "static_fields: {app: x}, deduplicate_heartbeat_logs: true}\n")
    solo.process.send_signal(signal.SIGHUP)
    wait_until("a line in JSON", lambda: log.read_text().splitlines()[-1].startswith("{"))
    solo.ask("/config", "PATCH", {"pause": True})
    paused = f"PAUSE: {heartbeat}"
    wait_until("the pause is told", lambda: paused in log.read_text())
    made = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert {"message": paused, "level": "INFO", "app": "x"} in made
    assert sum(line["message"] == heartbeat for line in made) <= 1, "what is not new is said once"


def test_the_server_header_says_what_is_asked_for(solo):
    solo.start(with_rest_keys(solo, "server_tokens: Minimal"))
    solo.wait_leads()
    version = subprocess.run([PGHERD, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    assert solo.ask("/patroni")[2]["Server"] == f"pgherd/{version}"
    (solo.folder / f"{solo.name}.yml").write_text(with_rest_keys(solo, "server_tokens: some"))
    solo.process.send_signal(signal.SIGHUP)
    solo.wait_for("restapi.server_tokens is 'some'; allowed are original, productonly and minimal")
    wait_until("the usual header", lambda: solo.ask("/patroni")[2]["Server"] == "pgherd")


def test_a_cluster_with_files_and_programs_of_other_names_begins(solo):
    text = solo.text.replace("postgresql:\n", "postgresql:\n  config_base_name: mine\n"
                             f"  bin_name: {{initdb: {solo.bin_dir}/initdb}}\n", 1)
    solo.start(text)
    solo.wait_leads()
    assert (solo.data_dir / "mine.base.conf").exists()
    assert "pgherd" in (solo.data_dir / "mine.conf").read_text()
    assert solo.ask("/config", "PATCH", {"postgresql": {"config_base_name": "theirs"}})[0] == 200
    solo.process.send_signal(signal.SIGHUP)
    assert solo.ask("/config", "PATCH", {"postgresql": {"parameters": {"work_mem": "5MB"}}})[0] == 200
    wait_until("the parameter is written", lambda: "5MB" in (solo.data_dir / "mine.conf").read_text())
    assert not (solo.data_dir / "theirs.conf").exists()


def test_a_setting_in_an_included_file_that_does_not_count_is_told(solo):
    """PostgreSQL itself says nothing of it: the agent gives the same parameter on the command line."""
    base, nested = solo.folder / "base.conf", solo.folder / "nested.conf"

    def write(file, text):
        file.write_text(text)
        file.chmod(0o644)

    def told(words):
        return [line for line in solo.said().splitlines() if words in line]

    write(nested, "work_mem = '5MB'\nMax_Connections = 200\nwal_level = replica\n")
    write(base, "include 'nested.conf'\nmax_wal_senders = 10\n")
    solo.start(solo.text.replace("postgresql:\n", f"postgresql:\n  custom_conf: '{base}'\n", 1))
    solo.wait_leads()
    first = f"{nested}:2: max_connections = '200' has no effect, the agent sets '100'"
    solo.wait_for(first)
    assert "edit-config -p max_connections=200" in told(first)[0]

    # Another value: told as well. Where it counts it is not told.
    write(nested, "max_connections = 150\n")
    solo.process.send_signal(signal.SIGHUP)
    solo.wait_for(f"{nested}:1: max_connections = '150' has no effect")
    parameters = {"max_connections": 150, "max_wal_senders": 12}
    assert solo.ask("/config", "PATCH", {"postgresql": {"parameters": parameters}})[0] == 200
    solo.wait_for(f"{base}:2: max_wal_senders = '10' has no effect, the agent sets '12'")
    assert len(told("has no effect")) == 3, told("has no effect")


def agent(solo, *words, env=None, **options):
    """An end of `pgherd agent ...`, as the user who owns PostgreSQL."""
    user = {"user": solo.user, "group": solo.group, "extra_groups": []} if os.geteuid() == 0 else {}
    return subprocess.run([PGHERD, "agent", *words], capture_output=True, text=True, timeout=60, check=False,
                          cwd=solo.folder, env=os.environ | (env or {}), **user, **options)


@pytest.mark.core
def test_all_that_is_wrong_is_told_at_once(solo):
    taken = socket.socket()
    with contextlib.closing(taken):
        taken.bind(("127.0.0.1", solo.rest_port))
        taken.listen()
        (solo.folder / "pg").mkdir()
        (solo.folder / "pg" / "file").write_text("of somebody")
        (solo.folder / "bad.yml").write_text(
            solo.text.replace(str(solo.data_dir), str(solo.folder / "pg"))
            .replace(solo.bin_dir, "/nowhere")
            .replace("ttl: 5", "ttl: many") + "log: {level: LOUD}\n")
        said = agent(solo, "--validate-config", "bad.yml")
        assert said.returncode == 1 and said.stdout == ""
        assert "in use" not in agent(solo, "--validate-config", "--file-only", "bad.yml").stderr
        for words in ("pgherd: bad.yml:4: restapi.listen: 127.0.0.1:", "is already in use",
                      'bootstrap.dcs.ttl is "many"', "log.level is 'LOUD'",
                      "postgres, initdb, pg_basebackup are not in /nowhere",
                      f"{solo.folder}/pg is no data directory of PostgreSQL, and not empty",
                      "warning: bad.yml:4: restapi.connect_address is '127.0.0.1:"):
            assert words in said.stderr, (words, said.stderr)
        assert "in use" not in agent(solo, "--validate-config", "-i", "bad.yml").stderr
    (solo.folder / "good.yml").write_text(solo.text)
    said = agent(solo, "--validate-config", "--print", "good.yml", env={"PATRONI_LOG_LEVEL": "DEBUG"})
    assert said.returncode == 0, said.stderr
    assert "log:\n  level: DEBUG\n" in said.stdout
    assert agent(solo, "-p", "good.yml").returncode == 2, "an option of another duty"


@pytest.mark.core
def test_a_sample_is_filled_in_by_variables_validates_and_leads(solo, herd):
    etcd = [f"127.0.0.1:{member['client_port']}" for member in herd.plan["etcd"].values()]
    env = {"PATRONI_SCOPE": solo.scope, "PATRONI_NAME": solo.name, "PATRONI_ETCD3_HOSTS": ",".join(etcd),
           "PATRONI_POSTGRESQL_DATA_DIR": str(solo.data_dir), "PATRONI_POSTGRESQL_BIN_DIR": solo.bin_dir,
           "PATRONI_POSTGRESQL_LISTEN": f"127.0.0.1:{solo.pg_port}",
           "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"127.0.0.1:{solo.pg_port}",
           "PATRONI_POSTGRESQL_PGPASS": f"{solo.folder}/pgpass",
           "PATRONI_RESTAPI_LISTEN": f"127.0.0.1:{solo.rest_port}",
           "PATRONI_RESTAPI_CONNECT_ADDRESS": f"127.0.0.1:{solo.rest_port}",
           "PATRONI_SUPERUSER_PASSWORD": "s", "PATRONI_REPLICATION_PASSWORD": "r",
           "PATRONI_REWIND_PASSWORD": "w"}
    made = agent(solo, "--generate-sample-config", "made/sample.yml", env=env)
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")
    sample = solo.folder / "made" / "sample.yml"
    assert sample.stat().st_mode & 0o777 == 0o600
    said = agent(solo, "--validate-config", "made/sample.yml")
    assert said.returncode == 0 and "#FIXME" not in said.stderr, said.stderr
    assert "#FIXME" in agent(solo, "--generate-sample-config").stdout
    # The socket's usual folder belongs to somebody else here.
    solo.start(sample.read_text().replace(
        "    password_encryption:", '    unix_socket_directories: ""\n    password_encryption:'))
    solo.wait_leads()
    assert json.loads(solo.get("/config")[1])["ttl"] == 30


@pytest.mark.core
def test_a_running_server_is_taken_over_by_the_configuration_made_of_it(solo):
    """As Debian has it: the configuration in a folder of its own, a cluster's name with a slash."""
    config_dir = solo.folder / "etc"
    config_dir.mkdir()
    solo.data_dir.parent.chmod(0o755)
    as_owner = {"user": solo.user, "group": solo.group, "extra_groups": []} if os.geteuid() == 0 else {}

    def run(*words):
        subprocess.run(words, check=True, capture_output=True, cwd=solo.folder, **as_owner)
    run(f"{solo.bin_dir}/initdb", "-D", solo.data_dir, "-U", "postgres", "-A", "trust", "-k")
    for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf"):
        (solo.data_dir / name).rename(config_dir / name)
    with open(config_dir / "postgresql.conf", "a", encoding="utf-8") as conf:
        conf.write(f"data_directory = '{solo.data_dir}'\nhba_file = '{config_dir}/pg_hba.conf'\n"
                   f"ident_file = '{config_dir}/pg_ident.conf'\nport = {solo.pg_port}\n"
                   "listen_addresses = '127.0.0.1'\ncluster_name = '17/main'\nmax_connections = 42\n"
                   "work_mem = 5MB\nunix_socket_directories = ''\narchive_mode = on\narchive_command = '/bin/true'\n")
    for path in (config_dir, *config_dir.iterdir()):
        os.chown(path, solo.user, solo.group)
    run(f"{solo.bin_dir}/pg_ctl", "-w", "-D", config_dir, "-l", solo.folder / "server.log", "start")
    dsn = f"host=127.0.0.1 port={solo.pg_port} user=postgres"
    refused = agent(solo, "--generate-config", "--dsn", "nonsense")
    assert refused.returncode == 1 and "--dsn: " in refused.stderr
    made = agent(solo, "--generate-config", "--dsn", dsn)
    assert made.returncode == 0, made.stderr
    for words in ("scope: 17-main\n", f"config_dir: {config_dir}\n", f"bin_dir: {solo.bin_dir}\n",
                  f"data_dir: {solo.data_dir}\n", "max_connections: '42'\n", "work_mem: 5MB\n",
                  "archive_command: /bin/true\n", "host    all             all             127.0.0.1/32"):
        assert words in made.stdout, (words, made.stdout)
    assert made.stdout.index("max_connections") < made.stdout.index("\npostgresql:") < made.stdout.index("archive_command")

    env = {"PATRONI_SCOPE": solo.scope, "PATRONI_NAME": solo.name,
           "PATRONI_ETCD3_HOSTS": re.search(r"hosts: (\[.*\])", solo.text)[1].replace('"', ""),
           "PATRONI_REPLICATION_USERNAME": "replicator", "PATRONI_REPLICATION_PASSWORD": "r",
           "PATRONI_SUPERUSER_PASSWORD": "s", "PATRONI_POSTGRESQL_PGPASS": f"{solo.folder}/pgpass",
           "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"127.0.0.1:{solo.pg_port}",
           "PATRONI_RESTAPI_LISTEN": f"127.0.0.1:{solo.rest_port}",
           "PATRONI_RESTAPI_CONNECT_ADDRESS": f"127.0.0.1:{solo.rest_port}"}
    (solo.folder / "made.yml").write_text(made.stdout)
    said = agent(solo, "--validate-config", "-i", "made.yml", env=env)
    assert said.returncode == 0, said.stderr
    solo.start(made.stdout, env=env)
    solo.wait_leads()
    # It leads first: what runs serves already.
    wait_until("files of ours above the former ones", (config_dir / "postgresql.base.conf").exists)


def test_the_service_manager_is_told_how_far_it_is(solo):
    address = str(solo.folder / "notify")
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        manager.bind(address)
        os.chown(address, solo.user, solo.group)
        manager.settimeout(60)
        solo.start(env={"NOTIFY_SOCKET": address})
        assert manager.recv(1000) == b"READY=1"
        solo.process.send_signal(signal.SIGHUP)
        reloading = manager.recv(1000).decode()
        assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=[0-9]+", reloading), reloading
        assert manager.recv(1000) == b"READY=1"
        solo.wait_leads()
        postmaster = int((solo.data_dir / "postmaster.pid").read_text().splitlines()[0])
        with open(f"/proc/{postmaster}/environ", "rb") as variables:
            assert b"NOTIFY_SOCKET" not in variables.read(), "PostgreSQL would speak for the agent"
        solo.stop()
        assert manager.recv(1000) == b"STOPPING=1"


def test_variables_alone_configure_where_the_file_is_absent_and_scripts_are_not_told_the_passwords(solo):
    """As images do that always name a file and are given everything in variables."""
    told = solo.folder / "told"
    command = f"/bin/sh -c 'env > {told}.part; mv {told}.part {told}' script"
    text = solo.text.replace("\npostgresql:\n", f"\npostgresql:\n  callbacks: {{on_start: \"{command}\"}}\n", 1)
    absent = solo.folder / "absent.yml"
    solo.write_configuration = lambda _: absent
    solo.start(env={"PATRONI_CONFIGURATION": text, "PATRONI_RESTAPI_PASSWORD": "hidden-from-scripts",
                    "PATRONI_SOMETHING": "seen"})
    solo.wait_leads()
    assert f"{absent} does not exist; the configuration is taken from the PATRONI_* variables alone" in solo.said()
    wait_until("the script has run", told.exists)
    environment = told.read_text()
    assert "PATRONI_SOMETHING=seen" in environment and "PATH=" in environment
    assert "PATRONI_CONFIGURATION" not in environment and "hidden-from-scripts" not in environment
    # What is hidden from scripts is not lost for the agent.
    assert solo.ask("/reload", "POST", {})[0] == 202
    solo.wait_for("reloading")
    assert solo.leads() and "cannot be read" not in solo.said()
