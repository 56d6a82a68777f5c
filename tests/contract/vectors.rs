//! The fixed byte formats: golden vectors of the reference system, and what must hold for frames
//! near them.
//!
//! `FBAT_SEED` repeats a run of the random mutations.

use crate::common::code_of;
use fbat::engine::import::namespace_from_path;
use fbat::engine::model::error::{Code, Result};
use fbat::engine::model::id::{Hash, Id, Kind};
use fbat::engine::model::key::{operation_key, ImportKeys, IMPORT_DOMAIN};
use fbat::engine::model::provenance::Provenance;
use fbat::engine::platform::disk::OsVfs;
use serde_json::Value;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;

const HEADER_BYTES: usize = 12;

fn vectors(section: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../golden/vectors/fbatip.json")).unwrap();
    let section = all[section].as_array().unwrap().clone();
    assert!(!section.is_empty());
    section
}

fn text<'a>(vector: &'a Value, member: &str) -> &'a str {
    vector[member].as_str().unwrap_or_else(|| panic!("no {member} in {vector}"))
}

fn hex(digits: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2));
    (0..digits.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap())
        .collect()
}

fn fields(vector: &Value) -> crate::common::Origin {
    let id = vector.get("source_event_id").or(vector.get("source_event_id_hex")).unwrap();
    crate::common::Origin {
        schema_version: vector["schema_version"].as_u64().unwrap() as u16,
        namespace: String::from_utf8(hex(text(vector, "source_namespace_hex"))).unwrap(),
        event_id: Id::from_hex(id.as_str().unwrap().as_bytes()).unwrap(),
        sequence: text(vector, "source_global_sequence").parse().unwrap(),
        kind: Kind(vector["source_kind"].as_u64().unwrap() as u16),
        content_hash: Hash::from_hex(text(vector, "source_content_hash").as_bytes()).unwrap(),
    }
}

/// The status as the vectors name it.
fn status<T>(result: &Result<T>) -> &'static str {
    match result.as_ref().map_err(|e| e.code()) {
        Ok(_) => "OK",
        Err(Code::WireFraming) => "WIRE_FRAMING",
        Err(Code::WireChecksum) => "WIRE_CHECKSUM",
        Err(Code::WireBody) => "WIRE_BODY",
        Err(Code::WireNotCanonical) => "WIRE_NOT_CANONICAL",
        Err(Code::FutureVersion) => "FUTURE_VERSION",
        Err(code) => panic!("{code:?} is no status of decoding"),
    }
}

fn found_and_supported<T>(result: &Result<T>) -> (u64, u64) {
    let error = result.as_ref().err().unwrap();
    (error.actual, error.allowed)
}

