//! Signals that the library brings about itself: a handler that takes care of those, and leaves
//! every other to what was there before.

use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::OnceLock;

pub type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

/// What is done with one signal.
pub struct Hook {
    signal: libc::c_int,
    handler: Handler,
    /// What was there before: function or one of SIG_DFL and SIG_IGN, and its flags.
    previous: AtomicUsize,
    flags: AtomicI32,
    installed: OnceLock<bool>,
}

impl Hook {
    pub const fn new(signal: libc::c_int, handler: Handler) -> Hook {
        Hook {
            signal,
            handler,
            previous: AtomicUsize::new(libc::SIG_DFL),
            flags: AtomicI32::new(0),
            installed: OnceLock::new(),
        }
    }

    /// Puts the handler in place, once. False where the program has its own there since, or the
    /// system refuses.
    pub fn is_installed(&self) -> bool {
        let ours = self.handler as usize;
        let installed = *self.installed.get_or_init(|| {
            let Some(before) = self.current() else { return false };
            self.previous.store(before.sa_sigaction, Ordering::Release);
            self.flags.store(before.sa_flags, Ordering::Release);
            let mut action = before;
            action.sa_sigaction = ours;
            // On the stack for signals where a thread has one, as the Go runtime asks for.
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            // SAFETY: handlers make only calls that are allowed in one; the mask is that of the
            // action before.
            unsafe { libc::sigaction(self.signal, &action, null_mut()) == 0 }
        });
        installed && self.current().is_some_and(|action| action.sa_sigaction == ours)
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
