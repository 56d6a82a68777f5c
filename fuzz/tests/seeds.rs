//! Every seed once, without libFuzzer: what fuzzing found before stays found, whether or not
//! fuzzing can run here.

use fbat_fuzz::{CANARY, TARGETS};
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

#[test]
fn every_seed_runs_without_a_defect() {
    for (target, run) in TARGETS {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
        let mut count = 0;
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let input = fs::read(&path).unwrap();
            assert!(catch_unwind(|| run(&input)).is_ok(), "{target} fails on {}", path.display());
            count += 1;
        }
        println!("{target}: {count} seeds");
        assert!(count >= 10, "{target} has {count} seeds");
    }
}

#[test]
fn the_canary_fails_on_its_input_alone() {
    assert!(catch_unwind(|| (CANARY.1)(b"\xbe\x57\x0b\xad")).is_err());
    assert!(catch_unwind(|| (CANARY.1)(b"\xbe\x57\x0b\xae")).is_ok());
}

#[test]
fn an_allocation_that_only_damage_asks_for_is_refused() {
    assert!(Vec::<u8>::new().try_reserve_exact(64 << 20).is_err());
    assert!(Vec::<u8>::new().try_reserve_exact(1 << 20).is_ok());
}
