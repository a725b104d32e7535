//! Functions on texts.

use regex::Regex;
use serde_json::{Map, Value};

use super::Arguments;
use crate::values;

pub(super) fn call(name: &str, arguments: Arguments<'_>) -> Option<Result<Value, String>> {
    let function: fn(Arguments<'_>) -> Result<Value, String> = match name {
        "basename" => {
            |args| Ok(Value::from(args.text(0)?.trim_end_matches('/').rsplit('/').next().unwrap_or_default()))
        }
        "chomp" => |args| Ok(Value::from(args.text(0)?.trim_end_matches(['\n', '\r']))),
        "dirname" => |args| Ok(Value::from(dirname(&args.text(0)?))),
        "format" => |args| format(&args.text(0)?, &args.0[1..]).map(Value::from),
        "formatlist" => format_list,
        "indent" => |args| {
            let blanks = " ".repeat(usize::try_from(args.whole(0)?).unwrap_or_default());
            Ok(Value::from(args.text(1)?.replace('\n', &format!("\n{blanks}"))))
        },
        "join" => |args| {
            let lists = args.lists_from(1)?;
            let parts: Result<Vec<String>, String> =
                lists.iter().flat_map(|list| list.iter()).map(values::text).collect();
            Ok(Value::from(parts?.join(&args.text(0)?)))
        },
        "lower" => |args| Ok(Value::from(args.text(0)?.to_lowercase())),
        "regex" => |args| regex_first(&args.text(0)?, &args.text(1)?),
        "regexall" => regex_all,
        "regex_replace" => |args| {
            let pattern = pattern(&args.text(1)?)?;
            Ok(Value::from(pattern.replace_all(&args.text(0)?, args.text(2)?.as_str())))
        },
        "replace" => |args| Ok(Value::from(args.text(0)?.replace(&args.text(1)?, &args.text(2)?))),
        "reverse" => |args| Ok(Value::from(args.text(0)?.chars().rev().collect::<String>())),
        "sanitize" => |args| Ok(Value::from(crate::sanitized(&args.text(0)?))),
        "split" => |args| {
            let (separator, text) = (args.text(0)?, args.text(1)?);
            Ok(text.split(separator.as_str()).map(Value::from).collect())
        },
        "strlen" => |args| Ok(Value::from(args.text(0)?.chars().count())),
        "substr" => substr,
        "title" => |args| Ok(Value::from(title(&args.text(0)?))),
        "trim" => |args| {
            let cut = args.text(1)?;
            Ok(Value::from(args.text(0)?.trim_matches(|one| cut.contains(one))))
        },
        "trimprefix" => |args| {
            let (text, prefix) = (args.text(0)?, args.text(1)?);
            Ok(Value::from(text.strip_prefix(&prefix).unwrap_or(&text)))
        },
        "trimspace" => |args| Ok(Value::from(args.text(0)?.trim())),
        "trimsuffix" => |args| {
            let (text, suffix) = (args.text(0)?, args.text(1)?);
            Ok(Value::from(text.strip_suffix(&suffix).unwrap_or(&text)))
        },
        "upper" => |args| Ok(Value::from(args.text(0)?.to_uppercase())),
        _ => return None,
    };
    Some(function(arguments))
}

fn dirname(path: &str) -> String {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some(("", _)) => "/".to_owned(),
        Some((dir, _)) => dir.to_owned(),
        None => ".".to_owned(),
    }
}

fn title(text: &str) -> String {
    let mut begins = true;
    let capital = |one: char| {
        let letter = if begins { one.to_uppercase().to_string() } else { one.to_string() };
        begins = one.is_whitespace();
        letter
    };
    text.chars().map(capital).collect()
}

/// `substr(text, offset, length)`: a negative offset counts from the end, a negative length means the rest.
fn substr(args: Arguments<'_>) -> Result<Value, String> {
    let characters: Vec<char> = args.text(0)?.chars().collect();
    let (offset, length) = (args.whole(1)?, args.whole(2)?);
    let count = i64::try_from(characters.len()).unwrap_or(i64::MAX);
    let begin = if offset < 0 { (count + offset).max(0) } else { offset.min(count) };
    let end = if length < 0 { count } else { begin.saturating_add(length).min(count) };
    let range = usize::try_from(begin).unwrap_or_default()..usize::try_from(end).unwrap_or_default();
    Ok(Value::from(characters[range].iter().collect::<String>()))
}

