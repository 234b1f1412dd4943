# Shared by the starts of the images. Sourced, not run.
# shellcheck shell=bash

# A container that cannot start is started again by Docker at once; a person has to change something
# first, so it stays for a while and lets its last line be read.
shortest_life=11  # in whole seconds, of which the first has begun: no two starts within ten

say() { printf '%s\n' "$*" >&2; }

# give_up <line>: says what is wrong and what to do, and ends with 1, not sooner than 10 s after the
# start. A signal ends it at once.
give_up() {
  say "pgherd: $*"
  rest "$shortest_life"
  exit 1
}

# rest <seconds>: until the container is that old.
rest() {
  local left=$(($1 - SECONDS))
  ((left > 0)) || return 0
  trap 'exit 1' TERM INT QUIT
  sleep "$left" &
  wait $! || true
}

# secret <VARIABLE>: prints the value of the variable, or the content of the file that VARIABLE_FILE
# names. An empty or unreadable file ends the start, with its name.
secret() {
  local name=$1 file_name=$1_FILE value=${!1:-} file
  file=${!file_name:-}
  if [[ -z $value && -n $file ]]; then
    check_secret_file "$file_name" "$file"
    value=$(<"$file")
  fi
  printf '%s' "$value"
}

# take_certificates <user> <folder> <file>...: copies of what TLS_DIR has, which only that user can
# read: PostgreSQL insists on it, and the files belong to whoever made them. Each appears whole.
take_certificates() {
  local user=$1 folder=$2 name
  shift 2
  [[ -n ${TLS_DIR:-} ]] || return 0
  install -d -o "$user" -g "$user" -m 700 "$folder"
  for name in "$@"; do
    [[ -s $TLS_DIR/$name && -r $TLS_DIR/$name ]] ||
      give_up "variable TLS_DIR: $TLS_DIR/$name cannot be read; ./create_certs.sh makes the certificates"
    if ! (umask 077 && cat "$TLS_DIR/$name" >"$folder/$name.new" && chown "$user:" "$folder/$name.new" &&
      mv -f "$folder/$name.new" "$folder/$name"); then
      give_up "$TLS_DIR/$name cannot be copied into $folder"
    fi
  done
}

check_secret_file() {
  local variable=$1 file=$2 text
  [[ -f $file && -r $file ]] ||
    give_up "variable $variable: $file cannot be read; ./create_secrets.sh makes the files, or write the value into it"
  text=$(<"$file")
  [[ -n $text ]] || give_up "variable $variable: $file is empty; write the value into it"
}

# What HTTP's Basic authentication is to say: of PATRONI_RESTAPI_AUTH_HEADER, or made of user and
# password. A header that says something else than those is an error: every check would fail.
rest_api_login() {
  local user=${PATRONI_RESTAPI_USERNAME:-} password=$1 made given
  made=$(printf '%s:%s' "$user" "$password" | base64 --wrap=0)
  given=${PATRONI_RESTAPI_AUTH_HEADER:-}
  given=${given#Basic }
  if [[ -n $given && -n $password && $given != "$made" ]]; then
    give_up "variable PATRONI_RESTAPI_AUTH_HEADER is not the base64 of PATRONI_RESTAPI_USERNAME, a colon and the password of the REST API; remove it from .env, and it is computed"
  fi
  printf '%s' "${given:-$made}"
}
