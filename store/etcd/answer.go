package etcd

import (
	"bytes"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// ranges takes apart the answer to a transaction of gets. What answers may be broken, or no etcd: that must be an error as others are.
func ranges(txn *clientv3.TxnResponse, gets []clientv3.Op) ([]*etcdserverpb.RangeResponse, error) {
	if len(txn.Responses) != len(gets) {
		return nil, fmt.Errorf("the answer to %d gets has %d parts", len(gets), len(txn.Responses))
	}
	all := make([]*etcdserverpb.RangeResponse, len(gets))
	for i, get := range gets {
		to := get.RangeBytes()
		if to == nil { // a get of one key
			to = append(bytes.Clone(get.KeyBytes()), 0)
		}
		all[i] = txn.Responses[i].GetResponseRange()
		if err := check(txn.Header, all[i], get.KeyBytes(), to); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// check returns an error unless r can be the answer to a get of the keys in [from, to). So the page after it, if there is more, gets further.
func check(header *etcdserverpb.ResponseHeader, r *etcdserverpb.RangeResponse, from, to []byte) error {
	switch {
	case header.GetRevision() < 1:
		return errors.New("an answer has no revision")
	case r == nil:
		return errors.New("the answer to a get is that to something else")
	case r.More && len(r.Kvs) == 0:
		return errors.New("an answer has no keys, though there are more")
	}
	for i, kv := range r.Kvs {
		if bytes.Compare(kv.Key, from) < 0 || bytes.Compare(kv.Key, to) >= 0 || i > 0 && bytes.Compare(kv.Key, r.Kvs[i-1].Key) <= 0 {
			return fmt.Errorf("an answer has the key %.200q, which does not belong there", kv.Key)
		}
	}
	return nil
}
