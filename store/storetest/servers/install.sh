#!/usr/bin/env bash
# Installs ZooKeeper from Debian, if it is missing and may be installed, and says what is still missing for the tests of the stores.
# In CI that is an error.
set -euo pipefail

jar=/usr/share/java/zookeeper.jar
has_zookeeper() { [ -e $jar ] && command -v java >/dev/null; }

if ! has_zookeeper && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "ZooKeeper is missing: installing Debian's package zookeeper."
	export DEBIAN_FRONTEND=noninteractive
	for _ in 1 2; do
		apt-get -qq update && apt-get -qq install -y --no-install-recommends zookeeper >/dev/null && break
	done || true
fi

missing=0
if ! has_zookeeper; then
	echo "ZooKeeper is MISSING ($jar and java): on Debian or Ubuntu, apt-get install zookeeper as root." >&2
	missing=1
fi
if ! command -v moto_server >/dev/null; then
	echo "moto_server, the emulator of AWS, is MISSING: pip3 install 'moto[server]==5.2.1'" >&2
	missing=1
fi
[ $missing = 0 ] || [ -z "${CI:-}" ]
