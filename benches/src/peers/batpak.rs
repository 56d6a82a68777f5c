//! batpak: its own appends, import and reads.

use super::job;
use crate::peer::{Event, EventView, Imported, Mode, Peer, Workload, BATCH};
use batpak::coordinate::{Coordinate, Region};
use batpak::event::EventKind;
use batpak::id::{EntityIdType, EventId, IdempotencyKey};
use batpak::store::{
    AppendOptions, BatchAppendItem, CausationRef, DurabilityGate, ImportOptions, ImportSelector,
    IndexEntry, Store, StoreConfig, SyncMode, WatermarkKind,
};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

/// Events of an import that is durable once: its largest batch, as every batch of it is synced.
const LARGEST_BATCH: u32 = 4096;
const PAGE: usize = 4096;

struct Opened {
    store: Option<Store>,
    durable: bool,
}

pub struct Batpak {
    dir: PathBuf,
    opened: RwLock<Opened>,
}

/// Whether a single append is synced is said when a store is opened.
fn open(dir: &Path, durable: bool) -> Option<Store> {
    let config = StoreConfig::new(dir)
        .with_sync_mode(SyncMode::SyncData)
        .with_sync_every_n_events(if durable { 1 } else { 1000 })
        .with_group_commit_max_batch(if durable { 64 } else { 1 })
        .with_batch_max_size(LARGEST_BATCH)
        .with_batch_max_bytes(16 << 20);
    Some(Store::open(config).unwrap())
}

impl Batpak {
    fn with<R>(&self, job: impl FnOnce(&Store) -> R) -> R {
        job(self.opened.read().unwrap().store.as_ref().unwrap())
    }

    fn set_durable(&self, durable: bool) {
        if self.opened.read().unwrap().durable != durable {
            let mut opened = self.opened.write().unwrap();
            opened.store.take().unwrap().close().unwrap();
            *opened = Opened { store: open(&self.dir, durable), durable };
        }
    }
}

/// A payload is MessagePack: bytes, in their shortest form, are what a caller with bytes would
/// write.
struct Bytes<'a>(&'a [u8]);

impl serde::Serialize for Bytes<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

fn pack(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + 3);
    match u8::try_from(payload.len()) {
        Ok(len) => bytes.extend([0xc4, len]),
        Err(_) => {
            bytes.push(0xc5);
            bytes.extend(u16::try_from(payload.len()).expect("a short payload").to_be_bytes());
        }
    }
    bytes.extend(payload);
    bytes
}

fn unpack(bytes: &[u8]) -> &[u8] {
    &bytes[if bytes[0] == 0xc4 { 2 } else { 3 }..]
}

fn place(event: &Event) -> (Coordinate, EventKind, AppendOptions) {
    let key = IdempotencyKey::from(u128::from_be_bytes(event.id));
    (
        Coordinate::new(&event.entity, event.scope).unwrap(),
        EventKind::custom((event.kind >> 12) as u8, event.kind & 0xfff),
        AppendOptions::new().with_idempotency(key),
    )
}

fn view<'a>(entry: &'a IndexEntry) -> EventView<'a> {
    EventView {
        id: entry.event_id().as_u128().to_be_bytes(),
        entity: entry.coord().entity(),
        scope: entry.coord().scope(),
        kind: entry.event_kind().as_raw_u16(),
        time_us: entry.wall_ms() as i64 * 1000,
    }
}

