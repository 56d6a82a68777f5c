//! Provenance: where an imported event came from; its body and its FBATIP frame.
//!
//! The body is what rmp-serde 1.3.1 makes of a plain struct. Strict decoding reads it, writes the
//! fields again and compares. `docs/format.md` has the tables of bytes and statuses.

use super::error::{Code, Error, Result};
use super::id::{Hash, Id, Kind};
use super::key::check_namespace;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::Deserialize;
use std::borrow::Cow;
use std::fmt;

/// The schema version that this library writes, and the highest that it reads.
pub const SCHEMA_VERSION: u16 = 1;
/// The first bytes of a frame.
pub const MAGIC: &[u8; 6] = b"FBATIP";

/// A frame before its body: magic, u16 LE schema version, u32 LE CRC-32 (IEEE) of the body.
const HEADER_BYTES: usize = 12;
/// A body is at most this much longer than its namespace.
const FIXED_BYTES_MAX: usize = 209;
const IN_MEMORY: &str = "a vector takes everything";

/// Where an imported event came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provenance<'a> {
    pub schema_version: u16,
    /// The name that the source had in the import.
    pub namespace: &'a str,
    pub event_id: Id,
    /// The global sequence in the source.
    pub sequence: u64,
    pub kind: Kind,
    pub content_hash: Hash,
}

impl<'a> Provenance<'a> {
    /// The bare MessagePack body. Refuses a schema version above [`SCHEMA_VERSION`] with
    /// [`Code::FutureVersion`], and a namespace that is empty, too long or
    /// has control bytes with [`Code::InvalidArgument`].
    pub fn to_body(&self) -> Result<Vec<u8>> {
        check_version("record", self.schema_version)?;
        check_namespace(self.namespace)?;
        Ok(self.canonical())
    }

    /// The body with the header of a frame before it; refuses what [`Provenance::to_body`] refuses.
    pub fn to_frame(&self) -> Result<Vec<u8>> {
        let (body, version) = (self.to_body()?, self.schema_version.to_le_bytes());
        let checksum = crc32fast::hash(&body).to_le_bytes();
        Ok([&MAGIC[..], &version, &checksum, &body].concat())
    }

    /// Reads a bare body. [`Code::WireBody`]: it does not decode; [`Code::FutureVersion`]: its
    /// version is too high; [`Code::WireNotCanonical`], unless `lenient`: it is not what
    /// [`Provenance::to_body`] writes for its fields.
    pub fn from_body(body: &'a [u8], lenient: bool) -> Result<Provenance<'a>> {
        let provenance = decode(body)?;
        check_version("body", provenance.schema_version)?;
        if !lenient {
            provenance.check_canonical(body)?;
        }
        Ok(provenance)
    }

    /// Reads a frame. [`Code::WireFraming`]: too short, or another magic; [`Code::FutureVersion`]:
    /// the header's version is too high; [`Code::WireChecksum`]; then as [`Provenance::from_body`],
    /// and unless `lenient` the header's version has to be the body's.
    pub fn from_frame(frame: &'a [u8], lenient: bool) -> Result<Provenance<'a>> {
        let (header, body) = frame.split_at_checked(HEADER_BYTES).ok_or_else(|| {
            let length = frame.len();
            let message = format!(
                "the provenance frame has {length} bytes; its header alone has {HEADER_BYTES}"
            );
            Error::new(Code::WireFraming, message)
        })?;
        if header[..6] != MAGIC[..] {
            let found = header[..6].escape_ascii();
            let message =
                format!("the provenance frame begins with \"{found}\" instead of \"FBATIP\"");
            return Err(Error::new(Code::WireFraming, message));
        }
        let version = u16::from_le_bytes([header[6], header[7]]);
        check_version("header", version)?;
        let expected = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
        let found = crc32fast::hash(body);
        if found != expected {
            let message = format!(
                "the provenance body has checksum {found:08x}; its header says {expected:08x}"
            );
            return Err(Error::new(Code::WireChecksum, message));
        }
        let provenance = Provenance::from_body(body, lenient)?;
        if !lenient && version != provenance.schema_version {
            let body_version = provenance.schema_version;
            let message = format!(
                "the provenance header has schema version {version}, its body {body_version}"
            );
            return Err(Error::new(Code::WireNotCanonical, message));
        }
        Ok(provenance)
    }

    /// The canonical encoding of whatever the fields hold: what rmp-serde writes for [`Body`], at a
    /// tenth of the time, since every imported row that is read has one.
    pub(crate) fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FIXED_BYTES_MAX + self.namespace.len());
        let uint = |out: &mut Vec<u8>, key: &[u8], value: u64| {
            out.extend_from_slice(key);
            rmp::encode::write_uint(out, value).expect(IN_MEMORY);
        };
        uint(&mut out, b"\x86\xaeschema_version", self.schema_version.into());
        out.extend_from_slice(b"\xb0source_namespace");
        rmp::encode::write_str(&mut out, self.namespace).expect(IN_MEMORY);
        out.extend_from_slice(b"\xafsource_event_id\xc4\x10");
        out.extend_from_slice(&self.event_id.to_bytes());
        uint(&mut out, b"\xb6source_global_sequence", self.sequence);
        uint(&mut out, b"\xabsource_kind", self.kind.0.into());
        out.extend_from_slice(b"\xb3source_content_hash\xdc\x00\x20");
        let (mut bytes, mut length) = ([0; 64], 0);
        for byte in self.content_hash.0 {
            bytes[length] = 0xcc;
            length += usize::from(byte >= 0x80);
            bytes[length] = byte;
            length += 1;
        }
        out.extend_from_slice(&bytes[..length]);
        out
    }

