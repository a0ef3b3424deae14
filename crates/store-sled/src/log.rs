//! sled's file, looked at before sled does.
//!
//! Opening, sled takes whatever does not read back near the end of its log for what a power cut leaves: it opens the state
//! before it and writes over what follows. Further back it passes over the rest of a damaged segment without a word. Both
//! are harmless only for what nobody was told is durable. So the log is read here first, changing nothing, and compared
//! with what was acknowledged. What lies before the last snapshot is not looked at: sled finds damage there itself, when
//! it reads.
//!
//! A kill, and a power cut where sled's file is written through, leave a torn end and no hole: sled's threads may write
//! later buffers before earlier ones, but what a header calls stable was written without a gap. Only before that place is
//! something that does not read back a hole; and a segment that was given free and is being written over is known by the
//! later number of a message in it.
//!
//! sled 0.34.7 writes segments of 512 KiB, each with a number (its place in the log), anywhere in the file. In a segment
//! messages follow one another: checksum, kind, length, the segment's number, page, body. A batch begins with a message
//! that says where its last one begins.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use qixian_store::{codec, keys};

const SEGMENT: u64 = 512 * 1024;
const SEGMENT_HEADER: usize = 20;
/// No message begins in the last bytes of a segment.
const MESSAGE_HEADER_MAX: usize = 32;
const CAP: u8 = 2;
const BATCH: u8 = 3;
const LAST_KIND: u8 = 11;
/// So many segments before the end of the log are searched for the number of the last batch; all, if it is not there. sled
/// writes the rows of a batch in no order.
const NUMBERED: usize = 16;

/// What the log holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Log {
    /// The number of the last batch that is whole, and before the hole; `None` where none was found.
    pub(crate) newest: Option<u64>,
    /// Where in the file something does not read back although the log goes on after it.
    pub(crate) hole: Option<u64>,
    /// The segment that holds the end of what sled had synced is not there; this may be its place. sled would then take
    /// nothing for whole that came after the last snapshot, and write over all of it.
    pub(crate) wiped: Option<u64>,
}

/// Reads the log from the segment on that holds this place of it: what the last snapshot covers ends there.
///
/// # Errors
/// Whatever the system says.
pub(crate) fn look(pages: &File, covered: u64) -> io::Result<Log> {
    let headers = Headers::read(pages, covered / SEGMENT)?;
    let log = walk(pages, covered, &headers, NUMBERED)?;
    match log.newest {
        // A group may fill more segments than that after the row with its number.
        None if headers.found.len() > NUMBERED => walk(pages, covered, &headers, usize::MAX),
        _ => Ok(log),
    }
}

/// Reads the segments in their order, the last `numbered` for the numbers of batches too.
fn walk(pages: &File, covered: u64, headers: &Headers, numbered: usize) -> io::Result<Log> {
    let mut look = Look {
        pages,
        buffer: Vec::new(),
        batch: 0,
        pending: None,
        newest: None,
    };
    let mut hole = look.lost_header(headers)?;
    let count = headers.found.len();
    for (nth, (number, offset)) in headers.found.iter().enumerate() {
        let past_hole = hole.is_some_and(|(at, _)| at < *number);
        let follows = |before: u64| headers.found.contains_key(&before);
        if past_hole || (*number > headers.tail && !follows(number - 1)) {
            break;
        }
        let numbered = count - nth <= numbered;
        let Some(end) = look.segment(*number, *offset, numbered)? else {
            continue;
        };
        let torn = (*number, offset + end as u64);
        if *number < headers.tail {
            if look.is_reused(*number, headers.last) {
                continue;
            }
            hole = Some(torn);
        } else if number * SEGMENT + (end as u64) < covered {
            hole = Some(torn);
        }
        break;
    }
    Ok(Log {
        newest: look.newest,
        hole: hole.map(|(_, offset)| offset),
        wiped: headers.wiped(covered),
    })
}

/// The headers of the segments of the log.
struct Headers {
    /// Number and place in the file.
    found: BTreeMap<u64, u64>,
    /// Places whose header does not read back.
    lost: Vec<u64>,
    /// Everything before this number is whole, says the newest header: sled had synced it.
    tail: u64,
    /// The last place of the log that sled had synced when the newest header was written.
    stable: u64,
    /// The largest number of all.
    last: u64,
    from: u64,
}

