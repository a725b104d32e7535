//! Users of this machine without privileges, made for a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A user of this machine.
#[derive(Debug, Clone)]
pub struct User {
    /// Login name, such as `dssame123`.
    pub name: String,
    /// ID of the user.
    pub uid: u32,
    /// ID of the user's own group.
    pub gid: u32,
    /// Home directory of the user.
    pub home: PathBuf,
}

impl User {
    /// Returns the user with this name, if it exists.
    pub fn find(name: &str) -> Option<Self> {
        let user = nix::unistd::User::from_name(name).expect("the user database can be read")?;
        Some(Self { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw(), home: user.dir })
    }

    /// Returns the path of a copy of the binary. The checkout can be in a directory that only root can enter.
    pub fn binary(&self) -> PathBuf {
        self.home.join("dsbuild")
    }
}

/// User made for a test, with subordinate IDs. The user is removed when this is dropped.
pub struct TestUser(pub User);

impl TestUser {
    /// Creates a user. The error says why that is impossible here.
    pub fn new(purpose: &str) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("not root".to_owned());
        }
        for program in ["/usr/bin/newuidmap", "/usr/sbin/useradd"] {
            if !Path::new(program).exists() {
                return Err(format!("{program} is not installed"));
            }
        }
        let name = format!("ds{purpose}{}", std::process::id());
        run(Command::new("/usr/sbin/useradd").args(["--create-home", "--shell", "/bin/sh", &name]))?;
        let user = Self(User::find(&name).ok_or("useradd made no user")?);
        let ids = fs::read_to_string("/etc/subuid").unwrap_or_default();
        if !ids.lines().any(|line| line.starts_with(&format!("{name}:"))) {
            return Err("useradd gives no subordinate ids".to_owned());
        }
        fs::copy(env!("CARGO_BIN_EXE_dsbuild"), user.0.binary()).expect("the binary can be copied");
        Ok(user)
    }
}

impl Drop for TestUser {
    fn drop(&mut self) {
        let mut command = Command::new("/usr/sbin/userdel");
        // A panic here would hide the failure of the test.
        let _ = run(command.args(["--force", "--remove", &self.0.name]));
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let ran = command.stdin(Stdio::null()).output().expect("the program runs");
    if ran.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&ran.stderr)))
}
