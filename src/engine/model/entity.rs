//! Any text as an entity and back: percent-encoding of exactly what entities refuse.

use super::error::{Code, Error, Result};
use super::event::check_coordinate;
use super::limits::COORDINATE_BYTES_MAX;

/// The entity that stands for a text: control bytes, `/`, `=`, `|`, `%` and the second dot of `..`
/// become `%` and two upper-case hex digits. A `:` stays, since it divides.
pub fn encode(text: &str) -> Result<String> {
    if text.is_empty() {
        return Err(Error::new(Code::InvalidCoordinate, "the text is empty, which no entity is"));
    }
    let mut entity = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'.' if entity.last() == Some(&b'.') => entity.extend(b"%2E"),
            ..0x20 | 0x7f | b'/' | b'=' | b'|' | b'%' => {
                entity.extend(format!("%{byte:02X}").as_bytes());
            }
            _ => entity.push(byte),
        }
    }
    let (length, max) = (entity.len(), COORDINATE_BYTES_MAX);
    if length > max {
        let message = format!("the entity would have {length} bytes; {max} are allowed");
        let error = Error::new(Code::InvalidCoordinate, message);
        return Err(error.with_numbers(length as u64, max as u64));
    }
    String::from_utf8(entity).map_err(|e| Error::invalid(e.to_string()))
}

/// The text that an entity stands for.
pub fn decode(entity: &str) -> Result<String> {
    let any_scope = "s";
    check_coordinate(entity, any_scope)?;
    let bytes = entity.as_bytes();
    let (mut text, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let digit = |at: usize| Some(char::from(*bytes.get(at)?).to_digit(16)? as u8);
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                text.push(high << 4 | low);
                at += 3;
            }
            (b'%', ..) => {
                let message = format!("the entity has a '%' without two hex digits at {at}");
                return Err(Error::invalid(message).with_offset(at as u64));
            }
            _ => {
                text.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(text).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        let message = format!("the text of the entity is not UTF-8 at byte {at}");
        Error::new(Code::InvalidUtf8, message).with_offset(at as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_that_fits_comes_back() {
        let every: String = (0..0x180u32).filter_map(char::from_u32).collect();
        let texts = [
            "a/b/+/#",
            "..",
            "....",
            ".",
            "a..b...c",
            "%",
            "%2F",
            "=|=",
            "\u{1}\u{7f}\u{0}",
            "base64==",
            "e:x",
            "\u{1f600}/\u{e4}",
            "https://a.example/b?c=d&e=%20",
        ];
        for text in texts.into_iter().chain([&*every]) {
            let entity = encode(text).unwrap();
            check_coordinate(&entity, "s").unwrap();
            assert_eq!(decode(&entity).unwrap(), text);
        }
        assert_eq!(encode("a/b=c|d%..:x").unwrap(), "a%2Fb%3Dc%7Cd%25.%2E:x");
        assert_eq!(encode("plain:entity-1.2").unwrap(), "plain:entity-1.2");
    }

    #[test]
    fn what_fits_the_limit_is_what_the_entity_has() {
        let longest = "a".repeat(COORDINATE_BYTES_MAX);
        assert_eq!(decode(&encode(&longest).unwrap()).unwrap(), longest);
        let error = encode(&"/".repeat(342)).unwrap_err();
        assert_eq!(
            (error.code(), error.actual, error.allowed),
            (Code::InvalidCoordinate, 1026, 1024)
        );
        assert_eq!(encode("").unwrap_err().code(), Code::InvalidCoordinate);
    }

    #[test]
    fn decoding_says_where_an_escape_is_malformed() {
        for (entity, at) in [("ab%", 2), ("a%2", 1), ("%2F%zz", 3), ("%%41", 0), ("abc%4g", 3)] {
            let error = decode(entity).unwrap_err();
            assert_eq!((error.code(), error.offset), (Code::InvalidArgument, Some(at)), "{entity}");
        }
        assert_eq!(decode("%ff").unwrap_err().code(), Code::InvalidUtf8);
        assert_eq!(decode("").unwrap_err().code(), Code::InvalidCoordinate);
        assert_eq!(decode("a/b").unwrap_err().code(), Code::InvalidCoordinate);
        assert_eq!(decode("%2f%2F").unwrap(), "//");
    }
}