impl Headers {
    fn read(pages: &File, from: u64) -> io::Result<Self> {
        let length = pages.metadata()?.len();
        let whole = length / SEGMENT;
        let count = whole + u64::from(length % SEGMENT >= SEGMENT_HEADER as u64);
        let mut headers = Self {
            found: BTreeMap::new(),
            lost: Vec::new(),
            tail: from,
            stable: 0,
            last: from,
            from,
        };
        for offset in (0..count).map(|nth| nth * SEGMENT) {
            let mut header = [0; SEGMENT_HEADER];
            pages.read_exact_at(&mut header, offset)?;
            match segment_header(&header) {
                Some((number, stable)) => {
                    headers.last = headers.last.max(number);
                    if number >= from {
                        headers.found.insert(number, offset);
                        headers.stable = headers.stable.max(stable);
                        headers.tail = headers.tail.max(stable / SEGMENT);
                    }
                }
                None => headers.lost.push(offset),
            }
        }
        Ok(headers)
    }

    /// Where the segment may have been that must be there, if it is not. One that begins where the snapshot ends need not
    /// be, unless more than the snapshot covers was synced.
    fn wiped(&self, covered: u64) -> Option<u64> {
        let missed = self.tail * SEGMENT < covered || self.stable > covered;
        let is_gone = missed && !self.found.contains_key(&self.tail);
        is_gone.then(|| self.lost.first().copied().unwrap_or_default())
    }
}

/// The number of a segment, and the place of the log up to which all was synced when it was begun.
fn segment_header(bytes: &[u8; SEGMENT_HEADER]) -> Option<(u64, u64)> {
    let (sum, rest) = bytes.split_first_chunk::<4>()?;
    let (at, stable) = rest.split_first_chunk::<8>()?;
    let place = |bytes: &[u8; 8]| i64::from_le_bytes(*bytes) ^ i64::MAX;
    let whole = u32::from_le_bytes(*sum) == !crc32fast::hash(rest);
    let at = u64::try_from(place(at)).ok()?;
    // Before anything was synced sled says -1.
    let stable = u64::try_from(place(stable.first_chunk()?)).unwrap_or(0);
    (whole && at.is_multiple_of(SEGMENT)).then_some((at / SEGMENT, stable))
}

struct Look<'a> {
    pages: &'a File,
    /// The segment that is looked at.
    buffer: Vec<u8>,
    /// Where the last message of the present batch begins.
    batch: u64,
    /// A batch's number, until its last message was seen.
    pending: Option<u64>,
    newest: Option<u64>,
}

impl Look<'_> {
    /// The first segment of the settled part that lost its header, while its messages are still there.
    fn lost_header(&mut self, headers: &Headers) -> io::Result<Option<(u64, u64)>> {
        let mut settled = headers.from..headers.tail;
        if settled.all(|number| headers.found.contains_key(&number)) {
            // What else is without a header is free, and there may be much of it.
            return Ok(None);
        }
        let mut lost = Vec::new();
        for offset in &headers.lost {
            self.load(*offset)?;
            if self.buffer.iter().all(|byte| *byte == 0) {
                continue;
            }
            let settled = |number: &u64| {
                (headers.from..headers.tail).contains(number) && !headers.found.contains_key(number)
            };
            let number = self.numbers(headers.last).find(settled);
            lost.extend(number.map(|number| (number, *offset)));
        }
        Ok(lost.into_iter().min())
    }

    fn load(&mut self, offset: u64) -> io::Result<()> {
        self.buffer.resize(SEGMENT as usize, 0);
        let mut filled = 0;
        while filled < self.buffer.len() {
            let at = offset + filled as u64;
            match self.pages.read_at(&mut self.buffer[filled..], at)? {
                0 => break,
                count => filled += count,
            }
        }
        self.buffer.truncate(filled);
        Ok(())
    }

    /// Reads a segment's messages. Answers where the first that does not read back begins; `None`: all do.
    fn segment(&mut self, number: u64, offset: u64, numbered: bool) -> io::Result<Option<usize>> {
        self.load(offset)?;
        let buffer = std::mem::take(&mut self.buffer);
        let torn = self.messages(&buffer, number, numbered);
        self.buffer = buffer;
        Ok(torn)
    }

    fn messages(&mut self, segment: &[u8], number: u64, numbered: bool) -> Option<usize> {
        let mut at = SEGMENT_HEADER;
        while at + MESSAGE_HEADER_MAX <= SEGMENT as usize {
            self.settle(number * SEGMENT + at as u64);
            let Some(message) = message(segment, at).filter(|message| message.number == number)
            else {
                // A batch that goes on from here is not whole.
                self.pending = None;
                return Some(at);
            };
            match message.kind {
                CAP => break,
                BATCH => {
                    let body = message.body.first_chunk::<8>();
                    self.batch = body.map_or(0, |bytes| u64::from_le_bytes(*bytes));
                }
                _ if numbered => self.pending = self.pending.max(batch_number(message.body)),
                _ => {}
            }
            at += message.length;
        }
        self.settle((number + 1) * SEGMENT);
        None
    }

    /// Everything before this place of the log is there: so is the batch whose last message began there.
    fn settle(&mut self, place: u64) {
        if self.batch < place {
            self.newest = self.newest.max(self.pending.take());
        }
    }

    /// Whether the segment in the buffer was given free: parts of a later one were written over it.
    fn is_reused(&self, number: u64, last: u64) -> bool {
        self.numbers(last).any(|later| later > number)
    }

    /// The segment numbers of all messages in the buffer that read back, wherever they begin.
    fn numbers(&self, last: u64) -> impl Iterator<Item = u64> {
        // A few more than the last that has a header: it may be one of those whose header is not there.
        let likely = last + NUMBERED as u64;
        (SEGMENT_HEADER..self.buffer.len())
            .filter_map(move |at| {
                let header = message_header(&self.buffer, at)?;
                (header.number <= likely).then(|| message(&self.buffer, at))?
            })
            .map(|message| message.number)
    }
}

