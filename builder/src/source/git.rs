//! A git repository's tree, fetched by the git program.
//!
//! One commit is fetched and checked out in a scratch directory that lives as long as the tree does, its submodules too.
//! Modes are those that git knows (0644, 0755), whatever the umask; everything is root's; `.git` is left out unless asked
//! for.
//!
//! A repository is a stranger's: git runs without configuration of user or system, without hooks, filters, prompts and
//! credential helpers; it speaks https, http, ssh and its own protocol only, for submodules too (no `file`, no `ext`).
//! What comes from a Dockerfile is never an option: remotes and refs that begin with `-` are refused, and `--` stands
//! before them. A folder is reached through directories only, never through a link of the repository.
//!
//! Source: security advisories of git (CVE-2017-1000117, 2022-39253, 2024-32002) and BuildKit (CVE-2026-33748).

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use cache::{Key, ScratchDir};
use registry::redacted;
use rootfs::entry::{Entry, Kind};
use rootfs::tree::Tree;

use super::{SourceError, Sources};
use crate::cancel::Cancel;
use crate::context::{ContextTree, Ignore};

/// How often a running git is looked at.
const POLL: Duration = Duration::from_millis(10);
/// What is read of what git says.
const OUTPUT_BYTES: u64 = 16 << 20;

/// Said to git before every command.
const CONFIG: [&str; 14] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.autocrlf=false",
    "core.symlinks=true",
    "credential.helper=",
    "advice.detachedHead=false",
    "init.defaultBranch=main",
    "maintenance.auto=false",
    "gc.auto=0",
    "protocol.allow=never",
    "protocol.https.allow=always",
    "protocol.http.allow=always",
    "protocol.ssh.allow=always",
    "protocol.git.allow=always",
];

/// Variables that would lead git elsewhere.
const REMOVED: [&str; 9] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_EXTERNAL_DIFF",
];

const VARIABLES: [(&str, &str); 9] = [
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_SYSTEM", "/dev/null"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ASKPASS", "/bin/false"),
    ("GIT_SSH_COMMAND", "ssh -oBatchMode=yes"),
    ("GIT_PROTOCOL_FROM_USER", "0"),
    ("LC_ALL", "C"),
];

/// Which files of which repository.
#[derive(Debug, Clone, Copy)]
pub struct GitFiles<'a> {
    /// The remote.
    pub remote: &'a str,
    /// Branch, tag or commit; what the remote's HEAD is if absent.
    pub reference: Option<&'a str>,
    /// A folder.
    pub subdir: Option<&'a str>,
    /// Keep `.git`.
    pub keep_git_dir: bool,
    /// The commit, or how it begins.
    pub checksum: Option<&'a str>,
}

impl Sources {
    /// Fetches and checks out.
    pub fn git(&self, wanted: &GitFiles<'_>, cancel: &Cancel) -> Result<Arc<dyn Tree>, SourceError> {
        let scratch = self.store.scratch()?;
        let git = Git {
            work_tree: scratch.path().join("tree"),
            output: scratch.path().into(),
            remote: wanted.remote,
            cancel,
        };
        git.check_words(wanted)?;
        git.run(&["init", "-q", "--template=", "--", &git.work_tree.to_string_lossy()], None)?;
        git.run_inside(&["remote", "add", "--", "origin", wanted.remote])?;
        let commit = git.fetch(wanted.reference)?;
        let expected = wanted.checksum.map(str::to_ascii_lowercase);
        if let Some(expected) = expected.filter(|expected| !commit.starts_with(expected.as_str())) {
            return Err(git.failed(format!("expected checksum to match {expected}, got {commit}")));
        }
        git.run_inside(&["checkout", "-q", "--detach", &commit])?;
        if git.work_tree.join(".gitmodules").symlink_metadata().is_ok() {
            git.run_inside(&["submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"])?;
        }
        let base = PathBuf::from(wanted.subdir.unwrap_or_default());
        let tree = GitTree::new(scratch, &git.work_tree, base, wanted.keep_git_dir).map_err(|source| {
            SourceError::Io { action: "open the checkout of", path: redacted(wanted.remote).into(), source }
        })?;
        match tree.lookup(Path::new("")) {
            Ok(Some(entry)) if entry.is_dir() => Ok(Arc::new(tree)),
            _ => {
                Err(git.failed(format!("no such folder in the repository: {}", wanted.subdir.unwrap_or("/"))))
            }
        }
    }
}

