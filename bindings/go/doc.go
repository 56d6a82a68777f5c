// Package fbat is an embedded, append-only event store with exactly-once import: the library fbat, for Go.
//
// A store is a directory. Events are appended to it and never change; each belongs to an entity, and has a global sequence and
// a version within its entity. A second store takes over events of the first with [Store.Import], which may be repeated,
// interrupted and run from several sides without losing or doubling any, and records where each came from.
//
// # Errors
//
// Every failure of the library is an [*Error]. Compare with errors.Is: with a [Status], as [ErrNotFound], or with a
// [Category], as [CategoryConflict]. errors.As gives all details.
//
// # Memory
//
// Nothing that this package returns points into the library's memory. Records, pages and reports are Go's, may be kept, and
// outlive their store. What is passed in is copied before the call returns. A [Store] and a [Cursor] are to be closed; ones that are
// forgotten are freed by the garbage collector.
//
// # Goroutines
//
// Everything of a [Store] and of a [Cursor] may be called by any number of goroutines at once, [Store.Close] and
// [Cursor.Close] too. Reports and records are plain values. No call has to be made on a certain
// thread. A call that waits for a disk holds a thread of the operating system meanwhile, as every cgo call does, not a
// goroutine's processor. The library keeps no thread of its own; an import has one while it runs.
//
// # Callbacks
//
// Filters and progress functions run on the goroutine that called [Store.Import]. Their errors are returned as the same value; their
// panics go on out of Import, with their value. [SetLogCallback] has a function that is called from within nearly any call.
//
// For this, "#cgo nocallback" marks only those few functions that can't log even when the library has a defect, and "#cgo noescape"
// marks none: a goroutine's stack moves while a callback runs on it, so that a pointer into it must not be with C. Calls that have
// to be cheap take their results by value or in memory of C's instead, and allocate nothing either.
//
// # Fork and signals
//
// os/exec is fine: nothing of the library runs between its fork and exec. [SetMappedReads] has what there is to know of SIGBUS.
package fbat
