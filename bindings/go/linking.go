package fbat

// How a program finds the library:
//
//	go build                       the installed one, by pkg-config, as a shared library
//	go build -tags fbat_static     the installed one, by pkg-config, linked into the program
//	go build -tags fbat_source     the one that was built in the tree that this package lies in (make lib)
//	go build -tags fbat_source,fbat_static
//
// The archive stands in front of what pkg-config says, so that the shared library, which is named there too, has nothing
// left to give and is dropped. Go's build cache keeps what pkg-config has said: after the library was moved, build with -a once.

// #cgo !fbat_source,!fbat_static pkg-config: fbat
// #cgo !fbat_source,fbat_static LDFLAGS: -Wl,--as-needed -l:libfbat.a
// #cgo !fbat_source,fbat_static pkg-config: --static fbat
// #cgo fbat_source CFLAGS: -I${SRCDIR}/../../include
// #cgo fbat_source LDFLAGS: -L${SRCDIR}/../../build/lib
// #cgo fbat_source,!fbat_static LDFLAGS: -lfbat -Wl,-rpath,${SRCDIR}/../../build/lib
// #cgo fbat_source,fbat_static LDFLAGS: -l:libfbat.a -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
import "C"
