//! `--chmod`: octal modes, and symbolic ones as BSD's `setmode` reads them, with no umask.
//!
//! ```text
//! mode   = 1*octal-digit / clause *("," clause)
//! clause = *("u" / "g" / "o" / "a") 1*(op *perm)     nobody named means everybody
//! op     = "+" / "-" / "="
//! perm   = "r" / "w" / "x" / "X" / "s" / "t" / "u" / "g" / "o"
//! ```
//!
//! `X` is execute for directories and for what some can execute to begin with.

/// Set-uid, set-gid and the permission bits: what `a` can change.
const ALL: u32 = 0o6777;
const STICKY: u32 = 0o1000;

/// A `--chmod` that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChmodError {
    /// It looks like a number.
    #[error("invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777")]
    Number {
        /// As written.
        text: String,
    },
    /// It does not.
    #[error("invalid chmod parameter: '{text}'. it should be octal or symbolic, as in 'u=rwX,go=rX'")]
    Symbolic {
        /// As written.
        text: String,
    },
}

/// How the modes of copied files come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// This mode, whatever the source has.
    Octal(u32),
    /// Changes to the mode of the source, in order.
    Symbolic(Vec<Change>),
}

/// One change of a symbolic mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    op: Op,
    /// Which bits may change.
    mask: u32,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Add,
    Remove,
    Set,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// These; and execute too, if `or_execute` and the source has any.
    Bits { bits: u32, or_execute: bool },
    /// The permissions of user (6), group (3) or others (0): how far up they are.
    Same { shift: u32 },
}

impl Mode {
    /// Reads a `--chmod`.
    pub fn parse(text: &str) -> Result<Self, ChmodError> {
        if text.is_empty() || text.starts_with(|first: char| first.is_ascii_digit()) {
            return match u32::from_str_radix(text, 8) {
                Ok(mode) if mode <= 0o7777 => Ok(Self::Octal(mode)),
                _ => Err(ChmodError::Number { text: text.to_owned() }),
            };
        }
        let mut changes = Vec::new();
        for clause in text.split(',') {
            parse_clause(clause, &mut changes)
                .ok_or_else(|| ChmodError::Symbolic { text: text.to_owned() })?;
        }
        Ok(Self::Symbolic(changes))
    }

    /// The mode of a copy of something with mode `mode`.
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
        let bits = match self.what {
            What::Bits { bits, or_execute } => bits | if or_execute && executes { 0o111 } else { 0 },
            What::Same { shift } => (mode >> shift & 0o7) * 0o111,
        };
        match self.op {
            Op::Add => mode | bits & self.mask,
            Op::Remove => mode & !(bits & self.mask),
            Op::Set => mode & !(self.mask & ALL) | bits & self.mask,
        }
    }
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
            '+' => Op::Add,
            '-' => Op::Remove,
            _ => Op::Set,
        };
        parse_permissions(op, mask, &mut rest, changes)?;
    }
    Some(())
}

/// What follows an operator, up to the next.
fn parse_permissions(
    op: Op,
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
            'u' => same = Some(6),
            'g' => same = Some(3),
            'o' => same = Some(0),
            _ => return None,
        }
    }
    match same {
        None => changes.push(Change { op, mask, what: What::Bits { bits, or_execute } }),
        // Letters of both sorts after one operator: POSIX has no such thing.
        Some(_) if bits != 0 || or_execute => return None,
        Some(shift) => changes.push(Change { op, mask, what: What::Same { shift } }),
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
    fn refused() {
        for text in ["", "64a", "68a", "8", "10000", "20000", "0x1", "777777777777"] {
            let expected = format!(
                "invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777"
            );
            assert_eq!(Mode::parse(text).expect_err(text).to_string(), expected);
        }
        for text in ["u=q", "rwx", "u", "z+x", "u+x,", ",", "+x,y", "u=rg", " +x"] {
            let error = Mode::parse(text).expect_err(text);
            assert!(
                matches!(error, ChmodError::Symbolic { .. }) && error.to_string().contains(text),
                "{text}"
            );
        }
    }
}
