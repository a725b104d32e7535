//! `/etc/passwd` and `/etc/group` of a tree: names to numbers, as runc does it.
//!
//! Both files are content of an image and believed in nothing: they are looked up inside the tree, must be regular
//! files of at most [`LIMIT_BYTES`], and a number that is out of range is an error wherever it decides something,
//! never a name and never 0.
//!
//! Source: moby/sys/user `GetExecUser` and BuildKit's `GetUser`; CVE-2024-40635, CVE-2026-46680 (numbers out of range
//! that became 0), GHSA-72x6-4j93-7w86 (files without end), CVE-2023-25173 (the primary group among the groups).

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::entry::{Entry, Kind};
use crate::tree::{Tree, resolve};

/// The most that is read of either file.
pub const LIMIT_BYTES: u64 = 10 << 20;

/// Who a process runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Supplementary groups, the primary one included, in order of the file.
    pub groups: Vec<u32>,
    /// Home directory; `/` if unknown.
    pub home: PathBuf,
}

/// A USER that cannot be resolved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    /// No such user in /etc/passwd.
    #[error("unable to find user {name}: no matching entries in passwd file")]
    UnknownUser {
        /// The name.
        name: String,
    },
    /// No such group in /etc/group.
    #[error("unable to find group {name}: no matching entries in group file")]
    UnknownGroup {
        /// The name.
        name: String,
    },
    /// A number out of range.
    #[error("uids and gids must be in range 0-2147483647: {text}")]
    OutOfRange {
        /// As written.
        text: String,
    },
    /// The file is no regular file, or too large.
    #[error("cannot read {file}: {reason}")]
    Unreadable {
        /// Which file.
        file: &'static str,
        /// Why.
        reason: String,
    },
    /// A `--chown` by name on top of nothing: there is no file to look it up in.
    #[error(
        "cannot look up --chown {name}: there is no file system below to find /etc/passwd and /etc/group in"
    )]
    NothingBelow {
        /// The name.
        name: String,
    },
}

/// Resolves a USER of an image (`user[:group]`, names or numbers, empty for root) in `tree`.
///
/// A user without a group has the one of /etc/passwd (0 for a number that is not listed) and the supplementary groups
/// of /etc/group; a user with a group has only that one.
pub fn resolve_user(tree: &dyn Tree, user: &str) -> Result<User, UserError> {
    let user = if user.is_empty() { "0" } else { user };
    let (name, group) = split(user);
    let (user_spec, group_spec) = (Spec::parse(name)?, group.map(Spec::parse).transpose()?);
    if let (Spec::Number(uid), Some(Spec::Number(gid))) = (&user_spec, &group_spec) {
        // Nothing to look up, so a broken file does not matter: BuildKit does not open it either.
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

/// Resolves a `--chown`: `user[:group]`. A lone number is the group too; a name that is unknown is 0, and is listed
/// in the last place so that callers can warn.
pub fn resolve_owner(tree: &dyn Tree, owner: &str) -> Result<(u32, u32, Vec<String>), UserError> {
    let (name, group) = split(owner);
    let mut unknown = Vec::new();
    let (uid, mut gid) = match Spec::parse(name)? {
        Spec::Number(id) => (id, id),
        Spec::Name(name) => match find_by_name(&owner_file(tree, PASSWD, name)?, name)? {
            Some(account) => (account.uid, account.gid),
            None => {
                unknown.push(name.to_owned());
                (0, 0)
            }
        },
    };
    match group.map(Spec::parse).transpose()? {
        None => {}
        Some(Spec::Number(id)) => gid = id,
        Some(Spec::Name(name)) => {
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

/// `user[:group]` apart; an empty group is none.
fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (text, None),
    }
}

/// A user or group as written.
enum Spec<'a> {
    Number(u32),
    Name(&'a str),
}

impl<'a> Spec<'a> {
    /// Whatever looks like a number is one, and must be in range: a line of /etc/passwd with such a name is not asked.
    /// Nothing at all (`:group`) is root.
    fn parse(text: &'a str) -> Result<Self, UserError> {
        if text.is_empty() {
            return Ok(Self::Number(0));
        }
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::Name(text));
        }
        number(text).map(Self::Number)
    }
}

/// A uid or gid: 0 to 2³¹ - 1.
fn number(text: &str) -> Result<u32, UserError> {
    text.parse::<i32>()
        .ok()
        .and_then(|id| u32::try_from(id).ok())
        .ok_or_else(|| UserError::OutOfRange { text: text.to_owned() })
}

/// A user found in /etc/passwd, or a number that is not listed there (then it has no name and the group 0).
#[derive(Debug)]
struct Account<'a> {
    name: Option<&'a str>,
    uid: u32,
    gid: u32,
}