/// The git program, for one checkout.
struct Git<'a> {
    work_tree: PathBuf,
    /// Where its output is kept, in files without names.
    output: PathBuf,
    remote: &'a str,
    cancel: &'a Cancel,
}

impl Git<'_> {
    /// Nothing that a Dockerfile says may be taken for an option.
    fn check_words(&self, wanted: &GitFiles<'_>) -> Result<(), SourceError> {
        let words = [Some(wanted.remote), wanted.reference, wanted.subdir];
        match words
            .into_iter()
            .flatten()
            .find(|word| word.starts_with('-') || word.contains(char::is_control))
        {
            Some(word) => Err(self.failed(format!("{word:?} is no remote, ref or folder"))),
            None => Ok(()),
        }
    }

    /// Brings the commit of `reference` here and returns its hash.
    fn fetch(&self, reference: Option<&str>) -> Result<String, SourceError> {
        let found = match reference {
            None => Some("HEAD".to_owned()),
            Some(reference) => self.find(reference)?,
        };
        if let Some(name) = found {
            self.run_inside(&[&FETCH_ONE[..], &["--", "origin", &name]].concat())?;
            return self.commit("FETCH_HEAD");
        }
        let reference = reference.expect("HEAD is always found");
        if !is_commit(reference) {
            return Err(self.failed(format!("repository does not contain ref {reference}")));
        }
        let is_whole = matches!(reference.len(), 40 | 64);
        if !is_whole || self.run_inside(&[&FETCH_ONE[..], &["--", "origin", reference]].concat()).is_err() {
            // The server does not give commits by themselves, or the hash is short: all of it must come.
            self.run_inside(&[
                "fetch",
                "-q",
                "--tags",
                "--no-recurse-submodules",
                "--",
                "origin",
                ALL_BRANCHES,
            ])?;
        }
        self.commit(reference)
            .map_err(|_| self.failed(format!("repository does not contain ref {reference}")))
    }

    /// The full name of a branch or tag of the remote; of a branch, if there are both.
    fn find(&self, reference: &str) -> Result<Option<String>, SourceError> {
        let short = reference.strip_prefix("refs/").unwrap_or(reference);
        let names =
            [format!("refs/heads/{reference}"), format!("refs/tags/{reference}"), format!("refs/{short}")];
        let patterns: Vec<&str> = names.iter().map(String::as_str).collect();
        let listed = self.run_inside(&[&["ls-remote", "-q", "--", "origin"], &patterns[..]].concat())?;
        let has = |name: &String| {
            listed
                .lines()
                .any(|line| line.split_once('\t').is_some_and(|(_, listed)| listed == name.as_str()))
        };
        Ok(names.iter().find(|name| has(name)).cloned())
    }

    fn commit(&self, name: &str) -> Result<String, SourceError> {
        let hash = self.run_inside(&[
            "rev-parse",
            "--verify",
            "-q",
            "--end-of-options",
            &format!("{name}^{{commit}}"),
        ])?;
        Ok(hash.trim().to_owned())
    }

    fn run_inside(&self, arguments: &[&str]) -> Result<String, SourceError> {
        self.run(arguments, Some(&self.work_tree))
    }

    /// Runs git; returns what it wrote to stdout.
    fn run(&self, arguments: &[&str], inside: Option<&Path>) -> Result<String, SourceError> {
        let io =
            |source| SourceError::Io { action: "run git for", path: redacted(self.remote).into(), source };
        let (mut stdout, mut stderr) =
            (nameless(&self.output).map_err(io)?, nameless(&self.output).map_err(io)?);
        let mut command = Command::new("git");
        for setting in CONFIG {
            command.args(["-c", setting]);
        }
        for name in REMOVED {
            command.env_remove(name);
        }
        command
            .envs(VARIABLES)
            .args(arguments)
            .current_dir(inside.unwrap_or(&self.output))
            .stdin(Stdio::null());
        command.stdout(stdout.try_clone().map_err(io)?).stderr(stderr.try_clone().map_err(io)?);
        let mut child = command.spawn().map_err(io)?;
        let status = loop {
            match child.try_wait().map_err(io)? {
                Some(status) => break status,
                None if self.cancel.is_canceled() => {
                    let _ = child.kill();
                    break child.wait().map_err(io)?;
                }
                None => std::thread::sleep(POLL),
            }
        };
        match status.success() {
            true => text(&mut stdout).map_err(io),
            false => Err(self.failed(said(&text(&mut stderr).map_err(io)?))),
        }
    }

    fn failed(&self, reason: String) -> SourceError {
        let remote = redacted(self.remote);
        SourceError::Git { reason: reason.replace(self.remote, &remote), remote }
    }
}

