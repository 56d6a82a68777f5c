package fbat_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

// things appends 100 events of ten entities and two scopes, of categories 1 and 2, types 0 to 4.
func things(t *testing.T, store *fbat.Store) {
	var batch fbat.Batch
	for i := range 100 {
		batch.Add(fbat.Event{
			Entity: fmt.Sprint("thing:", i%10), Scope: []string{"even", "odd"}[i%2],
			Kind:      fbat.Kind(1+i/50)*fbat.KindCategory + fbat.Kind(i%5),
			Timestamp: at(i),
		})
	}
	ok(t, store.AppendBatch(batch.Events(), nil))
}

func TestALimitIsHowManyThereAreInAll(t *testing.T) {
	store := open(t, "s")
	things(t, store)
	for _, limit := range []uint64{1, 2, 7, 30, 100} {
		for _, flags := range []fbat.QueryFlags{0, fbat.QueryBackward} {
			query := fbat.Query{Limit: limit, PageRows: 7, Flags: flags}
			equal(t, "rows", len(payloads(t, store, query)), int(limit))
			equal(t, "count", must(store.Count(ctx, &query))(t), limit)
		}
	}
	equal(t, "rows", len(payloads(t, store, fbat.Query{PageRows: 7})), 100)
	page := must(store.Query(ctx, &fbat.Query{PageRows: 7}))(t)
	equal(t, "rows of a page", len(page.Records), 7)
}

func TestCountsAreWhatAnIterationFinds(t *testing.T) {
	store := open(t, "s")
	things(t, store)
	for _, region := range []fbat.Region{
		{}, {Scopes: []string{"odd"}}, {Scopes: []string{"odd", "even", "neither"}},
		{Kinds: fbat.Kinds(0x1001, 0x2003)}, {Kinds: []fbat.KindRange{fbat.KindsOf(1)}},
		{Entity: fbat.Entity("thing:3")}, {Entity: fbat.Entity("none")},
		{TimestampFirst: at(10), TimestampLast: at(19)},
	} {
		query := fbat.Query{Region: region}
		count := must(store.Count(ctx, &query))(t)
		equal(t, "count", count, uint64(len(payloads(t, store, query))))
	}
	for _, region := range []fbat.Region{
		{Entity: fbat.Entity("")}, {Scopes: []string{}}, {Kinds: []fbat.KindRange{}},
	} {
		_, err := store.Count(ctx, &fbat.Query{Region: region})
		is(t, err, fbat.ErrInvalidArgument)
	}
}

func TestEntitiesAndScopesAreListed(t *testing.T) {
	store := open(t, "s")
	things(t, store)
	names := func(options *fbat.ListOptions) (found []string) {
		for summary, err := range store.Entities(ctx, options) {
			ok(t, err)
			equal(t, "events", summary.Events, 10)
			found = append(found, strings.TrimPrefix(summary.Name, "thing:"))
		}
		return found
	}
	equal(t, "all", strings.Join(names(nil), ""), "0123456789")
	equal(t, "by pages", strings.Join(names(&fbat.ListOptions{PageRows: 3}), ""), "0123456789")
	after := fbat.ListOptions{After: fbat.Entity("thing:6")}
	equal(t, "after", strings.Join(names(&after), ""), "789")
	below := fbat.ListOptions{Entity: fbat.Entity("thing")}
	equal(t, "below", strings.Join(names(&below), ""), "0123456789")
	var scopes []string
	for summary, err := range store.Scopes(ctx, nil) {
		ok(t, err)
		scopes = append(scopes, summary.Name)
	}
	equal(t, "scopes", strings.Join(scopes, " "), "even odd")
	page := must(store.EntityPage(ctx, &fbat.ListOptions{PageRows: 4}))(t)
	equal(t, "rows", len(page.Rows), 4)
	equal(t, "end", page.End, false)
	third := page.Rows[3]
	equal(t, "first and last", third.FirstSequence*1000+third.LastSequence, 5095)
	equal(t, "times", third.FirstTimestamp, at(3).UTC())
	equal(t, "end", must(store.ScopePage(ctx, nil))(t).End, true)
	done, cancel := context.WithCancel(ctx)
	cancel()
	_, err := store.EntityPage(done, nil)
	is(t, err, fbat.ErrCancelled)
	is(t, err, context.Canceled)
	for _, err := range store.Entities(ctx, &fbat.ListOptions{Entity: fbat.Entity("")}) {
		is(t, err, fbat.ErrInvalidArgument)
	}
}

func TestAnAnchorOfThePastIsCompared(t *testing.T) {
	store := open(t, "s")
	fill(t, store, 10)
	anchor, frontier := must(store.LogHash())(t), must(store.Frontier())(t)
	fill(t, store, 10)
	equal(t, "at", must(store.LogHashAt(frontier.Visible))(t), anchor)
	report, _, err := store.Verify(ctx, nil)
	ok(t, err)
	equal(t, "computed", report.LogHash, must(store.LogHash())(t))
	_, err = store.LogHashAt(1000)
	is(t, err, fbat.ErrNotFound)
}

func TestASourceThatWentBackAndANamespaceOfTwoStoresAreRefused(t *testing.T) {
	source, other, hub := open(t, "source"), open(t, "other"), open(t, "hub")
	fill(t, source, 10)
	fill(t, other, 1)
	report := must(hub.Import(ctx, source, named("device")))(t)
	equal(t, "resume", report.ResumeAfter, 11)
	later := fbat.ImportOptions{SourceNamespace: "device", After: report.ResumeAfter}
	equal(t, "resume", must(hub.Import(ctx, source, &later))(t).ResumeAfter, 11)
	later.After = 500
	_, err := hub.Import(ctx, source, &later)
	is(t, err, fbat.ErrSourceDiverged)
	_, err = hub.Import(ctx, other, named("device"))
	is(t, err, fbat.CategoryInvalid)
	allowed := fbat.ImportOptions{SourceNamespace: "device", Flags: fbat.ImportAllowOtherStore}
	equal(t, "imported", must(hub.Import(ctx, other, &allowed))(t).Imported, 1)
	_, err = hub.Import(ctx, hub, named("self"))
	is(t, err, fbat.CategoryInvalid)
}
