//! Calls of the C ABI in any order, with handles that are live, freed, NULL, of another type or
//! invented, and with sizes, flags and lengths that may be wrong: all that the first page of
//! `fbat.h` promises a status for. Every result is looked at: it has to be written, and zero or
//! NULL on failure. In the end nothing may be left.

use crate::callbacks::{self, Calls};
use crate::input::Input;
use crate::stores::{self, BOOT};
use fbat::engine::log::options::{OpenMode, Options};
use fbat::engine::model::provenance::MAGIC;
use fbat::engine::platform::memory::MemoryVfs;
use fbat::ffi::boundary::error::fbat_error;
use fbat::ffi::boundary::status::*;
use fbat::ffi::boundary::store::fbat_store;
use fbat::ffi::boundary::types::{fbat_extension, fbat_hash, fbat_id, fbat_kind_range, fbat_str};
use fbat::ffi::seams::store_open_with;
use fbat::ffi::version::fbat_live_handles;
use fbat::ffi::{
    append::*, buffer::*, cancel::*, compress::*, copy::*, count::*, error::*, findings::*, id::*,
    import::*,
};
use fbat::ffi::{log::*, page::*, provenance::*, query::*, region::*, store::*, verify::*};
use std::ffi::c_char;
use std::path::Path;
use std::ptr::{null, null_mut};

/// A call of the library.
macro_rules! c {
    // SAFETY: pointers are null, handles or anything instead of one, or lead to memory of the
    // caller that lives until the call returns; a length that memory does not have is one that the
    // header says is refused.
    ($call:expr) => {
        unsafe { $call }
    };
}
pub(crate) use c;

/// Scopes and kinds of a region; a count is 0, 1, or more than any region may have.
type Lists = ([fbat_str; 4], [fbat_kind_range; 4]);
const NO_LISTS: Lists =
    ([fbat_str { data: null(), len: 0 }; 4], [fbat_kind_range { first: 0, last: 0 }; 4]);

/// What stood in a result before the call.
const BEFORE: u8 = 0xa5;

/// The types of handles.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Store,
    Cursor,
    Page,
    Cancel,
    Buffer,
    Error,
    Findings,
}

/// The largest struct that the library takes.
const STRUCT_BYTES_MAX: usize = 4096;

/// A struct for the library, and room for what a newer header may have added.
#[repr(C)]
struct Room<T> {
    value: T,
    rest: [u8; STRUCT_BYTES_MAX],
}

impl<T: Copy> Room<T> {
    /// Of a struct that has its size in front.
    fn new(value: T) -> Room<T> {
        Room { value, rest: [0; STRUCT_BYTES_MAX] }
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: within the room, of which every byte was written.
        unsafe {
            let start = (&raw const *self).cast();
            std::slice::from_raw_parts(start, size_of::<T>() + STRUCT_BYTES_MAX)
        }
    }

    fn size(&mut self) -> &mut usize {
        // SAFETY: every struct has its size in front.
        unsafe { &mut *(&raw mut self.value).cast::<usize>() }
    }
}

/// A struct that is zero but for its size.
fn initial<T>() -> T {
    // SAFETY: structs of the header have their size in front; integers, pointers and functions that
    // may be missing are valid as zero.
    unsafe {
        let mut value: T = std::mem::zeroed();
        (&raw mut value).cast::<usize>().write(size_of::<T>());
        value
    }
}

/// Whether a struct of this size is one that the library knows, or could be of a newer header.
fn is_taken<T>(size: usize) -> bool {
    let later = size > size_of::<T>() && size <= STRUCT_BYTES_MAX;
    size == size_of::<T>() || later && size.is_multiple_of(align_of::<T>())
}

struct Machine<'a> {
    input: Input<'a>,
    disk: MemoryVfs,
    /// Every handle that there ever was.
    made: Vec<(Type, usize)>,
}

