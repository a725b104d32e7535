//! Random changes that processes make to their files end up in layers, whatever they are.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use proptest::prelude::*;

use super::Env;

/// Change that a process makes to its files.
#[derive(Debug, Clone)]
pub(super) enum FileChange {
    Write(String, u8),
    MakeDir(String),
    Remove(String),
    Replace(String),
    Symlink(String, String),
    Link(String, String),
    Rename(String, String),
    Mode(String, u32),
    Attribute(String, u8),
    Open(String),
}

impl FileChange {
    /// Makes the change, which can fail for lack of a parent, say. It never follows a symlink out of `root`: the
    /// targets are relative and do not climb.
    pub(super) fn make(&self, root: &Path) -> io::Result<()> {
        let at = |path: &str| root.join(path);
        match self {
            Self::Write(path, byte) => {
                fs::remove_file(at(path)).unwrap_or_default();
                fs::write(at(path), vec![*byte; usize::from(*byte) * 7])
            }
            Self::MakeDir(path) => fs::create_dir_all(at(path)),
            Self::Remove(path) => fs::remove_dir_all(at(path)).or_else(|_| fs::remove_file(at(path))),
            Self::Replace(path) => fs::remove_dir_all(at(path)).and_then(|()| fs::create_dir(at(path))),
            Self::Symlink(path, target) => symlink(target, at(path)),
            Self::Link(path, first) => fs::hard_link(at(first), at(path)),
            Self::Rename(from, to) => fs::rename(at(from), at(to)),
            Self::Mode(path, mode) => fs::set_permissions(at(path), PermissionsExt::from_mode(*mode)),
            Self::Attribute(path, byte) => {
                let flags = rustix::fs::XattrFlags::empty();
                rustix::fs::lsetxattr(at(path), "user.x", &[*byte], flags).map_err(Into::into)
            }
            Self::Open(path) => fs::File::options().write(true).open(at(path)).map(drop),
        }
    }
}

/// Returns changes to a few paths, so that many of them meet.
pub(super) fn changes() -> impl Strategy<Value = Vec<FileChange>> {
    let path = || "[a-c](/[a-c]){0,2}";
    let change = prop_oneof![
        4 => (path(), any::<u8>()).prop_map(|(path, byte)| FileChange::Write(path, byte)),
        3 => path().prop_map(FileChange::MakeDir),
        3 => path().prop_map(FileChange::Remove),
        2 => path().prop_map(FileChange::Replace),
        1 => (path(), path()).prop_map(|(path, target)| FileChange::Symlink(path, target)),
        2 => (path(), path()).prop_map(|(path, first)| FileChange::Link(path, first)),
        2 => (path(), path()).prop_map(|(from, to)| FileChange::Rename(from, to)),
        1 => (path(), 0..0o7777_u32).prop_map(|(path, mode)| FileChange::Mode(path, mode)),
        1 => (path(), any::<u8>()).prop_map(|(path, byte)| FileChange::Attribute(path, byte)),
        1 => path().prop_map(FileChange::Open),
    ];
    proptest::collection::vec(change, 1..25)
}

/// `Env::run` compares the view of the layers, their trees, and trees made again from the tars with what the last
/// process saw.
#[test]
fn privileged_layers_show_what_processes_did() {
    if Env::new().is_none() {
        return;
    }
    let config =
        ProptestConfig { cases: 12, max_shrink_iters: 200, failure_persistence: None, ..Default::default() };
    proptest!(config, |(steps in proptest::collection::vec(changes(), 1..4))| {
        let env = Env::with_new_store();
        let mut layers = Vec::new();
        for step in &steps {
            layers = env.run(&layers, &[], |root| {
                // A change that fails leaves files that are as good to compare as any others.
                step.iter().for_each(|change| change.make(root).unwrap_or_default());
            });
        }
    });
}
