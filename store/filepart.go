package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A snapshot file is a line that names its format and the store that it is of, and frames: the length of a part, a checksum, the part. A write of a realm is one or more parts
// in a row, and counts when the last of them is there. A frame is good only where it was written: the checksum covers its offset.
const (
	fileFormat  = "event-gateway snapshot 1"
	frameHeader = 4 + 4
	partSize    = 256 << 10 // about so many bytes of items are in a part
	maxPart     = 64 << 20  // larger than the largest record that any store takes
)

// The first byte of a part.
const (
	partAnew = 1 << iota // what was there of the realm before counts no more
	partLast
)

// part is one part of a write of a realm: its flags, the realm, the seal if it is the last, items.
type part struct {
	realm      Realm
	anew, last bool
	seal       seal
	items      []byte // as appendItem wrote them
}

// seal says where a realm stands after a write.
type seal struct {
	Head
	skew Digest // the digest of the head less that of the items: 0 unless the database is damaged
	at   int64  // when the store last said that this is the newest, in ns since 1970
}

const sealSize = 5 * 8

var errDamaged = errors.New("its content is damaged")

// firstLine is how a file of a store begins.
func firstLine(of string) string { return fileFormat + " " + of + "\n" }

// appendFrame appends the frame of a part, which is to be written at the offset.
func (p *part) appendFrame(b []byte, offset int64) []byte {
	start := len(b)
	b = append(b, make([]byte, frameHeader)...)
	var flags byte
	if p.anew {
		flags |= partAnew
	}
	if p.last {
		flags |= partLast
	}
	b = appendBytes(append(b, flags), []byte(p.realm))
	if p.last {
		for _, n := range []uint64{uint64(p.seal.Rev), uint64(p.seal.Digest), uint64(p.seal.Chain), uint64(p.seal.skew), uint64(p.seal.at)} {
			b = binary.BigEndian.AppendUint64(b, n)
		}
	}
	b = append(b, p.items...)
	frame := b[start:]
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-frameHeader))
	binary.BigEndian.PutUint32(frame[4:], checksum(offset, frame[:4], frame[frameHeader:]))
	return b
}

// readPart reads the frame that begins at the offset, of which the file has left bytes at most, and returns its size, too.
func readPart(r io.Reader, offset, left int64) (p part, size int64, err error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return part{}, 0, fmt.Errorf("%w: %w", errDamaged, err)
	}
	size = frameHeader + int64(binary.BigEndian.Uint32(header[:]))
	if size > left || size > maxPart {
		return part{}, 0, errDamaged
	}
	b := make([]byte, size-frameHeader)
	if _, err := io.ReadFull(r, b); err != nil {
		return part{}, 0, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if checksum(offset, header[:4], b) != binary.BigEndian.Uint32(header[4:]) {
		return part{}, 0, errDamaged
	}
	p, err = parsePart(b)
	return p, size, err
}

func checksum(offset int64, length, b []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Checksum(binary.BigEndian.AppendUint64(nil, uint64(offset)), table)
	return crc32.Update(crc32.Update(sum, table, length), table, b)
}

func parsePart(b []byte) (p part, err error) {
	if len(b) == 0 {
		return part{}, errDamaged
	}
	p.anew, p.last = b[0]&partAnew != 0, b[0]&partLast != 0
	realm, b, ok := cutBytes(b[1:])
	if !ok || p.last && len(b) < sealSize {
		return part{}, errDamaged
	}
	p.realm, p.items = Realm(realm), b
	if p.last {
		next := func() uint64 {
			n := binary.BigEndian.Uint64(p.items)
			p.items = p.items[8:]
			return n
		}
		p.seal = seal{Head: Head{Rev: Rev(next()), Digest: Digest(next()), Chain: Chain(next())}, skew: Digest(next()), at: int64(next())}
	}
	return p, nil
}

// appendItem appends an item. One whose value is nil was deleted.
func appendItem(b []byte, item Item) []byte {
	b = binary.AppendUvarint(appendBytes(b, []byte(item.Key)), uint64(item.Rev))
	if item.Value == nil {
		return append(b, 0)
	}
	return appendBytes(append(b, 1), item.Value)
}

// eachItem calls f with the items of a part. Their values share its memory.
func eachItem(b []byte, f func(Item)) error {
	for len(b) > 0 {
		key, rest, ok := cutBytes(b)
		rev, n := binary.Uvarint(rest)
		if !ok || n <= 0 || len(rest) == n {
			return errDamaged
		}
		item, live := Item{Key: string(key), Rev: Rev(rev)}, rest[n] != 0
		if b = rest[n+1:]; live {
			if item.Value, b, ok = cutBytes(b); !ok {
				return errDamaged
			}
		}
		f(item)
	}
	return nil
}

// appendBytes appends the length of v, and v.
func appendBytes(b, v []byte) []byte { return append(binary.AppendUvarint(b, uint64(len(v))), v...) }

// cutBytes returns what appendBytes wrote at the start of b, and the rest of b.
func cutBytes(b []byte) (v, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, false
	}
	b = b[size:]
	return b[:n:n], b[n:], true
}
