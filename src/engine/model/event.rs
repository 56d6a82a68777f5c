//! Events as callers give them, as readers see them, and the receipts in between.

use super::bytes::put_slice;
use super::content::Content;
use super::error::{Code, Error, Result};
use super::id::{Hash, Id, Kind};
use super::limits::{self, Limits};
use super::provenance::Provenance;

/// Entity and scope of the library's own events; callers cannot use either.
pub const SYSTEM_ENTITY: &str = "=store";
pub const SYSTEM_SCOPE: &str = "=system";
/// The extension of an imported event that says where it came from.
pub const PROVENANCE_EXTENSION: &str = "batpak.import.provenance";

/// What the caller expects of the entity before this event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Expect {
    /// Nothing.
    #[default]
    Any,
    /// It has no events.
    Absent,
    /// It has at least one.
    Present,
    /// It has exactly so many.
    Version(u64),
}

/// What caused an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Cause {
    #[default]
    None,
    /// An event by its id, which is not looked up.
    Event(Id),
    /// An earlier item of the same batch, counted from 0.
    Item(usize),
}

/// An event to append.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewEvent<'a> {
    pub entity: &'a str,
    pub scope: &'a str,
    pub kind: Kind,
    pub payload: &'a [u8],
    /// Idempotency key; becomes the event's id. [`Id::NONE`]: a new id is made.
    pub key: Id,
    pub expect: Expect,
    /// Microseconds since 1970; none: the clock's.
    pub timestamp_us: Option<i64>,
    /// The caller's own; kept as they are.
    pub flags: u32,
    pub payload_version: u16,
    pub correlation: Id,
    pub cause: Cause,
    pub extensions: &'a [(&'a str, &'a [u8])],
}

/// An event as it is in the log, borrowed from a page or from the import that shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event<'a> {
    pub id: Id,
    pub sequence: u64,
    pub entity: &'a str,
    pub scope: &'a str,
    pub kind: Kind,
    /// How many events the entity had with this one: 1 for its first.
    pub version: u64,
    /// Microseconds since 1970, the caller's.
    pub timestamp_us: i64,
    /// Microseconds since 1970, this store's; never goes back.
    pub recorded_us: i64,
    pub flags: u32,
    pub payload_version: u16,
    pub correlation: Id,
    pub causation: Id,
    /// Empty unless the columns asked for include it.
    pub payload: &'a [u8],
    /// Length of the payload, also where the payload was not asked for.
    pub payload_len: usize,
    /// The caller's extensions; empty unless the columns asked for include them.
    pub extensions: Extensions<'a>,
    /// What stands for the payload, which is there whatever the columns are.
    pub content: Content<'a>,
    pub event_hash: Hash,
    /// Hash of the entity's event before (the genesis event's for the first; zero where that was
    /// lost); only with its column.
    pub previous_hash: Option<Hash>,
    /// Where an imported event came from.
    pub source: Source<'a>,
}

impl<'a> Event<'a> {
    /// BLAKE3 of the payload; of a short one it is computed here.
    pub fn content_hash(&self) -> Hash {
        self.content.hash()
    }

    /// The name of the source of an imported event, and the id there. A whole provenance would cost
    /// the hash of a short payload.
    pub fn imported_from(&self) -> Result<Option<(&'a str, Id)>> {
        match self.source {
            Source::None => Ok(None),
            Source::Import { namespace, event_id, .. } => Ok(Some((namespace, event_id))),
            Source::Raw(_) => Ok(self.provenance()?.map(|from| (from.namespace, from.event_id))),
        }
    }

