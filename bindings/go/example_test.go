package fbat_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

// temporary is a directory for an example.
func temporary() (directory string, remove func()) {
	directory, err := os.MkdirTemp("", "fbat")
	if err != nil {
		log.Fatal(err)
	}
	return directory, func() { os.RemoveAll(directory) }
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func Example() {
	directory, remove := temporary()
	defer remove()
	store, err := fbat.Open(ctx, filepath.Join(directory, "lamps"), nil)
	check(err)
	defer store.Close()

	on := fbat.Event{Entity: "lamp:kitchen", Scope: "home", Kind: 0x1001, Payload: []byte("on")}
	_, err = store.Append(on)
	check(err) // on the disk when this returns

	for record, err := range store.Events(ctx, nil) {
		check(err)
		fmt.Printf("%s %s\n", record.Entity, record.Payload)
	}
	// Output: lamp:kitchen on
}

func ExampleKind() {
	const (
		switched = 1*fbat.KindCategory + 1 // category 1, type 1
		moved    = 1*fbat.KindCategory + 2
	)
	for _, kind := range []fbat.Kind{switched, moved} {
		switch kind { // they are constants
		case switched:
			fmt.Println("switched", kind.Category(), kind.Type())
		case moved:
			fmt.Println("moved", kind.Category(), kind.Type())
		}
	}
	made, err := fbat.NewKind(1, 1) // of numbers that only the running program knows
	check(err)
	fmt.Println(made == switched)
	// Output:
	// switched 1 1
	// moved 1 2
	// true
}

func ExampleReceipt_Replayed() {
	directory, remove := temporary()
	defer remove()
	store, err := fbat.Open(ctx, filepath.Join(directory, "s"), nil)
	check(err)
	defer store.Close()
	order := fbat.Event{Entity: "order:1", Scope: "shop", Kind: 0x1001}
	order.Key = fbat.OperationKey("shop.order", "1")
	for range 2 {
		receipt, err := store.Append(order)
		check(err)
		fmt.Println(receipt.Sequence, receipt.Replayed(), receipt.Durable())
	}
	// Output:
	// 2 false true
	// 2 true true
}

func ExampleBatch() {
	directory, remove := temporary()
	defer remove()
	store, err := fbat.Open(ctx, filepath.Join(directory, "s"), nil)
	check(err)
	defer store.Close()
	var batch fbat.Batch
	lines := bufio.NewScanner(strings.NewReader("one\ntwo\nthree"))
	for lines.Scan() {
		batch.Add(fbat.Event{Entity: "file", Scope: "s", Kind: 0x1001, Payload: lines.Bytes()})
	}
	check(store.AppendBatch(batch.Events(), nil))
	batch.Reset()
	for record, err := range store.Events(ctx, nil) {
		check(err)
		fmt.Println(string(record.Payload))
	}
	// Output:
	// one
	// two
	// three
}

func ExampleOpen() {
	directory, remove := temporary()
	defer remove()
	store, err := fbat.Open(ctx, filepath.Join(directory, "s"), &fbat.OpenOptions{
		Mode:         fbat.OpenMustBeNew,
		Label:        "workshop",
		Durability:   fbat.DurabilityOS, // appends do not wait for the disk; Sync does
		SegmentBytes: 1 << 20,
	})
	check(err)
	defer store.Close()
	fmt.Println(store.Label(), store.OpenReport().Created())
	frontier, err := store.Sync()
	check(err)
	fmt.Println(frontier.Visible, frontier.Durable)
	// Output:
	// workshop true
	// 1 1
}

func ExampleStore_AppendBatch() {
	directory, remove := temporary()
	defer remove()
	store, err := fbat.Open(ctx, filepath.Join(directory, "orders"), nil)
	check(err)
	defer store.Close()

	events := []fbat.Event{{
		Entity: "order:1", Scope: "shop", Kind: 0x1001, Payload: []byte("2 apples"),
		Key:       fbat.OperationKey("shop.order", "1"), // appending it again is a replay
		Expect:    fbat.ExpectAbsent,
		Timestamp: time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC),
	}, {
		Entity: "stock:apples", Scope: "shop", Kind: 0x1002, Payload: []byte("-2"),
		CausationItem: 1, // the first of this batch
		Extensions:    []fbat.Extension{{Key: "shop.clerk", Value: []byte("Ada")}},
	}}
	receipts := make([]fbat.Receipt, len(events)) // or nil, where nobody wants to know
	check(store.AppendBatch(events, receipts))
	for i, receipt := range receipts {
		fmt.Println(events[i].Entity, receipt.Sequence, receipt.Version)
	}
	// Output:
	// order:1 2 1
	// stock:apples 3 1
}

