// Command quakes makes one store of twelve: a week of earthquakes.
//
//	quakes EVENTS.jsonl DIRECTORY
//
// Every seismic network of the input gets a store of its own, DIRECTORY/<network>. A hub,
// DIRECTORY/hub, then imports from all of them: first only what a filter lets through, then the
// rest, then nothing, because everything exists.
//
// An event of these stores:
//
//	entity     quake:<network>
//	scope      usgs
//	kind       category 1; type 1 earthquake, 2 explosion, 3 quarry blast
//	timestamp  when the ground shook
//	key        made from network and code, so that appending the same line again is a replay
//	payload    the line of JSON as it is in the input
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

const (
	batchEvents  = 256
	strongest    = 5
	magnitudeMin = 2.5 // what the filter compares with
)

// What the input is known to have; the program fails where the stores tell another story.
const (
	expectedEvents   = 1707
	expectedStrong   = 297
	expectedNetworks = 12
)

var kinds = map[string]fbat.Kind{"earthquake": 0x1001, "explosion": 0x1002, "quarry blast": 0x1003}

var (
	ctx       = context.Background()
	surprises int
)

// must is what a call answers with; the program ends where it failed.
func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "quakes:", err)
		os.Exit(1)
	}
}

func expect[T, U int | uint64](what string, actual T, expected U) {
	if uint64(actual) != uint64(expected) {
		fmt.Fprintf(os.Stderr, "quakes: %s: %d, not %d\n", what, actual, expected)
		surprises++
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintf(os.Stderr, "usage: %s EVENTS.jsonl DIRECTORY\n", os.Args[0])
		os.Exit(1)
	}
	file, directory := os.Args[1], os.Args[2]
	check(os.Mkdir(directory, 0o755)) // the program wants a fresh start
	quakes := readInput(file)
	fmt.Printf("%sfbat %s%s: %d earthquakes, explosions and quarry blasts of one week, from %s\n",
		style("\x1b[1m"), fbat.Version(), style("\x1b[0m"), len(quakes), file)

	networks := fillNetworks(directory, quakes)
	hub := must(fbat.Open(ctx, filepath.Join(directory, "hub"), nil))
	importThreeTimes(hub, networks)
	printFrame(printStrongest(hub))
	printState(hub)
	for _, network := range networks {
		check(network.store.Close())
	}
	check(hub.Close())
	expect("handles alive", fbat.LiveHandles(), 0)

	if surprises > 0 {
		fmt.Println("\n✗ This is not what was expected.")
		os.Exit(1)
	}
	fmt.Printf("\n%s✓%s %d events of %d networks in one store, "+
		"each once, each with its provenance.\n",
		style("\x1b[32m"), style("\x1b[0m"), expectedEvents, expectedNetworks)
}

// ---- input

// quake is a line of the input.
type quake struct {
	Net    string   `json:"net"`
	Code   string   `json:"code"`
	Type   string   `json:"type"`
	TimeMS int64    `json:"time_ms"`
	Mag    *float64 `json:"mag"`
	Place  *string  `json:"place"`

	line []byte
}

func parse(line []byte) (q quake, err error) {
	q.line = line
	return q, json.Unmarshal(line, &q)
}

func readInput(file string) (quakes []quake) {
	for line := range bytes.Lines(must(os.ReadFile(file))) {
		q := must(parse(bytes.TrimSuffix(line, []byte("\n"))))
		if kinds[q.Type] == 0 {
			check(fmt.Errorf("'%s' is no type of event that this program knows", q.Type))
		}
		quakes = append(quakes, q)
	}
	return quakes
}

// ---- one store for each network

type network struct {
	name   string
	store  *fbat.Store
	events []fbat.Event
}

func (q *quake) event() fbat.Event {
	return fbat.Event{
		Entity:    "quake:" + q.Net,
		Scope:     "usgs",
		Kind:      kinds[q.Type],
		Timestamp: time.UnixMilli(q.TimeMS),
		Key:       fbat.OperationKey("usgs.quake", q.Net, q.Code),
		Payload:   q.line,
	}
}

