#!/usr/bin/env bash
# Run once, when the first node makes the cluster: the application's user and its database.
# The password is read from a file and goes to psql on its standard input: neither a process list
# nor a log shows it.
set -euo pipefail
user=${APP_USER:-milvus}
database=${APP_DATABASE:-milvus}
file=${APP_PASSWORD_FILE:?the file with the password of the application user}
password=$(<"$file")
[[ -n $password ]] || { echo "init-user-db.sh: $file is empty; write the password into it" >&2; exit 1; }
verbatim=${password//\'/\'\'}
{
  printf '%s\n' 'SET log_statement = none; SET log_min_error_statement = panic;'
  printf '%s\n' "SELECT format('CREATE ROLE %I LOGIN', :'user')
   WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'user') \\gexec"
  printf "ALTER ROLE :\"user\" PASSWORD '%s';\n" "$verbatim"
  printf '%s\n' "SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'user')
   WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \\gexec"
} | psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set user="$user" --set database="$database" \
  --dbname "$1"
