package fbat

// #include "shim.h"
// #cgo nocallback fbat_status_name
// #cgo nocallback fbat_status_message
// #cgo nocallback fbat_status_category
import "C"

// Status is what a call of the library answers with: 0 is OK, failures are positive, and negative numbers are those with
// which a callback stopped a call. A Status is an error, so that it can be the target of [errors.Is]:
//
//	if errors.Is(err, fbat.ErrNotFound) { ... }
//
// What calls return is an [*Error], which has the status and all that is known beside it.
type Status int32

// OK is the status of a call that did what it says. It is never returned as an error.
const OK Status = C.FBAT_OK

// The failures of the library, to be used with [errors.Is]. Numbers are never reused.
const (
	// ErrInvalidArgument: an argument is outside of what is allowed.
	ErrInvalidArgument Status = C.FBAT_ERR_INVALID_ARGUMENT
	// ErrInvalidHandle: an object of the library is not live. Go values keep theirs alive, so that this is rarely seen.
	ErrInvalidHandle Status = C.FBAT_ERR_INVALID_HANDLE
	// ErrInvalidUTF8: text is not UTF-8; [Error.Found] is the byte where it stops to be.
	ErrInvalidUTF8 Status = C.FBAT_ERR_INVALID_UTF8
	// ErrInvalidCoordinate: an entity or scope is empty, over 1024 bytes, or has a control byte, /, .., | or =.
	ErrInvalidCoordinate Status = C.FBAT_ERR_INVALID_COORDINATE
	// ErrReservedKind: the kind's category is 0x0 or 0xD, which are the library's own.
	ErrReservedKind Status = C.FBAT_ERR_RESERVED_KIND
	// ErrReservedExtension: an extension key has the prefix batpak, which is the library's own.
	ErrReservedExtension Status = C.FBAT_ERR_RESERVED_EXTENSION
	// ErrLimitExceeded: a limit is exceeded, [Error.Found] against [Error.Supported].
	ErrLimitExceeded Status = C.FBAT_ERR_LIMIT_EXCEEDED

	// ErrNotFound: there is no such event, entity, or path.
	ErrNotFound Status = C.FBAT_ERR_NOT_FOUND
	// ErrStoreNotFound: there is no store at this path, and the mode does not make one.
	ErrStoreNotFound Status = C.FBAT_ERR_STORE_NOT_FOUND

	// ErrIdempotencyConflict: the key was used before, for an event with other content. Nothing was written.
	ErrIdempotencyConflict Status = C.FBAT_ERR_IDEMPOTENCY_CONFLICT
	// ErrVersionConflict: the entity is not at the expected version; [Error.Found] is the one it has. Nothing was written.
	ErrVersionConflict Status = C.FBAT_ERR_VERSION_CONFLICT
	// ErrImportConflict: an event to import is there already, with other content.
	ErrImportConflict Status = C.FBAT_ERR_IMPORT_CONFLICT
	// ErrStoreExists: there is a store at this path already, and the mode asks for a new one.
	ErrStoreExists Status = C.FBAT_ERR_STORE_EXISTS

	// ErrBusy: the store is open for writing elsewhere, or a callback tried to close a store of the running import.
	ErrBusy Status = C.FBAT_ERR_BUSY

	// ErrClosed: the store or the cursor was closed.
	ErrClosed Status = C.FBAT_ERR_CLOSED
	// ErrPoisoned: a failed write or sync ended writing to this store; close it and open it again.
	ErrPoisoned Status = C.FBAT_ERR_POISONED
	// ErrForked: the process is a forked child. Go programs do not fork without exec; one that is embedded may be.
	ErrForked Status = C.FBAT_ERR_FORKED
	// ErrReadOnly: the store is open for reading only.
	ErrReadOnly Status = C.FBAT_ERR_READ_ONLY

	// ErrIO: an operation of the operating system failed; [Error.Errno] is its number.
	ErrIO Status = C.FBAT_ERR_IO
	// ErrNoSpace: there is no space left on the device, or a quota or file size limit is reached.
	ErrNoSpace Status = C.FBAT_ERR_NO_SPACE

	// ErrCorrupt: damage in a file; [Error.Path] and [Error.Offset] say where.
	ErrCorrupt Status = C.FBAT_ERR_CORRUPT
	// ErrWireFraming: not a provenance frame.
	ErrWireFraming Status = C.FBAT_ERR_WIRE_FRAMING
	// ErrWireChecksum: the checksum of a provenance frame does not hold.
	ErrWireChecksum Status = C.FBAT_ERR_WIRE_CHECKSUM
	// ErrWireBody: a provenance body does not decode.
	ErrWireBody Status = C.FBAT_ERR_WIRE_BODY
	// ErrWireNotCanonical: a provenance decodes, but is not the one canonical encoding of its fields.
	ErrWireNotCanonical Status = C.FBAT_ERR_WIRE_NOT_CANONICAL

	// ErrFutureVersion: a file or frame has a version above the highest that this library reads.
	ErrFutureVersion Status = C.FBAT_ERR_FUTURE_VERSION
	// ErrUnsupported: the file system or the machine lacks something that is needed.
	ErrUnsupported Status = C.FBAT_ERR_UNSUPPORTED

	// ErrCancelled: the context of the call is done; the error wraps the context's too.
	ErrCancelled Status = C.FBAT_ERR_CANCELLED

	// ErrPanic: a defect in the library was caught. The stores of the call are poisoned; the process may go on.
	ErrPanic Status = C.FBAT_ERR_PANIC
	// ErrInternal: a defect in the library was noticed.
	ErrInternal Status = C.FBAT_ERR_INTERNAL
)

