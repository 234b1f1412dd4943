#!/usr/bin/env python3
"""Runs Patroni's own acceptance scenarios, the behave features of a source tree of it, on pgherd: where
they start patroni.py and patronictl.py they find programs of that name which become pgherd. Everything
else is Patroni's: the steps, the waits, the questions to etcd. Prints a table of what came of each.

Called by tools/test-acceptance, which gives it a network and a table of processes of its own: the features
have fixed ports. Needs etcd and PostgreSQL's programs in PATH, and PGHERD_BIN."""

import argparse
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time

# Whole features that are about something else than a cluster with etcd.
NOT_FOR_US = {
    "bootstrap_labels": "about labels of Kubernetes pods",
    "citus": "about Citus, which is refused by name",
}

# Scenarios that ask for what is different here on purpose (docs/patroni-compatibility.md).
DIFFERENT = {
    ("frozen_patroni", "check primary race backoff"):
        "its primary accepts writes under a frozen agent; here the guardian has stopped it before its lease ended",
    ("quorum_commit", "check enable quorum commit and that the only leader promotes after restart"):
        "strict, and nobody confirms: it wants '*', here commits wait for a name that nobody has (Patroni 4.2)",
    ("quorum_commit", "check failover with one quorum standby"):
        "the same: it wants '*', here commits wait for the last voters",
    ("quorum_commit", "check behavior with three nodes and different replication factor"):
        "it counts on postgres-0, which the scenario before it starts after its '*'",
}

# What `python -m coverage run patroni.py` finds in the place of coverage: the script, and nothing else.
COVERAGE = """\
import runpy, sys
words = sys.argv[1:]
if words[:1] == ["run"]:
    while words[1].startswith("-"):
        del words[1]
    sys.argv = words[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
"""

# The process stays the same one: the features signal the pid that they started.
SHIM = """\
import os, sys
os.execv({program!r}, [{name!r}, *sys.argv[1:]])
"""


def unprivileged_user():
    """PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "pgherd"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise SystemExit("no user postgres or pgherd: run tools/bootstrap/make-user")


def give_to(user, folder):
    if user is None:
        return
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def make_tree(source, work, built):
    """A copy of what the features need, with our programs in the place of Patroni's. Ours is a copy too, so
    that a build meanwhile changes nothing."""
    program = str(shutil.copy(built, work / "pgherd"))
    tree = work / "tree"
    tree.mkdir()
    for name in ("features", "patroni"):
        shutil.copytree(source / name, tree / name)
    for path in source.glob("postgres?.yml"):
        shutil.copy(path, tree)
    (tree / "coverage.py").write_text(COVERAGE)
    for name in ("patroni", "patronictl"):
        (tree / f"{name}.py").write_text(SHIM.format(program=program, name=name))
    (work / "tmp").mkdir()
    (work / "logs").mkdir()
    return tree


def run_feature(feature, tree, work, user, seconds):
    """The parsed result of behave, or None if it did not come so far; and all that it said."""
    result = work / "tmp" / f"{feature}.json"
    environment = os.environ | {
        "DCS": "etcd3", "TMPDIR": str(work / "tmp"), "HOME": str(work), "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1"}
    for name in [name for name in environment if name.startswith(("PATRONI_", "GITHUB_"))]:
        del environment[name]
    become = {} if user is None else {
        "user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    output = work / "tmp" / f"{feature}.txt"
    with open(output, "wb") as said:
        try:
            subprocess.run(
                [sys.executable, "-m", "behave", "--no-color", "--no-capture", "-f", "json", "-o", str(result),
                 "-f", "plain", f"features/{feature}.feature"],
                cwd=tree, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, umask=0o022,
                timeout=seconds, check=False, **become)
        except subprocess.TimeoutExpired:
            pass
    logs = tree / "features" / "output"  # emptied by the next run
    if logs.exists():
        logs.rename(work / "logs" / feature)
    try:
        return json.loads(result.read_text())[0], output
    except (OSError, ValueError, IndexError):
        return None, output


def scenarios_of(source, feature):
    text = (source / "features" / f"{feature}.feature").read_text()
    return [name.strip() for name in re.findall(r"^\s*Scenario:(.*)$", text, re.MULTILINE)]


def first_problem(element):
    for step in element["steps"]:
        found = step.get("result", {})
        if found.get("status") in ("failed", "undefined"):
            message = found.get("error_message") or [found["status"]]
            text = "\n".join(message) if isinstance(message, list) else message
            lines = [line for line in text.strip().splitlines() if line.strip()]
            return f"{step['keyword']} {step['name']}: {lines[0] if lines else 'failed'}"
    return "a hook of the scenario failed"


def judge(source, feature, result):
    """Yields (scenario, outcome, why) for each of the feature."""
    elements = {element["name"]: element for element in (result or {}).get("elements", ())
                if element["type"] == "scenario"}
    for scenario in scenarios_of(source, feature):
        element = elements.get(scenario)
        status = (element or {}).get("status")
        if status == "passed":
            yield scenario, "passed", ""
        elif status == "skipped":
            yield scenario, "left out", "by Patroni's own rule for this PostgreSQL or store"
        elif element and (feature, scenario) in DIFFERENT:
            yield scenario, "left out", DIFFERENT[feature, scenario]
        elif element:
            yield scenario, "FAILED", first_problem(element)
        else:
            yield scenario, "FAILED", "not reached"


def print_row(feature, scenario, outcome, why):
    print(f"{outcome:9} {feature}: {scenario}")
    if why:
        print(f"          {why}")
    sys.stdout.flush()


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("source", type=pathlib.Path, help="a source tree of Patroni")
    words.add_argument("features", nargs="*", help="names of features, without .feature (all)")
    words.add_argument("--keep", action="store_true", help="keep logs and data also if all went well")
    words.add_argument("--seconds", type=int, default=900, help="at most, for each feature")
    said = words.parse_args()

    source = said.source.resolve()
    known = sorted(path.stem for path in (source / "features").glob("*.feature"))
    if not known:
        words.error(f"{source} has no features: this is no source tree of Patroni")
    for feature in said.features:
        if feature not in known:
            words.error(f"no feature {feature}; there are {', '.join(known)}")

    user = unprivileged_user()
    work = pathlib.Path(tempfile.mkdtemp(prefix="pgherd-acceptance-", dir="/var/tmp"))
    tree = make_tree(source, work, os.environ["PGHERD_BIN"])
    give_to(user, work)

    counts = {"passed": 0, "FAILED": 0, "left out": 0}
    for feature in said.features or known:
        if feature in NOT_FOR_US:
            rows = [(scenario, "left out", NOT_FOR_US[feature]) for scenario in scenarios_of(source, feature)]
        else:
            began = time.monotonic()
            result, output = run_feature(feature, tree, work, user, said.seconds)
            rows = list(judge(source, feature, result))
            print(f"---- {feature}: {time.monotonic() - began:.0f} s, {output}")
            explained = any(row[1] == "FAILED" or (feature, row[0]) in DIFFERENT for row in rows)
            if result is not None and result["status"] == "failed" and not explained:
                rows.append(("(after the feature)", "FAILED", f"a hook failed, see {output}"))
        for scenario, outcome, why in rows:
            counts[outcome] += 1
            print_row(feature, scenario, outcome, why)
    print(f"==== {counts['passed']} passed, {counts['FAILED']} failed, {counts['left out']} left out")
    if counts["FAILED"] or said.keep:
        print(f"logs: {work}/logs, {work}/tmp")
    else:
        shutil.rmtree(work)
    return 1 if counts["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
