"""Until when certificates are good: in /metrics, in `ctl doctor`, and again when a file has changed. A solo agent
on the store of a herd, with TLS for its REST API and for its PostgreSQL."""

import contextlib
import ctypes
import datetime
import http.client
import os
import re
import ssl
import subprocess

import pytest

from herdlib import PGHERD, Solo, wait_until

NAME = "pgherd_certificate_expiry_timestamp_seconds"
IN_OPEN = 0x20  # inotify(7)


def a_certificate(folder, name, days):
    """Signed by itself, with its key in the same file, good for so many days: it has ended where that is less
    than 0. Gives the path and its end."""
    end = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=days)
    work, path = folder / f"{name}-work", folder / f"{name}.pem"
    work.mkdir(exist_ok=True)
    (work / "index").write_text("")
    (work / "ca.cnf").write_text(
        f"[ca]\ndefault_ca = c\n[c]\ndatabase = {work}/index\nnew_certs_dir = {work}\ndefault_md = sha256\n"
        "policy = p\nrand_serial = yes\nx509_extensions = e\n[p]\ncommonName = supplied\n"
        "[e]\nsubjectAltName = IP:127.0.0.1\nbasicConstraints = CA:TRUE\n")

    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=work)

    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj", f"/CN={name}",
            "-keyout", "key", "-out", "request")
    openssl("ca", "-batch", "-notext", "-selfsign", "-config", "ca.cnf", "-keyfile", "key", "-in", "request",
            "-startdate", "20200101000000Z", "-enddate", f"{end:%Y%m%d%H%M%SZ}", "-out", "certificate")
    replace(path, (work / "certificate").read_text() + (work / "key").read_text())
    return path, int(end.timestamp())


def replace(path, text):
    """As a renewal does it: another file under the same name."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.chmod(0o600)
    owner = path.parent.stat()
    os.chown(fresh, owner.st_uid, owner.st_gid)
    fresh.rename(path)


@pytest.fixture(name="solo")
def a_solo(herd, request):
    made = Solo(herd, f"certificates-{re.sub('[^a-z]+', '-', request.node.name.lower())[5:30]}".strip("-"))
    yield made
    made.close()


def ask(solo, path):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", solo.rest_port, timeout=5, context=context)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def ends(solo):
    """By use and file."""
    text = ask(solo, "/metrics")[1]
    return {(use, file): int(end) for use, file, end in
            re.findall(rf'^{NAME}{{scope="[^"]+",name="solo",use="(\w+)",file="([^"]+)"}} (\d+)$', text, re.M)}


def with_tls(solo, rest, postgresql, ca):
    text = solo.text.replace("restapi: {", f'restapi: {{certfile: "{rest}", cafile: "{ca}", ')
    return text.replace("  parameters: {", f'  parameters: {{ssl: "on", ssl_cert_file: "{postgresql}", '
                                           f'ssl_key_file: "{postgresql}", ')


def doctor(solo):
    config = solo.folder / f"{solo.name}.yml"
    done = subprocess.run([PGHERD, "ctl", "-c", config, "-k", "doctor", solo.scope], capture_output=True, text=True,
                          check=False, timeout=60)
    return done.returncode, done.stdout


def start(solo, text):
    solo.start(text)
    wait_until("the solo agent leads", lambda: solo.leads_over_tls(), 60)


@pytest.fixture(name="tls")
def with_certificates(solo):
    rest = a_certificate(solo.folder, "rest", 100)
    postgresql = a_certificate(solo.folder, "postgresql", 200)
    ca = a_certificate(solo.folder, "ca", 1000)
    solo.leads_over_tls = lambda: ask(solo, "/leader")[0] == 200
    start(solo, with_tls(solo, rest[0], postgresql[0], ca[0]))
    return solo, rest, postgresql, ca


def test_metrics_have_the_end_of_each_certificate_and_of_what_replaces_it(tls):
    solo, (rest, rest_end), (postgresql, postgresql_end), (ca, ca_end) = tls
    # ctl trusts whom the REST API trusts, where it is not told otherwise.
    expected = {("restapi", str(rest)): rest_end, ("restapi_ca", str(ca)): ca_end, ("ctl_ca", str(ca)): ca_end,
                ("postgresql", str(postgresql)): postgresql_end}
    wait_until("all are there", lambda: ends(solo) == expected)
    assert "the certificate in" not in doctor(solo)[1]

    # Nobody says that the file is another one.
    fresh_end = a_certificate(solo.folder, "rest", 300)[1]
    wait_until("the new end is seen", lambda: ends(solo)[("restapi", str(rest))] == fresh_end, 40)

    # Of what we show all have to be good, of authorities one.
    early, early_end = a_certificate(solo.folder, "early", 50)
    replace(rest, rest.read_text() + early.read_text())
    replace(ca, early.read_text() + ca.read_text())
    assert ask(solo, "/metrics")[0] == 200
    subprocess.run([PGHERD, "ctl", "-c", solo.folder / f"{solo.name}.yml", "-k", "reload", solo.scope, "--force"],
                   check=True, capture_output=True, timeout=60)
    wait_until("the reload has them read", lambda: ends(solo)[("restapi", str(rest))] == early_end, 10)
    assert ends(solo)[("restapi_ca", str(ca))] == ca_end


def test_doctor_names_what_ends_soon_or_has_ended(tls):
    solo, (rest, _), (postgresql, _), (ca, _) = tls
    a_certificate(solo.folder, "rest", 9.5)
    ended = a_certificate(solo.folder, "postgresql", -3)[1]
    wait_until("it is seen", lambda: ends(solo)[("postgresql", str(postgresql))] == ended, 40)
    status, said = doctor(solo)
    day = datetime.datetime.fromtimestamp(ended, datetime.timezone.utc)
    assert status == 1
    assert f"problem: the certificate in {postgresql} of 'solo' (postgresql) ended on {day:%Y-%m-%d %H:%M} UTC\n" in said
    assert re.search(rf"remark: the certificate in {rest} of 'solo' \(restapi\) ends on .* UTC, in 9 days\n"
                     rf"  -> put a new one in its place, then `patronictl reload {solo.scope} solo`", said), said
    assert str(ca) not in said

    ca.unlink()
    wait_until("it is missed", lambda: ends(solo)[("restapi_ca", str(ca))] == 0, 40)
    assert f"problem: the certificate in {ca} of 'solo' (ctl_ca, restapi_ca) cannot be read\n" in doctor(solo)[1]
    solo.wait_for("the end of the certificate for restapi_ca cannot be told: ")


def test_a_scrape_opens_no_file(tls):
    """Who waits for a scrape waits for no disk."""
    solo, (rest, _), _, _ = tls
    wait_until("they are there", lambda: len(ends(solo)) == 4)
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        assert watch >= 0 and libc.inotify_add_watch(watch, str(rest).encode(), IN_OPEN) >= 0
        def was_opened():
            with contextlib.suppress(BlockingIOError):
                return bool(os.read(watch, 4096))
            return False

        # PostgreSQL's own reloads have it read again meanwhile, but not fifty times.
        opened = sum(ends(solo) is not None and was_opened() for _ in range(50))
        assert opened < 10
        rest.read_text()
        assert was_opened(), "this would have been seen"
    finally:
        os.close(watch)
