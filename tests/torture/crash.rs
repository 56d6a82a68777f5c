//! Crashes at every operation of a program at work, on a simulated disk that keeps of what was not
//! synced whatever it likes; and crashes during the recovery from such a crash.

use crate::common::book::{options, read, read_at, store_path, Book, Earlier, Work};
use crate::common::simulated::{Disk, History, Image, Replay};
use crate::common::*;
use fbat::engine::log::options::{Durability, OpenMode, Options};
use fbat::engine::repair::repair;
use fbat::engine::store::backup::BackupOptions;
use fbat::engine::store::compress::CompressOptions;
use fbat::engine::store::open::new_identity;
use fbat::engine::store::Store;
use std::collections::HashSet;
use std::path::Path;
use std::time::Instant;

/// Of a program's crash images, about so many are looked at before the next program is tried.
const IMAGES_PER_PROGRAM: f64 = 2_000.0;
/// One image in so many is recovered under the eyes of a second crash.
const DOUBLE_EVERY: u64 = 8;

/// What a campaign tried, and what it found.
#[derive(Default)]
struct Campaign {
    images: u64,
    double: u64,
    programs: u64,
    /// Events that were lost and had not been promised: without any, the crashes were too mild.
    lost_unpromised: u64,
    findings: Vec<String>,
}

impl Campaign {
    fn note(&mut self, result: book::Checked<u64>, what: impl FnOnce() -> String) {
        match result {
            Ok(lost) => self.lost_unpromised += lost,
            Err(finding) => self.findings.push(format!("{}: {finding}", what())),
        }
    }

    /// Looks at images that a kill or a power cut leaves, after operations at random; `check` is
    /// told whether that was the last one.
    fn cut_anywhere(
        &mut self,
        history: &History,
        rng: &mut Rng,
        images: u64,
        mut check: impl FnMut(&Image, bool) -> book::Checked<()>,
    ) {
        for _ in 0..images {
            let mut replay = Replay::new(history);
            replay.advance_to(rng.below(history.ops.len() as u64 + 1) as usize);
            let choices = replay.fates(rng);
            let fates = rng.pick(&choices);
            let left = if rng.one_in(5) { replay.killed() } else { replay.cut(fates) };
            self.images += 1;
            let (at, of) = (replay.position, history.ops.len());
            self.note(check(&left, at == of).map(|()| 0), || {
                format!("cut after operation {at} of {of}: {}", replay.tell(fates))
            });
        }
    }
}

/// A program that ran on a disk; `lies`: on one whose syncs do nothing.
fn program(seed: u64, lies: bool) -> (History, Book) {
    let disk = Disk::new();
    if lies {
        disk.lie();
    }
    let mut work = Work::new(disk.clone(), seed);
    work.run(60);
    work.kill();
    assert_eq!(work.codes, [], "seed {seed}: nothing fails on a sound disk");
    (disk.history(), work.book)
}

/// Looks at a part of the crash images of one program.
fn explore(campaign: &mut Campaign, seed: u64, lies: bool) {
    let (history, mut book) = program(seed, lies);
    let mut rng = Rng(seed ^ 0xc4a5);
    let (mut replay, mut seen) = (Replay::new(&history), HashSet::new());
    // First the number of images, then some of them.
    let mut count = Replay::new(&history);
    let mut all = 0;
    while count.advance() {
        all += count.fates(&mut Rng(0)).len() + 1;
    }
    let share = IMAGES_PER_PROGRAM / all as f64;
    campaign.programs += 1;
    while replay.advance() && campaign.findings.len() < findings_max() {
        let position = replay.position;
        if let Err(finding) = book.see(&replay.killed()) {
            campaign.findings.push(format!("seed {seed}, operation {position}: {finding}"));
        }
        let taken = |rng: &mut Rng| (rng.next() as f64) < share * u64::MAX as f64;
        if taken(&mut rng) {
            let what = || format!("seed {seed}, killed after operation {position}");
            let crash =
                Crash { book: &book, image: replay.killed(), position, power: false, what: &what };
            campaign.try_image(&crash, &mut rng);
        }
        let pending = replay.pending();
        for fates in replay.fates(&mut rng) {
            if !taken(&mut rng) || !seen.insert((replay.name_of(&pending, &fates), position)) {
                continue;
            }
            let what = || {
                format!(
                    "seed {seed}, power cut after operation {position}: {}",
                    replay.tell(&fates)
                )
            };
            let crash = Crash {
                book: &book,
                image: replay.cut(&fates),
                position,
                power: true,
                what: &what,
            };
            campaign.try_image(&crash, &mut rng);
        }
    }
}

