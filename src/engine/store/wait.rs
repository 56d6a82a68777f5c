//! Waiting until the log goes further. The frontier decides, and never the news of it.

use super::Store;
use crate::engine::log::state::{Frontier, Log, Role};
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::platform::news::{Descriptor, News, Silence, Teller};
use crate::engine::platform::watch::Cancel;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where the kernel tells as a rule, a handle looks after so long all the same.
const PAUSE_BESIDE_KERNEL: Duration = Duration::from_millis(100);
/// Where nobody tells, it looks after so long at first, and after twice as long each time that
/// there is nothing.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// Who waits for something far away naps for half of the time that it will take, as things go: at
/// least and at most so long.
const NAP_MIN: Duration = Duration::from_micros(500);
const NAP_MAX: Duration = Duration::from_millis(100);

/// What to wait for, and how long.
#[derive(Clone, Copy, Debug, Default)]
pub struct WaitOptions<'a> {
    /// Wait for the durable frontier instead of the visible one.
    pub durable: bool,
    /// None: for ever.
    pub until: Option<Instant>,
    /// Any of them ends it.
    pub tokens: &'a [&'a Cancel],
}

/// Listens from when it is made until it is dropped.
struct Listening<'a>(&'a dyn News);

impl<'a> Listening<'a> {
    fn to(news: &'a dyn News) -> Listening<'a> {
        news.join();
        Listening(news)
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Log {
    /// Returns once the frontier is above `after`; `Timeout`, `Cancelled`, or `Closed` where the
    /// store is closed meanwhile.
    pub fn wait(&self, after: u64, options: &WaitOptions<'_>) -> Result<Frontier> {
        self.check_open()?;
        let news = self.news();
        let _listening = Listening::to(&**news);
        let _told: Vec<_> = options.tokens.iter().map(|token| token.telling(news)).collect();
        let mut pause = None;
        let mut before: Option<(u64, Instant)> = None;
        loop {
            let told = news.told();
            options.tokens.iter().try_for_each(|token| token.check())?;
            let frontier = self.look(after, options.durable)?;
            let reached = if options.durable { frontier.durable } else { frontier.visible };
            if reached > after {
                return Ok(frontier);
            }
            self.check_may_wait()?;
            let now = Instant::now();
            if options.until.is_some_and(|until| until <= now) {
                return Err(timed_out(after, reached, options));
            }
            let came = before
                .replace((reached, now))
                .map(|(was, at)| (reached.saturating_sub(was), now - at));
            let is_new = came.is_none_or(|(count, _)| count > 0);
            pause = pause_of(news.teller(), pause.unwrap_or_default(), is_new);
            let earlier = |then: Instant| options.until.map_or(then, |until| until.min(then));
            match came.and_then(|came| nap((after - reached).saturating_add(1), came)) {
                Some(nap) => news.nap(told, earlier(now + nap)),
                None => {
                    let look_again = pause.map(|pause| earlier(now + pause));
                    news.wait(told, look_again.or(options.until));
                }
            }
        }
    }

    /// The frontier as it is now. A handle that reads makes durable what it waits for: the log says
    /// of an event that it is on disk only with a later one.
    fn look(&self, after: u64, durable: bool) -> Result<Frontier> {
        self.refresh()?;
        let frontier = self.current_frontier();
        let is_reader = matches!(self.role, Role::Reader(_));
        if is_reader && durable && frontier.visible > after && frontier.durable <= after {
            self.sync_visible()?;
        }
        Ok(self.current_frontier())
    }

    /// Whether anything can come for which this handle waits.
    fn check_may_wait(&self) -> Result<()> {
        self.check_open()?;
        match &self.role {
            Role::Writer(_) => self.check_poison(),
            Role::Reader(_) => Ok(()),
        }
    }

    fn news(&self) -> &Arc<dyn News> {
        self.waiting.news.get_or_init(|| match &self.role {
            Role::Writer(_) => self.bell.clone(),
            // Also where no descriptor is left, or the user has no instance left.
            Role::Reader(_) => self.dir.watch().unwrap_or_else(|_| Arc::new(Silence::default())),
        })
    }

    /// A descriptor that is readable when there may be something new, until
    /// [`Log::clear_descriptor`].
    pub fn descriptor(&self) -> Result<BorrowedFd<'_>> {
        self.check_open()?;
        if let Some(descriptor) = self.waiting.descriptor.get() {
            return Ok(descriptor.as_fd());
        }
        let made = Descriptor::new(&**self.news());
        let made = made.map_err(|e| Error::io("cannot wait for", &self.dir.path, &e))?;
        Ok(self.waiting.descriptor.get_or_init(|| made).as_fd())
    }

    /// Comes before a look at the frontier.
    pub fn clear_descriptor(&self) -> Result<()> {
        let Some(descriptor) = self.waiting.descriptor.get() else { return Ok(()) };
        // Readable for good: who waits hears from the next call that nothing comes any more.
        if self.poisoned.get().is_some() {
            return Ok(());
        }
        let news = self.news();
        news.told();
        let visible = self.visible.load(Ordering::Acquire);
        let seen = self.waiting.seen.swap(visible, Ordering::Relaxed);
        let was = Duration::from_millis(self.waiting.pause_ms.load(Ordering::Relaxed));
        let pause = pause_of(news.teller(), was, seen != visible);
        let pause_ms = pause.unwrap_or_default().as_millis() as u64;
        self.waiting.pause_ms.store(pause_ms, Ordering::Relaxed);
        let cleared = descriptor.clear(pause);
        cleared.map_err(|e| Error::io("cannot wait for", &self.dir.path, &e))
    }
}

/// After how long to look whether anybody has told or not; none where that is not needed. `was`:
/// how long it was before.
fn pause_of(teller: Teller, was: Duration, is_new: bool) -> Option<Duration> {
    match teller {
        Teller::Process | Teller::Kernel => None,
        Teller::KernelAsARule => Some(PAUSE_BESIDE_KERNEL),
        Teller::Nobody if is_new => Some(PAUSE_MIN),
        Teller::Nobody => Some((was * 2).clamp(PAUSE_MIN, PAUSE_MAX)),
    }
}

/// How long to nap where so many sequences are missing, and so many came in this time; none where
/// that is not worth it.
fn nap(missing: u64, (came, time): (u64, Duration)) -> Option<Duration> {
    if came == 0 {
        return None;
    }
    let half = time.as_secs_f64() * (missing as f64 / came as f64) / 2.0;
    let half = Duration::from_secs_f64(half.min(NAP_MAX.as_secs_f64()));
    (half >= NAP_MIN).then_some(half)
}

fn timed_out(after: u64, reached: u64, options: &WaitOptions<'_>) -> Error {
    let what = if options.durable { "durable" } else { "visible" };
    let message = format!("nothing after sequence {after} became {what} in time");
    Error::new(Code::Timeout, message).with_numbers(reached, after)
}

impl Store {
    /// Waits until the frontier is above `after`, and answers with it. `Timeout`, `Cancelled`,
    /// `Closed` where another thread closes the store, `Poisoned` of a store that is written to.
    pub fn wait(&self, after: u64, options: &WaitOptions<'_>) -> Result<Frontier> {
        self.0.wait(after, options)
    }

    /// A descriptor that is readable when there may be something new, until the next
    /// [`Store::frontier`].
    pub fn wait_descriptor(&self) -> Result<BorrowedFd<'_>> {
        self.0.descriptor()
    }

    /// Who tells this handle of something new; none before it first waited.
    pub fn teller(&self) -> Option<Teller> {
        self.0.waiting.news.get().map(|news| news.teller())
    }
}
