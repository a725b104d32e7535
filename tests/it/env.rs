//! A directory, a store and a base image for one test.
//!
//! `DSBUILD_TEST_USER` names the user who runs dsbuild; root does everything else.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::user::User;

/// Returns from a test that cannot run here, after printing `SKIP` and the reason.
macro_rules! skip_unless {
    ($env:expr) => {
        match $env {
            Ok(env) => env,
            Err(reason) => {
                println!("SKIP {reason}");
                return;
            }
        }
    };
}
pub(crate) use skip_unless;

/// Programs of the base image.
const APPLETS: &[&str] = &[
    "sh",
    "cat",
    "echo",
    "ls",
    "cp",
    "mv",
    "rm",
    "mkdir",
    "chmod",
    "chown",
    "ln",
    "test",
    "true",
    "false",
    "sleep",
    "sha256sum",
    "touch",
    "head",
    "tail",
    "wc",
    "sort",
    "find",
    "grep",
    "sed",
    "stat",
    "id",
    "env",
    "hostname",
    "kill",
    "seq",
    "tr",
    "dd",
    "ps",
    "wget",
    "httpd",
    "nc",
    "xargs",
    "cut",
    "od",
    "tee",
    "printf",
    "date",
    "expr",
    "basename",
];

/// Directory of one test, with a build context and a store.
pub struct TestEnv {
    dir: tempfile::TempDir,
    store: PathBuf,
    user: Option<User>,
}

impl TestEnv {
    /// Creates an environment with the image `base` in its store. The error says why that is impossible here.
    pub fn new() -> Result<Self, String> {
        match std::env::var("DSBUILD_TEST_USER") {
            Ok(name) => Self::of(User::find(&name)),
            Err(_) => Self::of(None),
        }
    }

    /// Creates an environment in which this user runs dsbuild, or root for `None`.
    pub fn of(user: Option<User>) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("not root".to_owned());
        }
        let busybox = Path::new("/bin/busybox");
        if !busybox.exists() {
            return Err("busybox-static is not installed".to_owned());
        }
        let env = Self::empty(user);
        let tar = env.path("base.tar");
        make_base(busybox, &env.path("base"), &tar);
        env.dsbuild(&["import", "--tag", "base", tar.to_str().expect("a UTF-8 path")]).success();
        Ok(env)
    }

    /// Creates an environment without an image, which works on every machine.
    pub fn bare() -> Self {
        Self::empty(None)
    }

    fn empty(user: Option<User>) -> Self {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let env = Self { store: dir.path().join("store"), dir, user };
        env.give("");
        fs::create_dir(env.path("context")).expect("a directory for the context");
        env
    }

    /// Returns a path in the directory of the test.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes the user who runs dsbuild the owner of a path in the directory of the test.
    pub fn give(&self, name: &str) {
        if let Some(user) = &self.user {
            chown(self.path(name), Some(user.uid), Some(user.gid)).expect("root may give it away");
        }
    }

    /// Writes a file in the build context.
    pub fn file(&self, name: &str, text: &str) -> &Self {
        let path = self.path("context").join(name);
        fs::create_dir_all(path.parent().expect("it lies in the context")).expect("folders can be made");
        fs::write(path, text).expect("files can be written");
        self
    }

    /// Runs `dsbuild` in the directory of the test.
    #[must_use = "a test looks at the result: success() or fails()"]
    pub fn dsbuild(&self, args: &[&str]) -> Ran {
        Ran(self.command(args).output().expect("the binary runs"))
    }

    /// Returns the command that [`Self::dsbuild`] runs.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.program(self.binary());
        command.args(args);
        command
    }

    /// Returns a command that runs any program in the directory of the test, as the user who runs dsbuild.
    pub fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.dir.path()).env("DSBUILD_ROOT", &self.store).stdin(Stdio::null());
        if let Some(user) = &self.user {
            // The standard library drops root's groups as well.
            // A user here may be unable to open /dev/net/tun.
            command.env("DSBUILD_NETWORK_FALLBACK", "host");
            command.uid(user.uid).gid(user.gid).env("HOME", &user.home).env("USER", &user.name);
        }
        command
    }

    /// Returns the path of the binary, in a place that its user can read.
    pub fn binary(&self) -> PathBuf {
        let built = Path::new(env!("CARGO_BIN_EXE_dsbuild"));
        self.user.as_ref().map_or_else(|| built.to_owned(), User::binary)
    }

    /// Builds the context with this Dockerfile as the image `t`.
    #[must_use = "a test looks at the result: success() or fails()"]
    pub fn build(&self, dockerfile: &str, args: &[&str]) -> Ran {
        self.file("Dockerfile", dockerfile);
        let all: Vec<&str> =
            ["build", "-t", "t"].into_iter().chain(args.iter().copied()).chain(["context"]).collect();
        self.dsbuild(&all)
    }

    /// Builds the context with this Dockerfile; returns the digest of the image.
    pub fn digest(&self, dockerfile: &str) -> String {
        let file = self.path("iid");
        self.build(dockerfile, &["--iidfile", file.to_str().expect("a UTF-8 path")]).success();
        fs::read_to_string(file).expect("the id was written")
    }

    /// Creates another environment with the same context and base image, and an empty cache.
    pub fn clean(&self) -> Self {
        let other = Self::of(self.user.clone()).expect("it could be made before");
        let copied = Command::new("cp").arg("-a").arg(self.path("context")).arg(other.dir.path()).status();
        assert!(copied.expect("cp runs").success());
        other
    }

    /// Returns the path of the store.
    pub fn store(&self) -> &Path {
        &self.store
    }
}

/// Finished run of a program.
pub struct Ran(pub Output);

impl Ran {
    /// Fails the test unless the program succeeded.
    #[track_caller]
    pub fn success(self) -> Self {
        assert!(self.0.status.success(), "{}\n{}", self.0.status, self.stderr());
        self
    }

    /// Fails the test unless the program failed with this exit code.
    #[track_caller]
    pub fn fails(self, code: i32) -> Self {
        assert_eq!(self.0.status.code(), Some(code), "{}", self.stderr());
        self
    }

    /// Returns the text that the program wrote to stdout.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    /// Returns the text that the program wrote to stderr.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }
}

/// Writes a root file system of busybox and little more, as a tar.
fn make_base(busybox: &Path, root: &Path, tar: &Path) {
    let dirs = ["bin", "dev", "etc", "proc", "root", "sys", "tmp", "usr/bin", "var"];
    dirs.iter().for_each(|dir| fs::create_dir_all(root.join(dir)).expect("folders can be made"));
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("modes can be set");
    fs::copy(busybox, root.join("bin/busybox")).expect("busybox can be copied");
    APPLETS
        .iter()
        .for_each(|name| symlink("busybox", root.join("bin").join(name)).expect("links can be made"));
    let passwd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\napp:x:1000:1000::/app:/bin/sh\n";
    fs::write(root.join("etc/passwd"), passwd).expect("files can be written");
    fs::write(root.join("etc/group"), "root:x:0:\nnogroup:x:65534:\napp:x:1000:\n")
        .expect("files can be written");
    let made = Command::new("tar")
        .args(["--sort=name", "--mtime=@315532800", "--owner=0", "--group=0", "--numeric-owner", "-cf"])
        .arg(tar)
        .arg("-C")
        .arg(root)
        .arg(".")
        .status();
    assert!(made.expect("tar runs").success());
}
