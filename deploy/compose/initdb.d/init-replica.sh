#!/usr/bin/env bash
# Run once, when the first node makes the cluster: the role that standbys stream with, before the
# agent gives it its password, may also read the statistics of replication, so that
# `psql -U repl -c 'SELECT * FROM pg_stat_replication'` shows whole rows.
set -euo pipefail
user=${PATRONI_REPLICATION_USERNAME:-${PATRONI_POSTGRESQL_REPLICATION_USERNAME:-repl}}
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set user="$user" --dbname "$1" <<'SQL'
SELECT format('CREATE ROLE %I REPLICATION LOGIN', :'user')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'user') \gexec
GRANT pg_monitor TO :"user";
SQL
