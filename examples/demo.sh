#!/usr/bin/env bash
# Runs the README's examples: starts a gateway and the functions of examples/functions on free ports, runs each command of a block that
# begins with ```sh demo, and compares what came of it with the blocks that follow it: ```json answer or ```text answer is what the
# command printed, ```text functions what the functions got. "…" there stands for anything. Needs bash, curl and go; leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/.."

dir=$(mktemp -d)
gateway='' functions=''

finish() {
  local code=$?
  trap - EXIT
  for pid in $gateway $functions; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$dir"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

fail() {
  printf '\nThe demo failed: %s\n' "$1" >&2
  [ ! -s "$dir/gateway.log" ] || { echo 'The log of the gateway:' >&2; cat "$dir/gateway.log" >&2; }
  exit 1
}

# port FILE TEXT PID prints the port of the URL that stands after the text, once it is there.
port() {
  local found
  for _ in $(seq 100); do
    found=$(sed -n "s|.*$2 *http://[^:]*:\([0-9]*\).*|\1|p" "$1")
    if [ -n "$found" ]; then echo "$found"; return; fi
    kill -0 "$3" 2>/dev/null || break
    sleep 0.1
  done
  fail "nothing is at \"$2\" after ten seconds"
}

# here puts the ports of this run in place of the README's.
here() {
  local text=$1
  text=${text//localhost:4000/localhost:$events}
  text=${text//localhost:4001/localhost:$config}
  echo "${text//localhost:8080/localhost:$calls}"
}

# same GOT WANT says whether they are equal, but for what "…" stands for.
same() {
  local want=$2
  want=${want//\\/\\\\}
  want=${want//\*/\\*}
  want=${want//\?/\\?}
  want=${want//\[/\\[}
  want=${want//…/*}
  # shellcheck disable=SC2053
  [[ $1 == $want ]]
}

curl() { command curl --noproxy '*' --max-time 20 -sS "$@"; }

# run runs the commands of a block, and keeps what they print.
run() {
  local line command=''
  answer=''
  while IFS= read -r line; do
    command+=$line
    if [[ $line == *\\ ]]; then
      command+=$'\n'
      continue
    fi
    [ -n "$command" ] || continue
    printf '\n$ %s\n' "$command"
    eval "$command" >"$dir/answer" || fail 'the command failed'
    tr -d '\r' <"$dir/answer" >"$dir/shown"
    cat "$dir/shown"
    [ -z "$(tail -c 1 "$dir/shown")" ] || echo | tee -a "$dir/shown"
    answer+=$(cat "$dir/shown")$'\n'
    command=''
    ran=$((ran + 1))
  done <<<"$1"
}

# received waits for as many events as there are lines, and compares them.
received() {
  local want=$1 n got
  n=$(wc -l <<<"$want")
  for _ in $(seq 50); do
    [ "$(wc -l <"$dir/functions.log")" -lt $((seen + n)) ] || break
    sleep 0.1
  done
  got=$(tail -n "+$((seen + 1))" "$dir/functions.log")
  echo "$got"
  same "$got" "$want" || fail "the README says that the functions get:
$want"
  seen=$((seen + n))
}

# block does what a block of the README stands for.
block() {
  local text
  text=$(here "${2%$'\n'}")
  case $1 in
  'sh demo') run "$text" ;;
  'json answer' | 'text answer')
    answer=${answer%$'\n'}
    same "${answer%$'\n'}" "$text" || fail "the README says that the answer is:
$text" ;;
  'text functions') received "$text" ;;
  esac
}

echo 'Building the gateway and the functions.'
go build -o "$dir/" ./cmd/event-gateway ./examples/functions

"$dir/functions" -addr localhost:0 >"$dir/functions.log" 2>&1 &
functions=$!
"$dir/event-gateway" -dev -events-port 0 -config-port 0 -embed-data-dir "$dir/etcd" >"$dir/gateway.out" 2>"$dir/gateway.log" &
gateway=$!
events=$(port "$dir/gateway.out" 'Events API' "$gateway")
config=$(port "$dir/gateway.out" 'Config API' "$gateway")
calls=$(port "$dir/functions.log" 'functions are at' "$functions")
echo "The Events API is on port $events, the Config API on $config, and the functions are on $calls: they stand for 4000, 4001 and 8080."

kind='' text='' ran=0 answer=''
seen=1 # of the lines in functions.log: the first says where they are
while IFS= read -r line; do
  case $kind:$line in
  :'```'*) kind=${line#'```'} kind=${kind:-none} text='' ;;
  :*) ;;
  *:'```')
    block "$kind" "$text"
    kind='' ;;
  *) text+=$line$'\n' ;;
  esac
done <README.md

[ "$ran" -gt 0 ] || fail 'the README has no commands'
kill "$gateway"
wait "$gateway" || fail "the gateway ended with exit code $?"
gateway=''
[ "$(wc -l <"$dir/functions.log")" -eq "$seen" ] || fail "the functions got more than the README says:
$(tail -n "+$((seen + 1))" "$dir/functions.log")"
printf '\nDone: %s commands of the README did what it says.\n' "$ran"
