package queue

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/event-gateway/event-gateway/invoke/event"
)

// body is how a durable queue keeps a message. What was kept once has to be readable for ever.
type body struct {
	Event      jsontext.Value `json:"event"`
	Deliveries []item         `json:"deliveries"`
}

type item struct {
	ID           string        `json:"id"`
	Space        string        `json:"space"`
	Subscription string        `json:"subscriptionId"`
	Params       *event.Params `json:"params,omitzero"`
	Revision     uint64        `json:"revision,omitzero"`
	Attempts     int           `json:"attempts,omitzero"`
	Reason       string        `json:"reason,omitzero"`
}

// Append appends the message as ParseMessage reads it, as one JSON object.
func (m *Message) Append(dst []byte) []byte {
	dst = m.appendStart(dst)
	for i, d := range m.Deliveries {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = d.append(dst)
	}
	return append(dst, end...)
}

const end = "]}"

func (m *Message) appendStart(dst []byte) []byte {
	dst = append(dst, `{"event":`...)
	dst = appendPlain(dst, m.Event.AppendStored(nil))
	return append(dst, `,"deliveries":[`...)
}

func (d *Delivery) append(dst []byte) []byte {
	kept := item{ID: d.ID, Space: d.Space, Subscription: d.Subscription, Revision: d.Revision, Attempts: d.Attempts, Reason: d.Reason}
	if len(d.Params.Names) > 0 {
		kept.Params = &d.Params
	}
	out, err := json.Marshal(kept, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic(fmt.Errorf("a delivery cannot be written: %w", err)) // there is nothing in it that could fail
	}
	return appendPlain(dst, out)
}

// Split returns the message as texts of at most limit bytes each: one, or as many as its deliveries need, with at most total bytes. Else it is ErrTooLarge.
func (m *Message) Split(limit, total int) (texts []string, err error) {
	start := m.appendStart(nil)
	text := start[:len(start):len(start)]
	for _, d := range m.Deliveries {
		one := d.append(nil)
		if len(text) > len(start) && len(text)+1+len(one)+len(end) > limit {
			total -= len(text) + len(end)
			texts = append(texts, string(text)+end)
			text = start[:len(start):len(start)]
		}
		if len(text) > len(start) {
			text = append(text, ',')
		}
		text = append(text, one...)
		if size := len(text) + len(end); size > min(limit, total) {
			return nil, fmt.Errorf("%w: %d bytes are more than the %d that are left for it", ErrTooLarge, size, min(limit, total))
		}
	}
	return append(texts, string(text)+end), nil
}

// ParseMessage reads what Append wrote. One that was dead, and that somebody has put back, begins anew.
func ParseMessage(text []byte) (*Message, error) {
	var b body
	if err := json.Unmarshal(text, &b); err != nil {
		return nil, errors.New("it is not the JSON of a message")
	}
	if len(b.Deliveries) == 0 {
		return nil, errors.New("it has no deliveries")
	}
	ev, err := event.ParseStored(b.Event)
	if err != nil {
		return nil, err
	}
	m := &Message{Event: ev}
	for _, kept := range b.Deliveries {
		if !isID(kept.ID) || kept.Space == "" || kept.Subscription == "" || kept.Attempts < 0 {
			return nil, errors.New("one of its deliveries lacks its id, space or subscription")
		}
		d := &Delivery{ID: kept.ID, Event: ev, Space: kept.Space, Subscription: kept.Subscription, Revision: kept.Revision, Attempts: kept.Attempts}
		if kept.Reason != "" {
			d.Attempts = 0
		}
		if kept.Params != nil {
			d.Params = *kept.Params
		}
		m.Deliveries = append(m.Deliveries, d)
	}
	return m, nil
}

// isID says whether this can be the id of a delivery, which becomes a part of signatures and headers.
func isID(s string) bool {
	return s != "" && len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// appendPlain appends a JSON text with all characters escaped that some queue does not take. They can only be in its strings.
func appendPlain(dst, text []byte) []byte {
	start := 0
	for i := 0; i < len(text); {
		if text[i] < 0xef { // none that begins with less
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if r >= 0xfffe {
			dst = append(dst, text[start:i]...)
			for _, unit := range utf16.AppendRune(nil, r) {
				dst = fmt.Appendf(dst, `\u%04x`, unit)
			}
			start = i + size
		}
		i += size
	}
	return append(dst, text[start:]...)
}
