//! Variables in texts: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:?reason}`, `${NAME:+other}`, `$$`.
//!
//! Source: Compose specification, "Interpolation"; where it is silent, docker compose.

/// Values of variables, by name.
pub(crate) type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Mistake in a text with variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VariableError {
    /// A `${` that no form of a variable follows.
    Invalid,
    /// A variable of the form `${NAME?reason}` that has no value.
    Missing {
        /// Name of the variable.
        name: String,
        /// Text after the question mark; can be empty.
        reason: String,
    },
}

/// Replaces the variables of a text, and adds the names of those without value and default to `unset`.
pub(crate) fn substitute(
    text: &str,
    lookup: &Lookup<'_>,
    unset: &mut Vec<String>,
) -> Result<String, VariableError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        out.push_str(&rest[..dollar]);
        let after = &rest[dollar + 1..];
        rest = if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            after
        } else if let Some(inner) = after.strip_prefix('{') {
            let (expression, after) = Expression::parse(inner).ok_or(VariableError::Invalid)?;
            out.push_str(&expression.value(lookup, unset)?);
            after
        } else {
            let name = &after[..name_length(after)];
            match name {
                "" => out.push('$'),
                _ => out.push_str(&plain_value(name, lookup, unset)),
            }
            &after[name.len()..]
        };
    }
    out.push_str(rest);
    Ok(out)
}

/// The text between the braces of `${…}`.
struct Expression<'t> {
    name: &'t str,
    /// Operator and the text after it; `None` for `${NAME}`.
    operation: Option<(Operator, &'t str)>,
}

#[derive(Clone, Copy)]
struct Operator {
    /// One of `-`, `?` and `+`.
    kind: char,
    /// Whether an empty value counts as none, as the colon says.
    empty_is_unset: bool,
}

impl<'t> Expression<'t> {
    /// Reads an expression and its closing brace. Returns it with the text that follows.
    fn parse(text: &'t str) -> Option<(Self, &'t str)> {
        let (name, after) = text.split_at(name_length(text));
        if name.is_empty() {
            return None;
        }
        if let Some(rest) = after.strip_prefix('}') {
            return Some((Self { name, operation: None }, rest));
        }
        let empty_is_unset = after.starts_with(':');
        let after = after.strip_prefix(':').unwrap_or(after);
        let kind = after.chars().next().filter(|kind| matches!(kind, '-' | '?' | '+'))?;
        let after = &after[1..];
        let end = closing_brace(after)?;
        let operator = Operator { kind, empty_is_unset };
        Some((Self { name, operation: Some((operator, &after[..end])) }, &after[end + 1..]))
    }

    fn value(&self, lookup: &Lookup<'_>, unset: &mut Vec<String>) -> Result<String, VariableError> {
        let Some((operator, argument)) = self.operation else {
            return Ok(plain_value(self.name, lookup, unset));
        };
        let value = lookup(self.name);
        let is_set = value.as_ref().is_some_and(|value| !operator.empty_is_unset || !value.is_empty());
        match (operator.kind, is_set) {
            ('-', false) | ('+', true) => substitute(argument, lookup, unset),
            ('?', false) => Err(VariableError::Missing {
                name: self.name.to_owned(),
                reason: substitute(argument, lookup, unset)?,
            }),
            _ => Ok(value.unwrap_or_default()),
        }
    }
}

/// Returns the length of the name at the beginning of a text.
fn name_length(text: &str) -> usize {
    let is_first = |one: char| one.is_ascii_alphabetic() || one == '_';
    if !text.starts_with(is_first) {
        return 0;
    }
    text.find(|one: char| !is_first(one) && !one.is_ascii_digit()).unwrap_or(text.len())
}

/// Finds the brace that closes an expression. Braces inside are counted; where they do not match, the last one counts.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    for (index, one) in text.char_indices() {
        match one {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(index);
        }
    }
    text.rfind('}')
}

fn plain_value(name: &str, lookup: &Lookup<'_>, unset: &mut Vec<String>) -> String {
    lookup(name).unwrap_or_else(|| {
        unset.push(name.to_owned());
        String::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "FOO" => Some("first".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(substitute(text, &lookup, &mut Vec::new()).as_deref(), Ok(expected), "{text}");
    }

    #[test]
    fn variables_are_replaced_by_their_values() {
        check("a $FOO-${FOO}$NO.", "a first-first.");
        check("$$FOO $${FOO} $", "$FOO ${FOO} $");
        check("$1 $ x $%", "$1 $ x $%");
    }

    #[test]
    fn defaults_and_alternatives_nest() {
        check("${NO-a} ${EMPTY-a} ${EMPTY:-a} ${FOO:-a}", "a  a first");
        check("${NO:-${EMPTY:-${FOO}}}", "first");
        check("${FOO+x} ${EMPTY+x} ${EMPTY:+x} ${NO:+x}|", "x x  |");
        check("${NO:-http://h:1/{id}}/${FOO}", "http://h:1/{id}/first");
        check("${NO:-a\nb}", "a\nb");
        check("${NO:-{\"a\": 1}", "{\"a\": 1");
        check("${NO:-$$x}", "$x");
    }

    #[test]
    fn a_required_variable_without_a_value_is_an_error() {
        let missing = |name: &str, reason: &str| {
            Err(VariableError::Missing { name: name.to_owned(), reason: reason.to_owned() })
        };
        let got = |text| substitute(text, &lookup, &mut Vec::new());
        assert_eq!(got("${NO?why $FOO}"), missing("NO", "why first"));
        assert_eq!(got("${EMPTY:?}"), missing("EMPTY", ""));
        assert_eq!(got("${EMPTY?why}"), Ok(String::new()));
    }

    #[test]
    fn braces_without_a_variable_are_an_error() {
        for text in ["${}", "${ FOO}", "${FOO ", "${FOO!}", "${FOO", "${1}", "${FOO:}"] {
            assert_eq!(substitute(text, &lookup, &mut Vec::new()), Err(VariableError::Invalid), "{text}");
        }
    }

    #[test]
    fn names_without_a_value_are_reported() {
        let mut unset = Vec::new();
        substitute("$NO ${OTHER} ${NO2:-x}", &lookup, &mut unset).unwrap();
        assert_eq!(unset, ["NO", "OTHER"]);
    }
}
