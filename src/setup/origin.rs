//! The origin of the changes that this process makes to names of images: who asked, and by which command.
//!
//! The store keeps it with each version of a name. A command line can contain secrets, so the values of build arguments and
//! labels whose names sound confidential are left out, and so are the logins of URLs.

use std::borrow::Cow;
use std::ffi::OsString;
use std::sync::OnceLock;

use cache::Store;
use images::versions::Origin;

use crate::environment;

/// Call of this process: the name of the command (`build`, `image tag`) and all arguments.
static CALL: OnceLock<(String, Vec<String>)> = OnceLock::new();

/// Flags whose value is `NAME=VALUE`.
const ASSIGNMENTS: [&str; 3] = ["--build-arg", "--label", "--annotation"];

/// Longest command line that is kept, in bytes.
const MAX_COMMAND_BYTES: usize = 4096;

/// Remembers the call of this process. Must run before the store is opened.
pub fn remember(command: &str, args: &[OsString]) {
    let args = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let _ = CALL.set((command.to_owned(), args));
}

/// Lets the store describe the versions that this process records.
pub fn describe(store: &Store) {
    store.describe_changes(|| origin().fields());
}

fn origin() -> Origin {
    let (command, args) = CALL.get().cloned().unwrap_or_default();
    Origin {
        how: how(&command).map(str::to_owned),
        user: Some(environment::user_name()),
        command: Some(shown(&args)),
        dsbuild: Some(env!("CARGO_PKG_VERSION").to_owned()),
        ..Origin::default()
    }
}

/// Returns the word for a command, without its group: `load` for `image load` and for `import`.
fn how(command: &str) -> Option<&str> {
    match command.rsplit(' ').next() {
        Some("import") => Some("load"),
        Some("") | None => None,
        word => word,
    }
}

/// Returns a command line for people, without confidential values.
fn shown(args: &[String]) -> String {
    let mut words = vec!["dsbuild".to_owned()];
    let mut is_assignment = false;
    for arg in args.iter().skip(1) {
        let flag =
            ASSIGNMENTS.iter().find_map(|flag| Some((*flag, arg.strip_prefix(*flag)?.strip_prefix('=')?)));
        let word = match flag {
            Some((flag, assignment)) => format!("{flag}={}", without_secret(assignment)),
            None if is_assignment => without_secret(arg).into_owned(),
            None => without_login(arg).into_owned(),
        };
        is_assignment = ASSIGNMENTS.contains(&arg.as_str());
        words.push(quoted(&word).into_owned());
    }
    let mut line = words.join(" ");
    line.truncate(line.floor_char_boundary(MAX_COMMAND_BYTES));
    line
}

/// Replaces the value of `NAME=VALUE` if the name sounds confidential.
fn without_secret(assignment: &str) -> Cow<'_, str> {
    match assignment.split_once('=') {
        Some((name, _)) if frontend::check::sounds_confidential(name) => format!("{name}=***").into(),
        _ => assignment.into(),
    }
}

/// Leaves user and password out of a URL.
fn without_login(word: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = word.split_once("://") else { return word.into() };
    let authority = rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end]);
    match authority.rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]).into(),
        None => word.into(),
    }
}

/// Returns a word as a shell reads it.
fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,@+%~".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', r"'\''")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(args: &[&str], expected: &str) {
        let args: Vec<String> =
            [&["/usr/bin/dsbuild"], args].concat().iter().map(ToString::to_string).collect();
        assert_eq!(shown(&args), expected);
    }

    #[test]
    fn a_command_line_is_kept_as_a_shell_reads_it() {
        check(&["build", "-t", "app:1", "."], "dsbuild build -t app:1 .");
        check(&["build", "--label", "a=b c", "it's"], r"dsbuild build --label 'a=b c' 'it'\''s'");
        check(&["build", ""], "dsbuild build ''");
    }

    #[test]
    fn confidential_values_are_left_out() {
        check(&["build", "--build-arg", "API_TOKEN=x"], "dsbuild build --build-arg 'API_TOKEN=***'");
        check(&["build", "--build-arg=PASSWORD=a=b"], "dsbuild build '--build-arg=PASSWORD=***'");
        check(&["build", "--build-arg", "VERSION=1"], "dsbuild build --build-arg VERSION=1");
        check(&["build", "https://me:secret@host/r.git#main"], "dsbuild build 'https://host/r.git#main'");
        check(&["build", "https://host/a@b"], "dsbuild build https://host/a@b");
    }

    #[test]
    fn a_command_has_one_word() {
        assert_eq!(how("image tag"), Some("tag"));
        assert_eq!(how("import"), Some("load"));
        assert_eq!(how(""), None);
    }
}
