//! The members of any tar, as they come: ustar, PAX and GNU, in one pass.
//!
//! Strict: readers of tars differ in what they make of a contradiction, and what one of them hides from another is an
//! attack. What Go's `archive/tar` (which unpacks nearly all layers) and GNU tar read differently is an error here, never
//! a guess: two length fields for one member, a long name said twice, data behind a directory, a global header that
//! renames what follows. We do not use the `tar` crate's reader: it buffers PAX headers of any size, takes each
//! line of one for a record and malformed ones as absent, knows no PAX sparse files and ignores global headers.
//!
//! Source: POSIX.1-2017, pax; Go 1.25, `archive/tar/reader.go`; GNU tar manual, "Basic Tar Format".

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::sparse::{self, Extent};
use super::{BLOCK_BYTES, padding};
use crate::RootfsError;
use crate::entry::Timestamp;
use crate::error::{bad_entry, failed};

/// The most bytes of a PAX header.
pub(crate) const MAX_RECORDS_BYTES: u64 = 1 << 20;
/// The most bytes of a GNU long name.
const MAX_LONG_NAME_BYTES: u64 = 64 << 10;

/// One member of a tar, as its headers say.
#[derive(Debug, Clone, Default)]
pub struct Member {
    /// As written: may be absolute, may contain `..`.
    pub name: Vec<u8>,
    /// What kind: `0` for regular files of all sorts, `1` to `6`.
    pub typeflag: u8,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Modification time.
    pub mtime: Timestamp,
    /// Target of a link.
    pub link: Vec<u8>,
    /// Numbers of a device.
    pub device: (u32, u32),
    /// Extended attributes, overlayfs' own left out.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The length of a file.
    pub size_bytes: u64,
    /// Where in the tar its data begins.
    pub offset: u64,
    /// The parts of a sparse file that are in the tar, in order, without gaps there.
    pub sparse: Option<Vec<Extent>>,
    /// The bytes in the tar from `offset` on: `size_bytes` unless it is sparse.
    pub stored_bytes: u64,
}

/// Reads a tar member by member.
pub struct Members<R> {
    input: R,
    /// Bytes taken from `input`.
    position: u64,
    /// What is left of the current member's data, and then of its padding.
    data_left: u64,
    padding_left: usize,
}

/// The PAX records in front of a member. The last of several with one keyword counts, except for those of sparse files
/// in the oldest PAX form.
type Records = Vec<(Vec<u8>, Vec<u8>)>;

/// What precedes a member.
#[derive(Default)]
struct Extensions {
    records: Option<Records>,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
}

type Block = [u8; BLOCK_BYTES];

impl<R: Read> Members<R> {
    /// The members of the tar that `input` begins with.
    pub fn new(input: R) -> Self {
        Self { input, position: 0, data_left: 0, padding_left: 0 }
    }

    /// The next member; what was not read of the former is skipped. `None` at the end of the tar: after two zero blocks,
    /// or where the input ends at a header.
    #[expect(clippy::should_implement_trait, reason = "an iterator has no errors")]
    pub fn next(&mut self) -> Result<Option<Member>, RootfsError> {
        let mut extensions = Extensions::default();
        loop {
            self.skip_rest()?;
            let Some(block) = self.next_header()? else {
                return extensions.none_left().map(|()| None);
            };
            if !self.take_extension(&block, &mut extensions)? {
                return self.member(&block, extensions).map(Some);
            }
        }
    }

