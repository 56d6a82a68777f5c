//! Damage to a closed store: every bit flipped, every file cut at every length, sectors lost or
//! written to a wrong place. It is detected, or costs nothing; wrong data is never served.

use crate::common::book::{options, store_path};
use crate::common::*;
use fbat::engine::log::options::{Durability, OpenMode, Options};
use fbat::engine::model::error::{Code, Error};
use fbat::engine::model::event::{Columns, Event};
use fbat::engine::model::id::Kind;
use fbat::engine::model::region::Region;
use fbat::engine::platform::memory::{Image, MemoryVfs};
use fbat::engine::store::compress::CompressOptions;
use fbat::engine::store::query::Query;
use fbat::engine::store::Store;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// What became of damage.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// Some call answered with a status that says so, or verify found it.
    Detected,
    /// Everything is as it was.
    Harmless,
    /// Something else than what was written is served, or damage is met with a senseless answer.
    Wrong(String),
}

/// A closed store of several segments, and everything that can be read from it.
struct Original {
    image: Image,
    all: Page,
    entities: Vec<String>,
}

impl Original {
    fn new() -> Original {
        Original::of(false)
    }

    /// `cold`: what is full is compressed.
    fn of(cold: bool) -> Original {
        let disk = MemoryVfs::of_boot("boot");
        let on = |disk: MemoryVfs, seed| options(Arc::new(disk), seed, Durability::Os);
        let store = Store::open(store_path(), &on(disk.clone(), 7)).unwrap();
        let samples: Vec<Sample> = (0..48).map(Sample::new).map(enlarged).collect();
        for batch in samples.chunks(2) {
            let extensions: Vec<_> = batch.iter().map(Sample::extensions).collect();
            let events: Vec<_> = batch.iter().zip(&extensions).map(|(s, x)| s.event(x)).collect();
            store.append_batch(&events).unwrap();
        }
        let source = Store::open(store_path(), &on(MemoryVfs::of_boot("boot"), 8)).unwrap();
        fill(&source, 1000, 5);
        import(&store, &source, "elsewhere");
        if cold {
            assert!(store.compress(CompressOptions::default()).unwrap().segments >= 2);
        }
        store.close().unwrap();
        let image = disk.image();
        let reader = open_on(&image, OpenMode::ReadOnly).unwrap();
        let mut entities: Vec<String> = samples.into_iter().map(|sample| sample.entity).collect();
        entities.sort();
        entities.dedup();
        let all = reader.query(&everything()).unwrap();
        Original { image, all, entities }
    }

    fn last_log(&self) -> &PathBuf {
        let mut paths = self.image.files.keys();
        paths.rfind(|path| path.extension().is_some_and(|e| e == "log")).unwrap()
    }

    /// The store with another file in the place of one of its own.
    fn with(&self, path: &Path, bytes: Vec<u8>) -> Image {
        let mut image = self.image.clone();
        image.files.insert(path.to_path_buf(), Arc::new(bytes));
        image
    }
}

/// Makes segments fill up, and the flips of one event few.
fn enlarged(mut sample: Sample) -> Sample {
    let length = 2_000 + (sample.number % 5) as usize * 200;
    sample.payload.resize(length, b'.');
    sample
}

fn everything() -> Query {
    Query { columns: Columns::ALL, system: true, page_rows: 10_000, ..Query::default() }
}

fn open_on(image: &Image, mode: OpenMode) -> Result<Store, Error> {
    let memory = Arc::new(MemoryVfs::of(image));
    Store::open(store_path(), &Options { mode, ..options(memory, 9, Durability::Os) })
}

/// A reading of a store that may be damaged, in every way, compared with the original.
struct Reading<'a> {
    original: &'a Original,
    /// A shorter log will do.
    prefix: bool,
    detected: bool,
}

