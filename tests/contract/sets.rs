//! The events of a store as a set: equal sets have equal digests, and what is kept of them is what
//! the log says.

use crate::common::*;
use fbat::engine::import::{ImportIdentity, ImportOptions, OnConflict};
use fbat::engine::log::options::OpenMode;
use fbat::engine::model::error::Code;
use fbat::engine::model::event::NewEvent;
use fbat::engine::model::id::{Hash, Id, Kind};
use fbat::engine::model::region::{KindRange, Region};
use fbat::engine::store::backup::BackupOptions;
use fbat::engine::store::compress::CompressOptions;
use fbat::engine::store::open::new_identity;
use fbat::engine::store::set::{OriginListing, OriginSummary, SetDigest};
use fbat::engine::store::Store;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn by_origin<'a>() -> ImportOptions<'a> {
    ImportOptions { identity: ImportIdentity::Origin, ..ImportOptions::default() }
}

fn everything() -> Region {
    Region::default()
}

fn digest(store: &Store) -> SetDigest {
    store.set_digest(&everything()).unwrap()
}

fn origins(store: &Store) -> Vec<OriginSummary> {
    let (rows, is_end) = store.origins(&OriginListing::default()).unwrap();
    assert!(is_end);
    rows
}

/// The sum of hashes as little-endian integers, byte by byte.
fn add(sum: &mut [u8; 32], hash: &[u8; 32]) {
    let mut carry = 0u16;
    for (byte, more) in sum.iter_mut().zip(hash) {
        carry += u16::from(*byte) + u16::from(*more);
        (*byte, carry) = (carry as u8, carry >> 8);
    }
}

/// The origins of some rows, by the definition.
fn expected<'r>(native: &str, rows: impl IntoIterator<Item = &'r Row>) -> Vec<OriginSummary> {
    let mut sums: BTreeMap<String, (u64, [u8; 32], u64)> = BTreeMap::new();
    for row in rows {
        let (namespace, id, sequence) = match &row.provenance {
            Some(origin) => (&*origin.namespace, origin.event_id, origin.sequence),
            None => (native, row.id, row.sequence),
        };
        let mut input = b"fbat item v1\0\0\0\0".to_vec();
        input.extend((namespace.len() as u32).to_le_bytes());
        input.extend(namespace.as_bytes());
        input.extend(id.to_bytes());
        input.extend(blake3::hash(&row.payload).as_bytes());
        let (events, sum, greatest) = sums.entry(namespace.to_owned()).or_default();
        add(sum, blake3::hash(&input).as_bytes());
        (*events, *greatest) = (*events + 1, sequence.max(*greatest));
    }
    let summary = |(namespace, (events, sum, last_sequence))| {
        let fingerprint = Hash(sum);
        OriginSummary { namespace, events, fingerprint, last_sequence }
    };
    sums.into_iter().map(summary).collect()
}

fn assert_as_defined(store: &Store) {
    let origins = origins(store);
    assert_eq!(origins, expected(&store.native_namespace(), &rows(store)));
    let mut sum = [0; 32];
    origins.iter().for_each(|origin| add(&mut sum, &origin.fingerprint.0));
    let events = origins.iter().map(|origin| origin.events).sum();
    assert_eq!(digest(store), SetDigest { events, fingerprint: Hash(sum) });
}

fn set_files(store: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(store).unwrap().map(|e| e.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|e| e == "set"));
    found.sort();
    found
}

