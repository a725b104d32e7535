//! Snapshots with real overlays. What is mounted is reached by its descriptor only, attached nowhere.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use cache::Store;

mod deeds;
mod layers_in_place;

use super::*;
use crate::diff::Diff;
use crate::entry::Timestamp;
use crate::layers::in_place::Way;
use crate::safe_path::fd_path;
use crate::testing::MemoryTree;
use crate::tree::{Child, Scratch};

/// A store of its own, and its layers.
struct Env {
    layers: Layers,
    root: tempfile::TempDir,
}

impl Env {
    /// `None`, with the reason printed, where nothing can be mounted.
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

    fn with_new_store() -> Self {
        let root = tempfile::tempdir().unwrap();
        let layers = Layers::new(Arc::new(Store::open(root.path()).unwrap()));
        Self { layers, root }
    }

    /// A layer of what is in `tree`.
    fn layer(&self, tree: &MemoryTree) -> DiffId {
        let mut diff = Diff::new(Arc::new(Scratch));
        let tree: Arc<dyn Tree> = Arc::new(tree.clone());
        for (path, entry) in all(&*tree) {
            if !path.as_os_str().is_empty() {
                let content = Content::Tree { tree: Arc::clone(&tree), path: path.clone(), digest: None };
                let content =
                    matches!(entry.kind, Kind::File { size_bytes } if size_bytes > 0).then_some(content);
                diff.put(&path, entry, content).unwrap();
            }
        }
        self.layers.commit(diff).unwrap()
    }

    /// Runs `work` in a snapshot on top of `below`; checks that the layer says exactly what the process saw.
    fn run(&self, below: &[DiffId], stubs: &[Stub], work: impl FnOnce(&Path)) -> Vec<DiffId> {
        let snapshot = self.layers.prepare(below).unwrap();
        let mount = snapshot.mount_volatile().unwrap();
        work(&fd_path(mount.as_fd()));
        let seen = all(&DirTree::new(open(&mount)));
        drop(mount);
        let mut layers = below.to_vec();
        layers.push(snapshot.commit(stubs).unwrap());
        if stubs.is_empty() {
            self.check_shows(&layers, &seen);
        }
        layers
    }

    /// That the layers' view, their trees as they are, and the layers made ready again in any way all show `expected`.
    fn check_shows(&self, layers: &[DiffId], expected: &BTreeMap<PathBuf, Entry>) {
        assert_same(&all(&*self.layers.view(layers).unwrap()), expected);
        assert_same(&mounted(&self.layers, layers), expected);
        for way in [Way::None, Way::Attached, Way::Detached] {
            for layer in layers {
                let stamp = self.layers.store().layer_dir(layer).unwrap().join("tree.stamp");
                fs::remove_file(stamp).unwrap_or_default();
            }
            let anew = Layers::mounting(self.layers.store().clone(), way);
            assert_same(&mounted(&anew, layers), expected);
        }
    }

    /// The entries of the topmost layer.
    fn top(&self, layers: &[DiffId]) -> BTreeMap<String, Kind> {
        let index = self.layers.index(layers.last().unwrap()).unwrap();
        let named = index.items().unwrap().filter(|item| !item.is_implied());
        named
            .map(|item| (String::from_utf8(item.path().to_vec()).unwrap(), item.layer_entry().unwrap().kind))
            .collect()
    }
}

/// What a process on top of `layers` sees.
fn mounted(layers: &Layers, ids: &[DiffId]) -> BTreeMap<PathBuf, Entry> {
    let snapshot = layers.prepare(ids).unwrap();
    all(&DirTree::new(open(&snapshot.mount().unwrap())))
}

fn open(mount: &OwnedFd) -> OwnedFd {
    rustix::fs::openat(mount, ".", DIRECTORY | OFlags::RDONLY, Mode::empty()).unwrap()
}

/// Everything in a tree.
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

/// Compares all but the root's metadata, which no layer has unless it says so, and times where an image has whole
/// seconds.
#[track_caller]
fn assert_same(found: &BTreeMap<PathBuf, Entry>, expected: &BTreeMap<PathBuf, Entry>) {
    let shown = |map: &BTreeMap<PathBuf, Entry>| {
        map.iter().skip(1).map(|(path, entry)| format!("{}: {entry:?}\n", path.display())).collect::<String>()
    };
    assert_eq!(shown(found), shown(expected));
}

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

