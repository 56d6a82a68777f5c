//! Panics: which are the library's own and which a callback's, what the hook does with each, and
//! what is left of one.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    /// How many guards are on this thread's stack since the last callback.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// What the panic hook saw last on this thread.
    static PANIC_TEXT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `body`; a panic becomes its text.
pub(crate) fn catch<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    install_hook();
    DEPTH.set(DEPTH.get() + 1);
    let outcome = panic::catch_unwind(AssertUnwindSafe(body));
    DEPTH.set(DEPTH.get() - 1);
    outcome.map_err(|payload| {
        let seen = PANIC_TEXT.try_with(RefCell::take).ok().flatten();
        let text = seen.unwrap_or_else(|| payload_text(&*payload).to_owned());
        dispose(payload);
        format!("panic: {text}")
    })
}

/// Runs a callback of the user: its panics are its own, so the previous panic hook sees them.
pub(crate) fn outside<T>(callback: impl FnOnce() -> T) -> T {
    struct Restore(u32);
    impl Drop for Restore {
        fn drop(&mut self) {
            DEPTH.set(self.0);
        }
    }
    let _restore = Restore(DEPTH.replace(0));
    callback()
}

/// Frees what a panic carried. Text goes quietly; dropping anything else may panic too, so it
/// stays: it is small, and this is rare.
pub(crate) fn dispose(payload: Box<dyn Any + Send>) {
    if !payload.is::<&str>() && !payload.is::<String>() {
        std::mem::forget(payload);
    }
}

fn payload_text(payload: &(dyn Any + Send)) -> &str {
    match payload.downcast_ref::<&str>() {
        Some(text) => text,
        None => payload.downcast_ref::<String>().map_or("no text", String::as_str),
    }
}

/// Nobody waits for the thread that installs it: in a forked child that may not exist.
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Whether any call has got as far as [`catch`].
pub(crate) fn is_in_use() -> bool {
    INSTALLED.load(Ordering::Relaxed)
}

/// Panics inside a guard print nothing; all others go to the hook that was there before.
fn install_hook() {
    if is_in_use() || std::thread::panicking() || INSTALLED.swap(true, Ordering::Relaxed) {
        return;
    }
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if DEPTH.get() == 0 {
            return previous(info);
        }
        let place =
            info.location().map_or(String::new(), |at| format!(" at {}:{}", at.file(), at.line()));
        let text = format!("{}{place}", payload_text(info.payload()));
        // A thread that is ending may have lost its locals.
        let _ = PANIC_TEXT.try_with(|seen| seen.replace(Some(text)));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_callback_is_caught_too() {
        assert!(catch(|| outside(|| panic::resume_unwind(Box::new("mine")))).is_err());
        assert_eq!(DEPTH.get(), 0);
    }
}
