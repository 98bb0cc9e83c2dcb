// Package faults holds the stores to their promises while their servers are killed, frozen and cut off. All of it is tests, which need the
// servers that `make servers` builds or installs: `make test-stores` runs them, `make torture-stores` for longer.
//
// The environment variable STORES names the databases, as in STORES=etcd,consul; all is all. Without it nothing runs.
package faults
