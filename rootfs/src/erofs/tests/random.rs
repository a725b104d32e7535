//! Layers of whatever there can be.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::check_same;
use crate::content::Content;
use crate::entry::{Entry, Kind, Timestamp};
use crate::layer::new_entry::NewEntry;
use crate::path::{ancestors, key, to_path};
use crate::testing::can_mount_erofs;
use crate::times::Clamp;

#[derive(Debug, Clone)]
enum What {
    Directory {
        opaque: bool,
    },
    File(usize),
    /// To some file in front of it in order.
    Hardlink(prop::sample::Index),
    Symlink(usize),
    Device {
        is_block: bool,
        major: u32,
        minor: u32,
    },
    Fifo,
    Whiteout,
}

#[derive(Debug, Clone)]
struct Thing {
    what: What,
    mode: u32,
    owner: (u32, u32),
    mtime: (i64, u32),
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

fn what() -> impl Strategy<Value = What> {
    let size = prop_oneof![Just(0), Just(1), 500_usize..530, 0_usize..20_000];
    let device = (any::<bool>(), 0_u32..4096, 1_u32..1 << 20);
    prop_oneof![
        5 => any::<bool>().prop_map(|opaque| What::Directory { opaque }),
        6 => size.prop_map(What::File),
        2 => any::<prop::sample::Index>().prop_map(What::Hardlink),
        2 => prop_oneof![1_usize..500, 1_usize..4096].prop_map(What::Symlink),
        1 => device.prop_map(|(is_block, major, minor)| What::Device { is_block, major, minor }),
        1 => Just(What::Fifo),
        2 => Just(What::Whiteout),
    ]
}

fn thing() -> impl Strategy<Value = Thing> {
    let id = || prop_oneof![Just(0_u32), 0_u32..100_000, Just(u32::MAX - 1)];
    // What ext4 can keep, too.
    let mtime = (
        prop_oneof![-2_000_000_000_i64..2_000_000_000, Just(0), 0_i64..15_000_000_000],
        0_u32..1_000_000_000,
    );
    let value = || prop::collection::vec(any::<u8>(), 0..200);
    let user = ("user\\.[a-z]{1,30}".prop_map(String::into_bytes), value());
    let xattrs = prop::collection::btree_map(user.0, user.1, 0..4);
    let capability = prop::option::weighted(0.1, Just([&[0, 0, 0, 2][..], &[1; 16]].concat()));
    (what(), 0_u32..0o10000, (id(), id()), mtime, xattrs, capability).prop_map(
        |(what, mode, owner, mtime, mut xattrs, capability)| {
            match (&what, capability) {
                (What::File(_), Some(value)) => drop(xattrs.insert(b"security.capability".to_vec(), value)),
                (What::File(_) | What::Directory { .. }, _) => {}
                _ => xattrs.clear(),
            }
            Thing { what, mode, owner, mtime, xattrs }
        },
    )
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    let name = prop_oneof![
        6 => "[a-d]".prop_map(String::into_bytes),
        1 => "[-!.a]{1,3}".prop_filter("no names", |name| name != "." && name != "..").prop_map(String::into_bytes),
        1 => prop::collection::vec(prop_oneof![b'0'..=b'9', 0x80_u8..=0xff], 1..255),
    ];
    prop::collection::vec(name, 0..4).prop_map(|names| names.join(&b'/'))
}

/// The entries of a layer: what lies below no directory is not in it.
fn entries(things: &BTreeMap<Vec<u8>, (Vec<u8>, Thing)>) -> Vec<NewEntry> {
    let is_dir = |thing: &Thing| matches!(thing.what, What::Directory { .. });
    let lies_well = |path: &[u8]| {
        ancestors(path).all(|above| things.get(&key(above)).is_none_or(|(_, thing)| is_dir(thing)))
    };
    let there: Vec<_> = things.values().filter(|(path, _)| lies_well(path)).collect();
    let mut files: Vec<&[u8]> = Vec::new();
    let mut entries = Vec::new();
    for (path, thing) in there.into_iter().filter(|(path, thing)| !path.is_empty() || is_dir(thing)) {
        let Some(kind) = kind(&thing.what, &files) else { continue };
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
        let mtime = Timestamp { seconds: thing.mtime.0, nanoseconds: thing.mtime.1 };
        let (uid, gid) = thing.owner;
        let entry = Entry { kind, mode: thing.mode, uid, gid, mtime, xattrs: thing.xattrs.clone() };
        entries.push(NewEntry { path: path.clone(), entry, content, clamp: Clamp::NONE });
    }
    entries
}

fn kind(what: &What, files: &[&[u8]]) -> Option<Kind> {
    Some(match *what {
        What::Directory { opaque } => Kind::Directory { opaque },
        What::File(size) => Kind::File { size_bytes: size as u64 },
        What::Hardlink(_) if files.is_empty() => return None,
        What::Hardlink(ref index) => Kind::Hardlink { target: to_path(index.get::<&[u8]>(files)).to_owned() },
        What::Symlink(length) => Kind::Symlink { target: "t".repeat(length).into() },
        What::Device { is_block: true, major, minor } => Kind::BlockDevice { major, minor },
        What::Device { is_block: false, major, minor } => Kind::CharDevice { major, minor },
        What::Fifo => Kind::Fifo,
        What::Whiteout => Kind::Whiteout,
    })
}

#[test]
fn privileged_any_layer_is_the_same_mounted_and_extracted() {
    let Some(()) = can_mount_erofs() else { return };
    let config =
        ProptestConfig { cases: 40, max_shrink_iters: 300, failure_persistence: None, ..Default::default() };
    proptest!(config, |(things in prop::collection::vec((path(), thing()), 1..60))| {
        let things = things.into_iter().map(|(path, thing)| (key(&path), (path, thing))).collect();
        check_same(entries(&things));
    });
}
