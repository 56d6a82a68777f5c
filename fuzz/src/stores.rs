//! The stores that inputs begin with: made by the library, the same in every run, kept as files in
//! memory.

use fbat::engine::import::ImportOptions;
use fbat::engine::log::options::{Durability, OpenMode, Options};
use fbat::engine::model::error::Result;
use fbat::engine::model::event::{Cause, Columns, Event, NewEvent};
use fbat::engine::model::id::{Id, Kind};
use fbat::engine::platform::clock::{Clock, Entropy};
use fbat::engine::platform::memory::{Files, MemoryVfs};
use fbat::engine::platform::watch::Watch;
use fbat::engine::store::compress::CompressOptions;
use fbat::engine::store::query::Query;
use fbat::engine::store::Store;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// The boot under which they were written.
pub const BOOT: &str = "a";
pub const KIND: Kind = Kind(0x1001);
pub const ENTITIES: [&str; 5] = ["order", "order:1", "order:2", "order2", "=store"];
pub const NAMESPACE: &str = "elsewhere";

/// A store before anything is done to it.
pub struct Sample {
    pub files: Files,
    /// Every event, the library's own too, in the order of the log.
    pub rows: Vec<Row>,
}

/// An event, with all its bytes one behind the other for comparing.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    pub id: Id,
    pub sequence: u64,
    pub kind: Kind,
    bytes: Vec<u8>,
}

impl Row {
    /// Of an event that was read with all columns.
    pub fn of(e: &Event<'_>) -> Row {
        let mut bytes = Vec::with_capacity(256 + e.payload.len());
        for number in [
            e.sequence,
            e.version,
            e.timestamp_us as u64,
            e.recorded_us as u64,
            e.payload_len as u64,
        ] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for id in [e.id, e.correlation, e.causation] {
            bytes.extend_from_slice(&id.to_bytes());
        }
        bytes.extend_from_slice(&e.flags.to_le_bytes());
        bytes
            .extend_from_slice(&[e.kind.0.to_le_bytes(), e.payload_version.to_le_bytes()].concat());
        for hash in [Some(e.content_hash()), Some(e.event_hash), e.previous_hash] {
            bytes.extend_from_slice(&hash.map_or([0; 32], |hash| hash.0));
        }
        for text in [
            e.entity.as_bytes(),
            e.scope.as_bytes(),
            e.payload,
            format!("{:?}", e.source).as_bytes(),
        ] {
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text);
        }
        for (key, value) in e.extensions.iter() {
            bytes.extend_from_slice(key.as_bytes());
            bytes.extend_from_slice(value);
        }
        Row { id: e.id, sequence: e.sequence, kind: e.kind, bytes }
    }
}

/// Goes on by a millisecond whenever it is asked.
struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now_us(&self) -> i64 {
        1_704_067_200_000_000 + self.0.fetch_add(1000, Ordering::Relaxed) as i64
    }
}

/// Weyl's sequence: all that is asked of it is to be the same again, and not the same twice.
struct Steps(AtomicU64);

impl Entropy for Steps {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let number = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            chunk.copy_from_slice(&number.to_be_bytes()[..chunk.len()]);
        }
    }
}

/// Options with which equal calls have equal results.
pub fn options(disk: &MemoryVfs, mode: OpenMode) -> Options {
    let mut options = Options {
        mode,
        durability: Durability::Os,
        vfs: Arc::new(disk.clone()),
        ..Options::default()
    };
    options.limits.segment_bytes = 64 << 10;
    options.clock = Arc::new(Ticks(AtomicU64::new(0)));
    options.entropy = Arc::new(Steps(AtomicU64::new(1)));
    options
}

/// Everything a store answers with, all columns.
pub fn rows(store: &Store) -> Result<Vec<Row>> {
    matching(
        store,
        &Query { columns: Columns::ALL, system: true, page_rows: 65_536, ..Query::default() },
    )
}

