//! Which process this is. A child that was forked has another number than its parent, however it
//! came to be: by fork, `_Fork`, or a system call of the program's own.
//!
//! The number is in a page that the kernel empties in every child with a copy of the memory
//! (`MADV_WIPEONFORK`), so that looking costs two loads. Where the kernel cannot do that, a fork
//! handler and the process id tell, at one system call a look.
//!
//! Nothing here waits or takes memory from the allocator, except [`PerProcess::get`]: in a child, a
//! thread that does not exist there may hold any lock for ever, the allocator's own included.

use crate::engine::model::error::{Error, Result};
use std::os::fd::AsRawFd;
use std::ptr::{null_mut, NonNull};
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// Upper half: the number of the process, from 1; lower half: its id where the kernel does not
/// empty this, else 0. All 0 in a child that has not noticed yet.
static PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(null_mut());
/// Takes the place of the page where the kernel cannot empty one.
static PLAIN: AtomicU64 = AtomicU64::new(0);
/// The highest number that was given, to this process or one that it comes from.
static LAST: AtomicU32 = AtomicU32::new(0);

const MADV_WIPEONFORK: libc::c_int = 18;

/// The number of this process: higher than that of each process it was forked from, if that one
/// used the library.
#[inline]
pub fn number() -> u32 {
    let page = PAGE.load(Ordering::Acquire);
    if let Some(page) = NonNull::new(page) {
        // SAFETY: a page that was put here is there for ever.
        let state = unsafe { page.as_ref() }.load(Ordering::Acquire);
        if is_of_this_process(state) {
            return (state >> 32) as u32;
        }
    }
    notice()
}

/// Refuses what belongs to a process from before a fork.
pub fn check(process: u32) -> Result<()> {
    match is_other(process) {
        true => Err(Error::FORKED),
        false => Ok(()),
    }
}

/// Whether a number is that of another process, from before a fork.
#[inline]
pub fn is_other(process: u32) -> bool {
    process != number()
}

#[inline]
fn is_of_this_process(state: u64) -> bool {
    state != 0 && (state as u32 == 0 || state as u32 == process_id())
}

fn process_id() -> u32 {
    // SAFETY: no memory is passed.
    unsafe { libc::getpid() as u32 }
}

/// Gives this process its number, and closes the locks that it has of the one before.
#[cold]
fn notice() -> u32 {
    let (page, id) = match page() {
        page if std::ptr::eq(page, &PLAIN) && !cfg!(miri) => (page, process_id()),
        page => (page, 0),
    };
    loop {
        let state = page.load(Ordering::Acquire);
        if is_of_this_process(state) {
            return (state >> 32) as u32;
        }
        let number = LAST.load(Ordering::SeqCst) + 1;
        close_locks_from_before(number);
        // Before anybody can see it: a child of a child must not be given it again.
        LAST.fetch_max(number, Ordering::SeqCst);
        let ours = u64::from(number) << 32 | u64::from(id);
        let _whoever_is_first =
            page.compare_exchange(state, ours, Ordering::AcqRel, Ordering::Acquire);
    }
}

/// The page, which the first caller makes.
fn page() -> &'static AtomicU64 {
    if let Some(page) = NonNull::new(PAGE.load(Ordering::Acquire)) {
        // SAFETY: a page that was put here is there for ever.
        return unsafe { page.as_ref() };
    }
    let made = emptied_page();
    let new = made.map_or(std::ptr::from_ref(&PLAIN).cast_mut(), NonNull::as_ptr);
    match PAGE.compare_exchange(null_mut(), new, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) if !cfg!(miri) => {
            // SAFETY: `in_child` stays valid for the life of the process (the library is never
            // unloaded) and only makes calls that are safe between fork and exec.
            unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        }
        Ok(_) => {}
        Err(_) => {
            // SAFETY: mapped just now, and seen by nobody.
            made.map(|page| unsafe { libc::munmap(page.as_ptr().cast(), size_of::<AtomicU64>()) });
        }
    }
    page()
}

