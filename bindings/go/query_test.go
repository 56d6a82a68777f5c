package fbat_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	fbat "github.com/fbat/fbat/bindings/go"
)

func TestOptionsOfAQueryComeToWhatTheySay(t *testing.T) {
	all := fbat.Region{VersionLast: math.MaxUint64}
	equal(t, "defaults", must(fbat.DescribeQuery())(t),
		fbat.QuerySettings{Region: all, Limit: 1000, Columns: fbat.ColumnPayload | fbat.ColumnExtensions})
	equal(t, "options", must(fbat.DescribeQuery(fbat.WithEntity("e"), fbat.WithScope("s"), fbat.WithKind(0x1002),
		fbat.WithVersions(3, 4), fbat.WithAfter(5), fbat.WithUntil(6), fbat.WithLimit(7), fbat.WithColumns(fbat.ColumnPreviousHash),
		fbat.WithQueryFlags(fbat.QueryBackward|fbat.QuerySystem)))(t),
		fbat.QuerySettings{Region: fbat.Region{Entity: "e", Scope: "s", KindMatch: fbat.KindMatchExact, Kind: 0x1002,
			VersionFirst: 3, VersionLast: 4, After: 5}, Until: 6, Limit: 7, Columns: fbat.ColumnPreviousHash,
			Flags: fbat.QueryBackward | fbat.QuerySystem})
	category := must(fbat.DescribeQuery(fbat.WithCategory(2)))(t)
	equal(t, "category", category.KindMatch, fbat.KindMatchCategory)
	equal(t, "category", category.Kind, 0x2000)
	equal(t, "any", must(fbat.DescribeQuery(fbat.WithCategory(2), fbat.WithAnyKind()))(t).KindMatch, fbat.KindMatchAny)
}

func TestOptionsOfAQueryThatAreOutOfRangeAreRefusedByName(t *testing.T) {
	store := open(t, "s")
	for name, option := range map[string]fbat.QueryOption{
		"limit": fbat.WithLimit(0), "columns": fbat.WithColumns(0x80), "query flags": fbat.WithQueryFlags(0x80),
		"category": fbat.WithCategory(16), "versions": fbat.WithVersions(2, 1),
	} {
		_, err := store.Query(option)
		is(t, err, fbat.ErrInvalidArgument)
		contains(t, err.Error(), name)
		for _, err := range store.Events(option) {
			is(t, err, fbat.ErrInvalidArgument)
		}
	}
	_, err := fbat.DescribeQuery(fbat.WithEntity("\xff"))
	is(t, err, fbat.ErrInvalidUTF8)
	_, err = store.Get(fbat.ID{1}, 0x80)
	is(t, err, fbat.ErrInvalidArgument)
	_, err = store.Get(fbat.ID{1}, 0)
	is(t, err, fbat.ErrNotFound)
}

func TestEveryPartOfARegionSelects(t *testing.T) {
	store := open(t, "s")
	for _, e := range []fbat.Event{
		{Entity: "a", Scope: "s", Kind: 0x1001, Payload: []byte("1")},
		{Entity: "a:x", Scope: "s", Kind: 0x1002, Payload: []byte("2")},
		{Entity: "ab", Scope: "t", Kind: 0x2001, Payload: []byte("3")},
		{Entity: "a", Scope: "t", Kind: 0x1001, Payload: []byte("4")},
	} {
		must(store.Append(e))(t)
	}
	for _, c := range []struct {
		expected string
		options  []fbat.QueryOption
	}{
		{"1234", nil},
		{"124", []fbat.QueryOption{fbat.WithEntity("a")}},
		{"34", []fbat.QueryOption{fbat.WithScope("t")}},
		{"4", []fbat.QueryOption{fbat.WithScope("t"), fbat.WithEntity("a")}},
		{"14", []fbat.QueryOption{fbat.WithKind(0x1001)}},
		{"124", []fbat.QueryOption{fbat.WithCategory(1)}},
		{"4", []fbat.QueryOption{fbat.WithVersions(2, 9)}},
		{"34", []fbat.QueryOption{fbat.WithAfter(3)}},
		{"12", []fbat.QueryOption{fbat.WithUntil(3)}},
		{"4321", []fbat.QueryOption{fbat.WithQueryFlags(fbat.QueryBackward)}},
	} {
		equal(t, c.expected, strings.Join(payloads(t, store, c.options...), ""), c.expected)
	}
	page := must(store.Query(fbat.WithQueryFlags(fbat.QuerySystem)))(t)
	equal(t, "with the system's", len(page.Records), 5)
}

func TestPagesFollowEachOtherForwardAndBackward(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 25)
	forward := payloads(t, store)
	equal(t, "events", len(forward), 25)
	var paged []string
	for after, end := uint64(0), false; !end; {
		page := must(store.Query(fbat.WithLimit(10), fbat.WithAfter(after)))(t)
		for _, record := range page.Records {
			paged = append(paged, string(record.Payload))
		}
		after, end = page.Next, page.End
	}
	if !slices.Equal(paged, forward) {
		t.Errorf("%v", paged)
	}
	backward := payloads(t, store, fbat.WithLimit(7), fbat.WithQueryFlags(fbat.QueryBackward))
	slices.Reverse(backward)
	if !slices.Equal(backward, forward) {
		t.Errorf("%v", backward)
	}
}

func TestACursorFollowsTheLog(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 3)
	cursor := must(store.Cursor(fbat.WithLimit(2)))(t)
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
	cursor, other := must(store.Cursor())(t), must(store.Cursor())(t)
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

func TestDefaultColumnsAreWhatAQueryReadsWithoutAnyAndHaveAName(t *testing.T) {
	store := open(t, "s")
	e := event("a", "payload")
	e.Extensions = []fbat.Extension{{Key: "a.b", Value: []byte("value")}}
	receipt := must(store.Append(e))(t)
	equal(t, "of a query", must(fbat.DescribeQuery())(t).Columns, fbat.ColumnsDefault)
	queried := must(store.Query())(t).Records[0]
	got := must(store.Get(receipt.ID, fbat.ColumnsDefault))(t)
	equal(t, "got", fmt.Sprint(*got), fmt.Sprint(queried))
	equal(t, "payload", string(got.Payload), "payload")
	equal(t, "extensions", len(got.Extensions), 1)
	bare := must(store.Get(receipt.ID, 0))(t)
	equal(t, "neither", bare.Payload == nil && bare.Extensions == nil, true)
	equal(t, "size", bare.PayloadSize, 7)
}

func TestAnIterationMayBeGivenUpOrPanic(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 25)
	before := fbat.LiveHandles()
	for range store.Events(fbat.WithLimit(5)) {
		break
	}
	func() {
		defer func() { equal(t, "panic", recover(), any("mine")) }()
		for range store.Events(fbat.WithLimit(5)) {
			panic("mine")
		}
	}()
	for range store.Events(fbat.WithLimit(5)) {
		for range store.Events() {
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
	for _, err := range store.Events(fbat.WithLimit(10)) {
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
	for record, err := range store.Events() {
		ok(t, err)
		records = append(records, record)
	}
	page := must(store.Query())(t)
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
	clone.Payload[0] = 'E'
	equal(t, "payload", string(records[7].Payload), "event 7")
}
