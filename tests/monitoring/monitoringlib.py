"""deploy/monitoring at work: Prometheus, Alertmanager and exporters as processes of the test, watching a herd."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import psycopg
import yaml

from herdlib import PGHERD, ROOT, deps, free_port, wait_until

SHIPPED = ROOT / "deploy/monitoring"
RULES = SHIPPED / "alerts.yml"
DASHBOARD = SHIPPED / "dashboard.json"
ALERTS_TEST = ROOT / "tests/monitoring/alerts_test.yml"


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
    return done.stdout


def rules():
    """Of alerts.yml, by the name of the alert or of what is recorded."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule.get("alert") or rule["record"]: rule for group in groups for rule in group["rules"]}


def alerts():
    return {name: rule for name, rule in rules().items() if "alert" in rule}


def dashboard_queries():
    """(panel, query) of all that the dashboard asks Prometheus."""
    board = json.loads(DASHBOARD.read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def with_its_templates(alertmanager):
    """Debian's looks for its templates below /usr/share, wherever it is itself: one that is unpacked elsewhere gets
    the /usr/share that came with it."""
    if pathlib.Path("/usr/share/prometheus/alertmanager/default.tmpl").exists():
        return [alertmanager]
    share = pathlib.Path(alertmanager).parents[1] / "share"
    return ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--mount", "sh", "-c",
            'mount --bind "$0" /usr/share && exec "$@"', str(share), alertmanager]


def has_a_value(sample):
    values = [sample["value"]] if "value" in sample else sample["values"]
    return any(value != "NaN" for _, value in values)