fn with_checksum(mut frame: Vec<u8>) -> Vec<u8> {
    let checksum = crc32fast::hash(&frame[HEADER_BYTES..]);
    frame[8..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
    frame
}

fn good_frames() -> Vec<Vec<u8>> {
    let good =
        |vector: &Value| (text(vector, "strict") == "OK").then(|| hex(text(vector, "frame_hex")));
    vectors("frames").iter().filter_map(good).collect()
}

#[test]
fn golden_frames_encode_and_decode_to_the_byte() {
    for vector in vectors("frames") {
        let (name, frame, expected) =
            (text(&vector, "name"), hex(text(&vector, "frame_hex")), fields(&vector["fields"]));
        for (lenient, member) in [(false, "strict"), (true, "lenient")] {
            let decoded = Provenance::from_frame(&frame, lenient);
            let bare = Provenance::from_body(&frame[HEADER_BYTES..], lenient);
            assert_eq!(status(&decoded), text(&vector, member), "{name}, {member}");
            assert_eq!(status(&bare), text(&vector, member), "{name}, bare body, {member}");
            match (decoded, bare) {
                (Ok(decoded), Ok(bare)) => {
                    assert_eq!((decoded, bare), (expected.lend(), expected.lend()), "{name}")
                }
                (decoded, bare) => {
                    let versions = (expected.schema_version.into(), 1);
                    assert_eq!(
                        (found_and_supported(&decoded), found_and_supported(&bare)),
                        (versions, versions),
                        "{name}"
                    );
                }
            }
        }
        if text(&vector, "strict") == "OK" {
            assert_eq!(expected.lend().to_frame().unwrap(), frame, "{name}");
            assert_eq!(expected.lend().to_body().unwrap(), frame[HEADER_BYTES..], "{name}");
        } else {
            let refused = expected.lend().to_frame();
            assert_eq!(
                (status(&refused), found_and_supported(&refused)),
                ("FUTURE_VERSION", (2, 1)),
                "{name}"
            );
        }
    }
}

#[test]
fn damaged_frames_are_refused_each_with_its_own_status() {
    for vector in vectors("damaged_frames") {
        let (name, frame) = (text(&vector, "name"), hex(text(&vector, "frame_hex")));
        for (lenient, member) in [(false, "strict"), (true, "lenient")] {
            let decoded = Provenance::from_frame(&frame, lenient);
            assert_eq!(status(&decoded), text(&vector, member), "{name}, {member}");
            match decoded {
                Ok(decoded) => {
                    assert_eq!(decoded, fields(&vector["lenient_fields"]).lend(), "{name}")
                }
                Err(e) if e.code() == Code::FutureVersion => {
                    let expected =
                        (vector["found"].as_u64().unwrap(), vector["supported"].as_u64().unwrap());
                    assert_eq!((e.actual, e.allowed), expected, "{name}");
                }
                Err(_) => {}
            }
        }
    }
}

#[test]
fn operation_keys_equal_the_reference() {
    for vector in vectors("operation_keys") {
        let domain = text(&vector, "domain");
        let parts: Vec<&str> =
            vector["parts"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
        let key = operation_key(domain.as_bytes(), parts.iter().map(|p| p.as_bytes()));
        assert_eq!(key.to_string(), text(&vector, "key"), "{vector}");
        if let (IMPORT_DOMAIN, [namespace, id]) = (domain, &parts[..]) {
            let source_id = Id::from_hex(id.as_bytes()).unwrap();
            assert_eq!(ImportKeys::new(namespace).key(source_id), key, "{vector}");
        }
    }
}

#[test]
fn content_hashes_equal_the_reference() {
    for vector in vectors("content_hashes") {
        let hash = Hash(*blake3::hash(&hex(text(&vector, "bytes_hex"))).as_bytes());
        assert_eq!(hash.to_string(), text(&vector, "content_hash"), "{}", text(&vector, "name"));
    }
}

#[test]
fn data_directory_namespaces_equal_the_reference() {
    for vector in vectors("data_dir_namespaces") {
        let namespace = namespace_from_path(&OsVfs, Path::new(text(&vector, "path"))).unwrap();
        assert_eq!(namespace, text(&vector, "namespace"));
    }
    let missing = namespace_from_path(&OsVfs, Path::new("/no/such/directory")).unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
}

#[test]
fn every_bit_flip_and_every_truncation_is_refused() {
    let (mut flips, mut truncations, began) = (0, 0, std::time::Instant::now());
    for frame in good_frames() {
        for bit in 0..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Provenance::from_frame(&flipped, false).is_err(), "bit {bit} of {frame:02x?}");
            // No checksum covers the header's version; leniently it need not be the body's.
            let lenient = Provenance::from_frame(&flipped, true);
            assert_eq!(lenient.is_ok(), bit == 6 * 8, "bit {bit} of {frame:02x?}, lenient");
            flips += 1;
        }
        for length in 0..frame.len() {
            assert!(
                Provenance::from_frame(&frame[..length], false).is_err(),
                "{length} bytes of {frame:02x?}"
            );
            assert!(
                Provenance::from_frame(&frame[..length], true).is_err(),
                "{length} bytes of {frame:02x?}"
            );
            let shorter_body = with_checksum(frame[..length.max(HEADER_BYTES)].to_vec());
            assert_eq!(status(&Provenance::from_frame(&shorter_body, true)), "WIRE_BODY");
            truncations += 1;
        }
    }
    crate::common::score("wire frames: bit flips", flips, 0, began);
    crate::common::score("wire frames: truncations", truncations, 0, began);
    assert!(flips > 10_000 && truncations > 1_000);
}

