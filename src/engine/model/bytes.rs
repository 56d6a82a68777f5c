//! Small pieces of bytes that formats are made of: varints, slices, integers at a place.

/// LEB128: 7 bits a byte, least significant first.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub fn put_slice(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[inline(always)]
pub fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let (&first, tail) = rest.split_first()?;
    if first < 0x80 {
        *rest = tail;
        return Some(first.into());
    }
    if let Some((&second, tail)) = tail.split_first().filter(|(second, _)| **second < 0x80) {
        *rest = tail;
        return Some(u64::from(first & 0x7f) | u64::from(second) << 7);
    }
    let word = rest.first_chunk::<8>().map_or(0, |word| u64::from_le_bytes(*word));
    // The highest bit of each byte that ends a varint.
    let ends = !word & 0x8080_8080_8080_8080;
    if word == 0 || ends == 0 {
        return take_varint_bytewise(rest);
    }
    let bits = ends.trailing_zeros() + 1;
    // The groups of 7 bits move together: in pairs, then in fours, then all.
    let word = word & u64::MAX >> (64 - bits);
    let word = (word & 0x007f_007f_007f_007f) | (word & 0x7f00_7f00_7f00_7f00) >> 1;
    let word = (word & 0x0000_3fff_0000_3fff) | (word & 0x3fff_0000_3fff_0000) >> 2;
    let word = (word & 0x0fff_ffff) | (word & 0x0fff_ffff_0000_0000) >> 4;
    *rest = &rest[bits as usize / 8..];
    Some(word)
}

/// A varint at the end of what there is, or a long one.
#[inline(never)]
fn take_varint_bytewise(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Takes a varint length and that many bytes off the front of `rest`.
pub fn take_slice<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_varint(rest)?).ok()?;
    let (slice, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(slice)
}

pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// `N` bytes at `at`; the caller has checked the length.
pub fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("a slice of N bytes")
}

pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_reads_the_same_from_a_word_as_byte_by_byte() {
        let values = (0..64).flat_map(|bit| [1 << bit, (1 << bit) - 1, (1 << bit) | 0x55]);
        for value in values.chain([u64::MAX, 0x0123_4567_89ab_cdef]) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            for after in 0..10 {
                let bytes = [&*bytes, &vec![0xff; after]].concat();
                let (mut rest, mut other) = (&*bytes, &*bytes);
                assert_eq!(take_varint(&mut rest), Some(value));
                assert_eq!(take_varint_bytewise(&mut other), Some(value));
                assert_eq!(rest, other);
            }
        }
        for bad in [&[][..], &[0x80; 7], &[0x80; 8], &[0xff; 11]] {
            assert_eq!(take_varint(&mut &*bad), None);
        }
        let mut longer: &[u8] = &[0x81, 0x80, 0x80, 0, 7, 7, 7, 7, 7];
        assert_eq!((take_varint(&mut longer), longer.len()), (Some(1), 5));
    }
}
