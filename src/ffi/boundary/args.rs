//! Raw arguments: from pointers and lengths to slices and text, and values out through pointers.

use super::types::{fbat_extension, fbat_hash, fbat_id, fbat_str};
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::id::{Hash, Id};
use crate::engine::model::limits;
use std::borrow::Cow;
use std::ffi::{c_char, CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// How long something may be, and what it is when it is longer. Checked before it is read: a
/// length out of nowhere must not lead out of the caller's memory.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    max: usize,
    code: Code,
}

pub(crate) const COORDINATE: Limit =
    Limit { max: limits::COORDINATE_BYTES_MAX, code: Code::InvalidCoordinate };
pub(crate) const NAMESPACE: Limit =
    Limit { max: limits::NAMESPACE_BYTES_MAX, code: Code::InvalidArgument };
/// A position has a namespace in it.
pub(crate) const POSITION: Limit =
    Limit { max: 2 * limits::NAMESPACE_BYTES_MAX, code: Code::InvalidArgument };
pub(crate) const LABEL: Limit =
    Limit { max: limits::NAMESPACE_BYTES_MAX, code: Code::InvalidArgument };
pub(crate) const PAYLOAD: Limit =
    Limit { max: limits::PAYLOAD_BYTES_MAX, code: Code::LimitExceeded };
pub(crate) const BATCH: Limit = Limit { max: limits::BATCH_EVENTS_MAX, code: Code::LimitExceeded };
const EXTENSIONS: Limit = Limit { max: limits::EXTENSIONS_MAX, code: Code::LimitExceeded };
const EXTENSION_KEY: Limit =
    Limit { max: limits::EXTENSION_KEY_BYTES_MAX, code: Code::LimitExceeded };
const EXTENSION_VALUE: Limit =
    Limit { max: limits::EXTENSIONS_BYTES_MAX, code: Code::LimitExceeded };
pub(crate) const REGION_KINDS: Limit =
    Limit { max: limits::REGION_KINDS_MAX, code: Code::LimitExceeded };
pub(crate) const REGION_SCOPES: Limit =
    Limit { max: limits::REGION_SCOPES_MAX, code: Code::LimitExceeded };
/// Whatever memory can hold.
pub(crate) const ANY: Limit = Limit { max: isize::MAX as usize, code: Code::InvalidArgument };

/// Refuses `len` items at `data` that can't be there, or are more than is allowed.
pub(crate) fn check_len<T>(name: &str, data: *const T, len: usize, limit: Limit) -> Result<()> {
    if len == 0 {
        return Ok(());
    }
    check_pointer(name, data)?;
    if len.checked_mul(size_of::<T>()).is_none_or(|bytes| bytes > isize::MAX as usize) {
        return Err(Error::invalid(format!(
            "{name}: a length of {len} is more than memory can hold"
        )));
    }
    if len > limit.max {
        let error = Error::new(
            limit.code,
            format!("{name}: a length of {len}; the limit is {}", limit.max),
        );
        return Err(error.with_numbers(len as u64, limit.max as u64));
    }
    Ok(())
}

/// `len` items at `data`; null is an empty slice where `len` is 0, and an error elsewhere.
///
/// # Safety
/// A `data` that is not null points to `len` items that nobody changes during `'a`.
pub(crate) unsafe fn slice<'a, T>(
    name: &str,
    data: *const T,
    len: usize,
    limit: Limit,
) -> Result<&'a [T]> {
    check_len(name, data, len, limit)?;
    if len == 0 {
        return Ok(&[]);
    }
    // SAFETY: not null, aligned, and of a possible size; the rest is the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// UTF-8 text.
///
/// # Safety
/// As [`slice`].
pub(crate) unsafe fn text<'a>(
    name: &str,
    data: *const c_char,
    len: usize,
    limit: Limit,
) -> Result<&'a str> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { slice(name, data.cast::<u8>(), len, limit) }?;
    std::str::from_utf8(bytes).map_err(|e| {
        let message = format!("{name} is not UTF-8 at byte {}", e.valid_up_to());
        Error::new(Code::InvalidUtf8, message).with_numbers(e.valid_up_to() as u64, 0)
    })
}

