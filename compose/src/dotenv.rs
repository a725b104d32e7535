//! Files with variables: `.env`, `env_file` and `label_file`.
//!
//! ```text
//! NAME=value              to the end of the line or to " #"; variables are replaced
//! NAME="two words\n"      escapes and variables are replaced, lines continue
//! NAME='$literal'         nothing is replaced
//! export NAME=value       as in a shell
//! NAME: value             as in YAML
//! NAME                    the value that the variable has already, if any
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use crate::ComposeError;
use crate::template::{self, Lookup, VariableError};

/// Values of variables by their names, as an environment has them.
pub type Variables = BTreeMap<String, String>;

/// Reads the text of a file into `variables`. References are looked up with `lookup`, then in `variables`.
pub(crate) fn parse(
    text: &str,
    file: &Path,
    variables: &mut Variables,
    lookup: &Lookup<'_>,
) -> Result<(), ComposeError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { rest: text, line: 1, file };
    while reader.skip_to_statement() {
        reader.statement(variables, lookup)?;
    }
    Ok(())
}

/// Reads the text of a file whose values are taken as they are, as `docker run --env-file` does: one variable a line.
pub(crate) fn parse_raw(
    text: &str,
    file: &Path,
    variables: &mut Variables,
    lookup: &Lookup<'_>,
) -> Result<(), ComposeError> {
    for (index, line) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (line, lookup(line)),
        };
        if name.is_empty() || name.contains(char::is_whitespace) {
            let (file, reason) = (file.to_owned(), format!("{name:?} is not the name of a variable"));
            return Err(ComposeError::EnvFile { file, line: index + 1, reason });
        }
        variables.extend(value.map(|value| (name.to_owned(), value)));
    }
    Ok(())
}

struct Reader<'t> {
    rest: &'t str,
    /// Number of the line at which `rest` begins.
    line: usize,
    file: &'t Path,
}

impl<'t> Reader<'t> {
    fn error(&self, reason: impl Into<String>) -> ComposeError {
        ComposeError::EnvFile { file: self.file.to_owned(), line: self.line, reason: reason.into() }
    }

    /// Takes the next `length` bytes.
    fn take(&mut self, length: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    /// Skips blanks, empty lines and comments. Returns false at the end of the file.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            let blank = self.rest.len() - self.rest.trim_start().len();
            self.take(blank);
            if !self.rest.starts_with('#') {
                return !self.rest.is_empty();
            }
            self.take(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
    }

    fn statement(&mut self, variables: &mut Variables, lookup: &Lookup<'_>) -> Result<(), ComposeError> {
        if let Some(after) = self.rest.strip_prefix("export").filter(|after| after.starts_with(is_blank)) {
            self.rest = after.trim_start_matches(is_blank);
        }
        let end = self.rest.find(['=', ':', '\n']).unwrap_or(self.rest.len());
        let name = self.rest[..end].trim_end();
        if let Some(odd) = name.chars().find(|one| !is_name_character(*one)) {
            let line = self.rest.lines().next().unwrap_or_default();
            return Err(self.error(format!("unexpected character {odd:?} in variable name {line:?}")));
        }
        if name.contains(is_blank) {
            return Err(self.error(format!("key {name:?} cannot contain a space")));
        }
        let name = name.to_owned();
        let separator = self.rest[end..].chars().next();
        self.take(end);
        if matches!(separator, None | Some('\n')) {
            if let Some(value) = lookup(&name) {
                variables.insert(name, value);
            }
            return Ok(());
        }
        self.take(1);
        self.rest = self.rest.trim_start_matches(is_blank);
        let value = self.value(variables, lookup)?;
        variables.insert(name, value);
        Ok(())
    }

    fn value(&mut self, variables: &Variables, lookup: &Lookup<'_>) -> Result<String, ComposeError> {
        match self.rest.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let text = self.quoted(quote)?;
                if quote == '\'' { Ok(text) } else { self.replace(&unescape(&text), variables, lookup) }
            }
            _ => {
                let line = &self.rest[..self.rest.find('\n').unwrap_or(self.rest.len())];
                let value = line.split(" #").next().unwrap_or_default().trim_end();
                let value = self.replace(value, variables, lookup)?;
                self.take(line.len());
                Ok(value)
            }
        }
    }

    /// Takes a text in quotes. A backslash before the quote is dropped, every other one is kept.
    fn quoted(&mut self, quote: char) -> Result<String, ComposeError> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((index, one)) = characters.next() {
            if one == quote {
                self.take(index + 1);
                return Ok(text);
            }
            if one != '\\' {
                text.push(one);
                continue;
            }
            match characters.next() {
                Some((_, escaped)) if escaped == quote => text.push(quote),
                Some((_, escaped)) => text.extend(['\\', escaped]),
                None => break,
            }
        }
        let line = self.rest.lines().next().unwrap_or_default();
        Err(self.error(format!("unterminated quoted value {line}")))
    }

    fn replace(
        &self,
        text: &str,
        variables: &Variables,
        lookup: &Lookup<'_>,
    ) -> Result<String, ComposeError> {
        let known = |name: &str| lookup(name).or_else(|| variables.get(name).cloned());
        template::substitute(text, &known, &mut Vec::new()).map_err(|error| match error {
            VariableError::Invalid => {
                self.error(format!("invalid variable in {text:?}; a literal $ is written $$"))
            }
            VariableError::Missing { name, reason } if reason.is_empty() => {
                self.error(format!("required variable {name} is missing a value"))
            }
            VariableError::Missing { name, reason } => {
                self.error(format!("required variable {name} is missing a value: {reason}"))
            }
        })
    }
}

