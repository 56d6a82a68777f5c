package fbat

// #include "shim.h"
import "C"

import (
	"context"
	"iter"
	"math"
	"os"
	"sync"
	"syscall"
	"time"
)

// Wait waits until the frontier is above a sequence: the last one that is known. options is nil for
// a visible event, for ever. Who reads events up to a sequence and waits for what comes after it
// misses none, and repeats none.
//
// What ends a wait otherwise is an error: options.Timeout has passed, the context is done, or
// another goroutine closes the store. A writer in another process that ends, dies or recovers the
// store does not: the wait goes on until there is a next event.
//
// With [WaitDurable], a store that writes waits for syncs, its own included, and begins none. One
// that reads syncs what it waits for once that is visible, as [Store.Sync] does: the log says of an
// event that it is durable only with a later one.
//
// The failures are [ErrTimeout], [ErrCancelled], [ErrInvalidArgument], [ErrClosed], [ErrPoisoned],
// [ErrCorrupt] and [ErrIO].
func (s *Store) Wait(
	ctx context.Context, after uint64, options *WaitOptions,
) (frontier Frontier, err error) {
	call := begin()
	defer call.end()
	in, out := room[C.fbat_wait_options](call), room[C.fbat_frontier](call)
	out.struct_size = C.sizeof_fbat_frontier
	wait, err := s.beginWait(ctx, options, call, in)
	if err != nil {
		return
	}
	s.lookout.look()
	wait.after = after
	err = wait.sleep(func(reached uint64) (bool, error) {
		if reached <= after {
			return false, nil
		}
		status := C.fbat_store_wait(s.c, C.uint64_t(after), in, out, call.detail)
		return status != C.FBAT_ERR_TIMEOUT, call.outcome(status, s)
	})
	frontier.read(out)
	return
}

// Follow iterates over all events of a query, and waits for those that come later, whoever appends
// them. options is nil to wait for visible events, for ever. To begin with what comes from now on,
// set the query's After to Visible of [Store.Frontier]; to go on another time, to the sequence of
// the last record that was handled. Each event comes once, and none is left out.
//
//	for record, err := range store.Follow(ctx, &fbat.Query{After: last}, nil) {
//		if err != nil { return err }
//		...
//	}
//
// It ends with an error, which comes with an empty record: [ErrCancelled] when the context is done,
// [ErrClosed] when the store is closed, [ErrTimeout] where no event that matches came in
// options.Timeout. It ends without one where no event can come: at Limit and Until of the query,
// and backward. It holds no lock and no thread while it waits, and may be given up at any time.
func (s *Store) Follow(
	ctx context.Context, query *Query, options *WaitOptions,
) iter.Seq2[Record, error] {
	return s.each(ctx, query, func(cursor *Cursor, page *C.fbatgo_page) error {
		return cursor.wait(options, page)
	})
}

// Wait reads the next page that has rows, and waits for it where there is none yet; nil where no
// page can come, as at a Limit. options is nil to wait for ever. With [WaitDurable] it reads
// durable events only. The failure is [ErrTimeout] where no event that matches came in time: the
// cursor has passed the others. The context of the cursor ends the wait, and so does closing the
// cursor or its store; other failures are those of [Store.Wait].
func (c *Cursor) Wait(options *WaitOptions) (*Page, error) {
	return c.take(func(page *C.fbatgo_page) error { return c.wait(options, page) })
}

func (c *Cursor) wait(options *WaitOptions, page *C.fbatgo_page) error {
	call := begin()
	defer call.end()
	in := room[C.fbat_wait_options](call)
	wait, err := c.store.beginWait(c.ctx, options, call, in)
	if err != nil {
		return err
	}
	wait.closed = c.closed
	return wait.sleep(func(reached uint64) (bool, error) {
		wait.after = reached
		status, err := c.read(page, func() C.fbat_status {
			return C.fbatgo_cursor_wait(c.c, in, page, c.call.detail)
		})
		return status != C.FBAT_ERR_TIMEOUT, err
	})
}

// Frontier says how far the log goes. The failures are [ErrInvalidArgument], [ErrClosed] and
// [ErrIO].
func (s *Store) Frontier() (Frontier, error) {
	frontier, err := s.frontier()
	s.lookout.publish(frontier, err) // the descriptor is unreadable from now on
	return frontier, err
}

