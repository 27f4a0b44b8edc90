//! Finding lines in a file of any size, block by block and without decoding: how many line feeds
//! stand before each block is remembered per version of a file, so that the next page is found at
//! once.

use std::fs::File;
use std::io;
use std::sync::{Mutex, PoisonError};

use crate::source::beneath;
use crate::source::stat::Stat;
use crate::source::text::Encoding;

/// Bytes looked at in one go; even, so that no UTF-16 unit is cut.
pub(super) const BLOCK: usize = 256 * 1024;
/// How many files the cache knows.
const FILES: usize = 8;
/// Where the index of a file ends: 16 GB in, 512 kB of memory.
const MOST_BLOCKS: usize = 64 * 1024;

/// The line counts of recently read files.
#[derive(Debug, Default)]
pub(in crate::source) struct LineCache(Mutex<Vec<(Stat, Index)>>);

/// `before[k]` line feeds stand before block `k`.
#[derive(Debug, Clone)]
struct Index {
    before: Vec<u64>,
    total: Option<u64>,
}

/// A file read in blocks.
#[derive(Debug)]
pub(super) struct Blocks<'a> {
    file: &'a File,
    pub(super) size: u64,
    buffer: Vec<u8>,
    /// Which block the buffer holds.
    held: Option<u64>,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(file: &'a File, size: u64) -> Self {
        Self { file, size, buffer: Vec::new(), held: None }
    }

    pub(super) fn count(&self) -> u64 {
        self.size.div_ceil(BLOCK as u64)
    }

    /// Block `k`; short only at the end of the file, empty beyond it.
    pub(super) fn block(&mut self, k: u64) -> io::Result<&[u8]> {
        if self.held != Some(k) {
            let start = k * BLOCK as u64;
            let length = self.size.saturating_sub(start).min(BLOCK as u64);
            self.held = None;
            self.buffer.resize(usize::try_from(length).unwrap_or(BLOCK), 0);
            let n = beneath::read_at(self.file, &mut self.buffer, start)?;
            self.buffer.truncate(n);
            self.held = Some(k);
        }
        Ok(&self.buffer)
    }

    /// Up to `length` bytes from `start` on.
    pub(super) fn range(&mut self, start: u64, length: usize) -> io::Result<Vec<u8>> {
        let length = self.size.saturating_sub(start).min(length as u64);
        let length = usize::try_from(length).unwrap_or(0);
        if self.size <= BLOCK as u64 {
            let from = usize::try_from(start).unwrap_or(usize::MAX);
            let all = self.block(0)?.get(from..).unwrap_or_default();
            return Ok(all.get(..length).unwrap_or(all).to_vec());
        }
        let mut bytes = vec![0; length];
        let n = beneath::read_at(self.file, &mut bytes, start)?;
        bytes.truncate(n);
        Ok(bytes)
    }
}

/// How many line feeds `bytes` hold.
pub(super) fn feeds(bytes: &[u8], encoding: Encoding) -> usize {
    if encoding.unit() == 1 {
        return memchr::memchr_iter(b'\n', bytes).count();
    }
    let feed = wide_feed(encoding);
    bytes.as_chunks::<2>().0.iter().filter(|unit| **unit == feed).count()
}

/// Where the line after the `n`th line feed starts, counted from 1.
pub(super) fn after_feed(bytes: &[u8], encoding: Encoding, n: usize) -> Option<usize> {
    let i = n.checked_sub(1)?;
    if encoding.unit() == 1 {
        return memchr::memchr_iter(b'\n', bytes).nth(i).map(|feed| feed + 1);
    }
    let feed = wide_feed(encoding);
    let units = bytes.as_chunks::<2>().0.iter().enumerate();
    units.filter(|(_, unit)| **unit == feed).nth(i).map(|(at, _)| (at + 1) * 2)
}

/// The same from the end: where the line after the `n`th last line feed starts.
fn after_last_feed(bytes: &[u8], encoding: Encoding, n: usize) -> Option<usize> {
    let i = n.checked_sub(1)?;
    if encoding.unit() == 1 {
        return memchr::memrchr_iter(b'\n', bytes).nth(i).map(|feed| feed + 1);
    }
    let feed = wide_feed(encoding);
    let units = bytes.as_chunks::<2>().0.iter().enumerate().rev();
    units.filter(|(_, unit)| **unit == feed).nth(i).map(|(at, _)| (at + 1) * 2)
}

fn wide_feed(encoding: Encoding) -> [u8; 2] {
    if encoding.is_big_endian() { [0, b'\n'] } else { [b'\n', 0] }
}

pub(super) fn ends_with_feed(bytes: &[u8], encoding: Encoding) -> bool {
    if encoding.unit() == 1 {
        bytes.last() == Some(&b'\n')
    } else {
        bytes.last_chunk::<2>() == Some(&wide_feed(encoding))
    }
}