fn contents(paths: &[PathBuf]) -> Vec<Vec<u8>> {
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// A store of several segments, with events of its own and of another one.
fn mixed(dir: &TempDir, name: &str) -> (PathBuf, Store) {
    let other = open_quick(&dir.join(&format!("{name}-other")));
    fill(&other, 0, 3000);
    let path = dir.join(name);
    let store = open(&path, &repeatable(7));
    fill(&store, 5000, 2000);
    import_with(&store, &other, &mut by_origin());
    fill(&store, 9000, 2000);
    let plant = open_quick(&dir.join(&format!("{name}-plant")));
    fill(&plant, 0, 1500);
    import(&store, &plant, "plant/7");
    store.sync().unwrap();
    assert!(segments(&path).len() > 3, "{}", segments(&path).len());
    (path, store)
}

#[test]
fn digests_and_origins_are_as_defined() {
    let dir = TempDir::in_memory("sets");
    let (path, store) = mixed(&dir, "store");
    assert_eq!(digest(&open_quick(&dir.join("empty"))), SetDigest::default());
    assert_as_defined(&store);
    assert_eq!(set_files(&path).len(), segments(&path).len() - 1);
    // Now from files, and with what the log has gained.
    fill(&store, 20_000, 700);
    assert_as_defined(&store);
    assert_sound(&store);
    store.close().unwrap();
    let reader = open_reader(&path);
    assert_as_defined(&reader);
    set_files(&path).iter().for_each(|file| fs::remove_file(file).unwrap());
    let reader = open_reader(&path);
    assert_as_defined(&reader);
    assert_as_defined(&reader);
    assert!(set_files(&path).is_empty(), "a reader writes nothing");
}

#[test]
fn stores_with_the_same_events_have_the_same_digest() {
    let dir = TempDir::in_memory("sets-equal");
    let [a, b, c] = ["a", "b", "c"].map(|name| open_quick(&dir.join(name)));
    fill(&a, 0, 500);
    fill(&b, 1000, 500);
    fill(&c, 2000, 1500);
    for (to, from) in [(&a, &b), (&c, &a), (&a, &c), (&b, &c), (&c, &b)] {
        import_with(to, from, &mut by_origin());
    }
    assert_eq!(digest(&a), digest(&b));
    assert_eq!(digest(&a), digest(&c));
    assert_eq!(origins(&a), origins(&c));
    assert_ne!(rows(&a)[0].id, rows(&c)[0].id, "in other orders, under other ids");
    a.append(&event("one", b"more")).unwrap();
    assert_ne!(digest(&a), digest(&b));
}

#[test]
fn a_region_is_applied_first() {
    let dir = TempDir::in_memory("sets-region");
    let (_, store) = mixed(&dir, "store");
    let kind = rows(&store)[10].kind;
    let kinds = vec![KindRange::exact(kind)];
    let region = Region { kinds, ..Region::default() };
    let of_region = rows(&store).into_iter().filter(|row| row.kind == kind).collect::<Vec<_>>();
    let origins = |after: Option<&str>, page_rows| {
        let after = after.map(str::to_owned);
        store.origins(&OriginListing { region: region.clone(), after, page_rows }).unwrap()
    };
    let wanted = expected(&store.native_namespace(), &of_region);
    assert!(wanted.len() == 3 && of_region.len() < rows(&store).len());
    assert_eq!(origins(None, 3), (wanted.clone(), true));
    assert_eq!(origins(None, 2), (wanted[..2].to_vec(), false));
    assert_eq!(origins(Some(&wanted[1].namespace), 2), (wanted[2..].to_vec(), true));
    let digest = store.set_digest(&region).unwrap();
    assert_eq!(digest.events, of_region.len() as u64);
    let bad = Region { versions: Some((2, 1)), ..Region::default() };
    assert_eq!(code_of(store.set_digest(&bad)), Code::InvalidArgument);
    let none = Region { kinds: vec![KindRange::exact(Kind::GENESIS)], ..Region::default() };
    assert_eq!(store.set_digest(&none).unwrap(), SetDigest::default());
}

#[test]
fn damaged_files_are_found_and_written_again() {
    let dir = TempDir::in_memory("sets-damage");
    let (path, store) = mixed(&dir, "store");
    let right = digest(&store);
    let files = set_files(&path);

    let before = contents(&files);
    let mut rng = Rng(11);
    for round in 0..60 {
        let at = rng.below(files.len() as u64) as usize;
        let mut bytes = before[at].clone();
        match round % 4 {
            0 => bytes.truncate(rng.below(bytes.len() as u64) as usize),
            1 => bytes = before[(at + 1) % files.len()].clone(),
            2 => bytes.extend(rng.bytes(3)),
            _ => {
                let bit = rng.below(bytes.len() as u64 * 8);
                bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
            }
        }
        fs::write(&files[at], &bytes).unwrap();
        let report = store.verify().unwrap();
        assert_eq!(report.found, 1, "{:?}", report.findings);
        assert_eq!(report.findings[0].path, files[at]);
        assert_eq!(digest(&open_reader(&path)), right);
        assert_eq!(digest(&store), right, "round {round}");
        assert_eq!(contents(&files), before);
    }
    fs::remove_file(&files[0]).unwrap();
    assert_sound(&store);
    assert_eq!(digest(&store), right);
    assert_eq!(contents(&files), before);
}

#[test]
fn a_set_from_before_a_crash_goes_when_its_segment_is_full_again() {
    let dir = TempDir::in_memory("sets-crash");
    let (path, store) = mixed(&dir, "store");
    digest(&store);
    // The segment that followed the last one is gone, and the set that was made beside it is not.
    let last = segments(&path).pop().unwrap().with_extension("set");
    fs::copy(&set_files(&path)[0], &last).unwrap();
    fill(&store, 20_000, 2000);
    store.sync().unwrap();
    assert!(segments(&path).pop().unwrap().with_extension("set") > last);
    assert_sound(&store);
    assert!(!last.exists());
    digest(&store);
    assert!(last.exists());
    assert_sound(&store);
}

#[test]
fn verify_compares_sums_with_the_log() {
    let dir = TempDir::in_memory("sets-verify");
    let (path, store) = mixed(&dir, "store");
    let right = digest(&store);
    // One that is whole, and says something else of the same log.
    let file = set_files(&path).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    let end = bytes.len() - 4;
    bytes[end - 1] ^= 1;
    let crc = crc32fast::hash(&bytes[..end]);
    bytes[end..].copy_from_slice(&crc.to_le_bytes());
    fs::write(&file, &bytes).unwrap();
    let report = store.verify().unwrap();
    assert_eq!(report.found, 1, "{:?}", report.findings);
    assert!(report.findings[0].message.contains("not that of its events"), "{report:?}");
    assert_ne!(digest(&store), right, "it is trusted until somebody verifies");
}

#[test]
fn compressed_segments_have_the_same_sets() {
    let dir = TempDir::in_memory("sets-cold");
    let (path, store) = mixed(&dir, "store");
    let right = digest(&store);
    let before = contents(&set_files(&path));
    store.compress(CompressOptions::default()).unwrap();
    assert_eq!(digest(&store), right);
    set_files(&path).iter().for_each(|file| fs::remove_file(file).unwrap());
    assert_eq!(digest(&store), right);
    assert_eq!(contents(&set_files(&path)), before);
    assert_sound(&store);
}

#[test]
fn copies_and_new_identities_keep_the_set() {
    let dir = TempDir::in_memory("sets-copies");
    let (_, store) = mixed(&dir, "store");
    let (right, copy) = (digest(&store), dir.join("copy"));
    store.backup(&copy, BackupOptions::default()).unwrap();
    assert_eq!(digest(&open_reader(&copy)), right);
    new_identity(&copy, &quick()).unwrap();
    let copy = open(&copy, &with_mode(OpenMode::MustExist));
    assert_eq!(digest(&copy), right, "what it has was appended to the other store");
    copy.append(&event("new", b"here")).unwrap();
    assert_eq!(origins(&copy).len(), origins(&store).len() + 1);
}

#[test]
fn two_contents_of_one_name_are_two_elements() {
    let dir = TempDir::in_memory("sets-conflict");
    let [a, b] = ["a", "b"].map(|name| open_quick(&dir.join(name)));
    a.append(&NewEvent { key: Id(5), ..event("order", b"one") }).unwrap();
    a.backup(&dir.join("c"), BackupOptions::default()).unwrap();
    let c = open(&dir.join("c"), &with_mode(OpenMode::MustExist));
    for (store, text) in [(&a, "two"), (&c, "three")] {
        store.append(&NewEvent { key: Id(6), ..event("order", text.as_bytes()) }).unwrap();
        let mut keep = ImportOptions { on_conflict: OnConflict::Keep, ..by_origin() };
        import_with(&b, store, &mut keep);
    }
    assert_eq!(digest(&b).events, 3);
    assert_eq!(origins(&b), expected(&a.native_namespace(), &rows(&b)));
}
