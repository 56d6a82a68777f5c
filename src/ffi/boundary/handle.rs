//! The table behind every opaque pointer. A handle is a slot, a generation and a type tag in the
//! pointer's bits. It is never dereferenced, so a stale, foreign or invented one is a status, not a
//! crash.
//!
//! Bits 63..56 hold 0x80 and the tag, which no user-space address has; 55..24 the generation;
//! 23..0 the slot. A slot whose generations are used up is retired.
//!
//! A forked child has a table of its own, whose slots begin above the generations that were given
//! out before. So it can tell a handle of its parent from one of its own, and both from garbage.

use crate::engine::model::error::{Code, Error, Result};
use crate::engine::platform::process::PerProcess;
use std::any::Any;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

/// What a handle can lead to.
pub(crate) trait Object: Any + Send + Sync {
    /// The opaque C type that points to it.
    type Raw;
    /// Below 0x40, one for each type.
    const TAG: u8;
    /// The C type's name, for messages.
    const NAME: &'static str;
}

const SLOT_BITS: u32 = 24;
const SLOTS_MAX: u32 = CHUNK_0 * ((1 << CHUNKS) - 1);
/// Chunk `k` holds `CHUNK_0 << k` slots, so that slots never move and 18 chunks hold 16 million.
const CHUNK_0: u32 = 64;
const CHUNKS: usize = 18;

struct Slot {
    /// The first generation that this process gives out, above all that those before it gave; 0
    /// where none is left.
    first: u32,
    /// That of the live handle, or the one to be given out next. Changed with `object` locked.
    generation: AtomicU32,
    object: RwLock<Option<Arc<dyn Any + Send + Sync>>>,
}

impl Slot {
    /// One whose generations up to `used` were given out.
    fn after(used: u32) -> Slot {
        let first = used.checked_add(1).unwrap_or(0);
        Slot { first, generation: AtomicU32::new(first), object: RwLock::default() }
    }
}

struct Free {
    reusable: Vec<u32>,
    next: u32,
}

/// The handles of one process.
struct Table {
    chunks: [OnceLock<Box<[Slot]>>; CHUNKS],
    free: Mutex<Free>,
    live: AtomicUsize,
    /// That of the process before, which is only asked for generations: its locks may be held for
    /// ever.
    before: Option<&'static Table>,
}

static TABLE: PerProcess<Table> = PerProcess::new(|before| Table {
    chunks: [const { OnceLock::new() }; CHUNKS],
    free: Mutex::new(Free { reusable: Vec::new(), next: 0 }),
    live: AtomicUsize::new(0),
    before,
});

impl Table {
    fn slot(&self, index: u32) -> Option<&Slot> {
        let (chunk, offset) = place(index);
        Some(&self.chunks[chunk].get()?[offset])
    }

    /// The slot, for a new handle.
    fn slot_or_new(&self, index: u32) -> &Slot {
        let (chunk, offset) = place(index);
        let slots = self.chunks[chunk].get_or_init(|| {
            let first = index - offset as u32;
            let new_slot = |at| Slot::after(self.before.map_or(0, |before| before.used(at)));
            (first..first + (CHUNK_0 << chunk)).map(new_slot).collect()
        });
        &slots[offset]
    }

    /// The highest generation of a slot that this process or one before may have given out.
    fn used(&self, index: u32) -> u32 {
        let mut table = Some(self);
        while let Some(this) = table {
            match this.slot(index) {
                Some(Slot { first: 0, .. }) => return u32::MAX,
                Some(slot) => return slot.generation.load(Ordering::Relaxed),
                None => table = this.before,
            }
        }
        0
    }

    /// A slot that nobody uses.
    fn claim(&self) -> Result<u32> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = free.reusable.pop() {
            return Ok(index);
        }
        if free.next == SLOTS_MAX {
            let error =
                Error::new(Code::LimitExceeded, format!("{SLOTS_MAX} handles are live; free some"));
            return Err(error.with_numbers(SLOTS_MAX.into(), SLOTS_MAX.into()));
        }
        free.next += 1;
        Ok(free.next - 1)
    }
}

/// How many handles are live.
pub(crate) fn live() -> usize {
    match TABLE.peek() {
        Some((table, true)) => table.live.load(Ordering::Relaxed),
        _ => 0,
    }
}