class Watcher:
    """Prometheus and Alertmanager of a cluster, on ports of this machine, and what they know."""

    def __init__(self, scope, port, alertmanager_port):
        self.scope = scope
        self.port = port
        self.alertmanager_port = alertmanager_port

    def ask(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            raise RuntimeError(f"{path} {parameters}: {refused.read().decode()}") from refused

    def query(self, expression):
        """The samples, with what Grafana would put in the place of its variables."""
        expression = expression.replace("$__rate_interval", "1m").replace("$scope", self.scope)
        return self.ask("query", query=expression)["result"]

    def has_answer(self, expression):
        return any(has_a_value(sample) for sample in self.query(expression))

    def active_alerts(self):
        return self.ask("alerts")["alerts"]

    def firing(self, name):
        return [alert for alert in self.active_alerts()
                if alert["labels"]["alertname"] == name and alert["state"] == "firing"]

    def alertmanager_alerts(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.alertmanager_port}/api/v2/alerts", timeout=10) as answer:
            return json.load(answer)


class Monitored(Watcher):
    """A herd and all that watches it."""

    def __init__(self, herd):
        super().__init__(herd.plan["scope"], free_port(), free_port())
        self.herd = herd
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pgherd-monitoring-", dir="/var/tmp"))
        self.programs = []

    # ---- beginning and end -----------------------------------------------------------------------

    def start(self):
        shutil.copytree(SHIPPED, self.folder / "monitoring")
        self.archive()
        targets = {
            "pgherd": [(node["rest_port"], {"name": name}) for name, node in self.herd.nodes.items()],
            "postgres": [(self.start_postgres_exporter(name), {"name": name}) for name in self.herd.nodes],
            "host": [(self.start_node_exporter(), {"name": "pg0"})],
            "etcd": [(member["client_port"], {"name": name, "store": "main"})
                     for name, member in self.herd.plan["etcd"].items()],
            "haproxy": [(self.herd.plan["ports"]["statistics"], {})],
            "router": [(self.start_router(), {})],
            "alertmanager": [(self.start_alertmanager(), {})],
        }
        for kind, places in targets.items():
            self.write_targets(kind, places)
        self.program("prometheus", [deps()["PROMETHEUS"], f"--config.file={self.folder}/monitoring/prometheus.yml",
                                    f"--storage.tsdb.path={self.folder}/prometheus",
                                    f"--web.listen-address=127.0.0.1:{self.port}"],
                     f"http://127.0.0.1:{self.port}/-/ready")
        return self

    def write_targets(self, kind, places):
        """A file of that name is one that is shipped: what Prometheus reads stays as it is."""
        path = self.folder / "monitoring/targets" / f"{kind}.yml"
        assert path.exists(), f"deploy/monitoring/targets has no {kind}.yml"
        scope = {} if kind in ("etcd", "alertmanager") else {"scope": self.scope}
        path.write_text(yaml.safe_dump([{"targets": [f"127.0.0.1:{port}"], "labels": scope | labels}
                                        for port, labels in places]))

    def program(self, name, argv, ready, env=None):
        """Started, and awaited until it answers at `ready`."""
        with open(self.folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                       env=os.environ | (env or {}))
        self.programs.append(process)

        def answers():
            if process.poll() is not None:
                raise RuntimeError(f"{name} has ended: {(self.folder / f'{name}.log').read_text()[-2000:]}")
            with urllib.request.urlopen(ready, timeout=5) as answer:
                return answer.status == 200

        wait_until(f"{name} answers", answers, 60)

    def close(self):
        for process in reversed(self.programs):
            process.terminate()
        for process in self.programs:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- who is scraped ---------------------------------------------------------------------------

    def archive(self):
        """Archiving is on, as it is where somebody wants to know how old the archive is."""
        self.herd.ctl("edit-config", "--force", "-p", "archive_mode=on", "-p", "archive_command=/bin/true")
        wait_until("archive_mode waits for a restart", lambda: all(
            "archive_mode" in self.herd.status(name).get("pending_restart_reason", {}) for name in self.herd.nodes))
        self.herd.ctl("restart", self.scope, "--force")
        self.herd.wait_complete()
        with self.herd.connect() as sql:
            sql.execute("create user monitor in role pg_monitor password 'watches'")
            sql.execute("select pg_switch_wal()")
            wait_until("a file is archived", lambda: sql.execute(
                "select archived_count > 0 from pg_stat_archiver").fetchone()[0])

    def start_postgres_exporter(self, name):
        port, postgres = free_port(), self.herd.nodes[name]["pg_port"]
        wait_until(f"{name} knows the user", lambda: psycopg.connect(
            f"host=127.0.0.1 port={postgres} user=monitor password=watches dbname=postgres").close() is None)
        self.program(f"postgres-exporter-{name}",
                     [deps()["POSTGRES_EXPORTER"], f"--web.listen-address=127.0.0.1:{port}"],
                     f"http://127.0.0.1:{port}/metrics",
                     {"DATA_SOURCE_NAME": f"postgresql://monitor:watches@127.0.0.1:{postgres}/postgres?sslmode=disable"})
        return port

    def write_proofs(self):
        """What `pgherd backup restore-test` and `pgherd drill` leave behind, as their own tests have it, of today."""
        folder = self.folder / "textfile"
        folder.mkdir()
        proof = re.search(r'R"\((# HELP pgherd_backup_restore_test_success.*?)\)"',
                          (ROOT / "tests/backup/restore_proof_test.cc").read_text(), re.S)[1]
        proof = re.sub(r"(timestamp_seconds\{[^}]*\}) \S+", rf"\1 {time.time()}", proof)
        (folder / "restore-test.prom").write_text(proof)
        drill = re.search(r'has\(text, "(pgherd_drill_passed.*?)\\n"\)',
                          (ROOT / "tests/drill/report_test.cc").read_text())[1].replace('\\"', '"')
        (folder / "drill.prom").write_text(drill + "\n")
        return folder

    def start_node_exporter(self):
        port = free_port()
        self.program("node-exporter", [deps()["NODE_EXPORTER"], f"--web.listen-address=127.0.0.1:{port}",
                                       f"--collector.textfile.directory={self.write_proofs()}"],
                     f"http://127.0.0.1:{port}/metrics")
        return port

    def start_router(self):
        """Beside the herd's HAProxy: the shipped configuration serves those who have either."""
        statistics = free_port()
        etcd = [f"127.0.0.1:{member['client_port']}" for member in self.herd.plan["etcd"].values()]
        config = self.folder / "router.yml"
        config.write_text(yaml.safe_dump({
            "scope": self.scope, "namespace": "/service/", "etcd3": {"hosts": etcd},
            "router": {"write": f"127.0.0.1:{free_port()}", "read": f"127.0.0.1:{free_port()}",
                       "statistics": {"listen": f"127.0.0.1:{statistics}"}}}))
        self.program("router", [PGHERD, "router", str(config)], f"http://127.0.0.1:{statistics}/health")
        return statistics

    def start_alertmanager(self):
        """With the example, but for the ports of those who are told: nobody listens there."""
        config = self.folder / "monitoring/alertmanager.yml"
        text = config.read_text().replace("127.0.0.1:9099", f"127.0.0.1:{free_port()}")
        config.write_text(text.replace("127.0.0.1:25", f"127.0.0.1:{free_port()}"))
        self.program("alertmanager", [*with_its_templates(deps()["ALERTMANAGER"]), f"--config.file={config}",
                                      f"--storage.path={self.folder}/alertmanager", "--cluster.listen-address=",
                                      f"--web.listen-address=127.0.0.1:{self.alertmanager_port}"],
                     f"http://127.0.0.1:{self.alertmanager_port}/-/ready")
        return self.alertmanager_port

    def logs(self):
        text = ""
        for path in sorted(self.folder.glob("*.log")):
            with contextlib.suppress(OSError):
                text += f"---- {path.name}\n{path.read_text(errors='replace')[-2000:]}\n"
        return text
