//! Text from outside, made safe for a terminal.
//!
//! Dockerfiles, file names, registries and processes can contain escape sequences that set the title of a window, write
//! to the clipboard, or hide and reorder text. [`Sanitizer`] removes escape sequences and control characters, and spells
//! out the characters that change the direction of text. It is fed piece by piece, so that a sequence that is split
//! between two reads of a log is removed as well. A line end closes every sequence: an unfinished one hides one line at
//! most.
//!
//! Sources: ECMA-48, 5th edition, section 5.3 (escape sequences) and 8.3 (control strings); Unicode UAX #9 (bidi controls).

use std::path::Path;

/// Treatment of line ends in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnds {
    Kept,
    Spaces,
}

/// Filter that remembers an unfinished escape sequence from one piece of text to the next.
#[derive(Debug, Default)]
pub struct Sanitizer {
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// The last character was ESC.
    Escape,
    /// Inside of `ESC [ … letter`.
    Sequence,
    /// Inside of `ESC ] … BEL` and the other strings, which ST ends as well.
    ControlString,
}

impl Sanitizer {
    /// Appends to `clean` the part of `text` that a terminal may show. Line ends and tabs are kept.
    pub fn push(&mut self, text: &str, clean: &mut String) {
        self.feed(text, LineEnds::Kept, clean);
    }

    fn feed(&mut self, text: &str, line_ends: LineEnds, clean: &mut String) {
        for c in text.chars() {
            if c == '\n' {
                self.state = State::Text;
                clean.push(if line_ends == LineEnds::Kept { '\n' } else { ' ' });
                continue;
            }
            self.state = match (self.state, c) {
                (_, '\u{1b}') => State::Escape,
                (State::Text, c) => show(c, clean),
                (State::Escape, '[') => State::Sequence,
                (State::Escape, ']' | 'P' | '_' | '^' | 'X') => State::ControlString,
                (State::Escape, ' '..='/') => State::Escape,
                (State::Escape, _) => State::Text,
                (State::Sequence, '@'..='~') => State::Text,
                (State::ControlString, '\u{7}' | '\u{9c}') => State::Text,
                (state, _) => state,
            };
        }
    }
}

/// Appends a character that is not part of an escape sequence; returns the state after it.
fn show(c: char, clean: &mut String) -> State {
    match c {
        '\t' => clean.push('\t'),
        '\u{9b}' => return State::Sequence,
        '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => return State::ControlString,
        c if c.is_control() => {}
        c if is_bidi_control(c) => clean.extend(c.escape_unicode()),
        c => clean.push(c),
    }
    State::Text
}

/// Reports whether a character changes the direction in which others are shown.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns a text as one line that a terminal may show. Line ends become spaces.
pub fn sanitized(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    Sanitizer::default().feed(text, LineEnds::Spaces, &mut clean);
    clean
}

/// Returns a text of several lines that a terminal may show.
pub fn sanitized_lines(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    Sanitizer::default().push(text, &mut clean);
    clean
}

/// Returns a text in which each control and bidi character is replaced by a harmless one of as many bytes.
///
/// Byte positions in the text stay what they are, as a report with carets needs. Tabs and line ends, also those of
/// Windows, are kept.
pub fn sanitized_in_place(text: &str) -> String {
    let mut chars = text.chars().peekable();
    let pairs = std::iter::from_fn(|| chars.next().map(|c| (c, chars.peek() == Some(&'\n'))));
    let replaced = pairs.map(|(c, is_before_line_end)| match c {
        '\n' | '\t' => c,
        '\r' if is_before_line_end => c,
        c if is_bidi_control(c) && c.len_utf8() == 3 => '\u{fffd}',
        c if is_bidi_control(c) || (c.is_control() && c.len_utf8() == 2) => '\u{bf}',
        c if c.is_control() => '?',
        c => c,
    });
    replaced.collect()
}

/// Returns text that carries our own colors: of all escape sequences only colors and weights (SGR) are kept.
pub fn only_colors(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("\u{1b}[") {
        clean.push_str(&sanitized_lines(&rest[..start]));
        rest = &rest[start..];
        let end = rest[2..].find(|c: char| !c.is_ascii_digit() && c != ';').map_or(rest.len(), |at| at + 2);
        if rest[end..].starts_with('m') {
            clean.push_str(&rest[..=end]);
            rest = &rest[end + 1..];
        } else {
            // Another sequence: removed together with the text in front of the next color.
            let next = rest[2..].find("\u{1b}[").map_or(rest.len(), |at| at + 2);
            clean.push_str(&sanitized_lines(&rest[..next]));
            rest = &rest[next..];
        }
    }
    clean.push_str(&sanitized_lines(rest));
    clean
}

