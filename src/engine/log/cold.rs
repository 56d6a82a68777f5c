//! Reading a cold segment: a file that is kept compressed, and reads as the log that it was made
//! of. So all else knows nothing of it. A block that is damaged reads as zeros, which no checksum
//! of the log matches.

use crate::engine::format::cold::{decompress, ColdHead, Table, BLOCK_BYTES, COLD_HEAD_LEN};
use crate::engine::format::frame::{SEGMENT_HEADER_LEN, SEGMENT_MAGIC};
use crate::engine::platform::vfs::{read_full, read_full_settled, Compressed, File};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock, Weak};
use zstd_safe::DDict;

/// Dictionaries, tables and blocks that are kept take so many bytes, of all files of the process.
const KEPT_BYTES_MAX: usize = 16 << 20;
/// So many blocks of a file are kept, if they are not longer than this.
const BLOCKS_KEPT: usize = 4;
const BLOCK_KEPT_BYTES_MAX: usize = 64 << 10;

/// A file of a segment as its log: itself, or what it stands for where it is compressed.
pub fn open(stored: Arc<dyn File>) -> io::Result<Arc<dyn File>> {
    let mut front = [0; COLD_HEAD_LEN];
    let got = read_full(&*stored, &mut front, 0)?;
    if front[..got].starts_with(&SEGMENT_MAGIC) {
        return Ok(stored);
    }
    let head = ColdHead::decode(&front).or_else(|| head_at_end(&*stored));
    Ok(match head {
        Some(head) => Arc::new_cyclic(|me| ColdFile {
            me: me.clone(),
            stored,
            head,
            kept: RwLock::default(),
            used: AtomicBool::new(false),
        }),
        None => stored,
    })
}

/// The second head; none where there is none, or it cannot be read.
fn head_at_end(stored: &dyn File) -> Option<ColdHead> {
    let (length, mut bytes) = (stored.len().ok()?, [0; COLD_HEAD_LEN]);
    let got = read_full(stored, &mut bytes, length.checked_sub(COLD_HEAD_LEN as u64)?).ok()?;
    ColdHead::decode(&bytes[..got]).filter(|head| head.stored_len == length)
}

/// The log of a segment that is kept compressed.
pub struct ColdFile {
    me: Weak<ColdFile>,
    stored: Arc<dyn File>,
    head: ColdHead,
    kept: RwLock<Option<Arc<Kept>>>,
    /// Read since the files that keep something were last looked through.
    used: AtomicBool,
}

/// What of a file stays in memory for a while.
struct Kept {
    table: Table,
    dictionary: DDict<'static>,
    /// Those that were read last.
    blocks: Mutex<VecDeque<(usize, Arc<Vec<u8>>)>>,
}

/// The files that keep something, with how much, those first that began first.
static KEEPING: Mutex<VecDeque<(Weak<ColdFile>, usize)>> = Mutex::new(VecDeque::new());

impl ColdFile {
    /// Table and dictionary; none where both copies of one are damaged.
    fn kept(&self) -> io::Result<Option<Arc<Kept>>> {
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
        // Nobody waits for another, who may not exist in a child.
        if let Some(kept) = self.kept.try_read().ok().and_then(|kept| kept.clone()) {
            return Ok(Some(kept));
        }
        let (Some(dictionary), Some(table)) = (self.dictionary()?, self.table()?) else {
            return Ok(None);
        };
        let Some(prepared) = DDict::try_create(&dictionary) else {
            return Err(io::ErrorKind::OutOfMemory.into());
        };
        let blocks = BLOCKS_KEPT * 2 * BLOCK_BYTES;
        let bytes = table.bytes() + prepared.sizeof() + blocks;
        let kept = Arc::new(Kept { table, dictionary: prepared, blocks: Mutex::default() });
        if let Ok(mut keeping) = KEEPING.try_lock() {
            if let Ok(mut there) = self.kept.try_write() {
                *there = Some(kept.clone());
                keeping.push_back((self.me.clone(), bytes));
            }
            forget_down_to(&mut keeping, KEPT_BYTES_MAX);
        }
        Ok(Some(kept))
    }

    fn dictionary(&self) -> io::Result<Option<Vec<u8>>> {
        let [first, second] = self.head.dictionaries();
        match self.dictionary_at(first)? {
            None => self.dictionary_at(second),
            found => Ok(found),
        }
    }

    fn dictionary_at(&self, at: u64) -> io::Result<Option<Vec<u8>>> {
        let bytes = self.bytes(at, self.head.dictionary_len as usize)?;
        let holds = |bytes: &Vec<u8>| {
            ColdHead::dictionary_crc_of(&self.head.segment, bytes) == self.head.dictionary_crc
        };
        Ok(bytes.filter(holds))
    }

    fn table(&self) -> io::Result<Option<Table>> {
        let [first, second] = self.head.dictionaries();
        match self.table_after(first)? {
            None => self.table_after(second),
            found => Ok(found),
        }
    }

    fn table_after(&self, dictionary: u64) -> io::Result<Option<Table>> {
        let at = dictionary + u64::from(self.head.dictionary_len);
        let bytes = self.bytes(at, self.head.table_len() as usize)?;
        Ok(bytes.and_then(|bytes| Table::decode(&self.head, &bytes)))
    }

