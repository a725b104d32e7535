//! Names, symlinks and hard links that try to leave the root of a layer.

use super::{refused, shows};
use crate::support::{TestEnv, flat};
use crate::tar::{Tar, raw};

#[test]
fn a_name_that_leaves_the_root_is_refused() {
    for name in ["../../../../H/pwn", "a/../../../H/pwn", "./../H/pwn", "..", "a/../.."] {
        refused(Tar::default().file(name, "x").end(), "leads out of the root");
        refused(Tar::default().dir(name).end(), "leads out of the root");
        refused(Tar::default().symlink(name, "x").end(), "leads out of the root");
        refused(Tar::default().file("f", "x").hardlink("h", name).end(), "leads out of the root");
        refused(
            Tar::default().pax('x', &[("path", name.as_bytes())]).file("f", "").end(),
            "leads out of the root",
        );
    }
}

#[test]
fn an_absolute_name_starts_at_the_root_of_the_layer() {
    shows(Tar::default().file("/H/pwn", "x").end(), &[("H", "dir 755"), ("H/pwn", "file 644 x")]);
    shows(Tar::default().file("//H//./pwn", "x").end(), &[("H", "dir 755"), ("H/pwn", "file 644 x")]);
}

/// The layer's own symlinks are followed as in its unpacked tree, from its root.
#[test]
fn a_symlink_in_a_path_is_followed_inside_the_layer() {
    let through = |entry: Tar| entry.end();
    let linked = Tar::default().symlink("d", "/H");
    shows(
        through(linked.clone().file("d/pwn", "x")),
        &[("H", "dir 755"), ("H/pwn", "file 644 x"), ("d", "link /H")],
    );
    shows(
        through(Tar::default().symlink("d", "../../../H").dir("d/sub")),
        &[("H", "dir 755"), ("H/sub", "dir 755"), ("d", "link ../../../H")],
    );
    shows(
        through(linked.clone().add(raw('6', "d/fifo"))),
        &[("H", "dir 755"), ("H/fifo", "Fifo"), ("d", "link /H")],
    );
}

#[test]
fn a_path_through_a_cycle_of_symlinks_or_a_file_is_refused() {
    let cycle = Tar::default().symlink("a", "b").symlink("b", "a").file("a/f", "");
    refused(cycle.end(), "too many symlinks");
    refused(Tar::default().file("f", "").file("f/below", "").end(), "not a directory");
}

#[test]
fn a_symlink_of_a_lower_layer_is_replaced_by_a_directory() {
    let env = TestEnv::new();
    let base = env
        .layers
        .import(&mut &Tar::default().symlink("d", "/etc").dir("etc").end()[..], None)
        .expect("a base");
    let top = env.layers.import(&mut &Tar::default().file("d/x", "x").end()[..], None).expect("a layer");
    let flat = flat(&*env.layers.view(&[base, top]).expect("a view"));
    assert_eq!(flat.keys().collect::<Vec<_>>(), ["d", "d/x", "etc"], "a directory replaces the link");
}

#[test]
fn a_directory_replaces_a_symlink() {
    let tar = Tar::default().symlink("foo", "/H/dir").dir("foo").file("foo/x", "");
    shows(tar.end(), &[("foo", "dir 755"), ("foo/x", "file 644 ")]);
    let tar = Tar::default().symlink("foo", "/H/dir").dir("foo/.");
    shows(tar.end(), &[("foo", "dir 755")]);
}

#[test]
fn a_hard_link_must_have_its_file_in_the_layer() {
    let missing = "which the layer does not have";
    refused(Tar::default().hardlink("x", "/H/secret").end(), missing);
    refused(Tar::default().hardlink("x", "secret").end(), missing);
    refused(Tar::default().symlink("l", "/H").hardlink("x", "l/secret").end(), missing);
    refused(Tar::default().hardlink("door/x", "v").symlink("door", "/H").end(), missing);
    refused(Tar::default().hardlink("x", "x").end(), "which it replaces");
    refused(Tar::default().file("x", "").hardlink("x", "x").end(), "which it replaces");
    refused(Tar::default().dir("x").file("x/y", "").hardlink("x", "x/y").end(), "which it replaces");
    refused(Tar::default().dir("x").hardlink("y", "x").end(), "a directory");
    refused(Tar::default().dir("x").hardlink("y", "/").end(), "the root");
}

#[test]
fn a_hard_link_to_a_symlink_is_never_written_through() {
    let tar = Tar::default().symlink("l", "/H/f").hardlink("m", "l").file("m", "x");
    shows(tar.end(), &[("l", "link /H/f"), ("m", "file 644 x")]);
    let tar = Tar::default().symlink("l", "/H/f").hardlink("m", "l");
    shows(tar.end(), &[("l", "link /H/f"), ("m", "link /H/f")]);
}

#[test]
fn a_replaced_file_keeps_its_content_under_its_other_name() {
    let tar = Tar::default().file("a", "one").hardlink("b", "a").file("a", "two").hardlink("c", "b");
    shows(tar.end(), &[("a", "file 644 two"), ("b", "file 644 one"), ("c", "file 644 one")]);
}

#[test]
fn the_last_member_of_a_name_wins() {
    type Add = fn(Tar) -> Tar;
    let kinds: [(Add, &str); 5] = [
        (|tar| tar.file("p", "x"), "file 644 x"),
        (|tar| tar.dir("p"), "dir 755"),
        (|tar| tar.symlink("p", "q"), "link q"),
        (|tar| tar.add(raw('6', "p")), "Fifo"),
        (|tar| tar.file("q", "y").hardlink("p", "q"), "file 644 y"),
    ];
    for (first, _) in kinds {
        for (second, shown) in kinds {
            let env = TestEnv::new();
            let import = |tar: Tar| env.layers.import(&mut &tar.end()[..], None).expect("a layer");
            let one = import(second(first(Tar::default())));
            let (lower, upper) = (import(first(Tar::default())), import(second(Tar::default())));
            for layers in [&[one][..], &[lower, upper]] {
                assert_eq!(flat(&*env.layers.view(layers).expect("a view"))["p"], shown);
            }
        }
    }
}

#[test]
fn entries_below_a_replaced_directory_are_removed() {
    let tar = Tar::default().dir("d").file("d/x", "").dir("d/e").file("d/e/y", "").file("d", "now a file");
    shows(tar.clone().end(), &[("d", "file 644 now a file")]);
    shows(tar.dir("d").file("d/z", "").end(), &[("d", "dir 755"), ("d/z", "file 644 ")]);
}
