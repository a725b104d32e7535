//! Reader of any tar, member by member in one pass: ustar, PAX and GNU.
//!
//! The reader is strict. Tar readers differ in how they resolve contradictions, and an entry that one of them sees
//! and another does not is an attack. So input that Go's `archive/tar` (which unpacks nearly all layers) and GNU tar
//! read differently is an error here: two length fields for one member, a long name given twice, data after a
//! directory, a global header that renames what follows.
//!
//! The `tar` crate's reader is not used: it buffers PAX headers of any size, takes each line of one for a record and
//! malformed records as absent, has no PAX sparse files and ignores global headers.
//!
//! Source: POSIX.1-2017, pax; Go 1.25, `archive/tar/reader.go`; GNU tar manual, "Basic Tar Format".

use std::io::{self, Read};

use super::extensions::Extensions;
use super::member::{Extent, Member};
use super::number::parse_length;
use super::pax::{Records, apply_numbers, check_global, parse_records, xattrs};
use super::read_header::{Block, SIZE, TYPEFLAG, check_sum, member_of, until_nul};
use super::sparse::{self, LineDecoder, PaxSparse};
use super::{BLOCK_BYTES, padding};
use crate::TarError;
use crate::error::bad_entry;

/// Maximum length of a PAX header.
const MAX_RECORDS_BYTES: u64 = 1 << 20;
/// Maximum length of a GNU long name.
const MAX_LONG_NAME_BYTES: u64 = 64 << 10;

/// Reader of a tar, member by member.
pub struct Members<R> {
    input: R,
    /// Number of bytes taken from `input`.
    position: u64,
    /// Number of bytes of the current member's data that have not been read.
    data_left: u64,
    /// Number of padding bytes after that data.
    padding_left: usize,
}

impl<R: Read> Members<R> {
    /// Returns a reader of the tar that `input` begins with.
    pub fn new(input: R) -> Self {
        Self { input, position: 0, data_left: 0, padding_left: 0 }
    }

    /// Returns the next member, and skips data of the previous one that was not read. Returns `None` at the end of
    /// the tar: after two zero blocks, or where the input ends in place of a header.
    #[expect(clippy::should_implement_trait, reason = "an iterator has no errors")]
    pub fn next(&mut self) -> Result<Option<Member>, TarError> {
        let mut extensions = Extensions::default();
        loop {
            self.skip_rest()?;
            let Some(block) = self.next_header()? else {
                return extensions.check_end().map(|()| None);
            };
            if !self.take_extension(&block, &mut extensions)? {
                return self.member(&block, extensions).map(Some);
            }
        }
    }

