package fbat_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

func TestMembersOfAQueryThatAreOutOfRangeAreRefusedByName(t *testing.T) {
	store := open(t, "s")
	for name, query := range map[string]fbat.Query{
		"page_rows": {PageRows: -1}, "columns": {Columns: 0x80}, "flags": {Flags: 0x80},
		"kinds":     {Region: fbat.Region{Kinds: []fbat.KindRange{{First: 2, Last: 1}}}},
		"kinds is":  {Region: fbat.Region{Kinds: []fbat.KindRange{}}},
		"scopes is": {Region: fbat.Region{Scopes: []string{}}},
		"scope 0":   {Region: fbat.Region{Scopes: []string{""}}},
		"entity":    {Region: fbat.Region{Entity: fbat.Entity("")}},
		"version":   {Region: fbat.Region{VersionFirst: 2, VersionLast: 1}},
		"time":      {Region: fbat.Region{RecordedFirst: time.Unix(math.MaxInt64, 0)}},
	} {
		_, err := store.Query(ctx, &query)
		is(t, err, fbat.ErrInvalidArgument)
		contains(t, err.Error(), name)
		for _, err := range store.Events(ctx, &query) {
			is(t, err, fbat.ErrInvalidArgument)
		}
	}
	_, err := store.Query(ctx, &fbat.Query{Region: fbat.Region{Entity: fbat.Entity("\xff")}})
	is(t, err, fbat.ErrInvalidUTF8)
	_, err = store.Get(fbat.ID{1}, 0x80)
	is(t, err, fbat.ErrInvalidArgument)
	_, err = store.Get(fbat.ID{1}, 0)
	is(t, err, fbat.ErrNotFound)
}

// at is a time: so many seconds after some point.
func at(seconds int) time.Time { return time.Unix(1_700_000_000+int64(seconds), 0) }

func TestEveryPartOfARegionSelects(t *testing.T) {
	store := open(t, "s")
	for i, e := range []fbat.Event{
		{Entity: "a", Scope: "s", Kind: 0x1001, Payload: []byte("1")},
		{Entity: "a:x", Scope: "s", Kind: 0x1002, Payload: []byte("2")},
		{Entity: "ab", Scope: "t", Kind: 0x2001, Payload: []byte("3")},
		{Entity: "a", Scope: "t", Kind: 0x1001, Payload: []byte("4")},
	} {
		e.Timestamp = at(i + 1)
		must(store.Append(e))(t)
	}
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	for i, c := range []struct {
		expected string
		region   fbat.Region
	}{
		{"1234", fbat.Region{}},
		{"124", fbat.Region{Entity: fbat.Entity("a")}},
		{"34", fbat.Region{Scopes: []string{"t"}}},
		{"4", fbat.Region{Scopes: []string{"t"}, Entity: fbat.Entity("a")}},
		{"14", fbat.Region{Kinds: fbat.Kinds(0x1001)}},
		{"134", fbat.Region{Kinds: fbat.Kinds(0x2001, 0x1001)}},
		{"14", fbat.Region{Kinds: fbat.Kinds(0x1001)}},
		{"124", fbat.Region{Kinds: []fbat.KindRange{fbat.KindsOf(1)}}},
		{"4", fbat.Region{VersionFirst: 2, VersionLast: 9}},
		{"4", fbat.Region{VersionFirst: 2}},
		{"23", fbat.Region{TimestampFirst: at(2), TimestampLast: at(3)}},
		{"34", fbat.Region{TimestampFirst: at(2).Add(time.Microsecond)}},
		{"12", fbat.Region{TimestampLast: at(2)}},
		{"2", fbat.Region{TimestampLast: at(3), Entity: fbat.Entity("a:x")}},
		{"1234", fbat.Region{RecordedFirst: past, RecordedLast: soon}},
		{"", fbat.Region{RecordedFirst: soon}},
		{"", fbat.Region{RecordedLast: past}},
		{"12", fbat.Region{RecordedFirst: past, TimestampLast: at(2)}},
	} {
		found := strings.Join(payloads(t, store, fbat.Query{Region: c.region}), "")
		equal(t, fmt.Sprint("region ", i), found, c.expected)
		destination := open(t, "d")
		options := fbat.ImportOptions{SourceNamespace: "n", Region: c.region}
		report := must(destination.Import(ctx, store, &options))(t)
		equal(t, fmt.Sprint("import ", i), report.Imported, uint64(len(c.expected)))
		_, _, err := store.Verify(ctx, &fbat.VerifyOptions{Region: c.region})
		ok(t, err)
	}
	for expected, query := range map[string]fbat.Query{
		"34": {After: 3}, "12": {Until: 3}, "4321": {Flags: fbat.QueryBackward},
	} {
		equal(t, expected, strings.Join(payloads(t, store, query), ""), expected)
	}
	page := must(store.Query(ctx, &fbat.Query{Flags: fbat.QuerySystem}))(t)
	equal(t, "with the system's", len(page.Records), 5)
}

