package fbat

// #include "shim.h"
import "C"

import (
	"math"
	"runtime"
	"strings"
	"time"
	"unsafe"
)

// arena is C memory in which what goes to the library, and what it answers, is laid out: structs,
// and the bytes that they point to. C may point from there to there, which it may not into Go's
// memory; and nothing there moves, as a goroutine's stack does while a callback runs on it.
//
// Copying costs less than pinning for all but the largest payloads. A call takes no memory once its
// arena is warm.
type arena struct {
	block      unsafe.Pointer
	size, used uintptr
	full       []unsafe.Pointer // blocks that were too small for what came next
	cleanup    runtime.Cleanup
}

const (
	blockMin  = 4 << 10
	blockKept = 1 << 20 // a block that is larger is not kept for the next call
)

// take gives memory, which may hold anything.
func (a *arena) take(size uintptr) unsafe.Pointer {
	size = (size + 7) &^ 7
	if a.used+size > a.size {
		if a.block != nil {
			a.cleanup.Stop()
			a.full = append(a.full, a.block)
		}
		a.size, a.used = max(min(2*a.size, blockKept), size, blockMin), 0
		a.block = C.malloc(C.size_t(a.size))
		a.cleanup = runtime.AddCleanup(a, func(block unsafe.Pointer) { C.free(block) }, a.block)
	}
	at := unsafe.Add(a.block, a.used)
	a.used += size
	return at
}

// release frees all blocks but the last, if it is not too large. What was laid out is gone.
func (a *arena) release() {
	for _, block := range a.full {
		C.free(block)
	}
	a.full, a.used = nil, 0
	if a.size > blockKept {
		a.cleanup.Stop()
		C.free(a.block)
		*a = arena{}
	}
}

// room is zeroed memory for a value.
func room[T any](call *call) *T { return &rooms[T](call, 1)[0] }

// rooms is zeroed memory for an array; nil for none.
func rooms[T any](call *call, count int) []T {
	if count == 0 {
		return nil
	}
	size := uintptr(count) * unsafe.Sizeof(*new(T))
	at := call.take(size)
	clear(unsafe.Slice((*byte)(at), size)) // as bytes: no pointer is stored over what was there
	return unsafe.Slice((*T)(at), count)
}

// copied is a copy of bytes.
func (a *arena) copied(data *byte, size int) unsafe.Pointer {
	at := a.take(uintptr(size))
	copy(unsafe.Slice((*byte)(at), size), unsafe.Slice(data, size))
	return at
}

// text is a copy of text; no text where it is empty.
func (a *arena) text(s string) (to C.fbat_str) {
	if s != "" {
		to.data, to.len = (*C.char)(a.copied(unsafe.StringData(s), len(s))), C.size_t(len(s))
	}
	return to
}

// optional is a copy of text that may be left out. The library refuses one that is empty.
func (a *arena) optional(s *string) (to C.fbat_str) {
	if s != nil {
		to.data, to.len = (*C.char)(a.copied(unsafe.StringData(*s), len(*s))), C.size_t(len(*s))
	}
	return to
}

// texts copies a list of texts: nil is none, and the library refuses one that is empty.
func (a *arena) texts(list []string) (*C.fbat_str, C.size_t) {
	if list == nil {
		return nil, 0
	}
	size := uintptr(max(len(list), 1)) * C.sizeof_fbat_str
	at := a.take(size)
	clear(unsafe.Slice((*byte)(at), size)) // as bytes: no pointer is stored over what was there
	to := unsafe.Slice((*C.fbat_str)(at), len(list))
	for i, s := range list {
		to[i] = a.text(s)
	}
	return unsafe.SliceData(to), C.size_t(len(list))
}

// lend has a pointer of C point to a copy of bytes, and answers with their length.
func (a *arena) lend(to unsafe.Pointer, b []byte) C.size_t {
	if b != nil {
		*(*unsafe.Pointer)(to) = a.copied(unsafe.SliceData(b), len(b))
	}
	return C.size_t(len(b))
}

// path is a copy of a path. A NUL inside would cut it short, to name another file.
func (c *call) path(name string) *C.char {
	if strings.IndexByte(name, 0) >= 0 {
		c.refuse("a path has a NUL inside")
	}
	return c.text(name + "\x00").data
}

// micros is a time in microseconds; 0 for the zero time.
func (c *call) micros(t time.Time) C.int64_t {
	if t.IsZero() {
		return 0
	}
	if s := t.Unix(); s < math.MinInt64/1_000_000 || s > math.MaxInt64/1_000_000-1 {
		c.refuse("a time is beyond 64 bits of microseconds")
	}
	return C.int64_t(t.UnixMicro())
}

// millis is a span of time in milliseconds, rounded up.
func (c *call) millis(d time.Duration) C.uint64_t {
	if d < 0 {
		c.refuse("a span of time is negative")
	}
	whole := C.uint64_t(d / time.Millisecond)
	if d%time.Millisecond > 0 {
		whole++
	}
	return whole
}

func goID(id C.fbat_id) ID         { return *(*ID)(unsafe.Pointer(&id)) }
func goHash(hash C.fbat_hash) Hash { return *(*Hash)(unsafe.Pointer(&hash)) }
func cID(id ID) C.fbat_id          { return *(*C.fbat_id)(unsafe.Pointer(&id)) }
func cHash(hash Hash) C.fbat_hash  { return *(*C.fbat_hash)(unsafe.Pointer(&hash)) }

func goTime(us C.int64_t) time.Time { return time.UnixMicro(int64(us)).UTC() }

// goDuration is a span of time, or the longest that there is in Go: 292 years.
func goDuration(us C.uint64_t) time.Duration {
	return time.Duration(min(uint64(us), math.MaxInt64/uint64(time.Microsecond))) * time.Microsecond
}

// view is text of the library's where it lies.
func view(s C.fbat_str) string {
	return unsafe.String((*byte)(unsafe.Pointer(s.data)), int(s.len))
}

func goString(s C.fbat_str) string { return strings.Clone(view(s)) }
