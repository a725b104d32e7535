//! File modes as `--chmod` writes them.
//!
//! ```text
//! mode   = 1*octal-digit / clause *("," clause)
//! clause = *("u" / "g" / "o" / "a") 1*(op perms)     without a letter, everybody is meant
//! op     = "+" / "-" / "="
//! perms  = *("r" / "w" / "x" / "X" / "s" / "t") / "u" / "g" / "o"
//! ```
//!
//! `X` sets execute on directories and on files that somebody can execute already. Symbolic modes work as in BSD's
//! `setmode`, without a umask.

use serde::Serialize;

/// Permission bits, set-uid and set-gid: the bits that `a` stands for.
const ALL: u32 = 0o6777;
const STICKY: u32 = 0o1000;

/// A text that is not a mode. The wording is BuildKit's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777")]
pub struct ModeError {
    /// Text of `--chmod` as written.
    pub text: String,
}

/// A mode that is set, or changes to the mode of the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Mode {
    /// The mode of the copy, regardless of the source.
    Octal(u32),
    /// Changes that are applied to the mode of the source, in order.
    Symbolic(Vec<Change>),
}

/// One change of a symbolic mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Change {
    pub(crate) operator: Operator,
    /// Bits that may change.
    pub(crate) mask: u32,
    pub(crate) permissions: Permissions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Operator {
    Add,
    Remove,
    Set,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Permissions {
    /// Fixed bits, and execute if `or_execute` is set and the source is a directory or executable.
    Bits { bits: u32, or_execute: bool },
    /// The permissions of the user (shift 6), the group (3) or others (0) of the source.
    CopyOf { shift: u32 },
}

impl Mode {
    /// Parses the value of `--chmod`. A text that begins with a digit must be octal.
    pub fn parse(text: &str) -> Result<Self, ModeError> {
        let parsed = if text.starts_with(|first: char| first.is_ascii_digit()) {
            parse_octal(text)
        } else {
            parse_symbolic(text)
        };
        parsed.ok_or_else(|| ModeError { text: text.to_owned() })
    }

    /// Returns the mode of a copy whose source has the mode `mode`.
    pub fn apply(&self, mode: u32, is_dir: bool) -> u32 {
        match self {
            Self::Octal(mode) => *mode,
            Self::Symbolic(changes) => {
                let executes = is_dir || mode & 0o111 != 0;
                changes.iter().fold(mode, |mode, change| change.apply(mode, executes))
            }
        }
    }
}

impl Change {
    fn apply(self, mode: u32, executes: bool) -> u32 {
        let bits = match self.permissions {
            Permissions::Bits { bits, or_execute } => bits | if or_execute && executes { 0o111 } else { 0 },
            Permissions::CopyOf { shift } => (mode >> shift & 0o7) * 0o111,
        };
        match self.operator {
            Operator::Add => mode | bits & self.mask,
            Operator::Remove => mode & !(bits & self.mask),
            Operator::Set => mode & !(self.mask & ALL) | bits & self.mask,
        }
    }
}

fn parse_octal(text: &str) -> Option<Mode> {
    u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777).map(Mode::Octal)
}

fn parse_symbolic(text: &str) -> Option<Mode> {
    let mut changes = Vec::new();
    for clause in text.split(',') {
        parse_clause(clause, &mut changes)?;
    }
    Some(Mode::Symbolic(changes))
}

fn parse_clause(clause: &str, changes: &mut Vec<Change>) -> Option<()> {
    let people = clause.find(['+', '-', '='])?;
    let who = clause[..people].chars().try_fold(0, |who, letter| {
        Some(
            who | match letter {
                'u' => 0o4700,
                'g' => 0o2070,
                'o' => 0o0007,
                'a' => ALL,
                _ => return None,
            },
        )
    })?;
    // Others alone have no special bits.
    let special = if who == 0o0007 { 0 } else { STICKY };
    let mask = if who == 0 { ALL } else { who } | special;
    let mut rest = clause[people..].chars().peekable();
    while let Some(op) = rest.next() {
        let op = match op {
            '+' => Operator::Add,
            '-' => Operator::Remove,
            _ => Operator::Set,
        };
        parse_permissions(op, mask, &mut rest, changes)?;
    }
    Some(())
}