/// The first page of a query.
pub fn matching(store: &Store, query: &Query) -> Result<Vec<Row>> {
    let (mut rows, mut bytes) = (Vec::new(), 0);
    store.query_with(query, &Watch::default(), &mut |event| {
        rows.push(Row::of(event));
        bytes += event.payload.len();
        bytes
    })?;
    Ok(rows)
}

/// The event of this id.
pub fn row(store: &Store, id: Id) -> Result<Option<Row>> {
    let mut row = None;
    store.get_with(id, Columns::ALL, &mut |event| row = Some(Row::of(event)))?;
    Ok(row)
}

/// The event with this number: every field is used by some.
fn append(store: &Store, number: u64, payload: &[u8]) {
    let extensions: [(&str, &[u8]); 2] = [("test.one", b"1"), ("test.two", payload)];
    let event = NewEvent {
        entity: ENTITIES[number as usize % 4],
        scope: ["shop", "till"][number as usize % 2],
        kind: Kind(0x1001 + (number % 3) as u16),
        payload,
        key: Id(if number % 4 == 1 { u128::from(number) << 100 | 5 } else { 0 }),
        timestamp_us: (!number.is_multiple_of(3)).then_some(number as i64 * 77 - 100),
        flags: (number % 5) as u32 * 0x1234,
        payload_version: (number % 4) as u16,
        correlation: Id(u128::from(number % 2) << 64),
        cause: if number % 7 == 3 { Cause::Event(Id(9)) } else { Cause::None },
        extensions: &extensions
            [..(number % 3) as usize % (1 + usize::from(payload.len() < 1000) * 2)],
        ..NewEvent::default()
    };
    let twin = NewEvent { key: Id::NONE, entity: "order", ..event };
    let batch = [event, twin];
    store.append_batch(&batch[..1 + number as usize % 2]).expect("a sample event");
}

fn filled(path: &str, disk: &MemoryVfs, count: u64, payload: &[u8]) -> Store {
    let store =
        Store::open(Path::new(path), &options(disk, OpenMode::CreateIfMissing)).expect("a sample");
    for number in 0..count {
        append(&store, number, payload);
        if number == count / 2 {
            store.sync().expect("a sync");
        }
    }
    store
}

/// Every sample; the last is an empty store.
pub fn samples() -> &'static [Sample] {
    static SAMPLES: OnceLock<Vec<Sample>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let disk = MemoryVfs::of_boot(BOOT);
        let mut samples = Vec::new();
        for (path, count, length) in [("/small", 8, 20), ("/large", 9, 9000)] {
            let store = filled(path, &disk, count, &vec![b'x'; length]);
            let source = filled(&format!("{path}-source"), &disk, 3, b"imported");
            // All stores here have one id, since their entropy is the same.
            let mut import = ImportOptions {
                namespace: NAMESPACE.to_owned(),
                allow_self: true,
                ..ImportOptions::default()
            };
            store.import(&source, &mut import).result.expect("an import");
            let event =
                NewEvent { entity: "raw", scope: "shop", kind: KIND, ..NewEvent::default() };
            store
                .append_with_provenance_body(&event, b"\x81\xa1x\x01")
                .expect("an event with any provenance");
            let rows = rows(&store).expect("sound");
            samples.push(Sample { files: disk.take(Path::new(path)), rows: rows.clone() });
            store.close().expect("a close");
            samples.push(Sample { files: disk.take(Path::new(path)), rows: rows.clone() });
            let store = Store::open(Path::new(path), &options(&disk, OpenMode::MustExist));
            let store = store.expect("a sample");
            if store.compress(CompressOptions::default()).expect("sound").segments > 0 {
                store.close().expect("a close");
                samples.push(Sample { files: disk.take(Path::new(path)), rows });
            }
        }
        let empty = filled("/empty", &disk, 0, b"");
        let rows = rows(&empty).expect("sound");
        empty.close().expect("a close");
        samples.push(Sample { files: disk.take(Path::new("/empty")), rows });
        samples
    })
}
