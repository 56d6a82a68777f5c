package fbat

// #include "shim.h"
// #cgo nocallback fbat_version_string
// #cgo nocallback fbat_abi_version
import "C"

// The version of the header that this package was compiled with.
const (
	HeaderVersion      = C.FBAT_VERSION
	HeaderVersionMajor = C.FBAT_VERSION_MAJOR
	HeaderVersionMinor = C.FBAT_VERSION_MINOR
	HeaderVersionPatch = C.FBAT_VERSION_PATCH
	// HeaderABIVersion is compared with [ABIVersion] by [Open].
	HeaderABIVersion = C.FBAT_ABI_VERSION
)

// Version is the version of the library that the program runs with, for example "0.1.0".
func Version() string { return C.GoString(C.fbat_version_string()) }

// ABIVersion is the version of the binary interface of the library that the program runs with.
func ABIVersion() uint32 { return uint32(C.fbat_abi_version()) }

// LiveHandles is how many objects of the library this process holds: for tests, which end with 0 when all stores and
// cursors are closed.
func LiveHandles() int { return int(C.fbat_live_handles()) }
