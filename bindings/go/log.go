package fbat

// #include "shim.h"
import "C"

import (
	"runtime/cgo"
	"strings"
	"unsafe"
)

// LogLevel is how much a line of the log matters.
type LogLevel uint32

// The levels.
const (
	// LogError: a defect, or damage.
	LogError LogLevel = C.FBAT_LOG_ERROR
	// LogWarning: something that was put right, or a mistake of the caller's that no error can tell of.
	LogWarning LogLevel = C.FBAT_LOG_WARNING
	// LogInfo: something worth knowing.
	LogInfo LogLevel = C.FBAT_LOG_INFO
)

// String is "error", "warning" or "info".
func (l LogLevel) String() string {
	switch l {
	case LogError:
		return "error"
	case LogWarning:
		return "warning"
	case LogInfo:
		return "info"
	}
	return "unknown"
}

// SetLogCallback sets the function that receives the log of this process, in place of the one before; nil for none. The
// library prints nothing itself.
//
// The function is called by any goroutine that is inside a call of this package, by several at once, and must be fast. It
// may call this package; what it calls logs nothing. It must not panic or end its goroutine: there is no call that it could
// fail, so that the program ends then. A goroutine that is just logging may still be inside the function before when
// SetLogCallback returns.
func SetLogCallback(callback func(level LogLevel, message string)) error {
	if callback == nil {
		return setting("log callback", C.fbatgo_clear_log_callback())
	}
	// The library disposes of the handle, also when it fails.
	return setting("log callback", C.fbatgo_set_log_callback(C.uintptr_t(cgo.NewHandle(callback))))
}

//export fbatgoLog
func fbatgoLog(handle C.uintptr_t, level C.uint32_t, message *C.char, size C.size_t) {
	returned := false
	defer func() {
		if !returned {
			endProgram("the log callback", recover())
		}
	}()
	line := strings.Clone(unsafe.String((*byte)(unsafe.Pointer(message)), int(size)))
	cgo.Handle(handle).Value().(func(LogLevel, string))(LogLevel(level), line)
	returned = true
}

//export fbatgoDestroy
func fbatgoDestroy(handle C.uintptr_t) { cgo.Handle(handle).Delete() }
