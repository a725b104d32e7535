//! Checkouts of repositories that a daemon serves, friendly and hostile ones.

#![expect(clippy::print_stdout, reason = "a test that cannot run here says why")]

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::process::Child;

use registry::{Client, Options};
use rootfs::layers::Layers;

use super::*;

/// A repository and a daemon that serves it.
struct Served {
    folder: tempfile::TempDir,
    daemon: Child,
    port: u16,
}

impl Drop for Served {
    fn drop(&mut self) {
        // The daemon is a child of git's.
        let pid = std::fs::read_to_string(self.folder.path().join("pid")).unwrap_or_default();
        if let Some(pid) = pid.trim().parse().ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

impl Served {
    /// `None`, with the reason printed, where that is not possible.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let daemon = Command::new("git")
            .args(["daemon", "--export-all", "--reuseaddr", "--listen=127.0.0.1"])
            .arg(format!("--port={port}"))
            .arg(format!("--base-path={}", folder.path().display()))
            .arg(format!("--pid-file={}", folder.path().join("pid").display()))
            .stderr(Stdio::null())
            .spawn();
        let Ok(daemon) = daemon else {
            println!("SKIP there is no git");
            return None;
        };
        let served = Self { folder, daemon, port };
        std::fs::create_dir(served.repository()).expect("made");
        served.git(&["init", "-q"]);
        for _ in 0..500 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(served);
            }
            std::thread::sleep(POLL);
        }
        println!("SKIP git has no daemon");
        None
    }

    fn repository(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    fn remote(&self) -> String {
        format!("git://127.0.0.1:{}/repo", self.port)
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args([
                "-c",
                "user.name=n",
                "-c",
                "user.email=e",
                "-c",
                "init.defaultBranch=main",
                "-c",
                "protocol.file.allow=always",
            ])
            .args(arguments)
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
            .current_dir(self.repository())
            .output()
            .expect("git runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn commit(&self, path: &str, content: &str) -> String {
        let path = self.repository().join(path);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("made");
        std::fs::write(path, content).expect("written");
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn get<'a>(&self, change: impl FnOnce(&mut GitFiles<'a>)) -> Result<Arc<dyn Tree>, String> {
        let mut wanted = GitFiles {
            remote: self.remote().leak(),
            reference: None,
            subdir: None,
            keep_git_dir: false,
            checksum: None,
        };
        change(&mut wanted);
        let store = Arc::new(cache::Store::open(&self.folder.path().join("store")).expect("opened"));
        let sources = Sources::new(store.clone(), Layers::new(store), Client::new(Options::default()), false);
        sources.git(&wanted, &Cancel::default()).map_err(|error| error.chain())
    }
}

fn names(tree: &dyn Tree, path: &str) -> Vec<String> {
    let children = tree.children(Path::new(path)).expect("a directory");
    children.into_iter().map(|(name, _)| name.to_string_lossy().into_owned()).collect()
}

fn content(tree: &dyn Tree, path: &str) -> String {
    let mut text = String::new();
    tree.open(Path::new(path)).and_then(|mut file| file.read_to_string(&mut text)).expect("read");
    text
}

#[test]
fn refs_and_commits() {
    let Some(served) = Served::new() else { return };
    let first = served.commit("f", "one");
    served.git(&["tag", "-a", "-m", "tag", "v1"]);
    served.git(&["branch", "old"]);
    served.commit("d/g", "two");
    let of = |reference: &str| {
        let tree = served.get(|wanted| wanted.reference = Some(reference))?;
        Ok::<_, String>(names(&*tree, "").join(" "))
    };
    let head = served.get(|_| ()).expect("checked out");
    assert_eq!(
        (names(&*head, ""), content(&*head, "d/g")),
        (vec!["d".to_owned(), "f".to_owned()], "two".to_owned())
    );
    for reference in ["v1", "old", "refs/heads/old", "refs/tags/v1", &first, &first[..10]] {
        assert_eq!(of(reference).as_deref(), Ok("f"), "{reference}");
    }
    assert_eq!(of("main").as_deref(), Ok("d f"));
    assert!(of("none").expect_err("refused").contains("repository does not contain ref none"));
    assert!(of("abcdef0123").expect_err("refused").contains("repository does not contain ref abcdef0123"));
    let checked = |checksum: &str| {
        served.get(|wanted| (wanted.reference, wanted.checksum) = (Some("v1"), Some(checksum)))
    };
    assert!(checked(&first[..8]).is_ok());
    assert!(
        checked("00000000").err().expect("refused").contains("expected checksum to match 00000000, got ")
    );
}