func ExampleError() {
	directory, remove := temporary()
	defer remove()
	store, err := fbat.Open(ctx, filepath.Join(directory, "s"), nil)
	check(err)
	defer store.Close()
	_, err = store.Append(fbat.Event{
		Entity: "door", Scope: "home", Kind: 0x1001, Expect: fbat.ExpectVersion, ExpectedVersion: 3,
	})
	fmt.Println(errors.Is(err, fbat.ErrVersionConflict), errors.Is(err, fbat.CategoryConflict))
	var e *fbat.Error
	if errors.As(err, &e) {
		fmt.Println(e.Status.Name(), "actual", e.Actual, "allowed", e.Allowed)
	}
	// Output:
	// true true
	// FBAT_ERR_VERSION_CONFLICT actual 0 allowed 3
}

func ExampleStore_Events() {
	directory, remove := temporary()
	defer remove()
	store, err := fbat.Open(ctx, filepath.Join(directory, "s"), nil)
	check(err)
	defer store.Close()
	for _, entity := range []string{"lamp:kitchen", "lamp:cellar", "door"} {
		_, err := store.Append(fbat.Event{Entity: entity, Scope: "home", Kind: 0x1001})
		check(err)
	}
	query := fbat.Query{
		Region: fbat.Region{
			Entity:        fbat.Entity("lamp"), // and everything below lamp:
			Kinds:         fbat.Kinds(0x1001),
			RecordedFirst: time.Now().Add(-24 * time.Hour),
		},
		Flags:   fbat.QueryBackward,
		Columns: fbat.ColumnFixed, // neither payload nor extensions
	}
	for record, err := range store.Events(ctx, &query) {
		check(err)
		fmt.Println(record.Sequence, record.Entity)
	}
	// Output:
	// 3 lamp:cellar
	// 2 lamp:kitchen
}

func ExampleStore_Query() {
	directory, remove := temporary()
	defer remove()
	store, err := fbat.Open(ctx, filepath.Join(directory, "s"), nil)
	check(err)
	defer store.Close()
	check(store.AppendBatch(make5(), nil))
	after, end := uint64(0), false
	for !end {
		page, err := store.Query(ctx, &fbat.Query{PageRows: 2, After: after})
		check(err)
		fmt.Println(len(page.Records), page.Resume)
		after, end = page.Resume, page.End
	}
	// Output:
	// 2 3
	// 2 5
	// 1 6
}

func make5() []fbat.Event {
	events := make([]fbat.Event, 5)
	for i := range events {
		events[i] = fbat.Event{Entity: "e", Scope: "s", Kind: 0x1001}
	}
	return events
}

func ExampleStore_Cursor() {
	directory, remove := temporary()
	defer remove()
	store, err := fbat.Open(ctx, filepath.Join(directory, "s"), nil)
	check(err)
	defer store.Close()
	cursor, err := store.Cursor(ctx, nil)
	check(err)
	defer cursor.Close()
	for range 2 { // asked again, it goes on with what was appended since
		check(store.AppendBatch(make5(), nil))
		for {
			page, err := cursor.Next()
			check(err)
			if page == nil {
				break
			}
			fmt.Println(page.Records[0].Sequence, "to", page.Resume)
		}
	}
	// Output:
	// 2 to 6
	// 7 to 11
}

