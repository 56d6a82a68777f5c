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
use fbat::ffi::internal::store_open_with;
use fbat::ffi::status::*;
use fbat::ffi::version::fbat_live_handles;
use fbat::ffi::{append::*, buffer::*, error::*, id::*, import::*, log::*, page::*};
use fbat::ffi::{provenance::*, query::*, store::*, types::*, verify::*};
use std::ffi::c_char;
use std::mem::MaybeUninit;
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

/// What stood in a result before the call.
const BEFORE: u8 = 0xa5;

/// The types of handles.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Store,
    OpenOptions,
    Query,
    Cursor,
    Page,
    ImportOptions,
    Cancel,
    Provenance,
    Buffer,
    Error,
    Verify,
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

    /// A call that fills a struct in; `zeroed`: all of it is zero on failure.
    fn fill<T>(
        &mut self,
        zeroed: bool,
        fill: impl FnOnce(*mut T, *mut *mut fbat_error) -> fbat_status,
    ) -> fbat_status {
        let size = match self.input.u8() {
            0xf0.. => self.input.edgy() as usize,
            _ => size_of::<T>(),
        };
        let mut value = MaybeUninit::<T>::uninit();
        let start = value.as_mut_ptr().cast::<u8>();
        // SAFETY: within the value, which has its size in front, and no padding.
        unsafe {
            start.write_bytes(BEFORE, size_of::<T>());
            start.cast::<usize>().write(size);
        }
        let place = self.place(value.as_mut_ptr());
        let status = self.call(|err| fill(place, err));
        // SAFETY: as above.
        let bytes = unsafe { std::slice::from_raw_parts(start, size_of::<T>()) };
        let rest = &bytes[size_of::<usize>()..];
        if place.is_null() || size != size_of::<T>() {
            assert!(place.is_null() || status != FBAT_OK, "a size that is not known is refused");
            assert!(rest.iter().all(|byte| *byte == BEFORE), "and nothing is written then");
        } else if status != FBAT_OK && zeroed && bytes_were_written(rest) {
            assert!(rest.iter().all(|byte| *byte == 0), "on failure a struct is zero");
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
            9..12 => self.read(),
            12 => self.page(),
            13..16 => self.import(),
            16..19 => self.set_import(),
            19 | 20 => self.set_query(),
            21 => self.set_open(),
            22..24 => self.provenance(),
            24 => self.provenance_record(),
            25..27 => self.figures(),
            27 => self.verify(),
            28 => self.look(),
            29 => self.convert(),
            30 => self.cancel(),
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
        let options = self.handle::<fbat_open_options>(Type::OpenOptions);
        let mine = stores::options(&self.disk, OpenMode::MustExist);
        let change =
            |given| Options { vfs: mine.vfs, clock: mine.clock, entropy: mine.entropy, ..given };
        self.make(Type::Store, false, |out, err| {
            c!(store_open_with(path, options, change, out, err))
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
        let mut event = MaybeUninit::uninit();
        c!(fbat_event_init(event.as_mut_ptr()));
        // SAFETY: just initialised.
        let mut event: fbat_event = unsafe { event.assume_init() };
        let odd = self.input.u8();
        let ordinary = fbat_str { data: c"order".as_ptr(), len: 5 };
        event.entity = if odd & 1 == 0 { ordinary } else { texts[0].str() };
        event.scope = if odd & 2 == 0 { ordinary } else { texts[1].str() };
        event.kind = self.input.pick(&[0x1001, 0x1002, 0, 0xd001]);
        event.payload = texts[2].data().cast();
        event.payload_len = if odd & 4 == 0 { 0 } else { texts[2].len() };
        event.key.bytes[15] = self.input.u8() % 4;
        if odd & 8 != 0 {
            event.struct_size = event.struct_size.wrapping_add(self.input.u8() as i8 as usize);
            event.options = self.input.u8().into();
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

    fn read(&mut self) {
        let (store, query) =
            (self.handle::<fbat_store>(Type::Store), self.handle::<fbat_query>(Type::Query));
        match self.input.u8() % 4 {
            0 => {
                let (id, columns) = (self.id(), self.input.u8().into());
                let id = self.place((&raw const id).cast_mut());
                self.make(Type::Page, false, |out, err| {
                    c!(fbat_event_get(store, id, columns, out, err))
                });
            }
            1 => self
                .make(Type::Page, false, |out, err| c!(fbat_store_query(store, query, out, err))),
            2 => self
                .make(Type::Cursor, false, |out, err| c!(fbat_cursor_new(store, query, out, err))),
            _ => {
                let cursor = self.handle(Type::Cursor);
                self.make(Type::Page, true, |out, err| c!(fbat_cursor_next(cursor, out, err)));
            }
        }
    }

    fn page(&mut self) {
        let page = self.handle::<fbat_page>(Type::Page);
        let (rows, count) = (c!(fbat_page_rows(page)), c!(fbat_page_len(page)));
        assert!(count == 0 || !rows.is_null(), "rows that are counted are there");
        for at in 0..count {
            callbacks::read_record(rows.wrapping_add(at));
        }
        c!(fbat_page_next(page));
        c!(fbat_page_is_end(page));
    }

    fn import(&mut self) {
        let stores =
            [self.handle::<fbat_store>(Type::Store), self.handle::<fbat_store>(Type::Store)];
        let options = self.handle::<fbat_import_options>(Type::ImportOptions);
        let length = self.input.u8() as usize % 16;
        let answers = Calls {
            answers: self.input.bytes(length).to_vec(),
            stores: stores.map(|s| s as usize),
        };
        callbacks::during(answers, || {
            self.fill(false, |out, err| c!(fbat_import(stores[0], stores[1], options, out, err)));
        });
    }

    fn set_import(&mut self) {
        if self.input.one_in(4) {
            return self.keep(Type::ImportOptions, fbat_import_options_new());
        }
        let options = self.handle::<fbat_import_options>(Type::ImportOptions);
        let (text, number) = (self.text(), self.input.u8());
        checked(match self.input.u8() % 16 {
            0..4 => c!(fbat_import_options_set_namespace(options, text.data(), text.len())),
            4 => c!(fbat_import_options_set_entity(options, text.data(), text.len())),
            5 => c!(fbat_import_options_set_scope(options, text.data(), text.len())),
            6 => c!(fbat_import_options_set_kind(options, self.input.u16())),
            7 => c!(fbat_import_options_set_category(options, number.into())),
            8 => c!(fbat_import_options_set_any_kind(options)),
            9 => {
                c!(fbat_import_options_set_versions(options, self.input.edgy(), self.input.edgy()))
            }
            10 => c!(fbat_import_options_set_after(options, self.input.edgy())),
            11 => c!(fbat_import_options_set_chunk_size(options, number.into())),
            12 => c!(fbat_import_options_set_on_conflict(options, u32::from(number) % 3)),
            13 => {
                let (filter, destroy) =
                    (callbacks::filter(number), callbacks::destroy(self.input.u8()));
                c!(fbat_import_options_set_filter(options, filter, null_mut(), destroy))
            }
            14 => {
                let (progress, destroy) =
                    (callbacks::progress(number), callbacks::destroy(self.input.u8()));
                c!(fbat_import_options_set_progress(options, progress, null_mut(), destroy))
            }
            _ => match number % 4 {
                0 => c!(fbat_import_options_set_durability(options, self.input.u8().into())),
                1 => c!(fbat_import_options_set_flags(options, self.input.u8().into())),
                2 => c!(fbat_import_options_set_filter_columns(options, self.input.u8().into())),
                _ => c!(fbat_import_options_set_cancel(options, self.handle(Type::Cancel))),
            },
        });
    }

    fn set_query(&mut self) {
        if self.input.one_in(4) {
            return self.keep(Type::Query, fbat_query_new());
        }
        let query = self.handle::<fbat_query>(Type::Query);
        let text = self.text();
        checked(match self.input.u8() % 10 {
            0 => c!(fbat_query_set_entity(query, text.data(), text.len())),
            1 => c!(fbat_query_set_scope(query, text.data(), text.len())),
            2 => c!(fbat_query_set_kind(query, self.input.u16())),
            3 => c!(fbat_query_set_category(query, self.input.u8().into())),
            4 => c!(fbat_query_set_versions(query, self.input.edgy(), self.input.edgy())),
            5 => c!(fbat_query_set_after(query, self.input.edgy())),
            6 => c!(fbat_query_set_until(query, self.input.edgy())),
            7 => c!(fbat_query_set_limit(query, self.input.edgy() as usize)),
            8 => c!(fbat_query_set_columns(query, self.input.u8().into())),
            _ => c!(fbat_query_set_flags(query, self.input.u8().into())),
        });
    }

    fn set_open(&mut self) {
        if self.input.one_in(4) {
            return self.keep(Type::OpenOptions, fbat_open_options_new());
        }
        let options = self.handle::<fbat_open_options>(Type::OpenOptions);
        let text = self.text();
        checked(match self.input.u8() % 8 {
            0..3 => c!(fbat_open_options_set_mode(options, u32::from(self.input.u8()) % 5)),
            3 => c!(fbat_open_options_set_durability(options, u32::from(self.input.u8()) % 3)),
            4 => c!(fbat_open_options_set_label(options, text.data(), text.len())),
            5 => c!(fbat_open_options_set_payload_bytes_max(options, self.input.edgy() as usize)),
            6 => c!(fbat_open_options_set_batch_events_max(options, self.input.edgy() as usize)),
            _ => c!(fbat_open_options_set_batch_bytes_max(options, self.input.edgy() as usize)),
        });
    }

    fn provenance(&mut self) {
        let provenance = self.handle::<fbat_provenance>(Type::Provenance);
        let (text, id, flags) = (self.text(), self.id(), u32::from(self.input.u8()) % 3);
        let length = self.input.u8().into();
        let bytes = [&MAGIC[..], self.input.bytes(length)].concat();
        let (body, body_len) = (bytes[6..].as_ptr(), bytes.len() - 6);
        match self.input.u8() % 8 {
            0 => self.keep(Type::Provenance, fbat_provenance_new()),
            1 => drop(checked(c!(fbat_provenance_set_namespace(
                provenance,
                text.data(),
                text.len()
            )))),
            2 => drop(checked(c!(fbat_provenance_set_event_id(provenance, &id)))),
            3 => drop(checked(c!(fbat_provenance_set_schema_version(provenance, flags as u16)))),
            4 => self.make(Type::Buffer, false, |out, err| {
                c!(fbat_provenance_encode(provenance, out, err))
            }),
            5 => self.make(Type::Buffer, false, |out, err| {
                c!(fbat_provenance_encode_body(provenance, out, err))
            }),
            6 => self.make(Type::Provenance, false, |out, err| {
                c!(fbat_provenance_decode(bytes.as_ptr(), bytes.len(), flags, out, err))
            }),
            _ => self.make(Type::Provenance, false, |out, err| {
                c!(fbat_provenance_from_extension(body, body_len, flags, out, err))
            }),
        }
    }

    fn provenance_record(&mut self) {
        let (store, id) = (self.handle::<fbat_store>(Type::Store), self.id());
        let page = self.handle::<fbat_page>(Type::Page);
        if self.input.one_in(2) {
            return self.make(Type::Provenance, true, |out, err| {
                c!(fbat_event_provenance(store, &id, out, err))
            });
        }
        let (rows, count) = (c!(fbat_page_rows(page)), c!(fbat_page_len(page)));
        let row = if count == 0 { null() } else { rows.wrapping_add(self.input.below(count)) };
        self.make(Type::Provenance, true, |out, err| c!(fbat_record_provenance(row, out, err)));
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
        let (store, report) = (
            self.handle::<fbat_store>(Type::Store),
            self.handle::<fbat_verify_report>(Type::Verify),
        );
        match self.input.u8() % 4 {
            0 | 1 => {
                self.make(Type::Verify, false, |out, err| c!(fbat_store_verify(store, out, err)))
            }
            2 => drop(self.fill(true, |out, err| c!(fbat_verify_report_totals(report, out, err)))),
            _ => {
                let index = self.input.below(3);
                self.fill(true, |out, err| c!(fbat_verify_report_finding(report, index, out, err)));
                c!(fbat_verify_report_finding_count(report));
            }
        }
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
            c!(fbat_error_path(err)),
            c!(fbat_import_options_get_namespace(self.handle(Type::ImportOptions))),
            c!(fbat_open_options_get_label(self.handle(Type::OpenOptions))),
        ];
        texts.iter().for_each(|text| callbacks::read_text(*text));
        c!(fbat_store_id(store));
        c!(fbat_store_is_read_only(store));
        c!(fbat_error_item(err));
        c!(fbat_error_offset(err));
        c!(fbat_error_event_id(err));
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

const TYPES: [Type; 11] = [
    Type::Store,
    Type::OpenOptions,
    Type::Query,
    Type::Cursor,
    Type::Page,
    Type::ImportOptions,
    Type::Cancel,
    Type::Provenance,
    Type::Buffer,
    Type::Error,
    Type::Verify,
];

fn free(of: Type, handle: usize) {
    match of {
        Type::Store => c!(fbat_store_free(handle as *mut _)),
        Type::OpenOptions => c!(fbat_open_options_free(handle as *mut _)),
        Type::Query => c!(fbat_query_free(handle as *mut _)),
        Type::Cursor => c!(fbat_cursor_free(handle as *mut _)),
        Type::Page => c!(fbat_page_free(handle as *mut _)),
        Type::ImportOptions => c!(fbat_import_options_free(handle as *mut _)),
        Type::Cancel => c!(fbat_cancel_free(handle as *mut _)),
        Type::Provenance => c!(fbat_provenance_free(handle as *mut _)),
        Type::Buffer => c!(fbat_buffer_free(handle as *mut _)),
        Type::Error => c!(fbat_error_free(handle as *mut _)),
        Type::Verify => c!(fbat_verify_report_free(handle as *mut _)),
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
