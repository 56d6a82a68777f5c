//go:build !cgo

package fbat

// The library is called by cgo, which a build is without where CGO_ENABLED is 0: the default where
// no C compiler is found, and for other systems than the one that builds. The files that use cgo
// are left out then. The one error of this file says what is missing, instead of one for each name
// that does not exist.
var _ = needs_cgo_and_a_C_compiler_see_CGO_ENABLED
