// Command interplay is Go's part in tests/outside/interplay/README.md, which says what each command does.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	fbat "github.com/fbat/fbat/bindings/go"
)

const eventCount = 300

func main() {
	out := bufio.NewWriter(os.Stdout)
	err := run(os.Args[1:], os.Stdin, out)
	if err = errors.Join(err, out.Flush()); err != nil {
		fmt.Fprintln(os.Stderr, "interplay:", err)
		os.Exit(1)
	}
}

func run(arguments []string, in io.Reader, out io.Writer) error {
	switch {
	case len(arguments) == 2 && arguments[0] == "write":
		return write(arguments[1])
	case len(arguments) == 2 && arguments[0] == "read":
		return read(arguments[1], out)
	case len(arguments) == 3 && arguments[0] == "import":
		return importAll(arguments[1], arguments[2], out)
	case len(arguments) == 2 && arguments[0] == "frame":
		return frames(arguments[1], out)
	case len(arguments) == 1 && arguments[0] == "decode":
		return decode(in, out)
	}
	return errors.New("usage: interplay write DIR | read DIR | import SOURCE DESTINATION | frame DIR | decode")
}

func write(directory string) error {
	store, err := fbat.Open(directory, fbat.WithMode(fbat.OpenMustBeNew), fbat.WithLabel("interplay"))
	if err != nil {
		return err
	}
	defer store.Close()
	events := make([]fbat.Event, eventCount)
	for i := range events {
		if events[i], err = event(i); err != nil {
			return err
		}
	}
	if err := store.AppendBatch(events, nil); err != nil {
		return err
	}
	return store.Close()
}

func event(i int) (fbat.Event, error) {
	kind, err := fbat.NewKind(1, uint32(i%5))
	if err != nil {
		return fbat.Event{}, err
	}
	event := fbat.Event{
		Entity:         fmt.Sprintf("sensor:%d", i%7),
		Scope:          "plant",
		Kind:           kind,
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
	return event, nil
}

func read(directory string, out io.Writer) error {
	store, err := fbat.Open(directory, fbat.WithMode(fbat.OpenReadOnly))
	if err != nil {
		return err
	}
	defer store.Close()
	for record, err := range store.Events() {
		if err != nil {
			return err
		}
		fmt.Fprintln(out, line(&record))
	}
	return store.Close()
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
	return fmt.Sprint(r.Sequence, " ", r.Entity, " ", r.Scope, " ", r.Kind, " ", r.PayloadVersion, " ", r.Version, " ",
		r.Timestamp.UnixMicro(), " ", r.ID, " ", idOrDash(r.Correlation), " ", idOrDash(r.Causation), " ",
		orDash(hex.EncodeToString(r.Payload)), " ", orDash(strings.Join(extensions, ",")), " ", r.ContentHash, " ", source)
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

func importAll(from, to string, out io.Writer) error {
	source, err := fbat.Open(from, fbat.WithMode(fbat.OpenReadOnly))
	if err != nil {
		return err
	}
	defer source.Close()
	destination, err := fbat.Open(to)
	if err != nil {
		return err
	}
	defer destination.Close()
	even := func(record *fbat.Record) (bool, error) { return record.Kind.Type()%2 == 0, nil }
	report, err := destination.Import(context.Background(), source, "interplay/source", fbat.WithFilter(even))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "imported %d deduplicated %d filtered %d reserved %d conflicts %d watermark %d\n", report.Imported,
		report.Deduplicated, report.SkippedFiltered, report.SkippedReserved, report.Conflicts, report.SourceHighWatermark)
	return errors.Join(source.Close(), destination.Close())
}

func frames(directory string, out io.Writer) error {
	store, err := fbat.Open(directory, fbat.WithMode(fbat.OpenReadOnly))
	if err != nil {
		return err
	}
	defer store.Close()
	for record, err := range store.Events() {
		if err != nil {
			return err
		}
		provenance, err := record.Provenance()
		if err != nil {
			return err
		}
		if provenance == nil {
			continue
		}
		frame, err := provenance.Encode()
		if err != nil {
			return err
		}
		fmt.Fprintln(out, hex.EncodeToString(frame))
	}
	return store.Close()
}

func decode(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		frame, err := hex.DecodeString(lines.Text())
		if err != nil {
			return err
		}
		p, err := fbat.DecodeProvenance(frame, 0)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, p.Namespace, p.EventID, p.Sequence, p.Kind, p.ContentHash)
	}
	return lines.Err()
}
