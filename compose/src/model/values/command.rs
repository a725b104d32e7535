//! Command lines: a list, or a text that is split as docker compose splits it.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// Program and arguments; an empty list removes what the image has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Command(pub Vec<String>);

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Line(String),
            List(Vec<String>),
        }
        match Form::deserialize(deserializer)? {
            Form::List(words) => Ok(Self(words)),
            Form::Line(line) => split(&line).map(Self).map_err(D::Error::custom),
        }
    }
}

/// Splits a line at blanks outside of quotes. A shell's `;`, `&`, `|`, `<` or `>` ends it, since no shell runs it.
fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = line.chars();
    while let Some(one) = characters.next() {
        match (quote, one) {
            (Some('\''), '\\') => word.get_or_insert_default().push(one),
            (_, '\\') => match characters.next() {
                Some('t') => word.get_or_insert_default().push('\t'),
                Some('n') => word.get_or_insert_default().push('\n'),
                Some(escaped) => word.get_or_insert_default().push(escaped),
                None => return Err(format!("{line:?} ends with a backslash")),
            },
            (Some(open), one) if one == open => {
                quote = None;
                word.get_or_insert_default();
                if open == '`' {
                    word.get_or_insert_default().push(one);
                }
            }
            (Some(_), one) => word.get_or_insert_default().push(one),
            (None, '"' | '\'') => quote = Some(one),
            (None, '`') => {
                quote = Some(one);
                word.get_or_insert_default().push(one);
            }
            (None, '(' | ')') => return Err(format!("{line:?} has a parenthesis outside of quotes")),
            (None, ';' | '&' | '|' | '<' | '>') => {
                // The number of a stream belongs to its redirection.
                if one == '>'
                    && word.as_ref().is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()))
                {
                    word = None;
                }
                break;
            }
            (None, ' ' | '\t' | '\r' | '\n') => words.extend(word.take()),
            (None, one) => word.get_or_insert_default().push(one),
        }
    }
    match quote {
        Some(open) => Err(format!("{line:?} has no closing {open}")),
        None => {
            words.extend(word);
            Ok(words)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_docker_compose_does() {
        let check = |line: &str, expected: &[&str]| assert_eq!(split(line).unwrap(), expected, "{line}");
        check("", &[]);
        check("  a  b ", &["a", "b"]);
        check(r#"sh -c "a 'b' && c" 'd e' f\ g"#, &["sh", "-c", "a 'b' && c", "d e", "f g"]);
        check("a '' b", &["a", "", "b"]);
        check("a && b", &["a"]);
        check("a 2>b", &["a"]);
        check("echo `a b` c", &["echo", "`a b`", "c"]);
        check("a\nb", &["a", "b"]);
        for line in ["a 'b", "a \"b", "a\\", "a (b)"] {
            assert!(split(line).is_err(), "{line}");
        }
    }
}
