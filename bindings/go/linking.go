package fbat

// How a program finds the library:
//
//	go build                       the installed one, by pkg-config, as a shared library
//	go build -tags fbat_static     the installed one, by pkg-config, linked into the program
//	go build -tags fbat_source     the one that was built in the tree of this package (make lib)
//	go build -tags fbat_source,fbat_static
//
// The archive comes before what pkg-config says, so that the shared library, which is named there
// too, has nothing left to give and is dropped. What the archive needs is named here, and not asked
// of pkg-config --static: that names libgcc_s, of which there is no archive for a program that is
// static altogether. The compiler adds the right one of its own accord. Go's build cache keeps what
// pkg-config has said: after the library was moved, build with -a once.

// #cgo fbat_static LDFLAGS: -Wl,--as-needed -l:libfbat.a -lutil -lrt -lpthread -lm -ldl -lc
// #cgo !fbat_source pkg-config: fbat
// #cgo fbat_source CFLAGS: -I${SRCDIR}/../../include
// #cgo fbat_source LDFLAGS: -L${SRCDIR}/../../build/lib
// #cgo fbat_source,!fbat_static LDFLAGS: -lfbat -Wl,-rpath,${SRCDIR}/../../build/lib
import "C"
