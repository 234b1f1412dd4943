#!/usr/bin/env bash
# postgres_test.sh: whether the single PostgreSQL of postgres.yml does what an application needs. Ends
# with 0 if all of it holds; each line says one thing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
folder=${SECRETS_DIR:-.secrets}
[[ -d $folder ]] || folder=secrets
failures=0

# as <user> <database> <password file> <sql>: unaligned rows, over TCP inside the container.
as() {
  PGPASSWORD=$(<"$folder/$3") docker exec --interactive --env PGPASSWORD postgres \
    psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 \
    --host localhost --username "$1" --dbname "$2" --command "$4" 2>&1
}

expect() { # expect <what> <wanted> <got>
  if [[ $3 == "$2" ]]; then
    echo "ok    $1"
  else
    echo "FAIL  $1: expected '$2', got '$3'"
    failures=$((failures + 1))
  fi
}

for ((tries = 0; tries < 120; tries++)); do
  [[ $(docker inspect --format '{{.State.Health.Status}}' postgres) == healthy ]] && break
  sleep 0.5
done
user=${PATRONI_POSTGRESQL_USERNAME:-admin}
app=${APP_USER:-milvus}
expect 'it is PostgreSQL 17' 17 "$(as "$user" postgres postgres_password.txt "SELECT current_setting('server_version_num')::int / 10000")"
expect 'the application has a database of its own' "$app" \
  "$(as "$app" "$app" milvus_password.txt 'SELECT current_database()')"
as "$app" "$app" milvus_password.txt 'CREATE TABLE IF NOT EXISTS try (id int PRIMARY KEY); INSERT INTO try VALUES (1) ON CONFLICT DO NOTHING' >/dev/null
docker restart postgres >/dev/null
for ((tries = 0; tries < 120; tries++)); do
  docker exec postgres pg_isready --host localhost --quiet && break
  sleep 0.5
done
expect 'rows outlive a restart' 1 "$(as "$app" "$app" milvus_password.txt 'SELECT count(*) FROM try')"
as "$app" "$app" milvus_password.txt 'DROP TABLE try' >/dev/null
wrong=$(docker exec --env PGPASSWORD=wrong postgres psql -h localhost -U "$user" -d postgres -c 'SELECT 1' 2>&1 || true)
[[ $wrong == *'password authentication failed'* ]] && wrong=refused
expect 'a wrong password is refused' refused "$wrong"
exit $((failures > 0))