/// Reports whether a character is a blank, but no line break.
fn is_blank(one: char) -> bool {
    one != '\n' && one.is_whitespace()
}

fn is_name_character(one: char) -> bool {
    one.is_alphanumeric() || is_blank(one) || matches!(one, '_' | '.' | '-' | '[' | ']')
}

/// Replaces the escapes of a text in double quotes: `\n`, `\t`, `\"`, `\0101`. `\$` becomes `$$`, a literal dollar sign.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(backslash) = rest.find('\\') {
        out.push_str(&rest[..backslash]);
        let after = &rest[backslash + 1..];
        let (replaced, length) = match after.chars().next() {
            Some('$') => ("$$".to_owned(), 1),
            Some('0') => octal(after),
            Some(one) => match escape(one) {
                Some(replaced) => (replaced.to_string(), 1),
                None => (format!("\\{one}"), one.len_utf8()),
            },
            None => ("\\".to_owned(), 0),
        };
        out.push_str(&replaced);
        rest = &after[length..];
    }
    out.push_str(rest);
    out
}

fn escape(one: char) -> Option<char> {
    Some(match one {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '"' | '\\' => one,
        _ => return None,
    })
}

/// Reads `0` and three octal digits. Returns the character and the number of bytes read; anything else stays as it is.
fn octal(text: &str) -> (String, usize) {
    let digits = text.get(1..4).filter(|digits| digits.bytes().all(|one| matches!(one, b'0'..=b'7')));
    match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
        Some(code) => (char::from(code).to_string(), 4),
        None => ("\\0".to_owned(), 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Variables, ComposeError> {
        let mut variables = Variables::new();
        let lookup = |name: &str| (name == "HOST").then(|| "h".to_owned());
        parse(text, Path::new(".env"), &mut variables, &lookup)?;
        Ok(variables)
    }

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let expected: Variables =
            expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(read(text).unwrap(), expected, "{text}");
    }

    #[test]
    fn each_form_of_a_line_is_read() {
        check(
            "A=1\nexport B = two words # note\nC: 3\r\n\n# D=4\n E='$A'\n",
            &[("A", "1"), ("B", "two words"), ("C", "3"), ("E", "$A")],
        );
        check(
            "A=\"x\\n\\\"y\\\" \\$z \\0101\"\nB='it\\'s'\nC=\"a\nb\"",
            &[("A", "x\n\"y\" $z A"), ("B", "it's"), ("C", "a\nb")],
        );
        check("A=a#b\nB=\nC=x=y", &[("A", "a#b"), ("B", ""), ("C", "x=y")]);
    }

    #[test]
    fn variables_come_from_outside_and_from_the_lines_above() {
        check("HOST\nNONE\nA=1\nB=${A}-$HOST-${NO:-d}\n", &[("HOST", "h"), ("A", "1"), ("B", "1-h-d")]);
    }

    #[test]
    fn a_raw_file_is_taken_as_it_is() {
        let mut variables = Variables::new();
        parse_raw("# x\n A='$B' \nHOST\nNO\n", Path::new("f"), &mut variables, &|name| {
            (name == "HOST").then(|| "h".to_owned())
        })
        .unwrap();
        let expected =
            [("A", "'$B' "), ("HOST", "h")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(variables, Variables::from(expected));
        let error = parse_raw("\nA B=1", Path::new("f"), &mut variables, &|_| None).unwrap_err();
        assert_eq!(error.to_string(), "f:2: \"A B\" is not the name of a variable");
    }

    #[test]
    fn a_mistake_is_reported_with_its_line() {
        let check = |text: &str, expected: &str| assert_eq!(read(text).unwrap_err().to_string(), expected);
        check("A=1\nB C=2", ".env:2: key \"B C\" cannot contain a space");
        check("A%=1", ".env:1: unexpected character '%' in variable name \"A%=1\"");
        check("\n\nA='x", ".env:3: unterminated quoted value 'x");
        check("A=${B?no}", ".env:1: required variable B is missing a value: no");
        check("A=${", ".env:1: invalid variable in \"${\"; a literal $ is written $$");
    }
}
