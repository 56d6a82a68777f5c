//! Work beside that of the caller: on a thread that ends before whoever started it goes on.

use super::os;
use super::process;
use super::watch::Cancel;
use crate::engine::model::error::Result;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

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
        let (token, caller_on) = (cancel.clone(), os::processor());
        let work = move || {
            // Never undone: the thread is the library's own.
            std::mem::forget(os::Uncancelled::begin());
            caller_on.into_iter().for_each(os::avoid_processor);
            work(&token)
        };
        let spawn = || Builder::new().name("fbat-task".into()).spawn(work);
        let thread = Some(os::without_signals(spawn).ok()?);
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
