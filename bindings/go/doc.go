// Package fbat is an embedded, append-only event store with exactly-once import: the library fbat,
// for Go.
//
// A store is a directory. Events are appended to it and never change; each belongs to an entity,
// and has a global sequence and a version within its entity. A second store takes over events of
// the first with [Store.Import], which may be repeated, interrupted and run from several sides
// without losing or doubling any, and records where each came from.
//
// # Options
//
// Options are structs; the zero value of every member is its default, and nil is a struct of
// zeros. Empty text is text that was not given:
// a [Region] with an empty Entity is every entity.
//
// # Contexts
//
// Every call that can take long takes a context, and has a Progress function in its options. When
// the context is done, the call fails with an error that is both [ErrCancelled] and what the
// context says, in the sense of [errors.Is]; its message ends with [context.Cause].
//
// # Errors
//
// Every failure of the library is an [*Error]. Compare with errors.Is: with a [Status], as
// [ErrNotFound], or with a [Category], as [CategoryConflict]. errors.As gives all details.
//
// # Memory
//
// Nothing that this package returns points into the library's memory. Records, pages and reports
// are Go's, may be kept, and outlive their store. Strings and bytes of records that were read
// together share pieces of up to 32 KiB, which stay as long as one of them is referred to: who
// keeps a few out of many calls [Record.Clone]. What is passed in is copied before the call
// returns.
//
// A [Store] and a [Cursor] are to be closed; ones that are forgotten are freed by the garbage
// collector.
//
// # Goroutines
//
// Everything of a [Store] and of a [Cursor] may be called by any number of goroutines at once,
// [Store.Close] and [Cursor.Close] too. Reports and records are plain values. No call has to be
// made on a certain thread. A call that waits for a disk holds a thread of the operating system
// meanwhile, as every cgo call does, not a goroutine's processor. The library keeps no thread of
// its own; an import has one while it runs.
//
// # Waiting
//
// [Store.Follow], [Store.Wait] and [Cursor.Wait] sleep until there is something new. They hold no
// thread meanwhile, however many goroutines sleep: one more, which lives while there are any and
// until the next news, waits for all of a store, in Go's network poller. Where the system has no
// descriptor left for it, it looks each 10 to 250 ms, and so it does where the kernel lets the
// poller take no more: of stores that are open for reading, 500 in one process. Closing the store
// ends them with [ErrClosed].
//
// # Callbacks
//
// Filters and progress functions run on the goroutine that made the call, one after the other, with
// no lock held: they may read stores and append to them. Closing a store of the running call
// fails with [ErrBusy]. An error of a callback ends the call, which returns the same value; a panic
// goes on out of the call, with its value. A callback must not call runtime.Goexit, as
// testing.T.FailNow does: the frames of the library below could not be left in order, so that the
// program is ended.
//
// The record that a filter is given is used again for the next event. Its strings and bytes may be
// kept, and so may a copy of it.
//
// [SetLogCallback] has a function that is called from within nearly any call. This is why no
// function is marked "#cgo noescape": a goroutine's stack moves while a callback runs on it, so
// that a pointer into it must not be with C. Calls lay out what they need in memory of C's instead,
// and allocate nothing.
//
// # Fork and signals
//
// os/exec is fine: nothing of the library runs between its fork and exec. [SetMappedReads] has what
// there is to know of SIGBUS.
package fbat