/// The text of an `fbat_str`.
///
/// # Safety
/// As [`slice`].
pub(crate) unsafe fn text_of<'a>(name: &str, text: fbat_str, limit: Limit) -> Result<&'a str> {
    // SAFETY: the caller's promise.
    unsafe { self::text(name, text.data, text.len, limit) }
}

/// The text of a member that may be left out: NULL with 0 is none. A pointer with a length of 0 is
/// an error: text that was computed, and came out empty, must not mean "everything".
///
/// # Safety
/// As [`slice`].
pub(crate) unsafe fn optional_text<'a>(
    name: &str,
    text: fbat_str,
    limit: Limit,
) -> Result<Option<&'a str>> {
    match (text.data.is_null(), text.len) {
        (true, 0) => Ok(None),
        (false, 0) => {
            Err(Error::invalid(format!("{name} is empty; leave it NULL if none is meant")))
        }
        // SAFETY: the caller's promise.
        _ => unsafe { text_of(name, text, limit) }.map(Some),
    }
}

/// The items of a member that may be left out: NULL with 0 is none. A pointer with a count of 0 is
/// an error, as with [`optional_text`].
///
/// # Safety
/// As [`slice`].
pub(crate) unsafe fn optional_slice<'a, T>(
    name: &str,
    data: *const T,
    count: usize,
    limit: Limit,
) -> Result<&'a [T]> {
    if !data.is_null() && count == 0 {
        return Err(Error::invalid(format!("{name} is empty; leave it NULL if none is meant")));
    }
    // SAFETY: the caller's promise.
    unsafe { slice(name, data, count, limit) }
}

/// A NUL-terminated path.
///
/// # Safety
/// A `path` that is not null is NUL-terminated, and nobody changes it during `'a`.
pub(crate) unsafe fn path<'a>(name: &str, path: *const c_char) -> Result<&'a Path> {
    check_pointer(name, path)?;
    // SAFETY: the caller's promise.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
    if bytes.is_empty() {
        return Err(Error::invalid(format!("{name} is empty")));
    }
    Ok(Path::new(OsStr::from_bytes(bytes)))
}

/// A plain value behind a pointer that may not be null.
///
/// # Safety
/// A `pointer` that is not null can be read.
pub(crate) unsafe fn read<T: Copy>(name: &str, pointer: *const T) -> Result<T> {
    check_pointer(name, pointer)?;
    // SAFETY: not null and aligned; readable by the caller's promise.
    Ok(unsafe { pointer.read() })
}

/// The extensions of an event.
///
/// # Safety
/// As [`slice`], also for each key and value.
pub(crate) unsafe fn extensions<'a>(
    data: *const fbat_extension,
    count: usize,
    out: &mut Vec<(&'a str, &'a [u8])>,
) -> Result<()> {
    // SAFETY: the caller's promise.
    for item in unsafe { slice("extensions", data, count, EXTENSIONS) }? {
        // SAFETY: the caller's promise.
        let key = unsafe { text_of("extension key", item.key, EXTENSION_KEY) }?;
        // SAFETY: the caller's promise.
        let value =
            unsafe { slice("extension value", item.value, item.value_len, EXTENSION_VALUE) }?;
        out.push((key, value));
    }
    Ok(())
}

/// Refuses a pointer that is null or not aligned.
pub(crate) fn check_pointer<T>(name: &str, pointer: *const T) -> Result<()> {
    if pointer.is_null() {
        return Err(Error::invalid(format!("{name} is NULL")));
    }
    if !pointer.is_aligned() {
        return Err(Error::invalid(format!("{name} is not aligned to {} bytes", align_of::<T>())));
    }
    Ok(())
}

