//! A tree in memory, and copies between such trees, for tests.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::ContentDigest;
use trees::entry::{Entry, Kind};
use trees::tree::{Child, Tree};

use super::{Applied, FileOpError, apply};
use graph::{CopyAction, CopySource, FileAction, FileOp, InputIndex};

/// Entries by path, with the content of files.
#[derive(Clone)]
pub(super) struct MemoryTree {
    entries: BTreeMap<PathBuf, (Entry, Vec<u8>)>,
    links: BTreeMap<PathBuf, u64>,
}

impl MemoryTree {
    /// Reads a list of entries, parents first or implied: `d/ 0750`, `f`, `f 0640`, `f=content 0640 7:8`, `l->target`,
    /// `p|` (a fifo), `h 0644 #1` (one of the names of file 1).
    pub fn new(entries: &[&str]) -> Self {
        let mut tree = Self { entries: BTreeMap::new(), links: BTreeMap::new() };
        tree.entries.insert(PathBuf::new(), (Entry::directory(0o755), Vec::new()));
        for line in entries {
            let mut words = line.split(' ');
            let name = words.next().expect("a name");
            let (path, mut entry, content) = named(name);
            for word in words {
                match (word.split_once(':'), word.strip_prefix('#')) {
                    (Some((uid, gid)), _) => {
                        (entry.uid, entry.gid) =
                            (uid.parse().expect("a number"), gid.parse().expect("a number"));
                    }
                    (_, Some(group)) => {
                        tree.links.insert(path.clone(), group.parse().expect("a number"));
                    }
                    _ => entry.mode = u32::from_str_radix(word, 8).expect("a mode"),
                }
            }
            tree.put(path, entry, content.as_bytes());
        }
        tree
    }

    /// Adds anything, and directories above it.
    pub fn put(&mut self, path: impl Into<PathBuf>, entry: Entry, content: &[u8]) {
        let path = path.into();
        for above in path.ancestors().skip(1) {
            self.entries.entry(above.to_owned()).or_insert_with(|| (Entry::directory(0o755), Vec::new()));
        }
        self.entries.insert(path, (entry, content.to_vec()));
    }

    /// Changes the entry at a path.
    pub fn change(mut self, path: &str, change: impl FnOnce(&mut Entry)) -> Self {
        change(&mut self.entries.get_mut(Path::new(path)).expect("it is there").0);
        self
    }
}

fn named(name: &str) -> (PathBuf, Entry, &str) {
    let of = |kind, mode| Entry { kind, ..Entry::directory(mode) };
    if let Some((path, target)) = name.split_once("->") {
        return (path.into(), of(Kind::Symlink { target: target.into() }, 0o777), "");
    }
    if let Some(path) = name.strip_suffix('/') {
        return (path.into(), Entry::directory(0o755), "");
    }
    if let Some(path) = name.strip_suffix('|') {
        return (path.into(), of(Kind::Fifo, 0o644), "");
    }
    let (path, content) = name.split_once('=').unwrap_or((name, name));
    (path.into(), of(Kind::File { size_bytes: content.len() as u64 }, 0o644), content)
}

impl Tree for MemoryTree {
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>> {
        Ok(self.entries.get(path).map(|(entry, _)| entry.clone()))
    }

    fn children(&self, path: &Path) -> io::Result<Vec<Child>> {
        let below = self.entries.iter().filter(|(at, _)| at.parent() == Some(path));
        let child = |(at, (entry, _)): (&PathBuf, &(Entry, _))| Child {
            name: at.file_name().expect("it has a parent").to_owned(),
            entry: entry.clone(),
            content: None,
        };
        let mut children: Vec<Child> = below.map(child).collect();
        children.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(children)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        match self.entries.get(path) {
            Some((Entry { kind: Kind::File { .. }, .. }, content)) => {
                Ok(Box::new(Cursor::new(content.clone())))
            }
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn content(&self, path: &Path) -> io::Result<ContentDigest> {
        self.entries
            .get(path)
            .map(|(_, content)| ContentDigest::of(content))
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn link_group(&self, path: &Path) -> io::Result<Option<u64>> {
        Ok(self.links.get(path).copied())
    }
}

/// The action of `COPY source destination`.
pub(super) fn copy(source: &str, destination: &str) -> CopyAction {
    CopyAction {
        from: CopySource::Input {
            input: InputIndex(0),
            path: source.to_owned(),
            as_written: source.to_owned(),
        },
        destination: destination.to_owned(),
        owner: None,
        mode: None,
        excludes: Vec::new(),
        parents: false,
        unpack: false,
        keep_owner: true,
        link: false,
        mtime_s: Some(1_000_000_000),
    }
}

/// Makes the copies on top of `base`.
pub(super) fn try_copies(
    actions: Vec<CopyAction>,
    source: &MemoryTree,
    base: &MemoryTree,
) -> Result<Applied, FileOpError> {
    let op = FileOp {
        base: Some(InputIndex(1)),
        actions: actions.into_iter().map(|action| FileAction::Copy(Box::new(action))).collect(),
    };
    let source: Arc<dyn Tree> = Arc::new(source.clone());
    let scratch = tempfile::tempdir().expect("a temporary directory");
    apply(&op, Arc::new(base.clone()), &|_| source.clone(), scratch.path())
}

/// The whole tree after the copies: a line for each entry, as [`MemoryTree::new`] takes them, with mode, and owner if it is
/// not root.
pub(super) fn copied(actions: Vec<CopyAction>, source: &MemoryTree, base: &MemoryTree) -> Vec<String> {
    let applied = try_copies(actions, source, base).expect("copied");
    let mut lines = Vec::new();
    list(&applied.diff, Path::new(""), &mut lines);
    lines
}

fn list(tree: &dyn Tree, path: &Path, lines: &mut Vec<String>) {
    for Child { name, entry, .. } in tree.children(path).expect("a directory") {
        let path = path.join(name);
        lines.push(line(tree, &path, &entry));
        if entry.is_dir() {
            list(tree, &path, lines);
        }
    }
}

fn line(tree: &dyn Tree, path: &Path, entry: &Entry) -> String {
    let shown = path.display();
    let mut line = match &entry.kind {
        Kind::Directory { .. } => format!("{shown}/"),
        Kind::Symlink { target } => format!("{shown}->{}", target.display()),
        Kind::Fifo => format!("{shown}|"),
        Kind::File { .. } => {
            format!("{shown}={}", String::from_utf8_lossy(&read(tree, path)))
        }
        other => format!("{shown} {other:?}"),
    };
    if !matches!(entry.kind, Kind::Symlink { .. }) {
        line += &format!(" {:04o}", entry.mode);
    }
    if (entry.uid, entry.gid) != (0, 0) {
        line += &format!(" {}:{}", entry.uid, entry.gid);
    }
    if let Some(group) = tree.link_group(path).expect("looked") {
        line += &format!(" #{group}");
    }
    line
}

fn read(tree: &dyn Tree, path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    tree.open(path).expect("opened").read_to_end(&mut bytes).expect("read");
    bytes
}
