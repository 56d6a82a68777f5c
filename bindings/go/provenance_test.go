package fbat_test

import (
	"bytes"
	"strings"
	"testing"

	fbat "github.com/fbat/fbat/bindings/go"
)

func TestProvenanceOfAnImportedEvent(t *testing.T) {
	source, store := open(t, "source"), open(t, "s")
	fill(t, source, 1)
	must(store.Append(event("own", "")))(t)
	must(store.Import(t.Context(), source, "the source"))(t)
	from := must(source.Query())(t).Records[0]
	rows := must(store.Query())(t).Records
	own, imported := rows[0], rows[1]
	equal(t, "bits", imported.RecordFlags, fbat.RecordImported)
	equal(t, "namespace", imported.SourceNamespace, "the source")
	equal(t, "id", imported.SourceEventID, from.ID)
	equal(t, "sequence", imported.SourceSequence, from.Sequence)
	equal(t, "id here", imported.ID, fbat.OperationKey("batpak.import", "the source", from.ID.String()))
	expected := fbat.Provenance{SchemaVersion: 1, Namespace: "the source", EventID: from.ID, Sequence: from.Sequence,
		Kind: from.Kind, ContentHash: from.ContentHash}
	equal(t, "by id", *must(store.Provenance(imported.ID))(t), expected)
	equal(t, "by record", *must(imported.Provenance())(t), expected)
	extension := imported.Extensions[len(imported.Extensions)-1]
	equal(t, "key", extension.Key, "batpak.import.provenance")
	equal(t, "by extension", must(fbat.ProvenanceFromExtension(extension.Value, 0))(t), expected)
	if !bytes.Equal(must(expected.EncodeBody())(t), extension.Value) {
		t.Error("the body is another one")
	}
	equal(t, "of an own event", must(store.Provenance(own.ID))(t), nil)
	equal(t, "of an own record", must(own.Provenance())(t), nil)
	_, err := store.Provenance(fbat.ID{1})
	is(t, err, fbat.ErrNotFound)
}

func TestAProvenanceThatCannotBeReadSaysWhy(t *testing.T) {
	record := fbat.Record{ID: fbat.ID{1}, Sequence: 9, RawProvenance: []byte{0x80},
		RecordFlags: fbat.RecordImported | fbat.RecordProvenanceUnreadable}
	_, err := record.Provenance()
	is(t, err, fbat.ErrWireBody)
	equal(t, "event", detail(t, err).EventID, fbat.ID{1})
	equal(t, "sequence", detail(t, err).Sequence, 9)
}

func TestAProvenanceThatIsNoneIsNotEncoded(t *testing.T) {
	p := fbat.NewProvenance()
	equal(t, "new", p, fbat.Provenance{SchemaVersion: fbat.ProvenanceSchemaVersion})
	_, err := p.Encode()
	is(t, err, fbat.ErrInvalidArgument)
	contains(t, err.Error(), "namespace")
	p.Namespace = strings.Repeat("n", 1025)
	_, err = p.EncodeBody()
	is(t, err, fbat.ErrInvalidArgument)
	p.Namespace = "\xff"
	_, err = p.Encode()
	is(t, err, fbat.ErrInvalidUTF8)
}