/// Calls until the input ends.
pub fn run(data: &[u8]) {
    let disk = MemoryVfs::of_boot(BOOT);
    let samples = stores::samples();
    disk.put(Path::new("/s"), &samples[1].files);
    disk.put(Path::new("/t"), &samples[0].files);
    callbacks::begin();
    let mut machine = Machine { input: Input(data), disk, made: Vec::new() };
    while !machine.input.is_empty() && machine.made.len() < 200 {
        machine.step();
    }
    machine.end();
}

/// Text, or bytes that are none, and a length that may not be theirs.
struct Text(Vec<u8>, Option<usize>);

impl Text {
    fn data(&self) -> *const c_char {
        match self.1 {
            Some(1) => null(),
            _ => self.0.as_ptr().cast(),
        }
    }

    fn len(&self) -> usize {
        self.1.unwrap_or(self.0.len())
    }

    fn str(&self) -> fbat_str {
        fbat_str { data: self.data(), len: self.len() }
    }

    /// As a member that may be left out.
    fn optional_str(&self) -> fbat_str {
        match self.0.is_empty() && self.1.is_none() {
            true => fbat_str { data: null(), len: 0 },
            false => self.str(),
        }
    }
}

impl Machine<'_> {
    /// Mostly the newest handle of this type; also older ones, freed ones, and what was never one.
    fn handle<T>(&mut self, of: Type) -> *mut T {
        let of_type = |made: &&(Type, usize)| made.0 == of;
        let handle = match self.input.u8() {
            0..0x90 => self.made.iter().rfind(of_type).map_or(0, |made| made.1),
            which @ 0x90..0xe0 => {
                let count = self.made.iter().filter(of_type).count().max(1);
                self.made
                    .iter()
                    .filter(of_type)
                    .nth(usize::from(which - 0x90) % count)
                    .map_or(0, |made| made.1)
            }
            which @ 0xe0..0xf0 => self.made.get(usize::from(which - 0xe0)).map_or(0, |made| made.1),
            0xf0..0xf8 => 0,
            _ => self.input.number(8) as usize,
        };
        handle as *mut T
    }

    fn text(&mut self) -> Text {
        let bytes = match self.input.u8() % 16 {
            0..4 => b"order".to_vec(),
            4..6 => b"order:1".to_vec(),
            6..8 => b"shop".to_vec(),
            8 => Vec::new(),
            9 => vec![b'x'; 1025],
            10 => b"a/b".to_vec(),
            11 => b"\xff\xfe".to_vec(),
            12 => b"a\0b".to_vec(),
            13 => return Text(b"long".to_vec(), Some(usize::MAX)),
            14 => return Text(Vec::new(), Some(1)),
            _ => {
                let length = self.input.u8().into();
                self.input.bytes(length).to_vec()
            }
        };
        Text(bytes, None)
    }

    /// Mostly the place; sometimes none.
    fn place<T>(&mut self, place: *mut T) -> *mut T {
        match self.input.u8() {
            0xf0.. => null_mut(),
            _ => place,
        }
    }

    /// The struct, or the defaults.
    fn optional<T>(&mut self, place: *const T) -> *const T {
        match self.input.one_in(2) {
            true => null(),
            false => place,
        }
    }

    /// A call that can tell of its failure.
    fn call(&mut self, call: impl FnOnce(*mut *mut fbat_error) -> fbat_status) -> fbat_status {
        let mut err = usize::from(BEFORE) as *mut fbat_error;
        let place = self.place(&mut err);
        let status = checked(call(place));
        if !place.is_null() {
            assert_eq!(
                err.is_null(),
                status == FBAT_OK,
                "an error where, and only where, the call failed"
            );
            if status != FBAT_OK {
                assert_eq!(c!(fbat_error_code(err)), status);
                self.made.push((Type::Error, err as usize));
            }
        }
        status
    }

    /// A call that makes an object; `may_be_none`: it may succeed without one.
    fn make<T>(
        &mut self,
        of: Type,
        may_be_none: bool,
        make: impl FnOnce(*mut *mut T, *mut *mut fbat_error) -> fbat_status,
    ) {
        let mut made = usize::from(BEFORE) as *mut T;
        let place = self.place(&mut made);
        let status = self.call(|err| make(place, err));
        if place.is_null() {
            return assert_ne!(status, FBAT_OK, "a result that nobody takes is refused");
        }
        assert!(made.is_null() || status == FBAT_OK, "on failure a result is NULL");
        assert!(!made.is_null() || status != FBAT_OK || may_be_none, "on success it is not");
        self.keep(of, made);
    }

    fn keep<T>(&mut self, of: Type, made: *mut T) {
        if !made.is_null() {
            self.made.push((of, made as usize));
        }
    }

    /// The struct, mostly as it is; sometimes of another size, or with something behind its end.
    fn given<T: Copy>(&mut self, value: T) -> Room<T> {
        let mut room = Room::new(value);
        if self.input.u8() >= 0xf0 {
            *room.size() = self.input.edgy() as usize;
            room.rest[self.input.below(64)] = self.input.u8() % 2;
        }
        room
    }

    /// A call that fills a struct in; `zeroed`: all of it is zero on failure.
    fn fill<T: Copy>(
        &mut self,
        zeroed: bool,
        fill: impl FnOnce(*mut T, *mut *mut fbat_error) -> fbat_status,
    ) -> fbat_status {
        let mut room = Room { value: initial::<T>(), rest: [BEFORE; STRUCT_BYTES_MAX] };
        // SAFETY: within the value.
        unsafe { (&raw mut room.value).cast::<u8>().write_bytes(BEFORE, size_of::<T>()) };
        *room.size() = match self.input.u8() {
            0xf0.. => self.input.edgy() as usize,
            _ => size_of::<T>(),
        };
        let size = *room.size();
        let place = self.place(&raw mut room.value);
        let status = self.call(|err| fill(place, err));
        assert_eq!(*room.size(), size, "a size stays what it is");
        let taken = !place.is_null() && is_taken::<T>(size);
        let end = if taken { size } else { size_of::<usize>() };
        let (written, rest) = room.bytes().split_at(end);
        assert!(rest.iter().all(|byte| *byte == BEFORE), "nothing is written behind a struct");
        assert!(taken || place.is_null() || status != FBAT_OK, "a size that is none is refused");
        let written = &written[size_of::<usize>()..];
        if status != FBAT_OK && zeroed && bytes_were_written(written) {
            assert!(written.iter().all(|byte| *byte == 0), "on failure a struct is zero");
        }
        status
    }

    fn step(&mut self) {
        match self.input.u8() % 32 {
            0..3 => self.open(),
            3..6 => self.append(),
            6 => {
                let store = self.handle(Type::Store);
                self.call(|err| c!(fbat_store_close(store, err)));
            }
            7 | 8 => self.free(),
            9..13 => self.read(),
            13 => self.page(),
            14..19 => self.import(),
            19..21 => self.provenance(),
            21 => self.provenance_record(),
            22..24 => self.figures(),
            24..26 => self.verify(),
            26 => self.look(),
            27 => self.convert(),
            28 => self.cancel(),
            29 => self.backup(),
            30 => self.compress(),
            _ => {
                let (log, destroy) =
                    (callbacks::log(self.input.u8()), callbacks::destroy(self.input.u8()));
                checked(c!(fbat_set_log_callback(log, null_mut(), destroy)));
            }
        }
    }

    fn open(&mut self) {
        let path = self.input.pick(&[
            Some(c"/s"),
            Some(c"/s"),
            Some(c"/t"),
            Some(c"/new"),
            Some(c"/no/way"),
            Some(c""),
            None,
        ]);
        let path = path.map_or(null(), |path| path.as_ptr());
        let (label, small) = (self.optional_text(), self.input.one_in(4));
        let mut options: fbat_open_options = initial();
        options.mode = self.odd(5);
        options.durability = self.odd(3);
        options.label = label.optional_str();
        if small {
            options.payload_bytes_max = self.input.edgy() as usize;
            options.batch_events_max = self.input.edgy() as usize;
            options.batch_bytes_max = self.input.edgy() as usize;
            options.segment_bytes = self.input.edgy();
        }
        options.progress = callbacks::progress(self.input.u8());
        options.cancel = self.token();
        let mut options = self.given(options);
        let options = self.optional(&raw mut options.value);
        let mine = stores::options(&self.disk, OpenMode::MustExist);
        let change =
            |given| Options { vfs: mine.vfs, clock: mine.clock, entropy: mine.entropy, ..given };
        self.during(|machine| {
            machine.make(Type::Store, false, |out, err| {
                c!(store_open_with(path, options, change, out, err))
            });
        });
    }

    fn append(&mut self) {
        let store = self.handle::<fbat_store>(Type::Store);
        let count = 1 + self.input.below(3);
        let texts: Vec<[Text; 3]> =
            (0..count).map(|_| [self.text(), self.text(), self.text()]).collect();
        let extensions: Vec<fbat_extension> =
            texts.iter().map(|texts| self.extension(&texts[2])).collect();
        let events: Vec<fbat_event> =
            (0..count).map(|at| self.event(&texts[at], &extensions)).collect();
        if self.input.one_in(2) {
            self.fill(true, |out, err| c!(fbat_append(store, events.as_ptr(), out, err)));
            return;
        }
        let count = if self.input.u8() >= 0xf0 { usize::MAX } else { count };
        let data = if self.input.u8() >= 0xf0 { null() } else { events.as_ptr() };
        self.call(|err| c!(fbat_append_batch(store, data, count, null_mut(), err)));
    }

    fn extension(&mut self, value: &Text) -> fbat_extension {
        let key = self.input.pick(&["a.b", "a", "batpak.x", "a.b.c", ""]);
        let key = fbat_str { data: key.as_ptr().cast(), len: key.len() };
        fbat_extension { key, value: value.data().cast(), value_len: value.len() }
    }

    fn event(&mut self, texts: &[Text; 3], extensions: &[fbat_extension]) -> fbat_event {
        let mut event: fbat_event = initial();
        let odd = self.input.u8();
        let ordinary = fbat_str { data: c"order".as_ptr(), len: 5 };
        event.entity = if odd & 1 == 0 { ordinary } else { texts[0].str() };
        event.scope = if odd & 2 == 0 { ordinary } else { texts[1].str() };
        event.kind = self.input.pick(&[0x1001, 0x1002, 0, 0xd001]);
        event.payload = texts[2].data().cast();
        event.payload_len = if odd & 4 == 0 { 0 } else { texts[2].len() };
        event.key.bytes[15] = self.input.u8() % 4;
        if odd & 8 != 0 {
            // Not above: an array has no room for more.
            event.struct_size = event.struct_size.wrapping_sub(self.input.u8().into());
            event.event_flags = self.input.u8().into();
            event.expect = self.input.u8().into();
            event.expected_version = self.input.edgy();
            event.timestamp_us = self.input.edgy() as i64;
            event.causation_item = self.input.edgy() as usize;
        }
        if odd & 16 != 0 {
            event.extensions = extensions.as_ptr();
            event.extension_count = if odd & 32 == 0 { extensions.len() } else { usize::MAX };
        }
        event
    }

    /// Frees a handle by the function of its type, or of another.
    fn free(&mut self) {
        let index = self.input.below(TYPES.len());
        let handle = self.handle::<u8>(TYPES[index]);
        free(TYPES[index], handle as usize);
    }

    fn id(&mut self) -> fbat_id {
        let rows = &stores::samples()[1].rows;
        match self.input.u8() {
            0..0x80 => fbat_id { bytes: rows[self.input.below(rows.len())].id.to_bytes() },
            small => fbat_id { bytes: (u128::from(small) % 4).to_be_bytes() },
        }
    }

    /// A number that is below `count`, but for some.
    fn odd(&mut self, count: u32) -> u32 {
        match self.input.u8() {
            any @ 0xf0.. => 1 << (any % 32),
            small => u32::from(small) % count,
        }
    }

    fn token(&mut self) -> *const fbat_cancel {
        match self.input.one_in(4) {
            true => self.handle::<fbat_cancel>(Type::Cancel),
            false => null(),
        }
    }

    /// Text of a member that may be left out.
    fn optional_text(&mut self) -> Text {
        match self.input.one_in(4) {
            true => self.text(),
            false => Text(Vec::new(), None),
        }
    }

    /// The region, with the texts and lists that it points to.
    fn region(&mut self, texts: &[Text; 2], (scopes, kinds): &mut Lists) -> fbat_region {
        let mut region: fbat_region = initial();
        region.entity = texts[0].optional_str();
        scopes[0] = texts[1].optional_str();
        if self.input.one_in(2) {
            (region.scopes, region.scope_count) = (scopes.as_ptr(), self.odd(2) as usize);
        }
        if self.input.one_in(2) {
            for range in kinds.iter_mut() {
                *range = match self.input.one_in(4) {
                    true => fbat_kind_range { first: self.input.u16(), last: self.input.u16() },
                    false => fbat_kind_range { first: 0x1001, last: 0x1001 },
                };
            }
            (region.kinds, region.kind_count) = (kinds.as_ptr(), self.odd(2) as usize);
        }
        if self.input.one_in(2) {
            (region.version_first, region.version_last) = (self.input.edgy(), self.input.edgy());
        }
        if self.input.one_in(2) {
            region.flags = self.odd(4);
            region.timestamp_first_us = self.input.edgy() as i64;
            region.timestamp_last_us = self.input.edgy() as i64;
            region.recorded_first_us = self.input.edgy() as i64;
            region.recorded_last_us = self.input.edgy() as i64;
        }
        region
    }

    /// Runs a call whose callbacks answer as the input says.
    fn during(&mut self, call: impl FnOnce(&mut Self)) {
        let length = self.input.u8() as usize % 16;
        let answers = Calls {
            answers: self.input.bytes(length).to_vec(),
            stores: [Type::Store; 2].map(|of| self.handle::<fbat_store>(of) as usize),
            cursor: self.handle::<fbat_cursor>(Type::Cursor) as usize,
            ..Calls::default()
        };
        callbacks::during(answers, || call(self));
    }

    fn query(&mut self, region: *const fbat_region) -> fbat_query {
        let mut query: fbat_query = initial();
        query.region = region;
        if self.input.one_in(2) {
            query.after = self.input.edgy();
            query.until = self.input.edgy();
            query.limit = self.input.edgy();
            query.page_rows = self.input.edgy() as usize;
        }
        query.columns = self.odd(16);
        query.flags = self.odd(4);
        query.progress = callbacks::progress(self.input.u8());
        query.cancel = self.token();
        query
    }

    fn read(&mut self) {
        let store = self.handle::<fbat_store>(Type::Store);
        let texts = [self.optional_text(), self.optional_text()];
        let mut lists = NO_LISTS;
        let region = self.region(&texts, &mut lists);
        let mut region = self.given(region);
        let region = self.optional(&raw mut region.value);
        let query = self.query(region);
        let mut query = self.given(query);
        let query = self.optional(&raw mut query.value);
        match self.input.u8() % 5 {
            4 => self.during(|_| {
                let mut count = u64::MAX;
                let status = c!(fbat_store_count(store, query, &raw mut count, null_mut()));
                assert!(status == FBAT_OK || count == 0, "a count is 0 on failure");
                assert_ne!(count, u64::MAX, "a count is written");
            }),
            0 => {
                let (id, columns) = (self.id(), self.odd(16));
                let id = self.place((&raw const id).cast_mut());
                self.make(Type::Page, false, |out, err| {
                    c!(fbat_event_get(store, id, columns, out, err))
                });
            }
            1 => self.during(|machine| {
                machine.make(Type::Page, false, |out, err| {
                    c!(fbat_store_query(store, query, out, err))
                });
            }),
            2 => self
                .make(Type::Cursor, false, |out, err| c!(fbat_cursor_new(store, query, out, err))),
            _ => {
                let cursor = self.handle(Type::Cursor);
                self.during(|machine| {
                    machine
                        .make(Type::Page, true, |out, err| c!(fbat_cursor_next(cursor, out, err)));
                });
            }
        }
    }

    fn page(&mut self) {
        let page = self.handle::<fbat_page>(Type::Page);
        let (rows, count) = (c!(fbat_page_rows(page)), c!(fbat_page_len(page)));
        assert!(count == 0 || !rows.is_null(), "rows that are counted are there");
        for at in 0..count {
            let row = c!(fbat_page_row(page, at));
            assert_eq!(row, rows.wrapping_add(at), "rows are as far apart as they say");
            callbacks::read_record(row);
        }
        assert!(c!(fbat_page_row(page, count)).is_null(), "there is no row more");
        c!(fbat_page_resume(page));
        c!(fbat_page_is_end(page));
    }

    fn import(&mut self) {
        let stores =
            [self.handle::<fbat_store>(Type::Store), self.handle::<fbat_store>(Type::Store)];
        let name = match self.input.one_in(2) {
            true => self.text(),
            false => Text(b"shop".to_vec(), None),
        };
        let texts = [self.optional_text(), self.optional_text()];
        let mut lists = NO_LISTS;
        let region = self.region(&texts, &mut lists);
        let mut region = self.given(region);
        let mut options: fbat_import_options = initial();
        options.source_namespace = name.str();
        options.region = self.optional(&raw mut region.value);
        if self.input.one_in(4) {
            options.after = self.input.edgy();
        }
        options.chunk_size = self.input.u8().into();
        options.filter = callbacks::filter(self.input.u8());
        options.progress = callbacks::import_progress(self.input.u8());
        options.cancel = self.token();
        options.filter_columns = self.odd(16);
        options.durability = self.odd(2);
        options.on_conflict = self.odd(2);
        options.flags = self.odd(4);
        let mut options = self.given(options);
        let options = self.place(&raw mut options.value).cast_const();
        let length = self.input.u8() as usize % 16;
        let answers = Calls {
            answers: self.input.bytes(length).to_vec(),
            stores: stores.map(|store| store as usize),
            importing: true,
            ..Calls::default()
        };
        callbacks::during(answers, || {
            self.fill(false, |out, err| c!(fbat_import(stores[0], stores[1], options, out, err)));
        });
    }

    fn provenance(&mut self) {
        let (text, flags) = (self.text(), self.odd(2));
        let length = self.input.u8().into();
        let bytes = [&MAGIC[..], self.input.bytes(length)].concat();
        let (body, body_len) = (bytes[6..].as_ptr(), bytes.len() - 6);
        let mut provenance: fbat_provenance = initial();
        provenance.schema_version = self.odd(2) as u16;
        provenance.source_namespace = text.str();
        provenance.source_event_id = self.id();
        provenance.source_sequence = self.input.edgy();
        let mut given = self.given(provenance);
        let given = self.place(&raw mut given.value).cast_const();
        match self.input.u8() % 4 {
            0 => self
                .make(Type::Buffer, false, |out, err| c!(fbat_provenance_encode(given, out, err))),
            1 => self.make(Type::Buffer, false, |out, err| {
                c!(fbat_provenance_encode_body(given, out, err))
            }),
            2 => drop(self.fill(true, |out, err| {
                c!(fbat_provenance_decode(bytes.as_ptr(), bytes.len(), flags, out, err))
            })),
            _ => drop(self.fill(true, |out, err| {
                c!(fbat_provenance_from_extension(body, body_len, flags, out, err))
            })),
        }
    }

    fn provenance_record(&mut self) {
        let page = self.handle::<fbat_page>(Type::Page);
        let (rows, count) = (c!(fbat_page_rows(page)), c!(fbat_page_len(page)));
        let row = if count == 0 { null() } else { rows.wrapping_add(self.input.below(count)) };
        let mut out = self.given(initial::<fbat_provenance>());
        let place = self.place(&raw mut out.value);
        if c!(fbat_record_provenance(row, place)) {
            callbacks::read_text(out.value.source_namespace);
        }
    }

    fn figures(&mut self) {
        let store = self.handle::<fbat_store>(Type::Store);
        let text = self.text();
        match self.input.u8() % 6 {
            0 => self.fill(true, |out, err| c!(fbat_store_sync(store, out, err))),
            1 => self.fill(true, |out, err| c!(fbat_store_frontier(store, out, err))),
            2 => self.fill(true, |out, err| {
                c!(fbat_store_head(store, text.data(), text.len(), out, err))
            }),
            3 => self.fill(true, |out, err| c!(fbat_store_stats(store, out, err))),
            4 => self.fill(true, |out, err| c!(fbat_store_open_report(store, out, err))),
            _ => {
                let mut hash = fbat_hash { bytes: [BEFORE; 32] };
                let place = self.place(&raw mut hash);
                let status = self.call(|err| c!(fbat_store_log_hash(store, place, err)));
                assert!(
                    place.is_null() || status == FBAT_OK || hash.bytes == [0; 32],
                    "on failure a hash is zero"
                );
                status
            }
        };
    }

    fn verify(&mut self) {
        let store = self.handle::<fbat_store>(Type::Store);
        let texts = [self.optional_text(), self.optional_text()];
        let mut lists = NO_LISTS;
        let region = self.region(&texts, &mut lists);
        let mut region = self.given(region);
        let mut options: fbat_verify_options = initial();
        options.region = self.optional(&raw mut region.value);
        options.progress = callbacks::progress(self.input.u8());
        options.cancel = self.token();
        let mut options = self.given(options);
        let options = self.optional(&raw mut options.value);
        let mut findings = usize::from(BEFORE) as *mut fbat_findings;
        let place = self.place(&raw mut findings);
        self.during(|machine| {
            let status = machine
                .fill(true, |out, err| c!(fbat_store_verify(store, options, out, place, err)));
            let is_there = !place.is_null() && !findings.is_null();
            assert_eq!(is_there, !place.is_null() && status == FBAT_OK, "findings, or a failure");
            if is_there {
                machine.keep(Type::Findings, findings);
            }
        });
    }

    fn backup(&mut self) {
        let store = self.handle::<fbat_store>(Type::Store);
        let paths =
            [Some(c"/copy"), Some(c"/s"), Some(c"/s/in"), Some(c"/no/way"), Some(c""), None];
        let path = self.input.pick(&paths).map_or(null(), |path| path.as_ptr());
        let mut options: fbat_backup_options = initial();
        options.flags = self.odd(2);
        options.reserved = u32::from(self.input.u8() >= 0xf0);
        options.progress = callbacks::progress(self.input.u8());
        options.cancel = self.token();
        let mut options = self.given(options);
        let options = self.optional(&raw mut options.value);
        self.during(|machine| {
            machine.fill(true, |out, err| c!(fbat_store_backup(store, path, options, out, err)));
        });
    }

    fn compress(&mut self) {
        let store = self.handle::<fbat_store>(Type::Store);
        let mut options: fbat_compress_options = initial();
        options.through = u64::from(self.input.u8());
        options.level = u32::from(self.input.u8() % 24);
        options.reserved = u32::from(self.input.u8() >= 0xf0);
        options.progress = callbacks::progress(self.input.u8());
        options.cancel = self.token();
        let mut options = self.given(options);
        let options = self.optional(&raw mut options.value);
        self.during(|machine| {
            machine.fill(true, |out, err| c!(fbat_store_compress(store, options, out, err)));
        });
    }

    /// Answers that have no status.
    fn look(&mut self) {
        let (store, err) =
            (self.handle::<fbat_store>(Type::Store), self.handle::<fbat_error>(Type::Error));
        let texts = [
            c!(fbat_store_namespace(store)),
            c!(fbat_store_label(store)),
            c!(fbat_store_path(store)),
            c!(fbat_error_message(err)),
        ];
        texts.iter().for_each(|text| callbacks::read_text(*text));
        c!(fbat_store_id(store));
        c!(fbat_store_is_read_only(store));
        let mut detail = self.given(initial::<fbat_error_detail>());
        if checked(c!(fbat_error_get(err, &raw mut detail.value))) == FBAT_OK {
            callbacks::read_text(detail.value.message);
            callbacks::read_text(detail.value.path);
        }
        let findings = self.handle::<fbat_findings>(Type::Findings);
        for at in 0..c!(fbat_findings_len(findings)) {
            // SAFETY: one of those that are counted, of a list that lives.
            let finding = unsafe { fbat_findings_get(findings, at).read() };
            [finding.path, finding.message].into_iter().for_each(callbacks::read_text);
        }
        let buffer = self.handle::<fbat_buffer>(Type::Buffer);
        callbacks::read_bytes(c!(fbat_buffer_data(buffer)), c!(fbat_buffer_len(buffer)));
    }

    fn convert(&mut self) {
        let (text, size) = (self.text(), self.input.below(70));
        let (mut id, mut hash, mut out) = (self.id(), fbat_hash { bytes: [BEFORE; 32] }, [0; 70]);
        let data = text.data();
        checked(match self.input.u8() % 6 {
            0 => c!(fbat_id_to_hex(&id, out.as_mut_ptr(), size)),
            1 => c!(fbat_id_from_hex(data, text.len(), &mut id)),
            2 => c!(fbat_hash_to_hex(&hash, out.as_mut_ptr(), size)),
            3 => c!(fbat_hash_from_hex(data, text.len(), &mut hash)),
            4 => c!(fbat_content_hash(data.cast(), text.len(), &mut hash)),
            _ => {
                let parts = [text.str(), text.str()];
                c!(fbat_operation_key(
                    data,
                    text.len(),
                    parts.as_ptr(),
                    self.input.below(3),
                    &mut id
                ))
            }
        });
    }

    fn cancel(&mut self) {
        let cancel = self.handle(Type::Cancel);
        match self.input.u8() % 4 {
            0 | 1 => self.keep(Type::Cancel, fbat_cancel_new()),
            2 => drop(checked(c!(fbat_cancel_trigger(cancel)))),
            _ => drop(c!(fbat_cancel_is_triggered(cancel))),
        }
    }

    /// Frees all that was made, some of it once more.
    fn end(self) {
        for (of, handle) in self.made {
            free(of, handle);
        }
        checked(c!(fbat_set_log_callback(None, null_mut(), None)));
        assert_eq!(fbat_live_handles(), 0, "a handle is left that nobody was given");
        callbacks::settle();
    }
}

/// Refusing an argument may come before the struct is touched.
fn bytes_were_written(rest: &[u8]) -> bool {
    !rest.iter().all(|byte| *byte == BEFORE)
}

const TYPES: [Type; 7] = [
    Type::Store,
    Type::Cursor,
    Type::Page,
    Type::Cancel,
    Type::Buffer,
    Type::Error,
    Type::Findings,
];

fn free(of: Type, handle: usize) {
    match of {
        Type::Store => c!(fbat_store_free(handle as *mut _)),
        Type::Cursor => c!(fbat_cursor_free(handle as *mut _)),
        Type::Page => c!(fbat_page_free(handle as *mut _)),
        Type::Cancel => c!(fbat_cancel_free(handle as *mut _)),
        Type::Buffer => c!(fbat_buffer_free(handle as *mut _)),
        Type::Error => c!(fbat_error_free(handle as *mut _)),
        Type::Findings => c!(fbat_findings_free(handle as *mut _)),
    }
}

/// A status that is not a defect of the library.
pub(crate) fn checked(status: fbat_status) -> fbat_status {
    assert!(
        ![FBAT_ERR_PANIC, FBAT_ERR_INTERNAL, FBAT_ERR_FORKED].contains(&status),
        "status {status}"
    );
    status
}
