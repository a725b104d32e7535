//! Commits from git's own server on this machine, of ordinary repositories and of hostile ones.

use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use cache::Store;
use rootfs::entry::Kind;
use rootfs::layers::Times;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

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
fn a_kept_git_directory_is_clean() {
    for format in ["sha1", "sha256"] {
        let env = TestEnv::new();
        let repository = Repository::new(&env.repositories.join("r"), format);
        repository.write("a/f", "text");
        repository.commit();
        repository.git(&["tag", "-a", "-m", "x", "v1"]);
        let fetched = env
            .fetch(|request| (request.keep_git_dir, request.reference) = (true, Some("v1")))
            .expect("fetched");
        let out = env.repositories.join("out");
        std::fs::create_dir(&out).expect("made");
        env.layers.write_dir(&[fetched.layer], Times::Store, &out).expect("written");
        let out = Repository { path: out };
        assert_eq!(out.git(&["status", "--porcelain"]), "");
        assert_eq!(out.git(&["rev-parse", "HEAD"]), fetched.commit);
        assert_eq!(out.git(&["describe", "--tags"]), "v1");
        assert_eq!(out.git(&["config", "remote.origin.url"]), env.server.url("/r/.git"));
        assert_eq!(out.git(&["fsck"]), "");
        let plain = env.reference("v1").expect("fetched");
        assert_eq!(env.names(&plain, ""), ["a"]);
    }
}

/// Writes files with attributes that change them in a checkout, and commits them.
fn commit_with_attributes(repository: &Repository) -> String {
    repository.write(
        ".gitattributes",
        "*.bat text eol=crlf\nid.txt ident\nu16.txt text working-tree-encoding=UTF-16LE-BOM eol=lf\n",
    );
    repository.write("win.bat", "a\nb\n");
    repository.write("deep/er/win.bat", "c\n");
    repository.write("deep/.gitattributes", "exact.bat -text\n");
    repository.write("deep/exact.bat", "d\n");
    repository.write("deep/ odd\nname.bat", "e\n");
    repository.write("id.txt", "$Id$\n");
    repository.write("plain.txt", "text\n");
    std::fs::write(repository.path.join("u16.txt"), b"\xff\xfeh\0\n\0").expect("written");
    repository.commit()
}

#[test]
fn files_are_as_git_checks_them_out() {
    let env = TestEnv::new();
    let repository = env.repository("r");
    commit_with_attributes(&repository);
    let id = repository.git(&["rev-parse", "HEAD:id.txt"]);
    // The files in the work tree were written by the test, not by a checkout.
    repository.git(&["rm", "--quiet", "--cached", "-r", "."]);
    repository.git(&["reset", "--quiet", "--hard"]);
    let fetched = env.fetch(|_| {}).expect("fetched");
    let tree = env.layers.view(&[fetched.layer]).expect("a tree");
    let files = [
        "win.bat",
        "deep/er/win.bat",
        "deep/exact.bat",
        "deep/ odd\nname.bat",
        "id.txt",
        "plain.txt",
        "u16.txt",
    ];
    for path in files {
        let mut bytes = Vec::new();
        tree.open(Path::new(path)).expect("opened").read_to_end(&mut bytes).expect("read");
        let expected = std::fs::read(repository.path.join(path)).expect("checked out");
        assert_eq!(bytes, expected, "{path}: {}", bytes.escape_ascii());
    }
    assert_eq!(env.text(&fetched, "win.bat").as_deref(), Some("a\r\nb\r\n"));
    assert_eq!(env.text(&fetched, "deep/exact.bat").as_deref(), Some("d\n"));
    assert_eq!(env.text(&fetched, "id.txt"), Some(format!("$Id: {id} $\n")));
}

#[test]
fn attributes_above_a_subdir_count() {
    let env = TestEnv::new();
    commit_with_attributes(&env.repository("r"));
    let fetched = env.fetch(|request| request.subdir = Some("deep/er")).expect("fetched");
    assert_eq!(env.text(&fetched, "win.bat").as_deref(), Some("c\r\n"));
}