// waiting is a call that waits. What sleeps is a goroutine, and no thread: the library is told to
// look once, and asked again.
type waiting struct {
	*lookout
	ctx     context.Context
	timeout time.Duration
	once    bool // not to sleep
	durable bool
	after   uint64          // what is to be passed
	closed  <-chan struct{} // ends it, too, where it is the wait of a cursor
}

func (s *Store) beginWait(
	ctx context.Context, options *WaitOptions, call *call, in *C.fbat_wait_options,
) (*waiting, error) {
	options = orZero(options)
	options.lay(call, in)
	in.flags, in.timeout_ms = in.flags|C.FBAT_WAIT_HAS_TIMEOUT, 0
	if options.Flags&^(WaitDurable|WaitHasTimeout) != 0 {
		call.refuse("flags has bits that are not known")
	}
	once := options.Timeout == 0 && options.Flags&WaitHasTimeout != 0
	durable := options.Flags&WaitDurable != 0
	return &waiting{s.lookout, ctx, options.Timeout, once, durable, 0, nil}, call.refused
}

// sleep asks again whenever the log goes further, until it has an answer.
func (w *waiting) sleep(ask func(reached uint64) (answered bool, err error)) error {
	if w.ctx.Err() != nil {
		return cancelled(w.ctx, "the call was cancelled")
	}
	if _, _, failed := w.state(w.durable); failed != nil {
		w.look() // that may be over
	}
	reached, _, _ := w.state(w.durable)
	if answered, err := ask(reached); answered {
		return err
	} else if w.once {
		return w.late(reached)
	}
	var timeout <-chan time.Time
	if w.timeout > 0 {
		timer := time.NewTimer(w.timeout)
		defer timer.Stop()
		timeout = timer.C
	}
	w.join()
	defer w.leave()
	for last := reached; ; last = reached {
		var failed error
		var told <-chan struct{}
		reached, told, failed = w.state(w.durable) // before the question
		if reached != last {
			if answered, err := ask(reached); answered {
				return err
			}
		}
		if failed != nil {
			return failed
		}
		select {
		case <-told:
		case <-w.ctx.Done():
			return cancelled(w.ctx, "the call was cancelled")
		case <-w.closed:
			return statusError(ErrClosed, "the cursor is closed")
		case <-timeout:
			return w.late(reached)
		}
	}
}

func (w *waiting) late(reached uint64) error {
	e := statusError(ErrTimeout, "nothing of what is waited for came in time")
	e.Actual, e.Allowed = reached, w.after
	return e
}

// lookout tells the goroutines that wait for events of a store how far it goes. One more goroutine
// sleeps for all of them, in Go's network poller, until the descriptor of the store is readable.
//
// The poller is told when the descriptor becomes readable, and forgets it where that is unreadable
// again by then. What makes it unreadable is a look at the frontier. So whoever looks publishes
// what there was, [Store.Frontier] as well.
type lookout struct {
	store  *C.fbat_store
	writes bool
	over   chan struct{} // closed when the store is

	lock     sync.Mutex
	frontier Frontier      // as far as it was published
	failed   error         // the last look
	last     error         // why nothing comes any more
	told     chan struct{} // closed with the next news; nil where nobody listens
	waiting  int
	runs     bool     // the goroutine
	file     *os.File // the descriptor; nil before the first wait, and where there is none
}

// Where there is no descriptor, or the poller does not take it, the goroutine looks after so long.
const pauseMin, pauseMax = 10 * time.Millisecond, 250 * time.Millisecond

// join comes before a goroutine sleeps, and leave after that.
func (l *lookout) join() {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.waiting++
	if !l.runs && l.last == nil {
		l.runs = true
		go l.run()
	}
}

func (l *lookout) leave() {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.waiting--
}

// state is how far the log goes for those who wait for what is visible, or durable; what is closed
// when this changes; and why nothing can come. A store that reads makes durable what is visible
// when it is asked.
func (l *lookout) state(durable bool) (reached uint64, told <-chan struct{}, failed error) {
	l.lock.Lock()
	defer l.lock.Unlock()
	if l.told == nil {
		l.told = make(chan struct{})
	}
	if reached = l.frontier.Visible; durable && l.writes {
		reached = l.frontier.Durable
	}
	if failed = l.last; failed == nil {
		failed = l.failed
	}
	return reached, l.told, failed
}

