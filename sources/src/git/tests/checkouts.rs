//! Files as git checks them out, `.git` beside them, and checkouts of the user.

use std::io::Read as _;
use std::path::Path;

use rootfs::layers::Times;
use testing::git::Repository;

use super::TestEnv;
use crate::git::checkout;

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
    env.layers.write_dir(&[fetched.layer], Times::Store, &out, &|| Ok(())).expect("written");
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
    let expected = "\"models/a.bin\" is a Git LFS pointer, not the content of the file: dsbuild does not fetch from Git LFS servers; build from a directory that `git lfs pull` has filled";
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
        env.layers.write_dir(&[fetched.layer], Times::Store, &out, &|| Ok(())).expect("written");
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

#[test]
fn a_directory_has_the_time_of_its_checkout() {
    let env = TestEnv::new();
    let store = env.layers.store();
    let time = |folder: &Path| checkout::time(store, folder, &env.variables).expect("nothing is broken");
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

/// Expects the reason why the time of a checkout is unknown to contain `reason`; `None` for a time that is only absent.
#[track_caller]
fn check_unknown(git: Option<&str>, damage: fn(&Path), reason: Option<&str>) {
    let env = TestEnv::new();
    let repository = env.repository("r");
    repository.write("f", "");
    repository.commit();
    damage(&repository.path.join(".git"));
    let bin = env.repositories.join("bin");
    std::fs::create_dir(&bin).expect("made");
    if let Some(script) = git {
        std::fs::write(bin.join("git"), script).expect("written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(bin.join("git"), mode).expect("made executable");
    }
    let variables = [("PATH".to_owned(), bin.into_os_string())].into_iter().collect();
    match (checkout::time(env.layers.store(), &repository.path, &variables), reason) {
        (Ok(None), None) => {}
        (Err(error), Some(reason)) => {
            let error = error.to_string();
            let start = format!("cannot read the date of the commit in {}/.git: ", repository.path.display());
            assert!(error.starts_with(&start) && error.contains(reason), "{error}");
        }
        (time, _) => panic!("{time:?}"),
    }
}

#[test]
fn a_commit_that_cannot_be_read_has_an_unknown_time() {
    let fails = "#!/bin/sh\necho 'fatal: unable to read tree' >&2\nexit 128\n";
    check_unknown(Some(fails), |_| {}, Some("fatal: unable to read tree"));
    check_unknown(Some("#!/bin/sh\nkill -9 $$\n"), |_| {}, Some("signal: 9"));
    check_unknown(Some("#!/nowhere/sh\n"), |_| {}, None);
    check_unknown(None, |_| {}, None);
    let not_text = |git: &Path| std::fs::write(git.join("HEAD"), [0xff; 4]).expect("written");
    check_unknown(Some(fails), not_text, Some("HEAD: "));
    let no_commit = |git: &Path| std::fs::write(git.join("HEAD"), "ref: refs/heads/new").expect("written");
    check_unknown(Some(fails), no_commit, None);
}

#[test]
fn a_checkout_is_dirty_while_its_files_differ_from_the_commit() {
    let env = TestEnv::new();
    let repository = env.repository("r");
    let state = |folder: &Path| checkout::state(env.layers.store(), folder, &env.variables);
    assert_eq!(state(&repository.path), None, "no commit yet");
    repository.write(".gitignore", "*.log\n");
    repository.write("a/f", "one");
    let commit = repository.commit();
    let marker = env.repositories.join("ran");
    for key in ["core.fsmonitor", "filter.x.clean", "diff.external"] {
        repository.git(&["config", key, &format!("touch {}", marker.display())]);
    }
    let check = |folder: &Path, is_dirty: bool, why: &str| {
        let expected = checkout::CheckoutState { commit: commit.clone(), is_dirty: Some(is_dirty) };
        assert_eq!(state(folder), Some(expected), "{why}");
    };
    check(&repository.path, false, "just committed");
    check(&repository.path.join("a"), false, "from a folder below");
    repository.write("b.log", "");
    repository.write(".git/info/exclude", "*.tmp\n");
    repository.write("c.tmp", "");
    check(&repository.path, false, "ignored files");
    repository.write("new", "");
    check(&repository.path, true, "a new file");
    check(&repository.path.join("a"), false, "a new file elsewhere");
    std::fs::remove_file(repository.path.join("new")).expect("removed");
    repository.write("a/f", "another");
    check(&repository.path, true, "a changed file");
    check(&repository.path.join("a"), true, "a changed file, from a folder below");
    repository.write("a/f", "one");
    check(&repository.path, false, "the same content at another time");
    std::fs::remove_file(repository.path.join("a/f")).expect("removed");
    check(&repository.path, true, "a removed file");
    assert!(!marker.exists(), "no program of the checkout runs");
    assert_eq!(state(&env.repositories), None, "no repository");
}
