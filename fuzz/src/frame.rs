//! What the log and its indexes are made of, without a store: headers, frames, one whole segment,
//! one index.

use crate::input::Input;
use crate::parts;
use crate::stores::{self, ENTITIES};
use fbat::engine::formats::*;
use fbat::engine::model::error::{Code, Error};
use fbat::engine::model::id::Id;
use fbat::engine::model::region::Region;
use fbat::engine::platform::memory::MemoryFile;
use std::cell::OnceCell;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// Where in a segment the single frames and batches stand.
const PLACE: u64 = 4096;

/// A segment that the library wrote, whole and taken apart, with an index over it.
struct Base {
    bytes: Vec<u8>,
    header: SegmentHeader,
    parts: parts::Segment,
    index: Vec<u8>,
    ids: Vec<Id>,
    /// Shared by all runs: each index has its own place in it.
    room: Arc<StringRoom>,
}

thread_local! {
    static BASE: OnceCell<Base> = const { OnceCell::new() };
}

impl Base {
    fn new() -> Base {
        let sample = &stores::samples()[1];
        let bytes = sample.files["00000000000000000001.log"].to_vec();
        let header = SegmentHeader::decode(&bytes).expect("a header of the library");
        let ids = sample.rows.iter().map(|row| row.id).collect();
        let parts = parts::Segment::of(&bytes);
        assert_eq!(parts.assemble(), bytes, "taking a segment apart loses nothing");
        let mut base = Base {
            header,
            parts,
            index: Vec::new(),
            ids,
            room: Arc::new(StringRoom::new()),
            bytes,
        };
        let segment = base.segment(header, base.bytes.clone());
        let tail = base.read(&segment).expect("a sound segment");
        base.index = segment.build_index(&tail.index_meta()).expect("an index");
        base
    }

    fn segment(&self, header: SegmentHeader, bytes: Vec<u8>) -> Segment {
        let file = Arc::new(MemoryFile::of(Arc::new(bytes)));
        Segment::new(
            header,
            Path::new("/s/00000000000000000001.log"),
            file,
            None,
            self.room.clone(),
        )
    }

    /// Reads every batch that there is.
    fn read(&self, segment: &Segment) -> Result<Tail, Error> {
        let (mut tail, mut window) = (Tail::at_start(&segment.header), segment.window());
        while let Step::Batch = tail.step(segment, &mut window)? {}
        Ok(tail)
    }

    /// Asks what the input wants to know: one thing, so that a run is short.
    fn ask(&self, segment: &Segment, input: &mut Input<'_>) -> Result<(), Error> {
        let (entity, sequence) = (input.pick(&ENTITIES), input.edgy());
        match input.u8() % 5 {
            0 => drop((segment.newest_of(entity)?, segment.find_number(entity)?)),
            1 => {
                let mut window = segment.window();
                let mut at = segment.newest_of(entity)?.map(|newest| newest.offset);
                while let Some(offset) = at {
                    segment.frame_at(&mut window, offset.into())?;
                    at = segment.before(entity, offset)?.filter(|before| *before < offset);
                }
            }
            2 => {
                let region = Region { entity: Some(entity.to_owned()), ..Region::default() };
                let range = (sequence, input.edgy());
                if let Some(wish) = Wish::new(segment, &region, range, false)? {
                    let slots = segment.slots_of(&wish);
                    segment.few_in_table(&slots, entity);
                    segment.offsets_in(slots, &wish);
                }
            }
            3 => drop(self.find(segment)?),
            _ => {
                let mut count = 0;
                let _whole = segment.walk(sequence, &mut |_, frame| {
                    segment.string(frame.entity.number)?;
                    count += 1;
                    Ok(ControlFlow::Continue(()))
                })?;
                assert!(count * FRAME_FIXED_LEN as u64 <= segment.end(), "no frame is met twice");
            }
        }
        Ok(())
    }

    /// Where each of the ids is found, as far as each is.
    fn find(&self, segment: &Segment) -> Result<Vec<Option<u32>>, Error> {
        self.ids.iter().map(|id| Ok(segment.find_id(*id)?.map(|found| found.offset))).collect()
    }
}

