//! The job on ordered tables of keys and values: events by sequence, sequence by id, sequence by
//! key, sequences by entity, the last content hash of each entity. One logic for every engine of
//! this kind.

use super::job::{self, Record};
use crate::peer::{Event, EventView, Imported, Mode, Peer, Workload, BATCH};
use std::path::Path;

/// The two unique tables.
#[derive(Clone, Copy)]
pub enum Unique {
    Id,
    Key,
}

/// A transaction that reads.
pub trait Reader {
    fn by_id(&self, id: &[u8; 16]) -> Option<u64>;
    /// Shows the record of one event.
    fn event(&self, sequence: u64, visit: &mut dyn FnMut(&[u8]));
    /// Shows the records from a sequence on, in order, until the visitor says false.
    fn events(&self, from: u64, visit: &mut dyn FnMut(u64, &[u8]) -> bool);
    fn entity(&self, entity: &str, visit: &mut dyn FnMut(u64));
}

/// A transaction that writes.
pub trait Writer {
    /// The highest sequence, 0 when there is none.
    fn last(&mut self) -> u64;
    /// Inserts, unless it is there.
    fn claim(&mut self, table: Unique, key: &[u8; 16], sequence: u64) -> bool;
    /// Puts the last content hash of an entity in the place of the one before.
    fn chain(&mut self, entity: &str, hash: &[u8; 32]) -> Option<[u8; 32]>;
    fn put(&mut self, sequence: u64, entity: &str, record: &[u8]);
}

/// An import that is durable once is one transaction of so many events, which is all of them but in
/// the largest stores. Beyond it the engines of this kind spill what they changed.
const ONCE: u64 = 200_000;
/// A transaction takes no more payloads than that.
const TRANSACTION_BYTES: usize = 64 << 20;

pub trait Tables: Send + Sync + Sized {
    const NAME: &'static str;
    const PACKAGE: &'static str;
    const DOES: &'static str;
    const LEAVES_OUT: &'static str;
    const WORKLOADS: &'static [Workload] = Workload::ALL;
    /// Whether an import that is durable once is one transaction; otherwise it is many, with one
    /// sync at its end.
    const ONE_TRANSACTION: bool;

    fn open(dir: &Path) -> Self;
    fn read(&self, job: &mut dyn FnMut(&dyn Reader));
    /// The job answers how many events it wrote; a transaction with none is dropped.
    fn write(&self, durable: bool, job: &mut dyn FnMut(&mut dyn Writer) -> u64);
    /// Makes durable what was committed.
    fn sync(&self);
}

fn insert(
    writer: &mut dyn Writer,
    sequence: u64,
    view: EventView<'_>,
    provenance: &[u8],
    payload: &[u8],
    buffer: &mut Vec<u8>,
) {
    assert!(writer.claim(Unique::Id, &view.id, sequence), "the id is there already");
    let hash = job::content_hash(payload);
    let prev = writer.chain(view.entity, &hash).unwrap_or_default();
    Record { view, prev: &prev, hash: &hash, provenance, payload }.encode(buffer);
    writer.put(sequence, view.entity, buffer);
}

impl<T: Tables> Peer for T {
    const NAME: &'static str = T::NAME;
    const PACKAGE: &'static str = T::PACKAGE;
    const DOES: &'static str = T::DOES;
    const LEAVES_OUT: &'static str = T::LEAVES_OUT;
    const WORKLOADS: &'static [Workload] = T::WORKLOADS;

    fn open(dir: &Path) -> Self {
        T::open(dir)
    }

    fn close(self) {}

    fn append(&self, events: &[Event], durable: bool) {
        let mut buffer = Vec::new();
        self.write(durable, &mut |writer| {
            for (sequence, event) in (writer.last() + 1..).zip(events) {
                insert(writer, sequence, job::view(event), &[], &event.payload, &mut buffer);
            }
            events.len() as u64
        });
    }

    fn import(
        &self,
        source: &Self,
        mode: Mode,
        filter: &mut dyn FnMut(&EventView<'_>) -> bool,
    ) -> Imported {
        let (chunk, durable) = match mode {
            Mode::PerChunk => (BATCH as u64, true),
            Mode::Once if T::ONE_TRANSACTION => (ONCE, true),
            Mode::Once => (BATCH as u64, false),
        };
        let (mut done, mut next, mut more, mut buffer) =
            (Imported::default(), 1u64, true, Vec::new());
        source.read(&mut |reader| {
            while more {
                self.write(durable, &mut |writer| {
                    let (before, end) = (done.new, next.saturating_add(chunk));
                    let (mut sequence, mut bytes_left) = (writer.last() + 1, TRANSACTION_BYTES);
                    more = false;
                    reader.events(next, &mut |at, bytes| {
                        if at >= end || bytes_left < bytes.len() && bytes_left < TRANSACTION_BYTES {
                            (more, next) = (true, at);
                            return false;
                        }
                        bytes_left = bytes_left.saturating_sub(bytes.len());
                        let Record { view, payload, .. } = Record::decode(bytes);
                        if filter(&view) {
                            let key = job::import_key(&view.id);
                            if writer.claim(Unique::Key, &key, sequence) {
                                let provenance = job::provenance(&view.id, at);
                                let view = EventView { id: job::import_id(&view.id, &key), ..view };
                                insert(writer, sequence, view, &provenance, payload, &mut buffer);
                                sequence += 1;
                                done.new += 1;
                            } else {
                                done.present += 1;
                            }
                        }
                        true
                    });
                    done.new - before
                });
            }
        });
        self.sync();
        done
    }

    fn read(&self, id: &[u8; 16]) -> Option<usize> {
        let mut found = None;
        Tables::read(self, &mut |reader| {
            if let Some(sequence) = reader.by_id(id) {
                reader.event(sequence, &mut |bytes| {
                    let Record { hash, payload, .. } = Record::decode(bytes);
                    job::verify(payload, hash);
                    found = Some(payload.len());
                });
            }
        });
        found
    }

    fn scan(&self, visit: &mut dyn FnMut(&[u8])) -> u64 {
        let mut seen = 0;
        Tables::read(self, &mut |reader| {
            reader.events(1, &mut |_, bytes| {
                visit(Record::decode(bytes).payload);
                seen += 1;
                true
            })
        });
        seen
    }

    fn entity(&self, entity: &str, visit: &mut dyn FnMut(&[u8])) -> u64 {
        let mut seen = 0;
        Tables::read(self, &mut |reader| {
            reader.entity(entity, &mut |sequence| {
                reader.event(sequence, &mut |bytes| {
                    let Record { hash, payload, .. } = Record::decode(bytes);
                    job::verify(payload, hash);
                    visit(payload);
                    seen += 1;
                })
            })
        });
        seen
    }
}
