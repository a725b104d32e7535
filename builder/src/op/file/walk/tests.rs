//! The order of items, what patterns choose, what cannot be listed.

use super::super::testing::MemoryTree;
use super::*;

/// The items copied from below `base`: a line for each item, with a `?` where it is implied.
fn walked(tree: &MemoryTree, base: &str, include: Option<&str>, excludes: &[&str]) -> Vec<String> {
    let patterns = |texts: &[&str]| {
        let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
        Patterns::new(&texts).expect("good patterns")
    };
    let filter = Filter { includes: include.map(|text| patterns(&[text])), excludes: patterns(excludes) };
    let line = |item: Result<Item, FileOpError>| {
        let item = item.expect("listed");
        format!("{}{}", item.path.display(), if item.implied { "?" } else { "" })
    };
    Walk::new(tree, &filter, Path::new(base)).expect("listed").map(line).collect()
}

fn tree() -> MemoryTree {
    MemoryTree::new(&[
        "top/",
        "top/a/",
        "top/a/b/",
        "top/a/b/c/",
        "top/a/b/c/x",
        "top/a/b/c/y",
        "top/a/b/z",
        "top/a/empty/",
        "top/b",
        "top/none/",
        "top/none/deep/",
        "top/none/deep/z",
    ])
}

#[test]
fn all_of_it_parents_first() {
    let below_a = ["b", "b/c", "b/c/x", "b/c/y", "b/z", "empty"];
    assert_eq!(walked(&tree(), "top/a", None, &[]), below_a);
}

#[test]
fn directories_wait_for_what_is_chosen_below_them() {
    let of = |include| walked(&tree(), "top", Some(include), &[]);
    assert_eq!(of("a/b/c/x"), ["a?", "a/b?", "a/b/c?", "a/b/c/x"]);
    assert_eq!(of("**/z"), ["a?", "a/b?", "a/b/z", "none?", "none/deep?", "none/deep/z"]);
    assert_eq!(of("a/empty"), ["a?", "a/empty"]);
    assert_eq!(of("nothing"), [""; 0]);
}

#[test]
fn an_excluded_directory_can_hold_included_files() {
    let of = |excludes: &[&str]| walked(&tree(), "top", None, excludes);
    assert_eq!(of(&["a", "none/deep"]), ["b", "none"]);
    assert_eq!(of(&["**", "!a/b/z", "!b"]), ["a?", "a/b?", "a/b/z", "b"]);
}

#[test]
fn an_unreadable_directory_ends_the_walk() {
    struct Broken;
    impl Tree for Broken {
        fn lookup(&self, _: &Path) -> std::io::Result<Option<Entry>> {
            Ok(Some(Entry::directory(0o755)))
        }
        fn children(&self, path: &Path) -> std::io::Result<Vec<Child>> {
            let child =
                |name: &str| Child { name: name.into(), entry: Entry::directory(0o755), content: None };
            if path.as_os_str().is_empty() {
                Ok(vec![child("d"), child("e")])
            } else {
                Err(std::io::ErrorKind::PermissionDenied.into())
            }
        }
        fn open(&self, _: &Path) -> std::io::Result<Box<dyn std::io::Read + Send>> {
            Err(std::io::ErrorKind::Unsupported.into())
        }
        fn content(&self, _: &Path) -> std::io::Result<Key> {
            Err(std::io::ErrorKind::Unsupported.into())
        }
    }
    let filter = Filter::all();
    let items: Vec<_> = Walk::new(&Broken, &filter, Path::new("")).expect("listed").collect();
    assert_eq!(items.len(), 1);
    assert!(matches!(&items[0], Err(FileOpError::Read { path, .. }) if path == Path::new("d")));
}
