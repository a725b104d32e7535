//! Resolution of USER and `--chown` in `/etc/passwd` and `/etc/group` of a tree, as runc does it.
//!
//! Both files are content of an image, so they are not trusted: they are looked up inside the tree and must be
//! regular files of at most [`MAX_FILE_BYTES`]. A number that is out of range is an error wherever it matters, never
//! a name and never 0.
//!
//! Source: moby/sys/user `GetExecUser` and BuildKit's `GetUser`; CVE-2024-40635, CVE-2026-46680 (numbers out of range
//! that became 0), GHSA-72x6-4j93-7w86 (files without end), CVE-2023-25173 (the primary group among the groups).

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use trees::entry::{Entry, Kind};
use trees::tree::{Tree, resolve};

/// Maximum length of either file.
pub const MAX_FILE_BYTES: u64 = 10 << 20;

/// Identity of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// User ID of the process.
    pub uid: u32,
    /// Primary group ID of the process.
    pub gid: u32,
    /// Supplementary groups, the primary one included, in the order of the file.
    pub groups: Vec<u32>,
    /// Home directory; `/` if the user has none.
    pub home: PathBuf,
}

/// A USER or `--chown` that cannot be resolved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    /// `/etc/passwd` has no user of this name.
    #[error("unable to find user {name}: no matching entries in passwd file")]
    UnknownUser {
        /// Name of the user.
        name: String,
    },
    /// `/etc/group` has no group of this name.
    #[error("unable to find group {name}: no matching entries in group file")]
    UnknownGroup {
        /// Name of the group.
        name: String,
    },
    /// A number is not a valid ID.
    #[error("uids and gids must be in range 0-2147483647: {text}")]
    OutOfRange {
        /// The number as it was written.
        text: String,
    },
    /// A file is not a regular file, is too large, or cannot be read.
    #[error("cannot read {file}: {reason}")]
    Unreadable {
        /// Path of the file in the tree.
        file: &'static str,
        /// The reason, as a phrase.
        reason: String,
    },
    /// A `--chown` by name refers to a tree without any files, so there is nothing to look the name up in.
    #[error(
        "cannot look up --chown {name}: the stage has no files yet, so it has neither /etc/passwd nor /etc/group"
    )]
    NothingBelow {
        /// Name of the user or group.
        name: String,
    },
}

/// Resolves a USER (`user[:group]`, names or numbers, empty for root) in `tree`.
///
/// A user without a group has the primary group of `/etc/passwd` (0 for a number that is not listed) and the
/// supplementary groups of `/etc/group`. A user with a group has this group alone.
pub fn resolve_user(tree: &dyn Tree, user: &str) -> Result<User, UserError> {
    let user = if user.is_empty() { "0" } else { user };
    let (name, group) = split(user);
    let (user_spec, group_spec) = (NameOrId::parse(name)?, group.map(NameOrId::parse).transpose()?);
    if let (NameOrId::Id(uid), Some(NameOrId::Id(gid))) = (&user_spec, &group_spec) {
        // Nothing needs a lookup, so a broken file does not matter. BuildKit does not open the file either.
        let home = read(tree, PASSWD).map(|lines| home_of(&lines, *uid)).unwrap_or_else(|_| "/".into());
        return Ok(User { uid: *uid, gid: *gid, groups: vec![*gid], home });
    }
    let lines = read(tree, PASSWD)?;
    let account = Account::find(&lines, &user_spec)?;
    let (gid, groups) = match group_spec {
        Some(spec) => {
            let gid = find_group(tree, &spec)?;
            (gid, vec![gid])
        }
        None => (account.gid, memberships(tree, &account)?),
    };
    let home = home_of(&lines, account.uid);
    Ok(User { uid: account.uid, gid, groups, home })
}

/// Resolves a `--chown` (`user[:group]`) to a user ID and a group ID. A number without a group is the group as well.
/// An unknown name becomes 0, and is returned in the third place so that the caller can warn.
pub fn resolve_owner(tree: &dyn Tree, owner: &str) -> Result<(u32, u32, Vec<String>), UserError> {
    let (name, group) = split(owner);
    let mut unknown = Vec::new();
    let (uid, mut gid) = match NameOrId::parse(name)? {
        NameOrId::Id(id) => (id, id),
        NameOrId::Name(name) => match find_by_name(&owner_file(tree, PASSWD, name)?, name)? {
            Some(account) => (account.uid, account.gid),
            None => {
                unknown.push(name.to_owned());
                (0, 0)
            }
        },
    };
    match group.map(NameOrId::parse).transpose()? {
        None => {}
        Some(NameOrId::Id(id)) => gid = id,
        Some(NameOrId::Name(name)) => {
            gid = group_by_name(&owner_file(tree, GROUP, name)?, name)?.unwrap_or_else(|| {
                unknown.push(name.to_owned());
                0
            });
        }
    }
    Ok((uid, gid, unknown))
}

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

/// Splits `user[:group]`. An empty group counts as absent.
fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (text, None),
    }
}

/// User or group as it was written.
enum NameOrId<'a> {
    Id(u32),
    Name(&'a str),
}

impl<'a> NameOrId<'a> {
    /// Parses a user or group. Text that looks like a number is one and must be in range, even if `/etc/passwd` has a
    /// user with this name. Empty text (as in `:group`) is root.
    fn parse(text: &'a str) -> Result<Self, UserError> {
        if text.is_empty() {
            return Ok(Self::Id(0));
        }
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::Name(text));
        }
        number(text).map(Self::Id)
    }
}

