package fbat_test

import (
	"path/filepath"
	"testing"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

// withConflict makes a store and a hub that has both contents of one name: of the store, and of a
// copy of it that went on.
func withConflict(t *testing.T, key fbat.ID) (first, hub *fbat.Store) {
	t.Helper()
	first, hub = open(t, "first"), open(t, "hub")
	path := filepath.Join(t.TempDir(), "fork")
	must(first.Backup(ctx, path, nil))(t)
	fork := openAt(t, path)
	keep := fbat.ImportOptions{
		Identity: fbat.ImportIdentityOrigin, OnConflict: fbat.OnConflictKeep,
	}
	for _, one := range []struct {
		store   *fbat.Store
		payload string
	}{{first, "one"}, {fork, "two"}} {
		event := fbat.Event{
			Key: key, Entity: "order:1", Scope: "tests", Kind: kind, Payload: []byte(one.payload),
		}
		must(one.store.Append(event))(t)
		report := must(hub.Import(ctx, one.store, &keep))(t)
		equal(t, "imported", report.Imported, 1)
	}
	return first, hub
}

func TestADryRunAndAPlanAppendNothing(t *testing.T) {
	source, hub := open(t, "source"), open(t, "hub")
	fill(t, source, 10)
	rows := must(hub.ImportPlan(ctx, source, named("plant")))(t)
	equal(t, "rows", len(rows), 1)
	equal(t, "namespace", rows[0].SourceNamespace, "plant")
	equal(t, "events", rows[0].Events, 10)
	equal(t, "rest", rows[0].Rest(), false)
	dry := named("plant")
	dry.Flags = fbat.ImportDryRun
	foreseen := must(hub.Import(ctx, source, dry))(t)
	equal(t, "visible", must(hub.Frontier())(t).Visible, 1)
	report := must(hub.Import(ctx, source, named("plant")))(t)
	equal(t, "imported", report.Imported, foreseen.Imported)
	equal(t, "rows", len(must(hub.ImportPlan(ctx, source, named("plant")))(t)), 0)
	_, err := hub.ImportPlan(ctx, hub, named("itself"))
	is(t, err, fbat.ErrInvalidArgument)
}

func TestEventsAreFoundByTheirOrigin(t *testing.T) {
	key := fbat.ID{15: 9}
	first, hub := withConflict(t, key)
	page := must(hub.EventByOrigin(first.Namespace(), key, 0))(t)
	equal(t, "rows", len(page.Records), 2)
	equal(t, "first", string(page.Records[0].Payload), "one")
	equal(t, "kept", string(page.Records[1].Payload), "two")
	_, err := hub.EventByOrigin(first.Namespace(), fbat.ID{15: 8}, 0)
	is(t, err, fbat.ErrNotFound)
	_, err = hub.EventByOrigin("", key, 0)
	is(t, err, fbat.ErrInvalidArgument)
}

func TestNamesWithTwoContentsAreListed(t *testing.T) {
	key := fbat.ID{15: 9}
	first, hub := withConflict(t, key)
	list := must(hub.Conflicts(0, 0))(t)
	equal(t, "rows", len(list.Rows), 1)
	equal(t, "end", list.End, true)
	row := list.Rows[0]
	equal(t, "namespace", row.SourceNamespace, first.Namespace())
	equal(t, "id", row.SourceEventID, key)
	equal(t, "place", row.KeptSequence, row.Sequence+1)
	kept := must(hub.Get(row.KeptID, 0))(t)
	equal(t, "hash", kept.ContentHash, row.KeptContentHash)
	equal(t, "rest", len(must(hub.Conflicts(row.Sequence, 1))(t).Rows), 0)
	_, err := hub.Conflicts(0, 65537)
	is(t, err, fbat.ErrInvalidArgument)
}

func TestAStoreThatNobodyFedHasNoSources(t *testing.T) {
	equal(t, "sources", len(must(open(t, "s").Sources())(t)), 0)
}
