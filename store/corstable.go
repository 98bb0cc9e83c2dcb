package store

import (
	"strings"

	"github.com/tidwall/btree"

	"github.com/event-gateway/event-gateway/store/route"
)

// corsTable finds CORS records by method and path. It is immutable; a corsEdit makes the next one.
type corsTable struct {
	tree route.Tree[*CORS] // by space, method and pattern
	// The shapes of all spaces' patterns by method, each once however many spaces have it, and under each shape the records.
	shapes  route.Tree[string]
	records *btree.Map[string, *CORS]
}

type corsEdit struct {
	tree    *route.Editor[*CORS]
	shapes  *route.Editor[string]
	records *btree.Map[string, *CORS]
}

// CORS returns the most specific CORS record of a space for a method and canonical path, or nil.
func (s *Snapshot) CORS(space, method, path string) *CORS {
	if s.cors.tree.Len() == 0 {
		return nil
	}
	var m route.Match[*CORS]
	s.cors.tree.First(space, method, path, &m)
	return m.Value
}

// CORSOf returns the most specific CORS record for a method and canonical path of each space that has one.
func (s *Snapshot) CORSOf(method, path string) []*CORS {
	if s.cors.tree.Len() == 0 {
		return nil
	}
	var found []*CORS
	seen := map[string]bool{}
	for _, m := range s.cors.shapes.All("", method, path, nil) {
		s.cors.records.Ascend(m.Value, func(key string, c *CORS) bool {
			if !strings.HasPrefix(key, m.Value) {
				return false
			}
			if !seen[c.Space] {
				seen[c.Space] = true
				found = append(found, c)
			}
			return true
		})
	}
	return found
}

// corsFree says whether no other CORS record of the space is for exactly the requests of c.
func (s *Snapshot) corsFree(c *CORS) error {
	k, err := c.routing()
	if err != nil {
		return err
	}
	for _, pattern := range s.cors.tree.At(k.event, k.method, k.pattern) {
		return k.conflict("CORS configuration", pattern)
	}
	return nil
}

// edit is called with the lock that a snapshot has for it.
func (t corsTable) edit() corsEdit {
	return corsEdit{tree: t.tree.Edit(), shapes: t.shapes.Edit(), records: t.records.Copy()}
}

func (e corsEdit) table() corsTable {
	return corsTable{tree: e.tree.Tree(), shapes: e.shapes.Tree(), records: e.records}
}

func (e corsEdit) add(c *CORS) {
	k, err := c.routing()
	if err != nil {
		return // such a record is not read
	}
	e.tree.Add(k.event, k.method, k.pattern, c)
	shape := corsShape(k)
	if !e.has(shape) {
		e.shapes.Add("", k.method, k.pattern, shape)
	}
	e.records.Set(shape+c.Space+"/"+c.ID, c)
}

func (e corsEdit) delete(c *CORS) {
	k, err := c.routing()
	if err != nil {
		return
	}
	e.tree.Delete(k.event, k.method, k.pattern, c)
	shape := corsShape(k)
	e.records.Delete(shape + c.Space + "/" + c.ID)
	if !e.has(shape) {
		e.shapes.Delete("", k.method, k.pattern, shape)
	}
}

// has says whether any record is under a shape.
func (e corsEdit) has(shape string) (found bool) {
	e.records.Ascend(shape, func(key string, _ *CORS) bool {
		found = strings.HasPrefix(key, shape)
		return false
	})
	return found
}

// corsShape returns what the keys of all records begin with that are for exactly the same requests.
func corsShape(k routing) string { return k.method + k.pattern.Shape() + "\x00" }
