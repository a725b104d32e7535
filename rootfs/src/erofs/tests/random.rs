//! Random layers look the same mounted and unpacked.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::check_same;
use crate::content::Content;
use crate::layer::new_entry::NewEntry;
use crate::testing::can_mount_erofs;
use crate::times::Clamp;
use trees::entry::{Entry, Kind, Timestamp};
use trees::path::{ancestors, key, to_path};

/// Kind of a random entry.
#[derive(Debug, Clone)]
enum RandomKind {
    Directory {
        opaque: bool,
    },
    /// File of this length.
    File(usize),
    /// Hard link to one of the files before it.
    Hardlink(prop::sample::Index),
    /// Symlink whose target has this length.
    Symlink(usize),
    Device {
        is_block: bool,
        major: u32,
        minor: u32,
    },
    Fifo,
    Whiteout,
}

/// Random entry of a layer.
#[derive(Debug, Clone)]
struct RandomEntry {
    kind: RandomKind,
    mode: u32,
    owner: (u32, u32),
    mtime: (i64, u32),
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

fn random_kind() -> impl Strategy<Value = RandomKind> {
    let size = prop_oneof![Just(0), Just(1), 500_usize..530, 0_usize..20_000];
    let device = (any::<bool>(), 0_u32..4096, 1_u32..1 << 20);
    prop_oneof![
        5 => any::<bool>().prop_map(|opaque| RandomKind::Directory { opaque }),
        6 => size.prop_map(RandomKind::File),
        2 => any::<prop::sample::Index>().prop_map(RandomKind::Hardlink),
        2 => prop_oneof![1_usize..500, 1_usize..4096].prop_map(RandomKind::Symlink),
        1 => device.prop_map(|(is_block, major, minor)| RandomKind::Device { is_block, major, minor }),
        1 => Just(RandomKind::Fifo),
        2 => Just(RandomKind::Whiteout),
    ]
}

fn random_entry() -> impl Strategy<Value = RandomEntry> {
    let id = || prop_oneof![Just(0_u32), 0_u32..100_000, Just(u32::MAX - 1)];
    // Within the range of ext4.
    let mtime = (
        prop_oneof![-2_000_000_000_i64..2_000_000_000, Just(0), 0_i64..15_000_000_000],
        0_u32..1_000_000_000,
    );
    let value = || prop::collection::vec(any::<u8>(), 0..200);
    let user = ("user\\.[a-z]{1,30}".prop_map(String::into_bytes), value());
    let xattrs = prop::collection::btree_map(user.0, user.1, 0..4);
    let capability = prop::option::weighted(0.1, Just([&[0, 0, 0, 2][..], &[1; 16]].concat()));
    (random_kind(), 0_u32..0o10000, (id(), id()), mtime, xattrs, capability).prop_map(
        |(kind, mode, owner, mtime, mut xattrs, capability)| {
            match (&kind, capability) {
                (RandomKind::File(_), Some(value)) => {
                    drop(xattrs.insert(b"security.capability".to_vec(), value))
                }
                (RandomKind::File(_) | RandomKind::Directory { .. }, _) => {}
                _ => xattrs.clear(),
            }
            RandomEntry { kind, mode, owner, mtime, xattrs }
        },
    )
}

fn random_path() -> impl Strategy<Value = Vec<u8>> {
    let name = prop_oneof![
        6 => "[a-d]".prop_map(String::into_bytes),
        1 => "[-!.a]{1,3}".prop_filter("reserved names", |name| name != "." && name != "..").prop_map(String::into_bytes),
        1 => prop::collection::vec(prop_oneof![b'0'..=b'9', 0x80_u8..=0xff], 1..255),
    ];
    prop::collection::vec(name, 0..4).prop_map(|names| names.join(&b'/'))
}

/// Makes a layer of random entries. Entries below something that is not a directory are dropped.
fn entries(random: &BTreeMap<Vec<u8>, (Vec<u8>, RandomEntry)>) -> Vec<NewEntry> {
    let is_dir = |entry: &RandomEntry| matches!(entry.kind, RandomKind::Directory { .. });
    let has_parents = |path: &[u8]| {
        ancestors(path).all(|above| random.get(&key(above)).is_none_or(|(_, entry)| is_dir(entry)))
    };
    let valid: Vec<_> = random.values().filter(|(path, _)| has_parents(path)).collect();
    let mut files: Vec<&[u8]> = Vec::new();
    let mut entries = Vec::new();
    for (path, entry) in valid.into_iter().filter(|(path, entry)| !path.is_empty() || is_dir(entry)) {
        let Some(kind) = kind_of(&entry.kind, &files) else { continue };
        // An index leaves out whiteouts where nothing of lower layers is left.
        let is_opaque = |above: &[u8]| {
            let there = random.get(&key(above)).map(|(_, entry)| &entry.kind);
            matches!(there, Some(RandomKind::Directory { opaque: true }))
        };
        if kind == Kind::Whiteout && ancestors(path).any(is_opaque) {
            continue;
        }
        let content = match kind {
            Kind::File { size_bytes: 0 } => None,
            Kind::File { size_bytes } => {
                Some(Content::Bytes((0..size_bytes).map(|n| (n % 251) as u8).collect()))
            }
            _ => None,
        };
        if matches!(kind, Kind::File { .. }) {
            files.push(path);
        }
        let mtime = Timestamp { seconds: entry.mtime.0, nanoseconds: entry.mtime.1 };
        let (uid, gid) = entry.owner;
        let entry = Entry { kind, mode: entry.mode, uid, gid, mtime, xattrs: entry.xattrs.clone() };
        entries.push(NewEntry { path: path.clone(), entry, content, clamp: Clamp::NONE });
    }
    entries
}

/// Returns the kind; `None` for a hard link without a file before it.
fn kind_of(kind: &RandomKind, files: &[&[u8]]) -> Option<Kind> {
    Some(match *kind {
        RandomKind::Directory { opaque } => Kind::Directory { opaque },
        RandomKind::File(size) => Kind::File { size_bytes: size as u64 },
        RandomKind::Hardlink(_) if files.is_empty() => return None,
        RandomKind::Hardlink(ref index) => {
            Kind::Hardlink { target: to_path(index.get::<&[u8]>(files)).to_owned() }
        }
        RandomKind::Symlink(length) => Kind::Symlink { target: "t".repeat(length).into() },
        RandomKind::Device { is_block: true, major, minor } => Kind::BlockDevice { major, minor },
        RandomKind::Device { is_block: false, major, minor } => Kind::CharDevice { major, minor },
        RandomKind::Fifo => Kind::Fifo,
        RandomKind::Whiteout => Kind::Whiteout,
    })
}

#[test]
fn privileged_any_layer_is_the_same_mounted_and_unpacked() {
    let Some(()) = can_mount_erofs() else { return };
    let config =
        ProptestConfig { cases: 40, max_shrink_iters: 300, failure_persistence: None, ..Default::default() };
    proptest!(config, |(random in prop::collection::vec((random_path(), random_entry()), 1..60))| {
        let random = random.into_iter().map(|(path, entry)| (key(&path), (path, entry))).collect();
        check_same(entries(&random));
    });
}