impl<'a> Account<'a> {
    fn find(passwd: &'a str, spec: &Spec<'_>) -> Result<Self, UserError> {
        match *spec {
            Spec::Number(uid) => match lines(passwd).find(|line| line.uid() == Ok(uid)) {
                Some(line) => line.account(),
                None => Ok(Self { name: None, uid, gid: 0 }),
            },
            Spec::Name(name) => {
                find_by_name(passwd, name)?.ok_or_else(|| UserError::UnknownUser { name: name.to_owned() })
            }
        }
    }
}

fn find_by_name<'a>(passwd: &'a str, name: &str) -> Result<Option<Account<'a>>, UserError> {
    lines(passwd).find(|line| line.field(0) == name).map(|line| line.account()).transpose()
}

/// The home of the first line with this uid, which is where runc looks.
fn home_of(passwd: &str, uid: u32) -> PathBuf {
    let line = lines(passwd).find(|line| line.uid() == Ok(uid));
    match line.map(|line| line.field(5)) {
        Some(home) if !home.is_empty() => home.into(),
        _ => "/".into(),
    }
}

/// The primary group and those that list the user, in order of the file.
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

fn find_group(tree: &dyn Tree, spec: &Spec<'_>) -> Result<u32, UserError> {
    match *spec {
        Spec::Number(gid) => Ok(gid),
        Spec::Name(name) => group_by_name(&read(tree, GROUP)?, name)?
            .ok_or_else(|| UserError::UnknownGroup { name: name.to_owned() }),
    }
}

fn group_by_name(group: &str, name: &str) -> Result<Option<u32>, UserError> {
    lines(group).find(|line| line.field(0) == name).map(|line| line.number(2)).transpose()
}

/// One line of either file.
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

/// Like [`read`], for `--chown`: where there is no file at all, because there is no layer, a name is an error.
fn owner_file(tree: &dyn Tree, file: &'static str, name: &str) -> Result<String, UserError> {
    let is_empty = tree.children(Path::new("")).map(|names| names.is_empty());
    if is_empty.map_err(|error| unreadable(file, error))? {
        return Err(UserError::NothingBelow { name: name.to_owned() });
    }
    read(tree, file)
}

/// The text of `file`, links resolved inside the tree; empty if there is none.
fn read(tree: &dyn Tree, file: &'static str) -> Result<String, UserError> {
    let path = resolve(tree, Path::new(file), true).map_err(|error| unreadable(file, error))?;
    let size_bytes = match tree.lookup(&path).map_err(|error| unreadable(file, error))? {
        None => return Ok(String::new()),
        Some(Entry { kind: Kind::File { size_bytes }, .. }) => size_bytes,
        Some(_) => return Err(unreadable(file, "not a regular file")),
    };
    if size_bytes > LIMIT_BYTES {
        return Err(unreadable(file, format!("it has {size_bytes} bytes, more than {LIMIT_BYTES}")));
    }
    let bytes = read_limited(tree, &path).map_err(|error| unreadable(file, error))?;
    // Names are bytes to the kernel; one that is no UTF-8 can be named by no Dockerfile.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn read_limited(tree: &dyn Tree, path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    tree.open(path)?.take(LIMIT_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(file: &'static str, reason: impl ToString) -> UserError {
    UserError::Unreadable { file, reason: reason.to_string() }
}

#[cfg(test)]
mod tests;
