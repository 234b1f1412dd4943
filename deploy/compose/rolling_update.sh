#!/usr/bin/env bash
# rolling_update.sh [SERVICE...]: brings the running nodes to the images and settings that patroni.yml
# now says, one after the other: the standbys first, then leadership is handed over, then the former
# leader. Writes stand still for the length of one switchover. Ends with 1, and touches nothing
# further, as soon as a node does not come back streaming.
#
#   docker-compose -f patroni.yml build && ./rolling_update.sh
#
# Nodes that are as they should be are left alone. It takes the overlays (tls.yml) and the Compose, 1 or
# 2, that made the running nodes, since each would replace what the other made; COMPOSE names another one.
# UPDATE_WAIT is how many seconds a node may take to stream again (300).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

config=/etc/patroni.yml
wait_seconds=${UPDATE_WAIT:-300}
if [[ -n ${COMPOSE:-} ]]; then
  read -r -a compose <<<"$COMPOSE"
else
  made_by=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.version"}}' patroni-replica0 2>/dev/null || true)
  compose=(docker-compose)
  if [[ $made_by != 1.* ]] && docker compose version >/dev/null 2>&1; then compose=(docker compose); fi
fi
# With the overlays that they were made with.
made_of=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.project.config_files"}}' patroni-replica0 2>/dev/null || true)
IFS=, read -r -a files <<<"${made_of:-patroni.yml}"
for file in "${files[@]}"; do compose+=(-f "${file##*/}"); done

die() {
  printf 'rolling_update.sh: %s\n' "$*" >&2
  exit 1
}

# ctl <node> <word>...
ctl() {
  local node=$1
  shift
  docker exec "$node" patronictl -c "$config" "$@"
}

# The rows "member<tab>role<tab>state" of the cluster, asked of whichever node answers.
members() {
  local node rows
  for node in "${nodes[@]}"; do
    rows=$(ctl "$node" list -f tsv 2>/dev/null | awk -F'\t' 'NR > 1 { print $2 "\t" $4 "\t" $5 }') || continue
    [[ -z $rows ]] || { printf '%s\n' "$rows"; return 0; }
  done
  return 1
}

leader() { members | awk -F'\t' '$2 == "Leader" { print $1 }'; }

# wait_for <node>: it streams (or leads), as the cluster sees it.
wait_for() {
  local node=$1 deadline=$((SECONDS + wait_seconds)) state=''
  while ((SECONDS < deadline)); do
    state=$(members | awk -F'\t' -v node="$node" '$1 == node { print $3 }') || true
    [[ $state != streaming && $state != running ]] || return 0
    sleep 0.5
  done
  die "$node is '${state:-not there}' after $wait_seconds s: look at 'docker logs $node'. The other nodes were left as they are"
}

container_of() { docker inspect --format '{{.Id}}' "$1" 2>/dev/null || true; }

# Compose itself knows whether a container is as its service says.
update() {
  local node=$1 before
  before=$(container_of "$node")
  "${compose[@]}" up -d --no-deps --no-build "$node" >/dev/null 2>&1 || die "docker-compose could not start $node"
  if [[ $(container_of "$node") == "$before" ]]; then
    echo "$node: is as it should be"
  else
    echo "$node: replaced"
  fi
  wait_for "$node"
}

# Whether Compose would replace it: what it was made of against what the file now says.
differs() {
  local running wanted
  running=$(docker inspect --format '{{.Image}} {{index .Config.Labels "com.docker.compose.config-hash"}}' "$1")
  wanted=$(docker image inspect --format '{{.Id}}' "$(docker inspect --format '{{.Config.Image}}' "$1")")
  wanted+=" $("${compose[@]}" config --hash "$1" 2>/dev/null | awk '{ print $2 }')"
  [[ $running != "$wanted" ]]
}

nodes=("$@")
((${#nodes[@]} > 0)) || mapfile -t nodes < <("${compose[@]}" config --services | grep '^patroni-replica' | sort)
members >/dev/null || die 'no node answers: is the deployment up?'
first=$(leader)
[[ -n $first ]] || die 'the cluster has no leader; nothing is replaced'
last=''
for node in "${nodes[@]}"; do
  if [[ $node == "$first" ]]; then
    last=$node
    continue
  fi
  wait_for "$node"
  update "$node"
done
[[ -n $last ]] || exit 0
if ! differs "$last"; then
  echo "$last: is as it should be"
  exit 0
fi
candidate=$(members | awk -F'\t' -v me="$last" '$1 != me && $3 == "streaming" { print $1; exit }')
[[ -n $candidate ]] || die "no standby streams: $last is not replaced"
ctl "$candidate" switchover --leader "$last" --candidate "$candidate" --force >/dev/null ||
  die "leadership could not be handed from $last to $candidate: see 'patronictl history'; $last is not replaced"
echo "$last: handed leadership to $candidate"
wait_for "$last"
update "$last"
