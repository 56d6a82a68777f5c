// Command quakes makes one store of twelve: a week of earthquakes.
//
//	quakes EVENTS.jsonl DIRECTORY
//
// Every seismic network of the input gets a store of its own, DIRECTORY/<network>. A hub, DIRECTORY/hub, then imports from all
// of them: first only what a filter lets through, then the rest, then nothing, because everything is there.
//
// An event of these stores:
//
//	entity     quake:<network>
//	scope      usgs
//	kind       category 1; type 1 earthquake, 2 explosion, 3 quarry blast
//	timestamp  when the ground shook
//	key        made from network and code, so that appending the same line again is a replay
//	payload    the line of JSON as it stands in the input
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	fbat "github.com/fbat/fbat/bindings/go"
)

const (
	batchEvents  = 256
	strongest    = 5
	category     = 1
	magnitudeMin = 2.5 // what the filter compares with
)

// What the input is known to hold; the program ends with failure where the stores tell another story.
const (
	expectedEvents   = 1707
	expectedStrong   = 297
	expectedNetworks = 12
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintf(os.Stderr, "usage: %s EVENTS.jsonl DIRECTORY\n", os.Args[0])
		os.Exit(1)
	}
	demo := demo{file: os.Args[1], directory: os.Args[2]}
	if err := demo.run(); err != nil {
		fmt.Fprintln(os.Stderr, "quakes:", err)
		os.Exit(1)
	}
	if demo.surprises > 0 {
		fmt.Println("\n✗ This is not what was expected.")
		os.Exit(1)
	}
	fmt.Printf("\n%s✓%s %d events of %d networks in one store, each once, each with its provenance.\n", style("\x1b[32m"),
		style("\x1b[0m"), expectedEvents, expectedNetworks)
}

type demo struct {
	file, directory string
	quakes          []quake
	networks        []*network
	hub             *fbat.Store
	surprises       int
}

// quake is a line of the input.
type quake struct {
	Net    string   `json:"net"`
	Code   string   `json:"code"`
	Type   string   `json:"type"`
	TimeMS int64    `json:"time_ms"`
	Mag    *float64 `json:"mag"`
	Place  *string  `json:"place"`

	line []byte
	kind fbat.Kind
}

type network struct {
	name  string
	store *fbat.Store
}

func (d *demo) run() error {
	if err := os.Mkdir(d.directory, 0o755); err != nil {
		return fmt.Errorf("%w; this program wants a fresh start", err)
	}
	if err := d.readInput(); err != nil {
		return err
	}
	fmt.Printf("%sfbat %s%s: %d earthquakes, explosions and quarry blasts of one week, from %s\n", style("\x1b[1m"),
		fbat.Version(), style("\x1b[0m"), len(d.quakes), d.file)
	err := d.tell()
	for _, store := range d.stores() {
		if closing := store.Close(); err == nil {
			err = closing
		}
	}
	d.expect("handles alive", fbat.LiveHandles(), 0)
	return err
}

// tell does and prints everything, one section after the other.
func (d *demo) tell() error {
	if err := d.fillNetworks(); err != nil {
		return err
	}
	var err error
	if d.hub, err = fbat.Open(filepath.Join(d.directory, "hub")); err != nil {
		return err
	}
	if err := d.importThreeTimes(); err != nil {
		return err
	}
	id, err := d.printStrongest()
	if err != nil {
		return err
	}
	if err := d.printFrame(id); err != nil {
		return err
	}
	return d.printState()
}

func (d *demo) stores() (stores []*fbat.Store) {
	for _, network := range d.networks {
		if network.store != nil {
			stores = append(stores, network.store)
		}
	}
	if d.hub != nil {
		stores = append(stores, d.hub)
	}
	return stores
}

func (d *demo) expect(what string, found, expected int) {
	if found != expected {
		fmt.Fprintf(os.Stderr, "quakes: %s: %d, not %d\n", what, found, expected)
		d.surprises++
	}
}

// ---- input

func (d *demo) readInput() error {
	text, err := os.ReadFile(d.file)
	if err != nil {
		return err
	}
	for line := range bytes.Lines(text) {
		q := quake{line: bytes.TrimSuffix(line, []byte("\n"))}
		if err := json.Unmarshal(q.line, &q); err != nil {
			return fmt.Errorf("line %d of the input is not an event: %w", len(d.quakes)+1, err)
		}
		typ := slices.Index([]string{"earthquake", "explosion", "quarry blast"}, q.Type)
		if typ < 0 {
			return fmt.Errorf("'%s' is no type of event that this program knows", q.Type)
		}
		if q.kind, err = fbat.NewKind(category, uint32(typ)+1); err != nil {
			return err
		}
		if !slices.ContainsFunc(d.networks, func(n *network) bool { return n.name == q.Net }) {
			d.networks = append(d.networks, &network{name: q.Net})
		}
		d.quakes = append(d.quakes, q)
	}
	return nil
}

