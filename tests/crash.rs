//! Crashes at every operation of a program at work, on a simulated disk that keeps of what was not
//! synced whatever it likes; and crashes during the recovery from such a crash.

mod common;

use common::book::{options, read, read_at, store_path, Book, Earlier, Work};
use common::simulated::{Disk, Fate, History, Image, Replay};
use common::*;
use fbat::engine::backup::BackupOptions;
use fbat::engine::repair::repair;
use fbat::engine::store::{new_identity, Durability, OpenMode, Options, Store};
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
            try_image(campaign, &book, &replay.killed(), position, false, &mut rng, || {
                format!("seed {seed}, killed after operation {position}")
            });
        }
        let pending = replay.pending();
        for fates in replay.fates(&mut rng) {
            if !taken(&mut rng) || !seen.insert((replay.name_of(&pending, &fates), position)) {
                continue;
            }
            let fate = |at: usize| pending.binary_search(&at).map_or(Fate::Kept, |n| fates[n]);
            try_image(campaign, &book, &replay.cut(&fate), position, true, &mut rng, || {
                let list: Vec<_> =
                    pending.iter().zip(&fates).map(|(at, fate)| (at, short(&replay, *at), fate)).collect();
                format!("seed {seed}, power cut after operation {position}, {list:?}")
            });
        }
    }
}

/// An operation without its bytes.
fn short(replay: &Replay<'_>, at: usize) -> String {
    let mut text = format!("{:?}", replay.op(at));
    text.truncate(text.find("bytes").unwrap_or(text.len()));
    text
}

fn try_image(
    campaign: &mut Campaign,
    book: &Book,
    image: &Image,
    position: usize,
    power: bool,
    rng: &mut Rng,
    what: impl Fn() -> String,
) {
    campaign.images += 1;
    let result = book.check(&Disk::from_image(image), position, power, &Earlier::default());
    let sound = result.is_ok();
    campaign.note(result, &what);
    if sound && rng.one_in(DOUBLE_EVERY) {
        crash_again(campaign, book, image, position, power, rng, what);
    }
}

/// Recovers from an image on a disk that stops too, at any operation.
fn crash_again(
    campaign: &mut Campaign,
    book: &Book,
    image: &Image,
    position: usize,
    power: bool,
    rng: &mut Rng,
    what: impl Fn() -> String,
) {
    let disk = Disk::from_image(image);
    let opened = Store::open(store_path(), &options(&disk, rng.next(), Durability::Durable));
    std::mem::forget(opened);
    let history = disk.history();
    let mut replay = Replay::new(&history);
    let target = rng.below(history.ops.len() as u64 + 1) as usize;
    while replay.position < target && replay.advance() {}
    let seen = read(&replay.killed(), "a reader beside the recovery");
    let (pending, choices) = (replay.pending(), replay.fates(rng));
    let fates = rng.pick(&choices);
    let killed = rng.one_in(5);
    let fate = |at: usize| pending.binary_search(&at).map_or(Fate::Kept, |n| fates[n]);
    let left = if killed { replay.killed() } else { replay.cut(&fate) };
    campaign.double += 1;
    let result = seen.and_then(|seen| {
        let durable = target == history.ops.len();
        let earlier = Earlier { seen: seen.unwrap_or_default(), durable };
        book.check(&Disk::from_image(&left), position, power || !killed, &earlier)
    });
    campaign.note(result, || {
        let list: Vec<_> = pending.iter().zip(fates).map(|(at, fate)| (at, short(&replay, *at), fate)).collect();
        let how = if killed { "killed".to_owned() } else { format!("{list:?}") };
        format!("{}; then in the recovery after operation {target} of {}: {how}", what(), history.ops.len())
    });
}

#[test]
fn whatever_a_crash_leaves_everything_promised_is_there() {
    let (seed, began) = (seed_from_env(), Instant::now());
    let (images, double) = (scaled(100_000), scaled(10_000));
    let mut campaign = Campaign::default();
    for program in 0.. {
        explore(&mut campaign, seed.wrapping_add(program), false);
        if (campaign.images >= images && campaign.double >= double) || campaign.findings.len() >= findings_max() {
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
    assert!(campaign.lost_unpromised > 0, "seed {seed}: no crash has cost anything");
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
        let options = options(disk, seed, Durability::Durable);
        match self {
            Making::Backup { link } => {
                let store = Store::open(store_path(), &options).unwrap();
                store.backup(self.place(), BackupOptions { link }).unwrap();
                std::mem::forget(store);
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
    Store::open(store_path(), &options(&disk, seed, Durability::Durable)).unwrap().close().unwrap();
    let before = disk.image();
    let disk = Disk::from_image(&before);
    making.run(&disk, seed);
    let (history, mut rng) = (disk.history(), Rng(seed));
    let original = read(&before, "the original").unwrap().unwrap();
    let whole = read_at(making.place(), &disk.image(), "the result").unwrap().unwrap();
    for _ in 0..images {
        let mut replay = Replay::new(&history);
        let target = rng.below(history.ops.len() as u64 + 1) as usize;
        while replay.position < target && replay.advance() {}
        let (pending, choices) = (replay.pending(), replay.fates(&mut rng));
        let fates = rng.pick(&choices);
        let fate = |at: usize| pending.binary_search(&at).map_or(Fate::Kept, |n| fates[n]);
        let left = if rng.one_in(5) { replay.killed() } else { replay.cut(&fate) };
        campaign.images += 1;
        let result = check_making(making, &left, &original, &whole, target == history.ops.len());
        campaign.note(result.map(|()| 0), || {
            let list: Vec<_> = pending.iter().zip(fates).map(|(at, fate)| (at, short(&replay, *at), fate)).collect();
            format!("seed {seed}, {making:?}, cut after operation {target} of {}: {list:?}", history.ops.len())
        });
    }
}

fn check_making(making: Making, left: &Image, original: &[Row], whole: &[Row], done: bool) -> book::Checked<()> {
    let store = read(left, "the store that it was made from")?.ok_or("the store is gone")?;
    if !store.starts_with(original) {
        return Err("the store that it was made from has changed".into());
    }
    let made = read_at(making.place(), left, "the result")?;
    if made.is_none() && done {
        return Err("the call had returned, and its result is gone".into());
    }
    let disk = Disk::from_image(left);
    let options = Options { mode: OpenMode::MustExist, ..options(&disk, 3, Durability::Durable) };
    if made.is_some() {
        let store = Store::open(making.place(), &options).map_err(|e| format!("the result does not open: {e}"))?;
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
    let makings = [Making::Backup { link: false }, Making::Backup { link: true }, Making::NewIdentity, Making::Repair];
    for (round, making) in (0..).zip(makings.into_iter().cycle()) {
        cut_making(&mut campaign, making, seed.wrapping_add(round), 200);
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