// appendAll appends all events of a network in batches, and says how many were new. A batch is
// written as a whole or not at all, and costs one fsync.
func (n *network) appendAll() (fresh, batches int) {
	for batch := range slices.Chunk(n.events, batchEvents) {
		receipts := make([]fbat.Receipt, len(batch))
		check(n.store.AppendBatch(batch, receipts))
		for _, receipt := range receipts {
			if receipt.Flags&fbat.ReceiptReplayed == 0 {
				fresh++
			}
		}
		batches++
	}
	return fresh, batches
}

func fillNetworks(directory string, quakes []quake) (networks []*network) {
	for _, q := range quakes {
		i := slices.IndexFunc(networks, func(n *network) bool { return n.name == q.Net })
		if i < 0 {
			i = len(networks)
			networks = append(networks, &network{name: q.Net})
		}
		networks[i].events = append(networks[i].events, q.event())
	}
	t := newTable("network", ">events", ">batches", ">first time", ">again: new", ">replayed")
	total, totalBatches, totalAgain := 0, 0, 0
	for _, n := range networks {
		n.store = must(fbat.Open(ctx, filepath.Join(directory, n.name), nil))
		first, batches := n.appendAll()
		again, _ := n.appendAll()
		t.row(n.name, len(n.events), batches, first, again, len(n.events)-again)
		total, totalBatches, totalAgain = total+first, totalBatches+batches, totalAgain+again
	}
	t.rule()
	t.row(fmt.Sprintf("%d networks", len(networks)), len(quakes), totalBatches, total, totalAgain,
		len(quakes)-totalAgain)
	heading(1, "One store for each network",
		"Every event carries a key made from network and code: appending it again is a replay.")
	t.print()
	expect("networks", len(networks), expectedNetworks)
	expect("appended", total, expectedEvents)
	expect("appended twice", totalAgain, 0)
	return networks
}

// ---- import

// isStrong lets an event through when it is strong enough.
func isStrong(record *fbat.Record) (bool, error) {
	q, err := parse(record.Payload)
	return q.Mag != nil && *q.Mag >= magnitudeMin, err
}

func reportRow(t *table, name string, r fbat.ImportReport) {
	watermark := ""
	if r.SourceCeiling > 0 {
		watermark = fmt.Sprint(r.SourceHighWatermark)
	}
	t.row(name, r.Imported+r.Deduplicated+r.SkippedFiltered+r.SkippedReserved+r.SkippedReimported,
		r.Imported, r.Deduplicated, r.SkippedFiltered, r.SkippedReserved, watermark)
}

// importAll imports every network into the hub, prints the reports, and gives their sum.
func importAll(
	hub *fbat.Store, networks []*network, options fbat.ImportOptions,
) (total fbat.ImportReport) {
	t := newTable("network", ">examined", ">imported", ">deduplicated", ">filtered", ">reserved",
		">watermark")
	for _, n := range networks {
		options.SourceNamespace = "usgs/" + n.name
		report := must(hub.Import(ctx, n.store, &options))
		reportRow(t, n.name, report)
		total.Imported += report.Imported
		total.Deduplicated += report.Deduplicated
		total.SkippedFiltered += report.SkippedFiltered
		total.SkippedReserved += report.SkippedReserved
	}
	t.rule()
	reportRow(t, "total", total)
	t.print()
	return total
}

func importThreeTimes(hub *fbat.Store, networks []*network) {
	heading(2, "Import through a filter",
		"A callback reads each payload and keeps magnitude 2.5 and up.")
	through := fbat.ImportOptions{Filter: isStrong, FilterColumns: fbat.ColumnPayload}
	strong := importAll(hub, networks, through)
	heading(3, "Import again, without the filter",
		"The rest arrives. What was there is deduplicated, not copied.")
	rest := importAll(hub, networks, fbat.ImportOptions{})
	heading(4, "Import once more", "Nothing is new: importing is safe to repeat.")
	nothing := importAll(hub, networks, fbat.ImportOptions{})
	expect("imported through the filter", strong.Imported, expectedStrong)
	expect("filtered", strong.SkippedFiltered, expectedEvents-expectedStrong)
	expect("imported without it", rest.Imported, expectedEvents-expectedStrong)
	expect("deduplicated", rest.Deduplicated, expectedStrong)
	expect("imported once more", nothing.Imported, 0)
	expect("deduplicated once more", nothing.Deduplicated, expectedEvents)
}

