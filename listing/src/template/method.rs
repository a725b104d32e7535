//! The method call `.Label "key"` of docker's rows, written as a call of the function `label`.

/// Name of the method, with the dot in front.
const METHOD: &str = ".Label";

/// Returns a template in which `.Label "x"` and `$.Label "x"` are `label . "x"` and `label $ "x"`. Text outside of actions
/// and in strings stays as it is.
pub(super) fn rewritten(template: &str) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(start) = rest.find("{{") {
        text.push_str(&rest[..start]);
        let end = rest[start..].find("}}").map_or(rest.len(), |end| start + end + 2);
        rewrite_action(&rest[start..end], &mut text);
        rest = &rest[end..];
    }
    text.push_str(rest);
    text
}

fn rewrite_action(action: &str, text: &mut String) {
    let mut quote = None;
    let mut before = ' ';
    let mut rest = action;
    while let Some(c) = rest.chars().next() {
        match quote {
            Some(open) if c == open && before != '\\' => quote = None,
            None if matches!(c, '"' | '`') => quote = Some(c),
            _ => {}
        }
        if quote.is_none() && is_call(before, rest) {
            let row = if before == '$' { text.pop().unwrap_or('$') } else { '.' };
            text.push_str(&format!("label {row}"));
            rest = &rest[METHOD.len()..];
            before = 'l';
            continue;
        }
        text.push(c);
        rest = &rest[c.len_utf8()..];
        before = c;
    }
}

/// Reports whether the method is called here: with an argument, on the row itself.
fn is_call(before: char, rest: &str) -> bool {
    let is_on_row = matches!(before, ' ' | '\t' | '{' | '(' | '-' | '$' | '|' | '=');
    let argument = rest.strip_prefix(METHOD).map(str::trim_start);
    is_on_row && argument.is_some_and(|argument| argument.starts_with(['"', '`', '$', '(', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calls_on_the_row_are_rewritten() {
        let check = |template: &str, expected: &str| assert_eq!(rewritten(template), expected);
        check("{{.Label \"a\"}}", "{{label . \"a\"}}");
        check("{{if $.Label `a`}}x{{end}}", "{{if label $ `a`}}x{{end}}");
        check("{{.Labels}} .Label \"x\"", "{{.Labels}} .Label \"x\"");
        check("{{print \".Label \" .Label}}", "{{print \".Label \" .Label}}");
        check("{{.Config.Label \"a\"}}", "{{.Config.Label \"a\"}}");
        check("{{.ID", "{{.ID");
    }
}