impl Reading<'_> {
    /// The answer of a call; none where it says that there is damage. Any other error is wrong.
    fn told<T>(&mut self, doing: &str, answer: Result<T, Error>) -> Result<Option<T>, String> {
        match answer {
            Ok(value) => Ok(Some(value)),
            Err(e) if matches!(e.code(), Code::Corrupt | Code::FutureVersion) => {
                self.detected = true;
                Ok(None)
            }
            Err(e) => Err(format!("{doing}: {:?}: {e}", e.code())),
        }
    }

    /// `thorough`: goes on in every way also where damage was seen.
    fn read(&mut self, image: &Image, mode: OpenMode, thorough: bool) -> Result<(), String> {
        let Some(store) = self.told("open", open_on(image, mode))? else { return Ok(()) };
        let count = self.read_all(&store)?;
        self.read_each(&store, count)?;
        if !self.detected || thorough {
            self.read_entities(&store)?;
            let report = self.told("verify", store.verify())?;
            self.detected |= report.is_some_and(|report| !report.findings.is_empty());
        }
        Ok(())
    }

    /// How many events a query gives; none where it meets damage.
    fn read_all(&mut self, store: &Store) -> Result<usize, String> {
        let Some(page) = self.told("query", store.query(&everything()))? else { return Ok(0) };
        let all = &self.original.all;
        if let Some(at) = page.iter().zip(all.iter()).position(|(a, b)| a != b) {
            return Err(format!("a query gives another event at {at}"));
        }
        // Without a mark and a lock file that can be read, a writer jumps sequences and says so.
        let added = page.iter().skip(all.len()).any(|event| event.kind != Kind::GAP);
        if added || (page.len() < all.len() && !self.prefix) {
            return Err(format!("a query gives {} events of {}", page.len(), all.len()));
        }
        Ok(page.len().min(all.len()))
    }

    fn read_each(&mut self, store: &Store, count: usize) -> Result<(), String> {
        let count = if self.prefix { count } else { self.original.all.len() };
        for event in self.original.all.iter().take(count) {
            let page = self.told("get", store.get(event.id, Columns::ALL))?;
            if page.is_some_and(|page| page.is_none_or(|page| page.get(0) != event)) {
                return Err(format!("get gives another event than {}", event.sequence));
            }
        }
        Ok(())
    }

    fn read_entities(&mut self, store: &Store) -> Result<(), String> {
        if self.prefix {
            return Ok(());
        }
        for entity in &self.original.entities {
            let region = Region { entity: Some(entity.clone()), ..Region::default() };
            let wanted = |event: &Event<'_>| {
                event.entity == *entity || event.entity.starts_with(&format!("{entity}:"))
            };
            let page =
                self.told("query of an entity", store.query(&Query { region, ..everything() }))?;
            if page.is_some_and(|page| !page.iter().eq(self.original.all.iter().filter(wanted))) {
                return Err(format!("a query gives other events of {entity}"));
            }
        }
        Ok(())
    }
}

/// Opens as a reader and as a writer, and reads.
fn judge(original: &Original, image: &Image, prefix: bool, thorough: bool) -> Verdict {
    let mut reading = Reading { original, prefix, detected: false };
    let modes = [OpenMode::ReadOnly, OpenMode::MustExist];
    match modes.into_iter().try_for_each(|mode| reading.read(image, mode, thorough)) {
        Err(why) => Verdict::Wrong(why),
        Ok(()) if reading.detected => Verdict::Detected,
        Ok(()) => Verdict::Harmless,
    }
}

/// What kind of place damage was at, for the list of harmless ones.
fn place(path: &Path) -> &'static str {
    match path.extension().and_then(|e| e.to_str()) {
        Some("idx") => "index, which is made anew",
        Some("log") => "log",
        Some("fbat") => "identity file",
        _ if path.ends_with("clean") => "clean mark, without which the log is scanned",
        _ => "lock file",
    }
}

/// Counts verdicts, and keeps the first wrong ones.
#[derive(Default)]
struct Tally {
    tried: u64,
    detected: u64,
    harmless: BTreeMap<&'static str, u64>,
    wrong: Vec<String>,
}

impl Tally {
    fn is_full(&self) -> bool {
        self.wrong.len() >= findings_max()
    }

    fn take(&mut self, verdict: Verdict, path: &Path, offset: usize, what: &str) {
        self.tried += 1;
        match verdict {
            Verdict::Detected => self.detected += 1,
            Verdict::Harmless => *self.harmless.entry(place(path)).or_default() += 1,
            Verdict::Wrong(why) => {
                self.wrong.push(format!("{} {what} {offset}: {why}", path.display()))
            }
        }
    }

