//! Work that no append waits for: one piece at a time, on a thread that ends with it.

use crate::engine::platform::vfs::{Background as By, Vfs};
use crate::engine::platform::{process, task};
use std::sync::Arc;
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
    Running(JoinHandle<()>),
    /// Done by whoever waits for it.
    Put(Work),
}

impl Background {
    pub fn new(vfs: Arc<dyn Vfs>) -> Background {
        Background { vfs, process: process::number(), piece: None }
    }

    /// Whether a piece is not done yet.
    pub fn is_busy(&self) -> bool {
        match &self.piece {
            Some(Piece::Running(thread)) => !thread.is_finished(),
            Some(Piece::Put(_)) => true,
            None => false,
        }
    }

    /// Waits until the last piece is done.
    pub fn finish(&mut self) {
        match self.piece.take() {
            // Its panic has poisoned the store.
            Some(Piece::Running(thread)) => drop(thread.join()),
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
        let handed = Arc::new(std::sync::Mutex::new(Some(work)));
        let taken = handed.clone();
        match task::spawn("fbat-seal", move || take(&taken).into_iter().for_each(|work| work())) {
            Ok(thread) => self.piece = Some(Piece::Running(thread)),
            Err(_) => take(&handed).into_iter().for_each(|work| work()),
        }
    }
}

fn take(handed: &std::sync::Mutex<Option<Work>>) -> Option<Work> {
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