    /// These bytes of the file; none where it ends before.
    fn bytes(&self, at: u64, length: usize) -> io::Result<Option<Vec<u8>>> {
        // A length that the file does not have must not cost memory.
        if at.saturating_add(length as u64) > self.stored.len()? {
            return Ok(None);
        }
        let mut bytes = vec![0; length];
        let got = read_full_settled(&*self.stored, &mut bytes, at)?;
        Ok((got == length).then_some(bytes))
    }

    /// The log that a block has; none where it is damaged.
    fn block(&self, kept: &Kept, number: usize) -> io::Result<Option<Arc<Vec<u8>>>> {
        let known = |blocks: &VecDeque<(usize, Arc<Vec<u8>>)>| {
            blocks.iter().find(|(there, _)| *there == number).map(|(_, block)| block.clone())
        };
        if let Some(block) = kept.blocks.try_lock().ok().and_then(|blocks| known(&blocks)) {
            return Ok(Some(block));
        }
        let (plain, stored) = kept.table.block(number);
        let Some(bytes) = self.bytes(stored.start, (stored.end - stored.start) as usize)? else {
            return Ok(None);
        };
        let length = (plain.end - plain.start) as usize;
        let segment = &self.head.segment;
        let block = decompress(segment, plain.start, length, &bytes, &kept.dictionary);
        let Some(block) = block.map(Arc::new) else { return Ok(None) };
        if block.len() <= BLOCK_KEPT_BYTES_MAX {
            if let Ok(mut blocks) = kept.blocks.try_lock() {
                blocks.truncate(BLOCKS_KEPT - 1);
                blocks.push_front((number, block.clone()));
            }
        }
        Ok(Some(block))
    }
}

/// Lets the files that began first keep nothing more. One that was read since is passed over once.
fn forget_down_to(keeping: &mut VecDeque<(Weak<ColdFile>, usize)>, bytes_max: usize) {
    let mut bytes: usize = keeping.iter().map(|(_, bytes)| bytes).sum();
    let mut looks = 2 * keeping.len();
    while bytes > bytes_max && keeping.len() > 1 && looks > 0 {
        looks -= 1;
        let Some((file, of_file)) = keeping.pop_front() else { return };
        let there = file.upgrade();
        if there.as_ref().is_some_and(|file| file.used.swap(false, Ordering::Relaxed)) {
            keeping.push_back((file, of_file));
            continue;
        }
        bytes -= of_file;
        let Some(there) = there else { continue };
        let forgotten = there.kept.try_write().map(|mut kept| kept.take());
        drop(forgotten);
    }
}

impl fmt::Debug for ColdFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ColdFile").field("stored", &self.stored).finish_non_exhaustive()
    }
}

impl File for ColdFile {
    /// As far as one block goes.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if offset >= self.head.plain_len || buffer.is_empty() {
            return Ok(0);
        }
        if offset < SEGMENT_HEADER_LEN as u64 {
            return Ok(copy(&self.head.segment.encode()[offset as usize..], buffer));
        }
        let kept = self.kept()?;
        let number = kept.as_ref().and_then(|kept| kept.table.find(offset));
        let (Some(kept), Some(number)) = (kept, number) else {
            let room = (self.head.plain_len - offset).min(buffer.len() as u64) as usize;
            buffer[..room].fill(0);
            return Ok(room);
        };
        let (plain, _) = kept.table.block(number);
        match self.block(&kept, number)? {
            Some(block) => Ok(copy(&block[(offset - plain.start) as usize..], buffer)),
            None => {
                let room = (plain.end - offset).min(buffer.len() as u64) as usize;
                buffer[..room].fill(0);
                Ok(room)
            }
        }
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        Err(unchanging())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.head.plain_len)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        (length == self.head.plain_len).then_some(()).ok_or_else(unchanging)
    }

    fn allocate(&self, _: u64) -> io::Result<()> {
        Err(unchanging())
    }

    fn sync(&self) -> io::Result<()> {
        self.stored.sync()
    }

    fn is_named(&self, name: &str) -> io::Result<bool> {
        self.stored.is_named(name)
    }

    fn settle(&self, name: &str) {
        self.stored.settle(name);
    }

    fn compressed(&self) -> Option<&dyn Compressed> {
        Some(self)
    }
}

impl Compressed for ColdFile {
    fn stored(&self) -> &Arc<dyn File> {
        &self.stored
    }

    fn is_whole(&self) -> io::Result<bool> {
        Ok(self.stored.len()? == self.head.stored_len)
    }

    fn flaws(&self) -> io::Result<Vec<(u64, &'static str)>> {
        let (head, mut flaws) = (&self.head, Vec::new());
        if !self.is_whole()? {
            flaws.push((0, "the compressed segment has another length than it says"));
        }
        let [first, second] = head.dictionaries();
        for at in [0, head.stored_len - COLD_HEAD_LEN as u64] {
            if self.bytes(at, COLD_HEAD_LEN)?.is_none_or(|bytes| bytes != head.encode()) {
                flaws.push((at, "a head of the compressed segment is damaged"));
            }
        }
        for at in [first, second] {
            if self.dictionary_at(at)?.is_none() {
                flaws.push((at, "a dictionary of the compressed segment is damaged"));
            }
            if self.table_after(at)?.is_none() {
                let at = at + u64::from(head.dictionary_len);
                flaws.push((at, "a table of the compressed segment is damaged"));
            }
        }
        Ok(flaws)
    }
}

/// Copies as much as there is and fits.
fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let length = from.len().min(to.len());
    to[..length].copy_from_slice(&from[..length]);
    length
}

fn unchanging() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "a compressed segment never changes")
}
