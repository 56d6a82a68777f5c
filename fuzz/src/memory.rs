//! The limit on memory that damaged input is held to: no input is longer than a few hundred KiB
//! with its store, so a length that asks for much more came out of the damage. Where memory is
//! refused, the process aborts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;

/// What one allocation may be, 8 MiB.
const ALLOCATION_MAX: usize = 8 << 20;

struct Bounded;

fn is_too_much(size: usize) -> bool {
    size > ALLOCATION_MAX
}

// SAFETY: the system's allocator does as it was asked, or nothing is allocated.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_too_much(layout.size()) {
            return null_mut();
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_too_much(layout.size()) {
            return null_mut();
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if is_too_much(size) {
            return null_mut();
        }
        // SAFETY: the caller's promise.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Bounded = Bounded;
