//! LMDB through `heed`: as it is, and through a map that is written to.

use super::tables::{Reader, Tables, Unique, Writer};
use crate::peer::Workload;
use heed::byteorder::{BigEndian, NativeEndian};
use heed::types::{Bytes, Str, U64};
use heed::{
    CommitOrAbort, Database, DatabaseFlags, Env, EnvFlags, EnvOpenOptions, FlagSetMode,
    IntegerComparator, PutFlags, RoTxn, RwTxn, WithTls,
};
use std::path::Path;
use std::sync::Mutex;

type Sequences = Database<'static, Bytes, U64<NativeEndian>>;

#[derive(Clone, Copy)]
struct Handles {
    events: Database<'static, U64<NativeEndian>, Bytes, IntegerComparator>,
    ids: Sequences,
    keys: Sequences,
    entities: Database<'static, Str, U64<BigEndian>>,
    heads: Database<'static, Str, Bytes>,
}

/// `MAP`: pages are changed in the map, and nothing waits for the disk but [`Tables::sync`].
pub struct Lmdb<const MAP: bool> {
    env: Env,
    tables: Handles,
    /// Held by the writer: whether commits sync.
    durable: Mutex<bool>,
}

impl<const MAP: bool> Tables for Lmdb<MAP> {
    const NAME: &'static str = if MAP { "LMDB-map" } else { "LMDB" };
    const PACKAGE: &'static str = "heed";
    const DOES: &'static str = if MAP {
        "the same with `WRITEMAP` and `MAPASYNC`, where that is durable enough; reads are those \
        of LMDB"
    } else {
        "events by native integer key (appended), sequence by id and by key, entity with sorted \
        duplicates, last hash by entity; `NOSYNC` where not durable"
    };
    const LEAVES_OUT: &'static str =
        "checksums of pages; a scan checks no hash; threads commit one after the other; \
        without fsync, a power cut may damage the file";
    const WORKLOADS: &'static [Workload] = if MAP {
        &[
            Workload::Fill,
            Workload::AppendFast,
            Workload::Latency,
            Workload::Import,
            Workload::ImportAgain,
            Workload::AppendMany,
            Workload::ImportMany,
        ]
    } else {
        Workload::ALL
    };
    const ONE_TRANSACTION: bool = true;

    fn open(dir: &Path) -> Self {
        let mut options = EnvOpenOptions::new();
        let sorted = DatabaseFlags::DUP_SORT | DatabaseFlags::DUP_FIXED;
        options.max_dbs(5).map_size(64 << 30);
        if MAP {
            // SAFETY: nobody else changes the files while they are mapped, and nobody writes to
            // the map but LMDB.
            unsafe { options.flags(EnvFlags::WRITE_MAP | EnvFlags::MAP_ASYNC) };
        }
        // SAFETY: nobody else changes the files while they are mapped.
        let env = unsafe { options.open(dir) }.unwrap();
        let (events, ids, keys, entities, heads) = env
            .create_databases_and_commit(env.write_txn().unwrap(), |opener, txn| {
                let options = || opener.database_options();
                Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit((
                    options()
                        .types()
                        .key_comparator::<IntegerComparator>()
                        .name("events")
                        .create(txn)?,
                    options().types().name("ids").create(txn)?,
                    options().types().name("keys").create(txn)?,
                    options().types().flags(sorted).name("entities").create(txn)?,
                    options().types().name("heads").create(txn)?,
                )))
            })
            .unwrap()
            .unwrap_commit();
        let tables = Handles { events, ids, keys, entities, heads };
        Self { env, tables, durable: Mutex::new(true) }
    }

    fn read(&self, job: &mut dyn FnMut(&dyn Reader)) {
        job(&Read { txn: self.env.read_txn().unwrap(), tables: self.tables });
    }

    fn write(&self, durable: bool, job: &mut dyn FnMut(&mut dyn Writer) -> u64) {
        let mut synced = self.durable.lock().unwrap();
        if !MAP && *synced != durable {
            let mode = if durable { FlagSetMode::Disable } else { FlagSetMode::Enable };
            // SAFETY: the flag gives up durability only; its lock keeps writers away.
            unsafe { self.env.set_flags(EnvFlags::NO_SYNC, mode) }.unwrap();
            *synced = durable;
        }
        let mut write = Write { txn: self.env.write_txn().unwrap(), tables: self.tables };
        if job(&mut write) > 0 {
            write.txn.commit().unwrap();
        }
    }

    fn sync(&self) {
        if MAP {
            self.env.force_sync().unwrap();
        }
    }
}

struct Read<'a> {
    txn: RoTxn<'a, WithTls>,
    tables: Handles,
}

impl Reader for Read<'_> {
    fn by_id(&self, id: &[u8; 16]) -> Option<u64> {
        self.tables.ids.get(&self.txn, id).unwrap()
    }

    fn event(&self, sequence: u64, visit: &mut dyn FnMut(&[u8])) {
        visit(self.tables.events.get(&self.txn, &sequence).unwrap().unwrap());
    }

    fn events(&self, from: u64, visit: &mut dyn FnMut(u64, &[u8]) -> bool) {
        for event in self.tables.events.range(&self.txn, &(from..)).unwrap() {
            let (sequence, record) = event.unwrap();
            if !visit(sequence, record) {
                break;
            }
        }
    }

    fn entity(&self, entity: &str, visit: &mut dyn FnMut(u64)) {
        for event in
            self.tables.entities.get_duplicates(&self.txn, entity).unwrap().into_iter().flatten()
        {
            visit(event.unwrap().1);
        }
    }
}

struct Write<'a> {
    txn: RwTxn<'a>,
    tables: Handles,
}

impl Writer for Write<'_> {
    fn last(&mut self) -> u64 {
        self.tables.events.last(&self.txn).unwrap().map_or(0, |(sequence, _)| sequence)
    }

    fn claim(&mut self, table: Unique, key: &[u8; 16], sequence: u64) -> bool {
        let table = match table {
            Unique::Id => self.tables.ids,
            Unique::Key => self.tables.keys,
        };
        table.get_or_put(&mut self.txn, key, &sequence).unwrap().is_none()
    }

    fn chain(&mut self, entity: &str, hash: &[u8; 32]) -> Option<[u8; 32]> {
        let before =
            self.tables.heads.get(&self.txn, entity).unwrap().map(|hash| hash.try_into().unwrap());
        self.tables.heads.put(&mut self.txn, entity, hash).unwrap();
        before
    }

    fn put(&mut self, sequence: u64, entity: &str, record: &[u8]) {
        self.tables
            .events
            .put_with_flags(&mut self.txn, PutFlags::APPEND, &sequence, record)
            .unwrap();
        self.tables
            .entities
            .put_with_flags(&mut self.txn, PutFlags::APPEND_DUP, entity, &sequence)
            .unwrap();
    }
}