// ---- reading back

type strongQuake struct {
	quake
	record fbat.Record
}

// findStrongest walks the whole hub. The earlier one comes first where two are equal.
func findStrongest(hub *fbat.Store) (top []strongQuake) {
	quakes := fbat.Region{Entity: fbat.Entity("quake")}
	query := fbat.Query{Region: quakes, Columns: fbat.ColumnPayload}
	for record, err := range hub.Events(ctx, &query) {
		check(err)
		if q := must(parse(record.Payload)); q.Mag != nil && q.Place != nil {
			top = append(top, strongQuake{q, record})
		}
	}
	slices.SortStableFunc(top, func(a, b strongQuake) int {
		return cmp.Or(cmp.Compare(*b.Mag, *a.Mag), a.record.Timestamp.Compare(b.record.Timestamp))
	})
	return top[:min(strongest, len(top))]
}

func printStrongest(hub *fbat.Store) fbat.Provenance {
	top := findStrongest(hub)
	t := newTable(">mag", "time (UTC)", "place", "source", ">seq", "id there")
	for _, q := range top {
		from, _ := q.record.Provenance()
		t.row(fmt.Sprintf("%.1f", *q.Mag), q.record.Timestamp.Format("2006-01-02 15:04"), *q.Place,
			from.SourceNamespace, from.SourceSequence, from.SourceEventID.String()[:8]+"…")
	}
	heading(5, "The five strongest, and where they came from",
		"The hub knows for every event its store of origin, its sequence and its id there.")
	t.print()
	expect("strongest quakes", len(top), strongest)
	from, _ := top[0].record.Provenance()
	return from
}

// printHex prints 32 bytes a line, with the offset in front.
func printHex(b []byte) {
	for i := 0; i < len(b); i += 32 {
		fmt.Printf("  %s%04x%s ", style("\x1b[2m"), i, style("\x1b[0m"))
		for group := range slices.Chunk(b[i:min(i+32, len(b))], 8) {
			fmt.Printf(" %x", group)
		}
		fmt.Println()
	}
}

// printFrame shows how provenance travels: any program that knows the frame's format can read it.
func printFrame(provenance fbat.Provenance) {
	heading(6, "A provenance frame", "As it goes over a wire, and decoded again.")
	frame := must(provenance.Encode())
	printHex(frame)
	decoded := must(fbat.DecodeProvenance(frame, 0))
	fmt.Printf("\n  schema version  %d\n", decoded.SchemaVersion)
	fmt.Printf("  namespace       %s\n", decoded.SourceNamespace)
	fmt.Printf("  event id        %s\n", decoded.SourceEventID)
	fmt.Printf("  sequence        %d\n", decoded.SourceSequence)
	fmt.Printf("  kind            %s\n", decoded.SourceKind)
	fmt.Printf("  content hash    %s\n", decoded.SourceContentHash)
	expect("difference of equal frames", bytes.Compare(frame, must(decoded.Encode())), 0)
}

func printState(hub *fbat.Store) {
	const busiest = "quake:ci"
	heading(7, "The hub", "Every checksum, hash, chain and index is checked against the log.")
	head, frontier := must(hub.Head(busiest)), must(hub.Frontier())
	report, findings, err := hub.Verify(ctx, nil)
	check(err)
	fmt.Printf("  head            %s is at version %d, sequence %d\n", busiest, head.Version,
		head.Sequence)
	fmt.Printf("  frontier        visible %d, durable %d\n", frontier.Visible, frontier.Durable)
	fmt.Printf("  verify          %d events in %d batches: %d findings\n", report.Events,
		report.Batches, len(findings))
	expect("findings", report.Findings, 0)
	// Besides, the library's own: its genesis, what each namespace stands for, each import.
	expect("visible", frontier.Visible, report.Events)
	expect("durable", frontier.Durable, frontier.Visible)
	expect("events", report.Events-report.SystemEvents, expectedEvents)
}