    /// Reads from the current member's data.
    pub fn read_data(&mut self, buffer: &mut [u8]) -> Result<usize, RootfsError> {
        let most = buffer.len().min(usize::try_from(self.data_left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        match self.input.read(&mut buffer[..most]).map_err(failed("read the layer's tar", ""))? {
            0 => Err(bad_entry(b"", "the tar ends inside a file")),
            count => {
                self.position += count as u64;
                self.data_left -= count as u64;
                Ok(count)
            }
        }
    }

    fn skip_rest(&mut self) -> Result<(), RootfsError> {
        if self.data_left > 0 {
            let mut scratch = [0; 16 << 10];
            while self.read_data(&mut scratch)? > 0 {}
        }
        let padding = std::mem::take(&mut self.padding_left);
        self.read_exact(&mut [0; BLOCK_BYTES][..padding])
    }

    /// The next header block; `None` at the end.
    fn next_header(&mut self) -> Result<Option<Block>, RootfsError> {
        let mut block = [0; BLOCK_BYTES];
        if !self.read_block_or_end(&mut block)? {
            return Ok(None);
        }
        if block.iter().any(|&byte| byte != 0) {
            check_sum(&block)?;
            return Ok(Some(block));
        }
        match self.read_block_or_end(&mut block)? && block.iter().any(|&byte| byte != 0) {
            true => Err(bad_entry(b"", "one zero block alone, where two end a tar")),
            false => Ok(None),
        }
    }

    fn read_block_or_end(&mut self, block: &mut Block) -> Result<bool, RootfsError> {
        let mut filled = 0;
        while filled < BLOCK_BYTES {
            match self.input.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(false),
                Ok(0) => return Err(bad_entry(b"", "the tar ends inside a header")),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("read the layer's tar", "")(error)),
            }
        }
        self.position += BLOCK_BYTES as u64;
        Ok(true)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> Result<(), RootfsError> {
        self.input.read_exact(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => bad_entry(b"", "the tar ends too early"),
            _ => failed("read the layer's tar", "")(error),
        })?;
        self.position += buffer.len() as u64;
        Ok(())
    }

    /// The body of an extension header, with its padding.
    fn read_body(&mut self, block: &Block, limit_bytes: u64) -> Result<Vec<u8>, RootfsError> {
        let size = number(&block[124..136]).and_then(|size| u64::try_from(size).ok());
        let size = size.ok_or_else(|| bad_entry(b"", "the length of an extended header is no number"))?;
        if size > limit_bytes {
            let limit = format!("{limit_bytes} bytes");
            return Err(RootfsError::Limit { what: "an extended header of the layer's tar", limit });
        }
        let mut body = vec![0; usize::try_from(size).expect("below the limit")];
        self.read_exact(&mut body)?;
        self.read_exact(&mut [0; BLOCK_BYTES][..padding(size)])?;
        Ok(body)
    }

