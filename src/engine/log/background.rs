//! Work that no append waits for: one piece at a time, on a thread that ends with it.

use crate::engine::platform::vfs::{Background as By, Vfs};
use crate::engine::platform::{process, task};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

pub type Work = Box<dyn FnOnce() + Send>;

/// The piece that was started last.
pub struct Background {
    vfs: Arc<dyn Vfs>,
    /// The process that its thread is one of.
    process: u32,
    piece: Option<Piece>,
}

enum Piece {
    Running(JoinHandle<()>, Arc<Done>),
    /// Done by whoever waits for it.
    Put(Work),
}

/// Whether a piece is done.
#[derive(Default)]
pub struct Done {
    is_done: Mutex<bool>,
    changed: Condvar,
}

impl Done {
    /// Waits until it is.
    pub fn wait(&self) {
        let is_done = self.is_done.lock().unwrap_or_else(|e| e.into_inner());
        let waited = self.changed.wait_while(is_done, |is_done| !*is_done);
        drop(waited.unwrap_or_else(|e| e.into_inner()));
    }
}

/// Says that a piece is done, also where a panic ends it.
struct Tell(Arc<Done>);

impl Drop for Tell {
    fn drop(&mut self) {
        *self.0.is_done.lock().unwrap_or_else(|e| e.into_inner()) = true;
        self.0.changed.notify_all();
    }
}

impl Background {
    pub fn new(vfs: Arc<dyn Vfs>) -> Background {
        Background { vfs, process: process::number(), piece: None }
    }

    /// Whether a piece is not done yet.
    pub fn is_busy(&self) -> bool {
        match &self.piece {
            Some(Piece::Running(thread, _)) => !thread.is_finished(),
            Some(Piece::Put(_)) => true,
            None => false,
        }
    }

    /// The piece that another thread is at work on, to be waited for while others begin with the
    /// next.
    pub fn running(&self) -> Option<Arc<Done>> {
        match &self.piece {
            Some(Piece::Running(_, done)) => Some(done.clone()),
            _ => None,
        }
    }

    /// Waits for the thread of this piece, which is done, unless the next one has begun.
    pub fn finish_after(&mut self, done: &Arc<Done>) {
        if self.running().is_some_and(|running| Arc::ptr_eq(&running, done)) {
            self.finish();
        }
    }

    /// Waits until the last piece is done.
    pub fn finish(&mut self) {
        match self.piece.take() {
            // Its panic has poisoned the store.
            Some(Piece::Running(thread, _)) => drop(thread.join()),
            Some(Piece::Put(work)) => work(),
            None => {}
        }
    }

    /// Begins with a piece once the one before is done; does it here where no thread is to be had.
    pub fn start(&mut self, work: impl FnOnce() + Send + 'static) {
        self.finish();
        match self.vfs.background() {
            By::Caller => work(),
            By::WhoeverWaits => self.piece = Some(Piece::Put(Box::new(work))),
            By::Thread => self.start_thread(Box::new(work)),
        }
    }

    fn start_thread(&mut self, work: Work) {
        // Where no thread is made, what it was to do is still here.
        let handed = Arc::new(Mutex::new(Some(work)));
        let taken = handed.clone();
        let done = Arc::<Done>::default();
        let tell = Tell(done.clone());
        let work = move || {
            let _tell = tell;
            take(&taken).into_iter().for_each(|work| work());
        };
        match task::spawn("fbat-seal", work) {
            Ok(thread) => self.piece = Some(Piece::Running(thread, done)),
            Err(_) => take(&handed).into_iter().for_each(|work| work()),
        }
    }
}

fn take(handed: &Mutex<Option<Work>>) -> Option<Work> {
    handed.lock().unwrap_or_else(|e| e.into_inner()).take()
}

impl Drop for Background {
    /// In a forked child the thread does not exist, and nothing of it is touched.
    fn drop(&mut self) {
        match process::is_other(self.process) {
            true => std::mem::forget(self.piece.take()),
            false => self.finish(),
        }
    }
}
