#!/usr/bin/env bash
# create_certs.sh [--renew] [--days N] [--replace-ca] [--ca-days N] [NAME...]: a small CA, and the
# certificates of the overlay tls.yml.
#
#   .certs/ca/{ca.crt,ca.key}     the CA; its key is needed here alone, and may be kept elsewhere
#   .certs/SERVICE/ca.crt         whom the service trusts; clients take .certs/client/ca.crt
#   .certs/SERVICE/tls.pem        certificate and key of the service, for those who ask and answer
#   .certs/NODE/repl.pem          of a node: what its standby streams with, named as the database role
#
# What exists is kept. --renew makes new certificates and keys by the CA that is there; the services
# take them when they are told to (docs/compose.md). With NAMEs it does so for these alone; a name that
# is not known is that of one more node. --days is how long certificates are good (365), from now on: a
# negative number makes some that ended that many days ago, to see what becomes of it. --replace-ca makes
# a new CA, which nobody trusts who was given the old one; --ca-days is how long it is good (3650).
# TLS_NAMES, of the environment or of .env, are names and addresses by which clients reach this machine,
# besides its host name and localhost: a client of sslmode=verify-full compares them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
umask 077

die() {
  printf 'create_certs.sh: %s\n' "$*" >&2
  exit 1
}

nodes=(patroni-replica0 patroni-replica1 patroni-replica2 patroni-replica3)
members=(etcd0 etcd1 etcd2)
place=.certs
ca=$place/ca
etcd_user=998 # in the image; it has no other rights there that would let it read a file of ours

# setting <VARIABLE>: of the environment, or the last one of .env, as Compose takes it.
setting() {
  local line=${!1:-}
  if [[ -z $line && -e .env ]]; then
    line=$(grep -E "^$1=." .env | tail -n 1) || true
    line=${line#"$1="}
    line=${line#[\"\']}
    line=${line%[\"\']}
  fi
  printf '%s' "$line"
}

days() {
  [[ $2 =~ ^-?[0-9]{1,5}$ ]] || die "$1 '$2' is no number of days, such as 365"
  printf '%s' "$2"
}

renew=0 replace_ca=0 leaf_days=365 ca_days=3650 names=()
while (($# > 0)); do
  case $1 in
    --renew) renew=1 ;;
    --replace-ca) replace_ca=1 renew=1 ;;
    --days)
      leaf_days=$(days "$1" "${2:-}") || exit
      shift
      ;;
    --ca-days)
      ca_days=$(days "$1" "${2:-}") || exit
      ((ca_days > 0)) || die "--ca-days '$ca_days' is less than a day, such as 3650"
      shift
      ;;
    -h | --help)
      sed -n '2,18s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    -*) die "unknown argument '$1'; there are --renew, --days, --replace-ca and --ca-days" ;;
    *)
      [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9.-]*$ && $1 != ca ]] || die "'$1' cannot be the name of a service"
      names+=("$1")
      ;;
  esac
  shift