    /// Takes an extension header in; `false` if `block` is a member's own.
    fn take_extension(&mut self, block: &Block, extensions: &mut Extensions) -> Result<bool, RootfsError> {
        match block[156] {
            b'x' => {
                let records = parse_records(&self.read_body(block, MAX_RECORDS_BYTES)?)?;
                set_once(&mut extensions.records, records)?;
            }
            b'g' => check_global(&parse_records(&self.read_body(block, MAX_RECORDS_BYTES)?)?)?,
            b'L' => {
                let name = until_nul(&self.read_body(block, MAX_LONG_NAME_BYTES)?).to_vec();
                set_once(&mut extensions.long_name, name)?;
            }
            b'K' => {
                let link = until_nul(&self.read_body(block, MAX_LONG_NAME_BYTES)?).to_vec();
                set_once(&mut extensions.long_link, link)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn member(&mut self, block: &Block, extensions: Extensions) -> Result<Member, RootfsError> {
        let records = extensions.records.unwrap_or_default();
        let mut member = base(block)?;
        override_text(&mut member.name, extensions.long_name, last(&records, b"path"))?;
        override_text(&mut member.link, extensions.long_link, last(&records, b"linkpath"))?;
        apply_numbers(&mut member, &records)?;
        member.xattrs = xattrs(&records);
        if matches!(block[156], 0) && member.name.ends_with(b"/") {
            member.typeflag = b'5';
        }
        self.start_data(&mut member)?;
        self.read_sparse(&mut member, block, &records)?;
        if member.name.contains(&0) || member.link.contains(&0) {
            return Err(bad_entry(until_nul(&member.name), "a name contains a zero byte"));
        }
        Ok(member)
    }

    /// Sets where the data is and how long.
    fn start_data(&mut self, member: &mut Member) -> Result<(), RootfsError> {
        // A hard link's length is that of its file in old tars, and no data follows: all readers agree on that.
        if member.typeflag == b'1' {
            member.size_bytes = 0;
        }
        if member.typeflag != b'0' && member.size_bytes != 0 {
            return Err(bad_entry(&member.name, "only a regular file can have content"));
        }
        member.stored_bytes = member.size_bytes;
        member.offset = self.position;
        self.data_left = member.stored_bytes;
        self.padding_left = padding(member.stored_bytes);
        Ok(())
    }

    /// Reads the map of a sparse file, where there is one.
    fn read_sparse(
        &mut self,
        member: &mut Member,
        block: &Block,
        records: &Records,
    ) -> Result<(), RootfsError> {
        let (map, size_bytes) = match block[156] {
            b'S' => self.read_old_sparse(block)?,
            b'0' | 0 => match sparse::Pax::of(records, &member.name)? {
                None => return Ok(()),
                Some(pax) => {
                    member.name = pax.name.unwrap_or_else(|| std::mem::take(&mut member.name));
                    let map = match pax.map {
                        Some(map) => map,
                        None => self.read_sparse_map(member)?,
                    };
                    (map, pax.size_bytes)
                }
            },
            _ => return Ok(()),
        };
        member.stored_bytes = self.data_left;
        member.offset = self.position;
        sparse::check(&map, size_bytes, member.stored_bytes, &member.name)?;
        member.size_bytes = size_bytes;
        member.sparse = Some(map);
        Ok(())
    }

    /// GNU's own form: a map in the header and in blocks behind it, which no length counts.
    fn read_old_sparse(&mut self, block: &Block) -> Result<(Vec<Extent>, u64), RootfsError> {
        let mut map = Vec::new();
        let mut more = sparse::old_extents(&block[386..482], &mut map)? && block[482] != 0;
        while more {
            let mut extension = [0; BLOCK_BYTES];
            self.read_exact(&mut extension)?;
            more = sparse::old_extents(&extension[..504], &mut map)? && extension[504] != 0;
        }
        let size = number(&block[483..495]).and_then(|size| u64::try_from(size).ok());
        Ok((map, size.ok_or_else(|| bad_entry(b"", "the length of a sparse file is no number"))?))
    }

    /// The newest PAX form: a map in front of the data, in whole blocks.
    fn read_sparse_map(&mut self, member: &Member) -> Result<Vec<Extent>, RootfsError> {
        let mut lines = sparse::Lines::default();
        loop {
            let mut block = [0; BLOCK_BYTES];
            let mut filled = 0;
            while filled < BLOCK_BYTES {
                match self.read_data(&mut block[filled..])? {
                    0 => return Err(bad_entry(&member.name, "the map of a sparse file is cut off")),
                    count => filled += count,
                }
            }
            if let Some(map) = lines.take(&block, &member.name)? {
                return Ok(map);
            }
        }
    }
}

impl Extensions {
    fn none_left(&self) -> Result<(), RootfsError> {
        match self.records.is_none() && self.long_name.is_none() && self.long_link.is_none() {
            true => Ok(()),
            false => Err(bad_entry(b"", "an extended header belongs to nothing")),
        }
    }
}

fn set_once<T>(slot: &mut Option<T>, value: T) -> Result<(), RootfsError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(bad_entry(b"", "two extended headers of one kind for one member")),
    }
}

/// A long name in GNU's form or as a PAX record, in place of the header's; both at once is read differently by others.
fn override_text(text: &mut Vec<u8>, gnu: Option<Vec<u8>>, pax: Option<&[u8]>) -> Result<(), RootfsError> {
    match (gnu, pax) {
        (Some(name), Some(_)) => Err(bad_entry(&name, "a long name both in GNU's form and in that of PAX")),
        (Some(long), None) => {
            *text = long;
            Ok(())
        }
        (None, Some(long)) => {
            *text = long.to_vec();
            Ok(())
        }
        (None, None) => Ok(()),
    }
}

/// What the header block alone says.
fn base(block: &Block) -> Result<Member, RootfsError> {
    let name = name_of(block);
    let typeflag = match block[156] {
        0 | b'0' | b'7' | b'S' => b'0',
        known @ b'1'..=b'6' => known,
        other => {
            let shown = other.escape_ascii();
            return Err(bad_entry(&name, format!("entries of type '{shown}' are not known in layers")));
        }
    };
    let field = |range: std::ops::Range<usize>, what: &str| {
        number(&block[range]).ok_or_else(|| bad_entry(&name, format!("its {what} is no number")))
    };
    let mode = u32::try_from(field(100..108, "mode")? & 0o7777).expect("twelve bits");
    let device = match typeflag {
        b'3' | b'4' => device_of(field(329..337, "device")?, field(337..345, "device")?, &name)?,
        _ => (0, 0),
    };
    Ok(Member {
        typeflag,
        mode,
        uid: owner(field(108..116, "owner")?, &name)?,
        gid: owner(field(116..124, "group")?, &name)?,
        size_bytes: u64::try_from(field(124..136, "length")?)
            .map_err(|_| bad_entry(&name, "its length is negative"))?,
        mtime: Timestamp { seconds: field(136..148, "time")?, nanoseconds: 0 },
        link: until_nul(&block[157..257]).to_vec(),
        device,
        name,
        ..Member::default()
    })
}

fn name_of(block: &Block) -> Vec<u8> {
    let name = until_nul(&block[..100]);
    // Only POSIX has a prefix; GNU keeps other things there, and star the times of access in its last bytes.
    let prefix: &[u8] = match (&block[257..263], &block[508..512]) {
        (b"ustar\0", b"tar\0") => until_nul(&block[345..476]),
        (b"ustar\0", _) => until_nul(&block[345..500]),
        _ => b"",
    };
    match prefix {
        b"" => name.to_vec(),
        prefix => [prefix, b"/", name].concat(),
    }
}

/// 4294967295 means "leave as it is" to chown.
fn owner(number: i64, name: &[u8]) -> Result<u32, RootfsError> {
    u32::try_from(number)
        .ok()
        .filter(|&id| id != u32::MAX)
        .ok_or_else(|| bad_entry(name, format!("the owner {number} is out of range")))
}

fn device_of(major: i64, minor: i64, name: &[u8]) -> Result<(u32, u32), RootfsError> {
    let within = |number: i64, bits: u32| u32::try_from(number).ok().filter(|number| number >> bits == 0);
    match (within(major, 12), within(minor, 20)) {
        (Some(major), Some(minor)) => Ok((major, minor)),
        _ => Err(bad_entry(name, format!("the device {major}:{minor} is out of range"))),
    }
}

fn apply_numbers(member: &mut Member, records: &Records) -> Result<(), RootfsError> {
    let name = member.name.clone();
    let text = |keyword: &[u8]| last(records, keyword).filter(|value| !value.is_empty());
    let decimal = |keyword: &'static str| match text(keyword.as_bytes()) {
        None => Ok(None),
        Some(value) => match parse_decimal(value) {
            Some(number) => Ok(Some(number)),
            None => Err(bad_entry(&name, format!("its {keyword} is no number"))),
        },
    };
    if let Some(size) = decimal("size")? {
        member.size_bytes = size;
    }
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    if let Some(uid) = decimal("uid")? {
        member.uid = owner(signed(uid), &name)?;
    }
    if let Some(gid) = decimal("gid")? {
        member.gid = owner(signed(gid), &name)?;
    }
    if let Some(value) = text(b"mtime") {
        member.mtime = parse_time(value).ok_or_else(|| bad_entry(&name, "its mtime is no number"))?;
    }
    Ok(())
}

