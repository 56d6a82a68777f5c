package fbat_test

import (
	"bytes"
	"strings"
	"testing"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

func TestProvenanceOfAnImportedEvent(t *testing.T) {
	source, store := open(t, "source"), open(t, "s")
	fill(t, source, 1)
	must(store.Append(event("own", "")))(t)
	must(store.Import(ctx, source, named("the source")))(t)
	from := must(source.Query(ctx, nil))(t).Records[0]
	rows := must(store.Query(ctx, nil))(t).Records
	own, imported := rows[0], rows[1]
	equal(t, "bits", imported.RecordFlags, fbat.RecordImported)
	equal(t, "namespace", imported.SourceNamespace, "the source")
	equal(t, "id", imported.SourceEventID, from.ID)
	equal(t, "sequence", imported.SourceSequence, from.Sequence)
	key := fbat.OperationKey("batpak.import", "the source", from.ID.String())
	equal(t, "id here", imported.ID, key)
	expected := fbat.Provenance{SchemaVersion: fbat.ProvenanceSchemaVersion,
		SourceNamespace: "the source", SourceEventID: from.ID, SourceSequence: from.Sequence,
		SourceKind: from.Kind, SourceContentHash: from.ContentHash}
	provenance, ok := imported.Provenance()
	equal(t, "imported", ok, true)
	equal(t, "by record", provenance, expected)
	extension := imported.Extensions[len(imported.Extensions)-1]
	equal(t, "key", extension.Key, "batpak.import.provenance")
	equal(t, "by extension", must(fbat.ProvenanceFromExtension(extension.Value, 0))(t), expected)
	if !bytes.Equal(must(expected.EncodeBody())(t), extension.Value) {
		t.Error("the body is another one")
	}
	provenance, ok = own.Provenance()
	equal(t, "of an own record", ok, false)
	equal(t, "of an own record", provenance, fbat.Provenance{})
	withoutBytes := must(store.Get(imported.ID, fbat.ColumnFixed))(t)
	provenance, _ = withoutBytes.Provenance()
	equal(t, "without columns", provenance, expected)
}

func TestAProvenanceThatCannotBeReadSaysWhy(t *testing.T) {
	record := fbat.Record{ID: fbat.ID{1}, Sequence: 9, RawProvenance: []byte{0x80},
		RecordFlags: fbat.RecordImported | fbat.RecordProvenanceUnreadable}
	_, imported := record.Provenance()
	equal(t, "imported", imported, false)
	_, err := fbat.ProvenanceFromExtension(record.RawProvenance, 0)
	is(t, err, fbat.ErrWireBody)
}

func TestAProvenanceThatIsNoneIsNotEncoded(t *testing.T) {
	p := fbat.Provenance{SchemaVersion: fbat.ProvenanceSchemaVersion}
	_, err := p.Encode()
	is(t, err, fbat.ErrInvalidArgument)
	contains(t, err.Error(), "namespace")
	p.SourceNamespace = strings.Repeat("n", 1025)
	_, err = p.EncodeBody()
	is(t, err, fbat.ErrInvalidArgument)
	p.SourceNamespace = "\xff"
	_, err = p.Encode()
	is(t, err, fbat.ErrInvalidUTF8)
}