done
((replace_ca == 0 || ${#names[@]} == 0)) || die "--replace-ca renews all certificates: give no names with it"
command -v openssl >/dev/null || die 'openssl is missing: apt-get install openssl'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ---- the CA

# said <command>...: silent unless it fails.
quietly() {
  "$@" >"$work/said" 2>&1 || {
    cat "$work/said" >&2
    die "$1 $2 failed; the lines above say why"
  }
}

make_ca() {
  local tag
  tag=$(head -c 4 /dev/urandom | od -An -tx1 | tr -d ' \n')
  cat >"$work/ca.cnf" <<CNF
[req]
distinguished_name = name
x509_extensions = authority
prompt = no
[name]
O = $(setting PATRONI_SCOPE)
CN = pgherd CA $tag
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
CNF
  sed -i 's/^O = $/O = pg_cluster/' "$work/ca.cnf"
  quietly openssl req -new -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -noenc -sha256 \
    -config "$work/ca.cnf" -days "$ca_days" -keyout "$work/ca.key" -out "$work/ca.crt"
  mkdir -p "$ca"
  mv "$work/ca.key" "$ca/ca.key"
  mv "$work/ca.crt" "$ca/ca.crt"
  echo "written $ca/ca.crt, the CA, good until $(end_of "$ca/ca.crt")"
}

end_of() { openssl x509 -in "$1" -noout -enddate | sed 's/^notAfter=//'; }

# Without the CA's key everybody who trusts it would have to be given another one: it is never
# overwritten unawares.
provide_ca() {
  mkdir -p "$place" "$ca"
  chmod 700 "$place" "$ca"
  if ((replace_ca == 1)) || [[ ! -e $ca/ca.key && ! -e $ca/ca.crt ]]; then
    make_ca
  elif [[ ! -e $ca/ca.crt ]]; then
    die "$ca/ca.key is there and $ca/ca.crt is not: bring it back, or make a new CA with --replace-ca"
  fi
}

# Only for who is to be signed: the key may be kept elsewhere until then.
check_ca() {
  [[ -e $ca/ca.key ]] ||
    die "$ca/ca.key is not there, and signs the certificates: bring it back, or make a new CA with --replace-ca"
  openssl x509 -in "$ca/ca.crt" -noout -checkend 0 >/dev/null ||
    die "the CA ended on $(end_of "$ca/ca.crt"): make a new one with --replace-ca"
  [[ $(openssl x509 -in "$ca/ca.crt" -noout -pubkey) == $(openssl pkey -in "$ca/ca.key" -pubout) ]] ||
    die "$ca/ca.key is not the key of $ca/ca.crt: bring back the two that belong together, or make a new CA with --replace-ca"
}

# ---- certificates

# Not beyond the end of the CA: nobody would take them then.
validity() {
  local from until ca_until
  from=$(date -u -d '-5 minutes' +%s)
  until=$(date -u -d "$leaf_days days" +%s)
  ((leaf_days >= 0)) || from=$((until - 86400))
  ca_until=$(date -u -d "$(end_of "$ca/ca.crt")" +%s)
  ((until <= ca_until)) || until=$ca_until
  printf '%s %s\n' "$(date -u -d "@$from" +%Y%m%d%H%M%SZ)" "$(date -u -d "@$until" +%Y%m%d%H%M%SZ)"
}

# alternatives <name>...: as a certificate names them, each once.
alternatives() {
  local name list='' kind
  for name in "$@"; do
    kind=DNS
    [[ ! $name =~ ^[0-9.]+$ && $name != *:* ]] || kind=IP
    [[ ,$list, == *",$kind:$name,"* ]] || list+=,$kind:$name
  done
  printf '%s' "${list#,}"
}

# sign <common name> <file> <purposes> <name>...: a new key and its certificate, in one file that
# appears whole: whoever reads it at this moment never sees a key beside a certificate of another.
sign() {
  local subject=$1 file=$2 purposes=$3 from until
  shift 3
  read -r from until < <(validity)
  : >"$work/index"
  cat >"$work/sign.cnf" <<CNF
[ca]
default_ca = this
[this]
database = $work/index
new_certs_dir = $work
default_md = sha256
policy = any
unique_subject = no
rand_serial = yes
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = $purposes
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
$( (($# == 0)) || printf 'subjectAltName = %s' "$(alternatives "$@")")
CNF
  quietly openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -sha256 \
    -subj "/CN=$subject" -keyout "$work/key" -out "$work/request"
  quietly openssl ca -batch -notext -config "$work/sign.cnf" -cert "$ca/ca.crt" \
    -keyfile "$ca/ca.key" -startdate "$from" -enddate "$until" -in "$work/request" -out "$work/crt"
  cat "$work/crt" "$work/key" >"$file.new"
}

is_mine() { openssl verify -no_check_time -CAfile "$ca/ca.crt" "$1" >/dev/null 2>&1; }

# provide <service> <file name> <common name> <purposes> <name>...
provide() {
  local service=$1 file=$place/$1/$2
  shift 2
  if [[ -e $file && $renew == 0 ]]; then
    is_mine "$file" || die "$file is not of the CA in $ca: --renew makes another one"
    echo "kept    $file, good until $(end_of "$file")"
    return
  fi
  check_ca
  sign "$1" "$file" "${@:2}"
  give_to "$service" "$file.new"
  mv "$file.new" "$file"
  echo "written $file, good until $(end_of "$file")"
}

# A node and HAProxy take copies as root. A member of etcd reads the file itself, as a user who is
# nobody on this machine: who is not root here cannot give it to him alone, and has to let all read it
# who get as far; nobody else does, for only its owner may look into .certs.
give_to() {
  [[ $1 == etcd* ]] || return 0
  if ((EUID == 0)); then
    chown "$etcd_user:$etcd_user" "$2"
    chmod 400 "$2"
  else
    chmod 444 "$2"
  fi
}

trust() {
  local file=$place/$1/ca.crt
  mkdir -p "$place/$1"
  chmod 755 "$place/$1"
  if ! cmp -s "$ca/ca.crt" "$file"; then
    install -m 444 "$ca/ca.crt" "$file.new"
    mv -f "$file.new" "$file"
  fi
}

both='serverAuth, clientAuth'
local_names=(localhost 127.0.0.1 ::1)
read -r -a public_names < <(setting TLS_NAMES; echo) || true
public_names+=("$(hostname)")

make() {
  local service=$1
  trust "$service"
  case $service in
    client) ;;
    etcd-proxy | prometheus)
      # The proxy hands on what it does not read; this is what its own health check asks with.
      provide "$service" tls.pem "$service" clientAuth
      ;;
    etcd*)
      # By way of the proxy it is asked by the proxy's name.
      provide "$service" tls.pem "$service" "$both" "$service" etcd-proxy "${local_names[@]}"
      ;;
    backup)
      provide "$service" tls.pem "$service" "$both" "$service" "${local_names[@]}"
      ;;
    patroni-haproxy)
      provide "$service" tls.pem "$service" "$both" "$service" "${local_names[@]}" "${public_names[@]}"
      ;;
    *)
      # HAProxy hands on PostgreSQL's own TLS: clients compare HAProxy's names with a node's certificate.
      provide "$service" tls.pem "$service" "$both" "$service" patroni-haproxy "${local_names[@]}" \
        "${public_names[@]}"
      provide "$service" repl.pem "$replication_role" clientAuth
      ;;
  esac
}

replication_role=$(setting PATRONI_REPLICATION_USERNAME)
replication_role=${replication_role:-$(setting PATRONI_POSTGRESQL_REPLICATION_USERNAME)}
replication_role=${replication_role:-repl}
((${#names[@]} > 0)) || names=("${members[@]}" etcd-proxy "${nodes[@]}" patroni-haproxy backup prometheus client)
provide_ca
for name in "${names[@]}"; do make "$name"; done