    /// Refuses `body` unless it is the one encoding of these fields, and they may be encoded.
    fn check_canonical(&self, body: &[u8]) -> Result<()> {
        let not_canonical = |why: String| Err(Error::new(Code::WireNotCanonical, why));
        if self.namespace.is_empty() {
            return not_canonical("the provenance has an empty namespace".into());
        }
        let canonical = self.canonical();
        if body == canonical {
            return Ok(());
        }
        let (length, expected) = (body.len(), canonical.len());
        match body.iter().zip(&canonical).position(|(a, b)| a != b) {
            Some(at) => not_canonical(format!(
                "the provenance body has {:#04x} at byte {at}; the canonical encoding of its \
                 fields has {:#04x} there",
                body[at], canonical[at]
            )),
            None => not_canonical(format!(
                "the provenance body has {length} bytes; the canonical encoding of its fields has \
                 {expected}"
            )),
        }
    }
}

/// Refuses a schema version above the supported one; `place` says where it was found.
fn check_version(place: &str, found: u16) -> Result<()> {
    if found > SCHEMA_VERSION {
        let message = format!(
            "the provenance {place} has schema version {found}; at most {SCHEMA_VERSION} is \
             supported"
        );
        return Err(Error::new(Code::FutureVersion, message)
            .with_numbers(found.into(), SCHEMA_VERSION.into()));
    }
    Ok(())
}

/// The body as rmp-serde reads it: a map or an array, with the fields in any order.
#[derive(Deserialize)]
struct Body<'a> {
    schema_version: u16,
    #[serde(borrow)]
    source_namespace: Cow<'a, str>,
    source_event_id: u128,
    source_global_sequence: u64,
    source_kind: u16,
    #[serde(deserialize_with = "read_hash")]
    source_content_hash: [u8; 32],
}