// publish has those who wait look at what somebody has found; whether that is news.
func (l *lookout) publish(found Frontier, failed error) bool {
	l.lock.Lock()
	defer l.lock.Unlock()
	known := l.frontier
	l.frontier.Visible = max(known.Visible, found.Visible)
	l.frontier.Durable = max(known.Durable, found.Durable)
	l.failed = failed
	isNews := failed != nil || l.frontier != known
	if isNews {
		l.tell()
	}
	return isNews
}

// tell needs the lock.
func (l *lookout) tell() {
	if l.told != nil {
		close(l.told)
		l.told = nil
	}
}

// look publishes how far the log goes; whether that is news.
func (l *lookout) look() bool {
	call := begin()
	defer call.end()
	out := room[C.fbat_frontier](call)
	out.struct_size = C.sizeof_fbat_frontier
	status := C.fbat_store_frontier(l.store, out, call.detail)
	var found Frontier
	var failed error
	if found.read(out); status != C.FBAT_OK {
		failed = newError(status, *call.detail, &call.in)
	}
	return l.publish(found, failed)
}

// suspect finds out whether a call that failed was the last of a store that writes: it fails from
// then on, and nothing comes any more.
func (l *lookout) suspect() {
	call := begin()
	defer call.end()
	in := room[C.fbat_wait_options](call)
	in.struct_size, in.flags = C.sizeof_fbat_wait_options, C.FBAT_WAIT_HAS_TIMEOUT
	status := C.fbat_store_wait(l.store, math.MaxUint64, in, nil, call.detail)
	if e := newError(status, *call.detail, &call.in); e.Status == ErrPoisoned {
		l.finish(e)
	}
}

// finish has all look once more: nothing comes any more.
func (l *lookout) finish(why error) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.last = why
	l.tell()
}

// run looks whenever there may be something new, until nobody waits, or the store is closed.
func (l *lookout) run() {
	pause, runs := pauseMin, true
	look := func() bool {
		// Where nobody waits the descriptor stays readable, so that no append writes to it.
		if runs = l.isWanted(); runs && l.look() {
			pause = pauseMin
		}
		return runs
	}
	if conn, err := l.descriptor().SyscallConn(); err == nil {
		_ = conn.Read(func(uintptr) bool { return !look() })
	}
	for ; runs; pause = min(2*pause, pauseMax) {
		select {
		case <-time.After(pause):
		case <-l.over:
		}
		look()
	}
	if l.isOver() {
		_ = l.file.Close()
	}
}

// isWanted says whether to go on. Where it is not so, the next one that joins begins again.
func (l *lookout) isWanted() bool {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.runs = l.waiting > 0 && !l.isOver()
	return l.runs
}

func (l *lookout) isOver() bool {
	select {
	case <-l.over:
		return true
	default:
		return false
	}
}

// descriptor is a duplicate of the store's, which is gone when the store is freed: after the
// lookout is over. nil where there is none.
func (l *lookout) descriptor() *os.File {
	l.lock.Lock()
	defer l.lock.Unlock()
	if l.file != nil || l.isOver() {
		return l.file
	}
	call := begin()
	defer call.end()
	fd := room[C.int32_t](call)
	if C.fbat_store_wait_fd(l.store, fd, nil) != C.FBAT_OK {
		return nil
	}
	const aboveStandard = 3
	number, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(*fd), syscall.F_DUPFD_CLOEXEC,
		aboveStandard)
	if errno != 0 {
		return nil
	}
	// So that os takes it to the poller. It is an epoll, which nobody reads.
	_ = syscall.SetNonblock(int(number), true)
	l.file = os.NewFile(number, "news of a store")
	return l.file
}

// free ends all waits, gives the descriptor back, and frees the store.
func (l *lookout) free() {
	l.finish(statusError(ErrClosed, "the store is closed"))
	l.lock.Lock()
	close(l.over)
	_ = l.file.SetReadDeadline(time.Unix(1, 0)) // wakes the goroutine, which closes the file
	if !l.runs {
		_ = l.file.Close()
	}
	l.lock.Unlock()
	C.fbat_store_free(l.store)
}
