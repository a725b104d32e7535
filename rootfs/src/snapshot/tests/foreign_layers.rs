//! Layers of other builders: whatever their tars imply, hide or link, all representations show what unpacking the tars
//! one after the other gives.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use oci::DiffId;
use proptest::prelude::*;

use super::{Env, all, fd_path, open};
use crate::layers::Times;
use std::os::fd::AsFd;
use trees::dir_tree::DirTree;
use trees::entry::{Entry, Kind};
use trees::tree::Tree;

/// Member of a generated tar. Paths have no parents of their own in the tar unless another member describes them.
#[derive(Debug, Clone)]
enum Member {
    Root(u32),
    Dir(String, u32, u64),
    File(String, u8),
    Symlink(String),
    /// Hard link to a file of the same layer.
    Link(String, String),
    Whiteout(String),
    Opaque(String),
}

impl Member {
    /// Path of the entry that the member makes; `None` for members that only hide.
    fn made(&self) -> Option<&str> {
        match self {
            Self::Dir(path, ..) | Self::File(path, _) | Self::Symlink(path) | Self::Link(path, _) => {
                Some(path)
            }
            _ => None,
        }
    }
}

/// Kind, mode, owner and content of each path, as one line.
type Model = BTreeMap<String, String>;

fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

fn is_below(path: &str, directory: &str) -> bool {
    directory.is_empty() || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

/// Leaves out members that contradict earlier ones of the same layer, which other tests refuse.
fn consistent(members: Vec<Member>) -> Vec<Member> {
    let mut kinds: BTreeMap<String, bool> = BTreeMap::new();
    let mut kept = Vec::new();
    for member in members {
        if let Some(path) = member.made() {
            let is_dir = matches!(member, Member::Dir(..));
            let is_blocked = parents(path).any(|above| kinds.get(above) == Some(&false))
                || kinds.contains_key(path)
                || !is_dir && kinds.keys().any(|other| is_below(other, path));
            let has_target = match &member {
                Member::Link(_, first) => {
                    kept.iter().any(|other| matches!(other, Member::File(path, _) if path == first))
                }
                _ => true,
            };
            if is_blocked || !has_target {
                continue;
            }
            kinds.insert(path.to_owned(), is_dir);
        }
        if let Member::Whiteout(path) | Member::Opaque(path) = &member {
            let is_blocked = kinds.get(path) == Some(&false) && matches!(member, Member::Opaque(_))
                || parents(path).any(|above| kinds.get(above) == Some(&false));
            if is_blocked {
                continue;
            }
            // The marker lies in the directory, and so implies it.
            let implied = if matches!(member, Member::Opaque(_)) {
                path.as_str()
            } else {
                path.rsplit_once('/').map_or("", |(parent, _)| parent)
            };
            for above in parents(implied).chain([implied]).filter(|above| !above.is_empty()) {
                kinds.entry(above.to_owned()).or_insert(true);
            }
        }
        if let Some(path) = member.made() {
            for above in parents(path) {
                kinds.entry(above.to_owned()).or_insert(true);
            }
        }
        kept.push(member);
    }
    kept
}

/// Returns the tar of the members, as GNU tar would write it.
fn tar_of(members: &[Member]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for member in members {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(0);
        header.set_mtime(1_000_000_000);
        let (name, content) = match member {
            Member::Root(mode) => {
                header.set_entry_type(tar::EntryType::Directory);
                header.set_mode(*mode);
                ("./".to_owned(), Vec::new())
            }
            Member::Dir(path, mode, owner) => {
                header.set_entry_type(tar::EntryType::Directory);
                header.set_mode(*mode);
                header.set_uid(*owner);
                header.set_gid(*owner);
                (format!("{path}/"), Vec::new())
            }
            Member::File(path, byte) => (path.clone(), vec![*byte; usize::from(*byte)]),
            Member::Symlink(path) => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_link_name("a/b").unwrap();
                (path.clone(), Vec::new())
            }
            Member::Link(path, first) => {
                header.set_entry_type(tar::EntryType::Link);
                header.set_link_name(first).unwrap();
                (path.clone(), Vec::new())
            }
            Member::Whiteout(path) => {
                let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
                (format!("{parent}/.wh.{name}").trim_start_matches('/').to_owned(), Vec::new())
            }
            Member::Opaque(path) => (format!("./{path}/.wh..wh..opq"), Vec::new()),
        };
        header.set_size(content.len() as u64);
        // `append_data` would drop the `./` of the root.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, &content[..]).unwrap();
    }
    tar.into_inner().unwrap()
}

