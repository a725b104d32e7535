//! The grammar of `--chmod`: octal, or symbolic as in chmod(1).

use crate::lower::error::Problem;

/// Fails if `mode` is none. What begins with a digit must be octal and at most 07777.
pub(super) fn check(mode: &str) -> Result<(), Problem> {
    let is_valid = if mode.starts_with(|c: char| c.is_ascii_digit()) {
        u32::from_str_radix(mode, 8).is_ok_and(|mode| mode <= 0o7777)
    } else {
        mode.split(',').all(is_clause)
    };
    if is_valid { Ok(()) } else { Err(Problem::BadChmod { mode: mode.to_owned() }) }
}

/// `[ugoa]* ( [-+=] ( [rwxXst]* | [ugo] ) )+`
fn is_clause(clause: &str) -> bool {
    let actions = clause.trim_start_matches(['u', 'g', 'o', 'a']);
    let mut permissions = actions.split(['+', '-', '=']);
    let begins_with_operator = permissions.next() == Some("") && !actions.is_empty();
    begins_with_operator && permissions.all(|text| matches!(text, "u" | "g" | "o") || is_permissions(text))
}

fn is_permissions(text: &str) -> bool {
    text.chars().all(|c| matches!(c, 'r' | 'w' | 'x' | 'X' | 's' | 't'))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[track_caller]
    fn is_mode(mode: &str, expected: bool) {
        assert_eq!(check(mode).is_ok(), expected, "{mode}");
    }

    #[test]
    fn octal() {
        is_mode("0", true);
        is_mode("755", true);
        is_mode("07777", true);
        is_mode("10000", false);
        is_mode("64a", false);
        is_mode("888", false);
    }

    #[test]
    fn symbolic() {
        is_mode("u=rwX,go=rX", true);
        is_mode("a+x", true);
        is_mode("+X", true);
        is_mode("g=u", true);
        is_mode("u+x-w", true);
        is_mode("o=", true);
        is_mode("u=q", false);
        is_mode("u", false);
        is_mode("", false);
        is_mode("u+x,", false);
        is_mode("g=uo", false);
    }
}
