//! A defect on purpose, that `scripts/fuzz canary` has to find: a fuzzer that is blind would not,
//! in any time.

use std::hint::black_box;

/// Cannot bear what begins with four certain bytes. Each that is right leads to code of its own, so
/// that coverage leads to the next, while all four at once are not found by chance.
pub fn run(data: &[u8]) {
    let is = |at: usize, byte: u8| black_box(data.get(at).copied()) == Some(byte);
    if is(0, 0xbe) {
        black_box(1);
        if is(1, 0x57) {
            black_box(2);
            if is(2, 0x0b) {
                black_box(3);
                if is(3, 0xad) {
                    panic!("the canary sings");
                }
            }
        }
    }
}