/// Puts `object` into the table and returns its handle.
pub(crate) fn insert<T: Object>(object: T) -> Result<*mut T::Raw> {
    insert_arc(Arc::new(object))
}

/// As [`insert`], for an object that is shared already.
pub(crate) fn insert_arc<T: Object>(object: Arc<T>) -> Result<*mut T::Raw> {
    let table = TABLE.get();
    loop {
        let index = table.claim()?;
        let slot = table.slot_or_new(index);
        if slot.first == 0 {
            continue;
        }
        let mut entry = slot.object.write().unwrap_or_else(PoisonError::into_inner);
        *entry = Some(object);
        table.live.fetch_add(1, Ordering::Relaxed);
        return Ok(pack::<T>(index, slot.generation.load(Ordering::Relaxed)));
    }
}

/// The object behind `handle`.
pub(crate) fn get<T: Object>(handle: *const T::Raw) -> Result<Arc<T>> {
    lookup(handle).ok_or_else(|| invalid::<T>(handle))
}

/// The object behind `handle`, or none: for getters, which have no status.
pub(crate) fn lookup<T: Object>(handle: *const T::Raw) -> Option<Arc<T>> {
    let (index, generation) = unpack::<T>(handle)?;
    let (table, true) = TABLE.peek()? else { return None };
    let slot = table.slot(index)?;
    let object = slot.object.read().unwrap_or_else(PoisonError::into_inner);
    if slot.generation.load(Ordering::Relaxed) != generation {
        return None;
    }
    Arc::clone(object.as_ref()?).downcast().ok()
}

/// Takes the object out of the table; from here on the handle is dead.
pub(crate) fn take<T: Object>(handle: *const T::Raw) -> Option<Arc<T>> {
    let (index, generation) = unpack::<T>(handle)?;
    let (table, true) = TABLE.peek()? else { return None };
    let slot = table.slot(index)?;
    let mut entry = slot.object.write().unwrap_or_else(PoisonError::into_inner);
    if slot.generation.load(Ordering::Relaxed) != generation || !entry.as_ref()?.is::<T>() {
        return None;
    }
    let object = entry.take()?;
    table.live.fetch_sub(1, Ordering::Relaxed);
    let reusable = generation < u32::MAX;
    if reusable {
        slot.generation.store(generation + 1, Ordering::Relaxed);
    }
    drop(entry);
    if reusable {
        table.free.lock().unwrap_or_else(PoisonError::into_inner).reusable.push(index);
    }
    object.downcast().ok()
}

/// Whether `handle` was made before this process was forked. Asks for no lock.
#[cold]
pub(crate) fn is_from_before_a_fork<T: Object>(handle: *const T::Raw) -> bool {
    let Some((index, generation)) = unpack::<T>(handle) else { return false };
    let before = match TABLE.peek() {
        Some((table, true)) => table.before,
        Some((table, false)) => Some(table),
        None => None,
    };
    generation > 0 && before.is_some_and(|before| generation <= before.used(index))
}

/// The error for a handle that leads nowhere.
#[cold]
pub(crate) fn invalid<T: Object>(handle: *const T::Raw) -> Error {
    if is_from_before_a_fork::<T>(handle) {
        return Error::FORKED;
    }
    let message = if handle.is_null() {
        format!("the {} is NULL", T::NAME)
    } else {
        format!("{:#018x} is no live {}", handle as usize, T::NAME)
    };
    Error::new(Code::InvalidHandle, message)
}

/// A handle that no object has: generations count from 1.
pub(crate) fn of_no_object<T: Object>() -> *mut T::Raw {
    pack::<T>(0, 0)
}

/// The chunk of a slot, and where it is there.
fn place(index: u32) -> (usize, usize) {
    let chunk = (index / CHUNK_0 + 1).ilog2();
    (chunk as usize, (index - CHUNK_0 * ((1 << chunk) - 1)) as usize)
}

fn pack<T: Object>(index: u32, generation: u32) -> *mut T::Raw {
    let tag = u64::from(0x80 | T::TAG) << 56;
    (tag | u64::from(generation) << SLOT_BITS | u64::from(index)) as usize as *mut T::Raw
}