const EMPTY: [&str; 0] = [];

#[track_caller]
fn check_top<const N: usize>(env: &Env, layers: &[DiffId], expected: [&str; N]) {
    assert_eq!(env.top(layers).keys().collect::<Vec<_>>(), expected);
}

#[test]
fn privileged_a_run_that_changes_nothing_is_an_empty_layer() {
    let Some(env) = Env::new() else { return };
    let base = env.layer(&base());
    let layers = env.run(&[base], &[], |root| {
        assert_eq!(fs::read_to_string(root.join("opt/tool")).unwrap(), "tool");
    });
    check_top(&env, &layers, EMPTY);
    // The same layer on top of itself, which overlayfs alone would refuse, and on top of nothing.
    let again = env.run(&layers, &[], |_| ());
    assert_eq!(again[1], again[2]);
    assert_eq!(env.run(&[], &[], |_| ())[0], again[1]);
}

/// A layer has one tree and one index, and both keep the times of who made it first.
#[test]
fn privileged_a_layer_made_twice_keeps_its_times() {
    let Some(env) = Env::new() else { return };
    let make = |n: i64| {
        let time = rustix::fs::Timespec { tv_sec: 1_000_000_000 + n, tv_nsec: 0 };
        let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
        let snapshot = env.layers.prepare(&[]).unwrap();
        let mount = snapshot.mount().unwrap();
        fs::create_dir(fd_path(mount.as_fd()).join("d")).unwrap();
        rustix::fs::utimensat(&mount, "d", &times, rustix::fs::AtFlags::empty()).unwrap();
        drop(mount);
        let layer = snapshot.commit(&[]).unwrap();
        let view = env.layers.view(&[layer]).unwrap().lookup(Path::new("d")).unwrap().unwrap();
        let tree = fs::metadata(env.layers.tree(&layer).unwrap().join("d")).unwrap();
        (layer, view.mtime.seconds, tree.mtime())
    };
    assert_eq!(make(1), make(2));
}

