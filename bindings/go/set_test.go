package fbat_test

import (
	"testing"

	"github.com/fbat-db/fbat/bindings/go"
)

func TestSets(t *testing.T) {
	a, b := open(t, "a"), open(t, "b")
	things(t, a)
	equal(t, "digest of none", must(b.SetDigest(fbat.Region{}))(t).Events, uint64(0))
	first := must(a.DiffPage(ctx, b, &fbat.DiffOptions{PageRows: 60}))(t)
	equal(t, "rows", len(first.Rows), 60)
	equal(t, "end", first.End, false)
	after := first.Rows[59].Position
	rest := must(a.DiffPage(ctx, b, &fbat.DiffOptions{After: &after}))(t)
	equal(t, "rest", len(rest.Rows), 40)
	equal(t, "end", rest.End, true)
	equal(t, "in the first", rest.Rows[0].InOther, uint32(0))
	options := fbat.ImportOptions{Identity: fbat.ImportIdentityOrigin}
	must(b.Import(ctx, a, &options))(t)
	equal(t, "differences", len(must(a.DiffPage(ctx, b, nil))(t).Rows), 0)
	digest := must(a.SetDigest(fbat.Region{}))(t)
	equal(t, "digest", must(b.SetDigest(fbat.Region{}))(t), digest)
	origins := must(b.OriginPage(ctx, nil))(t)
	equal(t, "origins", len(origins.Rows), 1)
	equal(t, "origin", origins.Rows[0].SourceNamespace, a.Namespace())
	equal(t, "fingerprint", origins.Rows[0].Fingerprint, digest.Fingerprint)
}
