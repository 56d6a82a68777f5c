//! Threads of the library's own, and work beside that of the caller on one of them.

use super::os;
use super::process;
use super::watch::Cancel;
use crate::engine::model::error::Result;
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

/// Does some work on a thread of the library's own: signals are not for it, nobody cancels it, and
/// it keeps off the caller's processor.
pub fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let caller_on = os::processor();
    let work = move || {
        // Never undone: nobody else has the thread.
        std::mem::forget(os::Uncancelled::begin());
        caller_on.into_iter().for_each(os::avoid_processor);
        work()
    };
    os::without_signals(|| Builder::new().name(name.into()).spawn(work))
}

/// A piece of work on a thread of its own. Dropped before its end, it is cancelled and waited for;
/// in a forked child, where the thread is not, nothing of it is touched.
pub struct Task<T> {
    /// The process that it is a thread of.
    process: u32,
    cancel: Arc<Cancel>,
    thread: Option<JoinHandle<T>>,
}

impl<T: Send + 'static> Task<T> {
    /// None where there is no thread, or no second processor, to be had. The work ends soon after
    /// the token that it is given was triggered.
    pub fn start(work: impl FnOnce(&Cancel) -> T + Send + 'static) -> Option<Task<T>> {
        if !os::has_several_processors() {
            return None;
        }
        let cancel = Arc::<Cancel>::default();
        let token = cancel.clone();
        let thread = Some(spawn("fbat-task", move || work(&token)).ok()?);
        Some(Task { process: process::number(), cancel, thread })
    }

    /// What came of it. A panic of it goes on here.
    pub fn wait(mut self) -> Result<T> {
        process::check(self.process)?;
        let thread = self.thread.take().expect("it is waited for once");
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        if process::is_other(self.process) {
            return std::mem::forget((thread, self.cancel.clone()));
        }
        self.cancel.cancel();
        let _panic_was_of_no_use = thread.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_ends_with_its_answer_or_by_its_token() {
        let Some(task) = Task::start(|_| 7) else { return };
        assert_eq!(task.wait().unwrap(), 7);
        let ended = Arc::<Cancel>::default();
        let seen = ended.clone();
        let endless = Task::start(move |token| {
            while !token.is_cancelled() {
                std::thread::yield_now();
            }
            seen.cancel();
        });
        drop(endless);
        assert!(ended.is_cancelled());
    }
}