#[test]
fn privileged_all_kinds_of_changes() {
    let Some(env) = Env::new() else { return };
    let base = env.layer(&base());
    let layers = env.run(&[base], &[], |root| {
        fs::write(root.join("etc/new"), "new").unwrap();
        fs::write(root.join("opt/tool"), "changed").unwrap();
        fs::set_permissions(root.join("opt/tool"), PermissionsExt::from_mode(0o4755)).unwrap();
        fs::remove_file(root.join("opt/sub/deep")).unwrap();
        symlink("/nowhere", root.join("tmp/link")).unwrap();
        fs::hard_link(root.join("etc/new"), root.join("etc/also")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, root.join("tmp/pipe"), 0o620.into()).unwrap();
        let _gone = std::os::unix::net::UnixListener::bind(root.join("tmp/socket")).unwrap();
        fs::remove_file(root.join("tmp/socket")).unwrap();
        std::os::unix::fs::chown(root.join("etc/new"), Some(7), Some(8)).unwrap();
        fs::remove_file(root.join("lib")).unwrap();
        fs::create_dir(root.join("lib")).unwrap();
    });
    let top = env.top(&layers);
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
    assert_eq!(top.keys().collect::<Vec<_>>(), expected);
    assert_eq!(top["opt/sub/deep"], Kind::Whiteout);
    assert_eq!(top["etc/new"], Kind::Hardlink { target: "etc/also".into() });
    // Next on top: a name with two layers below, and the second name of the file.
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
    let base = env.layer(&base());
    let layers = env.run(&[base], &[], |root| {
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

#[test]
fn privileged_the_tree_is_the_upper_directory() {
    let Some(env) = Env::new() else { return };
    let base = env.layer(&base());
    let mut inode = 0;
    let layers = env.run(&[base], &[Stub { path: "none".into(), is_dir: true }], |root| {
        fs::write(root.join("tmp/made"), "x").unwrap();
        inode = fs::metadata(root.join("tmp/made")).unwrap().ino();
    });
    let tree = env.layers.tree(&layers[1]).unwrap();
    assert_eq!(fs::metadata(tree.join("tmp/made")).unwrap().ino(), inode);
    assert!(tree.starts_with(env.root.path()));
    // Real times stay in the tree, though the tar has none later than 1980.
    let made = env.layers.view(&layers).unwrap().lookup(Path::new("tmp/made")).unwrap().unwrap();
    assert!(
        made.mtime.seconds > 1_700_000_000
            && made.mtime.seconds == fs::metadata(tree.join("tmp/made")).unwrap().mtime()
    );
}

#[test]
fn privileged_the_root_has_the_metadata_of_the_layers() {
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
        assert_eq!((status.mode() & 0o7777, status.uid(), status.gid()), (0o711, 3, 4));
        fs::set_permissions(root, PermissionsExt::from_mode(0o700)).unwrap();
    });
    // What a step does to the root itself is no change of a layer: BuildKit does not keep it either.
    check_top(&env, &layers, EMPTY);
}

fn stub(path: &str, is_dir: bool) -> Stub {
    Stub { path: path.into(), is_dir }
}

/// What a sandbox does before a process starts, and the stubs that it reports.
fn make_stubs(root: &Path) -> Vec<Stub> {
    fs::write(root.join("etc/hosts"), "").unwrap();
    fs::create_dir(root.join("proc")).unwrap();
    fs::create_dir_all(root.join("run/secrets")).unwrap();
    fs::write(root.join("run/secrets/key"), "").unwrap();
    vec![
        stub("etc/hosts", false),
        stub("/proc", true),
        stub("run", true),
        stub("run/secrets", true),
        stub("run/secrets/key", false),
    ]
}

#[test]
fn privileged_stubs_leave_no_trace() {
    let Some(env) = Env::new() else { return };
    let base = env.layer(&base());
    let snapshot = env.layers.prepare(&[base]).unwrap();
    let mount = snapshot.mount().unwrap();
    let before = fs::metadata(fd_path(mount.as_fd())).unwrap();
    let stubs = make_stubs(&fd_path(mount.as_fd()));
    drop(mount);
    let layer = snapshot.commit(&stubs).unwrap();
    check_top(&env, &[base, layer], EMPTY);
    assert_eq!(before.mode() & 0o7777, 0o755);
}

#[test]
fn privileged_stubs_that_are_used_stay() {
    let Some(env) = Env::new() else { return };
    let base = env.layer(&base());
    let snapshot = env.layers.prepare(&[base]).unwrap();
    let mount = snapshot.mount().unwrap();
    let root = fd_path(mount.as_fd());
    let mut stubs = make_stubs(&root);
    stubs.push(stub("opt/gone", true));
    stubs.push(stub("", true));
    fs::write(root.join("run/pid"), "1").unwrap();
    fs::remove_file(root.join("etc/hosts")).unwrap();
    fs::write(root.join("etc/hosts"), "filled").unwrap();
    fs::remove_dir(root.join("proc")).unwrap();
    fs::write(root.join("proc"), "").unwrap();
    drop(mount);
    let layer = snapshot.commit(&stubs).unwrap();
    check_top(&env, &[base, layer], ["etc", "etc/hosts", "proc", "run", "run/pid"]);
}

#[test]
fn privileged_parents_of_stubs_get_their_time_back() {
    let Some(env) = Env::new() else { return };
    let base = env.layer(&base());
    let snapshot = env.layers.prepare(&[base]).unwrap();
    let mount = snapshot.mount().unwrap();
    let root = fd_path(mount.as_fd());
    fs::set_permissions(root.join("opt"), PermissionsExt::from_mode(0o700)).unwrap();
    fs::create_dir(root.join("opt/stub")).unwrap();
    drop(mount);
    let layer = snapshot.commit(&[stub("opt/stub", true)]).unwrap();
    check_top(&env, &[base, layer], ["opt"]);
    let opt = env.layers.view(&[base, layer]).unwrap().lookup(Path::new("opt")).unwrap().unwrap();
    assert_eq!((opt.mode, opt.mtime.seconds), (0o700, 1_000_000_000));
}

/// CVE-2024-23652: the process puts a link to the host in place of a stub's parent.
#[test]
fn privileged_stubs_are_not_looked_for_through_links() {
    let Some(env) = Env::new() else { return };
    let host = tempfile::tempdir().unwrap();
    fs::create_dir(host.path().join("stub")).unwrap();
    fs::write(host.path().join("file"), "").unwrap();
    let base = env.layer(&base());
    let snapshot = env.layers.prepare(&[base]).unwrap();
    let mount = snapshot.mount().unwrap();
    let root = fd_path(mount.as_fd());
    symlink(host.path(), root.join("a")).unwrap();
    symlink(host.path().join("file"), root.join("etc/hosts")).unwrap();
    symlink(host.path().join("stub"), root.join("b")).unwrap();
    drop(mount);
    let stubs = [
        stub("a/stub", true),
        stub("a/file", false),
        stub("etc/hosts", false),
        stub("b", true),
        stub("../../../../../../a", true),
    ];
    let layer = snapshot.commit(&stubs).unwrap();
    check_top(&env, &[base, layer], ["a", "b", "etc", "etc/hosts"]);
    assert!(host.path().join("stub").is_dir() && host.path().join("file").is_file());
}

#[test]
fn privileged_overlay_attributes_do_not_enter_a_layer() {
    let Some(env) = Env::new() else { return };
    let base = env.layer(&base());
    let layers = env.run(&[base], &[], |root| {
        fs::set_permissions(root.join("opt/tool"), PermissionsExt::from_mode(0o700)).unwrap();
        let mine = Path::new(root).join("opt/tool");
        rustix::fs::setxattr(&mine, "user.mine", b"1", rustix::fs::XattrFlags::empty()).unwrap();
    });
    let tool = env.layers.view(&layers).unwrap().lookup(Path::new("opt/tool")).unwrap().unwrap();
    assert_eq!(tool.xattrs.keys().map(Vec::as_slice).collect::<Vec<_>>(), [b"user.mine"]);
}

#[test]
fn privileged_a_tree_without_a_fitting_stamp_is_made_again() {
    let Some(env) = Env::new() else { return };
    let base = env.layer(&base());
    let tree = env.layers.tree(&base).unwrap();
    let stamp = tree.with_file_name("tree.stamp");
    let good = fs::read_to_string(&stamp).unwrap();
    let other_boot = replace_first(&good, "\"boot\":\"", "\"boot\":\"0");
    let torn = &good[..good.len() / 2];
    for bad in ["", torn, &other_boot] {
        fs::write(&stamp, bad).unwrap();
        fs::write(tree.join("opt/tool"), "").unwrap();
        env.layers.tree(&base).unwrap();
        assert_eq!(fs::read_to_string(tree.join("opt/tool")).unwrap(), "tool", "{bad}");
    }
    // One that is old enough is synced and noted to be.
    let touched = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    fs::File::options().write(true).open(&stamp).unwrap().set_modified(touched).unwrap();
    env.layers.prepare(&[base]).unwrap();
    while !fs::read_to_string(&stamp).unwrap().contains("\"synced\":true") {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // It outlives its boot then.
    let synced = fs::read_to_string(&stamp).unwrap();
    fs::write(&stamp, replace_first(&synced, "\"boot\":\"", "\"boot\":\"0")).unwrap();
    fs::write(tree.join("opt/tool"), "kept").unwrap();
    env.layers.tree(&base).unwrap();
    assert_eq!(fs::read_to_string(tree.join("opt/tool")).unwrap(), "kept");
}

fn replace_first(text: &str, from: &str, to: &str) -> String {
    text.replacen(from, to, 1)
}

#[test]
fn privileged_more_layers_than_the_kernel_takes() {
    let Some(env) = Env::new() else { return };
    let trees: Vec<PathBuf> = (0..600).map(|n| env.root.path().join(format!("layer{n}"))).collect();
    for (n, tree) in trees.iter().enumerate() {
        fs::create_dir(tree).unwrap();
        fs::write(tree.join(format!("file{n}")), "").unwrap();
        fs::write(tree.join("same"), n.to_string()).unwrap();
    }
    // The top removes what the very bottom has.
    rustix::fs::mknodat(
        rustix::fs::CWD,
        trees[599].join("file0"),
        rustix::fs::FileType::CharacterDevice,
        Mode::empty(),
        0,
    )
    .unwrap();
    let lowers: Vec<Lower> = trees.iter().cloned().map(Lower::Directory).collect();
    for (lowers, api) in
        [(&lowers[..], crate::overlay::Api::Detached), (&lowers[300..], crate::overlay::Api::Options)]
    {
        let scratch = tempfile::tempdir_in(env.root.path()).unwrap();
        let (upper, work) = (scratch.path().join("upper"), scratch.path().join("work"));
        fs::create_dir(&upper).unwrap();
        fs::create_dir(&work).unwrap();
        let overlay = Overlay {
            lowers,
            upper: Some((&upper, &work)),
            volatile: false,
            scratch: scratch.path(),
            flavor: Flavor::current(),
        };
        let mount = overlay.mount_with(api).unwrap();
        let root = fd_path(mount.as_fd());
        assert_eq!(fs::read_to_string(root.join("same")).unwrap(), "599");
        assert_eq!(fs::read_dir(&root).unwrap().count(), lowers.len() + usize::from(lowers.len() < 600));
        assert!(!root.join("file0").exists());
        fs::write(root.join("new"), "").unwrap();
        assert!(upper.join("new").is_file());
    }
    let too_many: Vec<Lower> = lowers.iter().chain(&lowers).cloned().collect();
    let overlay = Overlay {
        lowers: &too_many,
        upper: None,
        volatile: false,
        scratch: env.root.path(),
        flavor: Flavor::current(),
    };
    assert!(matches!(overlay.mount(), Err(RootfsError::Limit { .. })));
}

#[test]
fn privileged_binds() {
    let Some(env) = Env::new() else { return };
    let secret = tempfile::tempdir().unwrap();
    fs::write(secret.path().join("secret"), "host").unwrap();
    let tree = base().link("host", secret.path().to_str().unwrap()).link("all", "/").link("abs", "/opt/sub");
    let ids = [env.layer(&tree), env.run(&[], &[], |root| fs::write(root.join("opt2"), "2").unwrap())[0]];
    let read = |source: &str, name: &str| {
        let bind = bind(&env.layers, &ids, Path::new(source), false)?;
        let path = fd_path(bind.mount.as_fd()).join(name);
        assert!(fs::write(&path, "").is_err(), "read-only");
        Ok::<_, RootfsError>(fs::read_to_string(path).unwrap())
    };
    assert_eq!(read("/", "opt/tool").unwrap(), "tool");
    assert_eq!(read("", "opt2").unwrap(), "2");
    assert_eq!(read("opt/sub", "deep").unwrap(), "deep");
    assert_eq!(read("/abs", "deep").unwrap(), "deep");
    assert_eq!(read("all", "opt/tool").unwrap(), "tool");
    assert_eq!(read("../../opt", "tool").unwrap(), "tool");
    assert!(read("host", "secret").is_err());
    assert!(read("missing", "").is_err());
    let file = bind(&env.layers, &ids, Path::new("opt/tool"), false).unwrap();
    let mut text = String::new();
    fs::File::open(fd_path(file.mount.as_fd())).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "tool");
    check_writable(&env, &ids);
}

/// What is written to a bind is thrown away.
fn check_writable(env: &Env, ids: &[DiffId]) {
    let bind = || bind(&env.layers, ids, Path::new("opt"), true).unwrap();
    let first = bind();
    fs::write(fd_path(first.mount.as_fd()).join("tool"), "changed").unwrap();
    let second = bind();
    let text = |bind: &Bind| fs::read_to_string(fd_path(bind.mount.as_fd()).join("tool")).unwrap();
    assert_eq!((text(&first), text(&second)), ("changed".to_owned(), "tool".to_owned()));
}

#[test]
fn privileged_binds_of_the_host() {
    let Some(env) = Env::new() else { return };
    let folder = env.root.path().join("context");
    fs::create_dir_all(folder.join("sub")).unwrap();
    fs::write(folder.join("sub/file"), "here").unwrap();
    symlink("/sub", folder.join("link")).unwrap();
    symlink("/etc", folder.join("out")).unwrap();
    for source in ["sub", "link", "/link", "../sub"] {
        let mount = bind_host(&folder, Path::new(source)).unwrap();
        assert_eq!(fs::read_to_string(fd_path(mount.as_fd()).join("file")).unwrap(), "here");
    }
    assert!(bind_host(&folder, Path::new("out")).is_err());
    let file = bind_host(&folder.join("sub/file"), Path::new("")).unwrap();
    assert_eq!(fs::read_to_string(fd_path(file.as_fd())).unwrap(), "here");
    assert!(bind_host(&folder.join("sub/file"), Path::new("x")).is_err());
}

/// As in a container whose own root is an overlay.
#[test]
fn privileged_a_store_on_an_overlay_is_told() {
    let Some(env) = Env::new() else { return };
    let [upper, work, at] = ["upper", "work", "at"].map(|name| env.root.path().join(name));
    [&upper, &work, &at].iter().for_each(|dir| fs::create_dir(dir).unwrap());
    let outer = Overlay {
        lowers: &[],
        upper: Some((&upper, &work)),
        volatile: false,
        scratch: env.root.path(),
        flavor: Flavor::current(),
    };
    let _attached = crate::overlay::Attached::new(&outer.mount().unwrap(), &at).unwrap();
    let layers = Layers::new(Arc::new(Store::open(&at.join("store")).unwrap()));
    let error = layers.prepare(&[]).unwrap().mount().unwrap_err();
    assert!(matches!(error, RootfsError::NoOverlay { file_system: "overlayfs", .. }), "{error}");
}

#[test]
fn privileged_a_snapshot_can_be_mounted_again() {
    let Some(env) = Env::new() else { return };
    let snapshot = env.layers.prepare(&[env.layer(&base())]).unwrap();
    for (n, volatile) in [true, false, true].into_iter().enumerate() {
        let mount = if volatile { snapshot.mount_volatile() } else { snapshot.mount() }.unwrap();
        let root = fd_path(mount.as_fd());
        assert_eq!(fs::read_dir(root.join("tmp")).unwrap().count(), n);
        fs::write(root.join(format!("tmp/{n}")), "").unwrap();
    }
}

#[test]
fn privileged_nothing_is_left() {
    let Some(env) = Env::new() else { return };
    let base = env.layer(&base());
    env.run(&[base], &[], |root| fs::write(root.join("x"), "").unwrap());
    drop(env.layers.prepare(&[base]).unwrap());
    drop(bind(&env.layers, &[base], Path::new("opt"), true).unwrap());
    let mounts = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
    assert!(!mounts.contains(env.root.path().to_str().unwrap()), "{mounts}");
    let own: Vec<_> = fs::read_dir(env.root.path().join("tmp")).unwrap().collect();
    let left: Vec<OsString> = own
        .into_iter()
        .flat_map(|own| fs::read_dir(own.unwrap().path()).unwrap().map(|entry| entry.unwrap().file_name()))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// All of these tests, where this process is root of a user namespace: with many ids, and some with only one.
#[test]
fn privileged_the_same_in_user_namespaces() {
    if !rustix::process::geteuid().is_root() || Flavor::current() == Flavor::User {
        return;
    }
    check_in_user_namespace("0 0 65536", "privileged_");
    check_in_user_namespace("0 0 1", "stubs");
}

#[track_caller]
fn check_in_user_namespace(ids: &str, tests: &str) {
    let mut command = std::process::Command::new("unshare");
    command.args(["--user", "--mount", "sh", "-c", "read go && exec \"$0\" \"$@\""]);
    command.arg(std::env::current_exe().unwrap()).args([tests, "--skip", "kernel_takes"]);
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let Ok(mut child) = command.spawn() else { return };
    let ours = fs::read_link("/proc/self/ns/user").unwrap();
    let proc = PathBuf::from(format!("/proc/{}", child.id()));
    while fs::read_link(proc.join("ns/user")).is_ok_and(|theirs| theirs == ours) {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    for map in ["uid_map", "gid_map"] {
        fs::write(proc.join(map), ids).unwrap();
    }
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"go\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !text.contains("running 0 tests"), "{text}");
}
