//! The sink for everything that dsbuild prints, and what the terminal behind it can show.
//!
//! No other module writes to stdout or stderr. Every function here sanitizes: no escape sequence, control character or
//! bidi character of a Dockerfile, an error, a registry or a process reaches a terminal. Our own colors survive only in
//! [`colored`] and [`redraw`]. Programs that read a pipe get the exact bytes by [`data`].
//!
//! A reader that went away is no failure: `dsbuild images | head -1` succeeds.
#![allow(clippy::print_stdout, clippy::print_stderr)]

pub mod table;

use std::io::{self, IsTerminal, Write};

pub use printable::{
    Html, Sanitizer, ago, date, disk_size, now_ms, number, path, rfc3339, rfc3339_nanoseconds, sanitized,
    sanitized_in_place, sanitized_lines, since, size,
};

use crate::environment;

/// Size that is assumed where stderr is not a terminal: columns, rows.
const DEFAULT_SIZE: (usize, usize) = (80, 24);

/// One of the two streams that are printed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Stream of results, for people and programs.
    Stdout,
    /// Stream of progress, notes and errors.
    Stderr,
}

impl Stream {
    /// Reports whether the stream goes to a terminal.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Stdout => io::stdout().is_terminal(),
            Self::Stderr => io::stderr().is_terminal(),
        }
    }

    /// Reports whether stdin comes from a terminal, where a person would have to answer.
    pub fn is_stdin_terminal() -> bool {
        io::stdin().is_terminal()
    }

    /// Reports whether the stream goes to a terminal that can move its cursor, which `TERM=dumb` denies.
    pub fn has_cursor(self) -> bool {
        self.is_terminal() && environment::variable("TERM").is_none_or(|term| term != "dumb")
    }

    /// Reports whether the stream goes to a terminal that shows colors. `NO_COLOR` switches them off.
    pub fn has_colors(self) -> bool {
        self.has_cursor() && environment::variable("NO_COLOR").is_none()
    }

    fn write(self, bytes: &[u8]) {
        let _ = match self {
            Self::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(bytes).and_then(|()| out.flush())
            }
            Self::Stderr => io::stderr().lock().write_all(bytes),
        };
    }
}

/// Prints a result and a line end on stdout.
pub fn line(text: &str) {
    Stream::Stdout.write(format!("{}\n", sanitized_lines(text)).as_bytes());
}

/// Prints a result that has its line ends on stdout, in one piece.
pub fn lines(text: &str) {
    Stream::Stdout.write(sanitized_lines(text).as_bytes());
}

/// Prints a question on stdout, and waits behind it for the answer.
pub fn question(text: &str) {
    Stream::Stdout.write(sanitized_lines(text).as_bytes());
}

/// Prints a line for people on stderr.
pub fn note(text: &str) {
    Stream::Stderr.write(format!("{}\n", sanitized_lines(text)).as_bytes());
}

/// Prints text that carries our own colors, and a line end if it has none.
pub fn colored(stream: Stream, text: &str) {
    let text = printable::only_colors(text);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    stream.write(format!("{text}{end}").as_bytes());
}

/// Prints JSON and a line end. Characters that act on a terminal are written as JSON escapes.
pub fn json(stream: Stream, value: &serde_json::Value, is_pretty: bool) {
    json_text(stream, &if is_pretty { format!("{value:#}") } else { value.to_string() });
}

/// Prints a text that is JSON and a line end, with the same escapes as [`json`].
pub fn json_text(stream: Stream, text: &str) {
    stream.write(format!("{}\n", printable::json(text)).as_bytes());
}

/// Prints content: exact bytes for a pipe or a file, sanitized text for a terminal.
pub fn data(stream: Stream, bytes: &[u8]) {
    if stream.is_terminal() {
        stream.write(sanitized_lines(&String::from_utf8_lossy(bytes)).as_bytes());
    } else {
        stream.write(bytes);
    }
}

/// Passes on what a process that the user runs in the foreground writes, byte by byte: it may act on the user's terminal. An
/// error means that nobody reads the stream any more.
pub fn passed_on(stream: Stream, bytes: &[u8]) -> io::Result<()> {
    match stream {
        Stream::Stdout => {
            let mut out = io::stdout().lock();
            out.write_all(bytes).and_then(|()| out.flush())
        }
        Stream::Stderr => io::stderr().lock().write_all(bytes),
    }
}

/// Replaces the last `drawn` lines on stderr by these, which may carry our own colors.
pub fn redraw(drawn: usize, lines: &[String]) {
    let mut text = if drawn > 0 { format!("\x1b[{drawn}F\x1b[J") } else { String::new() };
    for line in lines {
        text.push_str(&printable::only_colors(line));
        text.push('\n');
    }
    Stream::Stderr.write(text.as_bytes());
}

/// Returns columns and rows of the terminal behind stderr.
pub fn terminal_size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => DEFAULT_SIZE,
    }
}