/// Slot and generation of a handle that has the tag of `T`.
fn unpack<T: Object>(handle: *const T::Raw) -> Option<(u32, u32)> {
    let bits = handle as usize as u64;
    let index = (bits & ((1 << SLOT_BITS) - 1)) as u32;
    ((bits >> 56) as u8 == 0x80 | T::TAG && index < SLOTS_MAX)
        .then_some((index, (bits >> SLOT_BITS) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Apple(u32);
    struct Pear;
    impl Object for Apple {
        type Raw = u32;
        const TAG: u8 = 0x3e;
        const NAME: &'static str = "apple";
    }
    impl Object for Pear {
        type Raw = u32;
        const TAG: u8 = 0x3f;
        const NAME: &'static str = "pear";
    }

    #[test]
    fn a_freed_handle_stays_dead_when_its_slot_is_used_again() {
        let first = insert(Apple(1)).unwrap();
        assert_eq!(take::<Apple>(first).unwrap().0, 1);
        let handles: Vec<_> = (0..100).map(|n| insert(Apple(n)).unwrap()).collect();
        assert!(lookup::<Apple>(first).is_none() && take::<Apple>(first).is_none());
        for (n, handle) in handles.into_iter().enumerate() {
            assert_eq!(lookup::<Apple>(handle).unwrap().0, n as u32);
            assert!(take::<Apple>(handle).is_some() && take::<Apple>(handle).is_none());
        }
    }

    #[test]
    fn garbage_and_handles_of_other_types_lead_nowhere() {
        let apple = insert(Apple(1)).unwrap();
        let swapped = (apple as usize ^ 1 << 56) as *mut u32;
        assert!(lookup::<Pear>(apple).is_none() && lookup::<Pear>(swapped).is_none());
        assert!(take::<Pear>(swapped).is_none());
        for garbage in
            [0, 1, 0x7fff_dead_beef, usize::MAX, apple as usize ^ 1 << 30, apple as usize ^ 1 << 20]
        {
            assert_eq!(
                get::<Apple>(garbage as *const u32).err().unwrap().code(),
                Code::InvalidHandle
            );
        }
        let on_the_stack = 5u32;
        assert!(lookup::<Apple>(&on_the_stack).is_none());
        assert!(take::<Apple>(apple).is_some());
    }

    #[test]
    fn slots_fill_the_chunks_without_a_hole() {
        let mut expected = (0, 0);
        for index in 0..if cfg!(miri) { 1000 } else { 100_000 } {
            assert_eq!(place(index), expected);
            expected.1 += 1;
            if expected.1 == (CHUNK_0 << expected.0) as usize {
                expected = (expected.0 + 1, 0);
            }
        }
        assert_eq!(place(SLOTS_MAX - 1).0, CHUNKS - 1);
    }

    #[test]
    fn a_child_tells_its_own_handles_from_those_before() {
        let table = |before| Table {
            chunks: [const { OnceLock::new() }; CHUNKS],
            free: Mutex::new(Free { reusable: Vec::new(), next: 0 }),
            live: AtomicUsize::new(0),
            before,
        };
        let parent: &Table = Box::leak(Box::new(table(None)));
        let slot = |at: u32| parent.slot_or_new(at);
        slot(1).generation.store(9, Ordering::Relaxed);
        slot(2).generation.store(u32::MAX, Ordering::Relaxed);
        let child: &Table = Box::leak(Box::new(table(Some(parent))));
        assert_eq!((child.slot_or_new(1).first, child.slot_or_new(2).first), (10, 0));
        assert_eq!((child.slot_or_new(0).first, child.slot_or_new(100).first), (2, 1));
        let grandchild = table(Some(child));
        assert_eq!(
            (grandchild.used(1), grandchild.used(2), grandchild.used(4000)),
            (10, u32::MAX, 0)
        );
    }

    #[test]
    fn threads_may_look_up_make_and_free_at_once() {
        let shared = insert(Apple(7)).unwrap() as usize;
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..if cfg!(miri) { 20 } else { 2000 } {
                        let own = insert(Apple(n)).unwrap();
                        assert_eq!(lookup::<Apple>(shared as *const u32).unwrap().0, 7);
                        assert_eq!(take::<Apple>(own).unwrap().0, n);
                    }
                });
            }
        });
        assert!(take::<Apple>(shared as *const u32).is_some());
    }
}
