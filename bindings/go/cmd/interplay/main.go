// Command interplay is Go's part in tests/outside/interplay/README.md, which says what each command
// does.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

const eventCount = 300

var (
	ctx      = context.Background()
	readOnly = &fbat.OpenOptions{Mode: fbat.OpenReadOnly}
)

// must is what a call answers with; the program ends where it failed.
func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "interplay:", err)
		os.Exit(1)
	}
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	switch arguments := os.Args[1:]; {
	case len(arguments) == 2 && arguments[0] == "write":
		write(arguments[1])
	case len(arguments) == 2 && arguments[0] == "read":
		read(arguments[1], func(record *fbat.Record) { fmt.Fprintln(out, line(record)) })
	case len(arguments) == 3 && arguments[0] == "import":
		fmt.Fprintln(out, importAll(arguments[1], arguments[2]))
	case len(arguments) == 2 && arguments[0] == "frame":
		read(arguments[1], func(record *fbat.Record) {
			if provenance, imported := record.Provenance(); imported {
				fmt.Fprintln(out, hex.EncodeToString(must(provenance.Encode())))
			}
		})
	case len(arguments) == 1 && arguments[0] == "decode":
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			p := must(fbat.DecodeProvenance(must(hex.DecodeString(lines.Text())), 0))
			fmt.Fprintln(out, p.SourceNamespace, p.SourceEventID, p.SourceSequence, p.SourceKind,
				p.SourceContentHash)
		}
	default:
		check(errors.New("usage: interplay write DIR | read DIR | import SOURCE DESTINATION | " +
			"frame DIR | decode"))
	}
	check(out.Flush())
}

func write(directory string) {
	options := fbat.OpenOptions{Mode: fbat.OpenMustBeNew, Label: "interplay"}
	store := must(fbat.Open(ctx, directory, &options))
	events := make([]fbat.Event, eventCount)
	for i := range events {
		events[i] = event(i)
	}
	check(store.AppendBatch(events, nil))
	check(store.Close())
}

func event(i int) fbat.Event {
	event := fbat.Event{
		Entity:         fmt.Sprintf("sensor:%d", i%7),
		Scope:          "plant",
		Kind:           must(fbat.NewKind(1, uint32(i%5))),
		PayloadVersion: uint16(i % 3),
		Key:            fbat.OperationKey("interplay", fmt.Sprint(i)),
		Timestamp:      time.UnixMicro(1_700_000_000_000_000 + int64(i)),
		Correlation:    fbat.OperationKey("interplay-correlation", fmt.Sprint(i/10)),
	}
	if i%2 != 0 {
		event.Scope = "Gebäude"
	}
	for b := range i % 50 {
		event.Payload = append(event.Payload, byte(b))
	}
	if i%10 == 3 {
		event.CausationItem = 1
	}
	if i%4 == 0 {
		event.Extensions = []fbat.Extension{{Key: "test.index", Value: fmt.Append(nil, i)}}
	}
	return event
}

func read(directory string, show func(*fbat.Record)) {
	store := must(fbat.Open(ctx, directory, readOnly))
	for record, err := range store.Events(ctx, nil) {
		check(err)
		show(&record)
	}
	check(store.Close())
}

func line(r *fbat.Record) string {
	var extensions []string
	for _, extension := range r.Extensions {
		extensions = append(extensions, extension.Key+"="+hex.EncodeToString(extension.Value))
	}
	source := "-"
	if r.RecordFlags&fbat.RecordImported != 0 {
		source = fmt.Sprintf("%s/%d/%s", r.SourceNamespace, r.SourceSequence, r.SourceEventID)
	}
	payload, joined := hex.EncodeToString(r.Payload), strings.Join(extensions, ",")
	return fmt.Sprintf("%d %s %s %s %d %d %d %s %s %s %s %s %s %s", r.Sequence, r.Entity, r.Scope,
		r.Kind, r.PayloadVersion, r.Version, r.Timestamp.UnixMicro(), r.ID, idOrDash(r.Correlation),
		idOrDash(r.Causation), orDash(payload), orDash(joined), r.ContentHash, source)
}

func idOrDash(id fbat.ID) string {
	if id.IsZero() {
		return "-"
	}
	return id.String()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func importAll(from, to string) string {
	source := must(fbat.Open(ctx, from, readOnly))
	destination := must(fbat.Open(ctx, to, nil))
	even := func(record *fbat.Record) (bool, error) { return record.Kind.Type()%2 == 0, nil }
	options := fbat.ImportOptions{SourceNamespace: "interplay/source", Filter: even}
	r := must(destination.Import(ctx, source, &options))
	check(source.Close())
	check(destination.Close())
	const form = "imported %d deduplicated %d filtered %d reserved %d conflicts %d watermark %d"
	return fmt.Sprintf(form,
		r.Imported, r.Deduplicated, r.SkippedFiltered, r.SkippedReserved, r.Conflicts,
		r.SourceHighWatermark)
}
