package dynamodb

import "time"

// capacity is the ConsumedCapacity of an answer.
type capacity struct {
	TableName          string
	CapacityUnits      float64
	ReadCapacityUnits  float64        `json:",omitzero"`
	WriteCapacityUnits float64        `json:",omitzero"`
	Table              *tableCapacity `json:",omitzero"`
}

type tableCapacity struct {
	CapacityUnits      float64
	ReadCapacityUnits  float64 `json:",omitzero"`
	WriteCapacityUnits float64 `json:",omitzero"`
}

// readUnits returns what it costs to read so many bytes: one for each 4 KB, half as much if the read may lag behind, twice as much in a
// transaction (times is 2).
func readUnits(bytes int, consistent bool, times float64) float64 {
	units := float64(max(1, (bytes+4095)/4096)) * times
	if !consistent {
		units /= 2
	}
	return units
}

// writeUnits returns what it costs to replace one item by another, or to find that this cannot be: one for each KB of the larger one.
func writeUnits(before, after item, times float64) float64 {
	return float64(max(1, (max(before.size(), after.size())+1023)/1024)) * times
}

func (s *Server) spent(read, write float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Read += read
	s.counts.Write += write
}

// consumed counts the units that a call cost, and returns them if they were asked for.
func (c *call) consumed(asked, table string, read, write float64) *capacity {
	c.s.spent(read, write)
	if asked == "" || asked == "NONE" {
		return nil
	}
	u := &capacity{TableName: table, CapacityUnits: read + write}
	if c.op == "TransactGetItems" || c.op == "TransactWriteItems" {
		u.ReadCapacityUnits, u.WriteCapacityUnits = read, write
	}
	if asked == "INDEXES" {
		u.Table = &tableCapacity{u.CapacityUnits, u.ReadCapacityUnits, u.WriteCapacityUnits}
	}
	return u
}

func askedUnits(asked string) error {
	return oneOf("returnConsumedCapacity", asked, "INDEXES", "TOTAL", "NONE")
}

// written returns what a transaction cost, whether it landed or not.
func (c *call) written(actions []*prepared, results []item, asked string) []*capacity {
	return c.sum(actions, asked, func(n int, old item) (read, write float64) { return 0, writeUnits(old, results[n], 2) })
}

// reread returns what it cost to find that a transaction landed before.
func (c *call) reread(actions []*prepared, asked string) []*capacity {
	return c.sum(actions, asked, func(_ int, old item) (read, write float64) { return readUnits(old.size(), true, 2), 0 })
}

// sum adds up what the actions cost, by table.
func (c *call) sum(actions []*prepared, asked string, cost func(n int, old item) (read, write float64)) []*capacity {
	reads, writes := map[string]float64{}, map[string]float64{}
	var tables []string
	for n, p := range actions {
		if _, ok := reads[p.TableName]; !ok {
			tables = append(tables, p.TableName)
		}
		r, w := cost(n, p.table.get(p.key, time.Time{}))
		reads[p.TableName] += r
		writes[p.TableName] += w
	}
	var all []*capacity
	for _, name := range tables {
		if used := c.consumed(asked, name, reads[name], writes[name]); used != nil {
			all = append(all, used)
		}
	}
	return all
}
