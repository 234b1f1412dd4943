#!/usr/bin/env bash
# pg_repository.sh [--remove]: adds the PostgreSQL project's own apt repository to this Debian or
# Ubuntu, for those who want newer minor versions of PostgreSQL, pgBackRest and PgBouncer than the
# distribution has. Needs root, and a way to the repository. Says what it did; run again, it changes
# nothing.
set -euo pipefail
key=/usr/share/keyrings/pgdg.asc
list=/etc/apt/sources.list.d/pgdg.sources
url=${PGDG_URL:-https://apt.postgresql.org/pub/repos/apt}
key_url=${PGDG_KEY_URL:-https://www.postgresql.org/media/keys/ACCC4CF8.asc}

die() {
  printf 'pg_repository.sh: %s\n' "$*" >&2
  exit 1
}

((EUID == 0)) || die 'this changes the package sources: run it as root'
case ${1:-} in
  '') ;;
  --remove)
    rm -f "$list" "$key"
    echo "removed $list and $key"
    exit 0
    ;;
  -h | --help)
    sed -n '2,6s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
  *) die "unknown argument '$1'; there is --remove" ;;
esac
# shellcheck source=/dev/null
codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
[[ -n $codename ]] || die '/etc/os-release names no VERSION_CODENAME: is this Debian or Ubuntu?'
command -v curl >/dev/null || die 'curl is missing: apt-get install curl ca-certificates'

if [[ ! -s $key ]]; then
  part=$(mktemp)
  trap 'rm -f "$part"' EXIT
  curl --fail --silent --show-error --location --max-time 60 --output "$part" "$key_url" ||
    die "the repository's key cannot be fetched from $key_url"
  grep -q 'BEGIN PGP PUBLIC KEY' "$part" || die "what $key_url gave is no key"
  install -m 644 "$part" "$key"
fi
cat >"$list" <<SOURCES
Types: deb
URIs: $url
Suites: $codename-pgdg
Components: main
Signed-By: $key
SOURCES
echo "written $list; now: apt-get update"
