//! A line of CSV, as flags with several values have it.

/// Splits a line into its fields. Fields are separated by commas, and in double quotes where they contain one; a quote in
/// quotes is doubled: `"name=a,b",type=oci` has the fields `name=a,b` and `type=oci`.
pub fn fields(line: &str) -> Result<Vec<String>, String> {
    let mut fields = vec![String::new()];
    let (mut is_quoted, mut chars) = (false, line.chars().peekable());
    while let Some(c) = chars.next() {
        let field = fields.last_mut().expect("there is always a field");
        match c {
            '"' if is_quoted && chars.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if is_quoted => is_quoted = false,
            '"' if field.is_empty() => is_quoted = true,
            ',' if !is_quoted => fields.push(String::new()),
            _ => field.push(c),
        }
    }
    if is_quoted { Err("a quoted field does not end".to_owned()) } else { Ok(fields) }
}
