//! Random changes, compared with what a plain map would make of them: the diff, the stack of committed layers, the same
//! tars taken in by another store, and the tars applied one after the other by a simple unpacker must all show one tree.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use oci::DiffId;
use proptest::prelude::*;
use rootfs::diff::Diff;
use rootfs::entry::{Entry, Kind};
use rootfs::layers::Times;

use crate::support::{TestEnv, flat, put_entry, put_file, symlink};

/// A change of a path; what cannot be done (no parent, nothing to link to) is not done.
#[derive(Debug, Clone)]
enum Change {
    File(String, u32),
    Dir(String, u32),
    Opaque(String),
    Symlink(String),
    Link(String, String),
    Remove(String),
}

/// `path -> what flat() shows`.
type Model = BTreeMap<String, String>;

fn path() -> impl Strategy<Value = String> {
    // Names around the slash in order, so that order by bytes and order by component differ.
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

/// Makes the change in the model and, where it can be done, in the diff. `new_files`: what `link` may point to.
fn apply(model: &mut Model, diff: &mut Diff, new_files: &mut BTreeSet<String>, change: &Change) {
    let (Change::File(path, _)
    | Change::Dir(path, _)
    | Change::Opaque(path)
    | Change::Symlink(path)
    | Change::Link(path, _)
    | Change::Remove(path)) = change;
    if !is_dir(model, path.rsplit_once('/').map_or("", |(parent, _)| parent)) {
        return;
    }
    let keeps_below = matches!(change, Change::Dir(..)) && is_dir(model, path);
    match change {
        Change::Link(_, first) if !new_files.contains(first) || is_below(first, path) || first == path => {
            return;
        }
        _ => {}
    }
    let linked = match change {
        Change::Link(_, first) => model.get(first).cloned(),
        _ => None,
    };
    if !keeps_below {
        clear(model, path);
        new_files.retain(|other| other != path && !is_below(other, path));
    }
    match change {
        Change::File(_, content) => {
            put_file(diff, path, &content.to_string());
            model.insert(path.clone(), format!("file 644 {content}"));
            new_files.insert(path.clone());
        }
        Change::Dir(_, mode) => {
            put_entry(diff, path, Entry::directory(0o700 | mode), "");
            model.insert(path.clone(), format!("dir {:o}", 0o700 | mode));
        }
        Change::Opaque(_) => {
            put_entry(
                diff,
                path,
                Entry { kind: Kind::Directory { opaque: true }, ..Entry::directory(0o755) },
                "",
            );
            model.insert(path.clone(), "dir 755".into());
        }
        Change::Symlink(_) => {
            put_entry(diff, path, symlink("a/b"), "");
            model.insert(path.clone(), "link a/b".into());
        }
        Change::Link(_, first) => {
            diff.link(Path::new(path), Path::new(first)).expect("a link");
            model.insert(path.clone(), linked.expect("the first name is there"));
            new_files.insert(path.clone());
        }
        Change::Remove(_) => diff.remove(Path::new(path)).expect("a removal"),
    }
}

/// Applies a layer's tar to a model, entry by entry.
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
            let mode = entry.header().mode().expect("a mode");
            let kind = entry.header().entry_type();
            let shown = match kind {
                tar::EntryType::Directory => format!("dir {mode:o}"),
                tar::EntryType::Symlink => {
                    format!("link {}", entry.link_name().expect("a link").expect("a target").display())
                }
                tar::EntryType::Link => {
                    let first = entry.link_name().expect("a link").expect("a target");
                    model[first.to_str().expect("ASCII")].clone()
                }
                _ => {
                    let mut content = String::new();
                    entry.read_to_string(&mut content).expect("content");
                    format!("file {mode:o} {content}")
                }
            };
            if !(kind == tar::EntryType::Directory && is_dir(model, &path)) {
                clear(model, &path);
            }
            assert!(is_dir(model, parent), "parents come first: {path}");
            model.insert(path, shown);
        }
    }
}

fn run(layers: &[Vec<Change>]) {
    let (env, other) = (TestEnv::new(), TestEnv::new());
    let (mut model, mut unpacked) = (Model::new(), Model::new());
    let (mut stack, mut imported): (Vec<DiffId>, Vec<DiffId>) = (Vec::new(), Vec::new());
    for changes in layers {
        let mut diff = env.diff(&stack);
        let mut new_files = BTreeSet::new();
        for change in changes {
            apply(&mut model, &mut diff, &mut new_files, change);
        }
        assert_eq!(flat(&diff), model, "the diff as a tree");
        stack.push(env.layers.commit(diff).expect("a layer"));
        let tar = env.tar(stack.last().expect("a layer"));
        unpack(&mut unpacked, &tar);
        assert_eq!(unpacked, model, "the tar as others read it");
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
    fn all_views_are_one(layers in prop::collection::vec(prop::collection::vec(change(), 0..14), 1..5)) {
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
fn what_cannot_be_done_is_an_error() {
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
    put_entry(&mut diff, ".wh.f", crate::support::file(0), "");
    let error = env.layers.commit(diff).expect_err("it would be a whiteout").to_string();
    assert!(error.contains(".wh."), "{error}");
}

#[test]
fn the_root_can_be_changed() {
    let env = TestEnv::new();
    let mut diff = env.diff(&[]);
    put_entry(&mut diff, "", Entry::directory(0o711), "");
    let layer = env.layers.commit(diff).expect("a layer");
    let mut more = env.diff(&[layer]);
    put_file(&mut more, "f", "x");
    let top = env.layers.commit(more).expect("a layer");
    let root = env.layers.view(&[layer, top]).expect("a view").lookup(Path::new("")).expect("a look-up");
    assert_eq!(root.map(|root| root.mode), Some(0o711));
}
