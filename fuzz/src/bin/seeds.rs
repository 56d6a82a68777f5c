//! Writes what fuzzing begins with, for `scripts/fuzz seeds`: good provenance in every form, good
//! frames, and for the targets whose inputs are choices a few hundred choices of which a seed is
//! the source. seeds DIRECTORY

use fbat::engine::model::id::{Hash, Id, Kind};
use fbat::engine::model::provenance::Provenance;
use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let directory = std::env::args().nth(1).expect("seeds DIRECTORY");
    for (target, inputs) in [
        ("provenance", provenance()),
        ("frame", frame()),
        ("open", choices(48)),
        ("calls", choices(200)),
    ] {
        let directory = Path::new(&directory).join(target);
        fs::create_dir_all(&directory)?;
        for (number, input) in inputs.iter().enumerate() {
            // What is whole stays a seed: a shorter input that is not may cover as much.
            let whole = if target == "provenance" { "whole-" } else { "" };
            fs::write(directory.join(format!("{whole}{number:03}")), input)?;
        }
    }
    Ok(())
}

fn provenance() -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for (namespace, sequence, kind, byte) in
        [("store:1", 7, 0x1001, 1), ("n", u64::MAX, 0xffff, 0x80), ("ü", 300, 5, 0)]
    {
        let event_id = Id(u128::from(sequence) << 64);
        let (kind, content_hash) = (Kind(kind), Hash([byte; 32]));
        let provenance =
            Provenance { schema_version: 1, namespace, event_id, sequence, kind, content_hash };
        let (frame, body) =
            (provenance.to_frame().expect("a frame"), provenance.to_body().expect("a body"));
        inputs.push([&[0][..], &frame].concat());
        inputs.push([&[4, 1][..], &body].concat());
        inputs.push([&[10][..], &body].concat());
        // A seventh field that nests deep.
        inputs.push([&[15, 0xff, 0x03, 0, 0x91, 0xb4, 0x87][..], &body[1..], b"\xa1x"].concat());
    }
    inputs
}

/// Frames as the library writes them, and choices for the rest.
fn frame() -> Vec<Vec<u8>> {
    let log = &fbat_fuzz::stores::samples()[1].files["00000000000000000001.log"];
    let mut inputs = choices(40);
    let batches = log.windows(4).enumerate().filter(|(_, bytes)| bytes == b"BTCH");
    for (at, _) in batches {
        let frame = at + 80;
        let Some(length) = log.get(frame + 4..frame + 8) else { continue };
        let length = u32::from_le_bytes(length.try_into().expect("4 bytes")) as usize;
        inputs.push([&[1, 1][..], &log[frame..frame + length]].concat());
        inputs.push([&[0, 0][..], &log[at..frame]].concat());
    }
    inputs.push([&[0, 0][..], &log[..128]].concat());
    inputs
}

/// 256 inputs of up to this length, by SplitMix64.
fn choices(length: usize) -> Vec<Vec<u8>> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z ^ (z >> 29)
    };
    (0..256).map(|number| (0..8 + number % length).map(|_| next() as u8).collect()).collect()
}
