package route

import (
	"fmt"
	"math/rand"
	"runtime"
	"testing"
)

// The benchmarks' names are stable: `make bench` compares them across sizes.

var sizes = []struct {
	name string
	n    int
}{{"1k", 1_000}, {"100k", 100_000}, {"1M", 1_000_000}}

// shapes are two ways to lay out n routes: the i-th pattern and a path that it matches.
var shapes = []struct {
	name    string
	pattern func(i, n int) string
	path    func(i, n int) string
}{
	{
		"params",
		func(i, n int) string { return fmt.Sprintf("/a%d/b%d/:id", i%side(n), i/side(n)) },
		func(i, n int) string { return fmt.Sprintf("/a%d/b%d/%d", i%side(n), i/side(n), i) },
	},
	{
		"flat",
		func(i, n int) string { return fmt.Sprintf("/route-%d", i) },
		func(i, n int) string { return fmt.Sprintf("/route-%d", i) },
	},
}

// side is the least number whose square is n or more.
func side(n int) int {
	s := 1
	for s*s < n {
		s++
	}
	return s
}

func patterns(b *testing.B, n int, text func(i, n int) string) []Pattern {
	b.Helper()
	ps := make([]Pattern, n)
	for i := range ps {
		p, err := ParsePattern(text(i, n))
		if err != nil {
			b.Fatal(err)
		}
		ps[i] = p
	}
	return ps
}

func build(ps []Pattern) Tree[int] {
	e := Tree[int]{}.Edit()
	for i, p := range ps {
		e.Add("http", "GET", p, i)
	}
	return e.Tree()
}

func BenchmarkFirst(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) { benchmarkFirst(b, size.n, 0) })
	}
}

func BenchmarkFirstFlat(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) { benchmarkFirst(b, size.n, 1) })
	}
}

// benchmarkFirst looks up random paths, enough of them that the nodes are not all in the cache.
func benchmarkFirst(b *testing.B, n, shape int) {
	tree := build(patterns(b, n, shapes[shape].pattern))
	paths := make([]string, 1<<16)
	for i := range paths {
		paths[i] = shapes[shape].path(rand.Intn(n), n)
	}
	var m Match[int]
	tree.First("http", "GET", paths[0], &m)
	runtime.GC() // what the building left is not part of a look-up
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if !tree.First("http", "GET", paths[i%len(paths)], &m) {
			b.Fatal("no match for", paths[i%len(paths)])
		}
	}
}

// BenchmarkAdd is one change of the configuration: a tree with one more route.
func BenchmarkAdd(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			ps := patterns(b, size.n, shapes[0].pattern)
			tree := build(ps)
			runtime.GC() // as in benchmarkFirst
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				e := tree.Edit()
				e.Add("http", "GET", ps[i*7919%len(ps)], -1)
				if e.Tree().Len() != size.n+1 {
					b.Fatal("not added")
				}
			}
		})
	}
}

// BenchmarkBuild1M makes a tree of a million routes in one editor, and reports
// the memory that it takes beyond the patterns.
func BenchmarkBuild1M(b *testing.B) {
	for _, shape := range shapes {
		b.Run(shape.name, func(b *testing.B) {
			ps := patterns(b, 1_000_000, shape.pattern)
			before := heap()
			tree := build(ps)
			size := float64(heap()-before) / float64(tree.Len())
			runtime.KeepAlive(tree)
			for b.Loop() {
				build(ps)
			}
			b.ReportMetric(size, "bytes/route")
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
