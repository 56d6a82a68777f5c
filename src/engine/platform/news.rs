//! Waiting for news: whoever waits is told by another thread, or by the kernel of what another
//! process wrote, and looks then.

use super::descriptor::{above_standard, AsDescriptor};
use rustix::event::{epoll, eventfd, EventfdFlags};
use rustix::time::{
    timerfd_create, timerfd_settime, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags,
    Timespec,
};
use std::fmt::Debug;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

/// Who tells of something new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Teller {
    /// Whoever brings it about, in this process.
    Process,
    /// The kernel.
    Kernel,
    /// The kernel as a rule: who waits looks now and then all the same.
    KernelAsARule,
    /// Nobody: who waits has to look.
    Nobody,
}

/// Tells those who wait that there may be something new.
pub trait News: Send + Sync + Debug {
    fn teller(&self) -> Teller;
    /// What is told until [`News::leave`] is heard. Comes before the first look at what there is.
    fn join(&self) {}
    fn leave(&self) {}
    /// What was told so far. Comes before each look: from here on, what is new is told.
    fn told(&self) -> Told;
    /// Returns once more was told than that, or at this time.
    fn wait(&self, told: Told, until: Option<Instant>);
    /// As [`News::wait`], for what [`News::call`] tells alone: until then nobody has to tell.
    fn nap(&self, told: Told, until: Instant);
    /// Ends every wait and nap: something else has come about than what is waited for.
    fn call(&self);
    /// From now on the signal is raised with everything that is told, until it is dropped.
    fn raise_too(&self, signal: &Arc<Signal>);
    /// What is readable before it is told, where there is such a thing.
    fn source(&self) -> Option<Arc<dyn AsDescriptor>> {
        None
    }
}

/// How much longer to wait; none where the time has come.
pub(super) fn left(until: Option<Instant>) -> Option<Duration> {
    match until {
        None => Some(Duration::MAX),
        Some(until) => until.checked_duration_since(Instant::now()).filter(|d| !d.is_zero()),
    }
}

/// Waits for a change of what is locked.
pub(super) fn wait_on<'a, T>(
    changed: &Condvar,
    guard: MutexGuard<'a, T>,
    left: Duration,
) -> MutexGuard<'a, T> {
    if left == Duration::MAX {
        return changed.wait(guard).unwrap_or_else(|e| e.into_inner());
    }
    changed.wait_timeout(guard, left).unwrap_or_else(|e| e.into_inner()).0
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

/// What was told, in two numbers that grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    news: u64,
    calls: u64,
}

/// What was told, and to whom.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub told: Told,
    signals: Vec<Weak<Signal>>,
}

impl Ledger {
    pub fn tell(&mut self) {
        self.told.news += 1;
        self.signals.retain(|signal| signal.upgrade().map(|signal| signal.raise()).is_some());
    }

    pub fn call(&mut self) {
        self.told.calls += 1;
        self.tell();
    }

    pub fn has_called_since(&self, told: Told) -> bool {
        self.told.calls != told.calls
    }

    pub fn raise_too(&mut self, signal: &Arc<Signal>) {
        self.signals.push(Arc::downgrade(signal));
    }
}

/// News within a process.
#[derive(Debug, Default)]
pub struct Bell {
    /// Those who joined, and signals.
    listeners: AtomicUsize,
    state: Mutex<Ringing>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Ringing {
    ledger: Ledger,
    sleeping: usize,
}

impl Bell {
    /// Tells, where somebody listens. To be called after a sequentially consistent write of what
    /// there is to see.
    #[inline]
    pub fn ring(&self) {
        if self.listeners.load(Ordering::SeqCst) > 0 {
            self.tell(Ledger::tell);
        }
    }

    #[cold]
    fn tell(&self, how: fn(&mut Ledger)) {
        let mut state = locked(&self.state);
        how(&mut state.ledger);
        if state.sleeping > 0 {
            self.changed.notify_all();
        }
    }

    /// Sleeps until it is `over`, or until this time.
    fn sleep(&self, until: Option<Instant>, over: impl Fn(&Ledger) -> bool) {
        let mut state = locked(&self.state);
        while !over(&state.ledger) {
            let Some(left) = left(until) else { return };
            state.sleeping += 1;
            state = wait_on(&self.changed, state, left);
            state.sleeping -= 1;
        }
    }
}

impl News for Bell {
    fn teller(&self) -> Teller {
        Teller::Process
    }

