# Shared by the scripts of tools/: saying what is done and how long it took. Sourced, not run.
# shellcheck shell=bash

# shellcheck disable=SC2034
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '%s\n' "$*"; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

microseconds() { printf '%s' "${EPOCHREALTIME/[.,]/}"; }

# seconds_since <microseconds>: with one decimal, without leaving bash.
seconds_since() {
  local tenths=$((($(microseconds) - $1) / 100000))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# step <what> <command>...: one line with the duration; the command's output only if it fails. A
# function has to say `|| return` after what may fail: bash does not end it by itself here.
step() {
  local what=$1 began output status=0
  shift
  began=$(microseconds)
  output=$(mktemp)
  "$@" >"$output" 2>&1 </dev/null || status=$?
  if ((status == 0)); then
    printf '  %-60s %7s s\n' "$what" "$(seconds_since "$began")"
  else
    printf '  %-60s failed after %s s\n' "$what" "$(seconds_since "$began")" >&2
    tail -n 60 "$output" >&2
  fi
  rm -f "$output"
  return "$status"
}

# stage <what> <command>...: like step for what speaks for itself: its output is shown.
stage() {
  local what=$1 began status=0
  shift
  began=$(microseconds)
  say "==> $what"
  "$@" || status=$?
  if ((status == 0)); then
    say "<== $what: $(seconds_since "$began") s"
  else
    say "<== $what: FAILED after $(seconds_since "$began") s" >&2
  fi
  return "$status"
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo -n "$@"
  else
    die "this needs root, and there is no sudo: $*"
  fi
}

debian_release() {
  local VERSION_ID=''
  # shellcheck source=/dev/null
  . /etc/os-release
  printf '%s' "${VERSION_ID:-13}"
}

# closed_parent <path>: prints the first folder on the way to it that other users cannot enter.
closed_parent() {
  local path=$1 mode
  while [[ $path != / ]]; do
    mode=$(stat -c %a "$path")
    if ((!(8#$mode & 1))); then
      printf '%s' "$path"
      return 0
    fi
    path=$(dirname "$path")
  done
  return 1
}

# Where programs that other users must be able to run are put. PostgreSQL does not run as root: when
# root's checkout is below a folder that others cannot enter (as /root), they must lie elsewhere.
deps_dir() {
  if [[ -n ${PGHERD_DEPS_DIR:-} ]]; then
    printf '%s' "$PGHERD_DEPS_DIR"
  elif ((EUID == 0)) && closed_parent "$root" >/dev/null; then
    printf '/var/lib/pgherd/deps-%s' "$(cksum <<<"$root" | cut -d' ' -f1)"
  else
    printf '%s/.deps' "$root"
  fi
}

# The mirrors that this system uses already, so that proxies and mirrors stay the owner's choice.
mirror_of() {
  # shellcheck disable=SC2016
  local format='$(SITE) $(RELEASE) $(COMPONENT) $(CREATED_BY)'
  local suffix=$1 site release component kind
  while read -r site release component kind; do
    [[ $component == main && $kind == Packages ]] || continue
    case $release in
      "bookworm$suffix" | "trixie$suffix" | "oldstable$suffix" | "stable$suffix")
        printf '%s' "$site"
        return 0
        ;;
    esac
  done < <(apt-get indextargets --format "$format")
  return 1
}

# debian_sources <suite>: lines for a sources.list, the release itself and its security updates.
debian_sources() {
  local suite=$1 main_site security_site
  local signed='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
  main_site=${PGHERD_DEBIAN_MIRROR:-$(mirror_of '' || true)}
  [[ -n $main_site ]] ||
    die "no Debian mirror among this system's package sources; name one in PGHERD_DEBIAN_MIRROR"
  echo "deb $signed $main_site $suite main"
  if security_site=$(mirror_of -security); then
    echo "deb $signed $security_site $suite-security main"
  fi
}

# write_apt_configuration <suite> <folder>: an apt with a state of its own below the folder; the
# system's is not touched.
write_apt_configuration() {
  local suite=$1 apt=$2
  mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$apt/empty"
  : >"$apt/status"
  debian_sources "$suite" >"$apt/sources.list"
  # The empty status makes apt resolve dependencies as for an empty machine, down to libc.
  cat >"$apt/apt.conf" <<CONF
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "$apt/empty";
Dir::Etc::preferences "$apt/empty/none";
Dir::Etc::preferencesparts "$apt/empty";
APT::Sandbox::User "root";
APT::Default-Release "";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear Acquire::IndexTargets::deb::DEP-11;
CONF
}

# How this machine reaches its mirrors, proxies above all, is how the new one has to.
apt_acquire_options() {
  apt-config dump | grep -E '^Acquire::(http|https|Retries|Check-Valid-Until|Check-Date)\b' || true
}

# make_debian_root <suite> <folder> <package,...>: a new root with these packages.
make_debian_root() {
  local suite=$1 target=$2 packages=$3 options sources
  options=$(mktemp)
  sources=$(mktemp)
  apt_acquire_options >"$options"
  debian_sources "$suite" >"$sources"
  mmdebstrap --quiet --variant=apt --include="$packages" \
    --aptopt="$options" "$suite" "$target" "$sources"
  rm -f "$options" "$sources"
  cp /etc/resolv.conf "$target/etc/resolv.conf"
  cp /etc/hosts "$target/etc/hosts"
}

# enter_root <root> <command>: as PID 1 of a new namespace, so that nothing outlives it.
enter_root() {
  local target=$1
  shift
  # shellcheck disable=SC2016
  unshare --mount --pid --ipc --uts --fork --kill-child -- bash -euc '
    target=$1
    shift
    mount --make-rprivate /
    mount -t proc proc "$target/proc"
    mount --rbind /sys "$target/sys"
    mount --rbind /dev "$target/dev"
    mount -t tmpfs tmpfs "$target/dev/shm"
    mount -t tmpfs tmpfs "$target/run"
    if [[ -n ${cache:-} ]]; then
      mkdir -p "$cache" "$target/var/cache/ccache"
      mount --bind "$cache" "$target/var/cache/ccache"
    fi
    exec chroot "$target" env -i HOME=/root TERM=dumb LANG=C.UTF-8 CI=true \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      ${http_proxy:+http_proxy=$http_proxy} ${https_proxy:+https_proxy=$https_proxy} \
      ${cache:+CCACHE_DIR=/var/cache/ccache CCACHE_BASEDIR=/ CCACHE_NOHASHDIR=1} \
      "$@"
  ' enter "$target" "$@" </dev/null
}
