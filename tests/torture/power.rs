//! Power cuts on a real ext4: a worker in an image file that is shut down under it and mounted
//! again. The oracle is outside: it remembers what the worker said was durable.

use crate::common::ledger::{try_rows, Ledger};
use crate::common::lies::Lie;
use crate::common::mount::{skip, Mount, Shutdown};
use crate::common::worker::{self, Source};
use crate::common::*;
use fbat::engine::log::options::{OpenMode, Options};
use fbat::engine::model::error::Result;
use fbat::engine::store::Store;
use std::time::Instant;

const FIGURE: &str = "power cuts on ext4";

/// A cut takes what was not synced, as a restart of the machine does, but the machine goes on: its
/// real boot id would say that nothing can have been lost.
fn booted(number: u64, lie: Lie) -> Options {
    Options { vfs: lie.told_of_files(Some(number)), ..quick() }
}

#[test]
#[ignore = "a part of another test, played by another process"]
fn part_works_until_the_power_goes() {
    if plays("part_works_until_the_power_goes") {
        worker::work(booted(given("BOOT").parse().unwrap(), Lie::told_by(&given("LIE"))));
    }
}

/// One image and the store in it, over several cuts.
struct Campaign {
    mount: Mount,
    options: &'static str,
    source: Source,
    ledger: Ledger,
    rng: Rng,
    lie: Lie,
    /// Each cut is a restart of the machine.
    restarts: bool,
    cuts: u64,
}

impl Campaign {
    fn new(seed: u64, lie: Lie, restarts: bool) -> std::result::Result<Campaign, String> {
        let mut rng = Rng(seed);
        let options = *rng.pick(&[
            "data=ordered",
            "data=ordered",
            "data=writeback",
            "nodelalloc",
            "data=journal",
        ]);
        let mount = Mount::ext4("power", 24 << 20, options)?;
        Ok(Campaign {
            mount,
            options,
            source: Source::new(),
            ledger: Ledger::default(),
            rng,
            lie,
            restarts,
            cuts: 0,
        })
    }

    fn boot(&self) -> u64 {
        if self.restarts {
            self.cuts
        } else {
            0
        }
    }

    /// Lets a worker work, cuts the power at some moment, and mounts what the disk has.
    fn cut(&mut self) {
        let path = self.mount.join("store");
        let (boot, lie) = (self.boot().to_string(), format!("{:?}", self.lie));
        let more = [("BOOT", boot.as_str()), ("LIE", lie.as_str())];
        let part = "part_works_until_the_power_goes";
        let first = 1_000_000 * (self.cuts + 1);
        let mut worker = worker::start(part, &path, &self.source, self.rng.next(), first, &more);
        worker::wait_for_the_moment(&mut worker, &mut self.ledger, &mut self.rng);
        assert!(self.ledger.failed.is_empty(), "before the power went: {:?}", self.ledger.failed);
        if self.rng.one_in(3) {
            // Somebody else reads what may be lost; opening may meet a writer that is recovering.
            let reading = Options { mode: OpenMode::ReadOnly, ..booted(self.boot(), Lie::None) };
            if let Ok(rows) = Store::open(&path, &reading).and_then(|reader| try_rows(&reader)) {
                self.ledger.saw(&rows);
            }
        }
        if !self.restarts {
            // Nobody syncs the lock file, which says under which boot it was written; for this
            // canary it must last.
            let _ = std::fs::File::open(path.join("LOCK")).and_then(|file| file.sync_all());
        }
        let how = if self.rng.one_in(4) { Shutdown::JournalFlushed } else { Shutdown::AsItIs };
        // A machine without power says nothing: ext4 lets a sync that is under way now return as if
        // all was well.
        worker.stop();
        self.mount.cut(how).unwrap();
        worker.kill().iter().for_each(|line| self.ledger.hear(line));
        self.ledger.doubt();
        let failed = self.ledger.failed.pop().unwrap_or_default();
        let expected =
            ["", "failed Io", "failed Poisoned"].iter().any(|words| failed.starts_with(words));
        assert!(expected, "with the power gone: {failed}");
        self.cuts += 1;
        self.mount.detach().unwrap();
        self.mount.attach_image(self.options).unwrap();
    }

    /// Opens the store after a cut; what is wrong with it.
    fn check(&mut self) -> Result<Vec<String>> {
        let store = Store::open(&self.mount.join("store"), &booted(self.boot(), Lie::None))?;
        self.ledger.examine(&store, &self.source, 1_000_000 * self.cuts + 999_999)
    }
}

#[test]
fn a_power_cut_loses_nothing_durable_tears_no_batch_and_frees_no_sequence() {
    let (seed, cuts, began) = (seed_from_env(), scaled(500), Instant::now());
    println!("FBAT_SEED={seed}");
    let mut rng = Rng(seed);
    let (mut done, mut failures, mut acknowledged) = (0, Vec::new(), 0);
    while done < cuts {
        let mut campaign = match Campaign::new(rng.next(), Lie::None, true) {
            Ok(campaign) => campaign,
            Err(why) => return skip(FIGURE, &why),
        };
        for _ in 0..rng.range(1, 12).min(cuts - done) {
            campaign.cut();
            done += 1;
            // Where nobody looks, the next worker recovers, and the power may go meanwhile.
            if !rng.one_in(4) {
                let doing = campaign.ledger.doing.clone();
                let found = campaign.check().unwrap_or_else(|e| vec![e.to_string()]);
                if !found.is_empty() {
                    failures
                        .push(format!("cut {done}, {}, in {doing}: {found:#?}", campaign.options));
                    break;
                }
            }
        }
        acknowledged += campaign.ledger.acknowledged();
    }
    println!("{acknowledged} batches were acknowledged and kept");
    score(FIGURE, done, failures.len() as u64, began);
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Cuts the power until it is noticed that `lie` was told, or that the machine did not say of its
/// restarts.
fn is_noticed(lie: Lie, restarts: bool, words: &str) {
    let (mut rng, mut cuts) = (Rng(seed_from_env()), 0);
    while cuts < 300 {
        let mut campaign = match Campaign::new(rng.next(), lie, restarts) {
            Ok(campaign) => campaign,
            Err(why) => return skip("canaries of power cuts", &why),
        };
        for _ in 0..5 {
            campaign.cut();
            cuts += 1;
            let found = campaign.check().unwrap_or_else(|e| vec![e.to_string()]);
            if found.iter().any(|finding| finding.contains(words)) {
                return println!("noticed at cut {cuts}: {}", found[0]);
            }
            if !found.is_empty() {
                break;
            }
        }
    }
    panic!("{cuts} power cuts, and nothing was noticed");
}

#[test]
fn canary_a_disk_that_does_not_sync_loses_what_was_acknowledged() {
    is_noticed(Lie::Synced, true, "is missing");
}

#[test]
fn canary_without_another_boot_id_sequences_that_were_lost_are_used_again() {
    is_noticed(Lie::None, false, "was seen before");
}