    /// Where this event came from: none when it was not imported. An unreadable provenance is an
    /// error that names the event.
    pub fn provenance(&self) -> Result<Option<Provenance<'a>>> {
        match self.source {
            Source::None => Ok(None),
            Source::Import { namespace, event_id, sequence } => Ok(Some(Provenance {
                schema_version: super::provenance::SCHEMA_VERSION,
                namespace,
                event_id,
                sequence,
                kind: self.kind,
                content_hash: self.content_hash(),
            })),
            Source::Raw(body) => Provenance::from_body(body, false).map(Some).map_err(|e| {
                e.context(format!("provenance of event {} (sequence {})", self.id, self.sequence))
                    .with_event(self.id, self.sequence)
            }),
        }
    }
}

/// How the log keeps the provenance of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Source<'a> {
    /// It was appended here.
    #[default]
    None,
    /// It was imported; kind and content hash are those of the event.
    Import { namespace: &'a str, event_id: Id, sequence: u64 },
    /// A provenance body that this version of the library did not write.
    Raw(&'a [u8]),
}

impl<'a> Source<'a> {
    /// The name of the source of an imported event.
    pub fn namespace(&self) -> Option<&'a str> {
        match self {
            Source::Import { namespace, .. } => Some(namespace),
            Source::None | Source::Raw(_) => None,
        }
    }
}

/// Extensions in the form that the log keeps: for each, length and bytes of key and of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Extensions<'a>(pub &'a [u8]);

impl<'a> Extensions<'a> {
    /// Each key with its value, in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let key = super::bytes::take_slice(&mut rest)?;
            let value = super::bytes::take_slice(&mut rest)?;
            Some((std::str::from_utf8(key).ok()?, value))
        })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What an append answers for each event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub id: Id,
    pub sequence: u64,
    /// The entity's version with this event.
    pub version: u64,
    pub timestamp_us: i64,
    pub recorded_us: i64,
    pub content_hash: Hash,
    pub event_hash: Hash,
    /// Zero where the event before was lost, which a repair has declared.
    pub previous_hash: Hash,
    /// The key exists already with the same content: this is the first append's answer.
    pub replayed: bool,
    /// The event is known to be on disk.
    pub durable: bool,
    /// The event came from another store.
    pub imported: bool,
}

impl Receipt {
    /// The receipt of an event that was appended now, and is not known to be on disk.
    pub fn of_event(event: &Event<'_>, content_hash: Hash, previous_hash: Hash) -> Receipt {
        Receipt {
            id: event.id,
            sequence: event.sequence,
            version: event.version,
            timestamp_us: event.timestamp_us,
            recorded_us: event.recorded_us,
            content_hash,
            event_hash: event.event_hash,
            previous_hash,
            replayed: false,
            durable: false,
            imported: event.source != Source::None,
        }
    }
}

/// The parts of an event that cost extra to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns {
    pub payload: bool,
    pub extensions: bool,
    /// One more look-up for each event.
    pub previous_hash: bool,
}

impl Columns {
    pub const NONE: Columns = Columns { payload: false, extensions: false, previous_hash: false };
    pub const ALL: Columns = Columns { payload: true, extensions: true, previous_hash: true };
}

impl Default for Columns {
    /// Payload and extensions.
    fn default() -> Columns {
        Columns { payload: true, extensions: true, previous_hash: false }
    }
}

/// Checks entity and scope in the order: empty entity, empty scope, too long, bytes.
pub fn check_coordinate(entity: &str, scope: &str) -> Result<()> {
    let fault = |message: String| Err(Error::new(Code::InvalidCoordinate, message));
    if entity.is_empty() {
        return fault("the entity is empty".into());
    }
    if scope.is_empty() {
        return fault("the scope is empty".into());
    }
    for (what, text) in [("entity", entity), ("scope", scope)] {
        let (length, max) = (text.len(), limits::COORDINATE_BYTES_MAX);
        if length > max {
            let error = Error::new(
                Code::InvalidCoordinate,
                format!("the {what} has {length} bytes; {max} are allowed"),
            );
            return Err(error.with_numbers(length as u64, max as u64));
        }
    }
    for (what, text) in [("entity", entity), ("scope", scope)] {
        let bad = |b: &u8| *b < 0x20 || matches!(b, 0x7f | b'/' | b'|' | b'=');
        if let Some(at) = text.as_bytes().iter().position(bad) {
            let byte = match text.as_bytes()[at] {
                byte @ (..0x20 | 0x7f) => format!("the byte 0x{byte:02x}"),
                byte => format!("'{}'", char::from(byte)),
            };
            return fault(format!(
                "the {what} has {byte} at {at}; control bytes, '/', '|' and '=' are refused"
            ));
        }
        if let Some(at) = text.as_bytes().windows(2).position(|pair| pair == b"..") {
            return fault(format!("the {what} has '..' at {at}"));
        }
    }
    Ok(())
}