const FETCH_ONE: [&str; 5] = ["fetch", "-q", "--depth=1", "--no-tags", "--no-recurse-submodules"];
const ALL_BRANCHES: &str = "+refs/heads/*:refs/remotes/origin/*";

/// A commit's hash, or the beginning of one.
fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What git complains about, in one line.
fn said(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    let complaint = lines.iter().find(|line| line.starts_with("fatal: ") || line.starts_with("error: "));
    let line = complaint.or(lines.last()).map_or("git failed without a word", |line| line);
    line.replace(char::is_control, " ")
}

fn nameless(directory: &Path) -> io::Result<File> {
    crate::op::file::nameless_file(directory)
}

fn text(file: &mut File) -> io::Result<String> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.take(OUTPUT_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A checkout, from one of its folders on.
struct GitTree {
    tree: ContextTree,
    base: PathBuf,
    /// Its files; gone with the tree.
    _scratch: ScratchDir,
}

impl GitTree {
    fn new(scratch: ScratchDir, work_tree: &Path, base: PathBuf, keep_git_dir: bool) -> io::Result<Self> {
        let hidden: &[&str] = if keep_git_dir { &[] } else { &["**/.git"] };
        let ignore = Ignore::new(hidden).expect("a good pattern");
        Ok(Self { tree: ContextTree::open(work_tree, ignore, None)?, base, _scratch: scratch })
    }

    fn at(&self, path: &Path) -> PathBuf {
        match (self.base.as_os_str().is_empty(), path.as_os_str().is_empty()) {
            (true, _) => path.to_owned(),
            (false, true) => self.base.clone(),
            (false, false) => self.base.join(path),
        }
    }
}

/// With the mode that git knows.
fn normal(mut entry: Entry) -> Entry {
    entry.mode = match entry.kind {
        Kind::Directory { .. } => 0o755,
        Kind::Symlink { .. } => 0o777,
        _ if entry.mode & 0o100 != 0 => 0o755,
        _ => 0o644,
    };
    entry.xattrs.clear();
    entry
}

impl Tree for GitTree {
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>> {
        Ok(self.tree.lookup(&self.at(path))?.map(normal))
    }

    fn children(&self, path: &Path) -> io::Result<Vec<(OsString, Entry)>> {
        let children = self.tree.children(&self.at(path))?;
        Ok(children.into_iter().map(|(name, entry)| (name, normal(entry))).collect())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        self.tree.open(&self.at(path))
    }

    fn content(&self, path: &Path) -> io::Result<Key> {
        self.tree.content(&self.at(path))
    }

    fn known_content(&self, path: &Path) -> Option<Key> {
        self.tree.known_content(&self.at(path))
    }
}

#[cfg(test)]
mod tests;