const NEW_DIRECTORY: &str = "dir 755 0 ";

/// Unpacks the members on top of the model, as containerd does.
fn unpack(model: &mut Model, members: &[Member]) {
    for member in members {
        match member {
            Member::Whiteout(path) => model.retain(|other, _| other != path && !is_below(other, path)),
            Member::Opaque(path) => model.retain(|other, _| !is_below(other, path)),
            _ => {}
        }
    }
    for member in members {
        let reaches = match member {
            Member::Opaque(path) if path.is_empty() => String::new(),
            Member::Opaque(path) => format!("{path}/x"),
            Member::Whiteout(path) => path.clone(),
            _ => member.made().unwrap_or_default().to_owned(),
        };
        for above in parents(&reaches) {
            if !model.get(above).is_some_and(|shown| shown.starts_with("dir")) {
                model.insert(above.to_owned(), NEW_DIRECTORY.to_owned());
            }
        }
        let shown = match member {
            Member::Dir(_, mode, owner) => format!("dir {mode:o} {owner} "),
            Member::File(_, byte) => format!("file 644 0 {byte}"),
            Member::Symlink(_) => "link 777 0 a/b".to_owned(),
            Member::Link(_, first) => model[first].clone(),
            _ => continue,
        };
        let path = member.made().unwrap();
        if !shown.starts_with("dir") {
            model.retain(|other, _| !is_below(other, path));
        }
        model.insert(path.to_owned(), shown);
    }
}

/// Returns what a tree shows, in the form of the model, without the root.
fn shown(tree: &dyn Tree) -> Model {
    let line = |path: &Path, entry: &Entry| {
        let Entry { mode, uid, .. } = entry;
        match &entry.kind {
            Kind::Directory { .. } => format!("dir {mode:o} {uid} "),
            Kind::Symlink { target } => format!("link {mode:o} {uid} {}", target.display()),
            Kind::File { size_bytes } => {
                let mut content = Vec::new();
                tree.open(path).unwrap().read_to_end(&mut content).unwrap();
                assert!(content.iter().all(|byte| u64::from(*byte) == *size_bytes), "{}", path.display());
                format!("file {mode:o} {uid} {size_bytes}")
            }
            other => panic!("{other:?}"),
        }
    };
    let entries = all(tree).into_iter().filter(|(path, _)| !path.as_os_str().is_empty());
    entries.map(|(path, entry)| (path.to_str().unwrap().to_owned(), line(&path, &entry))).collect()
}

/// Imports the layers and checks that the view, the EROFS images, the trees, a process, the layer that it leaves and
/// the exported tar show what unpacking the tars one after the other gives.
fn check_all(env: &Env, tars: &[Vec<Member>]) {
    let mut model = Model::new();
    let mut layers: Vec<DiffId> = Vec::new();
    for members in tars {
        let members: Vec<Member> =
            members.iter().filter(|member| hides_something(&model, member)).cloned().collect();
        unpack(&mut model, &members);
        let layer = env.layers.import(&mut &tar_of(&members)[..], None).unwrap();
        // An image can have a layer twice, but the model of that is another one.
        if layers.contains(&layer) {
            return;
        }
        layers.push(layer);
    }
    let view = env.layers.view(&layers).unwrap();
    assert_eq!(shown(&*view), model, "the view");
    assert_eq!(view.lookup(Path::new("")).unwrap().unwrap().mode, 0o755);
    env.check_shows(&layers, &all(&*view));

    let mut exported = Vec::new();
    env.layers.write_tar(&layers, Times::Store, &mut exported).unwrap();
    let other = Env::with_new_store();
    let layer = other.layers.import(&mut &exported[..], None).unwrap();
    assert_eq!(shown(&*other.layers.view(&[layer]).unwrap()), model, "the export");

    let snapshot = env.layers.prepare(&layers).unwrap();
    let mount = snapshot.mount_volatile().unwrap();
    assert_eq!(shown(&DirTree::new(open(&mount))), model, "a process");
    assert_eq!(fs::metadata(fd_path(mount.as_fd())).unwrap().mode() & 0o7777, 0o755, "the root of a process");
    for (path, _) in model.iter().filter(|(_, shown)| shown.starts_with("dir")) {
        fs::write(fd_path(mount.as_fd()).join(path).join("new"), [3; 3]).unwrap();
    }
    drop(mount);
    layers.push(snapshot.commit(&[]).unwrap());
    let directories: BTreeSet<PathBuf> =
        model.iter().filter(|(_, shown)| shown.starts_with("dir")).map(|(path, _)| path.into()).collect();
    for path in directories {
        model.insert(path.join("new").to_str().unwrap().to_owned(), "file 644 0 3".to_owned());
    }
    assert_eq!(shown(&*env.layers.view(&layers).unwrap()), model, "the layer of a process");
    // The layer alone describes the directories on the way to its files.
    let top = env.layers.view(&layers[layers.len() - 1..]).unwrap();
    for (path, line) in shown(&*top) {
        assert_eq!(model.get(&path), Some(&line), "{path} in the layer of a process");
    }
}

