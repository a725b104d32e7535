//! `--detach-keys`: keys that end an attachment and leave the process running.

use std::str::FromStr;

/// Keys in the order in which they are pressed. None of them reaches the process if all of them are pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetachKeys {
    keys: Vec<u8>,
    /// Number of keys that were pressed so far.
    pressed: usize,
}

impl Default for DetachKeys {
    /// Ctrl-P and Ctrl-Q, as docker has it.
    fn default() -> Self {
        Self { keys: vec![0x10, 0x11], pressed: 0 }
    }
}

/// Reads `ctrl-p,ctrl-q` or `a,b`; an empty text stands for no keys.
impl FromStr for DetachKeys {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let key = |text: &str| match (text.strip_prefix("ctrl-"), text.as_bytes()) {
            (None, [byte]) => Ok(*byte),
            (Some(rest), _) => match rest.as_bytes() {
                [letter @ b'a'..=b'z'] => Ok(letter - b'a' + 1),
                [byte @ (b'@' | b'[' | b'\\' | b']' | b'^' | b'_')] => Ok(byte - b'@'),
                _ => Err(format!("unknown key {text:?}")),
            },
            _ => Err(format!("unknown key {text:?}")),
        };
        let keys =
            if text.is_empty() { Vec::new() } else { text.split(',').map(key).collect::<Result<_, _>>()? };
        Ok(Self { keys, pressed: 0 })
    }
}

impl DetachKeys {
    /// Takes input as it comes. Returns what goes to the process, and whether all keys were pressed.
    pub(super) fn filter(&mut self, input: &[u8]) -> (Vec<u8>, bool) {
        let mut passed = Vec::with_capacity(input.len());
        for byte in input {
            if self.keys.get(self.pressed) == Some(byte) {
                self.pressed += 1;
                if self.pressed == self.keys.len() {
                    return (passed, true);
                }
                continue;
            }
            passed.extend(&self.keys[..self.pressed]);
            self.pressed = usize::from(self.keys.first() == Some(byte) && !self.keys.is_empty());
            if self.pressed == 0 {
                passed.push(*byte);
            } else if self.keys.len() == 1 {
                return (passed, true);
            }
        }
        (passed, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_for_docker() {
        let check = |text: &str, expected: Option<&[u8]>| {
            assert_eq!(
                text.parse::<DetachKeys>().ok().map(|one| one.keys),
                expected.map(<[u8]>::to_vec),
                "{text}"
            );
        };
        check("ctrl-p,ctrl-q", Some(&[16, 17]));
        check("a,ctrl-@,ctrl-[", Some(&[b'a', 0, 27]));
        check("", Some(&[]));
        check("ctrl-1", None);
        check("ab", None);
    }

    #[test]
    fn keys_detach_only_together() {
        let mut keys = DetachKeys::default();
        assert_eq!(keys.filter(b"ls\n"), (b"ls\n".to_vec(), false));
        assert_eq!(keys.filter(b"a\x10"), (b"a".to_vec(), false));
        assert_eq!(keys.filter(b"b"), (b"\x10b".to_vec(), false));
        assert_eq!(keys.filter(b"\x10\x10"), (b"\x10".to_vec(), false));
        assert_eq!(keys.filter(b"\x11rest"), (Vec::new(), true));
        let mut none: DetachKeys = "".parse().expect("no keys");
        assert_eq!(none.filter(b"\x10\x11"), (b"\x10\x11".to_vec(), false));
    }
}
