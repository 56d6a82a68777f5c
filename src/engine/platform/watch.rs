//! What watches over a call that can take long: a token that ends it, and a callback that hears how
//! far it is.

use super::news::{locked, News};
use super::process;
use crate::engine::model::error::{Code, Error, Result};
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

/// What a callback answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Filter: import the event. Progress: go on.
    Keep,
    /// Filter: leave it out. Progress: go on.
    Skip,
    /// Stop the call; the negative number is its status. Anything else is an invalid answer, which
    /// stops it with [`Code::InvalidArgument`].
    Stop(i32),
}

impl Verdict {
    /// Whether to keep; an error where the callback stopped the call.
    pub(crate) fn keeps(self) -> Result<bool> {
        match self {
            Verdict::Keep => Ok(true),
            Verdict::Skip => Ok(false),
            Verdict::Stop(status) if status < 0 => Err(Error::stopped(status)),
            Verdict::Stop(other) => Err(Error::invalid(format!(
                "a callback answered {other}; 1, 0 and negative numbers are answers"
            ))),
        }
    }
}

/// Ends the calls that carry it, from any thread; sticky.
#[derive(Debug, Default)]
pub struct Cancel {
    triggered: AtomicBool,
    /// What calls wait for that carry it.
    waited_for: Mutex<Vec<Weak<dyn News>>>,
}

/// A call that waits is told of its token until this is dropped.
pub(crate) struct Telling<'a> {
    cancel: &'a Cancel,
    news: Weak<dyn News>,
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        let mut waited_for = locked(&self.cancel.waited_for);
        if let Some(at) = waited_for.iter().position(|news| news.ptr_eq(&self.news)) {
            waited_for.swap_remove(at);
        }
    }
}

impl Cancel {
    pub fn cancel(&self) {
        self.triggered.store(true, Ordering::SeqCst);
        // Not with the lock held: who is told takes other locks.
        let waited_for = locked(&self.waited_for).clone();
        waited_for.iter().filter_map(Weak::upgrade).for_each(|news| news.call());
    }
    pub fn is_cancelled(&self) -> bool {
        self.triggered.load(Ordering::Acquire)
    }
    /// Has `cancel` told of as news. Comes before the first look at the token.
    pub(crate) fn telling(&self, news: &Arc<dyn News>) -> Telling<'_> {
        let news = Arc::downgrade(news);
        locked(&self.waited_for).push(news.clone());
        Telling { cancel: self, news }
    }
    /// [`Code::Cancelled`] once it was triggered.
    pub fn check(&self) -> Result<()> {
        match self.is_cancelled() {
            true => Err(Error::new(Code::Cancelled, "the call was cancelled")),
            false => Ok(()),
        }
    }
}

/// How far a call is: what is counted is the call's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

/// A callback is told at most about so often.
const STEPS: u64 = 256;

/// Of calls that count bytes of the log: the token is looked at after so many at the latest.
pub(crate) const STEP_BYTES: u64 = 1 << 20;

/// The token and the callback of one call. Used on the thread of the call only, and with no lock
/// held, since the callback may do anything.
#[derive(Default)]
pub struct Watch<'a> {
    cancel: Option<&'a Cancel>,
    tell: RefCell<Option<&'a mut dyn FnMut(Progress) -> Verdict>>,
    now: Cell<Progress>,
    /// At which count to look next.
    next: Cell<u64>,
    step: Cell<u64>,
    /// What the callback heard last.
    told: Cell<u64>,
}

impl<'a> Watch<'a> {
    /// A watch over one call; `tell` is told how far it is.
    pub fn new(
        cancel: Option<&'a Cancel>,
        tell: Option<&'a mut dyn FnMut(Progress) -> Verdict>,
    ) -> Watch<'a> {
        Watch { cancel, tell: RefCell::new(tell), ..Watch::default() }
    }

    /// Whether a callback is told: only then can the caller act in the middle of the call.
    pub(crate) fn tells(&self) -> bool {
        self.tell.borrow().is_some()
    }

    /// Says how much there is to do, 0 where that is not known yet. The token is looked at after
    /// each `step` of it at the latest.
    pub(crate) fn begin(&self, total: u64, step: u64) -> Result<()> {
        self.now.set(Progress { done: 0, total });
        self.step.set(if total == 0 { step } else { (total / STEPS).clamp(1, step) });
        self.next.set(self.step.get());
        self.check()
    }

    /// Says that there is more to do than was said.
    pub(crate) fn expect(&self, more: u64) {
        let Progress { done, total } = self.now.get();
        self.now.set(Progress { done, total: total.saturating_add(more) });
    }

    /// Says that `more` was done.
    #[inline]
    pub(crate) fn advance(&self, more: u64) -> Result<()> {
        let Progress { done, total } = self.now.get();
        let done = done.saturating_add(more);
        self.now.set(Progress { done, total: total.max(done) });
        if done < self.next.get() {
            return Ok(());
        }
        self.report()
    }

    /// Says that so much was done since the beginning.
    #[inline]
    pub(crate) fn reach(&self, done: u64) -> Result<()> {
        self.advance(done.saturating_sub(self.now.get().done))
    }

    /// Says that all is done, so that the callback hears of the end too.
    pub(crate) fn finish(&self) -> Result<()> {
        let Progress { done, total } = self.now.get();
        let end = done.max(total);
        self.now.set(Progress { done: end, total: end });
        match self.told.get() < end {
            true => self.report(),
            false => Ok(()),
        }
    }

    /// Ends the call where its token was triggered.
    pub(crate) fn check(&self) -> Result<()> {
        self.cancel.map_or(Ok(()), Cancel::check)
    }

    #[cold]
    fn report(&self) -> Result<()> {
        self.next.set(self.now.get().done.saturating_add(self.step.get()));
        self.check()?;
        let Some(tell) = &mut *self.tell.borrow_mut() else { return Ok(()) };
        self.told.set(self.now.get().done);
        let process = process::number();
        let verdict = tell(self.now.get());
        // The callback may have forked, and this be the child: it must not go on.
        process::check(process)?;
        // It may have triggered the token, too.
        verdict.keeps().and_then(|_| self.check())
    }
}