/// Where the last `n` lines start.
pub(super) fn from_end(blocks: &mut Blocks<'_>, encoding: Encoding, n: u64) -> io::Result<u64> {
    let mut wanted = usize::try_from(n).unwrap_or(usize::MAX);
    for k in (0..blocks.count()).rev() {
        let last = k + 1 == blocks.count();
        let block = blocks.block(k)?;
        if last && ends_with_feed(block, encoding) {
            wanted = wanted.saturating_add(1);
        }
        if let Some(start) = after_last_feed(block, encoding, wanted) {
            return Ok(k * BLOCK as u64 + start as u64);
        }
        wanted -= feeds(block, encoding).min(wanted);
    }
    Ok(0)
}

impl LineCache {
    /// Where line `line` (from 1) starts; `None` if the file has fewer.
    pub(super) fn start(
        &self,
        stat: &Stat,
        blocks: &mut Blocks<'_>,
        encoding: Encoding,
        line: u64,
    ) -> io::Result<Option<u64>> {
        let Some(wanted) = line.checked_sub(1).filter(|&wanted| wanted > 0) else {
            return Ok(Some(0));
        };
        let mut index = self.take(stat);
        let found = index.find(blocks, encoding, wanted);
        self.put(*stat, index);
        Ok(found?.filter(|&start| start < blocks.size))
    }

    /// How many lines there are; counted if need be.
    pub(super) fn total(
        &self,
        stat: &Stat,
        blocks: &mut Blocks<'_>,
        encoding: Encoding,
    ) -> io::Result<u64> {
        if blocks.count() <= 1 {
            let block = blocks.block(0)?;
            let open_end = !block.is_empty() && !ends_with_feed(block, encoding);
            return Ok(feeds(block, encoding) as u64 + u64::from(open_end));
        }
        let mut index = self.take(stat);
        let total = index.count(blocks, encoding);
        self.put(*stat, index);
        total
    }

    /// The number of lines, if it has been counted before.
    pub(super) fn known_total(&self, stat: &Stat) -> Option<u64> {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.iter().find(|(known, _)| known == stat).and_then(|(_, index)| index.total)
    }

    /// Taken out, so that no lock is held while the file is read.
    fn take(&self, stat: &Stat) -> Index {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match files.iter().position(|(known, _)| known == stat) {
            Some(at) => files.remove(at).1,
            None => Index { before: vec![0], total: None },
        }
    }

    fn put(&self, stat: Stat, index: Index) {
        if index.before.len() < 2 {
            return;
        }
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A sibling may have put its own meanwhile, and a changed file leaves its old index behind.
        files.retain(|(known, _)| !known.is_same_file(&stat));
        if files.len() >= FILES {
            files.remove(0);
        }
        files.push((stat, index));
    }
}

impl Index {
    /// Where the line after the `wanted`th line feed starts.
    fn find(
        &mut self,
        blocks: &mut Blocks<'_>,
        encoding: Encoding,
        wanted: u64,
    ) -> io::Result<Option<u64>> {
        let mut k = self.before.partition_point(|&before| before < wanted).saturating_sub(1) as u64;
        let mut before = self.before.get(usize::try_from(k).unwrap_or(0)).copied().unwrap_or(0);
        while k < blocks.count() {
            let block = blocks.block(k)?;
            let here = feeds(block, encoding) as u64;
            if before + here >= wanted {
                let nth = usize::try_from(wanted - before).unwrap_or(usize::MAX);
                let start = after_feed(block, encoding, nth);
                return Ok(start.map(|start| k * BLOCK as u64 + start as u64));
            }
            before += here;
            k += 1;
            self.note(k, before);
        }
        self.finish(blocks, encoding, before)?;
        Ok(None)
    }

    fn count(&mut self, blocks: &mut Blocks<'_>, encoding: Encoding) -> io::Result<u64> {
        if let Some(total) = self.total {
            return Ok(total);
        }
        self.find(blocks, encoding, u64::MAX)?;
        Ok(self.total.unwrap_or(0))
    }

    fn note(&mut self, k: u64, before: u64) {
        if self.before.len() as u64 == k && self.before.len() < MOST_BLOCKS {
            self.before.push(before);
        }
    }

    fn finish(
        &mut self,
        blocks: &mut Blocks<'_>,
        encoding: Encoding,
        feeds: u64,
    ) -> io::Result<()> {
        if let Some(last) = blocks.count().checked_sub(1) {
            let open_end = !ends_with_feed(blocks.block(last)?, encoding);
            self.total = Some(feeds + u64::from(open_end));
        }
        Ok(())
    }
}