/// The attributes of an entry. Those that overlayfs keeps for itself would make it look elsewhere; nobody needs them.
fn xattrs(records: &Records) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let attribute = |(keyword, value): &(Vec<u8>, Vec<u8>)| {
        Some((keyword.strip_prefix(b"SCHILY.xattr.")?.to_vec(), value.clone()))
    };
    records.iter().filter_map(attribute).filter(|(name, _)| !is_overlay_xattr(name)).collect()
}

/// True for the attributes by which overlayfs steers itself.
pub(crate) fn is_overlay_xattr(name: &[u8]) -> bool {
    name.starts_with(b"trusted.overlay.") || name.starts_with(b"user.overlay.")
}

/// Global headers are comments (git archive writes the commit there); one that changes what follows is read differently
/// by others.
fn check_global(records: &Records) -> Result<(), RootfsError> {
    let changes = |keyword: &[u8]| {
        matches!(keyword, b"path" | b"linkpath" | b"size" | b"uid" | b"gid")
            || keyword.starts_with(b"GNU.sparse.")
            || keyword.starts_with(b"SCHILY.")
    };
    match records.iter().find(|(keyword, _)| changes(keyword)) {
        Some((keyword, _)) => {
            let keyword = keyword.escape_ascii();
            Err(bad_entry(b"", format!("a global header sets {keyword}, which readers take differently")))
        }
        None => Ok(()),
    }
}

