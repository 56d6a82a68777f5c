//! A file in memory, for small reads in any place: they cost a copy instead of a system call.
//!
//! The pages of a mapping are the kernel's, which takes them back when it wants to. Where it cannot
//! deliver one (the file was cut short, the disk fails) it raises SIGBUS. A handler puts a page of
//! zeros in its place and marks the mapping, so that the read ends with an error. This is what
//! libwayland-server does for the buffers of its clients. Every other SIGBUS goes to the handler
//! that was there before.

use std::os::fd::AsRawFd;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::{fs, io};

/// The front of a file, of which nothing changes as long as this lives.
#[derive(Debug)]
pub struct Mapping {
    start: usize,
    len: usize,
    region: &'static Region,
}

/// A mapping as the handler knows it. `start` is 0 where there is none.
#[derive(Debug)]
struct Region {
    taken: AtomicBool,
    start: AtomicUsize,
    end: AtomicUsize,
    /// A page could not be had.
    damaged: AtomicBool,
}

/// With segments of 64 MiB, enough for a quarter of a terabyte; files beyond are read by system
/// calls.
const REGIONS: usize = 4096;
static MAPPED: [Region; REGIONS] = [const {
    Region {
        taken: AtomicBool::new(false),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        damaged: AtomicBool::new(false),
    }
}; REGIONS];

impl Mapping {
    /// Maps the first `len` bytes of a file, which has as many; none where that can't be done.
    pub fn new(file: &fs::File, len: usize) -> Option<Mapping> {
        let allowed = ALLOWED.load(Ordering::Relaxed) && cfg!(target_pointer_width = "64");
        if len == 0 || !allowed || !handler_is_ours() {
            return None;
        }
        let free = |r: &&Region| {
            r.taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
        };
        let region = MAPPED.iter().find(free)?;
        // SAFETY: a new mapping at an address that the kernel chooses touches no memory that is
        // there.
        let start = unsafe {
            libc::mmap(null_mut(), len, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0)
        };
        if start == libc::MAP_FAILED {
            region.taken.store(false, Ordering::Release);
            return None;
        }
        // SAFETY: the range was mapped just now. Advice that is not taken is no loss.
        unsafe { libc::madvise(start, len, libc::MADV_RANDOM) };
        let start = start as usize;
        region.damaged.store(false, Ordering::Relaxed);
        region.end.store(start + len, Ordering::Release);
        region.start.store(start, Ordering::Release);
        Some(Mapping { start, len, region })
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Copies what is at `offset`, all of it below [`Mapping::len`]. An error where a page of it
    /// can't be had, and from then on.
    pub fn read(&self, buffer: &mut [u8], offset: usize) -> io::Result<()> {
        assert!(
            offset.checked_add(buffer.len()).is_some_and(|end| end <= self.len),
            "a read beyond the mapping"
        );
        let from = (self.start + offset) as *const u8;
        // SAFETY: within the mapping, which lives as long as `self`; nobody holds a reference into
        // it. Where the file changes all the same, these are other bytes, as with a system call.
        unsafe { std::ptr::copy_nonoverlapping(from, buffer.as_mut_ptr(), buffer.len()) };
        match self.region.damaged.load(Ordering::Acquire) {
            false => Ok(()),
            true => Err(io::Error::from_raw_os_error(libc::EIO)),
        }
    }
}

const CACHE_LINE_BYTES: usize = 64;

impl Mapping {
    /// Has the processor fetch `len` bytes at `offset`, where it can do so while it does other
    /// things.
    pub fn prefetch(&self, offset: u64, len: usize) {
        let Some(offset) =
            usize::try_from(offset).ok().filter(|at| at.saturating_add(len) <= self.len)
        else {
            return;
        };
        for line in (0..len).step_by(CACHE_LINE_BYTES) {
            prefetch(self.start + offset + line);
        }
    }
}

/// Has the processor fetch the cache line at an address.
pub fn prefetch(address: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which neither faults nor changes anything whatever the address is.
    unsafe {
        use std::arch::x86_64::{_mm_prefetch, _MM_HINT_T0};
        _mm_prefetch::<_MM_HINT_T0>(address as *const i8);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.region.start.store(0, Ordering::Release);
        // SAFETY: the range that was mapped, which nobody reads any more.
        unsafe { libc::munmap(self.start as *mut _, self.len) };
        self.region.taken.store(false, Ordering::Release);
    }
}

/// Whether files may be mapped from now on.
static ALLOWED: AtomicBool = AtomicBool::new(true);

/// Says whether files may be mapped from now on. Where it is said before the first store is opened,
/// no handler is put in place.
pub fn allow(allowed: bool) {
    ALLOWED.store(allowed, Ordering::Relaxed);
}

/// What was there before our handler: function or one of SIG_DFL and SIG_IGN, and its flags.
static PREVIOUS: AtomicUsize = AtomicUsize::new(libc::SIG_DFL);
static PREVIOUS_FLAGS: AtomicI32 = AtomicI32::new(0);

/// Puts the handler in place, once. False where it is not there: the program has its own since, or
/// another thread is just at it, for whom nobody waits. In a child that thread may not exist.
fn handler_is_ours() -> bool {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    let ours = on_bus_error as extern "C" fn(_, _, _) as usize;
    if !INSTALLED.load(Ordering::Relaxed) && !INSTALLED.swap(true, Ordering::Relaxed) {
        let before = current_action();
        PREVIOUS.store(before.sa_sigaction, Ordering::Release);
        PREVIOUS_FLAGS.store(before.sa_flags, Ordering::Release);
        let mut action = before;
        action.sa_sigaction = ours;
        // On the stack for signals where a thread has one, as the Go runtime asks for.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: the handler makes only calls that are allowed in one; the mask is that of the
        // action before.
        unsafe { libc::sigaction(libc::SIGBUS, &action, null_mut()) };
    }
    current_action().sa_sigaction == ours
}

fn current_action() -> libc::sigaction {
    // SAFETY: all zeros are a valid sigaction, and the call fills in another.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGBUS, null(), &mut action);
        action
    }
}

