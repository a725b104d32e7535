//! Users without rights, made for a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A user of this machine.
#[derive(Debug, Clone)]
pub struct User {
    /// The login name.
    pub name: String,
    /// The user's id.
    pub uid: u32,
    /// The id of the user's own group.
    pub gid: u32,
    /// The home folder.
    pub home: PathBuf,
}

impl User {
    /// One that exists.
    pub fn find(name: &str) -> Option<Self> {
        let user = nix::unistd::User::from_name(name).expect("the user database can be read")?;
        Some(Self { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw(), home: user.dir })
    }

    /// Where the user has a copy of the binary: the checkout may lie where only root comes.
    pub fn binary(&self) -> PathBuf {
        self.home.join("dsbuild")
    }
}

/// A user made for a test, with subordinate ids; gone when dropped.
pub struct TestUser(pub User);

impl TestUser {
    /// Makes one; the error says why it cannot be here.
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
        // A failure would hide the test's own.
        let _ = run(command.args(["--force", "--remove", &self.0.name]));
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let ran = command.stdin(Stdio::null()).output().expect("the program runs");
    match ran.status.success() {
        true => Ok(()),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&ran.stderr))),
    }
}