/// What a crash of a program left.
struct Crash<'a> {
    book: &'a Book,
    image: Image,
    position: usize,
    /// It was the power, and not only the process.
    power: bool,
    /// Says which crash it was.
    what: &'a dyn Fn() -> String,
}

impl Campaign {
    fn try_image(&mut self, crash: &Crash<'_>, rng: &mut Rng) {
        self.images += 1;
        let disk = Disk::from_image(&crash.image);
        let result = crash.book.check(&disk, crash.position, crash.power, &Earlier::default());
        let sound = result.is_ok();
        self.note(result, crash.what);
        if sound && rng.one_in(DOUBLE_EVERY) {
            self.crash_again(crash, rng);
        }
    }

    /// Recovers from an image on a disk that stops too, at any operation.
    fn crash_again(&mut self, crash: &Crash<'_>, rng: &mut Rng) {
        let disk = Disk::from_image(&crash.image);
        let opened =
            Store::open(store_path(), &options(disk.vfs(), rng.next(), Durability::Durable));
        disk.kill();
        drop(opened);
        let history = disk.history();
        let mut replay = Replay::new(&history);
        replay.advance_to(rng.below(history.ops.len() as u64 + 1) as usize);
        let choices = replay.fates(rng);
        let fates = rng.pick(&choices);
        let killed = rng.one_in(5);
        let left = if killed { replay.killed() } else { replay.cut(fates) };
        self.double += 1;
        let result = read(&replay.killed(), "a reader beside the recovery").and_then(|seen| {
            let durable = replay.position == history.ops.len();
            let earlier = Earlier { seen: seen.unwrap_or_default(), durable };
            crash.book.check(
                &Disk::from_image(&left),
                crash.position,
                crash.power || !killed,
                &earlier,
            )
        });
        self.note(result, || {
            let how = if killed { "killed".to_owned() } else { replay.tell(fates) };
            let (at, of) = (replay.position, history.ops.len());
            format!("{}; then in the recovery after operation {at} of {of}: {how}", (crash.what)())
        });
    }
}

#[test]
fn whatever_a_crash_leaves_everything_promised_is_there() {
    let (seed, began) = (seed_from_env(), Instant::now());
    let (images, double) = (scaled(100_000), scaled(10_000));
    let mut campaign = Campaign::default();
    for program in 0.. {
        explore(&mut campaign, seed.wrapping_add(program), false);
        if (campaign.images >= images && campaign.double >= double)
            || campaign.findings.len() >= findings_max()
        {
            break;
        }
    }
    println!(
        "seed {seed}: {} programs, {} events lost that nobody was promised",
        campaign.programs, campaign.lost_unpromised
    );
    score("crash images", campaign.images, campaign.findings.len() as u64, began);
    score("double crashes", campaign.double, campaign.findings.len() as u64, began);
    assert!(campaign.findings.is_empty(), "FBAT_SEED={seed}\n{}", campaign.findings.join("\n"));
    // One program alone may sync whatever it writes.
    assert!(
        campaign.lost_unpromised > 0 || campaign.programs < 5,
        "seed {seed}: no crash has cost anything"
    );
}