#[test]
fn appended_bytes_are_refused_unless_lenient() {
    for frame in good_frames() {
        for byte in 0..=0xff {
            let longer = [&frame[..], &[byte]].concat();
            assert_eq!(status(&Provenance::from_frame(&longer, true)), "WIRE_CHECKSUM");
            let longer = with_checksum(longer);
            assert_eq!(status(&Provenance::from_frame(&longer, false)), "WIRE_NOT_CANONICAL");
            let decoded = Provenance::from_frame(&longer, true).unwrap();
            assert_eq!(decoded, Provenance::from_frame(&frame, false).unwrap());
        }
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
    /// A place in `bytes`, its end excluded; 0 where there is none.
    fn place(&mut self, bytes: &[u8]) -> usize {
        self.below(bytes.len().max(1))
    }
}

/// Changes `frame` in one place.
fn mutate(random: &mut Random, frame: &mut Vec<u8>, others: &[Vec<u8>]) {
    const MARKERS: [u8; 14] =
        [0, 0x7f, 0x80, 0x91, 0xa0, 0xc0, 0xc4, 0xcc, 0xcf, 0xd9, 0xdb, 0xdd, 0xdf, 0xff];
    let at = random.place(frame);
    match random.below(16) {
        0..=5 if !frame.is_empty() => frame[at] ^= 1 << random.below(8),
        6..=10 if !frame.is_empty() => frame[at] = MARKERS[random.below(MARKERS.len())],
        11 => frame.insert(at, random.below(256) as u8),
        12 => drop(frame.drain(at..(at + 1 + random.below(8)).min(frame.len()))),
        13 | 14 => {
            let other = &others[random.below(others.len())];
            let from = random.place(other);
            let until = (from + 1 + random.below(40)).min(other.len());
            frame.splice(
                at..(at + random.below(40)).min(frame.len()),
                other[from..until].iter().copied(),
            );
        }
        _ => frame.truncate(at.max(random.place(frame))),
    }
}

#[test]
fn whatever_is_accepted_strictly_is_its_own_encoding() {
    let clock = || std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let seed = std::env::var("FBAT_SEED").map_or_else(|_| clock(), |seed| seed.parse().unwrap());
    println!("FBAT_SEED={seed}");
    let (good, mut random) = (good_frames(), Random(seed));
    let (mut accepted, mut lenient_only, mut refused) = (0, 0, 0);
    for _ in 0..200_000 {
        let mut frame = good[random.below(good.len())].clone();
        for _ in 0..=random.below(2) {
            mutate(&mut random, &mut frame, &good);
        }
        frame.truncate(1000); // so that no namespace is longer than may be encoded
        if frame.len() >= HEADER_BYTES && random.below(8) > 0 {
            frame = with_checksum(frame);
        }
        let strict = Provenance::from_frame(&frame, false);
        let lenient = Provenance::from_frame(&frame, true);
        match (strict, lenient) {
            (Ok(strict), Ok(lenient)) => {
                assert_eq!(strict, lenient);
                // A namespace with control bytes is read, and not written.
                match strict.namespace.bytes().any(|byte| byte.is_ascii_control()) {
                    false => assert_eq!(strict.to_frame().unwrap(), frame, "seed {seed}"),
                    true => assert_eq!(code_of(strict.to_frame()), Code::InvalidArgument),
                }
                accepted += 1;
            }
            (Err(e), Ok(_)) => {
                assert_eq!(e.code(), Code::WireNotCanonical, "{e}; seed {seed}");
                lenient_only += 1;
            }
            (Err(strict), Err(lenient)) => {
                assert_eq!(strict.code(), lenient.code(), "seed {seed}");
                refused += 1;
            }
            (Ok(_), Err(e)) => panic!("strict accepts what lenient refuses: {e}; seed {seed}"),
        }
    }
    println!("{accepted} accepted, {lenient_only} accepted leniently only, {refused} refused");
    assert!(
        accepted > 1_000 && lenient_only > 1_000 && refused > 1_000,
        "the mutations are one-sided"
    );
}

/// Counts what the thread that asks for it has allocated, and the most it had at once.
struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    let live = LIVE.get() + bytes;
    LIVE.set(live);
    PEAK.set(PEAK.get().max(live));
}

