//! Changes to the environment of a process, a list of entries `NAME=VALUE`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Sets the variable of `entry`, `NAME=VALUE`: in its place if the list has it, otherwise at the end.
pub(crate) fn set(env: &mut Vec<OsString>, entry: &str) {
    let name = entry.split('=').next().unwrap_or_default();
    match env.iter_mut().find(|other| value_of(other, name).is_some()) {
        Some(other) => *other = entry.into(),
        None => env.push(entry.into()),
    }
}

/// Appends a directory to the variable `name`, a list of paths separated by colons.
pub(crate) fn append_path(env: &mut Vec<OsString>, name: &str, dir: &str) {
    match env.iter_mut().find(|entry| value_of(entry, name).is_some_and(|value| !value.is_empty())) {
        Some(entry) => {
            entry.push(":");
            entry.push(dir);
        }
        None => set(env, &format!("{name}={dir}")),
    }
}

/// Returns the value of `entry` if it is the variable `name`.
fn value_of<'a>(entry: &'a OsStr, name: &str) -> Option<&'a [u8]> {
    entry.as_bytes().strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(entries: &[&str]) -> Vec<OsString> {
        entries.iter().map(OsString::from).collect()
    }

    #[test]
    fn a_variable_is_replaced_in_its_place() {
        let mut env = env(&["A=1", "AB=2"]);
        set(&mut env, "A=3=4");
        assert_eq!(env, ["A=3=4", "AB=2"]);
    }

    #[test]
    fn a_new_variable_comes_last() {
        let mut env = env(&["A=1"]);
        set(&mut env, "NEW=");
        assert_eq!(env, ["A=1", "NEW="]);
    }

    #[test]
    fn an_empty_path_list_becomes_the_directory() {
        let mut env = env(&["DIRS="]);
        append_path(&mut env, "DIRS", "/x");
        assert_eq!(env, ["DIRS=/x"]);
    }

    #[test]
    fn a_directory_is_appended_to_a_path_list() {
        let mut env = env(&["DIRS=/x"]);
        append_path(&mut env, "DIRS", "/y");
        assert_eq!(env, ["DIRS=/x:/y"]);
    }
}