/// A pointer that an answer is written through. What it leads to is zero or NULL from the start.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Writes `initial` at once, so that a call which fails leaves no old value by chance.
    ///
    /// # Safety
    /// A `pointer` that is not null can be written until the call returns.
    pub(crate) unsafe fn new(pointer: *mut T, initial: T) -> Out<T> {
        if !pointer.is_null() && pointer.is_aligned() {
            // SAFETY: not null and aligned; writable by the caller's promise.
            unsafe { pointer.write(initial) };
        }
        Out(pointer)
    }

    /// Whether the caller gave a place.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.0.is_null()
    }

    /// Refuses a null pointer: to be asked before the work, so that nothing is done in vain.
    pub(crate) fn check(&self, name: &str) -> Result<()> {
        check_pointer(name, self.0)
    }

    pub(crate) fn set(&self, value: T) {
        if !self.0.is_null() && self.0.is_aligned() {
            // SAFETY: not null and aligned; writable by the promise given to `new`.
            unsafe { self.0.write(value) };
        }
    }
}

/// A struct whose first member is its size, as its author knew it. It grows at its end only.
///
/// # Safety
/// `repr(C)`, its first member is `struct_size: usize`, and zero bytes are a value of it.
pub(crate) unsafe trait Sized0: Copy {
    const NAME: &'static str;
    /// The sizes that it had in earlier versions of the header, and in this one.
    const SIZES: &'static [usize];
    /// All zero except the size.
    fn initial() -> Self;
}

/// No struct of any version is larger: a greater size is garbage, and is not followed.
const STRUCT_BYTES_MAX: usize = 4096;

/// Checks a `struct_size`: one of an earlier version, this one's, or a longer one of a later
/// version, which the caller of this function looks into.
fn check_struct_size<T: Sized0>(found: usize) -> Result<()> {
    let known = size_of::<T>();
    let later = found > known && found <= STRUCT_BYTES_MAX && found.is_multiple_of(align_of::<T>());
    if found == known || later || T::SIZES.contains(&found) {
        return Ok(());
    }
    let message = format!("{}: struct_size is {found}; this library's is {known}", T::NAME);
    Err(Error::invalid(message).with_numbers(found as u64, known as u64))
}

/// A copy of the struct at `bytes`, whose size is `found`: what an older header lacks is zero. What
/// a newer one has after it must be zero, as in the kernel's extensible structs (openat2).
///
/// # Safety
/// `found` bytes can be read, and [`check_struct_size`] accepts it.
unsafe fn copy_struct<T: Sized0>(bytes: *const u8, found: usize) -> Result<T> {
    let known = size_of::<T>();
    if found > known {
        // SAFETY: the caller's promise.
        let rest = unsafe { std::slice::from_raw_parts(bytes.add(known), found - known) };
        if rest.iter().any(|byte| *byte != 0) {
            let message = format!(
                "{}: struct_size is {found}, and what is set after the {known} bytes that this \
                 library knows needs a newer one",
                T::NAME
            );
            let error = Error::new(Code::Unsupported, message);
            return Err(error.with_numbers(found as u64, known as u64));
        }
    }
    let mut value = T::initial();
    let (size, wanted) = (size_of::<usize>(), found.min(known));
    // SAFETY: `wanted` bytes can be read by the caller's promise; the size stays this library's.
    unsafe {
        let to = (&raw mut value).cast::<u8>();
        std::ptr::copy_nonoverlapping(bytes.add(size), to.add(size), wanted - size);
    }
    Ok(value)
}

/// The struct that a caller passes in; null is refused.
///
/// # Safety
/// A `pointer` that is not null leads to a struct with its size.
pub(crate) unsafe fn structure<T: Sized0>(name: &str, pointer: *const T) -> Result<T> {
    check_pointer(name, pointer)?;
    // SAFETY: the caller's promise: the size is the first member, and so many bytes follow.
    unsafe {
        let found = pointer.cast::<usize>().read();
        check_struct_size::<T>(found)?;
        copy_struct(pointer.cast(), found)
    }
}

