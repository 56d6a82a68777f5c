//! A defect on purpose, that `scripts/fuzz canary` has to find: a fuzzer that is blind would not, in any time.

use fbat::engine::provenance::Provenance;

/// Decodes a body as the target `provenance` does, and cannot bear one kind of event.
pub fn run(data: &[u8]) {
    let Some((10, body)) = data.split_first().map(|(first, body)| (*first, body)) else { return };
    if Provenance::from_body(body, true).is_ok_and(|provenance| provenance.kind.0 == 0xbe57) {
        panic!("the canary sings");
    }
}
