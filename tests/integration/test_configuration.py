"""What stands in the configuration holds, or somebody says that it does not."""

import contextlib
import http.client
import itertools
import json
import signal
import ssl
import subprocess

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
    ("postgresql:\n", "postgresql:\n  config_base_name: other\n", "postgresql.config_base_name"),
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
    validated = subprocess.run([PGHERD, "agent", "--validate-config", solo.folder / "solo.yml"],
                               capture_output=True, text=True, timeout=20, check=False)
    assert validated.returncode == 1
    assert validated.stderr.strip() in said


def test_what_can_be_left_out_is_warned_of(solo):
    text = solo.text.replace("bootstrap:\n", "bootstrap:\n  users: {admin: {password: x}}\n")
    solo.start(text + "log: {format: '%(message)s'}\n")
    solo.wait_leads()
    for key in ("bootstrap.users", "log.format"):
        lines = [line for line in solo.said().splitlines() if f": {key} is not served: " in line]
        assert len(lines) == 1 and "WARNING" in lines[0], solo.said()
    validated = subprocess.run([PGHERD, "agent", "--validate-config", solo.folder / "solo.yml"],
                               capture_output=True, text=True, timeout=20, check=False)
    assert validated.returncode == 0
    assert "warning: " in validated.stderr and "bootstrap.users is not served" in validated.stderr
    assert solo.ask("/config", "PATCH", {"postgresql": {"krbsrvname": "other"}})[0] == 200
    solo.wait_for("dynamic configuration: postgresql.krbsrvname is not served")


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
