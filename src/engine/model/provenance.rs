//! Provenance: where an imported event came from; its body and its FBATIP frame.
//!
//! The body is what rmp-serde 1.3.1 makes of a plain struct. Lenient decoding reads what that
//! reads, without recursion. Strict decoding reads it, writes the fields again and compares.
//! `docs/format.md` has the tables of bytes and statuses.

use super::bytes::array_at;
use super::error::{Code, Error, Result};
use super::id::{Hash, Id, Kind};
use super::key::check_namespace;
use super::limits::NAMESPACE_BYTES_MAX;

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

    /// The canonical encoding of whatever the fields hold: what rmp-serde writes for them, at a
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
        let (length, max) = (self.namespace.len(), NAMESPACE_BYTES_MAX);
        if length == 0 || length > max {
            let message = format!(
                "the namespace of the provenance has {length} bytes; 1 to {max} are allowed"
            );
            return not_canonical(message);
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

/// The fields, in the order of the canonical encoding.
const FIELDS: [&str; 6] = [
    "schema_version",
    "source_namespace",
    "source_event_id",
    "source_global_sequence",
    "source_kind",
    "source_content_hash",
];
/// Values may nest so deep in a field that nobody knows: as deep as rmp-serde 1.3.1 reads.
const DEPTH_MAX: usize = 1022;

/// What was read, or why it was not.
type Read<T> = std::result::Result<T, String>;

/// One MessagePack value; of an array or a map how many values or pairs follow.
enum Value<'a> {
    /// Of an unsigned type.
    Uint(u64),
    /// Of a signed type, whatever its sign.
    Int(i64),
    Str(&'a [u8]),
    Bin(&'a [u8]),
    Array(u32),
    Map(u32),
    Ext,
    /// Nil, a boolean or a float.
    Other,
}

impl Value<'_> {
    fn uint(&self) -> Option<u64> {
        match *self {
            Value::Uint(value) => Some(value),
            Value::Int(value) => value.try_into().ok(),
            _ => None,
        }
    }
}

/// Reads one value after the other. Nested ones are counted, not called for: what comes in cannot
/// use up the stack.
struct Reader<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        match self.body[self.at..].get(..length) {
            Some(bytes) => {
                self.at += length;
                Ok(bytes)
            }
            None => {
                self.at = self.body.len();
                Err("it ends within a value".into())
            }
        }
    }

    /// An unsigned number of so many bytes, big-endian.
    fn number(&mut self, bytes: usize) -> Read<u64> {
        Ok(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn sized(&mut self, bytes: usize) -> Read<&'a [u8]> {
        let length = self.number(bytes)? as usize;
        self.take(length)
    }

    fn value(&mut self) -> Read<Value<'a>> {
        let marker = self.take(1)?[0];
        Ok(match marker {
            0x00..=0x7f => Value::Uint(marker.into()),
            0x80..=0x8f => Value::Map(u32::from(marker & 0x0f)),
            0x90..=0x9f => Value::Array(u32::from(marker & 0x0f)),
            0xa0..=0xbf => Value::Str(self.take(usize::from(marker & 0x1f))?),
            0xc0 | 0xc2 | 0xc3 => Value::Other,
            0xc1 => return Err("0xc1 begins no value".into()),
            0xc4..=0xc6 => Value::Bin(self.sized(1 << (marker - 0xc4))?),
            0xc7..=0xc9 => {
                let length = self.number(1 << (marker - 0xc7))? as usize;
                self.take(length + 1).map(|_| Value::Ext)?
            }
            0xca | 0xcb => self.take(4 << (marker - 0xca)).map(|_| Value::Other)?,
            0xcc..=0xcf => Value::Uint(self.number(1 << (marker - 0xcc))?),
            0xd0..=0xd3 => {
                let bytes = 1 << (marker - 0xd0);
                let unused = 64 - 8 * bytes as u32;
                Value::Int(((self.number(bytes)? << unused) as i64) >> unused)
            }
            0xd4..=0xd8 => self.take((1 << (marker - 0xd4)) + 1).map(|_| Value::Ext)?,
            0xd9..=0xdb => Value::Str(self.sized(1 << (marker - 0xd9))?),
            0xdc | 0xdd => Value::Array(self.number(2 << (marker - 0xdc))? as u32),
            0xde | 0xdf => Value::Map(self.number(2 << (marker - 0xde))? as u32),
            0xe0..=0xff => Value::Int(i64::from(marker as i8)),
        })
    }

    /// Passes over a value and everything in it.
    fn skip(&mut self) -> Read<()> {
        // Of each array or map that is open, how many values are still to come.
        let mut open: Vec<u64> = Vec::new();
        loop {
            let inside = match self.value()? {
                Value::Array(length) => Some(length.into()),
                Value::Map(length) => Some(2 * u64::from(length)),
                Value::Ext => Some(0),
                _ => None,
            };
            if inside.is_some() && open.len() == DEPTH_MAX {
                return Err("its values nest too deep".into());
            }
            open.extend(inside);
            while open.pop_if(|left| *left == 0).is_some() {}
            match open.last_mut() {
                Some(left) => *left -= 1,
                None => return Ok(()),
            }
        }
    }

    /// The number of the field that a key names, by text or by number; none where nobody knows it.
    fn key(&mut self) -> Read<Option<usize>> {
        match self.value()? {
            Value::Str(name) | Value::Bin(name) => {
                Ok(FIELDS.iter().position(|field| field.as_bytes() == name))
            }
            Value::Uint(number) => Ok(Some(number as usize).filter(|_| number < 6)),
            _ => Err("a key is neither text nor the number of a field".into()),
        }
    }

    /// An unsigned integer up to `max`, of whatever width.
    fn uint(&mut self, name: &str, max: u64) -> Read<u64> {
        let value = self.value()?.uint().filter(|value| *value <= max);
        value.ok_or_else(|| format!("{name} is not an integer from 0 to {max}"))
    }

    fn text(&mut self, name: &str) -> Read<&'a str> {
        match self.value()? {
            Value::Str(bytes) | Value::Bin(bytes) => {
                std::str::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8"))
            }
            _ => Err(format!("{name} is not text")),
        }
    }

    fn id(&mut self, name: &str) -> Read<Id> {
        let is_short = self.body.get(self.at) == Some(&0xc4);
        let value = self.value()?;
        match (&value, value.uint()) {
            (Value::Bin(bytes), _) if is_short && bytes.len() == 16 => {
                Ok(Id::from_bytes(array_at(bytes, 0)))
            }
            (_, Some(number)) => Ok(Id(number.into())),
            _ => Err(format!("{name} is neither 16 bytes nor an integer from 0 up")),
        }
    }

    fn hash(&mut self, name: &str) -> Read<Hash> {
        let wrong = || format!("{name} is not 32 bytes or integers from 0 to 255");
        let mut hash = [0; 32];
        match self.value()? {
            Value::Bin(bytes) if bytes.len() == 32 => hash.copy_from_slice(bytes),
            Value::Array(32) => {
                for byte in &mut hash {
                    let value = self.value()?.uint();
                    *byte = value.and_then(|value| value.try_into().ok()).ok_or_else(wrong)?;
                }
            }
            _ => return Err(wrong()),
        }
        Ok(Hash(hash))
    }

    /// Reads the value of a field.
    fn field(&mut self, number: usize, into: &mut Provenance<'a>) -> Read<()> {
        let name = FIELDS[number];
        match number {
            0 => into.schema_version = self.uint(name, u16::MAX.into())? as u16,
            1 => into.namespace = self.text(name)?,
            2 => into.event_id = self.id(name)?,
            3 => into.sequence = self.uint(name, u64::MAX)?,
            4 => into.kind = Kind(self.uint(name, u16::MAX.into())? as u16),
            _ => into.content_hash = self.hash(name)?,
        }
        Ok(())
    }

    /// Reads the body: a map with the fields in any order, or an array of them in theirs.
    fn provenance(&mut self) -> Read<Provenance<'a>> {
        let mut read = Provenance {
            schema_version: 0,
            namespace: "",
            event_id: Id::NONE,
            sequence: 0,
            kind: Kind(0),
            content_hash: Hash::ZERO,
        };
        match self.value()? {
            Value::Array(6) => {
                for number in 0..FIELDS.len() {
                    self.field(number, &mut read)?;
                }
            }
            Value::Array(length) => return Err(format!("it is an array of {length} values")),
            Value::Map(length) => {
                let mut seen = [false; FIELDS.len()];
                for _ in 0..length {
                    match self.key()? {
                        None => self.skip()?,
                        Some(number) if std::mem::replace(&mut seen[number], true) => {
                            return Err(format!("{} is there twice", FIELDS[number]));
                        }
                        Some(number) => self.field(number, &mut read)?,
                    }
                }
                if let Some(number) = seen.iter().position(|seen| !seen) {
                    return Err(format!("{} is missing", FIELDS[number]));
                }
            }
            _ => return Err("it is neither a map nor an array".into()),
        }
        Ok(read)
    }
}