/// Reads any body that rmp-serde can make sense of. Bytes after it are ignored.
fn decode(body: &[u8]) -> Result<Provenance<'_>> {
    // Only a map or an array can hold the fields. Looking ahead keeps serde from quoting a whole
    // string in its error.
    match body.first() {
        None => return Err(Error::new(Code::WireBody, "the provenance body is empty")),
        Some(0x80..=0x9f | 0xdc..=0xdf) => {}
        Some(first) => {
            let message = format!(
                "the provenance body begins with {first:#04x}, which is neither a map nor an array"
            );
            return Err(Error::new(Code::WireBody, message));
        }
    }
    let fields: Body<'_> = rmp_serde::from_slice(body).map_err(|_| explain(body))?;
    // Read from a slice, text is a part of it.
    let Cow::Borrowed(namespace) = fields.source_namespace else { return Err(explain(body)) };
    Ok(Provenance {
        schema_version: fields.schema_version,
        namespace,
        event_id: Id(fields.source_event_id),
        sequence: fields.source_global_sequence,
        kind: Kind(fields.source_kind),
        content_hash: Hash(fields.source_content_hash),
    })
}

/// Why and where `body` does not decode: reads it again through a reader that keeps its position.
#[cold]
fn explain(body: &[u8]) -> Error {
    use rmp_serde::decode::Error as Cause;
    let mut rest = body;
    let why = match Body::deserialize(&mut rmp_serde::Deserializer::new(&mut rest)) {
        Err(Cause::InvalidMarkerRead(_) | Cause::InvalidDataRead(_)) => {
            "it ends within a value".to_string()
        }
        Err(Cause::TypeMismatch(marker)) => format!("a value has the wrong type, {marker:?}"),
        Err(cause) => cause.to_string(),
        Ok(_) => "it is malformed".to_string(),
    };
    let (at, length) = (body.len() - rest.len(), body.len());
    Error::new(
        Code::WireBody,
        format!("the provenance body does not decode before byte {at} of {length}: {why}"),
    )
}

