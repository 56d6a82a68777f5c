//! What is specific to an operating system, except files: the clock, randomness, processors, forks.
//! Linux is what is tested.

use super::clock::{Clock, Entropy};
use super::mapping;
use std::fs;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Mutex, Once, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

pub use mapping::allow as allow_mapping;

/// Whether two threads can run at once.
pub fn has_several_processors() -> bool {
    static SEVERAL: OnceLock<bool> = OnceLock::new();
    *SEVERAL.get_or_init(|| std::thread::available_parallelism().is_ok_and(|count| count.get() > 1))
}

/// Has the processor fetch a value, where it can do so while it does other things.
pub fn prefetch<T>(value: &T) {
    mapping::prefetch(std::ptr::from_ref(value) as usize);
}

/// The processor that this thread runs on just now.
pub fn processor() -> Option<usize> {
    // SAFETY: no memory is passed.
    usize::try_from(unsafe { libc::sched_getcpu() }).ok()
}

/// Keeps this thread off a processor, where it may run on others. A scheduler that sees two threads
/// wake each other puts both on one processor. That is right for those that take turns, and wrong
/// for those that work at once.
pub fn avoid_processor(processor: usize) {
    // SAFETY: the set is a plain value that the calls fill in and read.
    unsafe {
        let mut allowed: libc::cpu_set_t = std::mem::zeroed();
        let size = size_of::<libc::cpu_set_t>();
        if processor >= libc::CPU_SETSIZE as usize
            || libc::sched_getaffinity(0, size, &mut allowed) != 0
        {
            return;
        }
        libc::CPU_CLR(processor, &mut allowed);
        if libc::CPU_COUNT(&allowed) > 0 {
            libc::sched_setaffinity(0, size, &allowed);
        }
    }
}

/// Runs `start`, which starts a thread: signals are for the threads of the program to handle,
/// except for those that a thread brings about itself.
pub fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    // SAFETY: the sets are initialized before they are used, and the mask is put back on the same
    // thread.
    let before = unsafe {
        let (mut blocked, mut before) = (std::mem::zeroed(), std::mem::zeroed());
        libc::sigfillset(&mut blocked);
        for own in
            [libc::SIGBUS, libc::SIGSEGV, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGABRT]
        {
            libc::sigdelset(&mut blocked, own);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &blocked, &mut before);
        before
    };
    let started = start();
    // SAFETY: as above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut()) };
    started
}

/// Whether this process was forked from one that had opened a store. Costs one load.
pub fn in_forked_child() -> bool {
    fork::FORKED.load(Ordering::Relaxed)
}

pub(super) mod fork {
    use super::*;

    pub static FORKED: AtomicBool = AtomicBool::new(false);
    /// Descriptors of held locks that a child must close, so that it does not keep the lock alive.
    static DESCRIPTORS: [AtomicI32; 1024] = [const { AtomicI32::new(-1) }; 1024];

    pub fn register() {
        static REGISTERED: Once = Once::new();
        REGISTERED.call_once(|| {
            // SAFETY: `in_child` stays valid for the life of the process (the library is never
            // unloaded) and only makes calls that are safe between fork and exec.
            unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        });
    }

    extern "C" fn in_child() {
        FORKED.store(true, Ordering::Relaxed);
        for descriptor in &DESCRIPTORS {
            let fd = descriptor.swap(-1, Ordering::Relaxed);
            if fd >= 0 {
                // SAFETY: close(2) is async-signal-safe; the File that owns this number is never
                // used or dropped in a forked child, where every call is refused.
                unsafe { libc::close(fd) };
            }
        }
    }

    pub fn close_in_child(fd: i32) -> Option<usize> {
        register();
        let free = |d: &AtomicI32| {
            d.compare_exchange(-1, fd, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        DESCRIPTORS.iter().position(free)
    }

    pub fn forget(slot: Option<usize>) {
        if let Some(slot) = slot {
            DESCRIPTORS[slot].store(-1, Ordering::Relaxed);
        }
    }
}

/// The clock of the machine.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_us(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_micros() as i64,
            Err(before) => -(before.duration().as_micros() as i64),
        }
    }
}

/// Randomness from the kernel, fetched 4 KiB at a time.
#[derive(Default)]
pub struct SystemEntropy(Mutex<EntropyBuffer>);

#[derive(Default)]
struct EntropyBuffer {
    bytes: Vec<u8>,
    used: usize,
}

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) {
        let mut buffer = self.0.lock().unwrap_or_else(|e| e.into_inner());
        for byte in out {
            if buffer.used == buffer.bytes.len() {
                buffer.bytes.resize(4096, 0);
                getrandom(&mut buffer.bytes);
                buffer.used = 0;
            }
            *byte = buffer.bytes[buffer.used];
            buffer.used += 1;
        }
    }
}

fn getrandom(bytes: &mut [u8]) {
    if from_kernel(bytes).or_else(|_| from_device(bytes)).is_err() {
        from_circumstances(bytes);
    }
}

fn from_kernel(bytes: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        let rest = &mut bytes[done..];
        // SAFETY: the pointer and length are those of a live, writable slice.
        let n = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        match n {
            1.. => done += n as usize,
            _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            _ => return Err(io::Error::last_os_error()),
        }
    }
    Ok(())
}

/// Where a filter of system calls refuses getrandom.
fn from_device(bytes: &mut [u8]) -> io::Result<()> {
    fs::File::open("/dev/urandom")?.read_exact(bytes)
}

/// Where there is no device either, as in a bare chroot: what no other process has, hashed. Ids
/// have to be unique, and nothing that is secret is made of them.
fn from_circumstances(bytes: &mut [u8]) {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let mut hasher = blake3::Hasher::new();
    // SAFETY: the kernel gives every program 16 random bytes at this address, for its whole life.
    unsafe {
        let random = libc::getauxval(libc::AT_RANDOM) as *const [u8; 16];
        if let Some(random) = random.as_ref() {
            hasher.update(random);
        }
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    hasher.update(&std::process::id().to_le_bytes());
    hasher.update(&since.as_nanos().to_le_bytes());
    hasher.update(&CALLS.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    hasher.finalize_xof().fill(bytes);
}
