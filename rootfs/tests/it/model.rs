//! Random changes, compared with a model that is a plain map.
//!
//! Four views must show the same tree as the model: the diff, the stack of committed layers, the same tars imported
//! by another store, and the tars unpacked one after the other by a simple unpacker.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use oci::DiffId;
use proptest::prelude::*;
use rootfs::diff::Diff;
use rootfs::layers::Times;
use trees::entry::{Entry, Kind};

use crate::support::{TestEnv, flat, put_entry, put_file, symlink};

/// Change of a path. A change that is not possible, for lack of a parent or of a file to link to, is skipped.
#[derive(Debug, Clone)]
enum Change {
    File(String, u32),
    Dir(String, u32),
    Opaque(String),
    Symlink(String),
    Link(String, String),
    Remove(String),
}

impl Change {
    fn path(&self) -> &str {
        let (Self::File(path, _)
        | Self::Dir(path, _)
        | Self::Opaque(path)
        | Self::Symlink(path)
        | Self::Link(path, _)
        | Self::Remove(path)) = self;
        path
    }
}

/// Tree as a map: for each path, the line that [`flat`] has for it.
type Model = BTreeMap<String, String>;

fn path() -> impl Strategy<Value = String> {
    // `-` and `0` are before and after the slash, so that the order by bytes differs from the order by component.
    let name = prop::sample::select(vec!["a", "a-", "b", "b0"]);
    prop::collection::vec(name, 1..4).prop_map(|names| names.join("/"))
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (path(), 0_u32..4).prop_map(|(path, content)| Change::File(path, content)),
        5 => (path(), 0_u32..8).prop_map(|(path, mode)| Change::Dir(path, mode)),
        1 => path().prop_map(Change::Opaque),
        1 => path().prop_map(Change::Symlink),
        2 => (path(), path()).prop_map(|(path, first)| Change::Link(path, first)),
        3 => path().prop_map(Change::Remove),
    ]
}

fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

fn clear(model: &mut Model, path: &str) {
    model.retain(|other, _| other != path && !is_below(other, path));
}

fn is_dir(model: &Model, path: &str) -> bool {
    path.is_empty() || model.get(path).is_some_and(|shown| shown.starts_with("dir"))
}

/// Model of a tree, beside a diff that gets the same changes.
struct ModelledDiff<'a> {
    model: &'a mut Model,
    diff: Diff,
    /// Files of the diff, which hard links can point to.
    new_files: BTreeSet<String>,
}

impl ModelledDiff<'_> {
    /// Makes the change in the model and in the diff, if it is possible.
    fn apply(&mut self, change: &Change) {
        let path = change.path();
        if !self.is_possible(change) {
            return;
        }
        let linked = match change {
            Change::Link(_, first) => self.model.get(first).cloned(),
            _ => None,
        };
        let keeps_below = matches!(change, Change::Dir(..)) && is_dir(self.model, path);
        if !keeps_below {
            clear(self.model, path);
            self.new_files.retain(|other| other != path && !is_below(other, path));
        }
        if let Some(shown) = self.put(change, linked) {
            self.model.insert(path.to_owned(), shown);
        }
        if matches!(change, Change::File(..) | Change::Link(..)) {
            self.new_files.insert(path.to_owned());
        }
    }

    fn is_possible(&self, change: &Change) -> bool {
        let path = change.path();
        let has_parent = is_dir(self.model, path.rsplit_once('/').map_or("", |(parent, _)| parent));
        let has_target = match change {
            Change::Link(_, first) => {
                self.new_files.contains(first) && !is_below(first, path) && first != path
            }
            _ => true,
        };
        has_parent && has_target
    }

    /// Makes the change in the diff. Returns the line of the model for the path; `None` for a removal. `linked` is
    /// the line of the file that a hard link points to.
    fn put(&mut self, change: &Change, linked: Option<String>) -> Option<String> {
        let diff = &mut self.diff;
        match change {
            Change::File(path, content) => {
                put_file(diff, path, &content.to_string());
                Some(format!("file 644 {content}"))
            }
            Change::Dir(path, mode) => {
                put_entry(diff, path, Entry::directory(0o700 | mode), "");
                Some(format!("dir {:o}", 0o700 | mode))
            }
            Change::Opaque(path) => {
                let kind = Kind::Directory { opaque: true };
                put_entry(diff, path, Entry { kind, ..Entry::directory(0o755) }, "");
                Some("dir 755".into())
            }
            Change::Symlink(path) => {
                put_entry(diff, path, symlink("a/b"), "");
                Some("link a/b".into())
            }
            Change::Link(path, first) => {
                diff.link(Path::new(path), Path::new(first)).expect("a link");
                linked
            }
            Change::Remove(path) => {
                diff.remove(Path::new(path)).expect("a removal");
                None
            }
        }
    }
}

/// Unpacks the tar of a layer into a model, entry by entry.
fn unpack(model: &mut Model, tar: &[u8]) {
    let lower: BTreeSet<String> = model.keys().cloned().collect();
    let mut archive = tar::Archive::new(tar);
    for entry in archive.entries().expect("a tar") {
        let mut entry = entry.expect("an entry");
        let path = entry.path().expect("a path").to_str().expect("ASCII").trim_end_matches('/').to_owned();
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
        if name == ".wh..wh..opq" {
            model.retain(|other, _| !(is_below(other, parent) && lower.contains(other)));
        } else if let Some(hidden) = name.strip_prefix(".wh.") {
            clear(model, format!("{parent}/{hidden}").trim_start_matches('/'));
        } else {
            let shown = shown(model, &mut entry);
            if !(entry.header().entry_type().is_dir() && is_dir(model, &path)) {
                clear(model, &path);
            }
            assert!(is_dir(model, parent), "parents come first: {path}");
            model.insert(path, shown);
        }
    }
}