struct MessageHeader {
    sum: u32,
    kind: u8,
    number: u64,
    /// Of the header.
    length: usize,
    body: usize,
}

struct Message<'a> {
    kind: u8,
    number: u64,
    /// Of all of it.
    length: usize,
    body: &'a [u8],
}

fn message_header(segment: &[u8], at: usize) -> Option<MessageHeader> {
    let (sum, rest) = segment.get(at..)?.split_first_chunk::<4>()?;
    let (kind, mut rest) = rest.split_first()?;
    if !(1..=LAST_KIND).contains(kind) {
        return None;
    }
    let body = varint(&mut rest)?;
    let number = varint(&mut rest)?;
    let _page = varint(&mut rest)?;
    Some(MessageHeader {
        sum: u32::from_le_bytes(*sum),
        kind: *kind,
        number,
        length: segment.len() - at - rest.len(),
        body: usize::try_from(body).ok()?,
    })
}

/// The message that begins here, if it reads back.
fn message(segment: &[u8], at: usize) -> Option<Message<'_>> {
    let header = message_header(segment, at)?;
    let length = header.length.checked_add(header.body)?;
    let bytes = segment.get(at..at.checked_add(length)?)?;
    let (head, body) = bytes.split_at(header.length);
    let mut sum = crc32fast::Hasher::new();
    sum.update(body);
    sum.update(&head[4..]);
    (!sum.finalize() == header.sum).then_some(Message {
        kind: header.kind,
        number: header.number,
        length,
        body,
    })
}

/// A number as sled writes it in few bytes.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let (first, rest) = bytes.split_first()?;
    let first = *first;
    let more = match first {
        0..=240 => 0,
        241..=248 => 1,
        249 => 2,
        250..=255 => usize::from(first) - 247,
    };
    let (more, rest) = rest.split_at_checked(more)?;
    *bytes = rest;
    let little = || {
        more.iter()
            .rev()
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    };
    Some(match (first, more) {
        (0..=240, _) => u64::from(first),
        (241..=248, [low]) => 240 + 256 * (u64::from(first) - 241) + u64::from(*low),
        (249, [high, low]) => 2288 + 256 * u64::from(*high) + u64::from(*low),
        _ => little(),
    })
}

/// The largest batch number among the rows in a message's body: rows stand in it as they are, and know their key.
fn batch_number(body: &[u8]) -> Option<u64> {
    let starts = body.iter().enumerate();
    let starts = starts.filter(|(_, byte)| **byte == codec::PLAIN);
    starts
        .filter_map(|(at, _)| {
            let length = body.get(at + 5..)?.iter().position(|byte| *byte < 0x80)? + 6;
            let row = (length <= 15).then(|| body.get(at..at + length))??;
            codec::decode::<u64>(keys::BATCHES, row).ok()
        })
        .max()
}
