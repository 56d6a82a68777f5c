package fbat

// #include "shim.h"
import "C"

import (
	"io/fs"
	"syscall"
)

// Status is what a call of the library answers with: 0 is OK, failures are positive, and negative
// numbers are those with which a callback stopped a call. It is an error, so that it can be the
// target of [errors.Is]:
//
//	if errors.Is(err, fbat.ErrNotFound) { ... }
//
// What calls return is an [*Error], which has the status and all that is known beside it.
type Status int32

// Error says what the status means, in a few words.
func (s Status) Error() string { return "fbat: " + s.Message() }

// Is makes a status match its [Category] in [errors.Is].
func (s Status) Is(target error) bool {
	category, ok := target.(Category)
	return ok && s.Category() == category
}

// Category is what a failure is about. It is an error, so that it can be the target of [errors.Is]:
//
//	if errors.Is(err, fbat.CategoryConflict) { ... }
type Category uint32

// Error makes a category an error: "fbat: not found".
func (c Category) Error() string { return "fbat: " + c.String() }

// Error is a failure of the library, in full. Get at it with [errors.As]:
//
//	var e *fbat.Error
//	if errors.As(err, &e) { fmt.Println(e.Path, e.Offset) }
//
// It holds nothing of the library's: it may be kept, and read by any number of goroutines.
type Error struct {
	ErrorDetail
	causes []error // what the context of a cancelled call says, or a callback
}

// Error is the message and the name of the status.
func (e *Error) Error() string { return "fbat: " + e.Message + " (" + e.Status.Name() + ")" }

// Category is what the failure is about.
func (e *Error) Category() Category { return e.Status.Category() }

// Is makes an error match its [Status], its [Category], and what stands for the same in the
// standard library: [fs.ErrNotExist], [fs.ErrExist] and [fs.ErrClosed].
func (e *Error) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		return e.Category() == CategoryNotFound
	case fs.ErrExist:
		return e.Status == ErrStoreExists
	case fs.ErrClosed:
		return e.Status == ErrClosed
	}
	return target == e.Status || e.Status.Is(target)
}

// Unwrap gives what is behind the failure: the [syscall.Errno] of the operating system, or what the
// context of a cancelled call says, so that errors.Is(err, context.Canceled) holds beside
// errors.Is(err, fbat.ErrCancelled).
func (e *Error) Unwrap() []error {
	if e.OSError != 0 {
		return append([]error{syscall.Errno(e.OSError)}, e.causes...)
	}
	return e.causes
}

// newError makes an error of a failure's status and detail, and frees the detail.
func newError(status C.fbat_status, detail *C.fbat_error, in *incoming) *Error {
	e := statusError(Status(status), Status(status).Message())
	if detail != nil {
		from := C.fbat_error_detail{struct_size: C.sizeof_fbat_error_detail}
		if C.fbat_error_get(detail, &from) == C.FBAT_OK {
			e.read(&from, in)
		}
		C.fbat_error_free(detail)
	}
	return e
}

// statusError is an error that comes without a detail of the library's.
func statusError(status Status, message string) *Error {
	return &Error{ErrorDetail: ErrorDetail{Status: status, Message: message, Item: -1, Offset: -1}}
}