func ExampleStore_Follow() {
	directory, remove := temporary()
	defer remove()
	store, err := fbat.Open(ctx, filepath.Join(directory, "s"), nil)
	check(err)
	defer store.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	_, err = store.Append(fbat.Event{Entity: "lamp:hall", Scope: "home", Kind: 0x1001})
	check(err)

	frontier, err := store.Frontier()
	check(err)
	for _, entity := range []string{"door", "lamp:kitchen"} { // as any process may at any time
		_, err := store.Append(fbat.Event{Entity: entity, Scope: "home", Kind: 0x1001})
		check(err)
	}
	query := fbat.Query{
		Region: fbat.Region{Entity: fbat.Entity("lamp")},
		After:  frontier.Visible, // from now on; or the last sequence that was handled
	}
	for record, err := range store.Follow(ctx, &query, nil) {
		if errors.Is(err, context.Canceled) {
			break
		}
		check(err)
		fmt.Println(record.Sequence, record.Entity)
		cancel() // from any goroutine; or break
	}
	// Output: 4 lamp:kitchen
}

func ExampleStore_Follow_channel() {
	directory, remove := temporary()
	defer remove()
	store, err := fbat.Open(ctx, filepath.Join(directory, "s"), nil)
	check(err)
	defer store.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	check(store.AppendBatch(make5(), nil))

	records := make(chan fbat.Record)
	go func() {
		defer close(records)
		for record, err := range store.Follow(ctx, nil, nil) {
			if err != nil {
				return // or send it, too
			}
			select {
			case records <- record:
			case <-ctx.Done():
			}
		}
	}()
	for range 5 {
		select {
		case record := <-records:
			fmt.Println(record.Sequence, record.Entity)
		case <-time.After(time.Minute):
			log.Fatal("nothing came")
		}
	}
	// Output:
	// 2 e
	// 3 e
	// 4 e
	// 5 e
	// 6 e
}

func ExampleStore_Wait() {
	directory, remove := temporary()
	defer remove()
	store, err := fbat.Open(ctx, filepath.Join(directory, "s"), nil)
	check(err)
	defer store.Close()

	_, err = store.Wait(ctx, 1, &fbat.WaitOptions{Timeout: 5 * time.Millisecond})
	fmt.Println(errors.Is(err, fbat.ErrTimeout))
	check(store.AppendBatch(make5(), nil))
	frontier, err := store.Wait(ctx, 1, nil) // until there is something after sequence 1
	check(err)
	fmt.Println(frontier.Visible)
	// Output:
	// true
	// 6
}

func ExampleStore_Import() {
	directory, remove := temporary()
	defer remove()
	phone, err := fbat.Open(ctx, filepath.Join(directory, "phone"), nil)
	check(err)
	defer phone.Close()
	home, err := fbat.Open(ctx, filepath.Join(directory, "home"), nil)
	check(err)
	defer home.Close()
	for _, payload := range []string{"21.5", "22.0", "broken"} {
		event := fbat.Event{Entity: "thermometer", Scope: "home", Kind: 0x1001}
		event.Payload = []byte(payload)
		_, err := phone.Append(event)
		check(err)
	}

	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	options := fbat.ImportOptions{
		SourceNamespace: "ada's phone",
		Filter: func(record *fbat.Record) (bool, error) {
			return !bytes.Equal(record.Payload, []byte("broken")), nil
		},
		FilterColumns: fbat.ColumnPayload,
	}
	for range 2 { // the second time, everything exists
		report, err := home.Import(ctx, phone, &options)
		check(err)
		fmt.Println(report.Imported, report.Deduplicated, report.SkippedFiltered)
	}
	for record, err := range home.Events(ctx, nil) {
		check(err)
		fmt.Printf("%s was event %d of %s\n", record.Payload, record.SourceSequence,
			record.SourceNamespace)
	}
	// Output:
	// 2 0 1
	// 0 2 1
	// 21.5 was event 2 of ada's phone
	// 22.0 was event 3 of ada's phone
}

func ExampleDecodeProvenance() {
	provenance := fbat.Provenance{
		SchemaVersion:   fbat.ProvenanceSchemaVersion,
		SourceNamespace: "ada's phone",
		SourceEventID:   fbat.OperationKey("example"),
		SourceSequence:  2,
		SourceKind:      0x1001,
	}
	frame, err := provenance.Encode()
	check(err)
	decoded, err := fbat.DecodeProvenance(frame, 0)
	check(err)
	fmt.Println(decoded.SourceNamespace, decoded.SourceSequence, decoded == provenance)
	frame[20] ^= 1
	_, err = fbat.DecodeProvenance(frame, 0)
	fmt.Println(errors.Is(err, fbat.ErrWireChecksum))
	// Output:
	// ada's phone 2 true
	// true
}

