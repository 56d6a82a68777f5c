package fbat_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

var categories = map[fbat.Category][]fbat.Status{
	fbat.CategoryNone: {fbat.OK},
	fbat.CategoryInvalid: {fbat.ErrInvalidArgument, fbat.ErrInvalidHandle, fbat.ErrInvalidUTF8,
		fbat.ErrInvalidCoordinate, fbat.ErrReservedKind, fbat.ErrReservedExtension,
		fbat.ErrLimitExceeded},
	fbat.CategoryNotFound: {fbat.ErrNotFound, fbat.ErrStoreNotFound},
	fbat.CategoryConflict: {fbat.ErrIdempotencyConflict, fbat.ErrVersionConflict,
		fbat.ErrImportConflict, fbat.ErrStoreExists, fbat.ErrSourceDiverged},
	fbat.CategoryBusy:   {fbat.ErrBusy},
	fbat.CategoryClosed: {fbat.ErrClosed, fbat.ErrPoisoned, fbat.ErrForked, fbat.ErrReadOnly},
	fbat.CategoryIO:     {fbat.ErrIO, fbat.ErrNoSpace},
	fbat.CategoryCorrupt: {fbat.ErrCorrupt, fbat.ErrWireFraming, fbat.ErrWireChecksum,
		fbat.ErrWireBody, fbat.ErrWireNotCanonical},
	fbat.CategoryUnsupported: {fbat.ErrFutureVersion, fbat.ErrUnsupported},
	fbat.CategoryCancelled:   {fbat.ErrCancelled, -1, -7},
	fbat.CategoryInternal:    {fbat.ErrPanic, fbat.ErrInternal},
}

func TestEveryStatusHasACategoryANameAndAMessage(t *testing.T) {
	seen := map[string]bool{}
	for category, statuses := range categories {
		for _, status := range statuses {
			equal(t, status.Name(), status.Category(), category)
			is(t, status, category)
			is(t, error(&fbat.Error{ErrorDetail: fbat.ErrorDetail{Status: status}}), category)
			is(t, error(&fbat.Error{ErrorDetail: fbat.ErrorDetail{Status: status}}), status)
			equal(t, "name is new", seen[status.Name()] && status >= 0, false)
			seen[status.Name()] = true
			if status.Error() == "fbat: " {
				t.Errorf("%s has no message", status.Name())
			}
		}
		equal(t, category.Error(), category.Error(), "fbat: "+category.String())
	}
	equal(t, "categories", len(categories), 11)
	equal(t, "name", fbat.ErrNotFound.Name(), "FBAT_ERR_NOT_FOUND")
	equal(t, "name", fbat.Status(-5).Name(), "FBAT_STOPPED_BY_CALLBACK")
	equal(t, "name", fbat.Status(12345).Name(), "FBAT_ERR_UNKNOWN")
	equal(t, "category", fbat.Category(99).String(), "unknown")
}

func TestAnErrorSaysAllThatIsKnown(t *testing.T) {
	store := open(t, "s")
	_, err := store.Append(event("thing", "a"))
	ok(t, err)
	late := event("thing", "b")
	late.Expect, late.ExpectedVersion = fbat.ExpectVersion, 7
	err = store.AppendBatch([]fbat.Event{event("other", "x"), late}, nil)
	e := detail(t, err)
	equal(t, "status", e.Status, fbat.ErrVersionConflict)
	equal(t, "category", e.Category(), fbat.CategoryConflict)
	equal(t, "actual", e.Actual, 1)
	equal(t, "allowed", e.Allowed, 7)
	equal(t, "item", e.Item, 1)
	equal(t, "offset", e.Offset, -1)
	contains(t, err.Error(), "FBAT_ERR_VERSION_CONFLICT")
	contains(t, err.Error(), e.Message)
	for _, other := range []error{fbat.ErrNotFound, fbat.CategoryNotFound, fs.ErrNotExist} {
		equal(t, other.Error(), errors.Is(err, other), false)
	}
}

func TestAnErrorOfTheOperatingSystemIsItsErrnoToo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	ok(t, os.WriteFile(path, nil, 0o600))
	_, err := fbat.Open(ctx, filepath.Join(path, "s"), nil)
	is(t, err, syscall.ENOTDIR)
	e := detail(t, err)
	equal(t, "errno", syscall.Errno(e.OSError), syscall.ENOTDIR)
	contains(t, e.Path, path)
	there := fbat.OpenOptions{Mode: fbat.OpenMustExist}
	_, err = fbat.Open(ctx, filepath.Join(t.TempDir(), "s"), &there)
	is(t, err, fs.ErrNotExist)
	is(t, err, fbat.CategoryNotFound)
}
