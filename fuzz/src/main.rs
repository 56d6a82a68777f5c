//! libFuzzer around the target that `FBAT_FUZZ_TARGET` names. One binary for all, so that it is
//! linked once.
#![no_main]

use std::sync::OnceLock;

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

fn named() -> fn(&[u8]) {
    let name = std::env::var("FBAT_FUZZ_TARGET").expect("FBAT_FUZZ_TARGET names a target");
    let mut all = fbat_fuzz::TARGETS.iter().chain([&fbat_fuzz::CANARY]);
    let found = all.find(|(target, _)| *target == name);
    found.unwrap_or_else(|| panic!("there is no target {name}")).1
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET.get_or_init(named)(data));
