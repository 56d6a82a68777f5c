package fbat

// #include "shim.h"
import "C"

import (
	"runtime"
	"sync"
	"unsafe"
)

// outgoing is a block of C memory in which what goes to the library is laid out: structs with pointers, and the bytes
// behind them. Copying costs less than pinning for all but the largest payloads, C may point from there to there, and a
// batch of any size costs one crossing and no allocation once the block is warm.
//
// Blocks are kept by a pool. One that the pool lets go of is freed by its cleanup.
type outgoing struct {
	block   unsafe.Pointer
	size    uintptr
	used    uintptr
	cleanup runtime.Cleanup
}

// A block that is larger is not kept.
const outgoingKept = 1 << 20

var outgoingBlocks sync.Pool

// takeOutgoing gives a block with at least so much room.
func takeOutgoing(size uintptr) *outgoing {
	out, _ := outgoingBlocks.Get().(*outgoing)
	if out != nil && out.size >= size {
		return out
	}
	if out != nil {
		out.free()
	}
	size = max(size, 4096)
	if size < outgoingKept {
		size += size / 2 // so that batches of about one size do not take a new block each time they grow a little
	}
	out = &outgoing{block: C.malloc(C.size_t(size)), size: size}
	out.cleanup = runtime.AddCleanup(out, func(block unsafe.Pointer) { C.free(block) }, out.block)
	return out
}

func (out *outgoing) free() {
	out.cleanup.Stop()
	C.free(out.block)
}

// release gives the block back. What was laid out in it is gone.
func (out *outgoing) release() {
	out.used = 0
	if out.size > outgoingKept {
		out.free()
		return
	}
	outgoingBlocks.Put(out)
}

// room takes zeroed room for structs. They come before bytes, so that they are aligned.
func (out *outgoing) room(size uintptr) unsafe.Pointer {
	at := unsafe.Add(out.block, out.used)
	out.used += size
	clear(unsafe.Slice((*byte)(at), size))
	return at
}

// copy takes room for the bytes at data and copies them; 0 for none.
func (out *outgoing) copy(data *byte, size int) uintptr {
	if size == 0 {
		return 0
	}
	at := unsafe.Add(out.block, out.used)
	out.used += uintptr(size)
	copy(unsafe.Slice((*byte)(at), size), unsafe.Slice(data, size))
	return uintptr(at)
}

// Pointers into the block are stored as numbers: a store of a pointer may have the garbage collector look at what was there
// before, which here may be anything.

func (out *outgoing) str(to *C.fbat_str, s string) {
	*(*uintptr)(unsafe.Pointer(&to.data)) = out.copy(unsafe.StringData(s), len(s))
	to.len = C.size_t(len(s))
}

func (out *outgoing) bytes(to **C.uint8_t, size *C.size_t, b []byte) {
	*(*uintptr)(unsafe.Pointer(to)) = out.copy(unsafe.SliceData(b), len(b))
	*size = C.size_t(len(b))
}
