//! Mount sources of bind mounts: resolved inside their tree, and never outside.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use oci::DiffId;
use tempfile::TempDir;

use super::{Env, base};
use crate::RootfsError;
use crate::snapshot::{bind, bind_host};
use trees::safe_path::fd_path;

/// Two layers with symlinks: into the layers (`all`, `abs`), and to a directory of the host (`host`).
struct LinkedLayers {
    env: Env,
    ids: [DiffId; 2],
    /// Directory that `host` leads to; removed when dropped.
    host: TempDir,
}

impl LinkedLayers {
    fn new() -> Option<Self> {
        let env = Env::new()?;
        let host = tempfile::tempdir().unwrap();
        fs::write(host.path().join("secret"), "host").unwrap();
        let tree =
            base().link("host", host.path().to_str().unwrap()).link("all", "/").link("abs", "/opt/sub");
        let top = env.run(&[], &[], |root| fs::write(root.join("opt2"), "2").unwrap())[0];
        let ids = [env.layer(&tree), top];
        Some(Self { env, ids, host })
    }

    /// Binds `source` read-only, and returns the content of the file `name` in it.
    fn read(&self, source: &str, name: &str) -> Result<String, RootfsError> {
        let bind = bind(&self.env.layers, &self.ids, Path::new(source), false)?;
        let path = fd_path(bind.mount.as_fd()).join(name);
        assert!(fs::write(&path, "").is_err(), "read-only");
        Ok(fs::read_to_string(path).unwrap())
    }
}

#[test]
fn privileged_a_bind_shows_part_of_the_layers_read_only() {
    let Some(layers) = LinkedLayers::new() else { return };
    assert_eq!(layers.read("/", "opt/tool").unwrap(), "tool");
    assert_eq!(layers.read("", "opt2").unwrap(), "2");
    assert_eq!(layers.read("opt/sub", "deep").unwrap(), "deep");
}

#[test]
fn privileged_a_bind_follows_symlinks_inside_the_layers_only() {
    let Some(layers) = LinkedLayers::new() else { return };
    assert_eq!(layers.read("/abs", "deep").unwrap(), "deep");
    assert_eq!(layers.read("all", "opt/tool").unwrap(), "tool");
    assert_eq!(layers.read("../../opt", "tool").unwrap(), "tool");
    assert!(layers.read("host", "secret").is_err());
    assert!(layers.read("missing", "").is_err());
}

#[test]
fn privileged_a_single_file_can_be_bound() {
    let Some(LinkedLayers { env, ids, host: _host }) = LinkedLayers::new() else { return };
    let file = bind(&env.layers, &ids, Path::new("opt/tool"), false).unwrap();
    assert_eq!(fs::read_to_string(fd_path(file.mount.as_fd())).unwrap(), "tool");
}

#[test]
fn privileged_changes_in_a_writable_bind_are_discarded() {
    let Some(env) = Env::new() else { return };
    let ids = [env.layer(&base())];
    let bind = || bind(&env.layers, &ids, Path::new("opt"), true).unwrap();
    let first = bind();
    let tool = |mount: &crate::snapshot::Bind| fd_path(mount.mount.as_fd()).join("tool");
    fs::write(tool(&first), "changed").unwrap();
    let second = bind();
    assert_eq!(fs::read_to_string(tool(&first)).unwrap(), "changed");
    assert_eq!(fs::read_to_string(tool(&second)).unwrap(), "tool");
}

/// Returns a directory of the host with symlinks into it (`link`) and out of it (`out`).
fn host_directory(env: &Env) -> PathBuf {
    let directory = env.root.path().join("context");
    fs::create_dir_all(directory.join("sub")).unwrap();
    fs::write(directory.join("sub/file"), "here").unwrap();
    symlink("/sub", directory.join("link")).unwrap();
    symlink("/etc", directory.join("out")).unwrap();
    directory
}

#[test]
fn privileged_a_bind_of_the_host_follows_symlinks_inside_the_directory_only() {
    let Some(env) = Env::new() else { return };
    let directory = host_directory(&env);
    for source in ["sub", "link", "/link", "../sub"] {
        let mount = bind_host(&directory, Path::new(source)).unwrap();
        assert_eq!(fs::read_to_string(fd_path(mount.as_fd()).join("file")).unwrap(), "here");
    }
    assert!(bind_host(&directory, Path::new("out")).is_err());
}

#[test]
fn privileged_a_bind_of_the_host_can_be_a_file() {
    let Some(env) = Env::new() else { return };
    let file = host_directory(&env).join("sub/file");
    let mount = bind_host(&file, Path::new("")).unwrap();
    assert_eq!(fs::read_to_string(fd_path(mount.as_fd())).unwrap(), "here");
    assert!(bind_host(&file, Path::new("x")).is_err());
}