/// As [`structure`]; null stands for one that is all zero, which is the default.
///
/// # Safety
/// As [`structure`].
pub(crate) unsafe fn options<T: Sized0>(pointer: *const T) -> Result<T> {
    match pointer.is_null() {
        true => Ok(T::initial()),
        // SAFETY: the caller's promise.
        false => unsafe { structure(T::NAME, pointer) },
    }
}

/// The structs of an array, `struct_size` of the first apart, which all must have.
///
/// # Safety
/// An `array` that is not null leads to `count` structs of the first one's size, which nobody
/// changes during `'a`.
pub(crate) unsafe fn structures<'a, T: Sized0>(
    name: &str,
    array: *const T,
    count: usize,
) -> Result<Cow<'a, [T]>> {
    if count == 0 {
        return Ok(Cow::Borrowed(&[]));
    }
    check_pointer(name, array)?;
    // SAFETY: the caller's promise.
    let stride = unsafe { stride(array, count) }?;
    if stride == size_of::<T>() {
        // SAFETY: the caller's promise; each has the size that it has here.
        return Ok(Cow::Borrowed(unsafe { std::slice::from_raw_parts(array, count) }));
    }
    let element = |at: usize| {
        // SAFETY: within the array by the caller's promise.
        unsafe { copy_struct(array.cast::<u8>().add(at * stride), stride) }
            .map_err(|e| item_of(e, at, count))
    };
    (0..count).map(element).collect::<Result<Vec<T>>>().map(Cow::Owned)
}

/// The size that every struct of an array states.
///
/// # Safety
/// `array` leads to `count` structs of the first one's size; at least one.
unsafe fn stride<T: Sized0>(array: *const T, count: usize) -> Result<usize> {
    // SAFETY: the caller's promise: the first member is the size.
    let stride = unsafe { array.cast::<usize>().read() };
    check_struct_size::<T>(stride).map_err(|e| item_of(e, 0, count))?;
    for at in 1..count {
        // SAFETY: within the array by the caller's promise.
        let found = unsafe { array.cast::<u8>().add(at * stride).cast::<usize>().read() };
        if found != stride {
            let message = format!("{}: struct_size is {found}; the first's is {stride}", T::NAME);
            let error = Error::invalid(message).with_numbers(found as u64, stride as u64);
            return Err(item_of(error, at, count));
        }
    }
    Ok(stride)
}

/// Names the item of an array at fault; a single struct is no array.
pub(crate) fn item_of(error: Error, at: usize, count: usize) -> Error {
    if count > 1 {
        error.with_item(at)
    } else {
        error
    }
}

/// A struct, or an array of them, that an answer is written into; null where none is wanted.
pub(crate) struct OutStruct<T> {
    pointer: *mut T,
    stride: usize,
    count: usize,
}

impl<T: Sized0> OutStruct<T> {
    /// Checks the size that each element states; touches nothing where one is wrong. All else of
    /// the elements is made zero.
    ///
    /// # Safety
    /// A `pointer` that is not null leads to `count` elements that can be read and written until
    /// the call returns.
    pub(crate) unsafe fn new(pointer: *mut T, count: usize) -> Result<OutStruct<T>> {
        // Of an empty array the pointer is not looked at, as with slices of the caller.
        if pointer.is_null() || count == 0 {
            return Ok(OutStruct { pointer, stride: 0, count: 0 });
        }
        check_pointer(T::NAME, pointer)?;
        // SAFETY: the caller's promise.
        let stride = unsafe { stride(pointer, count) }?;
        for at in 0..count {
            // SAFETY: within the array by the caller's promise.
            unsafe {
                let rest = pointer.cast::<u8>().add(at * stride + size_of::<usize>());
                rest.write_bytes(0, stride - size_of::<usize>());
            }
        }
        Ok(OutStruct { pointer, stride, count })
    }