// ---- one store for each network

type appended struct{ events, fresh, batches int }

func (q *quake) event() fbat.Event {
	return fbat.Event{
		Entity:    "quake:" + q.Net,
		Scope:     "usgs",
		Kind:      q.kind,
		Timestamp: time.UnixMilli(q.TimeMS),
		Key:       fbat.OperationKey("usgs.quake", q.Net, q.Code),
		Payload:   q.line,
	}
}

// appendTo appends all quakes of a network in batches. A batch is there as a whole or not at all, and costs one fsync.
func (d *demo) appendTo(n *network) (sum appended, err error) {
	var events []fbat.Event
	for i := range d.quakes {
		if d.quakes[i].Net == n.name {
			events = append(events, d.quakes[i].event())
		}
	}
	for batch := range slices.Chunk(events, batchEvents) {
		receipts := make([]fbat.Receipt, len(batch))
		if err := n.store.AppendBatch(batch, receipts); err != nil {
			return sum, err
		}
		for _, receipt := range receipts {
			if receipt.Flags&fbat.ReceiptReplayed == 0 {
				sum.fresh++
			}
		}
		sum.events += len(batch)
		sum.batches++
	}
	return sum, nil
}

func (d *demo) fillNetworks() error {
	t := newTable("network", ">events", ">batches", ">first time", ">again: new", ">replayed")
	var total, totalAgain appended
	for _, network := range d.networks {
		var err error
		if network.store, err = fbat.Open(filepath.Join(d.directory, network.name)); err != nil {
			return err
		}
		first, err := d.appendTo(network)
		if err != nil {
			return err
		}
		again, err := d.appendTo(network)
		if err != nil {
			return err
		}
		t.row(network.name, first.events, first.batches, first.fresh, again.fresh, again.events-again.fresh)
		total = appended{total.events + first.events, total.fresh + first.fresh, total.batches + first.batches}
		totalAgain = appended{totalAgain.events + again.events, totalAgain.fresh + again.fresh, 0}
	}
	t.rule()
	t.row(fmt.Sprintf("%d networks", len(d.networks)), total.events, total.batches, total.fresh, totalAgain.fresh,
		totalAgain.events-totalAgain.fresh)
	heading(1, "One store for each network",
		"Every event carries a key made from network and code: appending it again is a replay.")
	t.print()
	d.expect("networks", len(d.networks), expectedNetworks)
	d.expect("appended", total.fresh, expectedEvents)
	d.expect("appended twice", totalAgain.fresh, 0)
	return nil
}

// ---- import

// isStrong lets an event through when it is strong enough. Its payload was asked for, so it is here.
func isStrong(record *fbat.Record) (bool, error) {
	var q quake
	if err := json.Unmarshal(record.Payload, &q); err != nil {
		return false, err
	}
	return q.Mag != nil && *q.Mag >= magnitudeMin, nil
}

func reportRow(t *table, name string, r fbat.ImportReport) {
	watermark := ""
	if r.SourceCeiling > 0 {
		watermark = fmt.Sprint(r.SourceHighWatermark)
	}
	t.row(name, r.Imported+r.Deduplicated+r.SkippedFiltered+r.SkippedReserved+r.SkippedReimported, r.Imported,
		r.Deduplicated, r.SkippedFiltered, r.SkippedReserved, watermark)
}

// importAll imports every network into the hub, prints the reports, and gives their sum.
func (d *demo) importAll(options ...fbat.ImportOption) (total fbat.ImportReport, err error) {
	t := newTable("network", ">examined", ">imported", ">deduplicated", ">filtered", ">reserved", ">watermark")
	for _, network := range d.networks {
		report, err := d.hub.Import(context.Background(), network.store, "usgs/"+network.name, options...)
		if err != nil {
			return total, err
		}
		reportRow(t, network.name, report)
		total.Imported += report.Imported
		total.Deduplicated += report.Deduplicated
		total.SkippedFiltered += report.SkippedFiltered
		total.SkippedReserved += report.SkippedReserved
	}
	t.rule()
	reportRow(t, "total", total)
	t.print()
	return total, nil
}

func (d *demo) importThreeTimes() error {
	heading(2, "Import through a filter", "A callback reads each payload and keeps magnitude 2.5 and up.")
	strong, err := d.importAll(fbat.WithFilter(isStrong), fbat.WithFilterColumns(fbat.ColumnPayload))
	if err != nil {
		return err
	}
	heading(3, "Import again, without the filter", "The rest arrives. What was there is deduplicated, not copied.")
	rest, err := d.importAll()
	if err != nil {
		return err
	}
	heading(4, "Import once more", "Nothing is new: importing is safe to repeat.")
	nothing, err := d.importAll()
	if err != nil {
		return err
	}
	d.expect("imported through the filter", int(strong.Imported), expectedStrong)
	d.expect("filtered", int(strong.SkippedFiltered), expectedEvents-expectedStrong)
	d.expect("imported without it", int(rest.Imported), expectedEvents-expectedStrong)
	d.expect("deduplicated", int(rest.Deduplicated), expectedStrong)
	d.expect("imported once more", int(nothing.Imported), 0)
	d.expect("deduplicated once more", int(nothing.Deduplicated), expectedEvents)
	return nil
}

