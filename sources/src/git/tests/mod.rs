//! Commits from git's own server on this machine, of ordinary repositories and of hostile ones.

mod checkouts;
mod hostile;

use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use cache::Store;
use trees::entry::Kind;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rootfs::layers::Layers;

use super::*;
use crate::RemoteError;
use crate::login::Logins;
use testing::git::{Repository, git_server};
use testing::http::Server;

/// A store, a directory of repositories, and a server for them.
struct TestEnv {
    _root: tempfile::TempDir,
    layers: Layers,
    repositories: PathBuf,
    server: Server,
    /// URL of the repository `r`.
    remote: String,
    secrets: Logins,
    variables: BTreeMap<String, OsString>,
}

impl TestEnv {
    fn new() -> Self {
        Self::with_login(None)
    }

    fn with_login(login: Option<&'static str>) -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        let store = Arc::new(Store::open(&root.path().join("store")).expect("a store"));
        let repositories = root.path().join("repositories");
        let server = git_server(&repositories, login);
        let (layers, remote) = (Layers::new(store), server.url("/r/.git"));
        Self {
            _root: root,
            layers,
            repositories,
            server,
            remote,
            secrets: Logins::new(),
            variables: BTreeMap::new(),
        }
    }

    fn repository(&self, name: &str) -> Repository {
        Repository::new(&self.repositories.join(name), "sha1")
    }

    fn fetch<'a>(&'a self, change: impl FnOnce(&mut GitRequest<'a>)) -> Result<FetchedCommit, String> {
        let mut request = GitRequest { remote: &self.remote, ..GitRequest::default() };
        change(&mut request);
        let context = GitContext {
            layers: &self.layers,
            secrets: &self.secrets,
            ssh_agent: None,
            variables: &self.variables,
            is_canceled: &|| false,
        };
        fetch(&request, &context).map_err(|error| match &error {
            RemoteError::Git(GitError::Submodule { source, .. }) => format!("{error}: {source}"),
            _ => error.to_string(),
        })
    }

    fn reference<'a>(&'a self, reference: &'a str) -> Result<FetchedCommit, String> {
        self.fetch(|request| request.reference = Some(reference))
    }

    /// Reads a file of the layer as text; `None` if there is no such file.
    fn text(&self, fetched: &FetchedCommit, path: &str) -> Option<String> {
        let tree = self.layers.view(&[fetched.layer]).expect("a tree");
        let mut text = String::new();
        tree.open(Path::new(path)).ok()?.read_to_string(&mut text).expect("read");
        Some(text)
    }

    fn names(&self, fetched: &FetchedCommit, path: &str) -> Vec<String> {
        let tree = self.layers.view(&[fetched.layer]).expect("a tree");
        let children = tree.children(Path::new(path)).expect("listed");
        children.into_iter().map(|child| child.name.to_string_lossy().into_owned()).collect()
    }
}

#[test]
fn the_layer_has_the_files_of_the_commit() {
    let env = TestEnv::new();
    let repository = env.repository("r");
    repository.write("a/b.txt", "text\n");
    repository.write("empty", "");
    repository.write("run.sh", "#!/bin/sh\n");
    repository.write(".gitattributes", "*.txt filter=evil\n");
    std::fs::set_permissions(repository.path.join("run.sh"), std::fs::Permissions::from_mode(0o777))
        .expect("set");
    symlink("/etc/passwd", repository.path.join("link")).expect("made");
    let commit = repository.commit();
    let fetched = env.fetch(|_| {}).expect("fetched");
    assert_eq!((&fetched.commit, fetched.time_s, fetched.is_cached), (&commit, 1_700_000_000, false));
    assert_eq!(env.names(&fetched, ""), [".gitattributes", "a", "empty", "link", "run.sh"]);
    assert_eq!(env.text(&fetched, "a/b.txt").as_deref(), Some("text\n"));
    let tree = env.layers.view(&[fetched.layer]).expect("a tree");
    let entry = |path: &str| tree.lookup(Path::new(path)).expect("looked up").expect("there");
    assert_eq!(entry("link").kind, Kind::Symlink { target: "/etc/passwd".into() });
    let modes = ["a", "a/b.txt", "run.sh", "empty"].map(|path| (entry(path).mode, entry(path).uid));
    assert_eq!(modes, [(0o755, 0), (0o644, 0), (0o755, 0), (0o644, 0)]);
}