/// A page of zeros that a forked child finds empty again; none where the kernel has no such thing.
fn emptied_page() -> Option<NonNull<AtomicU64>> {
    if cfg!(miri) {
        return None;
    }
    let (size, flags) = (size_of::<AtomicU64>(), libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping touches no memory that is there. The kernel rounds its size up to a
    // page, which is aligned for everything, and zero.
    unsafe {
        let page = libc::mmap(null_mut(), size, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
        if page == libc::MAP_FAILED {
            return None;
        }
        if libc::madvise(page, size, MADV_WIPEONFORK) != 0 {
            libc::munmap(page, size);
            return None;
        }
        NonNull::new(page.cast())
    }
}

/// Runs in a child that fork made, so that it lets go of its parent's locks also if it never uses
/// the library.
extern "C" fn in_child() {
    PLAIN.store(0, Ordering::Release);
    number();
}

/// An open file with a lock, which would stay locked for as long as a child has it too.
struct Slot {
    /// -1: free; -2: being written.
    descriptor: AtomicI32,
    process: AtomicU32,
    /// Which file it is: a child may have closed the descriptor, and opened another by its number.
    device: AtomicU64,
    inode: AtomicU64,
}

static HELD: [Slot; 1024] = [const {
    Slot {
        descriptor: AtomicI32::new(-1),
        process: AtomicU32::new(0),
        device: AtomicU64::new(0),
        inode: AtomicU64::new(0),
    }
}; 1024];

/// A descriptor that forked children close when they notice. To be made before the file is locked,
/// and dropped before it is closed.
pub struct Held {
    place: Option<usize>,
    process: u32,
}

impl Held {
    /// Where more than a thousand are held, children keep this one.
    pub fn new(file: &impl AsRawFd) -> Held {
        let process = number();
        Held { place: remember(file.as_raw_fd(), process), process }
    }

    /// Whether it was closed at a fork: its number may be another file's by now.
    pub fn is_from_before_a_fork(&self) -> bool {
        is_other(self.process)
    }

    /// Leaves the descriptor to its owner, as dropping this does.
    pub fn forget(&mut self) {
        if let Some(place) = self.place.take().filter(|_| !self.is_from_before_a_fork()) {
            HELD[place].descriptor.store(-1, Ordering::Release);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.forget();
    }
}

fn remember(descriptor: i32, process: u32) -> Option<usize> {
    let (device, inode) = file_of(descriptor)?;
    let free = |slot: &Slot| {
        slot.descriptor.compare_exchange(-1, -2, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    };
    let place = HELD.iter().position(free)?;
    let slot = &HELD[place];
    slot.process.store(process, Ordering::Relaxed);
    slot.device.store(device, Ordering::Relaxed);
    slot.inode.store(inode, Ordering::Relaxed);
    slot.descriptor.store(descriptor, Ordering::Release);
    Some(place)
}

/// Closes what processes below `number` held.
fn close_locks_from_before(number: u32) {
    for held in &HELD {
        let descriptor = held.descriptor.load(Ordering::Acquire);
        let old = descriptor >= 0 && held.process.load(Ordering::Relaxed) < number;
        let take = || {
            held.descriptor.compare_exchange(descriptor, -1, Ordering::AcqRel, Ordering::Relaxed)
        };
        if !old || take().is_err() {
            continue;
        }
        let same = (held.device.load(Ordering::Relaxed), held.inode.load(Ordering::Relaxed));
        if file_of(descriptor) == Some(same) && !shares_descriptors() {
            // SAFETY: the file that was locked; what owns the number is of the process before, and
            // never used or dropped in this one.
            unsafe { libc::close(descriptor) };
        }
    }
}

/// Device and inode of an open file.
fn file_of(descriptor: i32) -> Option<(u64, u64)> {
    // SAFETY: all zeros are a valid stat, and the call fills in another.
    unsafe {
        let mut status: libc::stat = std::mem::zeroed();
        (libc::fstat(descriptor, &mut status) == 0)
            .then_some((status.st_dev as u64, status.st_ino as u64))
    }
}

/// Whether this process has one table of descriptors with its parent (`CLONE_FILES`): what it
/// closed would be closed there.
fn shares_descriptors() -> bool {
    const KCMP_FILES: libc::c_int = 2;
    // SAFETY: numbers only. It fails where the parent has ended, or may not be looked at.
    unsafe { libc::syscall(libc::SYS_kcmp, libc::getppid(), libc::getpid(), KCMP_FILES, 0, 0) == 0 }
}

/// A value that every process makes for itself: a child neither waits for a lock that its parent
/// held, nor changes what it has a copy of. The values of processes before stay, and are not
/// dropped: what they own belongs to those processes.
pub struct PerProcess<T: 'static> {
    current: AtomicPtr<Made<T>>,
    /// Makes the value, with that of the process before, which may be locked for ever.
    make: fn(Option<&'static T>) -> T,
}

struct Made<T: 'static> {
    process: u32,
    value: T,
    /// Leak checkers find it here.
    _before: Option<&'static Made<T>>,
}

impl<T: Send + Sync> PerProcess<T> {
    pub const fn new(make: fn(Option<&'static T>) -> T) -> PerProcess<T> {
        PerProcess { current: AtomicPtr::new(null_mut()), make }
    }

    /// The value of this process.
    #[inline]
    pub fn get(&self) -> &'static T {
        match self.newest() {
            Some(made) if made.process == number() => &made.value,
            newest => self.make_for(number(), newest),
        }
    }

    /// The value of this process, or, in a child that has none yet, of the one before, with false.
    #[inline]
    pub fn peek(&self) -> Option<(&'static T, bool)> {
        self.newest().map(|made| (&made.value, made.process == number()))
    }

    #[inline]
    fn newest(&self) -> Option<&'static Made<T>> {
        // SAFETY: what was put here is there for ever.
        unsafe { self.current.load(Ordering::Acquire).as_ref() }
    }

    #[cold]
    fn make_for(&self, process: u32, before: Option<&'static Made<T>>) -> &'static T {
        let value = (self.make)(before.map(|made| &made.value));
        let new = Box::into_raw(Box::new(Made { process, value, _before: before }));
        let expected = before.map_or(null_mut(), |made| std::ptr::from_ref(made).cast_mut());
        match self.current.compare_exchange(expected, new, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: from here on it is there for ever.
            Ok(_) => unsafe { &(*new).value },
            Err(_) => {
                // SAFETY: made above, and seen by nobody.
                drop(unsafe { Box::from_raw(new) });
                self.get()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_one_number_and_one_value() {
        static VALUE: PerProcess<u32> = PerProcess::new(|before| before.map_or(7, |b| b + 1));
        let first = std::thread::scope(|scope| {
            let look = || (number(), std::ptr::from_ref(VALUE.get()) as usize);
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(look)).collect();
            let seen: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
            assert!(seen.iter().all(|s| *s == seen[0] && s.0 > 0), "{seen:?}");
            seen[0]
        });
        assert_eq!(first.0, number());
        assert_eq!(VALUE.peek(), Some((&7, true)));
    }
}