/// Parses a user ID or group ID: 0 to 2³¹ - 1.
fn number(text: &str) -> Result<u32, UserError> {
    text.parse::<i32>()
        .ok()
        .and_then(|id| u32::try_from(id).ok())
        .ok_or_else(|| UserError::OutOfRange { text: text.to_owned() })
}

/// User in `/etc/passwd`, or a number that is not listed there; then it has no name and the group 0.
#[derive(Debug)]
struct Account<'a> {
    name: Option<&'a str>,
    uid: u32,
    gid: u32,
}

impl<'a> Account<'a> {
    fn find(passwd: &'a str, spec: &NameOrId<'_>) -> Result<Self, UserError> {
        match *spec {
            NameOrId::Id(uid) => match lines(passwd).find(|line| line.uid() == Ok(uid)) {
                Some(line) => line.account(),
                None => Ok(Self { name: None, uid, gid: 0 }),
            },
            NameOrId::Name(name) => {
                find_by_name(passwd, name)?.ok_or_else(|| UserError::UnknownUser { name: name.to_owned() })
            }
        }
    }
}

fn find_by_name<'a>(passwd: &'a str, name: &str) -> Result<Option<Account<'a>>, UserError> {
    lines(passwd).find(|line| line.field(0) == name).map(|line| line.account()).transpose()
}

/// Returns the home directory in the first line with this uid, as runc does.
fn home_of(passwd: &str, uid: u32) -> PathBuf {
    let line = lines(passwd).find(|line| line.uid() == Ok(uid));
    match line.map(|line| line.field(5)) {
        Some(home) if !home.is_empty() => home.into(),
        _ => "/".into(),
    }
}

/// Returns the primary group, and the groups that list the user in the order of the file.
fn memberships(tree: &dyn Tree, account: &Account<'_>) -> Result<Vec<u32>, UserError> {
    let mut groups = Vec::new();
    if let Some(name) = account.name {
        let text = read(tree, GROUP)?;
        for line in lines(&text).filter(|line| line.field(3).split(',').any(|member| member == name)) {
            groups.push(line.number(2)?);
        }
    }
    if !groups.contains(&account.gid) {
        groups.insert(0, account.gid);
    }
    Ok(groups)
}

fn find_group(tree: &dyn Tree, spec: &NameOrId<'_>) -> Result<u32, UserError> {
    match *spec {
        NameOrId::Id(gid) => Ok(gid),
        NameOrId::Name(name) => group_by_name(&read(tree, GROUP)?, name)?
            .ok_or_else(|| UserError::UnknownGroup { name: name.to_owned() }),
    }
}

fn group_by_name(group: &str, name: &str) -> Result<Option<u32>, UserError> {
    lines(group).find(|line| line.field(0) == name).map(|line| line.number(2)).transpose()
}

/// Line of `/etc/passwd` or `/etc/group`.
#[derive(Clone, Copy)]
struct Line<'a>(&'a str);

impl<'a> Line<'a> {
    fn field(self, index: usize) -> &'a str {
        self.0.split(':').nth(index).unwrap_or("").trim()
    }

    fn number(self, index: usize) -> Result<u32, UserError> {
        number(self.field(index))
    }

    fn uid(self) -> Result<u32, ()> {
        self.number(2).map_err(|_| ())
    }

    fn account(self) -> Result<Account<'a>, UserError> {
        Ok(Account { name: Some(self.field(0)), uid: self.number(2)?, gid: self.number(3)? })
    }
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Line)
}

/// Reads a file for `--chown`. A tree without any entries is an error, because a name cannot be found there.
fn owner_file(tree: &dyn Tree, file: &'static str, name: &str) -> Result<String, UserError> {
    let is_empty = tree.children(Path::new("")).map(|names| names.is_empty());
    if is_empty.map_err(|error| unreadable(file, error))? {
        return Err(UserError::NothingBelow { name: name.to_owned() });
    }
    read(tree, file)
}

/// Returns the text of `file`, symlinks resolved inside the tree; empty if it does not exist.
fn read(tree: &dyn Tree, file: &'static str) -> Result<String, UserError> {
    let path = resolve(tree, Path::new(file), true).map_err(|error| unreadable(file, error))?;
    let size_bytes = match tree.lookup(&path).map_err(|error| unreadable(file, error))? {
        None => return Ok(String::new()),
        Some(Entry { kind: Kind::File { size_bytes }, .. }) => size_bytes,
        Some(_) => return Err(unreadable(file, "not a regular file")),
    };
    if size_bytes > MAX_FILE_BYTES {
        return Err(unreadable(file, format!("it has {size_bytes} bytes, more than {MAX_FILE_BYTES}")));
    }
    let bytes = read_limited(tree, &path).map_err(|error| unreadable(file, error))?;
    // Names are bytes to the kernel. A Dockerfile cannot contain a name that is not UTF-8, so replacing those is
    // harmless.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn read_limited(tree: &dyn Tree, path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    tree.open(path)?.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(file: &'static str, reason: impl ToString) -> UserError {
    UserError::Unreadable { file, reason: reason.to_string() }
}

#[cfg(test)]
mod tests;
