//! Whiteouts that try to remove more than a name of a lower layer.

use super::{leaves, refused};
use crate::tar::{Tar, raw};

#[test]
fn a_whiteout_through_a_symlink_stays_inside_the_layer() {
    let victims = ["d", "d/victim", "etc", "etc/passwd", "victim"];
    leaves(
        Tar::default().symlink("l", "/etc").file("l/.wh.passwd", "").end(),
        &["d", "d/victim", "etc", "l", "victim"],
    );
    leaves(
        Tar::default().symlink("l", "/etc").file("l/.wh..wh..opq", "").end(),
        &["d", "d/victim", "etc", "l", "victim"],
    );
    leaves(
        Tar::default().symlink("l", "/d/..").file("l/.wh.nothing", "").end(),
        &["d", "d/victim", "etc", "etc/passwd", "l", "victim"],
    );
    leaves(Tar::default().end(), &victims);
}

#[test]
fn a_whiteout_without_a_name_is_refused() {
    for name in [".wh.", ".wh..", ".wh...", "d/.wh.", "d/.wh..", "d/.wh..."] {
        refused(Tar::default().file(name, "").end(), "a whiteout without a name");
    }
}

#[test]
fn a_whiteout_that_is_not_a_regular_file_is_refused() {
    for name in [".wh.", ".wh..", ".wh...", "d/.wh.", "d/.wh..", "d/.wh...", "d/.wh.x"] {
        for typeflag in ['2', '5', '6'] {
            refused(Tar::default().add(raw(typeflag, name).link("x")).end(), "not a regular file");
        }
        refused(Tar::default().file("f", "").hardlink(name, "f").end(), "not a regular file");
    }
    refused(Tar::default().dir(".wh.d").end(), "not a regular file");
    refused(Tar::default().symlink("d/.wh..wh..opq", "x").end(), "not a regular file");
}

#[test]
fn an_entry_below_a_whiteout_is_refused() {
    refused(Tar::default().file(".wh.a/b", "").end(), "below a whiteout");
    refused(Tar::default().symlink("l", "/d/.wh.a").file("l/b", "").end(), "below a whiteout");
    refused(Tar::default().file("f", "").hardlink("new", ".wh.a/f").end(), "below a whiteout");
}

#[test]
fn files_of_aufs_are_ignored() {
    let victims = ["d", "d/victim", "etc", "etc/passwd", "victim"];
    let tar = Tar::default().dir(".wh..wh.plnk").file(".wh..wh.plnk/12.34", "x").file(".wh..wh.aufs", "");
    leaves(tar.end(), &victims);
}

#[test]
fn a_whiteout_hides_lower_layers_only() {
    let here = Tar::default().file("victim", "new").file(".wh.victim", "");
    leaves(here.end(), &["d", "d/victim", "etc", "etc/passwd", "victim"]);
    let here = Tar::default().file(".wh.d", "").file("d/new", "");
    leaves(here.end(), &["d", "d/new", "etc", "etc/passwd", "victim"]);
    let here = Tar::default().file("d/new", "").file("d/.wh..wh..opq", "");
    leaves(here.end(), &["d", "d/new", "etc", "etc/passwd", "victim"]);
    let gone = Tar::default().dir("d").file("d/.wh.victim", "").file("d", "a file").dir("d");
    leaves(gone.end(), &["d", "d/victim", "etc", "etc/passwd", "victim"]);
    leaves(Tar::default().file(".wh..wh..opq", "").file("only", "").end(), &["only"]);
}