    fn join(&self) {
        self.listeners.fetch_add(1, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.listeners.fetch_sub(1, Ordering::SeqCst);
    }

    fn told(&self) -> Told {
        locked(&self.state).ledger.told
    }

    fn wait(&self, told: Told, until: Option<Instant>) {
        self.sleep(until, |ledger| ledger.told != told);
    }

    fn nap(&self, told: Told, until: Instant) {
        self.leave();
        self.sleep(Some(until), |ledger| ledger.has_called_since(told));
        self.join();
    }

    fn call(&self) {
        self.tell(Ledger::call);
    }

    fn raise_too(&self, signal: &Arc<Signal>) {
        locked(&self.state).ledger.raise_too(signal);
        self.join();
    }
}

/// A bell that nobody rings: who waits has to look.
#[derive(Debug, Default)]
pub struct Silence(Bell);

impl News for Silence {
    fn teller(&self) -> Teller {
        Teller::Nobody
    }

    fn told(&self) -> Told {
        self.0.told()
    }

    fn wait(&self, told: Told, until: Option<Instant>) {
        self.0.wait(told, until);
    }

    fn nap(&self, told: Told, until: Instant) {
        self.0.wait(told, Some(until));
    }

    fn call(&self) {
        self.0.call();
    }

    fn raise_too(&self, signal: &Arc<Signal>) {
        self.0.raise_too(signal);
    }
}

/// A descriptor that is readable while it is raised.
#[derive(Debug)]
pub struct Signal {
    event: OwnedFd,
    raised: AtomicBool,
}

impl Signal {
    pub(super) fn new() -> io::Result<Signal> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Signal { event: above_standard(eventfd(0, flags)?)?, raised: AtomicBool::new(false) })
    }

    pub fn raise(&self) {
        if !self.raised.swap(true, Ordering::AcqRel) {
            // It can't fail while the counter is below its greatest.
            let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
        }
    }

    /// Comes before the look at what there is.
    pub fn clear(&self) {
        let _ = rustix::io::read(&self.event, &mut [0; 8]);
        // In this order. Who raises it in between has published before, and is seen by the look.
        self.raised.swap(false, Ordering::AcqRel);
    }
}

impl AsFd for Signal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

/// A descriptor for the event loops of programs, readable when there may be something new.
#[derive(Debug)]
pub struct Descriptor {
    epoll: OwnedFd,
    signal: Arc<Signal>,
    /// Where it may be that nobody tells.
    timer: Option<OwnedFd>,
}

impl Descriptor {
    /// It is readable at first: what came before it was made is news, too.
    pub fn new(news: &dyn News) -> io::Result<Descriptor> {
        let epoll = above_standard(epoll::create(epoll::CreateFlags::CLOEXEC)?)?;
        let add = |fd: BorrowedFd<'_>| {
            let data = epoll::EventData::new_u64(0);
            epoll::add(&epoll, fd, data, epoll::EventFlags::IN)
        };
        let signal = Arc::new(Signal::new()?);
        add(signal.as_fd())?;
        news.raise_too(&signal);
        if let Some(source) = news.source() {
            add(source.descriptor())?;
        }
        let timer = match news.teller() {
            Teller::Process => None,
            Teller::Kernel | Teller::KernelAsARule | Teller::Nobody => {
                let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
                let timer = above_standard(timerfd_create(TimerfdClockId::Monotonic, flags)?)?;
                add(timer.as_fd())?;
                Some(timer)
            }
        };
        signal.raise();
        Ok(Descriptor { epoll, signal, timer })
    }

    /// Not readable until there is something new again, or this much time has passed. Comes after
    /// [`News::told`], which may raise the signal, and before the look at what there is.
    pub fn clear(&self, pause: Option<Duration>) -> io::Result<()> {
        self.signal.clear();
        let Some(timer) = &self.timer else { return Ok(()) };
        // Zero is never.
        let pause = pause.unwrap_or_default();
        let it_value =
            Timespec { tv_sec: pause.as_secs() as i64, tv_nsec: pause.subsec_nanos() as i64 };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
        timerfd_settime(timer, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}