/// The first byte says what the rest is.
pub fn run(data: &[u8]) {
    BASE.with(|base| {
        let (base, mut input) = (base.get_or_init(Base::new), Input(data));
        match input.u8() % 8 {
            0 => headers(base, &mut input),
            1..4 => frame(base, &mut input),
            4..6 => segment(base, &mut input),
            _ => index(base, &mut input),
        }
    });
}

/// What holds, if it does; else the error has to say that it is damaged.
fn sound<T>(result: Result<T, Error>) -> Option<T> {
    result.map_err(|error| assert_eq!(error.code(), Code::Corrupt, "{error}")).ok()
}

fn headers(base: &Base, input: &mut Input<'_>) {
    let seals = input.one_in(2);
    let mut bytes = input.rest().to_vec();
    let _any = BatchHeader::decode(&base.header, PLACE, &bytes);
    if seals {
        parts::seal_batch_header(&mut bytes, base.header.salt, PLACE as usize);
    }
    if let Ok(header) = BatchHeader::decode(&base.header, PLACE, &bytes) {
        let mut again = bytes[..BATCH_HEADER_LEN].to_vec();
        header.seal_into(&base.header, PLACE, &mut again, &[]);
        assert!(
            again[16..72] == bytes[16..72] && again[76..] == bytes[76..80],
            "a batch header keeps its fields"
        );
    }
    if seals {
        parts::seal_header(&mut bytes);
    }
    if let Ok(header) = SegmentHeader::decode(&bytes) {
        assert!(
            header.version != 1 || header.encode() == bytes[..SEGMENT_HEADER_LEN],
            "a header is encoded as it was"
        );
    }
}

fn frame(base: &Base, input: &mut Input<'_>) {
    let seals = !input.one_in(8);
    let mut bytes = input.rest().to_vec();
    if seals {
        parts::seal_frame(&mut bytes, base.header.salt, PLACE as usize);
    }
    let Ok(frame) = Frame::decode(&base.header, PLACE, &bytes) else { return };
    let mut again = Vec::new();
    frame.encode(&base.header, PLACE, &mut again);
    assert_eq!(Frame::decode(&base.header, PLACE, &again), Ok(frame), "encoding loses nothing");
}

/// A changed segment: what it answers from the table, or through an index that is made of it.
fn segment(base: &Base, input: &mut Input<'_>) {
    let (changes, cut, by_index) = (input.u8() % 4, input.u8() / 2, input.one_in(2));
    let mut parts = base.parts.clone();
    (0..changes).for_each(|_| parts.change(input));
    let mut bytes = parts.assemble();
    bytes.truncate(bytes.len() - usize::from(cut).min(bytes.len()));
    let Ok(header) = SegmentHeader::decode(&bytes) else { return };
    if header.version != 1 {
        return;
    }
    let segment = base.segment(header, bytes);
    let Some(tail) = sound(base.read(&segment)) else { return };
    if !by_index {
        sound(base.ask(&segment, input));
        return;
    }
    let Some(index) = sound(segment.build_index(&tail.index_meta())) else { return };
    let indexed =
        segment.with_index(segment.open_index_bytes(index).expect("what is built is whole"));
    if input.one_in(4) {
        let found = [base.find(&segment), base.find(&indexed)]
            .map(|found| found.expect("nothing is damaged"));
        assert_eq!(found[0], found[1], "an index finds what the table finds");
    }
    sound(base.ask(&indexed, input));
}

/// A changed index over the segment as it is: it answers, or says that it is damaged; the segment
/// then makes another.
fn index(base: &Base, input: &mut Input<'_>) {
    let changes = input.u8() % 4;
    let mut bytes = base.index.clone();
    (0..=changes).for_each(|_| parts::change_index(&mut bytes, base.header.salt, input));
    let segment = base.segment(base.header, base.bytes.clone());
    let Some(index) = sound(segment.open_index_bytes(bytes)) else { return };
    let meta = index.meta;
    if meta.covered_len > base.bytes.len() as u64 {
        return;
    }
    let indexed = segment.with_index(index);
    let _answered = match input.u8() % 4 {
        0 => sound(indexed.build_index(&meta)).map(drop),
        _ => sound(base.ask(&indexed, input)),
    };
}
