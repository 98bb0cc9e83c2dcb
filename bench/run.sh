#!/bin/sh
# Measures everything and prints the table; or only the numbers that are named: bench/run.sh sync routes
set -eu
cd "$(dirname "$0")/.."
exec go run ./bench "$@"
