package fbat_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

type wireFields struct {
	SchemaVersion uint16    `json:"schema_version"`
	NamespaceHex  string    `json:"source_namespace_hex"`
	EventID       fbat.ID   `json:"source_event_id"`
	EventIDHex    *fbat.ID  `json:"source_event_id_hex"`
	Sequence      uint64    `json:"source_global_sequence,string"`
	Kind          fbat.Kind `json:"source_kind"`
	ContentHash   fbat.Hash `json:"source_content_hash"`
}

func (f *wireFields) provenance(t *testing.T) fbat.Provenance {
	id := f.EventID
	if f.EventIDHex != nil {
		id = *f.EventIDHex
	}
	return fbat.Provenance{SchemaVersion: f.SchemaVersion, SourceEventID: id,
		SourceNamespace: string(unhex(t, f.NamespaceHex)), SourceSequence: f.Sequence,
		SourceKind: f.Kind, SourceContentHash: f.ContentHash}
}

type wireVector struct {
	Name            string
	FrameHex        string `json:"frame_hex"`
	Strict, Lenient string
	Fields          *wireFields
	LenientFields   *wireFields `json:"lenient_fields"`
	Found           uint64
	Supported       uint64
}

type vectors struct {
	Frames        []wireVector
	DamagedFrames []wireVector `json:"damaged_frames"`
	OperationKeys []struct {
		Domain string
		Parts  []string
		Key    fbat.ID
	} `json:"operation_keys"`
	ContentHashes []struct {
		Name        string
		BytesHex    string    `json:"bytes_hex"`
		ContentHash fbat.Hash `json:"content_hash"`
	} `json:"content_hashes"`
	DataDirNamespaces []struct{ Path, Namespace string } `json:"data_dir_namespaces"`
}

func golden(t *testing.T) (v vectors) {
	t.Helper()
	ok(t, json.Unmarshal(must(os.ReadFile("../../tests/golden/vectors/fbatip.json"))(t), &v))
	if len(v.Frames) == 0 || len(v.DamagedFrames) == 0 || len(v.OperationKeys) == 0 ||
		len(v.ContentHashes) == 0 || len(v.DataDirNamespaces) == 0 {
		t.Fatal("a section of the vectors is empty")
	}
	return v
}

func unhex(t *testing.T, digits string) []byte {
	t.Helper()
	return must(hex.DecodeString(digits))(t)
}

// statusName is a status as the vectors name it.
func statusName(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return "OK"
	}
	return detail(t, err).Status.Name()[len("FBAT_ERR_"):]
}

const headerBytes = 12

func TestGoldenFramesEncodeAndDecodeToTheByte(t *testing.T) {
	for _, v := range golden(t).Frames {
		frame, expected := unhex(t, v.FrameHex), v.Fields.provenance(t)
		both := map[fbat.WireFlags]string{0: v.Strict, fbat.WireLenient: v.Lenient}
		for flags, status := range both {
			decoded, err := fbat.DecodeProvenance(frame, flags)
			equal(t, v.Name, statusName(t, err), status)
			body, bodyErr := fbat.ProvenanceFromExtension(frame[headerBytes:], flags)
			equal(t, v.Name+", body", statusName(t, bodyErr), status)
			if err == nil {
				equal(t, v.Name, decoded, expected)
				equal(t, v.Name+", body", body, expected)
				continue
			}
			for _, err := range []error{err, bodyErr} {
				equal(t, v.Name+", actual", detail(t, err).Actual, uint64(expected.SchemaVersion))
				equal(t, v.Name+", allowed", detail(t, err).Allowed, fbat.ProvenanceSchemaVersion)
			}
		}
		encoded, err := expected.Encode()
		body, bodyErr := expected.EncodeBody()
		if v.Strict != "OK" {
			is(t, err, fbat.ErrFutureVersion)
			is(t, bodyErr, fbat.ErrFutureVersion)
			continue
		}
		ok(t, errors.Join(err, bodyErr))
		if !bytes.Equal(encoded, frame) || !bytes.Equal(body, frame[headerBytes:]) {
			t.Errorf("%s: encoded as %x", v.Name, encoded)
		}
		equal(t, "magic", string(frame[:6]), fbat.ProvenanceMagic)
	}
}

func TestDamagedFramesAreRefusedEachWithItsOwnStatus(t *testing.T) {
	for _, v := range golden(t).DamagedFrames {
		both := map[fbat.WireFlags]string{0: v.Strict, fbat.WireLenient: v.Lenient}
		for flags, status := range both {
			decoded, err := fbat.DecodeProvenance(unhex(t, v.FrameHex), flags)
			equal(t, v.Name, statusName(t, err), status)
			switch {
			case err == nil:
				equal(t, v.Name, decoded, v.LenientFields.provenance(t))
			case errors.Is(err, fbat.ErrFutureVersion):
				equal(t, v.Name+", actual", detail(t, err).Actual, v.Found)
				equal(t, v.Name+", allowed", detail(t, err).Allowed, v.Supported)
			}
		}
	}
	_, err := fbat.DecodeProvenance(nil, 0x80)
	is(t, err, fbat.ErrInvalidArgument)
}

func TestOperationKeysEqualTheReference(t *testing.T) {
	for _, v := range golden(t).OperationKeys {
		equal(t, v.Domain, fbat.OperationKey(v.Domain, v.Parts...), v.Key)
	}
}

func TestContentHashesEqualTheReference(t *testing.T) {
	for _, v := range golden(t).ContentHashes {
		equal(t, v.Name, fbat.ContentHash(unhex(t, v.BytesHex)), v.ContentHash)
	}
}

func TestNamespacesOfDirectoriesEqualTheReference(t *testing.T) {
	for _, v := range golden(t).DataDirNamespaces {
		equal(t, v.Path, must(fbat.NamespaceFromPath(v.Path))(t), v.Namespace)
	}
}