/// Reports whether a whiteout is in a directory that lower layers have. In other directories, overlayfs lists it, as it
/// does for Docker.
fn hides_something(model: &Model, member: &Member) -> bool {
    match member {
        Member::Whiteout(path) => path
            .rsplit_once('/')
            .is_none_or(|(parent, _)| model.get(parent).is_some_and(|shown| shown.starts_with("dir"))),
        _ => true,
    }
}

fn members() -> impl Strategy<Value = Vec<Member>> {
    let path = || "[a-c](/[a-c]){0,2}";
    let mode = prop::sample::select(vec![0o700, 0o755, 0o1777, 0o2750]);
    let member = prop_oneof![
        1 => prop::sample::select(vec![0o700, 0o000, 0o1777]).prop_map(Member::Root),
        3 => (path(), mode, 0..3_u64).prop_map(|(path, mode, owner)| Member::Dir(path, mode, owner * 1000)),
        4 => (path(), any::<u8>()).prop_map(|(path, byte)| Member::File(path, byte)),
        1 => path().prop_map(Member::Symlink),
        2 => (path(), path()).prop_map(|(path, first)| Member::Link(path, first)),
        2 => path().prop_map(Member::Whiteout),
        1 => "([a-c](/[a-c]){0,2})?".prop_map(Member::Opaque),
    ];
    proptest::collection::vec(member, 0..8).prop_map(consistent)
}

#[test]
fn privileged_all_representations_show_what_unpacking_gives() {
    if Env::new().is_none() {
        return;
    }
    let config =
        ProptestConfig { cases: 32, max_shrink_iters: 200, failure_persistence: None, ..Default::default() };
    proptest!(config, |(tars in proptest::collection::vec(members(), 1..4))| {
        check_all(&Env::with_new_store(), &tars);
    });
}

/// The input of the report: `/tmp` and a home directory, and files in them without their directories.
#[test]
fn privileged_a_directory_that_a_layer_implies_keeps_its_mode_and_owner() {
    let Some(env) = Env::new() else { return };
    let below = vec![
        Member::Dir("home".into(), 0o755, 0),
        Member::Dir("home/u".into(), 0o700, 1000),
        Member::Dir("tmp".into(), 0o1777, 0),
    ];
    let above = vec![Member::File("home/u/f".into(), 1), Member::File("tmp/t".into(), 2)];
    check_all(&env, &[below, above]);
}

#[test]
fn privileged_a_root_entry_of_mode_0700_does_not_lock_users_out() {
    let Some(env) = Env::new() else { return };
    check_all(&env, &[vec![Member::Root(0o700), Member::File("q".into(), 1)]]);
}

#[test]
fn privileged_an_opaque_root_hides_all_layers_below_from_processes_too() {
    let Some(env) = Env::new() else { return };
    let below = vec![Member::Dir("d".into(), 0o700, 1000), Member::File("d/old".into(), 1)];
    let above = vec![Member::Opaque(String::new()), Member::File("new".into(), 2)];
    check_all(&env, &[below, above]);
}
