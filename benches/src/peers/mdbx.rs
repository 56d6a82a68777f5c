//! libmdbx through its C interface: the crates that wrap it pass each write transaction to a thread
//! of their own.

use super::tables::{Reader, Tables, Unique, Writer};
use mdbx_sys::*;
use std::ffi::{c_int, c_void, CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::null_mut;
use std::sync::Mutex;

const MAP_BYTES: isize = 64 << 30;
const GROWTH_BYTES: isize = 16 << 20;

#[derive(Clone, Copy)]
struct Handles {
    events: MDBX_dbi,
    ids: MDBX_dbi,
    keys: MDBX_dbi,
    entities: MDBX_dbi,
    heads: MDBX_dbi,
}

pub struct Mdbx {
    env: *mut MDBX_env,
    tables: Handles,
    /// Held by the writer: whether commits sync.
    durable: Mutex<bool>,
    /// A transaction that reads, reset: to renew it costs less than to begin one.
    parked: Mutex<Option<Parked>>,
}

/// Transactions are tied to no thread (`MDBX_NOSTICKYTHREADS`), and a lock keeps this one with one.
struct Parked(*mut MDBX_txn);

// SAFETY: see above.
unsafe impl Send for Parked {}
// SAFETY: an environment is for all threads; what is with it is behind locks.
unsafe impl Send for Mdbx {}
// SAFETY: the same.
unsafe impl Sync for Mdbx {}

/// False: there is none, or it is there already.
fn found(status: c_int) -> bool {
    match status {
        MDBX_SUCCESS => true,
        MDBX_NOTFOUND | MDBX_KEYEXIST => false,
        // SAFETY: the text is a constant of the library.
        status => panic!("{}", unsafe { CStr::from_ptr(mdbx_strerror(status)) }.to_string_lossy()),
    }
}

fn ok(status: c_int) {
    assert!(found(status), "libmdbx: {status}");
}

fn value(bytes: &[u8]) -> MDBX_val {
    MDBX_val { iov_base: bytes.as_ptr() as *mut c_void, iov_len: bytes.len() }
}

const NOTHING: MDBX_val = MDBX_val { iov_base: null_mut(), iov_len: 0 };

/// # Safety
/// The value comes from a transaction that goes on for as long, and writes nothing in that time.
unsafe fn bytes<'a>(value: &MDBX_val) -> &'a [u8] {
    std::slice::from_raw_parts(value.iov_base.cast(), value.iov_len)
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_ne_bytes(bytes.try_into().unwrap())
}

impl Mdbx {
    fn begin(&self, flags: MDBX_txn_flags_t) -> *mut MDBX_txn {
        let mut txn = null_mut();
        // SAFETY: the environment is open.
        ok(unsafe { mdbx_txn_begin_ex(self.env, null_mut(), flags, &mut txn, null_mut()) });
        txn
    }
}

impl Drop for Mdbx {
    fn drop(&mut self) {
        // SAFETY: nobody else has the environment or the transaction.
        unsafe {
            if let Some(Parked(txn)) = self.parked.get_mut().unwrap().take() {
                mdbx_txn_abort_ex(txn, null_mut());
            }
            ok(mdbx_env_close_ex(self.env, false));
        }
    }
}

impl Tables for Mdbx {
    const NAME: &'static str = "libmdbx";
    const PACKAGE: &'static str = "mdbx-sys";
    const DOES: &'static str =
        "events by native integer key (appended), sequence by id and by key, entity with sorted \
        integer duplicates, last hash by entity; `WRITEMAP`, `NOMEMINIT`, a read transaction \
        that is renewed; `UTTERLY_NOSYNC` where not durable";
    const LEAVES_OUT: &'static str =
        "checksums of pages; a scan checks no hash; threads commit one after the other; \
        without fsync, a power cut may damage the file";
    const ONE_TRANSACTION: bool = true;

    fn open(dir: &Path) -> Self {
        let mut env = null_mut();
        let path = CString::new(dir.as_os_str().as_bytes()).unwrap();
        let flags = MDBX_WRITEMAP | MDBX_NOMEMINIT | MDBX_NOSTICKYTHREADS;
        // SAFETY: nobody else changes the files while they are mapped; strings end with a zero.
        unsafe {
            // It writes to stderr what it does.
            mdbx_setup_debug(MDBX_LOG_FATAL, MDBX_DBG_NONE, None);
            ok(mdbx_env_create(&mut env));
            ok(mdbx_env_set_option(env, MDBX_opt_max_db, 5));
            ok(mdbx_env_set_geometry(env, -1, -1, MAP_BYTES, GROWTH_BYTES, -1, -1));
            ok(mdbx_env_open(env, path.as_ptr(), flags, 0o644));
        }
        let no_table = Handles { events: 0, ids: 0, keys: 0, entities: 0, heads: 0 };
        let mut store =
            Self { env, tables: no_table, durable: Mutex::new(true), parked: Mutex::new(None) };
        let txn = store.begin(MDBX_TXN_READWRITE);
        let table = |name: &CStr, flags| {
            let mut table = 0;
            // SAFETY: the transaction is this thread's.
            ok(unsafe { mdbx_dbi_open(txn, name.as_ptr(), MDBX_CREATE | flags, &mut table) });
            table
        };
        store.tables = Handles {
            events: table(c"events", MDBX_INTEGERKEY),
            ids: table(c"ids", 0),
            keys: table(c"keys", 0),
            entities: table(c"entities", MDBX_DUPSORT | MDBX_DUPFIXED | MDBX_INTEGERDUP),
            heads: table(c"heads", 0),
        };
        // SAFETY: the transaction ends here.
        ok(unsafe { mdbx_txn_commit_ex(txn, null_mut()) });
        store
    }

    fn read(&self, job: &mut dyn FnMut(&dyn Reader)) {
        let parked = self.parked.lock().unwrap().take();
        let txn = match parked {
            Some(Parked(txn)) => {
                // SAFETY: it was reset, and nobody else has it.
                ok(unsafe { mdbx_txn_renew(txn) });
                txn
            }
            None => self.begin(MDBX_TXN_RDONLY),
        };
        job(&Read(Txn { txn, tables: self.tables }));
        // SAFETY: nobody else has it, and what was read is no longer used.
        ok(unsafe { mdbx_txn_reset(txn) });
        if let Some(Parked(txn)) = self.parked.lock().unwrap().replace(Parked(txn)) {
            // SAFETY: the one of another thread, which was parked meanwhile.
            ok(unsafe { mdbx_txn_abort_ex(txn, null_mut()) });
        }
    }

    fn write(&self, durable: bool, job: &mut dyn FnMut(&mut dyn Writer) -> u64) {
        let mut synced = self.durable.lock().unwrap();
        if *synced != durable {
            // SAFETY: the flag gives up durability only; its lock keeps writers away.
            ok(unsafe { mdbx_env_set_flags(self.env, MDBX_UTTERLY_NOSYNC, !durable) });
            *synced = durable;
        }
        let txn = self.begin(MDBX_TXN_READWRITE);
        let written = job(&mut Write(Txn { txn, tables: self.tables }));
        // SAFETY: the transaction ends here.
        unsafe {
            if written > 0 {
                ok(mdbx_txn_commit_ex(txn, null_mut()));
            } else {
                ok(mdbx_txn_abort_ex(txn, null_mut()));
            }
        }
    }

    fn sync(&self) {}
}

/// A transaction of this thread, and the tables of its environment.
struct Txn {
    txn: *mut MDBX_txn,
    tables: Handles,
}

impl Txn {
    fn get(&self, table: MDBX_dbi, key: &[u8]) -> Option<&[u8]> {
        let mut data = NOTHING;
        // SAFETY: the transaction is open; the bytes live until it writes or ends, and both are
        // for the caller's own `self`.
        unsafe { found(mdbx_get(self.txn, table, &value(key), &mut data)).then(|| bytes(&data)) }
    }

    /// False: the flags forbid it, as it is there already.
    fn put(&mut self, table: MDBX_dbi, key: &[u8], data: &[u8], flags: MDBX_put_flags_t) -> bool {
        // SAFETY: the transaction is open; key and data are copied.
        found(unsafe { mdbx_put(self.txn, table, &value(key), &mut value(data), flags) })
    }

    /// A cursor for as long as the job takes.
    fn with_cursor<T>(&self, table: MDBX_dbi, job: impl FnOnce(*mut MDBX_cursor) -> T) -> T {
        let mut cursor = null_mut();
        // SAFETY: the transaction is open, and ends after the cursor.
        unsafe {
            ok(mdbx_cursor_open(self.txn, table, &mut cursor));
            let done = job(cursor);
            mdbx_cursor_close(cursor);
            done
        }
    }
}

/// Keys and values that a scan gets at a time, one after the other.
const PAIRS: usize = 512;

struct Read(Txn);

impl Reader for Read {
    fn by_id(&self, id: &[u8; 16]) -> Option<u64> {
        self.0.get(self.0.tables.ids, id).map(number)
    }

    fn event(&self, sequence: u64, visit: &mut dyn FnMut(&[u8])) {
        visit(self.0.get(self.0.tables.events, &sequence.to_ne_bytes()).unwrap());
    }

    fn events(&self, from: u64, visit: &mut dyn FnMut(u64, &[u8]) -> bool) {
        self.0.with_cursor(self.0.tables.events, |cursor| {
            let (from, mut data, mut pairs) = (from.to_ne_bytes(), NOTHING, [NOTHING; PAIRS]);
            let mut count = 0;
            // SAFETY: what the cursor shows lives as long as the transaction; the key is read.
            unsafe {
                let mut more =
                    found(mdbx_cursor_get(cursor, &mut value(&from), &mut data, MDBX_SET_RANGE));
                while more {
                    let status = mdbx_cursor_get_batch(
                        cursor,
                        &mut count,
                        pairs.as_mut_ptr(),
                        PAIRS,
                        MDBX_NEXT,
                    );
                    more = status != MDBX_RESULT_TRUE && found(status);
                    for pair in pairs[..count].chunks_exact(2) {
                        if !visit(number(bytes(&pair[0])), bytes(&pair[1])) {
                            return;
                        }
                    }
                }
            }
        });
    }

    /// A page of sequences at a time.
    fn entity(&self, entity: &str, visit: &mut dyn FnMut(u64)) {
        self.0.with_cursor(self.0.tables.entities, |cursor| {
            let (mut key, mut data) = (value(entity.as_bytes()), NOTHING);
            // SAFETY: as above.
            unsafe {
                if !found(mdbx_cursor_get(cursor, &mut key, &mut data, MDBX_SET_KEY)) {
                    return;
                }
                let mut step = mdbx_cursor_get(cursor, &mut key, &mut data, MDBX_GET_MULTIPLE);
                while found(step) {
                    bytes(&data).chunks_exact(8).for_each(|sequence| visit(number(sequence)));
                    step = mdbx_cursor_get(cursor, &mut key, &mut data, MDBX_NEXT_MULTIPLE);
                }
            }
        });
    }
}

struct Write(Txn);

impl Writer for Write {
    fn last(&mut self) -> u64 {
        self.0.with_cursor(self.0.tables.events, |cursor| {
            let (mut key, mut data) = (NOTHING, NOTHING);
            // SAFETY: what the cursor shows lives until the transaction writes or ends.
            unsafe {
                match found(mdbx_cursor_get(cursor, &mut key, &mut data, MDBX_LAST)) {
                    true => number(bytes(&key)),
                    false => 0,
                }
            }
        })
    }

    fn claim(&mut self, table: Unique, key: &[u8; 16], sequence: u64) -> bool {
        let table = match table {
            Unique::Id => self.0.tables.ids,
            Unique::Key => self.0.tables.keys,
        };
        self.0.put(table, key, &sequence.to_ne_bytes(), MDBX_NOOVERWRITE)
    }

    fn chain(&mut self, entity: &str, hash: &[u8; 32]) -> Option<[u8; 32]> {
        let heads = self.0.tables.heads;
        let before = self.0.get(heads, entity.as_bytes()).map(|hash| hash.try_into().unwrap());
        self.0.put(heads, entity.as_bytes(), hash, MDBX_UPSERT);
        before
    }

    fn put(&mut self, sequence: u64, entity: &str, record: &[u8]) {
        let (sequence, Handles { events, entities, .. }) = (sequence.to_ne_bytes(), self.0.tables);
        assert!(self.0.put(events, &sequence, record, MDBX_APPEND));
        assert!(self.0.put(entities, entity.as_bytes(), &sequence, MDBX_APPENDDUP));
    }
}
