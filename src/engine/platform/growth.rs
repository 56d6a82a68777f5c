//! Writing to files whose length is limited (RLIMIT_FSIZE): a write beyond the limit is an error,
//! and no signal that ends the process.
//!
//! The kernel sends SIGXFSZ to the thread that writes. A handler swallows those of our own writes,
//! which costs a write nothing, and hands every other on. Where there can be no handler, the signal
//! is blocked meanwhile.

use super::signals::Hook;
use std::io;
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::atomic::{compiler_fence, AtomicBool, Ordering};

static HOOK: Hook = Hook::new(libc::SIGXFSZ, on_file_too_large);
/// No handler is needed or ours is in place, as far as was looked at last.
static HANDLED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// A write of ours is in flight on this thread.
    static WRITING: AtomicBool = const { AtomicBool::new(false) };
}

/// Looks after the handler: to be called now and then where files are opened or grow.
pub fn prepare() {
    HANDLED.store(HOOK.is_ignored() || HOOK.is_installed(), Ordering::Relaxed);
}

/// The length that files of this process may have.
pub fn file_bytes_max() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: 0 };
    // SAFETY: the call fills in a live rlimit.
    match unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit) } {
        0 => limit.rlim_cur,
        _ => u64::MAX,
    }
}

/// Runs `write`, a call that may find a file too large.
#[inline]
pub fn guarded<T>(write: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let blocked = if HANDLED.load(Ordering::Relaxed) { None } else { block() };
    let outer = WRITING.with(|writing| writing.swap(true, Ordering::Relaxed));
    compiler_fence(Ordering::SeqCst);
    let result = write();
    compiler_fence(Ordering::SeqCst);
    WRITING.with(|writing| writing.store(outer, Ordering::Relaxed));
    if result.as_ref().is_err_and(|e| e.raw_os_error() == Some(libc::EFBIG)) {
        swallow();
    }
    if let Some(before) = blocked {
        // SAFETY: the mask that this thread had.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, null_mut()) };
    }
    result
}

fn only_this_signal() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the set is emptied, which initializes it, before anything is added.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGXFSZ);
        set.assume_init()
    }
}

/// Blocks the signal on this thread; the mask before.
#[cold]
fn block() -> Option<libc::sigset_t> {
    let mut before = MaybeUninit::uninit();
    // SAFETY: the sets are live; the call fills in the second where it succeeds.
    unsafe {
        let blocked =
            libc::pthread_sigmask(libc::SIG_BLOCK, &only_this_signal(), before.as_mut_ptr());
        (blocked == 0).then(|| before.assume_init())
    }
}

/// Takes the signal of a write that failed where this thread blocks it, so that it does not come
/// when that ends.
#[cold]
fn swallow() {
    let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the set and the time are live; nothing is written.
    while unsafe { libc::sigtimedwait(&only_this_signal(), null_mut(), &at_once) } > 0 {}
}

extern "C" fn on_file_too_large(
    _: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    if !WRITING.with(|writing| writing.load(Ordering::Relaxed)) {
        HOOK.forward(info, context, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a child process that runs `body` ends with, as waitpid reports it.
    fn in_child(body: impl FnOnce() -> bool) -> i32 {
        // SAFETY: the child only makes system calls and ends.
        unsafe {
            match libc::fork() {
                0 => libc::_exit(if body() { 0 } else { 1 }),
                child => {
                    let mut status = 0;
                    assert_eq!(libc::waitpid(child, &mut status, 0), child);
                    status
                }
            }
        }
    }

    /// A write of one byte at the limit of a file without a name.
    fn write_too_far() -> io::Result<()> {
        let none = libc::rlimit { rlim_cur: 4096, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: plain system calls on a descriptor of our own.
        unsafe {
            libc::setrlimit(libc::RLIMIT_FSIZE, &none);
            let fd = libc::memfd_create(c"growth".as_ptr(), 0);
            assert!(fd >= 0);
            match libc::pwrite(fd, c"x".as_ptr().cast(), 1, 4096) {
                1 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        }
    }

    fn is_too_large(result: io::Result<()>) -> bool {
        result.is_err_and(|e| e.raw_os_error() == Some(libc::EFBIG))
    }

    #[test]
    #[cfg_attr(miri, ignore)] // forks
    fn a_write_beyond_the_limit_is_an_error_and_no_signal() {
        // Without a handler of ours the signal is blocked; with one it is not.
        assert_eq!(in_child(|| is_too_large(guarded(write_too_far))), 0);
        let handled = || {
            prepare();
            HANDLED.load(Ordering::Relaxed) && is_too_large(guarded(write_too_far))
        };
        assert_eq!(in_child(handled), 0);
        let blocked_by_the_program = || {
            prepare();
            block().is_some() && is_too_large(guarded(write_too_far)) && {
                // SAFETY: unblocks the signal; one that is still pending ends the process.
                unsafe {
                    libc::pthread_sigmask(libc::SIG_UNBLOCK, &only_this_signal(), null_mut()) == 0
                }
            }
        };
        assert_eq!(in_child(blocked_by_the_program), 0);
    }

    #[test]
    #[cfg_attr(miri, ignore)] // forks
    fn a_write_of_somebody_else_ends_as_it_would_have() {
        let other = in_child(|| {
            prepare();
            is_too_large(write_too_far())
        });
        assert!(libc::WIFSIGNALED(other) && libc::WTERMSIG(other) == libc::SIGXFSZ);
    }
}