    /// Only what can be made anew may be damaged without anybody noticing.
    #[track_caller]
    fn close(mut self, figure: &str, seed: u64, began: Instant) {
        for place in ["log", "identity file"] {
            if let Some(count) = self.harmless.get(place) {
                self.wrong.push(format!("{count} times nobody noticed damage to the {place}"));
            }
        }
        println!("seed {seed}: {} detected, harmless: {:?}", self.detected, self.harmless);
        score(figure, self.tried, self.wrong.len() as u64, began);
        self.wrong.truncate(10);
        assert!(self.wrong.is_empty(), "FBAT_SEED={seed}\n{}", self.wrong.join("\n"));
    }
}

/// The part of all cases that this run tries: all of them in an hour's torture.
fn taken(rng: &mut Rng) -> bool {
    let part = scaled(1_000_000) as f64 / 1e6;
    part >= 1.0 || (rng.next() as f64) < part * u64::MAX as f64
}

#[test]
fn every_flipped_bit_is_detected_or_harmless() {
    let original = Original::new();
    let segments = original
        .image
        .files
        .keys()
        .filter(|path| path.extension().is_some_and(|e| e == "log"))
        .count();
    let bytes: usize = original.image.files.values().map(|bytes| bytes.len()).sum();
    assert!(segments >= 3 && bytes >= 60_000, "{segments} segments, {bytes} bytes");
    println!("a store of {bytes} bytes, {segments} segments, {} events", original.all.len());
    flip_each_bit(&original, "single-bit flips");
}

#[test]
fn every_flipped_bit_of_a_compressed_store_is_detected_or_harmless() {
    flip_each_bit(&Original::of(true), "single-bit flips of compressed stores");
}

fn flip_each_bit(original: &Original, figure: &str) {
    let (seed, began) = (seed_from_env(), Instant::now());
    let (mut tally, mut rng) = (Tally::default(), Rng(seed));
    for (path, bytes) in &original.image.files {
        for bit in 0..bytes.len() * 8 {
            if !taken(&mut rng) || tally.is_full() {
                continue;
            }
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let verdict = judge(original, &original.with(path, flipped), false, rng.one_in(16));
            tally.take(verdict, path, bit / 8, &format!("bit {} of byte", bit % 8));
        }
    }
    tally.close(figure, seed, began);
}

#[test]
fn a_file_cut_at_any_length_gives_a_right_prefix_or_is_detected() {
    cut_anywhere(&Original::new(), "truncations");
}

#[test]
fn a_compressed_file_cut_at_any_length_is_detected() {
    cut_anywhere(&Original::of(true), "truncations of compressed stores");
}

fn cut_anywhere(original: &Original, figure: &str) {
    let (seed, began) = (seed_from_env(), Instant::now());
    let (mut tally, mut rng) = (Tally::default(), Rng(seed));
    // Closed; and as after a crash, when no mark says how long the log was.
    let mut unmarked = original.image.clone();
    unmarked.files.retain(|path, _| !path.ends_with("clean"));
    for (image, unclean) in [(&original.image, false), (&unmarked, true)] {
        for (path, bytes) in &image.files {
            let last_log = image.files.keys().rfind(|p| p.extension().is_some_and(|e| e == "log"))
                == Some(path);
            for length in 0..bytes.len() {
                if !taken(&mut rng) {
                    continue;
                }
                let mut cut = image.clone();
                cut.files.insert(path.clone(), Arc::new(bytes[..length].to_vec()));
                let mut verdict = judge(original, &cut, unclean && last_log, rng.one_in(16));
                if verdict == Verdict::Harmless && unclean && last_log {
                    verdict = Verdict::Detected; // a right prefix
                }
                tally.take(verdict, path, length, "cut at");
            }
        }
    }
    tally.close(figure, seed, began);
}

#[test]
fn sectors_that_are_lost_or_written_to_a_wrong_place_are_detected_or_harmless() {
    misplace_sectors(&Original::new(), "lost and misdirected sectors");
}

#[test]
fn sectors_of_compressed_stores_are_lost_or_misdirected_and_that_is_detected_or_harmless() {
    misplace_sectors(&Original::of(true), "lost and misdirected sectors of compressed stores");
}