/// Parses the permissions that follow an operator, up to the next operator.
fn parse_permissions(
    operator: Operator,
    mask: u32,
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    changes: &mut Vec<Change>,
) -> Option<()> {
    let (mut bits, mut or_execute) = (0, false);
    let mut same = None;
    while let Some(letter) = rest.next_if(|letter| !matches!(letter, '+' | '-' | '=')) {
        match letter {
            'r' => bits |= 0o444,
            'w' => bits |= 0o222,
            'x' => bits |= 0o111,
            'X' => or_execute = true,
            's' => bits |= 0o6000,
            't' => bits |= STICKY,
            // POSIX allows one letter here, and none beside permissions.
            'u' if same.is_none() => same = Some(6),
            'g' if same.is_none() => same = Some(3),
            'o' if same.is_none() => same = Some(0),
            _ => return None,
        }
    }
    match same {
        None => changes.push(Change { operator, mask, permissions: Permissions::Bits { bits, or_execute } }),
        Some(_) if bits != 0 || or_execute => return None,
        Some(shift) => changes.push(Change { operator, mask, permissions: Permissions::CopyOf { shift } }),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, mode: u32, expected: u32) {
        let parsed = Mode::parse(text).expect(text);
        assert_eq!(
            parsed.apply(mode, false),
            expected,
            "{text} on {mode:o} gives {:o}",
            parsed.apply(mode, false)
        );
    }

    #[track_caller]
    fn check_dir(text: &str, mode: u32, expected: u32) {
        let parsed = Mode::parse(text).expect(text);
        assert_eq!(
            parsed.apply(mode, true),
            expected,
            "{text} on {mode:o} gives {:o}",
            parsed.apply(mode, true)
        );
    }

    #[test]
    fn octal() {
        for (text, expected) in
            [("0", 0), ("7", 7), ("600", 0o600), ("0755", 0o755), ("4711", 0o4711), ("07777", 0o7777)]
        {
            check(text, 0o654, expected);
            check_dir(text, 0o654, expected);
        }
    }

    #[test]
    fn symbolic() {
        check("u=rw,go=r", 0o654, 0o644);
        check("+x", 0o654, 0o755);
        check("-x", 0o755, 0o644);
        check("=r", 0o777, 0o444);
        check("go-rwx", 0o654, 0o600);
        check("g=u", 0o654, 0o664);
        check("o=g", 0o754, 0o755);
        check("u=o", 0o754, 0o454);
        check("g+u", 0o640, 0o660);
        check("o-u", 0o777, 0o770);
        check("u+s,g+s", 0o654, 0o6654);
        check("ug+s", 0o755, 0o6755);
        check("+s", 0o755, 0o6755);
        check("o+s", 0o755, 0o755);
        check("a=rwX", 0o654, 0o777);
        check("a=rwX", 0o644, 0o666);
        check("ug+rwx,o-r", 0o654, 0o770);
        check("u=rwX,go=rX", 0o600, 0o644);
        check("u=rwX,go=rX", 0o700, 0o755);
        check("go+rX", 0o4711, 0o4755);
        check("+t", 0o755, 0o1755);
        check("o+t", 0o755, 0o755);
        check("-t", 0o1755, 0o755);
        check("u=rwx", 0o4755, 0o755);
        check("u+x-w", 0o644, 0o544);
        check("u=r,u+w", 0o777, 0o677);
        check("a-x,+X", 0o755, 0o755);
        check("u=", 0o755, 0o055);
        check("a=", 0o6755, 0);
        check("+", 0o644, 0o644);
    }

    #[test]
    fn directories() {
        check_dir("+X", 0o600, 0o711);
        check_dir("go=rX", 0o700, 0o755);
        check_dir("+t", 0o755, 0o1755);
        check_dir("u=rw", 0o755, 0o655);
    }

    #[test]
    fn texts_that_are_no_mode_are_refused_in_buildkits_words() {
        for text in ["64a", "68a", "8", "888", "10000", "20000", "0x1", "777777777777"] {
            let expected = format!(
                "invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777"
            );
            assert_eq!(Mode::parse(text).expect_err(text).to_string(), expected);
        }
        for text in ["", "u=q", "rwx", "u", "z+x", "u+x,", ",", "+x,y", "u=rg", "g=uo", " +x"] {
            Mode::parse(text).expect_err(text);
        }
    }
}
