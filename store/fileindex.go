package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// fileIndex says where in a snapshot file is what of the realms.
type fileIndex struct {
	realms map[Realm]*kept
	max    int   // of the realms
	bases  int64 // bytes of the parts that hold all items of a realm
}

// kept is what a snapshot file holds of a realm: all its items at one time, and those that were written or deleted since.
type kept struct {
	seal
	base, changes []extent
}

// extent is the frame of a part.
type extent struct{ offset, size int64 }

// fileWrite is a write of a realm of which the last part was not read yet.
type fileWrite struct {
	begun, anew bool
	realm       Realm
	parts       []extent
}

func newFileIndex(max int) *fileIndex { return &fileIndex{realms: map[Realm]*kept{}, max: max} }

// add notes a write of a realm. If there is one realm too many, the one whose state is the oldest goes.
func (x *fileIndex) add(realm Realm, anew bool, parts []extent, s seal) {
	k := x.realms[realm]
	if anew {
		x.drop(realm)
		k = &kept{base: parts}
		x.realms[realm] = k
		x.bases += total(parts)
	} else {
		k.changes = append(k.changes, parts...)
	}
	k.seal = s
	if len(x.realms) > x.max {
		x.drop(x.oldest(realm))
	}
}

func (x *fileIndex) drop(realm Realm) {
	if k := x.realms[realm]; k != nil {
		x.bases -= total(k.base)
		delete(x.realms, realm)
	}
}

// oldest looks at all realms, which is little work beside the write that it makes room for.
func (x *fileIndex) oldest(but Realm) (oldest Realm) {
	var at int64
	for realm, k := range x.realms {
		if realm != but && (oldest == "" || k.at < at) {
			oldest, at = realm, k.at
		}
	}
	return oldest
}

func total(parts []extent) (size int64) {
	for _, e := range parts {
		size += e.size
	}
	return size
}

// scanFile reads a snapshot file of the given size, and returns what it holds and up to where it is good. An error says why nothing of it is, or
// that it is of another store than the first line says that it should have.
func scanFile(r io.ReaderAt, size int64, max int, first string) (*fileIndex, int64, error) {
	file := bufio.NewReaderSize(io.NewSectionReader(r, 0, size), partSize)
	line := make([]byte, len(first))
	switch n, _ := io.ReadFull(file, line); {
	case string(line[:n]) == first:
	case bytes.HasPrefix(line[:n], []byte(fileFormat+" ")):
		return nil, 0, errors.New("it is of another store than the one that this gateway is started with")
	default:
		return nil, 0, fmt.Errorf("it does not begin with the line %q", first[:len(first)-1])
	}
	x, good := newFileIndex(max), int64(len(first))
	var w fileWrite
	for offset := good; offset < size; {
		p, n, err := readPart(file, offset, size-offset)
		if err != nil {
			break
		}
		if !w.begun || p.anew || p.realm != w.realm { // one that was given up is followed by another
			w = fileWrite{begun: true, realm: p.realm, anew: p.anew}
		}
		if len(p.items) > 0 {
			w.parts = append(w.parts, extent{offset, n})
		}
		if offset += n; !p.last {
			continue
		}
		if w.anew || x.realms[w.realm] != nil { // not one that made room for another
			x.add(w.realm, w.anew, w.parts, p.seal)
		}
		w, good = fileWrite{}, offset
	}
	if len(x.realms) == 0 && size > good {
		return nil, 0, errDamaged
	}
	return x, good, nil
}

// items calls f with all items of a realm. If it returns an error, they are not those of one revision.
func (k *kept) items(r io.ReaderAt, f func(Item)) error {
	changed := map[string]Item{}
	if err := readItems(r, k.changes, func(item Item) { changed[item.Key] = item }); err != nil {
		return err
	}
	digest := k.skew
	put := func(item Item) {
		if item.Value != nil {
			digest = digest.With(item.Key, item.Rev)
			f(item)
		}
	}
	if err := readItems(r, k.base, func(item Item) {
		if newer, ok := changed[item.Key]; ok {
			delete(changed, item.Key)
			item = newer
		}
		put(item)
	}); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(changed)) {
		put(changed[key])
	}
	if digest != k.Digest {
		return fmt.Errorf("%w: the items do not match the digest", errDamaged)
	}
	return nil
}

func readItems(r io.ReaderAt, parts []extent, f func(Item)) error {
	for _, e := range parts {
		p, _, err := readPart(io.NewSectionReader(r, e.offset, e.size), e.offset, e.size)
		if err == nil {
			err = eachItem(p.items, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
