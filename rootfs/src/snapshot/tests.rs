//! Snapshots with real overlays. The mounts are attached nowhere, so tests reach them through their descriptors.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use cache::Store;
use rustix::fs::{Mode, OFlags};

mod bind;
mod changes;
mod copied;
mod foreign_layers;
mod in_place;
mod mount_points;
mod overlays;
mod owners;
mod random_changes;
mod trees;
mod user_namespaces;

use super::*;
use crate::diff::Diff;
use crate::layers::in_place::MountMethod;
use ::trees::dir_tree::DirTree;
use ::trees::entry::{Entry, Kind, Timestamp};
use ::trees::memory_tree::MemoryTree;
use ::trees::safe_path::{DIRECTORY, fd_path};
use ::trees::tree::{Child, Scratch};

/// Layers in a store of their own.
struct Env {
    layers: Layers,
    root: tempfile::TempDir,
}

impl Env {
    /// Returns a new store; `None`, with the reason printed, where this process cannot mount.
    #[expect(clippy::print_stdout, reason = "tests say why they are skipped")]
    fn new() -> Option<Self> {
        use nix::sched::{CloneFlags, unshare};
        if let Err(error) = unshare(CloneFlags::CLONE_NEWNS) {
            println!("SKIP cannot make a mount namespace: {error}");
            return None;
        }
        let private =
            rustix::mount::MountPropagationFlags::PRIVATE | rustix::mount::MountPropagationFlags::REC;
        rustix::mount::mount_change("/", private).unwrap();
        Some(Self::with_new_store())
    }

    /// Returns a new store without a mount namespace of its own.
    fn with_new_store() -> Self {
        let root = tempfile::tempdir().unwrap();
        let layers = Layers::new(Arc::new(Store::open(root.path()).unwrap()));
        Self { layers, root }
    }

    /// Makes a layer of everything in `tree`.
    fn layer(&self, tree: &MemoryTree) -> DiffId {
        let mut diff = Diff::new(Arc::new(Scratch));
        let tree: Arc<dyn Tree> = Arc::new(tree.clone());
        for (path, entry) in all(&*tree) {
            if !path.as_os_str().is_empty() {
                let has_content = matches!(entry.kind, Kind::File { size_bytes } if size_bytes > 0);
                let content = has_content.then(|| Content::of_tree(&tree, &path, None));
                diff.put(&path, entry, content).unwrap();
            }
        }
        self.layers.commit(diff).unwrap()
    }

    /// Runs `work` in a snapshot on top of `below`, and returns the layers with the new one on top. Without mount
    /// points to remove, checks that the layers show exactly what the process saw.
    fn run(&self, below: &[DiffId], stubs: &[Stub], work: impl FnOnce(&Path)) -> Vec<DiffId> {
        let snapshot = self.layers.prepare(below).unwrap();
        let mount = snapshot.mount_volatile().unwrap();
        work(&fd_path(mount.as_fd()));
        let seen = all(&DirTree::new(open(&mount)));
        drop(mount);
        let layer = snapshot.commit(stubs).unwrap();
        let layers = [below, &[layer]].concat();
        // A layer that is made a second time, of the same files written later, keeps the times of the first.
        if stubs.is_empty() && !below.contains(&layer) {
            self.check_shows(&layers, &seen);
        }
        layers
    }

    /// Checks that the merged view, the trees as they are, and the layers prepared again by each method show
    /// `expected`.
    fn check_shows(&self, layers: &[DiffId], expected: &BTreeMap<PathBuf, Entry>) {
        assert_same(&all(&*self.layers.view(layers).unwrap()), expected);
        assert_same(&mounted(&self.layers, layers), expected);
        for method in [MountMethod::Unsupported, MountMethod::Attached, MountMethod::Detached] {
            for layer in layers {
                let stamp = self.layers.store().layer_dir(layer).unwrap().join("tree.stamp");
                fs::remove_file(stamp).unwrap_or_default();
            }
            let reopened = Layers::mounted_by(self.layers.store().clone(), method);
            assert_same(&mounted(&reopened, layers), expected);
        }
    }

    /// Returns the entries of the topmost layer, without implied directories.
    fn top(&self, layers: &[DiffId]) -> BTreeMap<String, Kind> {
        let index = self.layers.index(layers.last().unwrap()).unwrap();
        let described = index.items().unwrap().filter(|item| !item.is_implied());
        described
            .map(|item| (String::from_utf8(item.path().to_vec()).unwrap(), item.layer_entry().unwrap().kind))
            .collect()
    }
}

/// Returns everything that a process on top of `layers` sees.
fn mounted(layers: &Layers, ids: &[DiffId]) -> BTreeMap<PathBuf, Entry> {
    let snapshot = layers.prepare(ids).unwrap();
    all(&DirTree::new(open(&snapshot.mount().unwrap())))
}

fn open(mount: &OwnedFd) -> OwnedFd {
    rustix::fs::openat(mount, ".", DIRECTORY | OFlags::RDONLY, Mode::empty()).unwrap()
}

/// Returns all entries of a tree by path, the root included.
fn all(tree: &dyn Tree) -> BTreeMap<PathBuf, Entry> {
    let mut found = BTreeMap::from([(PathBuf::new(), tree.lookup(Path::new("")).unwrap().unwrap())]);
    let mut pending = vec![PathBuf::new()];
    while let Some(path) = pending.pop() {
        for Child { name, entry, .. } in tree.children(&path).unwrap() {
            let path = path.join(name);
            if entry.is_dir() {
                pending.push(path.clone());
            }
            found.insert(path, entry);
        }
    }
    found
}

/// Compares all entries but the root, whose metadata is part of a layer only if the layer describes it.
#[track_caller]
fn assert_same(found: &BTreeMap<PathBuf, Entry>, expected: &BTreeMap<PathBuf, Entry>) {
    let shown = |map: &BTreeMap<PathBuf, Entry>| {
        map.iter().skip(1).map(|(path, entry)| format!("{}: {entry:?}\n", path.display())).collect::<String>()
    };
    assert_eq!(shown(found), shown(expected));
}

/// Checks the paths in the topmost layer.
#[track_caller]
fn check_top<const N: usize>(env: &Env, layers: &[DiffId], expected: [&str; N]) {
    assert_eq!(env.top(layers).keys().collect::<Vec<_>>(), expected);
}

/// Content of an empty layer.
const EMPTY: [&str; 0] = [];

/// Returns a small root file system, whose entries all have the same time in the past.
fn base() -> MemoryTree {
    let old = |entry: Entry| Entry { mtime: Timestamp { seconds: 1_000_000_000, nanoseconds: 0 }, ..entry };
    let directory = |mode| old(Entry::directory(mode));
    let file = |size_bytes| old(Entry { kind: Kind::File { size_bytes }, ..Entry::directory(0o644) });
    MemoryTree::new()
        .put("etc", directory(0o755), b"")
        .put("etc/passwd", file(5), b"root:")
        .put("opt", directory(0o750), b"")
        .put("opt/tool", file(4), b"tool")
        .put("opt/sub", directory(0o755), b"")
        .put("opt/sub/deep", file(4), b"deep")
        .put("tmp", directory(0o1777), b"")
        .link("lib", "opt/sub")
}

fn stub(path: &str, is_dir: bool) -> Stub {
    Stub { path: path.into(), is_dir }
}
