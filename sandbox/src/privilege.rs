//! What this process may do: root, or a user namespace of its own.
//!
//! ```text
//! we: fork a helper, unshare(NEWUSER|NEWNS), tell it ─▶ helper, still outside: newuidmap, newgidmap ─▶ we: go on as root
//! ```
//!
//! Other ids than our own can be mapped only by the set-uid programs `newuidmap` and `newgidmap`, and only from outside
//! of the new namespace. Without them (or without entries in `/etc/subuid` and `/etc/subgid`) there is one id, ours, as
//! root; [`advice`] says what is missing.
//!
//! The caller has one thread: a mount namespace is a thread's own, and threads that exist would keep the old one.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, unshare};
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{Pid, getegid, geteuid, getpid, waitpid};

use crate::error::os;
use crate::{SandboxError, sys};

/// How much isolation this machine gives us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// We are root.
    Root,
    /// A user namespace with subordinate ids (newuidmap, newgidmap).
    Rootless,
    /// A user namespace with one id.
    RootlessSingleId,
}

/// Where the helpers may be; never searched for in `PATH`.
const HELPER_FOLDERS: [&str; 2] = ["/usr/bin", "/usr/sbin"];

/// Enters a private mount namespace (and, without root, a user namespace where we are root), so that whatever is
/// mounted goes with this process. Call before any thread exists.
pub fn enter() -> Result<Tier, SandboxError> {
    single_thread()?;
    if geteuid().is_root() && unshare(CloneFlags::CLONE_NEWNS).is_ok() {
        make_private()?;
        return Ok(tier_of(&std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default()));
    }
    let tier = enter_user_namespace()?;
    make_private().map_err(powerless)?;
    Ok(tier)
}

fn single_thread() -> Result<(), SandboxError> {
    let tasks = std::fs::read_dir("/proc/self/task").map_err(os("count our threads"))?;
    match tasks.count() {
        1 => Ok(()),
        _ => Err(os("make namespaces: this process already has threads")(rustix::io::Errno::INVAL)),
    }
}

fn make_private() -> Result<(), SandboxError> {
    // Mounts of the host still come in, ours do not go out.
    let slave = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    mount_change("/", slave).map_err(os("make mounts private"))
}

/// What the map of user ids makes us: root of the host, or of a user namespace that somebody made for us.
fn tier_of(uid_map: &str) -> Tier {
    let counts = uid_map.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok());
    match counts.sum() {
        4_294_967_295 => Tier::Root,
        0 | 1 => Tier::RootlessSingleId,
        _ => Tier::Rootless,
    }
}

/// What would give more than one id, if there is only one; for the user to read.
pub fn advice() -> Option<String> {
    Subordinate::find().err()
}

/// Ids that the system lends us, and the programs that map them.
#[derive(Debug, PartialEq, Eq)]
struct Subordinate {
    uid_map: Vec<OsString>,
    gid_map: Vec<OsString>,
}

impl Subordinate {
    /// `Err` says what is missing.
    fn find() -> Result<Self, String> {
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        let name = user_name(uid).unwrap_or_default();
        let map = |file: &str, helper: &str, id: u32| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let (first, count) = range_of(&text, &name, uid).ok_or_else(|| {
                format!("{file} gives user {uid} no ids (usermod --add-subuids 100000-165535 --add-subgids 100000-165535)")
            })?;
            let program = helper_path(helper).ok_or_else(|| {
                format!("{helper} is not installed (Debian and Ubuntu: apt-get install uidmap)")
            })?;
            let mut command = vec![program.into_os_string()];
            command.extend([id, 1, first, count].iter().map(|number| OsString::from(number.to_string())));
            Ok::<_, String>(command)
        };
        Ok(Self {
            uid_map: map("/etc/subuid", "newuidmap", uid)?,
            gid_map: map("/etc/subgid", "newgidmap", gid)?,
        })
    }

    /// Maps 0 to our own id, and 1 on to the subordinate ones. Runs outside of the namespace.
    fn map(&self, target: Pid) -> bool {
        [&self.uid_map, &self.gid_map].into_iter().all(|command| run_helper(command, target))
    }
}

