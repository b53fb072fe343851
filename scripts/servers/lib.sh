# Read by the scripts beside it: the cache, free ports, waiting, the audit itself, and the end of what was started.
# What a machine lacks is named before anything is started.
# WORMPROOF (the binary; otherwise it is built), WORMPROOF_CACHE, WORMPROOF_OUTPUT (where the record goes).
set -euo pipefail

server=$(basename "$0")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${WORMPROOF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wormproof}
output=${WORMPROOF_OUTPUT:-$root/reports/servers/$server}
bucket=records
rm -rf "$output"
mkdir -p "$cache/bin" "$cache/jars"

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $server: $*"; exit 2; }

# need COMMAND WHAT-TO-DO
need() { command -v "$1" >/dev/null || die "no $1 on this machine: $2"; }

# Python with boto3, in the environment that tests/run makes, too.
python=$cache/venv/bin/python
get_python() {
  need python3 "install Python 3 with its venv module"
  [ -x "$python" ] || python3 -m venv "$cache/venv" || die "python3 makes no environment: install python3-venv"
  "$python" -c 'import boto3' 2>/dev/null || "$cache/venv/bin/pip" install --quiet boto3 || die "pip could not fetch boto3"
}

# get_go MODULE@VERSION BINARY
get_go() {
  [ -x "$cache/bin/$2" ] && return
  need go "install Go 1.24 or newer"
  say "building $2 (once, some minutes) …"
  CGO_ENABLED=0 GOBIN="$cache/bin" go install "$1" >"$cache/$2.log" 2>&1 || { tail -n 5 "$cache/$2.log" >&2; die "go install $1 failed"; }
}

# get_pip ENVIRONMENT COMMAND PACKAGE…
get_pip() {
  local environment=$cache/$1 command=$2
  shift 2
  [ -x "$environment/bin/$command" ] && return
  need python3 "install Python 3 with its venv module"
  say "fetching $* (once) …"
  { [ -x "$environment/bin/python" ] || python3 -m venv "$environment"; } || die "python3 makes no environment: install python3-venv"
  "$environment/bin/pip" install --quiet "$@" || die "pip could not fetch $*"
}

get_wormproof() {
  wormproof=${WORMPROOF:-$root/target/debug/wormproof}
  [ -n "${WORMPROOF:-}" ] && { [ -x "$WORMPROOF" ] || die "WORMPROOF names no program: $WORMPROOF"; return; }
  need cargo "install Rust, or name a wormproof by the variable WORMPROOF"
  (cd "$root" && cargo build --locked --quiet)
}

# A port of 127.0.0.1 that was free a moment ago.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

random() { od -An -tx1 -N"${1:-16}" /dev/urandom | tr -d ' \n'; }

# The directory of this run, and what was started in it; both end with the script, by process id.
work=$(mktemp -d "${TMPDIR:-/tmp}/wormproof-$server.XXXXXX")
started=()
finish() {
  local pid
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${started[@]}"; do
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
  done
  wait 2>/dev/null || true
  [ -n "${WORMPROOF_KEEP:-}" ] || rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# start COMMAND…: in the background, its words in $work/log
start() {
  "$@" >>"$work/log" 2>&1 </dev/null &
  started+=($!)
}

# wait_http URL [SECONDS]: until any answer comes
wait_http() {
  need curl "install curl"
  for _ in $(seq $((${2:-60} * 5))); do
    curl --silent --output /dev/null --max-time 2 "$1" && return
    kill -0 "${started[-1]}" 2>/dev/null || break
    sleep 0.2
  done
  tail -n 15 "$work/log" >&2
  die "does not answer at $1"
}

# The keys of this run's administrator.
root_access=AKIA$(random 8 | tr a-f A-F)
root_secret=$(random 20)

prepare() { "$python" "$here/prepare.py" "$@" || die "could not be prepared"; }

# audit URL [ARGUMENT…]: the whole suite on s3://$bucket
audit() {
  local url=$1 status=0
  shift
  MINIO_ACCESS_KEY=$root_access MINIO_SECRET_KEY=$root_secret "$wormproof" audit "s3://$bucket" --endpoint-url "$url" \
    --yes --allow bucket --output "$output" "$@" || status=$?
  concluded "$status"
}

# concluded STATUS: 0, 1 and 3 are results; anything else is a fault of the set-up.
concluded() {
  [ -s "$output/results.json" ] || die "there is no record (exit code $1)"
  printf '%s\n' "$output/results.json"
  exit "$1"
}