#[test]
fn a_kept_git_directory_is_clean_beside_converted_files() {
    let env = TestEnv::new();
    commit_with_attributes(&env.repository("r"));
    let fetched = env.fetch(|request| request.keep_git_dir = true).expect("fetched");
    let out = env.repositories.join("out");
    std::fs::create_dir(&out).expect("made");
    env.layers.write_dir(&[fetched.layer], Times::Store, &out).expect("written");
    assert_eq!(Repository { path: out }.git(&["status", "--porcelain"]), "");
}

#[test]
fn git_lfs_pointers_are_named() {
    const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 9\n";
    let env = TestEnv::new();
    let repository = env.repository("r");
    repository.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
    repository.write("models/a.bin", POINTER);
    repository.write("real.bin", "content that is not a pointer");
    repository.write("text", POINTER);
    repository.commit();
    let expected = "\"models/a.bin\" is a Git LFS pointer, not the content of the file: dsbuild does not fetch from Git LFS servers";
    let fetched = env.fetch(|_| {}).expect("fetched");
    assert_eq!(fetched.lfs_pointers.as_deref(), Some(expected));
    assert_eq!(env.text(&fetched, "models/a.bin").as_deref(), Some(POINTER));
    let again = env.fetch(|_| {}).expect("fetched");
    assert_eq!(
        (again.is_cached, again.lfs_pointers.as_deref()),
        (true, Some(expected)),
        "a cached commit warns, too"
    );
    let without = env.fetch(|request| request.subdir = Some("models")).expect("fetched");
    assert!(without.lfs_pointers.expect("a warning").starts_with("\"a.bin\" is"));
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

#[test]
fn submodules_at_forbidden_addresses_are_refused() {
    for url in [
        "file:///etc",
        "/etc",
        "ext::sh -c 'touch /tmp/dsbuild-e03'",
        "-oProxyCommand=x",
        "http://169.254.169.254/r",
    ] {
        let env = TestEnv::new();
        let repository = env.repository("r");
        let commit = repository.commit();
        add_submodule(&repository, "m", url, &commit);
        let error = env.fetch(|_| {}).expect_err(url);
        assert!(error.contains("is refused"), "{url}: {error}");
    }
}

#[test]
fn a_repository_can_be_its_own_submodule() {
    let env = TestEnv::new();
    let repository = env.repository("r");
    let commit = repository.commit();
    // A submodule that is its own repository, at the commit before, which has none.
    add_submodule(&repository, "m", "../.git", &commit);
    assert_eq!(env.names(&env.fetch(|_| {}).expect("fetched"), "m"), Vec::<String>::new());
}

#[test]
fn a_commit_that_was_fetched_with_a_login_is_not_for_others() {
    // x-access-token:canary
    let mut env = TestEnv::with_login(Some("Basic eC1hY2Nlc3MtdG9rZW46Y2FuYXJ5"));
    let repository = env.repository("r");
    repository.write("f", "private");
    let commit = repository.commit();
    assert!(env.fetch(|_| {}).is_err());
    env.secrets.insert("GIT_AUTH_TOKEN".to_owned(), b"canary\n".to_vec());
    assert_eq!(env.fetch(|_| {}).expect("fetched").commit, commit);
    assert!(env.reference(&commit).expect("fetched").is_cached);
    env.secrets.clear();
    let error = env.reference(&commit).expect_err("not for others");
    assert!(!error.contains("canary"), "{error}");
    let with_user = env.server.url("/r/.git").replace("http://", "http://x-access-token:canary@");
    assert!(env.fetch(|request| request.remote = &with_user).is_ok());
}

#[test]
fn hostile_trees_end_the_build() {
    for name in [".git", "..", ".GIT", "a/b"] {
        let env = TestEnv::new();
        let repository = env.repository("r");
        repository.commit();
        let blob = repository.git_with(&["hash-object", "-w", "--stdin"], b"x");
        let hash: Vec<u8> =
            (0..40).step_by(2).map(|at| u8::from_str_radix(&blob[at..at + 2], 16).expect("hex")).collect();
        let tree = [format!("100644 {name}\0").as_bytes(), &hash].concat();
        let tree = repository.git_with(&["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], &tree);
        let commit = repository.git(&["commit-tree", "-m", "x", &tree]);
        repository.git(&["update-ref", "refs/heads/evil", &commit]);
        let fetched = env.reference("evil");
        // git lists `a/b` as a file in a directory that does not exist.
        assert!(fetched.is_err(), "{name}: {fetched:?}");
    }
}

#[test]
fn names_that_look_like_flags_are_names() {
    let env = TestEnv::new();
    let repository = env.repository("r");
    let commit = repository.commit();
    let evil = "refs/heads/--upload-pack=touch-evil";
    repository.git(&["update-ref", evil, &commit]);
    repository.git(&["symbolic-ref", "HEAD", evil]);
    assert_eq!(env.fetch(|_| {}).expect("fetched").commit, commit);
    assert_eq!(env.reference("--upload-pack=touch-evil").expect("fetched").commit, commit);
}

#[test]
fn the_configuration_of_the_user_is_not_read() {
    let mut env = TestEnv::new();
    let repository = env.repository("r");
    repository.commit();
    let home = env.repositories.join("home");
    std::fs::create_dir_all(&home).expect("made");
    let marker = home.join("ran");
    let config = format!(
        "[core]\n\tfsmonitor = touch {0}\n\thooksPath = {0}\n[url \"ext::touch {0} \"]\n\tinsteadOf = http://\n",
        marker.display()
    );
    std::fs::write(home.join(".gitconfig"), config).expect("written");
    let gitconfig = home.join(".gitconfig").into_os_string();
    env.variables.insert("HOME".to_owned(), home.into_os_string());
    env.variables.insert("GIT_CONFIG_GLOBAL".to_owned(), gitconfig);
    assert!(env.fetch(|_| {}).is_ok());
    assert!(!marker.exists());
}

#[test]
fn canceling_a_build_ends_git() {
    let env = TestEnv::new();
    let slow = Server::start(|_| {
        std::thread::sleep(std::time::Duration::from_secs(20));
        Vec::new()
    });
    let remote = slow.url("/r.git");
    let started = Instant::now();
    let context = GitContext {
        layers: &env.layers,
        secrets: &env.secrets,
        ssh_agent: None,
        variables: &env.variables,
        is_canceled: &|| started.elapsed().as_millis() > 200,
    };
    let request = GitRequest { remote: &remote, ..GitRequest::default() };
    assert!(matches!(fetch(&request, &context), Err(RemoteError::Git(GitError::Canceled))));
    assert!(started.elapsed().as_secs() < 10);
}

#[test]
fn a_directory_has_the_time_of_its_checkout() {
    let env = TestEnv::new();
    let store = env.layers.store();
    let time = |folder: &Path| checkout::time(store, folder, &env.variables);
    let repository = env.repository("r");
    assert_eq!(time(&repository.path), None, "no commit yet");
    repository.write("a/f", "");
    // These commands would run if the configuration of the checkout were read.
    let marker = env.repositories.join("ran");
    for key in ["core.fsmonitor", "core.sshCommand", "gpg.program", "core.pager"] {
        repository.git(&["config", key, &format!("touch {}", marker.display())]);
    }
    repository.git(&["-c", "core.fsmonitor=", "add", "--all"]);
    repository.git(&["-c", "core.fsmonitor=", "commit", "--quiet", "-m", "x"]);
    let _ = std::fs::remove_file(&marker);
    let expected = Some(1_700_000_000);
    assert_eq!(time(&repository.path), expected);
    assert_eq!(time(&repository.path.join("a")), expected, "from a folder below");
    repository.git(&["-c", "core.fsmonitor=", "pack-refs", "--all"]);
    repository.git(&["-c", "core.fsmonitor=", "gc", "--quiet"]);
    assert_eq!(time(&repository.path), expected, "packed");
    let second = env.repositories.join("second");
    repository.git(&["-c", "core.fsmonitor=", "worktree", "add", "--quiet", &second.to_string_lossy()]);
    assert_eq!(time(&second), expected, "a second checkout");
    let _ = std::fs::remove_file(&marker);
    std::fs::remove_dir_all(store.root().join("commits")).expect("forgotten");
    assert_eq!(time(&second), expected);
    assert!(!marker.exists());
    assert_eq!(time(&env.repositories), None, "no repository");
    let sha256 = Repository::new(&env.repositories.join("s"), "sha256");
    sha256.commit();
    assert_eq!(time(&sha256.path), expected);
    std::fs::write(sha256.path.join(".git/HEAD"), "ref: refs/../../../etc/passwd\n").expect("written");
    assert_eq!(time(&sha256.path), None);
}