fn run_helper(command: &[OsString], target: Pid) -> bool {
    let [program, own, one, first, count] = command else { return false };
    let pid = target.as_raw_nonzero().to_string();
    let zero_and_one = [OsString::from("0"), OsString::from("1")];
    let arguments = [&OsString::from(pid), &zero_and_one[0], own, one, &zero_and_one[1], first, count];
    Command::new(program)
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn helper_path(name: &str) -> Option<PathBuf> {
    HELPER_FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

/// The name of a user, from the file or, for users of a directory service, from the system's own program: a static
/// binary that asks glibc loads the modules of that service, and crashes in some (nss-systemd, for a user it does not
/// know).
fn user_name(uid: u32) -> Option<String> {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_in(&passwd, uid).or_else(|| {
        let mut command = Command::new(helper_path("getent")?);
        command.args(["passwd", &uid.to_string()]).env_clear().stdin(Stdio::null()).stderr(Stdio::null());
        name_in(&String::from_utf8(command.output().ok()?.stdout).ok()?, uid)
    })
}

/// The first name that a file like `/etc/passwd` has for `uid`.
fn name_in(passwd: &str, uid: u32) -> Option<String> {
    let is_it = |fields: &Vec<&str>| fields.get(2).and_then(|field| field.parse().ok()) == Some(uid);
    let fields = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(is_it)?;
    Some(fields[0].to_owned()).filter(|name| !name.is_empty())
}

/// First id and count of the largest range that a file like `/etc/subuid` gives to `name` or `uid`.
fn range_of(text: &str, name: &str, uid: u32) -> Option<(u32, u32)> {
    let uid = uid.to_string();
    let range = |line: &str| {
        let mut fields = line.trim().split(':');
        let owner = fields.next()?;
        let (first, count) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let ours = owner == uid || (!name.is_empty() && owner == name);
        (ours && count > 0).then_some((first, count))
    };
    text.lines().filter_map(range).max_by_key(|(_, count)| *count)
}

fn enter_user_namespace() -> Result<Tier, SandboxError> {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    let Ok(subordinate) = Subordinate::find() else {
        new_user_namespace()?;
        return map_single(uid, gid);
    };
    let helper = Helper::start(subordinate)?;
    new_user_namespace()?;
    if helper.map()? { Ok(Tier::Rootless) } else { map_single(uid, gid) }
}

fn new_user_namespace() -> Result<(), SandboxError> {
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)
        .map_err(os("make a user namespace"))
        .map_err(powerless)
}

/// Ubuntu's AppArmor lets us have the namespace, and no rights in it; so this is for what follows too.
fn powerless(error: SandboxError) -> SandboxError {
    match error {
        SandboxError::Os { action, source } => SandboxError::Unavailable {
            what: format!("cannot {action} ({source})"),
            hint: why_no_user_namespace().into(),
        },
        other => other,
    }
}

/// Distributions forbid it in different ways.
fn why_no_user_namespace() -> &'static str {
    let sysctl = |name: &str| std::fs::read_to_string(Path::new("/proc/sys").join(name)).unwrap_or_default();
    if sysctl("kernel/unprivileged_userns_clone").trim() == "0" {
        "run as root, or allow it: sysctl kernel.unprivileged_userns_clone=1"
    } else if sysctl("kernel/apparmor_restrict_unprivileged_userns").trim() == "1" {
        "run as root, or allow it: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile \
         for dsbuild that has `userns,`"
    } else if sysctl("user/max_user_namespaces").trim() == "0" {
        "run as root, or allow it: sysctl user.max_user_namespaces=10000"
    } else {
        "run as root; in a container, allow unshare (docker: --security-opt seccomp=unconfined) or give CAP_SYS_ADMIN"
    }
}

/// Maps our one id to root. The kernel wants groups to be unchangeable then (CVE-2014-8989).
fn map_single(uid: u32, gid: u32) -> Result<Tier, SandboxError> {
    for (file, text) in
        [("setgroups", "deny".into()), ("uid_map", format!("0 {uid} 1")), ("gid_map", format!("0 {gid} 1"))]
    {
        let written = std::fs::write(Path::new("/proc/self").join(file), text);
        written.map_err(os("map our id to root")).map_err(powerless)?;
    }
    Ok(Tier::RootlessSingleId)
}

/// A process that stays outside of the namespace.
struct Helper {
    pid: Pid,
    go: std::fs::File,
    done: std::fs::File,
}

impl Helper {
    fn start(subordinate: Subordinate) -> Result<Self, SandboxError> {
        let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(os("make a pipe"));
        let ((wait, go), (done, report)) = (pipe()?, pipe()?);
        let target = getpid();
        match sys::fork().map_err(os("fork"))? {
            sys::Fork::Parent(pid) => Ok(Self { pid, go: go.into(), done: done.into() }),
            sys::Fork::Child => {
                drop((go, done));
                // An end without the word: our parent could not make the namespace.
                let told = std::fs::File::from(wait).read_exact(&mut [0]).is_ok();
                let mapped = told && subordinate.map(target);
                let _ = std::fs::File::from(report).write_all(&[u8::from(mapped)]);
                sys::exit_now(0)
            }
        }
    }

    /// True if it could map all ids.
    fn map(mut self) -> Result<bool, SandboxError> {
        self.go.write_all(&[1]).map_err(os("ask for our ids"))?;
        let mut mapped = [0];
        let answer = self.done.read_exact(&mut mapped);
        while waitpid(Some(self.pid), rustix::process::WaitOptions::empty()).err()
            == Some(rustix::io::Errno::INTR)
        {}
        answer.map_err(os("wait for our ids"))?;
        Ok(mapped == [1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(u32, u32)>) {
        assert_eq!(range_of(text, "jo", 1000), expected, "{text:?}");
    }

    #[test]
    fn ranges_of_subordinate_ids() {
        check("jo:100000:65536\n", Some((100_000, 65_536)));
        check("1000:200000:65536\n", Some((200_000, 65_536)));
        check("joe:100000:65536\n", None);
        check("# jo:1:1\n\njo:5:0\n", None);
        check("jo:1:10\njo:100:1000\n", Some((100, 1000)));
        check("jo:x:10\njo:1\njo:99999999999:1\n", None);
        assert_eq!(range_of(":1:2", "", 1000), None);
    }

    #[test]
    fn names_of_users() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n\nbroken\njo:x:1000:7:::\nalso:x:1000:7:::\n:x:5:5:::\n";
        let name = |uid| name_in(passwd, uid);
        assert_eq!((name(0).as_deref(), name(1000).as_deref()), (Some("root"), Some("jo")));
        assert_eq!((name(7), name(5), name_in("", 0)), (None, None, None));
    }

    #[track_caller]
    fn check_tier(uid_map: &str, expected: Tier) {
        assert_eq!(tier_of(uid_map), expected, "{uid_map:?}");
    }

    #[test]
    fn tiers_by_map() {
        check_tier("         0          0 4294967295\n", Tier::Root);
        check_tier("0 1000 1\n1 100000 65536\n", Tier::Rootless);
        check_tier("0 1000 1\n", Tier::RootlessSingleId);
    }
}