extern "C" fn on_bus_error(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the kernel hands over a valid siginfo, with an address where a fault raised the
    // signal.
    let (address, raised_by_fault) = unsafe { ((*info).si_addr() as usize, (*info).si_code > 0) };
    let ours = |region: &&Region| {
        let start = region.start.load(Ordering::Acquire);
        start > 0 && (start..region.end.load(Ordering::Acquire)).contains(&address)
    };
    if let Some(region) = MAPPED.iter().find(ours).filter(|_| raised_by_fault) {
        region.damaged.store(true, Ordering::Release);
        if put_zeros_at(address) {
            return;
        }
    }
    forward(signal, info, context, raised_by_fault);
}

/// Puts a page of zeros in the place of the one at `address`. Leaves errno alone.
fn put_zeros_at(address: usize) -> bool {
    // SAFETY: the page is one of a mapping of ours that a reader waits for; the calls are safe in a
    // handler.
    unsafe {
        let errno = *libc::__errno_location();
        let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        let at = (address & !(page - 1)) as *mut _;
        let put = libc::mmap(at, page, libc::PROT_READ, flags, -1, 0) != libc::MAP_FAILED;
        *libc::__errno_location() = errno;
        put
    }
}

/// Does what would have been done without our handler.
fn forward(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
    raised_by_fault: bool,
) {
    let (previous, flags) =
        (PREVIOUS.load(Ordering::Acquire), PREVIOUS_FLAGS.load(Ordering::Acquire));
    match previous {
        // A fault cannot be ignored.
        libc::SIG_IGN if !raised_by_fault => {}
        libc::SIG_DFL | libc::SIG_IGN => {
            // SAFETY: safe in a handler. The fault comes again, or the signal does, and ends the
            // process.
            unsafe {
                libc::signal(signal, libc::SIG_DFL);
                if !raised_by_fault {
                    libc::raise(signal);
                }
            }
        }
        // SAFETY: the function that was installed for this signal with these flags.
        _ if flags & libc::SA_SIGINFO != 0 => unsafe {
            let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                std::mem::transmute(previous);
            handler(signal, info, context);
        },
        // SAFETY: as above.
        _ => unsafe {
            let handler: extern "C" fn(libc::c_int) = std::mem::transmute(previous);
            handler(signal);
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(bytes: usize) -> fs::File {
        let path =
            std::env::temp_dir().join(format!("fbat-mapping-{}-{bytes}", std::process::id()));
        let mut file = fs::File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .unwrap();
        fs::remove_file(path).unwrap();
        file.write_all(&vec![7; bytes]).unwrap();
        file
    }

    #[test]
    #[cfg_attr(miri, ignore)] // maps a file
    fn a_file_that_is_cut_short_is_an_error_and_no_signal() {
        let (file, other) = (file(64 << 10), file(20_000));
        let (mapping, whole) =
            (Mapping::new(&file, 64 << 10).unwrap(), Mapping::new(&other, 20_000).unwrap());
        let mut buffer = [0; 100];
        mapping.read(&mut buffer, 60_000).unwrap();
        assert_eq!(buffer, [7; 100]);
        file.set_len(50_000).unwrap();
        assert_eq!(mapping.read(&mut buffer, 60_000).unwrap_err().raw_os_error(), Some(libc::EIO));
        assert!(mapping.read(&mut buffer, 10).is_err(), "a damaged mapping is not trusted again");
        whole.read(&mut buffer, 19_900).unwrap();
        assert_eq!(buffer, [7; 100]);
    }
}