// SAFETY: everything is handed to the system's allocator; the counters are plain thread-local
// cells.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        System.alloc(layout)
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        System.dealloc(pointer, layout)
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The status of decoding `body`, and the most bytes that were allocated at once for it.
fn decode_counting(body: &[u8], lenient: bool) -> (&'static str, usize) {
    let before = LIVE.get();
    PEAK.set(before);
    let decoded = Provenance::from_body(body, lenient);
    (status(&decoded), (PEAK.get() - before) as usize)
}

/// A canonical body with `value` in the place of the content hash, and with an unknown key in front
/// of `value`.
fn bodies_with(value: &[u8]) -> [Vec<u8>; 2] {
    let body = good_frames()[0][HEADER_BYTES..].to_vec();
    let hash = body.len() - 35;
    assert_eq!(body[hash..hash + 3], [0xdc, 0, 0x20]);
    let unknown = [b"\x87", &body[1..], b"\xa1x", value].concat();
    [[&body[..hash], value].concat(), unknown]
}

#[test]
fn memory_is_bounded_by_the_input_whatever_lengths_it_claims() {
    let mebibyte = 1usize << 20;
    let mut values = vec![];
    for marker in [0xc6, 0xc9, 0xdb, 0xdd, 0xdf] {
        values.push([&[marker, 0xff, 0xff, 0xff, 0xff][..], &[0; 64]].concat()); // claims 4 Gi
        for fill in [0x01, 0x7f, 0x91, 0x81, 0xe2] {
            values.push(
                [&[marker][..], &(mebibyte as u32).to_be_bytes(), &vec![fill; mebibyte + 1]]
                    .concat(),
            );
        }
    }
    let mut worst = 0.0f64;
    for body in values.iter().flat_map(|value| bodies_with(value)).chain(values.iter().cloned()) {
        for lenient in [false, true] {
            let (status, peak) = decode_counting(&body, lenient);
            let (bound, start) = (4 * body.len() + 1024, &body[..8.min(body.len())]);
            assert!(
                peak <= bound,
                "{peak} bytes for {} beginning {start:02x?}: {status}",
                body.len()
            );
            if body.len() > mebibyte {
                worst = worst.max(peak as f64 / body.len() as f64);
            }
        }
    }
    println!("at most {worst:.2} bytes allocated per byte of an input above 1 MiB");
}

#[test]
fn a_namespace_of_any_length_costs_memory_in_proportion() {
    let origin = fields(&vectors("frames")[0]["fields"]);
    let frame = Provenance { namespace: "n", ..origin.lend() }.to_frame().unwrap();
    let at = HEADER_BYTES + 34;
    assert_eq!(frame[at..at + 2], *b"\xa1n");
    let length = 1u32 << 20;
    let name = [&b"\xdb"[..], &length.to_be_bytes(), &vec![b'n'; length as usize]].concat();
    let body = [&frame[HEADER_BYTES..at], &name, &frame[at + 2..]].concat();
    for (lenient, expected) in [(true, "OK"), (false, "WIRE_NOT_CANONICAL")] {
        let (status, peak) = decode_counting(&body, lenient);
        assert_eq!(status, expected);
        assert!(peak <= 4 * body.len(), "{peak}");
    }
}

#[test]
fn nesting_of_any_depth_is_answered_on_a_small_stack() {
    let decode_all = || {
        for level in [&b"\x91"[..], b"\x81\x01", b"\x81\xa1x", b"\xdd\xff\xff\xff\xff"] {
            for body in bodies_with(&level.repeat((1 << 20) / level.len())) {
                assert_eq!(status(&Provenance::from_body(&body, true)), "WIRE_BODY");
                assert_eq!(status(&Provenance::from_body(&body, false)), "WIRE_BODY");
            }
        }
    };
    std::thread::Builder::new().stack_size(32 << 10).spawn(decode_all).unwrap().join().unwrap();
}