/// Reads what serde reads for `[u8; 32]`; the difference is in the error, which quotes no string.
fn read_hash<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<[u8; 32], D::Error> {
    struct Bytes;
    impl<'de> Visitor<'de> for Bytes {
        type Value = [u8; 32];
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of 32 bytes")
        }
        fn visit_seq<A: SeqAccess<'de>>(
            self,
            mut seq: A,
        ) -> std::result::Result<[u8; 32], A::Error> {
            let mut bytes = [0; 32];
            for (i, byte) in bytes.iter_mut().enumerate() {
                *byte = seq.next_element()?.ok_or_else(|| de::Error::invalid_length(i, &self))?;
            }
            Ok(bytes)
        }
        fn visit_str<E: de::Error>(self, _: &str) -> std::result::Result<[u8; 32], E> {
            Err(E::invalid_type(de::Unexpected::Other("string"), &self))
        }
    }
    deserializer.deserialize_tuple(32, Bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    /// What the format is defined by: the plain derived struct, as rmp-serde 1.3.1 writes and reads
    /// it.
    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Plain {
        schema_version: u16,
        source_namespace: String,
        source_event_id: u128,
        source_global_sequence: u64,
        source_kind: u16,
        source_content_hash: [u8; 32],
    }

    impl From<&Provenance<'_>> for Plain {
        fn from(p: &Provenance<'_>) -> Plain {
            Plain {
                schema_version: p.schema_version,
                source_namespace: p.namespace.to_owned(),
                source_event_id: p.event_id.0,
                source_global_sequence: p.sequence,
                source_kind: p.kind.0,
                source_content_hash: p.content_hash.0,
            }
        }
    }

    impl Plain {
        fn provenance(&self) -> Provenance<'_> {
            Provenance {
                schema_version: self.schema_version,
                namespace: &self.source_namespace,
                event_id: Id(self.source_event_id),
                sequence: self.source_global_sequence,
                kind: Kind(self.source_kind),
                content_hash: Hash(self.source_content_hash),
            }
        }
    }

    /// How many of so many repetitions are made: an interpreter takes a thousand times as long.
    fn repeated(count: usize) -> usize {
        if cfg!(miri) {
            (count / 1000).max(20)
        } else {
            count
        }
    }

    /// SplitMix64: the same values in every run.
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }
        fn below(&mut self, bound: usize) -> usize {
            (self.next() % bound as u64) as usize
        }
        fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
            choices[self.below(choices.len())]
        }
        /// Every width is as likely as any other.
        fn uint(&mut self) -> u64 {
            let shift = self.below(64);
            self.next() >> shift
        }
        fn bytes<const N: usize>(&mut self) -> [u8; N] {
            std::array::from_fn(|_| self.next() as u8)
        }
    }

    fn sample(random: &mut Random) -> Plain {
        let characters = random.below(40);
        Plain {
            schema_version: random.pick(&[0, 1, 1, 1]),
            source_namespace: (0..=characters)
                .map(|_| random.pick(&['a', '-', 'ü', '源', '🔋', '\u{80}']))
                .collect(),
            source_event_id: u128::from_be_bytes(random.bytes()),
            source_global_sequence: random.uint(),
            source_kind: random.uint() as u16,
            source_content_hash: random.bytes(),
        }
    }

    fn assert_encodes_as_rmp_serde(plain: &Plain) {
        let provenance = plain.provenance();
        assert_eq!(provenance.canonical(), rmp_serde::to_vec_named(plain).unwrap(), "{plain:?}");
    }

    #[test]
    fn the_encoder_equals_rmp_serde_for_random_values() {
        let mut random = Random(1);
        for _ in 0..repeated(20_000) {
            assert_encodes_as_rmp_serde(&sample(&mut random));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "safe code, and an hour of interpretation")]
    fn the_encoder_equals_rmp_serde_at_the_bounds_of_every_width() {
        let mut plain = sample(&mut Random(2));
        for bits in 0..=64 {
            for offset in [-2i128, -1, 0, 1] {
                let value = (1i128 << bits) + offset;
                plain.source_global_sequence = value as u64;
                plain.source_kind = value as u16;
                plain.schema_version = value as u16;
                plain.source_event_id = value as u128;
                plain.source_content_hash = [value as u8; 32];
                assert_encodes_as_rmp_serde(&plain);
            }
        }
        for length in [0, 1, 31, 32, 255, 256, 1024, 65_535, 65_536, 70_000] {
            plain.source_namespace = "n".repeat(length);
            assert_encodes_as_rmp_serde(&plain);
        }
    }

    #[test]
    fn encoding_refuses_future_versions_and_namespaces_out_of_limits() {
        let (plain, long) = (sample(&mut Random(4)), "n".repeat(1025));
        let good = Provenance { schema_version: SCHEMA_VERSION, ..plain.provenance() };
        let future = Provenance { schema_version: 2, ..good };
        let empty = Provenance { namespace: "", ..good };
        let control = Provenance { namespace: "a\u{7f}", ..good };
        let longest = Provenance { namespace: &long[1..], ..good };
        let longer = Provenance { namespace: &long, ..good };
        for (provenance, code) in [
            (&future, Code::FutureVersion),
            (&empty, Code::InvalidArgument),
            (&longer, Code::InvalidArgument),
            (&control, Code::InvalidArgument),
        ] {
            assert_eq!(provenance.to_body().unwrap_err().code(), code);
            assert_eq!(provenance.to_frame().unwrap_err().code(), code);
        }
        let error = future.to_frame().unwrap_err();
        assert_eq!((error.actual, error.allowed), (2, 1));
        assert_eq!(Provenance::from_frame(&longest.to_frame().unwrap(), false).unwrap(), longest);
    }

    /// Appends some MessagePack value; most are none that any field would take.
    fn any_value(random: &mut Random, depth: usize, out: &mut Vec<u8>) {
        let small = random.below(4) as u8;
        let length = random.pick(&[0, 1, 15, 16, 31, 32, 33]);
        match random.below(if depth < 3 { 14 } else { 10 }) {
            0 => out.push(random.pick(&[0x00, 0x05, 0x7f, 0xe0, 0xff, 0xc0, 0xc1, 0xc2, 0xc3])),
            1 => fixed(out, random.pick(&[0xcc, 0xd0]), &random.bytes::<1>()),
            2 => fixed(out, random.pick(&[0xcd, 0xd1]), &random.bytes::<2>()),
            3 => fixed(out, random.pick(&[0xce, 0xd2, 0xca]), &random.bytes::<4>()),
            4 => fixed(out, random.pick(&[0xcf, 0xd3, 0xcb]), &random.uint().to_be_bytes()),
            5 => fixed(out, 0xa0 | small, &b"\xf0\x9f\x94\x8b"[..small as usize]),
            6 | 7 => fixed(out, 0xc4, &[&[length as u8], &vec![b'n'; length][..]].concat()),
            8 => fixed(out, random.pick(&[0xd4, 0xd8]), &random.bytes::<17>()),
            9 => fixed(out, 0xc7, &[&[length as u8], &vec![7; length + 1][..]].concat()),
            10 | 11 => {
                fixed(out, 0xdc, &(length as u16).to_be_bytes());
                (0..length).for_each(|_| out.push(random.pick(&[0x00, 0x07, 0x7f])));
            }
            12 => {
                out.push(0x90 | small);
                (0..small).for_each(|_| any_value(random, depth + 1, out));
            }
            _ => {
                out.push(0x80 | small);
                (0..2 * small).for_each(|_| any_value(random, depth + 1, out));
            }
        }
    }

    fn fixed(out: &mut Vec<u8>, marker: u8, rest: &[u8]) {
        out.push(marker);
        out.extend_from_slice(rest);
    }

    /// A body with a fault here and there: other spellings of keys and values, fields that are
    /// twice there, missing or unknown, another order, a cut, an added or a changed byte.
    fn any_body(random: &mut Random) -> Vec<u8> {
        let plain = sample(random);
        let array = random.below(4) == 0;
        let mut canonical: [Vec<u8>; 6] = [
            rmp_serde::to_vec(&plain.schema_version).unwrap(),
            rmp_serde::to_vec(&plain.source_namespace).unwrap(),
            rmp_serde::to_vec(&plain.source_event_id).unwrap(),
            rmp_serde::to_vec(&plain.source_global_sequence).unwrap(),
            rmp_serde::to_vec(&plain.source_kind).unwrap(),
            rmp_serde::to_vec(&plain.source_content_hash).unwrap(),
        ];
        if random.below(3) == 0 {
            let value = &mut canonical[random.below(6)];
            value.clear();
            any_value(random, 0, value);
        }
        let mut order: Vec<usize> = (0..6).collect();
        match random.below(6) {
            0 => order.swap(random.below(6), random.below(6)),
            1 => order.insert(random.below(7), 6),
            2 => order.insert(random.below(7), random.below(6)),
            3 if random.below(3) == 0 => drop(order.remove(random.below(6))),
            _ => {}
        }
        let mut body = vec![if array { 0x90 } else { 0x80 } | order.len() as u8];
        for field in order {
            if !array {
                key(random, field, &mut body);
            }
            match canonical.get(field) {
                Some(value) => body.extend_from_slice(value),
                None => any_value(random, 0, &mut body),
            }
        }
        match random.below(12) {
            0 => body.truncate(random.below(body.len() + 1)),
            1 => body.push(0xc1),
            2 => {
                let at = random.below(body.len());
                body[at] ^= 1 << random.below(8);
            }
            _ => {}
        }
        body
    }

    fn key(random: &mut Random, field: usize, out: &mut Vec<u8>) {
        let names = [
            "schema_version",
            "source_namespace",
            "source_event_id",
            "source_global_sequence",
            "source_kind",
        ];
        let name = names.into_iter().chain(["source_content_hash", "unknown"]).nth(field).unwrap();
        match random.below(24) {
            0 => out.push(field as u8),
            1 => fixed(out, 0xcd, &[0, field as u8]),
            2 => fixed(out, 0xc4, &[&[name.len() as u8], name.as_bytes()].concat()),
            3 => fixed(out, 0xd9, &[&[name.len() as u8], name.as_bytes()].concat()),
            4 if random.below(8) == 0 => any_value(random, 0, out),
            _ => fixed(out, 0xa0 | name.len() as u8, name.as_bytes()),
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "safe code, and an hour of interpretation")]
    fn lenient_decoding_accepts_exactly_what_rmp_serde_accepts() {
        let mut random = Random(5);
        let (mut accepted, mut refused) = (0, 0);
        for _ in 0..200_000 {
            let body = any_body(&mut random);
            let ours = Provenance::from_body(&body, true);
            match (rmp_serde::from_slice::<Plain>(&body), &ours) {
                (Ok(plain), Ok(ours)) => assert_eq!(Plain::from(ours), plain, "{body:02x?}"),
                (Ok(plain), Err(e)) => {
                    assert!(
                        plain.schema_version > 1 && e.code() == Code::FutureVersion,
                        "{e}: {body:02x?}"
                    )
                }
                (Err(_), Err(e)) => assert_eq!(e.code(), Code::WireBody, "{body:02x?}"),
                (Err(e), Ok(_)) => panic!("accepted {body:02x?}, which rmp-serde refuses: {e}"),
            }
            *if ours.is_ok() { &mut accepted } else { &mut refused } += 1;
        }
        println!("{accepted} accepted, {refused} refused");
        assert!(
            accepted > 20_000 && refused > 20_000,
            "{accepted} accepted, {refused} refused: the bodies are one-sided"
        );
    }

    #[test]
    #[cfg_attr(miri, ignore = "safe code, and an hour of interpretation")]
    fn unknown_values_may_nest_as_deep_as_rmp_serde_reads() {
        let canonical = sample(&mut Random(7)).provenance().to_body().unwrap();
        let outcomes = [1000, 1021, 1022, 1023, 1024, 1025, 2000].map(|depth| {
            let mut body =
                [b"\x87", &canonical[1..], b"\xa1x", &vec![0x91; depth][..], b"\xc0"].concat();
            let accepted = rmp_serde::from_slice::<Plain>(&body).is_ok();
            assert_eq!(Provenance::from_body(&body, true).is_ok(), accepted, "depth {depth}");
            body.pop();
            assert!(Provenance::from_body(&body, true).is_err());
            accepted
        });
        assert!(outcomes.contains(&true) && outcomes.contains(&false));
    }

    #[test]
    fn errors_say_what_where_and_why() {
        let plain = sample(&mut Random(6));
        let good = Provenance { schema_version: 1, namespace: "ns", ..plain.provenance() };
        let body = good.to_body().unwrap();
        let frame = good.to_frame().unwrap();
        let text = |result: Result<Provenance>| result.unwrap_err().to_string();
        let cut = text(Provenance::from_body(&body[..40], true));
        assert_eq!(
            cut,
            "the provenance body does not decode before byte 40 of 40: it ends within a value"
        );
        let wide = [&body[..16], b"\xcc\x01", &body[17..]].concat();
        let spelt =
            "the provenance body has 0xcc at byte 16; the canonical encoding of its fields \
                     has 0x01 there";
        assert_eq!(text(Provenance::from_body(&wide, false)), spelt);
        let long = text(Provenance::from_body(&[&body[..], b"x"].concat(), false));
        assert!(
            long.starts_with(&format!("the provenance body has {} bytes;", body.len() + 1)),
            "{long}"
        );
        let magic = text(Provenance::from_frame(b"\x00\"BATIP......", false));
        assert_eq!(magic, r#"the provenance frame begins with "\x00\"BATI" instead of "FBATIP""#);
        let checksum = text(Provenance::from_frame(&frame[..frame.len() - 1], false));
        assert!(checksum.contains("its header says"), "{checksum}");
        let string = text(Provenance::from_body(b"\xa2no", false));
        assert_eq!(
            string,
            "the provenance body begins with 0xa2, which is neither a map nor an array"
        );
    }
}
