//! Tars made by hand, which can break any rule.

/// Tar that is built member by member.
#[derive(Default, Clone)]
pub struct Tar(pub Vec<u8>);

/// Header and data of a member. Fields are empty or 0 unless they are set.
#[derive(Clone)]
pub struct Raw {
    pub name: Vec<u8>,
    pub typeflag: u8,
    pub link: Vec<u8>,
    pub mode: &'static str,
    pub uid: Vec<u8>,
    pub size: Vec<u8>,
    pub mtime: Vec<u8>,
    pub device: (Vec<u8>, Vec<u8>),
    pub magic: &'static [u8],
    pub data: Vec<u8>,
    /// Bytes of the header to overwrite before its checksum is computed, with their offsets.
    pub patch: Vec<(usize, Vec<u8>)>,
}

pub fn raw(typeflag: char, name: impl AsRef<[u8]>) -> Raw {
    Raw {
        name: name.as_ref().to_vec(),
        typeflag: typeflag as u8,
        link: Vec::new(),
        mode: "0000644",
        uid: b"0000000".to_vec(),
        size: Vec::new(),
        mtime: b"00000000000".to_vec(),
        device: (b"0000000".to_vec(), b"0000000".to_vec()),
        magic: b"ustar\x0000",
        data: Vec::new(),
        patch: Vec::new(),
    }
}

impl Raw {
    pub fn link(self, target: impl AsRef<[u8]>) -> Self {
        Self { link: target.as_ref().to_vec(), ..self }
    }

    pub fn data(self, data: impl AsRef<[u8]>) -> Self {
        Self { data: data.as_ref().to_vec(), ..self }
    }

    pub fn size(self, size: impl AsRef<[u8]>) -> Self {
        Self { size: size.as_ref().to_vec(), ..self }
    }

    pub fn uid(self, uid: impl AsRef<[u8]>) -> Self {
        Self { uid: uid.as_ref().to_vec(), ..self }
    }

    pub fn device(self, major: u64, minor: u64) -> Self {
        let field = |number: u64| {
            if number < 0o10000000 {
                format!("{number:07o}").into_bytes()
            } else {
                [&[0x80][..], &number.to_be_bytes()[1..]].concat()
            }
        };
        Self { device: (field(major), field(minor)), ..self }
    }

    pub fn magic(self, magic: &'static [u8]) -> Self {
        Self { magic, ..self }
    }

    pub fn patch(mut self, at: usize, bytes: impl AsRef<[u8]>) -> Self {
        self.patch.push((at, bytes.as_ref().to_vec()));
        self
    }

    fn block(&self) -> [u8; 512] {
        let mut block = [0; 512];
        let size = if self.size.is_empty() {
            format!("{:011o}", self.data.len()).into_bytes()
        } else {
            self.size.clone()
        };
        for (at, field) in [
            (0, &self.name[..]),
            (100, self.mode.as_bytes()),
            (108, &self.uid),
            (116, b"0000000"),
            (124, &size),
            (136, &self.mtime),
            (157, &self.link),
            (257, self.magic),
            (329, &self.device.0),
            (337, &self.device.1),
        ] {
            block[at..at + field.len()].copy_from_slice(field);
        }
        block[156] = self.typeflag;
        for (at, bytes) in &self.patch {
            block[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        block
    }
}

impl Tar {
    pub fn add(mut self, raw: Raw) -> Self {
        self.0.extend_from_slice(&raw.block());
        self.0.extend_from_slice(&raw.data);
        self.pad()
    }

    pub fn pad(mut self) -> Self {
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub fn file(self, name: impl AsRef<[u8]>, data: impl AsRef<[u8]>) -> Self {
        self.add(raw('0', name).data(data))
    }

    pub fn dir(self, name: impl AsRef<[u8]>) -> Self {
        let mut entry = raw('5', name);
        entry.mode = "0000755";
        self.add(entry)
    }

    pub fn symlink(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.add(raw('2', name).link(target))
    }

    pub fn hardlink(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.add(raw('1', name).link(target))
    }

    /// Adds an extended header: `x` for the next member, `g` for all of them.
    pub fn pax(self, typeflag: char, records: &[(&str, &[u8])]) -> Self {
        let body: Vec<u8> = records.iter().flat_map(|(keyword, value)| record(keyword, value)).collect();
        self.add(raw(typeflag, "PaxHeaders").data(body))
    }

    /// Adds GNU's header of a long name (`L`) or a long link target (`K`).
    pub fn long(self, typeflag: char, name: &str) -> Self {
        self.add(raw(typeflag, "././@LongLink").magic(b"ustar  \0").data(format!("{name}\0")))
    }

    pub fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        self.0
    }
}

fn record(keyword: &str, value: &[u8]) -> Vec<u8> {
    let rest = [b" ", keyword.as_bytes(), b"=", value, b"\n"].concat();
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    [length.to_string().into_bytes(), rest].concat()
}