// Name is the name of the status in C: FBAT_ERR_NOT_FOUND and so on.
func (s Status) Name() string { return C.GoString(C.fbat_status_name(C.fbat_status(s))) }

// Error says what the status means, in a few words.
func (s Status) Error() string { return "fbat: " + s.message() }

func (s Status) message() string { return C.GoString(C.fbat_status_message(C.fbat_status(s))) }

// Category is what the status is about.
func (s Status) Category() Category {
	return Category(C.fbat_status_category(C.fbat_status(s)))
}

// Is makes a status match its [Category] in [errors.Is].
func (s Status) Is(target error) bool {
	category, ok := target.(Category)
	return ok && s.Category() == category
}

// Category is what a failure is about. It is an error, so that it can be the target of [errors.Is]:
//
//	if errors.Is(err, fbat.CategoryConflict) { ... }
type Category uint32

// The categories.
const (
	// CategoryNone is that of [OK].
	CategoryNone Category = C.FBAT_CATEGORY_NONE
	// CategoryInvalid: the caller's mistake; the same call fails again.
	CategoryInvalid Category = C.FBAT_CATEGORY_INVALID
	// CategoryNotFound: what was asked for is not there.
	CategoryNotFound Category = C.FBAT_CATEGORY_NOT_FOUND
	// CategoryConflict: what is there contradicts the call.
	CategoryConflict Category = C.FBAT_CATEGORY_CONFLICT
	// CategoryBusy: somebody else is using it; try later.
	CategoryBusy Category = C.FBAT_CATEGORY_BUSY
	// CategoryClosed: the object can't be used any more, or not for this.
	CategoryClosed Category = C.FBAT_CATEGORY_CLOSED
	// CategoryIO: the operating system failed.
	CategoryIO Category = C.FBAT_CATEGORY_IO
	// CategoryCorrupt: bytes are not what they should be.
	CategoryCorrupt Category = C.FBAT_CATEGORY_CORRUPT
	// CategoryUnsupported: a version or a feature is beyond this library or this machine.
	CategoryUnsupported Category = C.FBAT_CATEGORY_UNSUPPORTED
	// CategoryCancelled: the caller stopped the call.
	CategoryCancelled Category = C.FBAT_CATEGORY_CANCELLED
	// CategoryInternal: a defect in the library.
	CategoryInternal Category = C.FBAT_CATEGORY_INTERNAL
)

var categoryNames = [...]string{"none", "invalid", "not found", "conflict", "busy", "closed", "io", "corrupt",
	"unsupported", "cancelled", "internal"}

// String is the name of the category in lower case.
func (c Category) String() string {
	if int(c) < len(categoryNames) {
		return categoryNames[c]
	}
	return "unknown"
}

// Error makes a category an error: "fbat: not found".
func (c Category) Error() string { return "fbat: " + c.String() }
