package fbat

// #include "shim.h"
import "C"

import (
	"strings"
	"time"
	"unsafe"
)

// Pointers to the library's opaque objects are numbers, not addresses. cgo gives them types that the garbage collector does not
// look into (their structs are incomplete in C), so they may stand in Go variables; they are never dereferenced.

// text is a Go string as pointer and length: for calls that copy it before they return.
func text(s string) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(s))), C.size_t(len(s))
}

func bytes(b []byte) (*C.uint8_t, C.size_t) {
	return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(b))), C.size_t(len(b))
}

// path is a copy of a path in C memory, which the caller frees. A NUL inside would cut it short, to name another file.
func path(name string) (*C.char, error) {
	if strings.IndexByte(name, 0) >= 0 {
		return nil, statusError(ErrInvalidArgument, "a path has a NUL inside")
	}
	return C.CString(name), nil
}

func free(p *C.char) { C.free(unsafe.Pointer(p)) }

// goString copies text of the library's.
func goString(s C.fbat_str) string {
	return strings.Clone(view(s))
}

func goID(id C.fbat_id) ID         { return *(*ID)(unsafe.Pointer(&id)) }
func goHash(hash C.fbat_hash) Hash { return *(*Hash)(unsafe.Pointer(&hash)) }
func cID(id ID) C.fbat_id          { return *(*C.fbat_id)(unsafe.Pointer(&id)) }
func cHash(hash Hash) C.fbat_hash  { return *(*C.fbat_hash)(unsafe.Pointer(&hash)) }

func goTime(us C.int64_t) time.Time { return time.UnixMicro(int64(us)).UTC() }

// goBuffer copies a buffer of the library's and frees it.
func goBuffer(buffer *C.fbat_buffer) []byte {
	defer C.fbat_buffer_free(buffer)
	data, size := C.fbat_buffer_data(buffer), C.fbat_buffer_len(buffer)
	return append([]byte{}, unsafe.Slice((*byte)(unsafe.Pointer(data)), int(size))...)
}