#[test]
fn names_lead_to_commits() {
    let env = TestEnv::new();
    let repository = env.repository("r");
    repository.write("f", "one");
    let one = repository.commit();
    repository.git(&["tag", "-a", "-m", "x", "v1"]);
    repository.git(&["branch", "both"]);
    repository.write("f", "two");
    let two = repository.commit();
    repository.git(&["tag", "both"]);
    repository.git(&["update-ref", "refs/pull/7/head", &one]);
    let check = |reference: &str, expected: &str| {
        assert_eq!(env.reference(reference).expect(reference).commit, expected, "{reference}");
    };
    check("main", &two);
    check("refs/heads/main", &two);
    check("v1", &one);
    check("both", &one);
    check("refs/tags/both", &two);
    check("pull/7/head", &one);
    check(&one, &one);
    for absent in ["nope", "abcdef1", "--upload-pack=x", "refs/heads/v1"] {
        let error = env.reference(absent).expect_err(absent);
        assert!(error.starts_with(&format!("repository does not contain ref {absent}")), "{error}");
    }
}

#[test]
fn a_commit_in_the_store_is_not_fetched_again() {
    let env = TestEnv::new();
    let repository = env.repository("r");
    repository.write("f", "one");
    let one = repository.commit();
    let first = env.fetch(|_| {}).expect("fetched");
    let asked = env.server.requests().len();
    let by_hash = env.reference(&one).expect("fetched");
    assert_eq!((by_hash.layer, by_hash.is_cached), (first.layer, true));
    assert_eq!(env.server.requests().len(), asked, "a full hash needs no server");
    repository.git(&["tag", "light"]);
    for name in ["main", "light"] {
        assert!(env.reference(name).expect("fetched").is_cached, "{name}");
    }
    assert!(env.fetch(|_| {}).expect("fetched").is_cached);
    repository.write("f", "two");
    let two = repository.commit();
    let moved = env.fetch(|_| {}).expect("fetched");
    assert_eq!((moved.commit, moved.is_cached), (two, false));
}

#[test]
fn the_commit_must_be_the_one_of_the_checksum() {
    let env = TestEnv::new();
    let repository = env.repository("r");
    let commit = repository.commit();
    repository.git(&["tag", "-a", "-m", "x", "v1"]);
    let tag = repository.git(&["rev-parse", "v1"]);
    fn with<'a>(
        env: &'a TestEnv,
        reference: Option<&'a str>,
        checksum: &'a str,
    ) -> Result<FetchedCommit, String> {
        env.fetch(|request| (request.reference, request.checksum) = (reference, Some(checksum)))
    }
    assert!(with(&env, None, &commit).is_ok());
    assert!(with(&env, Some("v1"), &commit[..7]).is_ok());
    assert!(with(&env, Some("v1"), &tag).is_ok());
    let expected = format!("expected checksum to match 0123456, got {commit}");
    assert_eq!(with(&env, Some("main"), "0123456"), Err(expected.clone()));
    assert_eq!(with(&env, Some("v1"), "0123456"), Err(expected));
}

#[test]
fn a_subdir_is_reached_by_real_directories_only() {
    let env = TestEnv::new();
    let repository = env.repository("r");
    repository.write("a/b/f", "inner");
    repository.write("file", "");
    symlink("/", repository.path.join("root")).expect("made");
    symlink("a", repository.path.join("inside")).expect("made");
    repository.commit();
    let below = |subdir: &'static str| env.fetch(|request| request.subdir = Some(subdir));
    assert_eq!(env.names(&below("a").expect("fetched"), ""), ["b"]);
    assert_eq!(env.text(&below("/a/b/").expect("fetched"), "f").as_deref(), Some("inner"));
    for bad in ["root", "root/etc", "../x", "a/../../x", "inside/b", "file", "no", "a/b/f", "-x", ".git"] {
        let error = below(bad).expect_err(bad);
        assert!(error.contains("is not a directory of the repository"), "{bad}: {error}");
    }
}

