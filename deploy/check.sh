#!/usr/bin/env bash
# Checks this folder without a container engine: it does by hand what the Dockerfile says, runs the result as the container would,
# has the compose file and the systemd unit read by the parsers of their makers, and builds the Lambda's zip twice. As root, the gateway runs in a root directory that holds
# nothing else; as another user, in the machine's, with a data directory elsewhere.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT

ok() { echo "ok: $*"; }
fail() {
	echo "deploy/check.sh: $*" >&2
	tail -n 20 "$dir"/stdout "$dir"/stderr >&2 2>/dev/null || true
	exit 1
}

# instructions NAME prints the arguments of the Dockerfile's instructions of that name.
instructions() { sed -e '/^#/d' -e ':a' -e '/\\$/{N;s/\\\n[[:space:]]*/ /;ba' -e '}' deploy/Dockerfile | sed -n "s/^$1 //p"; }

# The image.
mkdir "$dir/root"
while read -r command; do
	command=${command//\/out\//$dir/out/}
	echo "+ $command"
	VERSION=check TARGETOS='' TARGETARCH='' sh -ec "$command" </dev/null || fail "it does not build"
done < <(instructions RUN | grep -v 'go mod download')
while read -r from to owner; do
	mkdir -p "$dir/root${to%/*}"
	cp -r "$dir$from" "$dir/root$to"
	[ "$(id -u)" != 0 ] || [ -z "$owner" ] || chown -R "$owner" "$dir/root$to"
done < <(instructions COPY | sed -nE 's/^--from=build (--chown=([^ ]+) )?([^ ]+) ([^ ]+)$/\3 \4 \2/p')
read -ra env < <(instructions ENV)
user=$(instructions USER)
entrypoint=$(instructions ENTRYPOINT | sed 's/^\["\(.*\)"\]$/\1/')
[ -x "$dir/root$entrypoint" ] && [ ${#env[@]} -gt 0 ] && [ -n "$user" ] || fail "the Dockerfile is not as this script expects it"

if [ "$(id -u)" = 0 ]; then
	inside=("$(command -v chroot)" "--userspec=$user" "$dir/root")
else
	echo "NOT AS IN THE CONTAINER: without root, the gateway runs as $(id -un), and not in a root directory of its own."
	inside=("$(command -v env)" "EVENT_GATEWAY_EMBED_DATA_DIR=$dir/data")
	entrypoint=$dir/root$entrypoint
fi

# gateway ARGUMENT... becomes the gateway. Its ports are free ones, as the usual ones may be taken on this machine.
gateway() {
	exec env -i "${env[@]}" EVENT_GATEWAY_EVENTS_PORT=0 EVENT_GATEWAY_CONFIG_PORT=0 "${inside[@]}" "$entrypoint" "$@"
}

got=$(gateway -version) || fail "it does not run"
[ "$got" = "event-gateway check" ] || fail "-version printed $got"
ok "the image's files run: $got, $(du -sh "$dir/root" | cut -f 1)"

# ends waits for the gateway to end, and sets code.
ends() {
	for _ in $(seq 300); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	! kill -0 "$pid" 2>/dev/null || fail "$1 it was still running after 30 seconds"
	code=0
	wait "$pid" || code=$?
	pid=
}

(gateway) >"$dir/stdout" 2>"$dir/stderr" &
pid=$!
ends "without a token"
[ $code = 2 ] && grep -q 'give it a token' "$dir/stderr" || fail "without a token it ended with $code, not with 2"
ok "without a token it ends with 2"

env+=("EVENT_GATEWAY_CONFIG_TOKEN=secret")
(gateway) >"$dir/stdout" 2>"$dir/stderr" &
pid=$!
for _ in $(seq 100); do
	grep -q 'Config API' "$dir/stdout" && break
	kill -0 "$pid" 2>/dev/null || fail "it ended"
	sleep 0.1
done
config=$(sed -n 's/^ *Config API *//p' "$dir/stdout")
events=$(sed -n 's/^ *Events API *//p' "$dir/stdout")
[ -n "$config" ] && [ -n "$events" ] || fail "it was not ready within 10 seconds"

asks() { # status, argument of curl...
	local got
	got=$(curl --noproxy '*' -s -o /dev/null -m 10 -w '%{http_code}' "${@:2}") || true
	[ "$got" = "$1" ] || fail "curl ${*:2} got $got, not $1"
}
asks 200 "$config/readyz"
asks 200 "$config/v1/status"
asks 401 "$config/v1/spaces/default/functions"
asks 200 "$config/v1/spaces/default/functions" -H 'Authorization: Bearer secret'
asks 404 "$events/nothing"
ok "it is ready, and lets only the token in"

kill -TERM "$pid"
ends "after SIGTERM"
[ $code = 0 ] || fail "after SIGTERM it ended with $code, not with 0"
ok "after SIGTERM it ends with 0"

# What stops it must wait for longer than it drains.
drain=$(gateway -help 2>&1 | grep -A 1 -e '-drain-timeout' | sed -n 's/.*(default \([0-9]*\)s).*/\1/p')
longer() { [ "${drain:-999}" -lt "$2" ] || fail "$1 waits $2 s for the gateway to end, which may drain for ${drain:-?} s"; }
longer compose.yaml "$(sed -n 's/^ *stop_grace_period: \([0-9]*\)s.*/\1/p' deploy/compose.yaml)"
longer event-gateway.service "$(sed -n 's/^TimeoutStopSec=\([0-9]*\)s$/\1/p' deploy/event-gateway.service)"
ok "it drains for $drain s, and is given longer"

# The compose file, read by the library that docker compose is made of.
go tool -modfile=tools/go.mod github.com/compose-spec/compose-go/v2/cmd deploy/compose.yaml >"$dir/stdout" 2>"$dir/stderr" || fail "compose.yaml: $(cat "$dir/stderr")"
ok "compose.yaml is valid"

if command -v systemd-analyze >/dev/null; then
	sed "s|^ExecStart=[^ ]*|ExecStart=$(command -v true)|" deploy/event-gateway.service >"$dir/event-gateway.service"
	systemd-analyze verify --man=no "$dir/event-gateway.service" >"$dir/stdout" 2>"$dir/stderr" || fail "event-gateway.service is not valid"
	grep 'event-gateway.service' "$dir/stderr" && fail "systemd-analyze complains of event-gateway.service"
	ok "event-gateway.service is valid"
else
	echo "NOT CHECKED: event-gateway.service, as there is no systemd-analyze."
fi

# The Lambda's zip: made for this machine here, and in a copy of this folder elsewhere that git knows nothing of.
servers=$(go list -deps -tags lambda.norpc,nomsgpack,grpcnotrace ./cmd/event-gateway-lambda) || fail "the Lambda's packages cannot be listed"
servers=$(grep -E '^go\.etcd\.io/etcd/server|/app/embed$' <<<"$servers") && fail "the Lambda has embedded servers in it: $servers"
ok "the Lambda has no embedded server in it"

arch=$(uname -m)
[ "$arch" != aarch64 ] || arch=arm64
mkdir -p "$dir/elsewhere"
tar -cf - --exclude=./.git --exclude=./bin --exclude=./dist . | tar -xf - -C "$dir/elsewhere"
for from in . "$dir/elsewhere"; do
	make -s -C "$from" lambda LAMBDA_ARCHS="$arch" LAMBDA_OUT="$dir/zip" >"$dir/stdout" 2>"$dir/stderr" || fail "the Lambda's zip does not build"
	cut -d ' ' -f 1 "$dir/stdout" >>"$dir/digests"
done
[ "$(wc -l <"$dir/digests")" = 2 ] && [ "$(sort -u "$dir/digests" | wc -l)" = 1 ] || fail "the Lambda's zip is another one elsewhere: $(tr '\n' ' ' <"$dir/digests")"
ok "the Lambda's zip is the same elsewhere: $(tail -n 1 "$dir/digests")"

if [ "$(uname -s)" = Linux ]; then
	code=0
	env -i bin/lambda-"$arch" >"$dir/stdout" 2>"$dir/stderr" || code=$?
	[ $code = 2 ] && grep -q 'EVENT_GATEWAY_' "$dir/stderr" || fail "without settings the Lambda ended with $code, not with 2"
	ok "without settings the Lambda ends with 2"
else
	echo "NOT CHECKED: whether the Lambda runs, which it does on Linux only."
fi
