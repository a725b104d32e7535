//! Changes that processes make end up in the layer, and nothing else does.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::{AtFlags, Timespec, Timestamps};

use super::{EMPTY, Env, base, check_top};
use trees::entry::Kind;
use trees::safe_path::fd_path;

#[test]
fn privileged_a_run_that_changes_nothing_is_an_empty_layer() {
    let Some(env) = Env::new() else { return };
    let base = env.layer(&base());
    let layers = env.run(&[base], &[], |root| {
        assert_eq!(fs::read_to_string(root.join("opt/tool")).unwrap(), "tool");
    });
    check_top(&env, &layers, EMPTY);
}

/// Overlayfs refuses to use one directory as two lower layers.
#[test]
fn privileged_a_layer_can_be_on_top_of_itself() {
    let Some(env) = Env::new() else { return };
    let layers = env.run(&[env.layer(&base())], &[], |_| ());
    let again = env.run(&layers, &[], |_| ());
    assert_eq!(again[1], again[2]);
    assert_eq!(env.run(&[], &[], |_| ())[0], again[1]);
}

/// A layer has one tree and one index, and both keep the times of the first process that made it.
#[test]
fn privileged_a_layer_made_twice_keeps_its_times() {
    let Some(env) = Env::new() else { return };
    let make = |n: i64| {
        let time = Timespec { tv_sec: 1_000_000_000 + n, tv_nsec: 0 };
        let times = Timestamps { last_access: time, last_modification: time };
        let snapshot = env.layers.prepare(&[]).unwrap();
        let mount = snapshot.mount().unwrap();
        fs::create_dir(fd_path(mount.as_fd()).join("d")).unwrap();
        rustix::fs::utimensat(&mount, "d", &times, AtFlags::empty()).unwrap();
        drop(mount);
        let layer = snapshot.commit(&[]).unwrap();
        let view = env.layers.view(&[layer]).unwrap().lookup(Path::new("d")).unwrap().unwrap();
        let tree = fs::metadata(env.layers.tree(&layer).unwrap().join("d")).unwrap();
        (layer, view.mtime.seconds, tree.mtime())
    };
    assert_eq!(make(1), make(2));
}

/// Makes one change of each kind.
fn change_everything(root: &Path) {
    fs::write(root.join("etc/new"), "new").unwrap();
    fs::write(root.join("opt/tool"), "changed").unwrap();
    fs::set_permissions(root.join("opt/tool"), PermissionsExt::from_mode(0o4755)).unwrap();
    fs::remove_file(root.join("opt/sub/deep")).unwrap();
    symlink("/nowhere", root.join("tmp/link")).unwrap();
    fs::hard_link(root.join("etc/new"), root.join("etc/also")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, root.join("tmp/pipe"), 0o620.into()).unwrap();
    let _socket = UnixListener::bind(root.join("tmp/socket")).unwrap();
    fs::remove_file(root.join("tmp/socket")).unwrap();
    chown(root.join("etc/new"), Some(7), Some(8)).unwrap();
    fs::remove_file(root.join("lib")).unwrap();
    fs::create_dir(root.join("lib")).unwrap();
}

#[test]
fn privileged_changes_of_all_kinds_are_in_the_layer() {
    let Some(env) = Env::new() else { return };
    let layers = env.run(&[env.layer(&base())], &[], change_everything);
    let expected = [
        "etc",
        "etc/also",
        "etc/new",
        "lib",
        "opt",
        "opt/sub",
        "opt/sub/deep",
        "opt/tool",
        "tmp",
        "tmp/link",
        "tmp/pipe",
    ];
    check_top(&env, &layers, expected);
    let top = env.top(&layers);
    assert_eq!(top["opt/sub/deep"], Kind::Whiteout);
    assert_eq!(top["etc/new"], Kind::Hardlink { target: "etc/also".into() });
}

#[test]
fn privileged_a_step_sees_and_changes_what_the_one_before_left() {
    let Some(env) = Env::new() else { return };
    let layers = env.run(&[env.layer(&base())], &[], change_everything);
    let more = env.run(&layers, &[], |root| {
        let links = |path: &str| fs::metadata(root.join(path)).unwrap().nlink();
        assert_eq!((links("etc/new"), links("opt/tool")), (2, 1));
        fs::remove_file(root.join("etc/also")).unwrap();
        fs::remove_dir_all(root.join("opt")).unwrap();
    });
    check_top(&env, &more, ["etc", "etc/also", "opt"]);
}

#[test]
fn privileged_directories_are_opaque_only_over_others() {
    let Some(env) = Env::new() else { return };
    let layers = env.run(&[env.layer(&base())], &[], |root| {
        fs::create_dir(root.join("new")).unwrap();
        fs::create_dir_all(root.join("etc/a/b")).unwrap();
        fs::remove_dir_all(root.join("opt")).unwrap();
        fs::create_dir(root.join("opt")).unwrap();
        fs::write(root.join("opt/only"), "").unwrap();
    });
    let top = env.top(&layers);
    for plain in ["new", "etc", "etc/a", "etc/a/b"] {
        assert_eq!(top[plain], Kind::Directory { opaque: false }, "{plain}");
    }
    assert_eq!(top["opt"], Kind::Directory { opaque: true });
}

/// BuildKit does not keep changes of the root directory itself either.
#[test]
fn privileged_the_root_has_the_owner_of_the_layers_and_its_changes_are_not_kept() {
    let Some(env) = Env::new() else { return };
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_size(0);
    header.set_mode(0o711);
    header.set_uid(3);
    header.set_gid(4);
    header.set_mtime(1_000_000_000);
    tar.append_data(&mut header, "./", std::io::empty()).unwrap();
    let with_root = env.layers.import(&mut &tar.into_inner().unwrap()[..], None).unwrap();
    let layers = env.run(&[with_root, env.layer(&base())], &[], |root| {
        let status = fs::metadata(root).unwrap();
        assert_eq!((status.mode() & 0o7777, status.uid(), status.gid()), (0o755, 3, 4));
        fs::set_permissions(root, PermissionsExt::from_mode(0o700)).unwrap();
    });
    check_top(&env, &layers, EMPTY);
}

#[test]
fn privileged_overlay_attributes_do_not_enter_a_layer() {
    let Some(env) = Env::new() else { return };
    let layers = env.run(&[env.layer(&base())], &[], |root| {
        fs::set_permissions(root.join("opt/tool"), PermissionsExt::from_mode(0o700)).unwrap();
        let mine = root.join("opt/tool");
        rustix::fs::setxattr(&mine, "user.mine", b"1", rustix::fs::XattrFlags::empty()).unwrap();
    });
    let tool = env.layers.view(&layers).unwrap().lookup(Path::new("opt/tool")).unwrap().unwrap();
    assert_eq!(tool.xattrs.keys().map(Vec::as_slice).collect::<Vec<_>>(), [b"user.mine"]);
}
