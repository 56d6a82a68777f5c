//! News of a directory from the kernel, which tells of what any process writes there.
//!
//! A user may have few instances of inotify, often 128: a process has one for all that it watches.
//! There is no thread of the library's own. Of the threads that wait, one reads for all.

use super::descriptor::{above_standard, inode, AsDescriptor, Inode};
use super::news::{left, locked, wait_on, Ledger, News, Signal, Teller, Told};
use super::process::PerProcess;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Magic numbers of file systems (statfs(2)) that other machines or programs write to, of which the
/// kernel does not tell: NFS, SMB (three numbers), FUSE, 9P, Ceph, AFS (two), Coda, Lustre, GFS2,
/// OCFS2, GPFS, shared folders of VirtualBox and VMware, OrangeFS.
const REMOTE: [u64; 18] = [
    0x6969,
    0x517b,
    0xff53_4d42,
    0xfe53_4d42,
    0x6573_5546,
    0x0102_1997,
    0x00c3_6400,
    0x5346_414f,
    0x6b41_4653,
    0x7375_7245,
    0x0bd0_0bd0,
    0x0116_1970,
    0x7461_636f,
    0x4750_4653,
    0x786f_4256,
    0xbacb_acbc,
    0x2003_0528,
    0x564c,
];

/// Those that only this kernel writes to: ext, XFS, Btrfs, tmpfs, F2FS, ZFS, bcachefs, ramfs, JFS,
/// NILFS, UBIFS, JFFS2, FAT, exFAT, NTFS.
const LOCAL: [u64; 15] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0x0102_1994,
    0xf2f5_2010,
    0x2fc1_2fc1,
    0xca45_1a4e,
    0x8584_58f6,
    0x3153_464a,
    0x3434,
    0x2405_1905,
    0x72b6,
    0x4d44,
    0x2011_bab0,
    0x5346_544e,
];

/// A watch ends with the first thing that happens, so that a writer pays for one notification each
/// time that somebody looks, and not for one each time that it writes.
const WATCHED: WatchFlags = WatchFlags::ONESHOT
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::ONLYDIR);

/// What this process watches.
static WATCHER: PerProcess<Mutex<State>> = PerProcess::new(|_| Mutex::default());

#[derive(Debug, Default)]
struct State {
    /// There while something is watched.
    instance: Option<Arc<Instance>>,
    /// A thread reads for all who wait.
    reading: bool,
    watched: HashMap<Inode, Watched>,
    /// Directories by the numbers of their watches.
    numbers: HashMap<i32, Inode>,
}

#[derive(Debug)]
struct Instance {
    inotify: OwnedFd,
    /// Ends the wait of the thread that reads.
    nudge: Signal,
}

impl AsDescriptor for Instance {
    fn descriptor(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// A directory.
#[derive(Debug, Default)]
struct Watched {
    handles: usize,
    ledger: Ledger,
    /// The number of the watch, until it tells.
    number: Option<i32>,
    /// Threads that wait here while another one reads.
    waiting: usize,
    told: Arc<Condvar>,
    called: Arc<Condvar>,
}

/// One handle's news of a directory.
#[derive(Debug)]
struct DirNews {
    watcher: &'static Mutex<State>,
    dir: Arc<dyn AsDescriptor>,
    inode: Inode,
    is_certain: bool,
}

/// News of a directory; an error where the kernel does not tell.
pub fn watch(dir: Arc<dyn AsDescriptor>) -> io::Result<Arc<dyn News>> {
    let magic = rustix::fs::fstatfs(dir.descriptor())?.f_type as u64 & 0xffff_ffff;
    if REMOTE.contains(&magic) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let (watcher, inode) = (WATCHER.get(), inode(&rustix::fs::fstat(dir.descriptor())?));
    let mut state = locked(watcher);
    if state.instance.is_none() {
        state.instance = Some(Arc::new(Instance::new()?));
    }
    state.watched.entry(inode).or_default().handles += 1;
    let is_certain = LOCAL.contains(&magic);
    let news = DirNews { watcher, dir, inode, is_certain };
    // Also for its drop, which takes the lock, where there is no watch to be had.
    let watching = state.watch(&news);
    drop(state);
    watching.map(|()| Arc::new(news) as Arc<dyn News>)
}

impl Instance {
    fn new() -> io::Result<Instance> {
        let flags = CreateFlags::CLOEXEC | CreateFlags::NONBLOCK;
        Ok(Instance { inotify: above_standard(inotify::init(flags)?)?, nudge: Signal::new()? })
    }

    /// Waits until there is something to read, and at most so long.
    fn wait(&self, left: Duration) {
        // Beyond that somebody looks again for nothing.
        let seconds = left.as_secs().min(1 << 30) as i64;
        let left = Timespec { tv_sec: seconds, tv_nsec: left.subsec_nanos() as _ };
        let mut both =
            [PollFd::new(&self.inotify, PollFlags::IN), PollFd::new(&self.nudge, PollFlags::IN)];
        // An error, as that of a signal, is a reason to look, too.
        let _ = poll(&mut both, Some(&left));
    }
}

impl State {
    /// Has the kernel tell of the directory once.
    fn watch(&mut self, news: &DirNews) -> io::Result<()> {
        let State { instance, watched, numbers, .. } = self;
        let (Some(instance), Some(watched)) = (instance, watched.get_mut(&news.inode)) else {
            return Ok(());
        };
        if watched.number.is_none() {
            // The directory itself, whatever its path leads to by now.
            let path = format!("/proc/self/fd/{}", news.dir.descriptor().as_raw_fd());
            let number = inotify::add_watch(&instance.inotify, path, WATCHED)?;
            watched.number = Some(number);
            numbers.insert(number, news.inode);
        }
        Ok(())
    }

    /// Reads what the kernel tells, and tells it on.
    fn read(&mut self) {
        let Some(instance) = self.instance.clone() else { return };
        instance.nudge.clear();
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&instance.inotify, &mut buffer);
        while let Ok(event) = events.next() {
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                self.numbers.clear();
                self.watched.values_mut().for_each(Watched::tell);
            }
            // The end of a watch that has told is told, too.
            let watched = self.numbers.remove(&event.wd()).and_then(|i| self.watched.get_mut(&i));
            watched.map(Watched::tell);
        }
    }