/// A call that makes a store of another one, or changes it as a whole.
#[derive(Clone, Copy, Debug)]
enum Making {
    Backup { link: bool },
    NewIdentity,
    Repair,
}

impl Making {
    /// Where its result lies.
    fn place(self) -> &'static Path {
        match self {
            Making::Backup { .. } | Making::Repair => Path::new("/copy"),
            Making::NewIdentity => store_path(),
        }
    }

    fn run(self, disk: &Disk, seed: u64) {
        let options = options(disk.vfs(), seed, Durability::Durable);
        match self {
            Making::Backup { link } => {
                let store = Store::open(store_path(), &options).unwrap();
                store
                    .backup(self.place(), BackupOptions { link, ..BackupOptions::default() })
                    .unwrap();
                disk.kill();
                drop(store);
            }
            Making::NewIdentity => {
                new_identity(store_path(), &options).unwrap();
            }
            Making::Repair => {
                repair(store_path(), self.place(), &options).unwrap();
            }
        }
    }
}

/// Looks at some of the crash images of one such call: its result is whole, or not there, and the
/// store that it started from is as it was.
fn cut_making(campaign: &mut Campaign, making: Making, seed: u64, images: u64) {
    let disk = Disk::new();
    let mut work = Work::new(disk.clone(), seed);
    work.run(40);
    work.kill();
    // Closed, so that it is left alone by what opens it.
    Store::open(store_path(), &options(disk.vfs(), seed, Durability::Durable))
        .unwrap()
        .close()
        .unwrap();
    let before = disk.image();
    let disk = Disk::from_image(&before);
    making.run(&disk, seed);
    let original = read(&before, "the original").unwrap().unwrap();
    let whole = read_at(making.place(), &disk.image(), "the result").unwrap().unwrap();
    campaign.cut_anywhere(&disk.history(), &mut Rng(seed), images, |left, at_end| {
        let result = check_making(making, left, &original, &whole, at_end);
        result.map_err(|why| format!("seed {seed}, {making:?}: {why}"))
    });
}

fn check_making(
    making: Making,
    left: &Image,
    original: &[Row],
    whole: &[Row],
    done: bool,
) -> book::Checked<()> {
    let store = read(left, "the store that it was made from")?.ok_or("the store is gone")?;
    if !store.starts_with(original) {
        return Err("the store that it was made from has changed".into());
    }
    let made = read_at(making.place(), left, "the result")?;
    if made.is_none() && done {
        return Err("the call had returned, and its result is gone".into());
    }
    let disk = Disk::from_image(left);
    let options =
        Options { mode: OpenMode::MustExist, ..options(disk.vfs(), 3, Durability::Durable) };
    if made.is_some() {
        let store = Store::open(making.place(), &options)
            .map_err(|e| format!("the result does not open: {e}"))?;
        let rows = rows_with_system(&store);
        // After a cut the new id may not be there, or be told of behind a gap.
        let ours = |row: &Row| row.kind.is_reserved();
        let changed = matches!(making, Making::NewIdentity) && rows.starts_with(original);
        if rows != whole && !(changed && rows[original.len()..].iter().all(ours)) {
            return Err(format!("the result has {} events, not {}", rows.len(), whole.len()));
        }
        let findings = store.verify().map_err(|e| e.to_string())?.findings;
        if !findings.is_empty() {
            return Err(format!("verify of the result: {findings:?}"));
        }
        store.append(&event("after", b"it goes on")).map_err(|e| e.to_string())?;
    }
    Ok(())
}

