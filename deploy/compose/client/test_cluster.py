"""What an application does with the deployment: each test is a line of the report."""

import os
import time

import psycopg2
import pytest
import requests
import sqlalchemy

HOST = os.environ["CLUSTER_HOST"]
WRITE_PORT, READ_PORT, REST_PORT = 5432, 5433, 8008
REST_API = f"{os.environ.get('CLUSTER_SCHEME', 'http')}://{HOST}:{REST_PORT}"
# How long a standby may take to show what was written.
PATIENCE_SECONDS = 10


def secret(variable):
    with open(os.environ[variable], encoding="utf-8") as file:
        return file.read().strip()


def connect(port, **other):
    options = {
        "host": HOST,
        "port": port,
        "user": os.environ["APP_USER"],
        "password": secret("APP_PASSWORD_FILE"),
        "dbname": os.environ["APP_DATABASE"],
        "connect_timeout": 5,
    }
    return psycopg2.connect(**(options | other))


def as_superuser(port):
    return connect(
        port,
        user=os.environ["PATRONI_POSTGRESQL_USERNAME"],
        password=secret("POSTGRES_PASSWORD_FILE"),
        dbname="postgres",
    )


def ask(connection, sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else cursor.rowcount


def asked_once(port, sql, *values):
    connection = connect(port)
    try:
        return ask(connection, sql, *values)
    finally:
        connection.close()


def until_seen(port, sql, value, expected):
    """The rows, once they are what is expected; each attempt is a connection of its own."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        rows = asked_once(port, sql, value)
        if rows == expected or time.monotonic() > deadline:
            return rows
        time.sleep(0.05)


@pytest.fixture(name="table")
def a_table():
    name = f"client_{os.getpid()}_{time.monotonic_ns()}"
    connection = connect(WRITE_PORT)
    connection.autocommit = True
    ask(connection, f"CREATE TABLE {name} (id int PRIMARY KEY, word text NOT NULL)")
    yield name
    ask(connection, f"DROP TABLE {name}")
    connection.close()


def test_port_5432_leads_to_the_primary():
    assert asked_once(WRITE_PORT, "SELECT pg_is_in_recovery()") == [(False,)]


def test_port_5433_leads_to_a_standby():
    assert asked_once(READ_PORT, "SELECT pg_is_in_recovery()") == [(True,)]


def test_the_superuser_may_log_in_and_sees_the_standbys():
    connection = as_superuser(WRITE_PORT)
    rows = ask(connection, "SELECT state FROM pg_stat_replication WHERE application_name LIKE 'patroni%%'")
    connection.close()
    assert rows and {state for (state,) in rows} == {"streaming"}


def test_a_wrong_password_is_refused():
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect(WRITE_PORT, password="not the password")


def test_rows_are_created_read_updated_and_deleted(table):
    connection = connect(WRITE_PORT)
    with connection:
        assert ask(connection, f"INSERT INTO {table} VALUES (1, 'one'), (2, 'two')") == 2
        assert ask(connection, f"UPDATE {table} SET word = 'deux' WHERE id = %s", 2) == 1
        assert ask(connection, f"DELETE FROM {table} WHERE id = %s", 1) == 1
    assert ask(connection, f"SELECT id, word FROM {table}") == [(2, "deux")]
    connection.close()


def test_a_transaction_that_is_rolled_back_leaves_nothing(table):
    connection = connect(WRITE_PORT)
    ask(connection, f"INSERT INTO {table} VALUES (1, 'never')")
    connection.rollback()
    assert ask(connection, f"SELECT count(*) FROM {table}") == [(0,)]
    connection.close()


def test_a_row_written_on_5432_is_read_on_5433(table):
    connection = connect(WRITE_PORT)
    with connection:
        ask(connection, f"INSERT INTO {table} VALUES (7, 'seven')")
    connection.close()
    rows = until_seen(READ_PORT, f"SELECT word FROM {table} WHERE id = %s", 7, [("seven",)])
    assert rows == [("seven",)]


def test_5433_refuses_writes(table):
    connection = connect(READ_PORT)
    until_seen(READ_PORT, "SELECT to_regclass(%s) IS NOT NULL", table, [(True,)])
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        ask(connection, f"INSERT INTO {table} VALUES (1, 'no')")
    connection.close()


def test_the_rest_api_names_one_leader_and_its_standbys():
    reply = requests.get(f"{REST_API}/cluster", timeout=5)
    assert reply.status_code == 200
    cluster = reply.json()
    assert cluster["scope"] == os.environ["PATRONI_SCOPE"]
    roles = [member["role"] for member in cluster["members"]]
    assert roles.count("leader") == 1
    assert len(roles) > 1


def test_the_rest_api_is_for_reading_only_from_here():
    login = (os.environ["PATRONI_RESTAPI_USERNAME"], secret("PATRONI_RESTAPI_PASSWORD_FILE"))
    reply = requests.post(f"{REST_API}/restart", auth=login, timeout=5)
    assert reply.status_code == 405


def test_an_sqlalchemy_engine_works():
    url = sqlalchemy.URL.create(
        "postgresql+psycopg2",
        username=os.environ["APP_USER"],
        password=secret("APP_PASSWORD_FILE"),
        host=HOST,
        port=WRITE_PORT,
        database=os.environ["APP_DATABASE"],
    )
    engine = sqlalchemy.create_engine(url, pool_pre_ping=True)
    metadata = sqlalchemy.MetaData()
    table = sqlalchemy.Table(
        f"engine_{os.getpid()}",
        metadata,
        sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True),
        sqlalchemy.Column("word", sqlalchemy.Text),
    )
    metadata.create_all(engine)
    try:
        with engine.begin() as connection:
            connection.execute(table.insert(), [{"word": "a"}, {"word": "b"}])
        with engine.connect() as connection:
            words = connection.execute(sqlalchemy.select(table.c.word).order_by(table.c.id))
            assert words.scalars().all() == ["a", "b"]
    finally:
        metadata.drop_all(engine)
        engine.dispose()