func ExampleStore_Entities() {
	directory, remove := temporary()
	defer remove()
	store, err := fbat.Open(ctx, filepath.Join(directory, "s"), nil)
	check(err)
	defer store.Close()
	for _, entity := range []string{"lamp:hall", "lamp:kitchen", "door", "lamp:hall"} {
		_, err = store.Append(fbat.Event{Entity: entity, Scope: "home", Kind: 0x1001})
		check(err)
	}

	lamps := fbat.Region{Entity: fbat.Entity("lamp")}
	count, err := store.Count(ctx, &fbat.Query{Region: lamps})
	check(err)
	fmt.Println(count)
	for lamp, err := range store.Entities(ctx, &fbat.ListOptions{Entity: fbat.Entity("lamp")}) {
		check(err)
		fmt.Println(lamp.Name, lamp.Events, lamp.FirstSequence, lamp.LastSequence)
	}
	// Output:
	// 3
	// lamp:hall 2 2 5
	// lamp:kitchen 1 3 3
}

func ExampleEncodeEntity() {
	entity, err := fbat.EncodeEntity("plants/7?unit=bar") // a topic, a path, a URL
	check(err)
	topic, err := fbat.DecodeEntity(entity)
	check(err)
	fmt.Println(entity, topic)
	// Output:
	// plants%2F7?unit%3Dbar plants/7?unit=bar
}

func ExampleStore_Backup() {
	directory, remove := temporary()
	defer remove()
	store, err := fbat.Open(ctx, filepath.Join(directory, "s"), nil)
	check(err)
	defer store.Close()
	check(store.AppendBatch(make5(), nil))

	copied := filepath.Join(directory, "copy")
	report, err := store.Backup(ctx, copied, nil) // while others write
	check(err)
	fmt.Println(report.Events, report.LastSequence)
	id, err := fbat.NewIdentity(copied) // before both are appended to
	check(err)
	fmt.Println(id == store.ID())
	// Output:
	// 6 6
	// false
}

func ExampleRepair() {
	directory, remove := temporary()
	defer remove()
	store, err := fbat.Open(ctx, filepath.Join(directory, "s"), nil)
	check(err)
	check(store.AppendBatch(make5(), nil))
	report, findings, err := store.Verify(ctx, nil)
	check(err)
	fmt.Println(report.Events, findings) // what is wrong, where
	check(store.Close())

	kept, lost, err := fbat.Repair(ctx, store.Path(), store.Path()+".repaired", nil)
	check(err)
	fmt.Println(kept.Events, lost) // what is wrong, and which sequences are lost by it
	// Output:
	// 6 []
	// 6 []
}

func ExampleStore_Verify() {
	directory, remove := temporary()
	defer remove()
	store, err := fbat.Open(ctx, filepath.Join(directory, "s"), nil)
	check(err)
	defer store.Close()
	check(store.AppendBatch(make5(), nil))

	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel() // or at any time, from any goroutine
	options := fbat.VerifyOptions{Progress: func(progress fbat.Progress) error {
		log.Printf("%d of %d bytes", progress.Done, progress.Total)
		return nil // an error ends the call, and is what it returns
	}}
	_, findings, err := store.Verify(ctx, &options)
	if errors.Is(err, context.DeadlineExceeded) { // and fbat.ErrCancelled
		log.Fatal("a minute is not enough")
	}
	check(err)
	fmt.Println(len(findings))
	// Output:
	// 0
}

func ExampleSetLogCallback() {
	fbat.SetLogCallback(func(level fbat.LogLevel, message string) { log.Println(level, message) })
	fbat.SetLogCallback(nil)
	// Output:
}

func ExampleParseID() {
	id, err := fbat.ParseID("00112233445566778899AABBCCDDEEFF")
	check(err)
	fmt.Println(id)
	text, err := id.MarshalText() // as encoding/json does
	check(err)
	fmt.Println(string(text), id.IsZero())
	// Output:
	// 00112233445566778899aabbccddeeff
	// 00112233445566778899aabbccddeeff false
}