/// Returns a path as one line of text that cannot be mistaken for another path: bytes that are not printable text
/// become escapes, for example `caf\xe9`.
pub fn path(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' | '\n' | '\r' | '\t' => text.extend(c.escape_default()),
                c if c.is_control() || is_bidi_control(c) => text.extend(c.escape_unicode()),
                c => text.push(c),
            }
        }
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

/// Returns JSON text in which characters that act on a terminal are written as JSON escapes. Its meaning is unchanged:
/// outside of strings JSON has no such characters but line ends.
pub fn json(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && (c.is_control() || is_bidi_control(c)) {
            clean.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            clean.push(c);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_control_characters_are_removed() {
        let check = |text: &str, expected: &str| assert_eq!(sanitized(text), expected, "{text:?}");
        check("plain\ttext", "plain\ttext");
        check("\u{1b}[31mred\u{1b}[0m", "red");
        check("\u{1b}]0;title\u{7}after", "after");
        check("\u{1b}]52;c;x\u{1b}\\after", "after");
        check("\u{1b}(Bafter", "after");
        check("\u{9b}31mred", "red");
        check("\u{9d}0;title\u{9c}after", "after");
        check("a\u{8}b\r", "ab");
        check("\u{1b}", "");
        check("two\nlines", "two lines");
    }

    #[test]
    fn bidi_characters_are_spelled_out() {
        assert_eq!(sanitized("a\u{202e}b\u{2066}c\u{200f}"), "a\\u{202e}b\\u{2066}c\\u{200f}");
    }

    #[test]
    fn an_unfinished_sequence_hides_one_line_at_most() {
        assert_eq!(sanitized_lines("a\u{1b}]0;hidden\nshown\n"), "a\nshown\n");
        assert_eq!(sanitized_lines("a\u{1b}[1\nshown\n"), "a\nshown\n");
    }

    #[test]
    fn a_sequence_split_between_two_pieces_is_removed() {
        let mut sanitizer = Sanitizer::default();
        let mut clean = String::new();
        for piece in ["a\u{1b}", "]52;c;", "UFdO\u{7}b\u{1b}[3", "1mc\n"] {
            sanitizer.push(piece, &mut clean);
        }
        assert_eq!(clean, "abc\n");
    }

    #[test]
    fn replacing_in_place_keeps_byte_positions() {
        let text = "RUN \u{1b}]0;x\u{7} \u{9b}1m \u{202e} \u{61c} é\ra\r\n";
        let clean = sanitized_in_place(text);
        assert_eq!(clean.len(), text.len());
        assert_eq!(clean, "RUN ?]0;x? \u{bf}1m \u{fffd} \u{bf} é?a\r\n");
    }

    #[test]
    fn of_our_own_text_only_colors_are_kept() {
        let check = |text: &str, expected: &str| assert_eq!(only_colors(text), expected, "{text:?}");
        check("\u{1b}[1m\u{1b}[91merror\u{1b}[0m: x\n", "\u{1b}[1m\u{1b}[91merror\u{1b}[0m: x\n");
        check("a\u{1b}[2Jb\u{1b}[1;31mc", "ab\u{1b}[1;31mc");
        check("a\u{1b}]0;t\u{7}b\u{1b}[0m", "ab\u{1b}[0m");
        check("\u{1b}[", "");
    }

    #[test]
    fn a_path_is_one_line_of_unambiguous_text() {
        use std::os::unix::ffi::OsStrExt;
        let check = |bytes: &[u8], expected: &str| {
            assert_eq!(path(Path::new(std::ffi::OsStr::from_bytes(bytes))), expected);
        };
        check("d/é x".as_bytes(), "d/é x");
        check(b"caf\xe9\n\\", "caf\\xe9\\n\\\\");
        check("\u{1b}[31m\u{202e}".as_bytes(), "\\u{1b}[31m\\u{202e}");
    }

    #[test]
    fn json_escapes_keep_its_meaning() {
        let value = serde_json::json!({"name": "a\u{202e}\u{9b}\u{7f}\u{1b}"});
        let text = json(&value.to_string());
        assert!(text.chars().all(|c| !c.is_control() && !is_bidi_control(c)), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).expect("it is JSON"), value);
    }
}