// ---- reading back

type strongQuake struct {
	magnitude float64
	time      time.Time
	id        fbat.ID
	place     string
}

// findStrongest walks the whole hub. The earlier one comes first where two are equal.
func (d *demo) findStrongest() (top []strongQuake, err error) {
	for record, err := range d.hub.Events(fbat.WithEntity("quake"), fbat.WithColumns(fbat.ColumnPayload)) {
		if err != nil {
			return nil, err
		}
		var q quake
		if err := json.Unmarshal(record.Payload, &q); err != nil {
			return nil, err
		}
		if q.Mag != nil && q.Place != nil {
			top = append(top, strongQuake{*q.Mag, record.Timestamp, record.ID, *q.Place})
		}
	}
	slices.SortStableFunc(top, func(a, b strongQuake) int {
		if a.magnitude != b.magnitude {
			return int(1000 * (b.magnitude - a.magnitude))
		}
		return a.time.Compare(b.time)
	})
	return top[:min(strongest, len(top))], nil
}

func (d *demo) printStrongest() (fbat.ID, error) {
	top, err := d.findStrongest()
	if err != nil {
		return fbat.ID{}, err
	}
	t := newTable(">mag", "time (UTC)", "place", "source", ">seq", "id there")
	for _, q := range top {
		provenance, err := d.hub.Provenance(q.id)
		if err != nil {
			return fbat.ID{}, err
		}
		t.row(fmt.Sprintf("%.1f", q.magnitude), q.time.Format("2006-01-02 15:04"), q.place, provenance.Namespace,
			provenance.Sequence, provenance.EventID.String()[:8]+"…")
	}
	heading(5, "The five strongest, and where they came from",
		"The hub knows for every event its store of origin, its sequence and its id there.")
	t.print()
	d.expect("strongest quakes", len(top), strongest)
	return top[0].id, nil
}

// printHex prints 32 bytes a line, with the offset in front.
func printHex(b []byte) {
	for i := range b {
		if i%32 == 0 {
			if i > 0 {
				fmt.Println()
			}
			fmt.Printf("  %s%04x%s ", style("\x1b[2m"), i, style("\x1b[0m"))
		}
		if i%8 == 0 {
			fmt.Print(" ")
		}
		fmt.Printf("%02x", b[i])
	}
	fmt.Println()
}

// printFrame shows how provenance travels: any program that knows the frame's format can read it.
func (d *demo) printFrame(id fbat.ID) error {
	heading(6, "A provenance frame", "As it goes over a wire, and decoded again.")
	provenance, err := d.hub.Provenance(id)
	if err != nil {
		return err
	}
	frame, err := provenance.Encode()
	if err != nil {
		return err
	}
	printHex(frame)
	decoded, err := fbat.DecodeProvenance(frame, 0)
	if err != nil {
		return err
	}
	fmt.Printf("\n  schema version  %d\n", decoded.SchemaVersion)
	fmt.Printf("  namespace       %s\n", decoded.Namespace)
	fmt.Printf("  event id        %s\n", decoded.EventID)
	fmt.Printf("  sequence        %d\n", decoded.Sequence)
	fmt.Printf("  kind            %s\n", decoded.Kind)
	fmt.Printf("  content hash    %s\n", decoded.ContentHash)
	again, err := decoded.Encode()
	if err != nil {
		return err
	}
	d.expect("difference of equal frames", bytes.Compare(frame, again), 0)
	return nil
}

func (d *demo) printState() error {
	const busiest = "quake:ci"
	heading(7, "The hub", "Every checksum, hash, chain and index is checked against the log.")
	head, err := d.hub.Head(busiest)
	if err != nil {
		return err
	}
	frontier, err := d.hub.Frontier()
	if err != nil {
		return err
	}
	report, err := d.hub.Verify()
	if err != nil {
		return err
	}
	fmt.Printf("  head            %s is at version %d, sequence %d\n", busiest, head.Version, head.Sequence)
	fmt.Printf("  frontier        visible %d, durable %d\n", frontier.Visible, frontier.Durable)
	fmt.Printf("  verify          %d events in %d batches: %d findings\n", report.Events, report.Batches,
		len(report.Findings))
	d.expect("findings", len(report.Findings), 0)
	d.expect("visible", int(frontier.Visible), 1+expectedEvents)
	d.expect("durable", int(frontier.Durable), int(frontier.Visible))
	d.expect("events", int(report.Events-report.SystemEvents), expectedEvents)
	return nil
}
