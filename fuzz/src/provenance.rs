//! Provenance on the wire: frames and bare bodies, strict and lenient, of any bytes.

use crate::input::Input;
use fbat::engine::model::error::Code;
use fbat::engine::model::provenance::{Provenance, MAGIC};

/// Decodes the input as a frame or as a body, and checks what the two ways of decoding have to do
/// with each other and with encoding. The first byte says what the rest is.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    match input.u8() % 16 {
        0..4 => check(input.rest(), FRAME),
        4..10 => check(&sealed(&mut input), FRAME),
        10..15 => check(input.rest(), BODY),
        _ => check(&nested(&mut input), BODY),
    }
}

/// A frame whose magic and checksum hold, whatever its version and its body are.
fn sealed(input: &mut Input<'_>) -> Vec<u8> {
    let version = input.u8().into();
    let body = input.rest();
    [&MAGIC[..], &u16::to_le_bytes(version), &crc32fast::hash(body).to_le_bytes(), body].concat()
}

/// A body that has, somewhere, one byte up to 4,095 times in a row: what opens an array, it nests
/// as deep. Decoding gives up at 1,024.
fn nested(input: &mut Input<'_>) -> Vec<u8> {
    let (depth, marker, place) = (input.below(4096), input.u8(), input.u8().into());
    let mut body = input.rest().to_vec();
    let place = body.len().min(place);
    body.splice(place..place, std::iter::repeat_n(marker, depth));
    body
}

type Decode = fn(&[u8], bool) -> fbat::engine::model::error::Result<Provenance<'_>>;
type Encode = fn(&Provenance<'_>) -> fbat::engine::model::error::Result<Vec<u8>>;

const FRAME: (Decode, Encode) =
    (|bytes, lenient| Provenance::from_frame(bytes, lenient), |p| p.to_frame());
const BODY: (Decode, Encode) =
    (|bytes, lenient| Provenance::from_body(bytes, lenient), |p| p.to_body());

fn check(bytes: &[u8], (decode, encode): (Decode, Encode)) {
    let (strict, lenient) = (decode(bytes, false), decode(bytes, true));
    for error in [&strict, &lenient].into_iter().filter_map(|result| result.as_ref().err()) {
        let codes = [
            Code::WireFraming,
            Code::WireChecksum,
            Code::WireBody,
            Code::WireNotCanonical,
            Code::FutureVersion,
        ];
        assert!(codes.contains(&error.code()) && !error.message.is_empty(), "{error:?}");
    }
    match (strict, lenient) {
        (Ok(strict), Ok(lenient)) => {
            assert_eq!(strict, lenient, "both ways of decoding read the same");
            // A namespace that is too long or has control bytes cannot be encoded, but can be read.
            if let Ok(again) = encode(&strict) {
                assert_eq!(again, bytes, "what is canonical is what is encoded");
            }
        }
        (Ok(strict), Err(error)) => {
            panic!("strict decoding read {strict:?}, lenient decoding did not: {error}")
        }
        (Err(_), Ok(lenient)) => {
            if let Ok(canonical) = encode(&lenient) {
                assert_ne!(canonical, bytes, "strict decoding refuses what is encoded");
                assert_eq!(
                    decode(&canonical, false).expect("what is encoded is read"),
                    lenient,
                    "encoding loses nothing"
                );
            }
        }
        (Err(_), Err(_)) => {}
    }
}