func TestPagesFollowEachOtherForwardAndBackward(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 25)
	forward := payloads(t, store)
	equal(t, "events", len(forward), 25)
	var paged []string
	for after, end := uint64(0), false; !end; {
		page := must(store.Query(ctx, &fbat.Query{PageRows: 10, After: after}))(t)
		for _, record := range page.Records {
			paged = append(paged, string(record.Payload))
		}
		after, end = page.Resume, page.End
	}
	if !slices.Equal(paged, forward) {
		t.Errorf("%v", paged)
	}
	backward := payloads(t, store, fbat.Query{PageRows: 7, Flags: fbat.QueryBackward})
	slices.Reverse(backward)
	if !slices.Equal(backward, forward) {
		t.Errorf("%v", backward)
	}
}

func TestACursorFollowsTheLog(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 3)
	cursor := must(store.Cursor(ctx, &fbat.Query{PageRows: 2}))(t)
	defer cursor.Close()
	var sizes []int
	for page := must(cursor.Next())(t); page != nil; page = must(cursor.Next())(t) {
		sizes = append(sizes, len(page.Records))
	}
	equal(t, "pages", fmt.Sprint(sizes), "[2 1]")
	fill(t, store, 1)
	equal(t, "new", len(must(cursor.Next())(t).Records), 1)
}

func TestACursorThatWasClosedSaysSoWhetherItsStoreIsOpenOrNot(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 3)
	cursor, other := must(store.Cursor(ctx, nil))(t), must(store.Cursor(ctx, nil))(t)
	page := must(cursor.Next())(t)
	cursor.Close()
	cursor.Close()
	equal(t, "its page", string(page.Records[2].Payload), "event 2")
	_, err := cursor.Next()
	is(t, err, fbat.ErrClosed)
	contains(t, err.Error(), "the cursor is closed")
	ok(t, store.Close())
	_, err = cursor.Next()
	is(t, err, fbat.ErrClosed)
	contains(t, err.Error(), "the cursor is closed")
	_, err = other.Next()
	is(t, err, fbat.ErrClosed)
	contains(t, err.Error(), "the store "+store.Path()+" is closed")
	other.Close()
}

func TestWithoutColumnsPayloadAndExtensionsAreRead(t *testing.T) {
	store := open(t, "s")
	e := event("a", "payload")
	e.Extensions = []fbat.Extension{{Key: "a.b", Value: []byte("value")}}
	receipt := must(store.Append(e))(t)
	queried := must(store.Query(ctx, nil))(t).Records[0]
	got := must(store.Get(receipt.ID, 0))(t)
	equal(t, "got", fmt.Sprint(*got), fmt.Sprint(queried))
	equal(t, "payload", string(got.Payload), "payload")
	equal(t, "extensions", len(got.Extensions), 1)
	bare := must(store.Get(receipt.ID, fbat.ColumnFixed))(t)
	equal(t, "neither", bare.Payload == nil && bare.Extensions == nil, true)
	equal(t, "size", bare.StoredPayloadLen, 7)
}

