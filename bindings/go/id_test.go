package fbat_test

import (
	"encoding/json"
	"strings"
	"testing"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

func TestTextOfAnIDIsReadBack(t *testing.T) {
	const text = "00112233445566778899aabbccddeeff"
	id := must(fbat.ParseID(strings.ToUpper(text)))(t)
	equal(t, "text", id.String(), text)
	equal(t, "zero", id.IsZero(), false)
	equal(t, "zero", fbat.ID{}.IsZero(), true)
	equal(t, "first byte", id[1], 0x11)
	var inJSON struct {
		ID   fbat.ID
		Hash fbat.Hash
	}
	ok(t, json.Unmarshal([]byte(`{"ID":"`+text+`","Hash":"`+text+text+`"}`), &inJSON))
	equal(t, "id in JSON", inJSON.ID, id)
	expected := `{"ID":"` + text + `","Hash":"` + text + text + `"}`
	equal(t, "JSON", string(must(json.Marshal(inJSON))(t)), expected)
	equal(t, "hash", inJSON.Hash, must(fbat.ParseHash(text+text))(t))
	equal(t, "zero hash", inJSON.Hash.IsZero(), false)
}

func TestTextThatIsNoIDIsRefused(t *testing.T) {
	zeros := strings.Repeat("0", 31)
	for _, text := range []string{"", "00", zeros, zeros + "00", zeros + "g", zeros + "\x00"} {
		_, err := fbat.ParseID(text)
		is(t, err, fbat.ErrInvalidArgument)
		_, err = fbat.ParseHash(text + text)
		is(t, err, fbat.CategoryInvalid)
		id := fbat.ID{1}
		is(t, id.UnmarshalText([]byte(text)), fbat.ErrInvalidArgument)
		equal(t, "id after a failure", id, fbat.ID{1})
		hash := fbat.Hash{1}
		is(t, hash.UnmarshalText([]byte(text)), fbat.ErrInvalidArgument)
		equal(t, "hash after a failure", hash, fbat.Hash{1})
	}
}

func TestEveryKindIsItsCategoryAndType(t *testing.T) {
	for k := range 1 << 16 {
		kind := fbat.Kind(k)
		if made, err := fbat.NewKind(kind.Category(), kind.Type()); err != nil || made != kind {
			t.Fatalf("%v is %d and %d, which makes %v, %v",
				kind, kind.Category(), kind.Type(), made, err)
		}
	}
	equal(t, "text", fbat.Kind(0x1001).String(), "0x1001")
	_, err := fbat.NewKind(16, 0)
	is(t, err, fbat.ErrInvalidArgument)
	_, err = fbat.NewKind(0, 4096)
	is(t, err, fbat.ErrInvalidArgument)
}

func TestNamespaceOfAPathThatIsNotThere(t *testing.T) {
	_, err := fbat.NamespaceFromPath("/no/such/directory")
	is(t, err, fbat.ErrNotFound)
	_, err = fbat.NamespaceFromPath("/tmp\x00/etc")
	is(t, err, fbat.ErrInvalidArgument)
	_, err = fbat.NamespaceFromPath("")
	is(t, err, fbat.ErrInvalidArgument)
}
