//! Headers that are written are read back unchanged, by this crate and by another reader.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{BLOCK_BYTES, Header, Member, Members, Timestamp};

fn members(tar: &[u8]) -> Result<Vec<Member>, crate::TarError> {
    let mut members = Members::new(tar);
    std::iter::from_fn(|| members.next().transpose()).collect()
}

/// Random content of a header.
#[derive(Debug, Clone)]
struct Values {
    name: Vec<u8>,
    link: Vec<u8>,
    mode: u32,
    owner: (u32, u32),
    mtime: i64,
    device: (u32, u32),
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

fn values() -> impl Strategy<Value = Values> {
    let name = || prop::collection::vec(prop_oneof![8 => Just(b'n'), 1 => Just(b'/'), 1 => 1_u8..], 1..400);
    let id = || prop_oneof![0_u32..3, 2_097_150_u32..2_097_154, Just(u32::MAX - 1)];
    let mtime =
        prop_oneof![-2_i64..3, 8_589_934_590_i64..8_589_934_595, Just(i64::MAX), Just(-4_000_000_000)];
    let xattr = (prop::collection::vec(b'a'..=b'z', 1..20), prop::collection::vec(any::<u8>(), 0..300));
    let xattrs = prop::collection::btree_map(xattr.0, xattr.1, 0..3);
    let device = (0_u32..4096, 0_u32..1 << 20);
    (name(), name(), 0_u32..0o10000, (id(), id()), mtime, device, xattrs).prop_map(
        |(name, link, mode, owner, mtime, device, xattrs)| Values {
            name,
            link,
            mode,
            owner,
            mtime,
            device,
            xattrs,
        },
    )
}

/// Returns the header of an entry of this type. Values that the type does not have are left out.
fn header(values: &Values, typeflag: u8) -> Header<'_> {
    Header {
        name: &values.name,
        typeflag,
        mode: values.mode,
        uid: values.owner.0,
        gid: values.owner.1,
        size_bytes: 0,
        mtime: values.mtime,
        link: if matches!(typeflag, b'1' | b'2') { &values.link } else { b"" },
        device: if matches!(typeflag, b'3' | b'4') { values.device } else { (0, 0) },
        xattrs: &values.xattrs,
    }
}

#[track_caller]
fn check_round_trip(values: &Values, typeflag: u8) {
    let mut tar = Vec::new();
    let header = header(values, typeflag);
    header.encode(&mut tar).expect("it can be written");
    assert_eq!(tar.len() % BLOCK_BYTES, 0);
    let found = members(&tar).expect("it can be read").pop().expect("a member");
    assert_eq!(found.name, header.name);
    assert_eq!(found.link, header.link);
    assert_eq!((found.typeflag, found.mode, found.device), (typeflag, header.mode, header.device));
    assert_eq!((found.uid, found.gid), values.owner);
    assert_eq!(found.mtime, Timestamp { seconds: values.mtime, nanoseconds: 0 });
    assert_eq!(found.xattrs, values.xattrs);
    assert_eq!(found.offset, tar.len() as u64);
    // The `tar` crate takes each line of a PAX header for a record, so it misreads names with line feeds.
    let texts = values.xattrs.values().chain([&values.name, &values.link]);
    if !texts.flatten().any(|&byte| byte == b'\n') {
        check_with_another_reader(&tar, &found);
    }
}

/// Checks that the `tar` crate reads the same names.
fn check_with_another_reader(tar: &[u8], found: &Member) {
    let mut archive = tar::Archive::new(tar);
    let entry = archive.entries().expect("a tar").next().expect("an entry").expect("an entry");
    assert_eq!(entry.path_bytes(), &found.name[..]);
    assert_eq!(entry.link_name_bytes().unwrap_or_default(), &found.link[..]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_header_is_read_as_it_was_written(values in values(), typeflag in b'0'..=b'6') {
        check_round_trip(&values, typeflag);
    }
}

#[test]
fn a_length_of_more_than_eight_gibibytes_is_kept() {
    let xattrs = BTreeMap::new();
    let values = Values {
        name: b"huge".to_vec(),
        link: Vec::new(),
        mode: 0,
        owner: (0, 0),
        mtime: 0,
        device: (0, 0),
        xattrs: xattrs.clone(),
    };
    for size_bytes in [(8 << 30) - 1, 8 << 30, 1 << 40] {
        let mut tar = Vec::new();
        Header { size_bytes, ..header(&values, b'0') }.encode(&mut tar).expect("it can be written");
        let member = Members::new(&tar[..]).next().expect("a tar").expect("a member");
        assert_eq!(member.size_bytes, size_bytes);
    }
}

/// Reader that interrupts every other read, and gives few bytes in the others.
struct Interrupting<'a>(&'a [u8], bool);

impl std::io::Read for Interrupting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = !self.1;
        let few = buffer.len().min(100);
        if self.1 { Err(std::io::ErrorKind::Interrupted.into()) } else { self.0.read(&mut buffer[..few]) }
    }
}

#[test]
fn an_interrupted_read_is_made_again() {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in [("a", [b'a'; 700]), ("b", [b'b'; 700])] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, &content[..]).expect("memory");
    }
    let tar = builder.into_inner().expect("memory");
    let mut members = Members::new(Interrupting(&tar, false));
    let mut names = Vec::new();
    while let Some(member) = members.next().expect("no read is interrupted") {
        let (mut content, mut buffer) = (Vec::new(), [0; 64]);
        loop {
            match members.read_data(&mut buffer).expect("no read is interrupted") {
                0 => break,
                count => content.extend_from_slice(&buffer[..count]),
            }
        }
        assert_eq!(content, [member.name[0]; 700]);
        names.push(member.name);
    }
    assert_eq!(names, [b"a", b"b"]);
}