/// Checks one event of a caller against everything that can be checked without the store.
pub fn check_event(event: &NewEvent<'_>, limits: &Limits) -> Result<()> {
    check_coordinate(event.entity, event.scope)?;
    if event.kind.is_reserved() {
        let message = format!("kind 0x{:04x}: categories 0x0 and 0xD are reserved", event.kind.0);
        return Err(Error::new(Code::ReservedKind, message).with_numbers(event.kind.0.into(), 0));
    }
    check_limit("payload bytes", event.payload.len(), limits.payload_bytes_max)?;
    check_extensions(event.extensions)
}

/// Refuses `found` above `allowed`, naming the limit.
pub fn check_limit(what: &str, found: usize, allowed: usize) -> Result<()> {
    if found <= allowed {
        return Ok(());
    }
    let message = format!("{what}: {found}; the limit is {allowed}");
    Err(Error::new(Code::LimitExceeded, message).with_numbers(found as u64, allowed as u64))
}

/// What an event counts towards the bytes of a batch.
pub fn batch_bytes<'a>(
    entity: &str,
    scope: &str,
    payload: &[u8],
    extensions: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> usize {
    let extensions: usize = extensions.map(|(key, value)| key.len() + value.len()).sum();
    payload.len() + extensions + entity.len() + scope.len()
}

fn check_extensions(extensions: &[(&str, &[u8])]) -> Result<()> {
    check_limit("extensions", extensions.len(), limits::EXTENSIONS_MAX)?;
    // Lengths may be any at all until they are checked, so that a sum could overflow.
    let lengths = extensions.iter().flat_map(|(key, value)| [key.len(), value.len()]);
    check_limit(
        "extension bytes",
        lengths.fold(0, usize::saturating_add),
        limits::EXTENSIONS_BYTES_MAX,
    )?;
    for (at, (key, _)) in extensions.iter().enumerate() {
        check_extension_key(key)?;
        if extensions[..at].iter().any(|(earlier, _)| earlier == key) {
            return Err(Error::invalid(format!("extension key '{key}' is given twice")));
        }
    }
    Ok(())
}

/// A key is ASCII, at most 256 bytes, `prefix.field` with exactly one dot; `batpak` is reserved.
fn check_extension_key(key: &str) -> Result<()> {
    check_limit("extension key bytes", key.len(), limits::EXTENSION_KEY_BYTES_MAX)?;
    if key.split('.').next() == Some("batpak") {
        return Err(Error::new(
            Code::ReservedExtension,
            format!("extension key '{}': the prefix batpak is reserved", key.escape_default()),
        ));
    }
    let mut parts = key.split('.');
    let both =
        [parts.next(), parts.next()].iter().flatten().filter(|part| !part.is_empty()).count();
    if !key.is_ascii() || both != 2 || parts.next().is_some() {
        let message = format!(
            "extension key '{}' is not ASCII of the form prefix.field",
            key.escape_default()
        );
        return Err(Error::invalid(message));
    }
    Ok(())
}

/// Encodes extensions in the form that frames keep.
pub fn encode_extensions(extensions: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, value) in extensions {
        put_slice(&mut out, key.as_bytes());
        put_slice(&mut out, value);
    }
    out
}
