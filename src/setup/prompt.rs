//! Questions to the user on the terminal.

use std::io::{self, IsTerminal, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::failure::Failure;

/// Longest answer to a question.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Keys as a terminal sends them.
const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const BACKSPACE: u8 = 8;
const CTRL_U: u8 = 21;
const DELETE: u8 = 127;

/// Asks for a line, which the terminal shows while it is typed.
pub fn line(question: &str) -> Result<String, Failure> {
    ask(question)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}

/// Asks for a line that the terminal does not show.
pub fn secret(question: &str) -> Result<String, Failure> {
    ask(question)?;
    let _hidden = Hidden::enter()?;
    let answer = typed(&mut io::stdin().lock());
    // The line end that the user typed was not shown either.
    let _ = writeln!(io::stderr());
    match answer? {
        Some(bytes) => String::from_utf8(bytes).map_err(|_| Failure::usage("the password is no UTF-8 text")),
        None => Err(Failure::canceled()),
    }
}

/// Prints a question; fails where nobody can answer it.
fn ask(question: &str) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("cannot ask for a login: stdin is no terminal")
            .hint("give --username, and the password by --password-stdin"));
    }
    let mut stderr = io::stderr().lock();
    Ok(stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush())?)
}

/// Reads what is typed up to the line end; `None` for Ctrl-C, or Ctrl-D on an empty line.
fn typed(keys: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut answer = Vec::new();
    let mut key = [0];
    loop {
        match keys.read(&mut key) {
            Ok(0) => return Ok(Some(answer).filter(|answer| !answer.is_empty())),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        match key[0] {
            b'\n' | b'\r' => return Ok(Some(answer)),
            CTRL_C => return Ok(None),
            CTRL_D if answer.is_empty() => return Ok(None),
            BACKSPACE | DELETE => remove_last(&mut answer),
            CTRL_U => answer.clear(),
            byte if answer.len() < MAX_ANSWER_BYTES => answer.push(byte),
            _ => {}
        }
    }
}

/// Removes the last character, which can have several bytes.
fn remove_last(answer: &mut Vec<u8>) {
    while answer.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
}

/// A terminal that shows nothing of what is typed. Its former mode returns when this is dropped.
///
/// Ctrl-C arrives as a key and not as a signal, which would leave the terminal mute.
struct Hidden(Termios);

impl Hidden {
    fn enter() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut mode = before.clone();
        mode.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(io::stdin(), OptionalActions::Flush, &mode)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_a_terminal_reads_them() {
        let check = |keys: &[u8], expected: Option<&str>| {
            let answer = typed(&mut &keys[..]).expect("no error");
            assert_eq!(answer.as_deref(), expected.map(str::as_bytes), "{keys:?}");
        };
        check(b"secret\nrest", Some("secret"));
        check(b"secret\r", Some("secret"));
        check(b"secx\x7fret\n", Some("secret"));
        check("\u{e4}\u{f6}\x7f\n".as_bytes(), Some("\u{e4}"));
        check(b"wrong\x15right\n", Some("right"));
        check(b"se\x03cret\n", None);
        check(b"\x04", None);
        check(b"", None);
        check(b"\n", Some(""));
    }
}