#[test]
fn the_beginning_of_a_hash_names_a_commit() {
    for format in ["sha1", "sha256"] {
        let env = TestEnv::new();
        let repository = Repository::new(&env.repositories.join("r"), format);
        let commits = ["one", "two", "three"].map(|text| {
            repository.write("f", text);
            repository.commit()
        });
        let tip = env.reference(&commits[2][..8]).expect("the tip of a branch");
        assert_eq!((&tip.commit, env.text(&tip, "f").as_deref()), (&commits[2], Some("three")));
        let first = env.reference(&commits[0][..8]).expect("a commit of the history");
        assert_eq!((&first.commit, env.text(&first, "f").as_deref()), (&commits[0], Some("one")));
        let upper = commits[1][..12].to_ascii_uppercase();
        assert_eq!(env.reference(&upper).expect("in upper case").commit, commits[1]);
        let checked = env.fetch(|request| {
            (request.reference, request.checksum) = (Some(&commits[1][..7]), Some(&commits[1][..7]));
        });
        assert_eq!(checked.expect("the same commit").commit, commits[1]);
    }
}

/// Adds a submodule without fetching anything.
fn add_submodule(repository: &Repository, path: &str, url: &str, commit: &str) {
    repository.write(".gitmodules", &format!("[submodule \"m\"]\n\tpath = {path}\n\turl = {url}\n"));
    repository.git(&["add", ".gitmodules"]);
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},{path}")]);
    repository.git(&["commit", "--quiet", "-m", "x"]);
}

#[test]
fn submodules_are_fetched_with_the_repository() {
    let env = TestEnv::new();
    let inner = env.repository("inner");
    inner.write("deep/f", "of the submodule");
    let commit = inner.commit();
    inner.write("deep/f", "newer");
    inner.commit();
    let outer = env.repository("r");
    outer.write("own", "");
    outer.commit();
    add_submodule(&outer, "lib/m", "../../inner/.git", &commit);
    let fetched = env.fetch(|_| {}).expect("fetched");
    assert_eq!(env.names(&fetched, ""), [".gitmodules", "lib", "own"]);
    assert_eq!(env.text(&fetched, "lib/m/deep/f").as_deref(), Some("of the submodule"));
    let without = env.fetch(|request| request.skip_submodules = true).expect("fetched");
    assert_eq!(env.names(&without, "lib/m"), Vec::<String>::new());
}

#[test]
fn a_subdir_can_lie_in_a_submodule() {
    let env = TestEnv::new();
    let inner = env.repository("inner");
    inner.write("deep/f", "of the submodule");
    let commit = inner.commit();
    let outer = env.repository("r");
    outer.write("own", "");
    outer.commit();
    add_submodule(&outer, "lib/m", "../../inner/.git", &commit);
    let below = |subdir: &'static str| env.fetch(|request| request.subdir = Some(subdir));
    assert_eq!(env.names(&below("lib/m").expect("fetched"), ""), ["deep"]);
    assert_eq!(env.text(&below("lib/m/deep").expect("fetched"), "f").as_deref(), Some("of the submodule"));
    let error = below("lib/m/none").expect_err("no such directory");
    assert!(error.contains("is not a directory of the repository"), "{error}");
    let skipped = |subdir: &'static str| {
        env.fetch(|request| (request.subdir, request.skip_submodules) = (Some(subdir), true))
    };
    assert_eq!(env.names(&skipped("lib/m").expect("an empty directory"), ""), Vec::<String>::new());
    skipped("lib/m/deep").expect_err("nothing is in it");
}
