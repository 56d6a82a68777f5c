//! Memory that runs out. Rust ends the process where an allocation fails, so the library keeps a
//! reserve: the call in which memory runs out lives on that, and those after it are refused until
//! there is a reserve again. Nobody touches it, so it costs address space only.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The allocator of the system, with a reserve behind it. Tests have allocators of their own.
#[cfg_attr(not(feature = "sim"), global_allocator)]
static ALLOCATOR: WithReserve = WithReserve { reserve: AtomicPtr::new(null_mut()) };

/// Enough for the small allocations of a call.
const RESERVE: Layout = match Layout::from_size_align(1 << 20, 16) {
    Ok(layout) => layout,
    Err(_) => panic!("no layout"),
};

struct WithReserve {
    reserve: AtomicPtr<u8>,
}

/// Whether there is a reserve, or can be one again. Costs one load.
pub(crate) fn is_there() -> bool {
    !ALLOCATOR.reserve.load(Ordering::Relaxed).is_null() || ALLOCATOR.fill()
}

impl WithReserve {
    #[cold]
    fn fill(&self) -> bool {
        // SAFETY: the layout has a size.
        let new = unsafe { System.alloc(RESERVE) };
        if new.is_null() {
            return false;
        }
        let before = self.reserve.swap(new, Ordering::AcqRel);
        self.free(before);
        true
    }

    /// Gives the reserve away; false where there is none.
    #[cold]
    fn spend(&self) -> bool {
        let reserve = self.reserve.swap(null_mut(), Ordering::AcqRel);
        self.free(reserve);
        !reserve.is_null()
    }

    fn free(&self, reserve: *mut u8) {
        if !reserve.is_null() {
            // SAFETY: it was allocated with this layout, and the swap gave it to this thread alone.
            unsafe { System.dealloc(reserve, RESERVE) };
        }
    }

    /// What `allocate` gives, if need be with the reserve spent.
    #[inline]
    fn or_reserve(&self, allocate: impl Fn() -> *mut u8) -> *mut u8 {
        let got = allocate();
        match got.is_null() && self.spend() {
            true => allocate(),
            false => got,
        }
    }
}

// SAFETY: every call is the system allocator's, which a failed one leaves as it was.
unsafe impl GlobalAlloc for WithReserve {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises.
        self.or_reserve(|| unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises.
        self.or_reserve(|| unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promises; a call that fails has not freed the memory.
        self.or_reserve(|| unsafe { System.realloc(memory, layout, size) })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_spent_once_and_comes_back() {
        let allocator = WithReserve { reserve: AtomicPtr::new(null_mut()) };
        assert!(!allocator.spend());
        assert!(allocator.fill() && allocator.fill());
        assert!(allocator.or_reserve(null_mut).is_null());
        assert!(!allocator.spend(), "it was spent on the allocation that failed");
        assert!(allocator.fill() && allocator.spend());
    }
}