fn misplace_sectors(original: &Original, figure: &str) {
    let (seed, began) = (seed_from_env(), Instant::now());
    let (mut tally, mut rng) = (Tally::default(), Rng(seed));
    let paths: Vec<&PathBuf> = original.image.files.keys().collect();
    let mut at = 0;
    while at < scaled(100_000) && !tally.is_full() {
        let (path, from) = (*rng.pick(&paths), *rng.pick(&paths));
        let (bytes, other) = (&original.image.files[path], &original.image.files[from]);
        let sector = rng.below(bytes.len() as u64 / 512 + 1) as usize * 512;
        let source = rng.below(other.len() as u64 / 512 + 1) as usize * 512;
        let length = (bytes.len() - sector).min(other.len() - source).min(512 << rng.below(4));
        let mut damaged = bytes.to_vec();
        match rng.below(3) {
            0 => damaged[sector..sector + length].fill(0),
            1 => damaged[sector..sector + length].copy_from_slice(&other[source..source + length]),
            _ => damaged
                .splice(sector..sector, other[source..source + length].to_vec())
                .for_each(drop),
        }
        // What was only added behind the end of the log is a torn tail: the test below.
        if damaged.starts_with(bytes)
            && (damaged.len() == bytes.len() || path == original.last_log())
        {
            continue;
        }
        at += 1;
        tally.take(
            judge(original, &original.with(path, damaged), false, true),
            path,
            sector,
            "sector at",
        );
    }
    tally.close(figure, seed, began);
}

#[test]
fn what_was_added_behind_the_end_of_the_log_is_cut_and_reported() {
    let original = Original::new();
    let path = original.last_log();
    let longer = [&original.image.files[path][..], &[b'.'; 512]].concat();
    let image = original.with(path, longer);
    assert_eq!(judge(&original, &image, false, true), Verdict::Detected);
    let report = open_on(&image, OpenMode::MustExist).unwrap().open_report().clone();
    assert_eq!((report.unclean, report.dropped_bytes, report.dropped_batches), (true, 512, 0));
}

/// What somebody who knows the format can do: change a bit of an event and put every checksum
/// right.
#[test]
fn every_forged_bit_is_found_by_verify() {
    let (seed, began, original) = (seed_from_env(), Instant::now(), Original::new());
    let logs = original
        .image
        .files
        .iter()
        .filter(|(path, _)| path.extension().is_some_and(|e| e == "log"));
    let logs: Vec<_> = logs.collect();
    let (mut tally, mut rng) = (Tally::default(), Rng(seed));
    while tally.tried < scaled(50_000) && !tally.is_full() {
        let (path, bytes) = *rng.pick(&logs);
        let frames = frames_of(bytes);
        let frame = rng.pick(&frames).clone();
        // Mostly in front, where everything but the payload is; not the checksum and length
        // themselves.
        let length = (frame.len() as u64 - 8).min(if rng.one_in(4) { u64::MAX } else { 160 });
        let at = frame.start + 8 + rng.below(length) as usize;
        let mut forged = bytes.to_vec();
        forged[at] ^= 1 << rng.below(8);
        renew_checksums(&mut forged, at);
        let mut reading = Reading { original: &original, prefix: false, detected: false };
        let store = reading.told("open", open_on(&original.with(path, forged), OpenMode::ReadOnly));
        let found = store.and_then(|store| {
            store.map_or(Ok(None), |store| reading.told("verify", store.verify()))
        });
        let verdict = match found {
            Err(why) => Verdict::Wrong(why),
            Ok(Some(report)) if report.findings.is_empty() => {
                Verdict::Wrong("verify finds nothing".into())
            }
            Ok(_) => Verdict::Detected,
        };
        tally.take(verdict, path, at, "forged bit at");
    }
    tally.close("forged bits, all checksums renewed", seed, began);
}

#[test]
fn canary_an_event_that_was_changed_with_all_its_checksums_is_wrong_data() {
    let original = Original::new();
    let other = {
        let dir = TempDir::in_memory("forged");
        let path = dir.join("store");
        std::fs::create_dir(&path).unwrap();
        for (name, bytes) in &original.image.files {
            std::fs::write(path.join(name.file_name().unwrap()), &**bytes).unwrap();
        }
        forge_payload(&path, b"event 17 ");
        let mut image = original.image.clone();
        for (name, bytes) in &mut image.files {
            *bytes = Arc::new(std::fs::read(path.join(name.file_name().unwrap())).unwrap());
        }
        image
    };
    assert!(matches!(judge(&original, &other, false, true), Verdict::Wrong(_)));
    assert_eq!(judge(&original, &original.image, false, true), Verdict::Harmless);
}