/// Returns the line of the model for an entry of a tar.
fn shown(model: &Model, entry: &mut tar::Entry<'_, &[u8]>) -> String {
    let mode = entry.header().mode().expect("a mode");
    let target = entry.link_name().expect("a link").map(|target| target.display().to_string());
    match entry.header().entry_type() {
        tar::EntryType::Directory => format!("dir {mode:o}"),
        tar::EntryType::Symlink => format!("link {}", target.expect("a target")),
        tar::EntryType::Link => model[&target.expect("a target")].clone(),
        _ => {
            let mut content = String::new();
            entry.read_to_string(&mut content).expect("content");
            format!("file {mode:o} {content}")
        }
    }
}

/// Commits layers of changes, and compares all views of them with a model.
fn run(layers: &[Vec<Change>]) {
    let (env, other) = (TestEnv::new(), TestEnv::new());
    let (mut model, mut unpacked) = (Model::new(), Model::new());
    let (mut stack, mut imported): (Vec<DiffId>, Vec<DiffId>) = (Vec::new(), Vec::new());
    for changes in layers {
        let diff = env.diff(&stack);
        let mut modelled = ModelledDiff { model: &mut model, diff, new_files: BTreeSet::new() };
        changes.iter().for_each(|change| modelled.apply(change));
        let diff = modelled.diff;
        assert_eq!(flat(&diff), model, "the diff as a tree");
        stack.push(env.layers.commit(diff).expect("a layer"));
        let tar = env.tar(stack.last().expect("a layer"));
        unpack(&mut unpacked, &tar);
        assert_eq!(unpacked, model, "the unpacked tars");
        imported.push(other.layers.import(&mut &tar[..], stack.last().copied()).expect("an import"));
        assert_eq!(flat(&*env.reopened().view(&stack).expect("a view")), model, "the stack");
        assert_eq!(flat(&*other.layers.view(&imported).expect("a view")), model, "the stack elsewhere");
    }
    let mut tar = Vec::new();
    env.layers.write_tar(&stack, Times::Store, &mut tar).expect("a tar");
    let mut exported = Model::new();
    unpack(&mut exported, &tar);
    assert_eq!(exported, model, "the exported tar");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_views_show_the_same_tree(layers in prop::collection::vec(prop::collection::vec(change(), 0..14), 1..5)) {
        run(&layers);
    }
}

#[test]
fn a_directory_in_place_of_a_removed_one_hides_it() {
    let dir = |path: &str| Change::Dir(path.into(), 5);
    let file = |path: &str| Change::File(path.into(), 1);
    let gone = |path: &str| Change::Remove(path.into());
    run(&[vec![dir("a"), file("a/b")], vec![gone("a"), file("a"), gone("a"), dir("a")], vec![dir("a/a")]]);
    run(&[vec![dir("a"), file("a/b")], vec![file("a"), dir("a"), gone("a")]]);
    run(&[vec![file("a")], vec![gone("a"), dir("a")], vec![gone("a")]]);
    run(&[vec![dir("a"), dir("a/b"), file("a/b/a")], vec![gone("a/b/a"), gone("a/b"), dir("a/b")]]);
}

#[test]
fn an_impossible_change_of_a_diff_is_an_error() {
    let env = TestEnv::new();
    let mut diff = env.diff(&[]);
    put_file(&mut diff, "f", "x");
    let error = |result: Result<(), rootfs::RootfsError>| result.expect_err("an error").to_string();
    let dir = || Entry::directory(0o755);
    assert!(error(diff.put(Path::new("f/x"), dir(), None)).contains("f"));
    assert!(error(diff.put(Path::new("no/x"), dir(), None)).contains("no"));
    assert!(error(diff.put(Path::new("../x"), dir(), None)).contains("leads out"));
    assert!(error(diff.put(Path::new("/x"), dir(), None)).contains("not relative"));
    assert!(error(diff.put(Path::new(""), symlink("x"), None)).contains("root"));
    assert!(error(diff.remove(Path::new(""))).contains("root"));
    assert!(error(diff.link(Path::new("g"), Path::new("no"))).contains("not a new file"));
}

#[test]
fn a_name_that_would_be_a_whiteout_cannot_be_committed() {
    let env = TestEnv::new();
    let mut diff = env.diff(&[]);
    put_entry(&mut diff, ".wh.f", crate::support::file(0), "");
    let error = env.layers.commit(diff).expect_err("it would be a whiteout").to_string();
    assert!(error.contains(".wh."), "{error}");
}

#[test]
fn the_root_has_the_mode_0755_and_the_owner_that_a_layer_gives_it() {
    let env = TestEnv::new();
    let mut diff = env.diff(&[]);
    put_entry(&mut diff, "", Entry { uid: 7, gid: 8, ..Entry::directory(0o711) }, "");
    let layer = env.layers.commit(diff).expect("a layer");
    let mut more = env.diff(&[layer]);
    put_file(&mut more, "f", "x");
    let top = env.layers.commit(more).expect("a layer");
    let root = env.layers.view(&[layer, top]).expect("a view").lookup(Path::new("")).expect("a lookup");
    assert_eq!(root.map(|root| (root.mode, root.uid, root.gid)), Some((0o755, 7, 8)));
}
