//go:build cgo

package fbat

import "bytes"

// Batch gathers events for [Store.AppendBatch], and owns what they have: payloads and the values of
// extensions are copied by [Batch.Add], so that a buffer may be used again for the next event. A
// plain slice of events does not: its events share the caller's bytes until the append has copied
// them. The zero value is an empty batch.
type Batch struct {
	events []Event
	owned  []byte
}

// Add adds an event, and copies its bytes.
func (b *Batch) Add(event Event) {
	event.Payload = b.own(event.Payload)
	if event.Extensions != nil {
		event.Extensions = append([]Extension(nil), event.Extensions...)
		for i := range event.Extensions {
			event.Extensions[i].Value = b.own(event.Extensions[i].Value)
		}
	}
	b.events = append(b.events, event)
}

// own is a copy of bytes, one behind the other. A full piece stays with those who use it.
func (b *Batch) own(from []byte) []byte {
	const piece, large = 64 << 10, 16 << 10
	if from == nil || len(from) > large {
		return bytes.Clone(from)
	}
	if len(from) > cap(b.owned)-len(b.owned) {
		b.owned = make([]byte, 0, piece)
	}
	at := len(b.owned)
	b.owned = append(b.owned, from...)
	return b.owned[at:len(b.owned):len(b.owned)]
}

// Events are the events of the batch, for [Store.AppendBatch]. They stay until [Batch.Reset].
func (b *Batch) Events() []Event { return b.events }

// Len is how many events there are.
func (b *Batch) Len() int { return len(b.events) }

// Reset takes all events out, and keeps memory for the next ones.
func (b *Batch) Reset() {
	clear(b.events)
	b.events, b.owned = b.events[:0], b.owned[:0]
}