    pub(crate) fn required(self) -> Result<OutStruct<T>> {
        check_pointer(T::NAME, self.pointer)?;
        Ok(self)
    }

    /// Writes as much of `value` as the caller's struct has room for; its size stays as it is.
    pub(crate) fn set(&self, at: usize, value: T) {
        if at >= self.count {
            return;
        }
        let (size, wanted) = (size_of::<usize>(), self.stride.min(size_of::<T>()));
        // SAFETY: within the array that `new` was promised; no more than either struct has.
        unsafe {
            let to = self.pointer.cast::<u8>().add(at * self.stride);
            let from = (&raw const value).cast::<u8>();
            std::ptr::copy_nonoverlapping(from.add(size), to.add(size), wanted - size);
        }
    }
}

/// Gives each struct its size in the first member, and zero elsewhere to begin with. The sizes are
/// those of every version, the newest last: a program that knows an earlier one keeps working.
macro_rules! sized {
    ($($name:ident: $($size:literal)+),* $(,)?) => {$(
        const _: () = assert!(std::mem::offset_of!($name, struct_size) == 0);
        // A struct that grew is given its new size here; `scripts/abi grown` tries what happens
        // to programs that know only the one before.
        #[cfg(not(fbat_grown))]
        const _: () = {
            let sizes = <$name as $crate::ffi::boundary::args::Sized0>::SIZES;
            assert!(sizes[sizes.len() - 1] == size_of::<$name>());
        };
        // SAFETY: repr(C) with the size first, as just checked; integers, pointers and functions
        // that may be missing are valid as zero.
        unsafe impl $crate::ffi::boundary::args::Sized0 for $name {
            const NAME: &'static str = stringify!($name);
            const SIZES: &'static [usize] = &[$($size),+];
            fn initial() -> $name {
                // SAFETY: as above.
                let zero: $name = unsafe { std::mem::zeroed() };
                $name { struct_size: size_of::<$name>(), ..zero }
            }
        }
    )*};
}
pub(crate) use sized;

/// Text or bytes to lend to C: a NUL follows the end.
#[derive(Clone)]
pub(crate) struct Text(Vec<u8>);

impl Text {
    pub(crate) fn new(bytes: impl AsRef<[u8]>) -> Text {
        Text([bytes.as_ref(), &[0]].concat())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0[..self.0.len() - 1]
    }

    /// The text; empty where it is not UTF-8, as only paths may be.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    pub(crate) fn lend(&self) -> fbat_str {
        fbat_str { data: self.0.as_ptr().cast(), len: self.bytes().len() }
    }
}

impl Default for Text {
    fn default() -> Text {
        Text(vec![0])
    }
}

/// One of the values below `count`, as the enumerations of the header number them.
pub(crate) fn choice<T: Copy>(name: &str, value: u32, choices: &[T]) -> Result<T> {
    choices.get(value as usize).copied().ok_or_else(|| {
        let message =
            format!("{name} is {value}; the highest that is known is {}", choices.len() - 1);
        Error::invalid(message).with_numbers(value.into(), choices.len() as u64 - 1)
    })
}

/// Refuses bits that this version of the library does not know.
pub(crate) fn check_bits(name: &str, bits: u32, known: u32) -> Result<()> {
    if bits & !known == 0 {
        return Ok(());
    }
    let message = format!("{name}: unknown bits 0x{:x}; known are 0x{known:x}", bits & !known);
    Err(Error::invalid(message).with_numbers(bits.into(), known.into()))
}

/// The bit where it is set, for members that are made of bits.
pub(crate) fn flag(is_set: bool, bit: u32) -> u32 {
    if is_set {
        bit
    } else {
        0
    }
}

impl From<fbat_id> for Id {
    fn from(id: fbat_id) -> Id {
        Id::from_bytes(id.bytes)
    }
}

