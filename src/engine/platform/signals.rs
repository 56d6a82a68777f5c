//! Signals that the library brings about itself: a handler that takes care of those, and leaves
//! every other to what was there before.

use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

pub type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

/// What is done with one signal.
pub struct Hook {
    signal: libc::c_int,
    handler: Handler,
    /// What was there before: function or one of SIG_DFL and SIG_IGN, and its flags.
    previous: AtomicUsize,
    flags: AtomicI32,
    installed: AtomicBool,
}

impl Hook {
    pub const fn new(signal: libc::c_int, handler: Handler) -> Hook {
        Hook {
            signal,
            handler,
            previous: AtomicUsize::new(libc::SIG_DFL),
            flags: AtomicI32::new(0),
            installed: AtomicBool::new(false),
        }
    }

    /// Puts the handler in place, once. False where it is not there: the program has its own since,
    /// the system refuses, or another thread is just at it, for whom nobody waits. In a child that
    /// thread may not exist.
    pub fn is_installed(&self) -> bool {
        let ours = self.handler as usize;
        let Some(now) = self.current() else { return false };
        if now.sa_sigaction == ours || self.installed.swap(true, Ordering::Relaxed) {
            return now.sa_sigaction == ours;
        }
        self.previous.store(now.sa_sigaction, Ordering::Release);
        self.flags.store(now.sa_flags, Ordering::Release);
        let mut action = now;
        action.sa_sigaction = ours;
        // On the stack for signals where a thread has one, as the Go runtime asks for.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: handlers make only calls that are allowed in one; the mask is that of the action
        // before.
        unsafe { libc::sigaction(self.signal, &action, null_mut()) == 0 }
    }

    /// Whether the signal is ignored: then it needs no handler.
    pub fn is_ignored(&self) -> bool {
        self.current().is_some_and(|action| action.sa_sigaction == libc::SIG_IGN)
    }

    fn current(&self) -> Option<libc::sigaction> {
        // SAFETY: all zeros are a valid sigaction, and the call fills in another.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            (libc::sigaction(self.signal, null(), &mut action) == 0).then_some(action)
        }
    }

    /// Does what would have been done without the handler, from within it.
    pub fn forward(
        &self,
        info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
        raised_by_fault: bool,
    ) {
        let (previous, flags) =
            (self.previous.load(Ordering::Acquire), self.flags.load(Ordering::Acquire));
        match previous {
            // A fault cannot be ignored.
            libc::SIG_IGN if !raised_by_fault => {}
            libc::SIG_DFL | libc::SIG_IGN => {
                // SAFETY: safe in a handler. The fault comes again, or the signal does, and ends
                // the process.
                unsafe {
                    libc::signal(self.signal, libc::SIG_DFL);
                    if !raised_by_fault {
                        libc::raise(self.signal);
                    }
                }
            }
            // SAFETY: the function that was installed for this signal with these flags.
            _ if flags & libc::SA_SIGINFO != 0 => unsafe {
                let handler: Handler = std::mem::transmute(previous);
                handler(self.signal, info, context);
            },
            // SAFETY: as above.
            _ => unsafe {
                let handler: extern "C" fn(libc::c_int) = std::mem::transmute(previous);
                handler(self.signal);
            },
        }
    }
}
