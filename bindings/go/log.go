package fbat

// #include "shim.h"
import "C"

import (
	"strings"
	"sync/atomic"
	"unsafe"
)

var logCallback atomic.Pointer[func(LogLevel, string)]

// SetLogCallback sets the function that receives the log of this process, in place of the one
// before; nil for none. The library prints nothing itself.
//
// The function is called by any goroutine that is inside a call of this package, by several at
// once, and must be fast. It may call this package; what it calls logs nothing. It must not panic
// or end its goroutine: there is no call that it could fail, so that the program ends then. A
// goroutine that is just logging may still be inside the function before when SetLogCallback
// returns.
func SetLogCallback(callback func(level LogLevel, message string)) {
	if callback == nil {
		C.fbat_set_log_callback(nil, nil, nil)
		return
	}
	logCallback.Store(&callback)
	C.fbat_set_log_callback(C.fbat_log_fn(C.fbatgoLog), nil, nil)
}

//export fbatgoLog
func fbatgoLog(_ unsafe.Pointer, level C.uint32_t, message *C.fbatgo_char, size C.size_t) {
	returned := false
	defer func() {
		if !returned {
			endProgram("the log callback", recover())
		}
	}()
	line := strings.Clone(unsafe.String((*byte)(unsafe.Pointer(message)), int(size)))
	(*logCallback.Load())(LogLevel(level), line)
	returned = true
}