type Filter<'a> = &'a mut (dyn FnMut(&EventView<'_>) -> bool + 'a);

impl Peer for Batpak {
    const NAME: &'static str = "batpak";
    const PACKAGE: &'static str = "batpak";
    const DOES: &'static str =
        "its own appends, batches, import and reads; the id is the idempotency key; `SyncData`; \
        where durable, group commit of up to 64 and a gate, as its group commit answers before it \
        syncs";
    const LEAVES_OUT: &'static str =
        "the time of the caller; no import that is durable once: batches of 4,096 there, each \
        synced; keys expire; left out of W12, which takes it an hour";
    const WORKLOADS: &'static [Workload] = Workload::BUT_MANY;

    fn open(dir: &Path) -> Self {
        Self {
            dir: dir.into(),
            opened: RwLock::new(Opened { store: open(dir, true), durable: true }),
        }
    }

    fn close(self) {
        self.opened.into_inner().unwrap().store.unwrap().close().unwrap();
    }

    fn append(&self, events: &[Event], durable: bool) {
        if let [event] = events {
            self.set_durable(durable);
            let (coordinate, kind, mut options) = place(event);
            if durable {
                // Without, the answer comes before the sync.
                options = options.with_gate(DurabilityGate::new(
                    WatermarkKind::Durable,
                    Duration::from_secs(10),
                ));
            }
            let payload = Bytes(&event.payload);
            let receipt =
                self.with(|store| store.append_with_options(&coordinate, kind, &payload, options));
            assert_eq!(receipt.unwrap().event_id.as_u128(), u128::from_be_bytes(event.id));
        } else {
            let item = |event: &Event| {
                let (coordinate, kind, options) = place(event);
                let payload = pack(&event.payload);
                BatchAppendItem::from_msgpack_bytes(
                    coordinate,
                    kind,
                    payload,
                    options,
                    CausationRef::None,
                )
            };
            self.with(|store| store.append_batch(events.iter().map(item).collect())).unwrap();
        }
    }

    fn import(
        &self,
        source: &Self,
        mode: Mode,
        filter: &mut dyn FnMut(&EventView<'_>) -> bool,
    ) -> Imported {
        /// The import asks for a filter that lives for ever, and asks it on threads of its choice.
        struct Shared(Mutex<Filter<'static>>);
        // SAFETY: the lock lets one thread in at a time.
        unsafe impl Send for Shared {}
        unsafe impl Sync for Shared {}
        // SAFETY: the options with the filter, its only holder, are gone when this function
        // returns.
        let filter = Arc::new(Shared(Mutex::new(unsafe {
            std::mem::transmute::<Filter<'_>, Filter<'static>>(filter)
        })));
        let keep = move |entry: &IndexEntry| {
            let shared: &Shared = &filter;
            (shared.0.lock().unwrap())(&view(entry))
        };
        let options = ImportOptions::new(job::NAMESPACE)
            .unwrap()
            .with_chunk_size(if mode == Mode::Once { LARGEST_BATCH as usize } else { BATCH })
            .with_filter(Box::new(keep));
        let report = source.with(|source| {
            self.with(|store| store.import_events(source, &ImportSelector::all(), &options))
                .unwrap()
        });
        Imported { new: report.imported, present: report.deduplicated }
    }

    fn read(&self, id: &[u8; 16]) -> Option<usize> {
        self.with(|store| {
            let stored = store.read_raw(EventId::from_u128(u128::from_be_bytes(*id))).ok()?;
            job::verify(&stored.event.payload, &stored.event.hash_chain.unwrap().event_hash);
            Some(unpack(&stored.event.payload).len())
        })
    }

    fn scan(&self, visit: &mut dyn FnMut(&[u8])) -> u64 {
        self.with(|store| {
            let (mut after, mut seen) = (None, 0);
            loop {
                let page = store.query_entries_after(&Region::all(), after, PAGE);
                let Some(last) = page.last() else { return seen };
                after = Some(last.global_sequence());
                for entry in page.iter().filter(|entry| !entry.event_kind().is_reserved()) {
                    visit(unpack(&store.read_raw(entry.event_id()).unwrap().event.payload));
                    seen += 1;
                }
            }
        })
    }

    fn entity(&self, entity: &str, visit: &mut dyn FnMut(&[u8])) -> u64 {
        self.with(|store| {
            let entries = store.query(&Region::entity(entity));
            for entry in &entries {
                let stored = store.read_raw(entry.event_id()).unwrap();
                job::verify(&stored.event.payload, &entry.hash_chain().event_hash);
                visit(unpack(&stored.event.payload));
            }
            entries.len() as u64
        })
    }
}
