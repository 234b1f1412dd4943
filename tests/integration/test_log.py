"""A log that nobody reads (a full pipe) holds nothing up, and does not keep the agent from ending."""

import datetime
import fcntl
import json
import os
import re
import signal
import subprocess

import psycopg
import pytest
import yaml

from herdlib import PGHERD, ROOT, Solo, wait_until


@pytest.fixture
def solo(herd, request):
    # Of its own scope: what the test before it has made is gone, and its keys are not.
    made = Solo(herd, f"solo-{request.node.name[-20:].replace('_', '-')}")
    yield made
    made.close()


def test_an_agent_whose_log_is_stuck_leads_and_ends_with_5(solo):
    config = solo.write_configuration(solo.text + "log: {level: DEBUG}\n")
    unread, log = os.pipe()
    fcntl.fcntl(log, fcntl.F_SETPIPE_SZ, 4096)
    solo.process = subprocess.Popen(
        [PGHERD, "agent", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=solo.folder,
        user=solo.user, group=solo.group, extra_groups=[])
    os.close(log)
    try:
        wait_until("it leads", lambda: solo.get("/leader")[0] == 200 and solo.get("/health")[0] == 200, 60)
        wait_until("the log waits for its reader", lambda: json.loads(solo.get("/patroni")[1]).get("logger_queue_size", 0) > 2)
        assert (solo.data_dir / "postmaster.pid").exists()
        solo.process.send_signal(signal.SIGTERM)
        assert solo.process.wait(60) == 5
        assert not (solo.data_dir / "postmaster.pid").exists(), "PostgreSQL is stopped before"
    finally:
        os.close(unread)


COLLECTORS = ROOT / "deploy/logging"


def in_python(time_format):
    """A form of time of Fluentd's, as Python has it."""
    return time_format.replace("%L", "%f")


def what_fluentd_reads(tag):
    [source] = re.findall(rf"^<source>\n((?:(?!^</source>).)*^  tag {tag}\n.*?)^</source>",
                          (COLLECTORS / "fluentd.conf").read_text(), re.M | re.S)
    return dict(re.findall(r"^    (time_\w+) (.+)$", source, re.M))


def what_alloy_reads(job):
    """(fields, the one that is the time, its form in Go)"""
    [process] = re.findall(rf'^loki.process "{job}" {{\n(.*?)^}}', (COLLECTORS / "loki.alloy").read_text(), re.M | re.S)
    fields = dict(re.findall(r'"(\w+)" = "(\w+)"', process))
    [labels] = re.findall(r"values = \{(.*)\}", process)
    assert set(re.findall(r'"(\w+)" = ""', labels)) <= set(fields)
    [layout] = re.findall(r'^    format +=? *"(.+)"$', process, re.M)
    return fields, fields["time"], layout


def reads_go_time(layout, text):
    forms = {"2006-01-02 15:04:05,000": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}",
             "2006-01-02 15:04:05.000 MST": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [A-Z]+"}
    return re.fullmatch(forms[layout], text)


def reads_every_line(job, lines):
    fields, time, layout = what_alloy_reads(job)
    fluentd = what_fluentd_reads(job)
    assert len(lines) > 3 and fluentd["time_key"] == time
    for line in lines:
        missing = {field for field in fields.values() if field not in line} - {"dbname"}
        assert not missing, line
        assert reads_go_time(layout, line[time]), line
        datetime.datetime.strptime(line[time], in_python(fluentd["time_format"]))


def test_what_the_examples_for_collectors_read_is_in_every_line(solo):
    shipped = (COLLECTORS / "agent.yml").read_text()
    log = solo.folder / "logs"
    for folder in ("/var/log/pgherd", "/var/log/postgresql"):
        for name in ("agent.yml", "loki.alloy", "fluentd.conf"):
            assert folder in (COLLECTORS / name).read_text()
        shipped = shipped.replace(folder, str(log))
    log.mkdir()
    os.chown(log, solo.user, solo.group)
    whole, added = yaml.safe_load(solo.text), yaml.safe_load(shipped)
    whole["log"] = added["log"]
    whole["postgresql"]["parameters"].update(added["postgresql"]["parameters"])
    solo.start(yaml.safe_dump(whole))
    solo.wait_leads()
    with pytest.raises(psycopg.errors.DivisionByZero), psycopg.connect(
            f"host=127.0.0.1 port={solo.pg_port} user=postgres password=secret dbname=postgres") as session:
        session.execute("select 1/0")

    def lines_of(files):
        """Whole ones: PostgreSQL's collector writes while this reads, and after its client has been answered."""
        return [json.loads(line) for path in log.glob(files) for line in path.read_text().splitlines(keepends=True)
                if line.endswith("\n")]

    servers = wait_until("what the client was told is in the log", lambda: [
        line for line in lines_of("postgresql-*.json") if "dbname" in line] and lines_of("postgresql-*.json"))
    agents = lines_of("patroni.log")
    reads_every_line("pgherd", agents)
    reads_every_line("postgresql", servers)
    assert {(line["scope"], line["name"]) for line in agents} == {("main", "db1")}
    assert any(re.search(r"\[[A-Z]\d+\]", line["message"]) for line in agents), "a rule has decided something"
