//! News of a directory from the kernel, which tells of what any process writes there.
//!
//! A user may have few instances of inotify, often 128: a process has one for all that it watches.
//! There is no thread of the library's own. Of the threads that wait, one reads for all.

use super::disk::above_standard;
use super::news::{left, locked, wait_on, AsDescriptor, News, Signal, Teller, Told};
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

const WATCHED: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// What this process watches.
static WATCHER: PerProcess<Watcher> = PerProcess::new(|_| Watcher::default());

#[derive(Debug, Default)]
struct Watcher {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// There while something is watched.
    instance: Option<Arc<Instance>>,
    /// A thread reads for all who wait.
    reading: bool,
    watched: HashMap<i32, Watched>,
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
    told: Told,
    /// The kernel tells no more: the directory was removed, or its file system unmounted.
    gone: bool,
}

/// One handle's watch of a directory.
#[derive(Debug)]
struct DirNews {
    watcher: &'static Watcher,
    number: i32,
    is_certain: bool,
}

/// News of the directory behind a descriptor; an error where the kernel does not tell.
pub fn watch(dir: &OwnedFd) -> io::Result<Arc<dyn News>> {
    let magic = rustix::fs::fstatfs(dir)?.f_type as u64 & 0xffff_ffff;
    if REMOTE.contains(&magic) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let watcher = WATCHER.get();
    let mut state = locked(&watcher.state);
    let instance = match &state.instance {
        Some(instance) => instance.clone(),
        None => Arc::new(Instance::new()?),
    };
    // The directory itself, whatever its path leads to by now.
    let path = format!("/proc/self/fd/{}", dir.as_raw_fd());
    let number = inotify::add_watch(&instance.inotify, path, WATCHED)?;
    state.watched.entry(number).or_default().handles += 1;
    state.instance = Some(instance);
    Ok(Arc::new(DirNews { watcher, number, is_certain: LOCAL.contains(&magic) }))
}

impl Instance {
    fn new() -> io::Result<Instance> {
        let flags = CreateFlags::CLOEXEC | CreateFlags::NONBLOCK;
        Ok(Instance { inotify: above_standard(inotify::init(flags)?)?, nudge: Signal::new()? })
    }

    /// Waits until there is something to read. An error is for whoever reads.
    fn wait(&self, left: Duration) {
        // Beyond that somebody looks again for nothing.
        let seconds = left.as_secs().min(1 << 30) as i64;
        let left = Timespec { tv_sec: seconds, tv_nsec: left.subsec_nanos() as _ };
        let mut both =
            [PollFd::new(&self.inotify, PollFlags::IN), PollFd::new(&self.nudge, PollFlags::IN)];
        let _ = poll(&mut both, Some(&left));
    }
}

impl State {
    /// Reads what the kernel tells, and tells it on. Whether there was anything.
    fn read(&mut self) -> bool {
        let Some(instance) = self.instance.clone() else { return false };
        instance.nudge.clear();
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&instance.inotify, &mut buffer);
        // The directories that were told of just now, a few as a rule.
        let mut told: Vec<i32> = Vec::new();
        let mut any = false;
        while let Ok(event) = events.next() {
            any = true;
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                self.watched.values_mut().for_each(|watched| watched.told.tell());
                continue;
            }
            let Some(watched) = self.watched.get_mut(&event.wd()) else { continue };
            watched.gone |= event.events().intersects(ReadFlags::IGNORED | ReadFlags::UNMOUNT);
            if !told.contains(&event.wd()) {
                told.push(event.wd());
                watched.told.tell();
            }
        }
        any
    }

    fn told(&self, number: i32) -> u64 {
        self.watched.get(&number).map_or(0, |watched| watched.told.number)
    }
}

impl News for DirNews {
    fn teller(&self) -> Teller {
        let gone = locked(&self.watcher.state).watched.get(&self.number).is_none_or(|w| w.gone);
        match self.is_certain && !gone {
            true => Teller::Kernel,
            false => Teller::KernelAsARule,
        }
    }

    fn told(&self) -> u64 {
        let mut state = locked(&self.watcher.state);
        // What is told by now is seen by the look that follows.
        if !state.reading && state.read() {
            self.watcher.changed.notify_all();
        }
        state.told(self.number)
    }

    fn wait(&self, told: u64, until: Option<Instant>) {
        let Watcher { state, changed } = self.watcher;
        let mut guard = locked(state);
        while guard.told(self.number) == told {
            let Some(left) = left(until) else { return };
            let reader = guard.instance.clone().filter(|_| !guard.reading);
            let Some(instance) = reader else {
                guard = wait_on(changed, guard, left);
                continue;
            };
            guard.reading = true;
            drop(guard);
            instance.wait(left);
            guard = locked(state);
            guard.reading = false;
            guard.read();
            // Also where there is nothing: another has to read from now on.
            changed.notify_all();
        }
    }

    fn tell(&self) {
        let mut state = locked(&self.watcher.state);
        state.watched.entry(self.number).and_modify(|watched| watched.told.tell());
        self.watcher.changed.notify_all();
        if let Some(instance) = state.instance.as_ref().filter(|_| state.reading) {
            instance.nudge.raise();
        }
    }

    fn raise_too(&self, signal: &Arc<Signal>) {
        let mut state = locked(&self.watcher.state);
        if let Some(watched) = state.watched.get_mut(&self.number) {
            watched.told.raise_too(signal);
        }
    }

    fn source(&self) -> Option<Arc<dyn AsDescriptor>> {
        let instance = locked(&self.watcher.state).instance.clone()?;
        Some(instance)
    }
}

impl Drop for DirNews {
    fn drop(&mut self) {
        let mut state = locked(&self.watcher.state);
        let Some(watched) = state.watched.get_mut(&self.number) else { return };
        watched.handles -= 1;
        if watched.handles > 0 {
            return;
        }
        state.watched.remove(&self.number);
        if let Some(instance) = &state.instance {
            // It is gone already where the directory is.
            let _ = inotify::remove_watch(&instance.inotify, self.number);
        }
        if state.watched.is_empty() {
            state.instance = None;
        }
    }
}
