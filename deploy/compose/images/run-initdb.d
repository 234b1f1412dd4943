#!/usr/bin/env bash
# run-initdb.d CONNINFO: what an administrator wants to have in a new cluster, run once, by the node
# that makes it: the files of /docker-entrypoint-initdb.d in the order of their names. SQL runs in one
# transaction a file; scripts get the connection string. A failure ends the bootstrap, with its file.
set -euo pipefail
conninfo=$1
for file in /docker-entrypoint-initdb.d/*; do
  case $file in
    *.sql) run=(psql --no-psqlrc --quiet --single-transaction --set ON_ERROR_STOP=1
      --file "$file" --dbname "$conninfo") ;;
    *.sh) run=(bash "$file" "$conninfo") ;;
    *) continue ;;
  esac
  echo "initdb.d: $file" >&2
  "${run[@]}" >&2 || { echo "initdb.d: $file failed; nothing of the new cluster is kept" >&2; exit 1; }
done
