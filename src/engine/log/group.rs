//! Group commit: of the callers that wait for the disk, one syncs for all that wrote before it
//! began.
//!
//! A sync that ends sends its callers on their way, who are back soon where they append in a loop.
//! The next sync waits for them, but never longer than half of what a sync takes, so that threads
//! which would take turns share each sync.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Who waits for which sync. Each sync has a number, and those that it covers wait by that number's
/// parity. Its end wakes them and one of the others, who begins the next sync, and nobody else.
#[derive(Default)]
pub struct Group {
    state: Mutex<State>,
    done: [Condvar; 2],
    /// Callers that came since the last sync began.
    came: AtomicUsize,
}

#[derive(Default)]
struct State {
    /// A sync is in flight.
    leading: bool,
    /// The number of the last sync that began, and how far it covers.
    round: usize,
    covers: u64,
    /// Callers that it syncs for.
    members: usize,
    /// Callers that the next one can expect, and how long it may wait for them.
    expected: usize,
    patience: Duration,
}

/// However slow the disk is, nobody waits longer than this for others.
const PATIENCE_MAX: Duration = Duration::from_millis(1);

/// The turn to sync for all; ends when this is dropped.
pub struct Turn<'g> {
    group: &'g Group,
    began: Instant,
}

impl Group {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Waits until `is_done`, or until it is this caller's turn to bring that about for everything
    /// up to `target`.
    pub fn wait(&self, target: u64, is_done: impl Fn() -> bool) -> Option<Turn<'_>> {
        let mut state = self.lock();
        if !is_done() {
            self.came.fetch_add(1, Ordering::Relaxed);
        }
        loop {
            if is_done() {
                if !state.leading {
                    // It may be the one that was woken to sync next: another has to.
                    self.done[(state.round + 1) % 2].notify_one();
                }
                return None;
            }
            if !state.leading {
                state.leading = true;
                state.round += 1;
                state.covers = 0;
                let (expected, patience) = (state.expected, state.patience);
                drop(state);
                let came = Instant::now();
                while self.came.load(Ordering::Relaxed) < expected && came.elapsed() < patience {
                    std::thread::yield_now();
                }
                return Some(Turn { group: self, began: Instant::now() });
            }
            // A sync that has not said yet how far it covers began after this caller wrote.
            let covered = state.covers == 0 || target <= state.covers;
            let round = if covered { state.round } else { state.round + 1 };
            state = self.done[round % 2].wait(state).unwrap_or_else(|e| e.into_inner());
        }
    }
}

impl Turn<'_> {
    /// What is written later than this waits for the next turn.
    pub fn covers(&self, through: u64) {
        let mut state = self.group.lock();
        state.covers = through;
        state.members = self.group.came.swap(0, Ordering::Relaxed);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let round = {
            let mut state = self.group.lock();
            state.leading = false;
            state.expected = state.members + self.group.came.load(Ordering::Relaxed);
            state.patience = (self.began.elapsed() / 2).min(PATIENCE_MAX);
            state.round
        };
        // The next to sync first: the disk is idle until then.
        self.group.done[(round + 1) % 2].notify_one();
        self.group.done[round % 2].notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    #[test]
    fn who_is_woken_and_has_nothing_to_sync_wakes_the_next() {
        for _ in 0..if cfg!(miri) { 2 } else { 100 } {
            let (group, durable) = (Group::default(), AtomicU64::new(0));
            let (group, durable) = (&group, &durable);
            std::thread::scope(|scope| {
                let turn = group.wait(1, || false).expect("nobody else is there");
                turn.covers(1);
                for target in [2, 2, 3] {
                    scope.spawn(move || {
                        let is_done = || durable.load(Ordering::Acquire) >= target;
                        if let Some(turn) = group.wait(target, is_done) {
                            turn.covers(target);
                            durable.store(target, Ordering::Release);
                        }
                    });
                }
                while group.came.load(Ordering::Relaxed) < 3 {
                    std::thread::yield_now();
                }
                drop(group.lock());
                // As a segment that is synced in the background.
                durable.store(2, Ordering::Release);
                drop(turn);
            });
        }
    }

    #[test]
    fn everybody_waits_until_it_is_done_and_turns_are_taken_one_at_a_time() {
        let (threads, each) = if cfg!(miri) { (3, 5) } else { (8, 500) };
        let (group, written, durable) = (Group::default(), AtomicU64::new(0), AtomicU64::new(0));
        let (busy, turns) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for _ in 0..each {
                        let target = written.fetch_add(1, Ordering::SeqCst) + 1;
                        let is_done = || durable.load(Ordering::SeqCst) >= target;
                        while let Some(turn) = group.wait(target, is_done) {
                            assert_eq!(busy.fetch_add(1, Ordering::SeqCst), 0, "two turns at once");
                            let through = written.load(Ordering::SeqCst);
                            turn.covers(through);
                            std::thread::yield_now();
                            durable.fetch_max(through, Ordering::SeqCst);
                            turns.fetch_add(1, Ordering::SeqCst);
                            busy.fetch_sub(1, Ordering::SeqCst);
                        }
                        assert!(is_done());
                    }
                });
            }
        });
        assert!(turns.load(Ordering::SeqCst) <= threads * each);
    }
}
