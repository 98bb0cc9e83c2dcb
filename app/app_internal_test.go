package app

import "testing"

// TestStoreName: who asks a store, and how, makes no other store of it.
func TestStoreName(t *testing.T) {
	one := storeName("etcd://h:2379/p")
	for raw, same := range map[string]bool{
		"etcd://user:secret@h:2379/p": true, "etcd://h:2379/p?timeout=3s&ca=file": true, "etcd://h:2379/p?": true,
		"etcd://h:2379/q": false, "etcd://other:2379/p": false, "consul://h:2379/p": false, "embed:": false, "memory:": false, "etcd://h:2379/p?region=a": false,
	} {
		if got := storeName(raw); (got == one) != same || len(got) != 64 {
			t.Errorf("%s is %s, etcd://h:2379/p is %s", raw, got, one)
		}
	}
}
