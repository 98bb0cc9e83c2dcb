package dynamodb

import (
	"math/rand/v2"
	"sync"
	"time"
)

// database is the state. Its mutex is held for a moment at a time; transactions lock items by table.locked.
type database struct {
	mu     sync.Mutex
	tables map[string]*table
	tokens map[string]*token
	oldest []string // tokens, in the order of their calls
	ahead  time.Duration
	hold   time.Duration
	lag    time.Duration
	rand   *rand.Rand
}

func newDatabase() *database {
	return &database{tables: make(map[string]*table), tokens: make(map[string]*token)}
}

func (d *database) set(hold, lag time.Duration, seed uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hold, d.lag, d.rand = hold, lag, rand.New(rand.NewPCG(seed, 1))
}

func (d *database) now() time.Time { return time.Now().Add(d.ahead) }

// table returns a table that can be used.
func (d *database) table(name string) (*table, error) {
	if err := tableName(name); err != nil {
		return nil, err
	}
	t := d.tables[name]
	if t == nil || t.status(d.now()) != "ACTIVE" {
		return nil, fail("ResourceNotFoundException", "Requested resource not found")
	}
	return t, nil
}

// moment returns what a read sees: the zero time stands for now. All items that one read returns are of one moment, since they come
// from one replica.
func (d *database) moment(consistent bool) time.Time {
	if consistent || d.lag == 0 {
		return time.Time{}
	}
	return d.now().Add(-d.lag/2 - time.Duration(d.rand.Int64N(int64(d.lag/2)+1)))
}