impl From<Id> for fbat_id {
    fn from(id: Id) -> fbat_id {
        fbat_id { bytes: id.to_bytes() }
    }
}

impl From<fbat_hash> for Hash {
    fn from(hash: fbat_hash) -> Hash {
        Hash(hash.bytes)
    }
}

impl From<Hash> for fbat_hash {
    fn from(hash: Hash) -> fbat_hash {
        fbat_hash { bytes: hash.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_an_empty_slice_only_without_a_length() {
        let (null, word) = (std::ptr::null::<u8>(), [0u64; 2]);
        // SAFETY: null, or a length that is refused before anything is read.
        unsafe {
            assert_eq!(slice("x", null, 0, ANY).unwrap(), &[] as &[u8]);
            assert_eq!(slice("x", null, 1, ANY).unwrap_err().code(), Code::InvalidArgument);
            assert_eq!(
                slice("x", &0u8, usize::MAX, ANY).unwrap_err().code(),
                Code::InvalidArgument
            );
            assert_eq!(
                slice("x", (&raw const word).cast::<u8>().wrapping_add(1).cast::<u64>(), 1, ANY)
                    .unwrap_err()
                    .code(),
                Code::InvalidArgument
            );
        }
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_anything_is_read() {
        let one = b'x' as c_char;
        // SAFETY: the length is refused before anything is read.
        let error = unsafe { text("entity", &one, 1 << 40, COORDINATE) }.unwrap_err();
        assert_eq!(
            (error.code(), error.actual, error.allowed),
            (Code::InvalidCoordinate, 1 << 40, 1024)
        );
    }

    #[test]
    fn text_that_is_not_utf8_is_refused_with_its_place() {
        let bytes = b"ab\xff";
        // SAFETY: a live array.
        let error = unsafe { text("entity", bytes.as_ptr().cast(), 3, ANY) }.unwrap_err();
        assert_eq!((error.code(), error.actual), (Code::InvalidUtf8, 2));
    }

    #[test]
    fn unknown_bits_and_choices_are_refused() {
        assert!(check_bits("flags", 3, 3).is_ok() && check_bits("flags", 4, 3).is_err());
        assert!(choice("mode", 1, &[1, 2]).is_ok() && choice("mode", 2, &[1, 2]).is_err());
    }

    #[test]
    fn arguments_are_read_within_their_lengths() {
        let (key, value) = (*b"test.key", [1u8, 2, 3]);
        let key = fbat_str { data: key.as_ptr().cast(), len: key.len() };
        let extension = fbat_extension { key, value: value.as_ptr(), value_len: value.len() };
        let mut out = Vec::new();
        // SAFETY: live arrays of these lengths, and a literal that ends with a NUL.
        unsafe {
            extensions(&extension, 1, &mut out).unwrap();
            assert_eq!(path("path", c"/a/b".as_ptr()).unwrap(), Path::new("/a/b"));
            assert!(path("path", c"".as_ptr()).is_err() && path("path", std::ptr::null()).is_err());
            assert_eq!(read("id", &fbat_id { bytes: [7; 16] }).unwrap().bytes, [7; 16]);
            assert_eq!(slice("words", [1u64, 2].as_ptr(), 2, ANY).unwrap(), [1, 2]);
        }
        assert_eq!(out, [("test.key", &value[..])]);
    }

    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(C)]
    struct Answer {
        struct_size: usize,
        value: u64,
        /// Came with the second version.
        later: u64,
    }
    sized!(Answer: 16 24);

    /// What a program that was built with an older or a newer header has: its size, then words.
    fn program<const WORDS: usize>(words: [u64; WORDS]) -> [u64; WORDS] {
        let mut bytes = words;
        bytes[0] = size_of_val(&words) as u64;
        bytes
    }

    #[test]
    fn structs_of_older_and_newer_programs_are_read_by_what_both_sides_know() {
        // SAFETY: live arrays that begin with their size.
        let read = |words: &[u64]| unsafe { structure::<Answer>("answer", words.as_ptr().cast()) };
        let answer = |value, later| Answer { value, later, ..Answer::initial() };
        assert_eq!(read(&program([0, 7])).unwrap(), answer(7, 0));
        assert_eq!(read(&program([0, 7, 8])).unwrap(), answer(7, 8));
        assert_eq!(read(&program([0, 7, 8, 0])).unwrap(), answer(7, 8));
        let newer = read(&program([0, 7, 8, 9])).unwrap_err();
        assert_eq!((newer.code(), newer.actual, newer.allowed), (Code::Unsupported, 32, 24));
        for garbage in [0, 8, 12, 20, 25, 4104, u64::MAX] {
            let error = read(&[garbage, 7, 8]).unwrap_err();
            assert_eq!((error.code(), error.actual), (Code::InvalidArgument, garbage), "{error}");
        }
    }

    #[test]
    fn arrays_are_as_far_apart_as_their_first_element_says() {
        let read = |words: &[u64], count| {
            // SAFETY: live arrays of elements that begin with their size.
            let found = unsafe { structures::<Answer>("answers", words.as_ptr().cast(), count) };
            found.map(|found| found.iter().map(|a| (a.value, a.later)).collect::<Vec<_>>())
        };
        assert_eq!(read(&[16, 1, 16, 2], 2).unwrap(), [(1, 0), (2, 0)]);
        assert_eq!(read(&[24, 1, 5, 24, 2, 6], 2).unwrap(), [(1, 5), (2, 6)]);
        assert_eq!(read(&[32, 1, 5, 0, 32, 2, 6, 0], 2).unwrap(), [(1, 5), (2, 6)]);
        let newer = read(&[32, 1, 5, 0, 32, 2, 6, 1], 2).unwrap_err();
        assert_eq!((newer.code(), newer.item), (Code::Unsupported, Some(1)));
        let mixed = read(&[16, 1, 24, 2, 6], 2).unwrap_err();
        assert_eq!((mixed.code(), mixed.item), (Code::InvalidArgument, Some(1)));
    }

    #[test]
    fn answers_are_written_where_they_belong_and_nowhere_else() {
        let mut word = 1u64;
        // SAFETY: live values, null, and a pointer that is refused for where it points.
        unsafe {
            Out::new(&mut word, 2).set(3);
            Out::new(std::ptr::null_mut(), 2u64).set(3);
            Out::new((&raw mut word).cast::<u8>().wrapping_add(1).cast::<u64>(), 4).set(5);
            assert!(OutStruct::<Answer>::new(std::ptr::null_mut(), 3).unwrap().required().is_err());
        }
        assert_eq!(word, 3);
        let write = |words: &mut [u64], count| {
            // SAFETY: live arrays of elements that begin with their size.
            let out = unsafe { OutStruct::<Answer>::new(words.as_mut_ptr().cast(), count) };
            out.map(|out| {
                (0..=count)
                    .for_each(|at| out.set(at, Answer { struct_size: 0, value: 7, later: 8 }))
            })
        };
        let (mut older, mut same, mut newer) =
            ([16, 5, 16, 5, 5], [24, 5, 5, 24, 5, 5, 5], [32, 5, 5, 5, 5]);
        write(&mut older, 2).unwrap();
        write(&mut same, 2).unwrap();
        write(&mut newer, 1).unwrap();
        assert_eq!(older, [16, 7, 16, 7, 5]);
        assert_eq!(same, [24, 7, 8, 24, 7, 8, 5]);
        assert_eq!(newer, [32, 7, 8, 0, 5]);
        let mut mixed = [24, 5, 5, 25, 5, 5];
        assert_eq!(write(&mut mixed, 2).unwrap_err().item, Some(1));
        assert_eq!(mixed, [24, 5, 5, 25, 5, 5], "nothing is touched where one size is wrong");
    }
}
