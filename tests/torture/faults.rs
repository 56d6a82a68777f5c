//! Every call to the disk failing, with every error that it can fail with: once, for good, and in
//! pairs. What was acknowledged stays, whatever the disk then lost of what it had not synced.

use crate::common::book::{store_path, Earlier, Work};
use crate::common::simulated::{Disk, Fault, Op, Replay};
use crate::common::*;
use fbat::engine::model::error::Code;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

const STEPS: u64 = 45;

/// The errors that a call can end with on Linux; numbers of errno(3).
fn errors_of(call: Op) -> &'static [i32] {
    const EINTR: i32 = 4;
    const EIO: i32 = 5;
    const ENOMEM: i32 = 12;
    const EACCES: i32 = 13;
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    const EFBIG: i32 = 27;
    const ENOSPC: i32 = 28;
    const EROFS: i32 = 30;
    const ENOLCK: i32 = 37;
    const EDQUOT: i32 = 122;
    match call {
        Op::OpenDir | Op::Open => &[EIO, EMFILE, ENFILE, EACCES, ENOMEM],
        Op::Create => &[EIO, EMFILE, ENFILE, EACCES, ENOMEM, ENOSPC, EROFS, EDQUOT],
        Op::Rename | Op::Link | Op::CreateDir => &[EIO, EACCES, ENOMEM, ENOSPC, EROFS, EDQUOT],
        Op::Remove => &[EIO, EACCES, ENOMEM, EROFS],
        Op::SyncDir => &[EIO, EMFILE, EACCES, ENOSPC],
        Op::List => &[EIO, EMFILE, EACCES, ENOMEM],
        Op::Lock => &[EIO, EMFILE, EACCES, ENOLCK, ENOSPC, EROFS],
        Op::Describe => &[EIO, ENOSPC, EDQUOT],
        Op::Read => &[EINTR, EIO, ENOMEM],
        Op::Write => &[EINTR, EIO, EFBIG, ENOSPC, EDQUOT],
        Op::Len | Op::IsNamed => &[EIO],
        Op::SetLen => &[EIO, EFBIG, EROFS],
        Op::Allocate => &[EIO, EFBIG, ENOSPC, EDQUOT],
        Op::Sync => &[EIO, ENOSPC, EDQUOT],
    }
}

/// The same, but for a directory above the store's that may not be opened: that is no fault, and
/// the name of the store's directory is then not in our hands.
fn errors_at(call: Op, path: &Path) -> impl Iterator<Item = i32> {
    let above = call == Op::SyncDir && path != store_path();
    errors_of(call).iter().copied().filter(move |errno| !(above && *errno == 13))
}

/// What a failing disk may make of a call that would have succeeded.
const HONEST: [Code; 4] = [Code::Io, Code::NoSpace, Code::Poisoned, Code::Closed];

fn run(seed: u64, faults: &[Fault]) -> Work {
    let disk = Disk::new();
    disk.inject(faults);
    let mut work = Work::new(disk, seed);
    work.run(STEPS);
    work
}

/// Runs a program on a disk with these faults, then looks at what a kill and some power cuts leave.
fn survive(seed: u64, faults: &[Fault]) -> Result<(), String> {
    let mut work = run(seed, faults);
    let lie = work.codes.iter().find(|code| !HONEST.contains(code));
    if let Some(code) = lie {
        return Err(format!("a failing disk was answered with {code:?}"));
    }
    work.kill();
    work.disk.inject(&[]);
    let position = work.disk.position();
    work.book.see(&work.disk.image())?;
    let (killed, history) = (work.disk.image(), work.disk.history());
    work.book.check(&Disk::from_image(&killed), position, false, &Earlier::default())?;
    let mut replay = Replay::new(&history);
    replay.advance_to(history.ops.len());
    let choices = replay.fates(&mut Rng(seed ^ faults[0].at));
    for nth in [0, 1, choices.len() - 1] {
        let disk = Disk::from_image(&replay.cut(&choices[nth]));
        let checked = work.book.check(&disk, position, true, &Earlier::default());
        checked.map_err(|e| {
            format!(
                "after a power cut ({}): {e}",
                ["nothing kept", "all kept", "some kept"][nth.min(2)]
            )
        })?;
    }
    Ok(())
}

fn campaign(figure: &str, seed: u64, cases: impl Iterator<Item = Vec<Fault>>) {
    let began = Instant::now();
    let (mut tried, mut findings) = (0, Vec::new());
    for faults in cases {
        tried += 1;
        let judged = std::panic::catch_unwind(|| survive(seed, &faults));
        let finding = judged.unwrap_or_else(|_| Err("a panic".into())).err();
        findings.extend(finding.map(|finding| format!("{faults:?}: {finding}")));
        if findings.len() >= findings_max() {
            break;
        }
    }
    score(figure, tried, findings.len() as u64, began);
    assert!(findings.is_empty(), "FBAT_SEED={seed}\n{}", findings.join("\n"));
}

/// Every call of a program with every error, once; and from there on for good.
fn all_cases(calls: &[(Op, PathBuf)]) -> impl Iterator<Item = Fault> + '_ {
    calls.iter().zip(0..).flat_map(|((call, path), at)| {
        let once = errors_at(*call, path).map(move |errno| Fault { at, errno, for_good: false });
        let for_good = [libc::EIO, libc::ENOSPC].map(|errno| Fault { at, errno, for_good: true });
        once.chain(for_good)
    })
}

#[test]
fn every_call_with_every_error_once_and_for_good_loses_nothing_acknowledged() {
    let seed = seed_from_env();
    let mut rng = Rng(seed);
    // Ten programs an hour, each in full; less than one is a part of one.
    let part = scaled(10_000_000) as f64 / 1e6;
    for program in 0..part.ceil() as u64 {
        let seed = seed.wrapping_add(program);
        let calls = run(seed, &[]).disk.calls();
        let mut by_call: BTreeMap<Op, u64> = BTreeMap::new();
        calls.iter().for_each(|(call, _)| *by_call.entry(*call).or_default() += 1);
        println!("seed {seed}: a program of {} calls: {by_call:?}", calls.len());
        let cases = all_cases(&calls)
            .filter(|_| part >= 1.0 || (rng.next() as f64) < part * u64::MAX as f64);
        campaign("injected errors: calls x errnos", seed, cases.map(|fault| vec![fault]));
    }
}

#[test]
fn pairs_of_errors_lose_nothing_acknowledged() {
    let seed = seed_from_env();
    let calls = run(seed, &[]).disk.calls();
    let mut rng = Rng(seed);
    let mut any = move || {
        let at = rng.below(calls.len() as u64);
        let (call, path) = &calls[at as usize];
        let errors: Vec<i32> = errors_at(*call, path).collect();
        Fault { at, errno: *rng.pick(&errors), for_good: false }
    };
    campaign("injected errors: pairs", seed, (0..scaled(5_000)).map(move |_| vec![any(), any()]));
}