/// Replaces the verbs of a format: `%s`, `%d`, `%q`, `%v`, `%t`, `%f`, `%x`, also with a width as in `%03d` and `%.2f`.
fn format(format: &str, arguments: &[Value]) -> Result<String, String> {
    let mut out = String::new();
    let mut arguments = arguments.iter();
    let mut characters = format.chars().peekable();
    while let Some(one) = characters.next() {
        if one != '%' {
            out.push(one);
            continue;
        }
        let mut flags = String::new();
        while let Some(flag) =
            characters.next_if(|next| next.is_ascii_digit() || matches!(next, '.' | '-' | '+'))
        {
            flags.push(flag);
        }
        let verb = characters.next().ok_or("the format ends with a single %")?;
        if verb == '%' {
            out.push('%');
            continue;
        }
        let value = arguments.next().ok_or_else(|| format!("no argument for %{verb}"))?;
        out.push_str(&verb_text(verb, &flags, value)?);
    }
    match arguments.next() {
        Some(_) => Err("there are more arguments than verbs in the format".to_owned()),
        None => Ok(out),
    }
}

fn verb_text(verb: char, flags: &str, value: &Value) -> Result<String, String> {
    let (width, precision) = flags.split_once('.').unwrap_or((flags, ""));
    let precision: Option<usize> = precision.parse().ok();
    let whole = || values::number(value).map(f64::trunc);
    let text = match verb {
        's' => values::text(value)?,
        'v' => values::text(value).unwrap_or_else(|_| value.to_string()),
        'q' => Value::from(values::text(value)?).to_string(),
        't' => values::boolean(value)?.to_string(),
        'd' => format!("{:.0}", whole()?),
        'f' => format!("{:.*}", precision.unwrap_or(6), values::number(value)?),
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
        'x' => format!("{:x}", whole()? as i64),
        other => return Err(format!("the format has an unknown verb %{other}")),
    };
    let is_left = width.starts_with('-');
    let digits = width.trim_start_matches(['-', '+']);
    let size: usize = digits.parse().unwrap_or(0);
    Ok(match (is_left, digits.starts_with('0')) {
        (true, _) => format!("{text:<size$}"),
        (false, true) => format!("{text:0>size$}"),
        (false, false) => format!("{text:>size$}"),
    })
}

fn format_list(args: Arguments<'_>) -> Result<Value, String> {
    let pattern = args.text(0)?;
    let rest = &args.0[1..];
    let length = rest.iter().filter_map(Value::as_array).map(Vec::len).max().unwrap_or(1);
    let at = |index: usize| {
        let pick = |value: &Value| match value {
            Value::Array(items) => {
                items.get(index).cloned().ok_or("the lists have different lengths".to_owned())
            }
            one => Ok(one.clone()),
        };
        rest.iter().map(pick).collect::<Result<Vec<_>, _>>()
    };
    (0..length).map(|index| format(&pattern, &at(index)?).map(Value::from)).collect()
}

fn pattern(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| error.to_string())
}

/// Returns a match as buildx does: the text, the list of unnamed groups, or the object of named ones.
fn captured(pattern: &Regex, captures: &regex::Captures<'_>) -> Value {
    let group =
        |found: Option<regex::Match<'_>>| found.map_or(Value::Null, |found| Value::from(found.as_str()));
    let names: Vec<&str> = pattern.capture_names().flatten().collect();
    if !names.is_empty() {
        let named = names.into_iter().map(|name| (name.to_owned(), group(captures.name(name))));
        return Value::Object(named.collect::<Map<_, _>>());
    }
    if captures.len() == 1 {
        return group(captures.get(0));
    }
    captures.iter().skip(1).map(group).collect()
}

fn regex_first(expression: &str, text: &str) -> Result<Value, String> {
    let pattern = pattern(expression)?;
    let captures = pattern.captures(text).ok_or_else(|| format!("{expression:?} does not match {text:?}"))?;
    Ok(captured(&pattern, &captures))
}

fn regex_all(args: Arguments<'_>) -> Result<Value, String> {
    let (pattern, text) = (pattern(&args.text(0)?)?, args.text(1)?);
    Ok(pattern.captures_iter(&text).map(|captures| captured(&pattern, &captures)).collect())
}
