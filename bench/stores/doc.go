// Package stores measures each store against what the client of its database needs for the least that could do the same. It runs as a
// test, since the servers that it starts belong to tests: make bench-stores.
package stores