/// The value of the last record with this keyword.
pub(super) fn last<'a>(records: &'a Records, keyword: &[u8]) -> Option<&'a [u8]> {
    records.iter().rev().find(|(found, _)| found == keyword).map(|(_, value)| value.as_slice())
}

/// `record = length " " keyword "=" value "\n"`, until the body ends.
fn parse_records(mut body: &[u8]) -> Result<Records, RootfsError> {
    let mut records = Vec::new();
    while !body.is_empty() {
        let (record, rest) = parse_record(body).ok_or_else(|| bad_entry(b"", "a malformed PAX record"))?;
        records.push(record);
        body = rest;
    }
    Ok(records)
}

#[expect(clippy::type_complexity, reason = "a record and the rest")]
fn parse_record(body: &[u8]) -> Option<((Vec<u8>, Vec<u8>), &[u8])> {
    let space = body.iter().take(20).position(|&byte| byte == b' ')?;
    let length = usize::try_from(parse_decimal(&body[..space])?).ok()?;
    let record = body.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&byte| byte == b'=')?;
    let (keyword, value) = (&record[..equals], &record[equals + 1..]);
    let is_text = matches!(keyword, b"path" | b"linkpath" | b"uname" | b"gname");
    if keyword.is_empty() || keyword.contains(&0) || (is_text && value.contains(&0)) {
        return None;
    }
    Some(((keyword.to_vec(), value.to_vec()), &body[length..]))
}

/// Digits and nothing else.
pub(super) fn parse_decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// `[-]seconds[.fraction]`.
fn parse_time(text: &[u8]) -> Option<Timestamp> {
    let (negative, text) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let dot = text.iter().position(|&byte| byte == b'.').unwrap_or(text.len());
    let seconds = i64::try_from(parse_decimal(&text[..dot])?).ok()?;
    let fraction = text.get(dot + 1..).unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |place: usize| u32::from(fraction.get(place).map_or(0, |digit| digit - b'0'));
    let nanoseconds = (0..9).fold(0, |sum, place| sum * 10 + digit(place));
    Some(match (negative, nanoseconds) {
        (false, _) => Timestamp { seconds, nanoseconds },
        (true, 0) => Timestamp { seconds: -seconds, nanoseconds: 0 },
        (true, _) => Timestamp { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds },
    })
}

/// A number of a header: octal with spaces and NULs around it, or GNU's base 256. `None` if it is neither, or too large.
pub(super) fn number(field: &[u8]) -> Option<i64> {
    if field.first().is_some_and(|byte| byte & 0x80 != 0) {
        return base_256(field);
    }
    let is_filler = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|byte| !is_filler(byte)).unwrap_or(field.len());
    let end = field.iter().rposition(|byte| !is_filler(byte)).map_or(start, |at| at + 1);
    // Old tars end a number with a NUL and leave rubbish behind it: Go refuses these, and so do we.
    field[start..end].iter().try_fold(0_i64, |sum, &digit| match digit {
        b'0'..=b'7' => sum.checked_mul(8)?.checked_add(i64::from(digit - b'0')),
        _ => None,
    })
}

/// Two's complement, big-endian, below the top bit, which marks it.
fn base_256(field: &[u8]) -> Option<i64> {
    let negative = field[0] & 0x40 != 0;
    let first = if negative { i128::from(field[0]) - 0x100 } else { i128::from(field[0] & 0x7f) };
    let value = field[1..]
        .iter()
        .try_fold(first, |sum, &byte| sum.checked_mul(256).map(|sum| sum + i128::from(byte)))?;
    i64::try_from(value).ok()
}

/// The sum of all bytes, the field itself taken as spaces; old tars summed signed bytes.
fn check_sum(block: &Block) -> Result<(), RootfsError> {
    let others = || block[..148].iter().chain(&block[156..]);
    let unsigned: i64 = others().map(|&byte| i64::from(byte)).sum::<i64>() + 8 * i64::from(b' ');
    let signed: i64 = others().map(|&byte| i64::from(byte.cast_signed())).sum::<i64>() + 8 * i64::from(b' ');
    match number(&block[148..156]) {
        Some(sum) if sum == unsigned || sum == signed => Ok(()),
        _ => Err(bad_entry(b"", "no tar header, or a damaged one")),
    }
}

fn until_nul(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    &field[..end]
}