#[test]
fn a_backup_repair_or_new_identity_that_a_crash_cuts_is_whole_or_not_there() {
    let (seed, began) = (seed_from_env(), Instant::now());
    let mut campaign = Campaign::default();
    let makings = [
        Making::Backup { link: false },
        Making::Backup { link: true },
        Making::NewIdentity,
        Making::Repair,
    ];
    for (round, making) in (0..).zip(makings.into_iter().cycle()) {
        cut_making(&mut campaign, making, seed.wrapping_add(round), 200);
        if campaign.images >= scaled(20_000) || campaign.findings.len() >= findings_max() {
            break;
        }
    }
    score("crash images", campaign.images, campaign.findings.len() as u64, began);
    assert!(campaign.findings.is_empty(), "FBAT_SEED={seed}\n{}", campaign.findings.join("\n"));
}

/// Looks at some of the crash images of a program that compresses what is full, and goes on.
fn cut_compressing(campaign: &mut Campaign, seed: u64, images: u64) {
    let mut rng = Rng(seed);
    let disk = Disk::new();
    let on = |disk: &Disk| options(disk.vfs(), seed, Durability::Durable);
    let store = Store::open(store_path(), &on(&disk)).unwrap();
    while store.stats().unwrap().segments < 4 {
        fill(&store, store.frontier().unwrap().visible, rng.range(20, 60));
    }
    store.close().unwrap();
    let before = disk.image();
    let original = read(&before, "the original").unwrap().unwrap();
    let disk = Disk::from_image(&before);
    let store = Store::open(store_path(), &on(&disk)).unwrap();
    let all = CompressOptions { through: 0, level: 1 };
    let first = store.compress(CompressOptions { through: rng.below(200) + 1, ..all }).unwrap();
    fill(&store, 10_000, rng.below(100));
    let rest = store.compress(all).unwrap();
    assert!(first.segments + rest.segments >= 3);
    let end = rows_with_system(&store);
    disk.kill();
    drop(store);
    campaign.cut_anywhere(&disk.history(), &mut rng, images, |left, _| {
        check_compressing(left, &original, &end).map_err(|why| format!("seed {seed}: {why}"))
    });
}

/// What was there before is there, and all that is there is sound; it can be compressed again.
fn check_compressing(left: &Image, original: &[Row], end: &[Row]) -> book::Checked<()> {
    let there = read(left, "a reader")?.ok_or("the store is gone")?;
    if !there.starts_with(original) || !end.starts_with(&there) {
        return Err(format!("{} events, of {} to {}", there.len(), original.len(), end.len()));
    }
    let disk = Disk::from_image(left);
    let options =
        Options { mode: OpenMode::MustExist, ..options(disk.vfs(), 3, Durability::Durable) };
    let store = Store::open(store_path(), &options).map_err(|e| format!("opening: {e}"))?;
    fill(&store, 20_000, 30);
    let before = rows_with_system(&store);
    let compressed = store.compress(CompressOptions { through: 0, level: 1 });
    compressed.map_err(|e| format!("compressing again: {e}"))?;
    if rows_with_system(&store) != before || !before.starts_with(original) {
        return Err("compressing again changes events".into());
    }
    let findings = store.verify().map_err(|e| e.to_string())?.findings;
    match findings.is_empty() {
        true => Ok(()),
        false => Err(format!("verify: {findings:?}")),
    }
}

#[test]
fn segments_that_a_crash_cuts_while_they_are_compressed_are_whole() {
    let (seed, began) = (seed_from_env(), Instant::now());
    let mut campaign = Campaign::default();
    for round in 0.. {
        cut_compressing(&mut campaign, seed.wrapping_add(round), 200);
        if campaign.images >= scaled(20_000) || campaign.findings.len() >= findings_max() {
            break;
        }
    }
    score("crash images", campaign.images, campaign.findings.len() as u64, began);
    assert!(campaign.findings.is_empty(), "FBAT_SEED={seed}\n{}", campaign.findings.join("\n"));
}

#[test]
fn canary_syncs_that_do_nothing_are_noticed() {
    let mut campaign = Campaign::default();
    explore(&mut campaign, 1, true);
    assert!(!campaign.findings.is_empty(), "{} images and nothing lost", campaign.images);
}
