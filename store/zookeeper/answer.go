package zookeeper

import "encoding/binary"

// headerBytes is the length of what each answer begins with: the number of the request, the time in the database, and an error.
const headerBytes = 16

// The types of requests whose answers are looked at, and of the results of a transaction.
const (
	opError    = -1
	opCreate   = 1
	opDelete   = 2
	opGet      = 4
	opSet      = 5
	opChildren = 12
	opCheck    = 13
	opMulti    = 14
)

// answer is what is left of an answer that is looked through, as zk's client will decode it. That one makes errors of its panics about the bounds of
// slices, so an answer that just ends too early does no harm. But it panics where it looks at a single byte, and makes room for whatever
// is announced.
type answer struct {
	rest  []byte
	short bool // something was longer than what was left
}

// safe says whether zk's client can decode an answer. Those to requests that are not listed here do no harm.
func (w *wire) safe(frame []byte) bool {
	number, failed := int32(binary.BigEndian.Uint32(frame)), binary.BigEndian.Uint32(frame[12:]) != 0
	w.mu.Lock()
	op := w.asked[number]
	delete(w.asked, number)
	w.mu.Unlock()
	a := answer{rest: frame[headerBytes:]}
	switch {
	case failed: // the rest is not read
	case op == opGet:
		a.data()
	case op == opChildren:
		a.list()
	case op == opMulti:
		a.results()
	}
	return !a.short
}

// safeGreeting is the same for what opens the session: the protocol's version, the session's time-out and number, and its password.
func safeGreeting(frame []byte) bool {
	a := answer{rest: frame}
	a.skip(16)
	a.data()
	return !a.short
}

func (a *answer) skip(n int) {
	if n < 0 || n > len(a.rest) {
		a.short, n = true, len(a.rest)
	}
	a.rest = a.rest[n:]
}

func (a *answer) number() int32 {
	b := a.rest
	if a.skip(4); a.short {
		return 0
	}
	return int32(binary.BigEndian.Uint32(b))
}

func (a *answer) text() { a.skip(int(a.number())) }
func (a *answer) data() { a.skip(max(0, int(a.number()))) } // -1 is none

// list looks at how many texts there are. Each has at least a length.
func (a *answer) list() {
	if n := int(a.number()); n < 0 || n > len(a.rest)/4 {
		a.short = true
	}
}

// results looks through those of a transaction. Before each there are its type, whether it is none but the end, and an error.
func (a *answer) results() {
	for !a.short {
		op, end := a.number(), a.rest
		if a.skip(5); a.short || end[0] != 0 {
			return
		}
		switch op {
		case opError:
			a.skip(4)
		case opCreate:
			a.text()
		case opSet:
			a.skip(68)
		case opCheck, opDelete:
		default:
			return // zk's client goes no further
		}
	}
}
