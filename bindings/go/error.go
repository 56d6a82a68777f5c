package fbat

// #include "shim.h"
import "C"

import (
	"io/fs"
	"syscall"
)

// Error is a failure of the library, in full. Get at it with [errors.As]:
//
//	var e *fbat.Error
//	if errors.As(err, &e) { fmt.Println(e.Path, e.Offset) }
//
// It holds nothing of the library's: it may be kept for as long as wanted, and read by any number of goroutines.
type Error struct {
	// Status says which failure it is.
	Status Status
	// Message is one sentence for people: what, where and why.
	Message string
	// Errno is the operating system's error number; 0 where it did not fail.
	Errno syscall.Errno
	// Found is the version, size or count that was found; 0 where none applies.
	Found uint64
	// Supported is the version, size or count that is supported, allowed or expected; 0 where none applies.
	Supported uint64
	// Item is the index of the item of a slice that was at fault; -1 where it was none of them.
	Item int
	// Path is the file or directory concerned; empty where there is none. It need not be UTF-8.
	Path string
	// Offset is where in that file, in bytes from its start; -1 where none applies.
	Offset int64
	// Sequence is the global sequence of the event concerned; 0 where no event is concerned.
	Sequence uint64
	// EventID is the id of the event concerned; zero where no event is concerned.
	EventID ID

	causes []error // of a cancelled call: what the context says
}

// Error is the message and the name of the status.
func (e *Error) Error() string { return "fbat: " + e.Message + " (" + e.Status.Name() + ")" }

// Category is what the failure is about.
func (e *Error) Category() Category { return e.Status.Category() }

// Is makes an error match its [Status], its [Category], and what stands for the same in the standard library:
// [fs.ErrNotExist], [fs.ErrExist] and [fs.ErrClosed].
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

// Unwrap gives what is behind the failure: the [syscall.Errno] of the operating system, or what the context of a cancelled
// call says, so that errors.Is(err, context.Canceled) holds beside errors.Is(err, fbat.ErrCancelled).
func (e *Error) Unwrap() []error {
	if e.Errno != 0 {
		return append([]error{e.Errno}, e.causes...)
	}
	return e.causes
}

// newError makes an error of a status and its detail, which it frees. Only to be called with a failure.
func newError(status C.fbat_status, detail *C.fbat_error) *Error {
	if detail == nil {
		return statusError(Status(status), Status(status).message())
	}
	defer C.fbat_error_free(detail)
	return &Error{
		Status:    Status(C.fbat_error_code(detail)),
		Message:   goString(C.fbat_error_message(detail)),
		Errno:     syscall.Errno(C.fbat_error_os_error(detail)),
		Found:     uint64(C.fbat_error_found(detail)),
		Supported: uint64(C.fbat_error_supported(detail)),
		Item:      int(C.fbat_error_item(detail)),
		Path:      goString(C.fbat_error_path(detail)),
		Offset:    int64(C.fbat_error_offset(detail)),
		Sequence:  uint64(C.fbat_error_sequence(detail)),
		EventID:   ID(goID(C.fbat_error_event_id(detail))),
	}
}

// check is nil for FBAT_OK, else an *Error.
func check(status C.fbat_status, detail *C.fbat_error) error {
	if status == C.FBAT_OK {
		return nil
	}
	return newError(status, detail)
}

// statusError is an error that comes without a detail of the library's.
func statusError(status Status, message string) *Error {
	return &Error{Status: status, Message: message, Item: -1, Offset: -1}
}

// setting is the answer of a setter, which has no detail, as an error that names what was set.
func setting(name string, status C.fbat_status) error {
	if status == C.FBAT_OK {
		return nil
	}
	return statusError(Status(status), name+": "+Status(status).message())
}

// errNoObject is for constructors that answer NULL: the table of objects is full.
func errNoObject() error {
	return statusError(ErrLimitExceeded, "16 million objects of the library are live")
}
