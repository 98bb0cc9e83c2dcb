#!/usr/bin/env bash
# Runs each fuzz target of the tree for FUZZTIME, one after the other.
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT

fuzz() { # package target
	go test -run '^$' -fuzz "^$2\$" -fuzztime "${FUZZTIME:-10s}" "$1" 2>&1 | tee "$log"
}

# Go up to 1.26 sometimes fails when the time is over, without having found anything: https://go.dev/issue/75804
only_out_of_time() {
	grep -qx ' *context deadline exceeded' "$log" && ! grep -q 'Failing input written' "$log"
}

found=0
while read -r package dir <&3; do
	grep -qs '^func Fuzz' "$dir"/*_test.go || continue
	targets=$(go test -list '^Fuzz' "$package" | grep '^Fuzz')
	for target in $targets; do
		found=$((found + 1))
		echo "== $target in $package"
		fuzz "$package" "$target" && continue
		only_out_of_time || exit 1
		echo "== $target again: it found nothing, but Go failed at the end of its time (https://go.dev/issue/75804)"
		fuzz "$package" "$target" || exit 1
	done
done 3< <(go list -f '{{.ImportPath}} {{.Dir}}' ./...)
echo "== $found fuzz targets ran for ${FUZZTIME:-10s} each"
[ "$found" -gt 0 ]
