"""`ctl query`: what it prints of values and of failures, in every format. Where patronictl can print a
value at all it prints the same (tests/mixed compares the two)."""

import json
import os
import re
import subprocess

import psycopg
import pytest

from herdlib import PGHERD, Herd

VALUES = ("set timezone = 'UTC'; select 1 as i, 1.50::numeric as num, 1.0::float8 as f, true as t, null as n, "
          "'' as e, '{1,2,NULL}'::int[] as ia, '{a,\"b c\"}'::text[] as ta, "
          "'{\"a\": [1, true, null]}'::jsonb as j, '1 day 02:03:04.5'::interval as iv, "
          "'2026-08-01 03:04:05.5+02'::timestamptz as tz")
STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


@pytest.fixture(scope="module", name="herd")
def one_node():
    made = Herd(nodes=1)
    made.wait_complete()
    yield made
    made.close()


def query(herd, *words, stdin=None, env=None):
    login = psycopg.conninfo.conninfo_to_dict(herd.dsn())
    return subprocess.run(
        [PGHERD, "ctl", "-c", str(herd.dir / "patronictl.yml"), "query", "-U", login["user"],
         "-d", "postgres", *words],
        env={**os.environ, "PGPASSFILE": login["passfile"], **(env or {})},
        input=stdin, capture_output=True, text=True, timeout=60, check=False)


def printed(herd, *words, **more):
    done = query(herd, *words, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_values_are_printed_as_python_prints_them(herd):
    assert printed(herd, "-c", VALUES) == (
        "i\tnum\tf\tt\tn\te\tia\tta\tj\tiv\ttz\n"
        "1\t1.50\t1.0\tTrue\tNone\t\t[1, 2, None]\t['a', 'b c']\t{'a': [1, True, None]}\t"
        "1 day, 2:03:04.500000\t2026-08-01 01:04:05.500000+00:00\n")


def test_styles_of_dates_do_not_change_them(herd):
    env = {"PGOPTIONS": "-c datestyle=German -c intervalstyle=iso_8601"}
    assert printed(herd, "-c", VALUES, env=env) == printed(herd, "-c", VALUES)


def test_json_has_numbers_booleans_arrays_and_objects(herd):
    assert json.loads(printed(herd, "-c", VALUES, "--format", "json")) == [{
        "i": 1, "num": "1.50", "f": 1.0, "t": True, "n": None, "e": "", "ia": [1, 2, None],
        "ta": ["a", "b c"], "j": {"a": [1, True, None]}, "iv": "1 day, 2:03:04.500000",
        "tz": "2026-08-01 01:04:05.500000+00:00"}]


def test_yaml_and_pretty(herd):
    sql = "select 1 as i, 1.0::float8 as f, null as n, '{1,NULL}'::int[] as ia, 'true' as t, true as b"
    assert printed(herd, "-c", sql, "--format", "yaml") == (
        "- b: true\n  f: 1.0\n  i: 1\n  ia:\n  - 1\n  - null\n  n: null\n  t: 'true'\n\n")
    assert printed(herd, "-c", sql, "--format", "pretty") == (
        "+---+-----+------+-----------+------+------+\n"
        "| i | f   | n    | ia        | t    | b    |\n"
        "+---+-----+------+-----------+------+------+\n"
        "| 1 | 1.0 | None | [1, None] | true | True |\n"
        "+---+-----+------+-----------+------+------+\n")


def test_no_rows(herd):
    sql = "select 1 as a, 2 as b where false"
    assert printed(herd, "-c", sql) == "a\tb\n"
    assert printed(herd, "-c", sql, "--delimiter", "|") == "a|b\n"
    assert printed(herd, "-c", sql, "--format", "json") == "[]\n"
    assert printed(herd, "-c", "create temp table x()") == "CREATE TABLE\n"


def test_sql_out_of_a_file_and_a_pipe(herd, tmp_path):
    file = tmp_path / "x.sql"
    file.write_text("select 'ü' as a")
    assert printed(herd, "-f", str(file)) == "a\nü\n"
    assert printed(herd, "-f", "-", stdin="select 2 as b") == "b\n2\n"
    missing = query(herd, "-f", "/nonexistent")
    assert missing.returncode == 2
    assert missing.stderr.endswith(
        "\nError: Invalid value for '--file' / '-f': '/nonexistent': No such file or directory\n")


def test_a_failed_login_says_why_in_one_line(herd):
    done = query(herd, "-U", "nobody_like_that", "-c", "select 1", env={"PGPASSWORD": "wrong"})
    assert done.returncode == 1
    assert re.fullmatch(STAMP + r"\tERROR, SQLSTATE: connection to server at .* failed: FATAL: .*\n", done.stdout)
    assert done.stderr == ""


def test_an_error_of_sql_in_every_format(herd):
    done = query(herd, "-c", "select x")
    assert done.returncode == 1
    assert re.fullmatch(STAMP + r"\tERROR, SQLSTATE: 42703\n", done.stdout)
    assert 'column "x" does not exist' in done.stderr
    table = query(herd, "-c", "select x", "--format", "pretty").stdout.splitlines()
    assert table[1] == "| Field 1             | Field 2                |"
    assert re.fullmatch(r"\| " + STAMP + r" \| ERROR, SQLSTATE: 42703 \|", table[3])
    row, = json.loads(query(herd, "-c", "select x", "--format", "json").stdout)
    assert row["error"] == "ERROR, SQLSTATE: 42703"


def test_who_is_not_there_is_not_asked(herd):
    for words, who in ((["-m", "nobody"], "to member nobody"), (["-r", "replica"], "to role replica")):
        done = query(herd, "-c", "select 1", *words)
        assert done.returncode == 1
        assert re.fullmatch(STAMP + fr"\tNo connection {who} is available\n", done.stdout)
    assert printed(herd, "-c", "select pg_is_in_recovery()", "-r", "primary") == "pg_is_in_recovery\nFalse\n"