func TestAnIterationMayBeGivenUpOrPanic(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 25)
	before := fbat.LiveHandles()
	for range store.Events(ctx, &fbat.Query{PageRows: 5}) {
		break
	}
	func() {
		defer func() { equal(t, "panic", recover(), any("mine")) }()
		for range store.Events(ctx, &fbat.Query{PageRows: 5}) {
			panic("mine")
		}
	}()
	for range store.Events(ctx, &fbat.Query{PageRows: 5}) {
		for range store.Events(ctx, nil) {
			break
		}
	}
	equal(t, "handles", fbat.LiveHandles(), before)
}

func TestAnIterationOfAStoreThatIsClosedEndsWithAnError(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 25)
	seen := 0
	var last error
	for _, err := range store.Events(ctx, &fbat.Query{PageRows: 10}) {
		if last = err; err == nil {
			seen++
		}
		if seen == 3 {
			ok(t, store.Close())
		}
	}
	equal(t, "events before the next page", seen, 10)
	is(t, last, fbat.ErrClosed)
}

func TestRecordsOutliveIterationAndStore(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 3000)
	var records []fbat.Record
	for record, err := range store.Events(ctx, nil) {
		ok(t, err)
		records = append(records, record)
	}
	page := must(store.Query(ctx, nil))(t)
	ok(t, store.Close())
	collect()
	for i, record := range records {
		equal(t, "payload", string(record.Payload), fmt.Sprintf("event %d", i))
		equal(t, "entity", record.Entity, fmt.Sprintf("thing:%d", i%10))
		// What is appended to one payload must not run into what lies behind it.
		_ = append(record.Payload, "overwritten"...)
	}
	equal(t, "page", string(page.Records[999].Payload), "event 999")
	clone := records[7].Clone()
	equal(t, "clone", fmt.Sprint(*clone), fmt.Sprint(records[7]))
	clone.Payload[0] = 'E'
	equal(t, "payload", string(records[7].Payload), "event 7")
}

func TestCountsAndListsAreThoseOfAScan(t *testing.T) {
	store := open(t, "s")
	for i, entity := range []string{"dev:2", "dev:1", "dev:2", "devil", "dev"} {
		event := fbat.Event{Entity: entity, Scope: "s", Kind: 0x1001, Timestamp: at(i)}
		must(store.Append(event))(t)
	}
	below := fbat.Query{Region: fbat.Region{Entity: fbat.Entity("dev")}}
	equal(t, "below dev", must(store.Count(ctx, &below))(t), uint64(4))
	three := must(store.Count(ctx, &fbat.Query{Limit: 3}))(t)
	equal(t, "at most three", three, uint64(3))
	list := must(store.EntityPage(ctx, &fbat.ListOptions{
		Entity: fbat.Entity("dev"), PageRows: 2,
	}))(t)
	equal(t, "rows", len(list.Rows), 2)
	equal(t, "end", list.End, false)
	equal(t, "second name", list.Rows[1].Name, "dev:1")
	after := fbat.Entity(list.Rows[1].Name)
	list = must(store.EntityPage(ctx, &fbat.ListOptions{
		Entity: fbat.Entity("dev"), After: after,
	}))(t)
	equal(t, "rows", len(list.Rows), 1)
	row := list.Rows[0]
	equal(t, "name", row.Name, "dev:2")
	equal(t, "events", row.Events, uint64(2))
	equal(t, "first sequence", row.FirstSequence, uint64(2))
	equal(t, "last time", row.LastTimestamp.Equal(at(2)), true)
	scopes := must(store.ScopePage(ctx, nil))(t)
	equal(t, "events of the scope", scopes.Rows[0].Events, uint64(5))
	stats := must(store.Stats())(t)
	equal(t, "the user's events", stats.Events-stats.SystemEvents, uint64(5))
}

func TestAnyTextIsAnEntityOnceItIsEncoded(t *testing.T) {
	entity := must(fbat.EncodeEntity("a/b=c..%"))(t)
	equal(t, "entity", entity, "a%2Fb%3Dc.%2E%25")
	equal(t, "text", must(fbat.DecodeEntity(entity))(t), "a/b=c..%")
	_, err := fbat.DecodeEntity("a%2")
	is(t, err, fbat.ErrInvalidArgument)
	_, err = fbat.EncodeEntity("")
	is(t, err, fbat.ErrInvalidCoordinate)
}