    /// Where nobody reads any more, one of those who wait has to.
    fn hand_over(&self) {
        if !self.reading {
            let waiting = self.watched.values().find(|watched| watched.waiting > 0);
            waiting.iter().for_each(|watched| watched.told.notify_one());
        }
    }

    fn ledger(&self, inode: Inode) -> Option<&Ledger> {
        self.watched.get(&inode).map(|watched| &watched.ledger)
    }
}

impl Watched {
    fn tell(&mut self) {
        self.number = None;
        self.ledger.tell();
        self.told.notify_all();
    }
}

impl DirNews {
    /// Whether the ledger of the directory says so.
    fn is(&self, state: &State, over: impl Fn(&Ledger) -> bool) -> bool {
        state.ledger(self.inode).is_none_or(over)
    }
}

impl News for DirNews {
    fn teller(&self) -> Teller {
        let state = locked(self.watcher);
        let is_watched = state.watched.get(&self.inode).is_some_and(|w| w.number.is_some());
        match self.is_certain && is_watched {
            true => Teller::Kernel,
            false => Teller::KernelAsARule,
        }
    }

    fn told(&self) -> Told {
        let mut state = locked(self.watcher);
        // What is told by now is seen by the look that follows.
        if !state.reading {
            state.read();
        }
        // Where that fails, `teller` says so.
        let _ = state.watch(self);
        state.ledger(self.inode).map(|ledger| ledger.told).unwrap_or_default()
    }

    fn wait(&self, told: Told, until: Option<Instant>) {
        let mut state = locked(self.watcher);
        while !self.is(&state, |ledger| ledger.told != told) {
            let Some(left) = left(until) else { break };
            let reader = state.instance.clone().filter(|_| !state.reading);
            let Some(instance) = reader else {
                let Some(watched) = state.watched.get_mut(&self.inode) else { break };
                watched.waiting += 1;
                let told = watched.told.clone();
                state = wait_on(&told, state, left);
                state.watched.entry(self.inode).and_modify(|watched| watched.waiting -= 1);
                continue;
            };
            state.reading = true;
            drop(state);
            instance.wait(left);
            state = locked(self.watcher);
            state.reading = false;
            state.read();
        }
        state.hand_over();
    }

    fn nap(&self, told: Told, until: Instant) {
        let mut state = locked(self.watcher);
        while !self.is(&state, |ledger| ledger.has_called_since(told)) {
            let Some(left) = left(Some(until)) else { return };
            let Some(watched) = state.watched.get(&self.inode) else { return };
            let called = watched.called.clone();
            state = wait_on(&called, state, left);
        }
    }

    fn call(&self) {
        let mut state = locked(self.watcher);
        let Some(watched) = state.watched.get_mut(&self.inode) else { return };
        watched.ledger.call();
        watched.told.notify_all();
        watched.called.notify_all();
        if let Some(instance) = state.instance.as_ref().filter(|_| state.reading) {
            instance.nudge.raise();
        }
    }

    fn raise_too(&self, signal: &Arc<Signal>) {
        let mut state = locked(self.watcher);
        state.watched.entry(self.inode).and_modify(|watched| watched.ledger.raise_too(signal));
    }

    fn source(&self) -> Option<Arc<dyn AsDescriptor>> {
        let instance = locked(self.watcher).instance.clone()?;
        Some(instance)
    }
}

impl Drop for DirNews {
    fn drop(&mut self) {
        let mut state = locked(self.watcher);
        let Some(watched) = state.watched.get_mut(&self.inode) else { return };
        watched.handles -= 1;
        if watched.handles > 0 {
            return;
        }
        let number = watched.number;
        state.watched.remove(&self.inode);
        if let (Some(instance), Some(number)) = (&state.instance, number) {
            // It is gone already where it has told.
            let _ = inotify::remove_watch(&instance.inotify, number);
            state.numbers.remove(&number);
        }
        if state.watched.is_empty() {
            // Nothing is kept that a leak checker would ask about.
            *state = State::default();
        }
    }
}