/// Reads any body that rmp-serde reads as what it says. Bytes after it are ignored.
///
/// rmp-serde takes two more, and reads them as something else: a negative id, and a hash of more
/// than 32 bytes.
fn decode(body: &[u8]) -> Result<Provenance<'_>> {
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
    let mut reader = Reader { body, at: 0 };
    reader.provenance().map_err(|why| {
        let (at, length) = (reader.at, body.len());
        let message =
            format!("the provenance body does not decode before byte {at} of {length}: {why}");
        Error::new(Code::WireBody, message)
    })
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

    /// The same with other types where rmp-serde reads something that is not there.
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Loose<I> {
        schema_version: u16,
        source_namespace: String,
        source_event_id: I,
        source_global_sequence: u64,
        source_kind: u16,
        source_content_hash: Vec<u8>,
    }

    /// Whether a body has a negative id, or a hash of another length.
    fn is_mangled(body: &[u8]) -> bool {
        let negative =
            rmp_serde::from_slice::<Loose<i64>>(body).is_ok_and(|loose| loose.source_event_id < 0);
        negative
            || rmp_serde::from_slice::<Loose<u128>>(body)
                .is_ok_and(|loose| loose.source_content_hash.len() != 32)
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
    fn lenient_decoding_accepts_what_rmp_serde_accepts_less_what_it_mangles() {
        let mut random = Random(5);
        let (mut accepted, mut refused, mut mangled) = (0, 0, 0);
        for _ in 0..200_000 {
            let body = any_body(&mut random);
            let ours = Provenance::from_body(&body, true);
            match (rmp_serde::from_slice::<Plain>(&body), &ours) {
                (Ok(plain), Ok(ours)) => assert_eq!(Plain::from(ours), plain, "{body:02x?}"),
                (Ok(_), Err(e)) if e.code() == Code::WireBody => {
                    assert!(is_mangled(&body), "{e}: {body:02x?}");
                    mangled += 1;
                }
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
        println!("{accepted} accepted, {refused} refused, {mangled} of them mangled");
        assert!(mangled > 100, "{mangled}");
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
    fn what_would_be_mangled_is_refused_in_both_modes() {
        let plain = sample(&mut Random(8));
        let value = |value: &dyn Fn(usize) -> Option<Vec<u8>>| {
            let canonical: [Vec<u8>; 6] = [
                rmp_serde::to_vec(&1u16).unwrap(),
                rmp_serde::to_vec("ns").unwrap(),
                rmp_serde::to_vec(&plain.source_event_id).unwrap(),
                rmp_serde::to_vec(&plain.source_global_sequence).unwrap(),
                rmp_serde::to_vec(&plain.source_kind).unwrap(),
                rmp_serde::to_vec(&plain.source_content_hash).unwrap(),
            ];
            let mut body = vec![0x86];
            for (number, field) in canonical.into_iter().enumerate() {
                fixed(&mut body, 0xa0 | FIELDS[number].len() as u8, FIELDS[number].as_bytes());
                body.extend(value(number).unwrap_or(field));
            }
            body
        };
        let bin = |length: usize| [&[0xc4, length as u8][..], &vec![7; length]].concat();
        let array = |length: usize| [&[0xdc, 0, length as u8][..], &vec![7; length]].concat();
        let ints: [&[u8]; 7] = [
            b"\xff",
            b"\xe0",
            b"\xd0\x80",
            b"\xd1\xff\xff",
            b"\xd2\xff\xff\xff\xfe",
            b"\xd3\x80\0\0\0\0\0\0\0",
            b"\xcb\0\0\0\0\0\0\0\0",
        ];
        let mut refused: Vec<(usize, Vec<u8>)> =
            [0, 2, 3, 4].iter().flat_map(|n| ints.map(|i| (*n, i.to_vec()))).collect();
        refused.extend([0, 15, 17, 32].map(|length| (2, bin(length))));
        refused.extend([0, 31, 33, 64].map(|length| (5, bin(length))));
        refused.extend([0, 31, 33, 64].map(|length| (5, array(length))));
        refused.extend((0..6).map(|number| (number, vec![0xc0])));
        refused.extend([0, 4].map(|number| (number, b"\xce\0\x01\0\0".to_vec())));
        for (number, bytes) in refused {
            let body = value(&|n| (n == number).then(|| bytes.clone()));
            for lenient in [false, true] {
                let error = Provenance::from_body(&body, lenient).unwrap_err();
                assert_eq!(error.code(), Code::WireBody, "{}: {bytes:02x?}", FIELDS[number]);
                assert!(error.message.contains(FIELDS[number]), "{error}");
            }
        }
        for long in [1024usize, 1025, 5000] {
            let name = rmp_serde::to_vec(&"n".repeat(long)).unwrap();
            let body = value(&|n| (n == 1).then(|| name.clone()));
            assert_eq!(Provenance::from_body(&body, true).unwrap().namespace.len(), long);
            let strict = Provenance::from_body(&body, false).map_err(|e| e.code());
            assert_eq!(strict.is_ok(), long == 1024);
            assert!(strict.err().is_none_or(|code| code == Code::WireNotCanonical));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "threads of another size")]
    fn nested_values_do_not_use_up_the_stack() {
        let canonical = sample(&mut Random(7)).provenance().to_body().unwrap();
        for (open, depth) in [(0x91u8, 1022), (0x91, 1_000_000), (0x81, 1_000_000)] {
            let nested = vec![open; depth];
            let body = [b"\x87", &canonical[1..], b"\xa1x", &nested[..], b"\xc0"].concat();
            let read = move || Provenance::from_body(&body, true).is_ok();
            let small = std::thread::Builder::new().stack_size(32 << 10);
            assert_eq!(small.spawn(read).unwrap().join().unwrap(), depth == 1022);
        }
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