    /// Reads from the data of the current member. Returns the number of bytes read, 0 at the end of the data.
    pub fn read_data(&mut self, buffer: &mut [u8]) -> Result<usize, TarError> {
        let wanted = buffer.len().min(usize::try_from(self.data_left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        match self.read_once(&mut buffer[..wanted])? {
            0 => Err(bad_entry(b"", "the tar ends inside a file")),
            count => {
                self.position += count as u64;
                self.data_left -= count as u64;
                Ok(count)
            }
        }
    }

    fn skip_rest(&mut self) -> Result<(), TarError> {
        if self.data_left > 0 {
            let mut scratch = [0; 16 << 10];
            while self.read_data(&mut scratch)? > 0 {}
        }
        let padding = std::mem::take(&mut self.padding_left);
        self.read_exact(&mut [0; BLOCK_BYTES][..padding])
    }

    /// Returns the next header block, its checksum verified; `None` at the end of the tar.
    fn next_header(&mut self) -> Result<Option<Block>, TarError> {
        let mut block = [0; BLOCK_BYTES];
        if !self.read_block_or_end(&mut block)? {
            return Ok(None);
        }
        if block.iter().any(|&byte| byte != 0) {
            check_sum(&block)?;
            return Ok(Some(block));
        }
        if self.read_block_or_end(&mut block)? && block.iter().any(|&byte| byte != 0) {
            return Err(bad_entry(b"", "one zero block alone, where two end a tar"));
        }
        Ok(None)
    }

    /// Fills `block`; returns `false` if the input has ended.
    fn read_block_or_end(&mut self, block: &mut Block) -> Result<bool, TarError> {
        let mut filled = 0;
        while filled < BLOCK_BYTES {
            match self.read_once(&mut block[filled..])? {
                0 if filled == 0 => return Ok(false),
                0 => return Err(bad_entry(b"", "the tar ends inside a header")),
                count => filled += count,
            }
        }
        self.position += BLOCK_BYTES as u64;
        Ok(true)
    }

    /// Reads from the input, again if a signal interrupts the read.
    fn read_once(&mut self, buffer: &mut [u8]) -> Result<usize, TarError> {
        loop {
            match self.input.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read.map_err(TarError::Read),
            }
        }
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> Result<(), TarError> {
        self.input.read_exact(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => bad_entry(b"", "the tar ends too early"),
            _ => TarError::Read(error),
        })?;
        self.position += buffer.len() as u64;
        Ok(())
    }

    /// Returns the body of an extension header, and skips its padding.
    fn read_body(&mut self, block: &Block, limit_bytes: u64) -> Result<Vec<u8>, TarError> {
        let size = parse_length(&block[SIZE]);
        let size = size.ok_or_else(|| bad_entry(b"", "the length of an extended header is not a number"))?;
        if size > limit_bytes {
            let limit = format!("{limit_bytes} bytes");
            return Err(TarError::Limit { what: "an extended header of the layer's tar", limit });
        }
        let mut body = vec![0; usize::try_from(size).expect("below the limit")];
        self.read_exact(&mut body)?;
        self.read_exact(&mut [0; BLOCK_BYTES][..padding(size)])?;
        Ok(body)
    }

    /// Takes an extension header in; returns `false` if `block` is the header of a member.
    fn take_extension(&mut self, block: &Block, extensions: &mut Extensions) -> Result<bool, TarError> {
        match block[TYPEFLAG] {
            b'x' => extensions.set_records(parse_records(&self.read_body(block, MAX_RECORDS_BYTES)?)?)?,
            b'g' => check_global(&parse_records(&self.read_body(block, MAX_RECORDS_BYTES)?)?)?,
            b'L' => extensions.set_long_name(self.read_long_name(block)?)?,
            b'K' => extensions.set_long_link(self.read_long_name(block)?)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn read_long_name(&mut self, block: &Block) -> Result<Vec<u8>, TarError> {
        Ok(until_nul(&self.read_body(block, MAX_LONG_NAME_BYTES)?).to_vec())
    }

    fn member(&mut self, block: &Block, extensions: Extensions) -> Result<Member, TarError> {
        let mut member = member_of(block)?;
        let records = extensions.apply_names(&mut member)?;
        apply_numbers(&mut member, &records)?;
        member.xattrs = xattrs(&records);
        // The oldest tars have no type for directories, only a slash after their names.
        if block[TYPEFLAG] == 0 && member.name.ends_with(b"/") {
            member.typeflag = b'5';
        }
        self.start_data(&mut member)?;
        self.read_sparse(&mut member, block, &records)?;
        if member.name.contains(&0) || member.link.contains(&0) {
            return Err(bad_entry(until_nul(&member.name), "a name contains a zero byte"));
        }
        Ok(member)
    }

    /// Sets the position and the length of the member's data.
    fn start_data(&mut self, member: &mut Member) -> Result<(), TarError> {
        // Old tars give a hard link the length of its file, but no data follows. All readers agree on that.
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

    /// Reads the map of a sparse file; does nothing for other members.
    fn read_sparse(&mut self, member: &mut Member, block: &Block, records: &Records) -> Result<(), TarError> {
        let (map, size_bytes) = match block[TYPEFLAG] {
            b'S' => self.read_old_map(block)?,
            b'0' | 0 => match PaxSparse::parse(records, &member.name)? {
                None => return Ok(()),
                Some(pax) => {
                    member.name = pax.name.unwrap_or_else(|| std::mem::take(&mut member.name));
                    let map = match pax.map {
                        Some(map) => map,
                        None => self.read_map_lines(member)?,
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

    /// Reads a map of the old GNU form: it begins in the header and goes on in blocks after it, which no length field
    /// counts. Returns it with the length of the file.
    fn read_old_map(&mut self, block: &Block) -> Result<(Vec<Extent>, u64), TarError> {
        let mut map = Vec::new();
        let mut more = sparse::old_extents(&block[386..482], &mut map)? && block[482] != 0;
        while more {
            let mut extension = [0; BLOCK_BYTES];
            self.read_exact(&mut extension)?;
            more = sparse::old_extents(&extension[..504], &mut map)? && extension[504] != 0;
        }
        let size = parse_length(&block[483..495]);
        Ok((map, size.ok_or_else(|| bad_entry(b"", "the length of a sparse file is not a number"))?))
    }

    /// Reads a map of the newest PAX form: it fills whole blocks before the data.
    fn read_map_lines(&mut self, member: &Member) -> Result<Vec<Extent>, TarError> {
        let mut decoder = LineDecoder::default();
        loop {
            let mut block = [0; BLOCK_BYTES];
            let mut filled = 0;
            while filled < BLOCK_BYTES {
                match self.read_data(&mut block[filled..])? {
                    0 => return Err(bad_entry(&member.name, "the map of a sparse file is cut off")),
                    count => filled += count,
                }
            }
            if let Some(map) = decoder.take(&block, &member.name)? {
                return Ok(map);
            }
        }
    }
}
