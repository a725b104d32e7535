//! Whatever processes do to their files ends up in layers.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use proptest::prelude::*;

use super::Env;

/// Something that a process does to its files; what fails changes nothing.
#[derive(Debug, Clone)]
enum Deed {
    Write(String, u8),
    MakeDir(String),
    Remove(String),
    Replace(String),
    Symlink(String, String),
    Link(String, String),
    Rename(String, String),
    Mode(String, u32),
    Attribute(String, u8),
}

impl Deed {
    fn act(&self, root: &Path) {
        let at = |path: &str| root.join(path);
        // A link of the kernel's stands in `root`, so `..` and absolute links of a deed must not be followed: none are.
        let _ = match self {
            Self::Write(path, byte) => {
                let _ = fs::remove_file(at(path));
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
                let none = rustix::fs::XattrFlags::empty();
                rustix::fs::lsetxattr(at(path), "user.x", &[*byte], none).map_err(Into::into)
            }
        };
    }
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let path = || "[a-c](/[a-c]){0,2}";
    let deed = prop_oneof![
        4 => (path(), any::<u8>()).prop_map(|(path, byte)| Deed::Write(path, byte)),
        3 => path().prop_map(Deed::MakeDir),
        3 => path().prop_map(Deed::Remove),
        2 => path().prop_map(Deed::Replace),
        1 => (path(), path()).prop_map(|(path, target)| Deed::Symlink(path, target)),
        2 => (path(), path()).prop_map(|(path, first)| Deed::Link(path, first)),
        2 => (path(), path()).prop_map(|(from, to)| Deed::Rename(from, to)),
        1 => (path(), 0..0o7777_u32).prop_map(|(path, mode)| Deed::Mode(path, mode)),
        1 => (path(), any::<u8>()).prop_map(|(path, byte)| Deed::Attribute(path, byte)),
    ];
    proptest::collection::vec(deed, 1..25)
}

/// Whatever processes do: the layers' view, their trees, and their trees made again from the tars show what the last
/// process saw.
#[test]
fn privileged_layers_say_what_processes_did() {
    if Env::new().is_none() {
        return;
    }
    let config =
        ProptestConfig { cases: 12, max_shrink_iters: 200, failure_persistence: None, ..Default::default() };
    proptest!(config, |(steps in proptest::collection::vec(deeds(), 1..4))| {
        let env = Env::with_new_store();
        let mut layers = Vec::new();
        for step in &steps {
            layers = env.run(&layers, &[], |root| step.iter().for_each(|deed| deed.act(root)));
        }
    });
}
