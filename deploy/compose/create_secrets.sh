#!/usr/bin/env bash
# create_secrets.sh [--rotate]: writes what the deployment keeps secret, and .env.
#
#   .secrets/{postgres,repl,milvus,patroni}_password.txt   one password each, random, mode 0600
#   .secrets/backup_password.txt                           the passphrase of the backups (backup.yml)
#   .secrets/secrets.json                                  the same as one JSON object
#   .env                                                   the variables of patroni.yml
#
# What exists is kept. POSTGRES_PASSWORD, REPL_PASSWORD, MILVUS_PASSWORD and PATRONI_PASSWORD in the
# environment are taken as given, and BACKUP_PASSWORD. --rotate writes new ones over the old; PostgreSQL's own
# passwords have to be changed with ALTER ROLE as well (docs/compose.md). The passphrase of the backups is kept
# even so: nobody could read those that there are. The folder is SECRETS_DIR, of the
# environment or of .env, else `secrets` if there is one and no `.secrets`; one that Compose would not
# find by itself is written into .env.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
umask 077

die() {
  printf 'create_secrets.sh: %s\n' "$*" >&2
  exit 1
}

rotate=0
case ${1:-} in
  '') ;;
  --rotate) rotate=1 ;;
  -h | --help)
    sed -n '2,15s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
  *) die "unknown argument '$1'; there is --rotate" ;;
esac

# of_env: the last SECRETS_DIR of .env, as Compose takes it.
of_env() {
  local line=''
  [[ ! -e .env ]] || line=$(grep -E '^SECRETS_DIR=.' .env | tail -n 1) || true
  line=${line#SECRETS_DIR=}
  line=${line#[\"\']}
  printf '%s' "${line%[\"\']}"
}

folder=${SECRETS_DIR:-$(of_env)}
if [[ -z $folder ]]; then
  folder=./.secrets
  [[ -d .secrets || ! -d secrets ]] || folder=./secrets
fi
mkdir -p "$folder"
# Another folder is somebody's, who has seen to it.
if [[ $folder == ./.secrets || $folder == ./secrets ]]; then chmod 700 "$folder"; fi

# Letters and digits only: a password that needs no quoting anywhere. 32 of them are 190 bits.
random_password() {
  local text=''
  while ((${#text} < 32)); do
    text+=$(head -c 64 /dev/urandom | base64 --wrap=0 | tr -d '+/=')
  done
  printf '%s' "${text:0:32}"
}

# write <name> <variable>
write() {
  local file=$folder/$1_password.txt given=${!2:-} rotate=$rotate
  [[ $1 != backup ]] || rotate=0
  if [[ -s $file && $rotate == 0 && (-z $given || $given == "$(<"$file")") ]]; then
    echo "kept    $file"
  elif [[ -s $file && $rotate == 0 ]]; then
    [[ $1 != backup ]] || die "$file holds another passphrase than $2; move it away only if no backup is to be read any more"
    die "$file holds another password than $2; say --rotate to replace it"
  else
    printf '%s\n' "${given:-$(random_password)}" >"$file"
    echo "written $file"
  fi
  chmod 600 "$file"
}

json_text() {
  local text=$1
  text=${text//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

write_json() {
  local name separator=''
  {
    printf '{'
    for name in postgres repl milvus patroni backup; do
      printf '%s\n  "%s_password": %s' "$separator" "$name" "$(json_text "$(<"$folder/${name}_password.txt")")"
      separator=,
    done
    printf '\n}\n'
  } >"$folder/secrets.json"
}

# Compose looks into .secrets unless it is told of another folder.
name_folder() {
  if [[ $folder == ./.secrets || $folder == "$(of_env)" ]]; then return; fi
  # It may end without a line break.
  [[ -z $(tail -c 1 .env) ]] || echo >>.env
  echo "SECRETS_DIR=$folder" >>.env
  echo "added   SECRETS_DIR=$folder to .env"
}

write_env() {
  if [[ -e .env ]]; then
    echo "kept    .env"
    name_folder
    return
  fi
  cat >.env <<ENV
# The variables of patroni.yml; ENVIRONMENT.md explains all of them. No password stands here: they
# are in the files of $folder.
SECRETS_DIR=$folder
PATRONI_SCOPE=pg_cluster
PATRONI_NAMESPACE=/pg_cluster
PATRONI_RESTAPI_LISTEN=0.0.0.0:8008
PATRONI_RESTAPI_USERNAME=patroni
PATRONI_RESTAPI_PASSWORD_FILE=/run/secrets/patroni_password
PATRONI_ETCD3_HOSTS=etcd-proxy:2379
PATRONI_ETCD3_PROTOCOL=http
PATRONI_ETCD3_USE_PROXIES=true
PATRONI_POSTGRESQL_LISTEN=0.0.0.0:5432
PATRONI_POSTGRESQL_DATA_DIR=/var/lib/postgresql/data
PGDATA=/var/lib/postgresql/data
PATRONI_POSTGRESQL_USERNAME=admin
POSTGRES_PASSWORD_FILE=/run/secrets/postgres_password
PATRONI_POSTGRESQL_REPLICATION_USERNAME=repl
PATRONI_POSTGRESQL_REPLICATION_PASSWORD_FILE=/run/secrets/repl_password
PATRONI_LOG_LEVEL=INFO
# client.yaml and postgres.yml are projects beside this one, not forgotten parts of it.
COMPOSE_IGNORE_ORPHANS=true
# The statistics page: without a password of its own it takes the REST API's.
HAPROXY_STATS_USER=admin
ENV
  echo "written .env"
}

write postgres POSTGRES_PASSWORD
write repl REPL_PASSWORD
write milvus MILVUS_PASSWORD
write patroni PATRONI_PASSWORD
write backup BACKUP_PASSWORD
write_json
write_env
