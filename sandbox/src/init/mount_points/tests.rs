//! Paths in a root file system with symlinks, and a directory beside it that must never be touched.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use super::*;

struct Env {
    dir: tempfile::TempDir,
    root: Root,
}

/// Makes a root file system in `<dir>/root`, and `<dir>/host`, which must never be touched.
fn env() -> Env {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("root/real/deep")).unwrap();
    fs::create_dir(dir.path().join("host")).unwrap();
    fs::write(dir.path().join("root/file"), "").unwrap();
    let root = openat(rustix::fs::CWD, dir.path().join("root"), PATH, Mode::empty()).unwrap();
    Env { root: Root::new(root).unwrap(), dir }
}

impl Env {
    /// Makes a symlink; `HOST` in its target stands for the path of `<dir>/host`.
    fn symlink(&self, target: &str, name: &str) {
        let target = target.replace("HOST", self.dir.path().join("host").to_str().unwrap());
        symlink(target, self.dir.path().join("root").join(name)).unwrap();
    }

    #[track_caller]
    fn check(&self, path: &str, kind: Kind, at: &str, created: &[&str]) {
        let found = self.root.find_or_create(Path::new(path), kind, None).unwrap();
        let expected = fs::metadata(self.dir.path().join("root").join(at)).unwrap();
        assert_eq!(fstat(&found.fd).unwrap().st_ino, expected.ino(), "{path}");
        let paths: Vec<_> = found.created.iter().map(|entry| entry.path.to_str().unwrap()).collect();
        assert_eq!(paths, created, "{path}");
        assert_eq!(fs::read_dir(self.dir.path().join("host")).unwrap().count(), 0);
    }

    #[track_caller]
    fn check_error(&self, path: &str, kind: Kind, expected: Errno) {
        let error = self.root.find_or_create(Path::new(path), kind, None).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(expected.raw_os_error()), "{path}");
    }
}

#[test]
fn existing_paths_are_found() {
    let env = env();
    env.check("/", Kind::Directory, ".", &[]);
    env.check("/real/deep/", Kind::Directory, "real/deep", &[]);
    env.check("/file", Kind::File, "file", &[]);
}

#[test]
fn missing_components_are_created_once() {
    let env = env();
    env.check("/real/x/y", Kind::Directory, "real/x/y", &["real/x", "real/x/y"]);
    env.check("/a/b", Kind::File, "a/b", &["a", "a/b"]);
    env.check("//a/./b", Kind::File, "a/b", &[]);
}

#[test]
fn symlinks_are_followed_inside_the_root() {
    let env = env();
    env.symlink("../../../real", "up");
    env.symlink("/real/deep", "absolute");
    env.check("/up/deep", Kind::Directory, "real/deep", &[]);
    env.check("/absolute/f", Kind::File, "real/deep/f", &["real/deep/f"]);
    env.check("/../../real", Kind::Directory, "real", &[]);
}

#[test]
fn the_target_of_a_dangling_symlink_is_created() {
    let env = env();
    env.symlink("/missing/dir", "dangling");
    env.check("/dangling/x", Kind::Directory, "missing/dir/x", &["missing", "missing/dir", "missing/dir/x"]);
}

#[test]
fn the_target_of_a_symlink_to_the_host_is_created_inside_the_root() {
    let env = env();
    env.symlink("HOST", "host");
    let inside = env.root.find_or_create(Path::new("/host/x"), Kind::File, None).unwrap();
    assert!(inside.created.len() > 2, "{inside:?}");
    assert_eq!(fs::read_dir(env.dir.path().join("host")).unwrap().count(), 0);
}

#[test]
fn a_path_of_another_kind_is_an_error() {
    let env = env();
    env.check_error("/file/x", Kind::Directory, Errno::NOTDIR);
    env.check_error("/file", Kind::Directory, Errno::NOTDIR);
    env.check_error("/real", Kind::File, Errno::ISDIR);
}

#[test]
fn a_cycle_of_symlinks_is_an_error() {
    let env = env();
    env.symlink("loop", "loop");
    env.check_error("/loop/x", Kind::Directory, Errno::LOOP);
}

#[test]
fn a_missing_system_directory_is_created() {
    let env = env();
    assert!(env.root.system_directory("sys").is_ok());
    assert!(env.dir.path().join("root/sys").is_dir());
}

#[test]
fn a_system_directory_that_is_not_a_directory_is_refused() {
    let env = env();
    env.symlink("HOST", "proc");
    fs::write(env.dir.path().join("root/dev"), "").unwrap();
    for name in ["proc", "dev"] {
        let error = env.root.system_directory(name).unwrap_err();
        assert!(error.to_string().contains("not a real directory"), "{error}");
    }
}
