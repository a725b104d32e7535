//! Subordinate ids: ranges of user and group ids that the system lends to a user, and the programs that map them.
//!
//! Source: subuid(5), subgid(5), newuidmap(1) and newgidmap(1).

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use rustix::process::{Pid, getegid, geteuid};

/// Directories in which the helper programs are looked for; `PATH` is not used, because they run with privileges.
const HELPER_DIRS: [&str; 2] = ["/usr/bin", "/usr/sbin"];

/// The subordinate ids of the current user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SubordinateIds {
    users: Mapping,
    groups: Mapping,
}

/// A range of ids and the program that maps it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mapping {
    /// Path of `newuidmap` or `newgidmap`.
    program: PathBuf,
    /// Our own id, which becomes 0 in the namespace.
    own: u32,
    /// First subordinate id, which becomes 1.
    first: u32,
    /// Number of subordinate ids.
    count: u32,
}

impl SubordinateIds {
    /// Returns the ids of the user that this process began as. The error names what is missing and how to get it.
    ///
    /// They are looked up once: in a user namespace the answer would be another.
    pub(super) fn find() -> Result<Self, String> {
        static FOUND: OnceLock<Result<SubordinateIds, String>> = OnceLock::new();
        FOUND.get_or_init(Self::look_up).clone()
    }

    fn look_up() -> Result<Self, String> {
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        let name = user_name(uid).unwrap_or_default();
        let mapping = |file: &str, helper: &str, own: u32| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let (first, count) = largest_range(&text, &name, uid).ok_or_else(|| {
                format!("{file} gives user {uid} no ids (usermod --add-subuids 100000-165535 --add-subgids 100000-165535)")
            })?;
            let program = helper_path(helper).ok_or_else(|| {
                format!("{helper} is not installed (Debian and Ubuntu: apt-get install uidmap)")
            })?;
            Ok::<_, String>(Mapping { program, own, first, count })
        };
        Ok(Self {
            users: mapping("/etc/subuid", "newuidmap", uid)?,
            groups: mapping("/etc/subgid", "newgidmap", gid)?,
        })
    }

    /// Maps the ids into the user namespace of the process `target`. Returns false if that fails.
    ///
    /// The calling process is outside of that namespace.
    pub(super) fn map_into(&self, target: Pid) -> bool {
        [&self.users, &self.groups].into_iter().all(|mapping| mapping.map_into(target))
    }
}

impl Mapping {
    fn map_into(&self, target: Pid) -> bool {
        let Self { program, own, first, count } = self;
        let pid = target.as_raw_nonzero().to_string();
        let ids = [0, *own, 1, 1, *first, *count].map(|number| number.to_string());
        Command::new(program)
            .arg(pid)
            .args(ids)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

fn helper_path(name: &str) -> Option<PathBuf> {
    HELPER_DIRS.iter().map(|dir| Path::new(dir).join(name)).find(|path| path.is_file())
}

/// Returns the name of a user, from `/etc/passwd` or, for users of a directory service, from the program `getent`.
///
/// glibc's own functions are no choice for a static binary: they load the modules of the directory service, and crash in
/// some of them (nss-systemd, for an unknown user).
fn user_name(uid: u32) -> Option<String> {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_in(&passwd, uid).or_else(|| {
        let mut command = Command::new(helper_path("getent")?);
        command.args(["passwd", &uid.to_string()]).env_clear().stdin(Stdio::null()).stderr(Stdio::null());
        name_in(&String::from_utf8(command.output().ok()?.stdout).ok()?, uid)
    })
}

/// Returns the first name that a text like `/etc/passwd` has for `uid`.
fn name_in(passwd: &str, uid: u32) -> Option<String> {
    let has_uid = |fields: &Vec<&str>| fields.get(2).and_then(|field| field.parse().ok()) == Some(uid);
    let fields = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(has_uid)?;
    Some(fields[0].to_owned()).filter(|name| !name.is_empty())
}

/// Returns the first id and the count of the largest range that a text like `/etc/subuid` gives to `name` or `uid`.
fn largest_range(text: &str, name: &str, uid: u32) -> Option<(u32, u32)> {
    let uid = uid.to_string();
    let range = |line: &str| {
        let mut fields = line.trim().split(':');
        let owner = fields.next()?;
        let (first, count) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let is_ours = owner == uid || (!name.is_empty() && owner == name);
        (is_ours && count > 0).then_some((first, count))
    };
    text.lines().filter_map(range).max_by_key(|(_, count)| *count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_range(text: &str, expected: Option<(u32, u32)>) {
        assert_eq!(largest_range(text, "jo", 1000), expected, "{text:?}");
    }

    #[test]
    fn a_range_belongs_to_a_name_or_an_id() {
        check_range("jo:100000:65536\n", Some((100_000, 65_536)));
        check_range("1000:200000:65536\n", Some((200_000, 65_536)));
        check_range("joe:100000:65536\n", None);
    }

    #[test]
    fn a_user_without_a_name_has_no_range_of_the_empty_name() {
        assert_eq!(largest_range(":1:2", "", 1000), None);
    }

    #[test]
    fn the_largest_range_is_taken() {
        check_range("jo:1:10\njo:100:1000\n", Some((100, 1000)));
    }

    #[test]
    fn empty_and_malformed_ranges_are_ignored() {
        check_range("# jo:1:1\n\njo:5:0\n", None);
        check_range("jo:x:10\njo:1\njo:99999999999:1\n", None);
    }

    #[track_caller]
    fn check_name(uid: u32, expected: Option<&str>) {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n\nbroken\njo:x:1000:7:::\nalso:x:1000:7:::\n:x:5:5:::\n";
        assert_eq!(name_in(passwd, uid).as_deref(), expected);
    }

    #[test]
    fn the_first_name_of_an_id_counts() {
        check_name(0, Some("root"));
        check_name(1000, Some("jo"));
    }

    #[test]
    fn an_id_without_a_name_has_none() {
        check_name(7, None);
        check_name(5, None);
    }
}
