//! Every engine does the whole job, on a small store.

use crate::peer::{Data, Event, Imported, Mode, Peer, Workload, BATCH};

fn whole_job<P: Peer>() {
    let data = Data { events: 1000, entities: 10, ..Data::DEFAULT };
    let events = data.all();
    let can = |workload| P::WORKLOADS.contains(&workload);
    let dirs: [_; 3] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    let open = |n: usize| P::open(dirs[n].path());

    let store = open(0);
    let (batches, singles) = events.split_at(3 * BATCH);
    batches.chunks(BATCH).for_each(|batch| store.append(batch, true));
    singles.chunks(1).for_each(|event| store.append(event, !can(Workload::AppendFast)));
    store.close();

    let store = open(0);
    let payloads = |events: &mut dyn Iterator<Item = &Event>| -> Vec<Vec<u8>> {
        events.map(|e| e.payload.clone()).collect()
    };
    if can(Workload::Scan) {
        let mut seen = Vec::new();
        assert_eq!(store.scan(&mut |payload| seen.push(payload.to_vec())), data.events);
        assert_eq!(seen, payloads(&mut events.iter()));
    }
    if can(Workload::Read) {
        assert!(events.iter().all(|event| store.read(&event.id) == Some(data.payload)));
        assert_eq!(store.read(&[1; 16]), None);
    }
    if can(Workload::Entity) {
        for entity in (0..data.entities).map(|n| data.entity(n)) {
            let mut seen = Vec::new();
            assert_eq!(store.entity(&entity, &mut |payload| seen.push(payload.to_vec())), 100);
            assert_eq!(seen, payloads(&mut events.iter().filter(|event| event.entity == entity)));
        }
    }
    for (n, mode, workload) in
        [(1, Mode::Once, Workload::Import), (2, Mode::PerChunk, Workload::ImportChunks)]
    {
        if can(workload) {
            let import = |keep: u16| {
                let destination = open(n);
                let imported = destination.import(&store, mode, &mut |event| event.kind <= keep);
                destination.close();
                imported
            };
            assert_eq!(import(0x1004), Imported { new: 500, present: 0 });
            assert_eq!(import(0x1008), Imported { new: 500, present: 500 });
            assert_eq!(import(0x1008), Imported { new: 0, present: 1000 });
        }
    }
    store.close();
}

macro_rules! engines {
    ($($name:ident: $engine:ty;)*) => {$(
        #[test]
        fn $name() {
            whole_job::<$engine>();
        }
    )*};
}

engines! {
    batpak: super::batpak::Batpak;
    commitlog: super::commitlog::CommitLog;
    fbat: super::fbat::Fbat;
    fjall: super::fjall::Fjall;
    lmdb: super::lmdb::Lmdb<false>;
    lmdb_map: super::lmdb::Lmdb<true>;
    mdbx: super::mdbx::Mdbx;
    okaywal: super::okaywal::OkayWal;
    raft_engine: super::raft_engine::RaftEngine;
    redb: super::redb::Redb;
    sqlite: super::sqlite::Sqlite;
    walrus: super::walrus::Walrus;
}

#[cfg(feature = "rocksdb")]
engines! {
    rocksdb: super::rocksdb::RocksDb;
}