#[test]
fn what_is_in_the_tree() {
    let Some(served) = Served::new() else { return };
    served.commit("sub/run", "#!");
    served.git(&["update-index", "--chmod=+x", "sub/run"]);
    symlink("/etc", served.repository().join("door")).expect("linked");
    served.commit("sub/plain", "x");
    served.git(&["update-index", "--chmod=+x", "sub/run"]);
    served.git(&["commit", "-q", "--allow-empty", "-m", "mode"]);
    let tree = served.get(|_| ()).expect("checked out");
    let entry = |path: &str| tree.lookup(Path::new(path)).expect("looked").expect("there");
    assert_eq!([entry("sub").mode, entry("sub/run").mode, entry("sub/plain").mode], [0o755, 0o755, 0o644]);
    assert_eq!(entry("door").kind, Kind::Symlink { target: "/etc".into() });
    let below = served.get(|wanted| wanted.subdir = Some("sub")).expect("checked out");
    assert_eq!(names(&*below, ""), ["plain", "run"]);
    let kept = served.get(|wanted| wanted.keep_git_dir = true).expect("checked out");
    assert_eq!(names(&*kept, ""), [".git", "door", "sub"]);
    for subdir in ["door", "door/passwd", "none", "sub/plain", "../..", "sub/../../.."] {
        let error = served.get(|wanted| wanted.subdir = Some(subdir)).err().expect(subdir);
        assert!(error.contains("no such folder"), "{subdir}: {error}");
    }
}

#[test]
fn hostile_words_and_submodules() {
    let Some(served) = Served::new() else { return };
    served.commit("f", "one");
    let refused =
        |change: &dyn Fn(&mut GitFiles<'_>)| served.get(|wanted| change(wanted)).err().expect("refused");
    assert!(refused(&|wanted| wanted.remote = "--upload-pack=touch /tmp/pwned").contains("is no remote"));
    assert!(refused(&|wanted| wanted.reference = Some("--upload-pack=x")).contains("is no remote"));
    for remote in ["ext::sh -c true", "/etc", "file:///etc"] {
        assert!(refused(&|wanted| wanted.remote = remote).contains("not allowed"), "{remote}");
    }
    let local = served.repository().display().to_string();
    served.git(&["submodule", "--quiet", "add", &local, "inner"]);
    served.git(&["commit", "-q", "-m", "submodule"]);
    assert!(refused(&|_| ()).contains("git"));
}

#[test]
fn submodules_come_too() {
    let Some(served) = Served::new() else { return };
    served.commit("f", "one");
    served.git(&["branch", "plain"]);
    let remote = served.remote();
    served.git(&["submodule", "--quiet", "add", "-b", "plain", &remote, "inner"]);
    served.git(&["commit", "-q", "-m", "submodule"]);
    let tree = served.get(|_| ()).expect("checked out");
    assert_eq!(names(&*tree, "inner"), ["f"]);
}

#[test]
fn complaints() {
    assert_eq!(said("Cloning\nfatal: it is gone\n"), "fatal: it is gone");
    assert_eq!(said("one\ntwo\n\n"), "two");
    assert_eq!(said(""), "git failed without a word");
}
