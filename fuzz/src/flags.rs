//! Flags of instructions, and values of `RUN --mount`.
//!
//! The input has two parts: the text of flags, and the value of a mount.

use parser::{
    ast::{Healthcheck, Instruction, Kind},
    mount::{self, Mount, MountError},
    parse,
};

use crate::{file, parts};

/// Instructions that take flags, and arguments for them.
const INSTRUCTIONS: [(&str, &str); 5] =
    [("RUN", "x"), ("COPY", "a b"), ("ADD", "a b"), ("FROM", "b"), ("HEALTHCHECK", "CMD x")];

/// Checks these properties:
///
/// - Flags can be written with every character escaped and parsed to the same flags.
/// - The data of an instruction agrees with its flags.
/// - A mount has the fields that a simple splitter finds. Each value is expanded once, and no value adds a field.
/// - A mount can be printed and parsed to the same mount.
pub fn check(input: &[u8]) {
    let [flags, value] = parts(input);
    if !flags.contains('\n') {
        INSTRUCTIONS.iter().for_each(|(keyword, rest)| check_flags(keyword, &flags, rest));
    }
    check_mount(&value);
}

fn check_flags(keyword: &str, flags: &str, rest: &str) {
    let Some(instruction) = parse_instruction(keyword, flags, rest) else { return };
    let again = parse_instruction(keyword, &escaped(&instruction.flags), rest);
    assert_eq!(again.expect("these flags were valid before").flags, instruction.flags);
    check_values(&instruction);
}

fn parse_instruction(keyword: &str, flags: &str, rest: &str) -> Option<Instruction> {
    let file = parse(format!("FROM a\n{keyword} {flags} {rest}").as_bytes()).ok()?;
    file::instructions(&file).nth(1).cloned()
}

/// Escapes every character of the flags except for the two dashes, without which they would not be flags.
fn escaped(flags: &[String]) -> String {
    let escape = |flag: &String| {
        let text = flag.strip_prefix("--").expect("a flag begins with two dashes");
        format!("--{}", text.chars().flat_map(|c| ['\\', c]).collect::<String>())
    };
    flags.iter().map(escape).collect::<Vec<_>>().join(" ")
}

fn check_values(instruction: &Instruction) {
    let list = |name: &str| values(instruction, name);
    let text = |name| {
        let mut values = list(name);
        assert!(values.len() <= 1, "--{name} is given twice");
        values.pop()
    };
    match &instruction.kind {
        Kind::Run(run) => {
            assert_eq!((&run.mounts, run.devices.len()), (&list("mount"), list("device").len()));
            assert_eq!((&run.network, &run.security), (&text("network"), &text("security")));
            assert!(run.mounts.iter().all(|value| mount::check(value).is_ok()));
        }
        Kind::Copy(copy) | Kind::Add(copy) => {
            assert_eq!((&copy.from, &copy.checksum), (&text("from"), &text("checksum")));
            assert_eq!((&copy.chown, &copy.chmod), (&text("chown"), &text("chmod")));
            assert_eq!(copy.excludes, list("exclude"));
            let link = instruction.flags.iter().find(|flag| flag.starts_with("--link"));
            assert_eq!(copy.link, link.is_some_and(|flag| !flag.eq_ignore_ascii_case("--link=false")));
        }
        Kind::Healthcheck(Healthcheck::Cmd { interval_ns, timeout_ns, start_period_ns, retries, .. }) => {
            let is_time = |time_ns: &i64| *time_ns == 0 || *time_ns >= 1_000_000;
            assert!([interval_ns, timeout_ns, start_period_ns].into_iter().all(is_time));
            assert!((0..=i64::from(i32::MAX)).contains(retries));
        }
        _ => {}
    }
}

fn values(instruction: &Instruction, name: &str) -> Vec<String> {
    let value =
        |flag: &String| Some(flag.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('=')?.to_owned());
    instruction.flags.iter().filter_map(value).collect()
}

fn check_mount(value: &str) {
    let mut expanded = Vec::new();
    let mount = mount::parse(value, |value| {
        expanded.push(value.to_owned());
        Ok(value.to_owned())
    });
    let Some(fields) = fields(value) else {
        assert!(matches!(mount, Err(MountError::Csv { .. })), "{mount:?}");
        return;
    };
    let values: Vec<&str> = fields.iter().filter_map(|field| Some(field.split_once('=')?.1)).collect();
    assert!(values.starts_with(&expanded.iter().map(String::as_str).collect::<Vec<_>>()), "{expanded:?}");
    match mount {
        Ok(mount) => {
            assert_eq!(values, expanded);
            assert_eq!(mount::parse(&printed(&mount), |value| Ok(value.to_owned())).as_ref(), Ok(&mount));
            check_from(value, &mount);
        }
        Err(MountError::Csv { reason }) => panic!("{reason}: {fields:?}"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Checks that `from` has the same value when it is read alone, and that an expanded value adds no field.
fn check_from(value: &str, mount: &Mount) {
    match mount::from(value) {
        Ok(from) => assert_eq!(from, mount.from),
        Err(MountError::NotExpanded { key }) => assert!(key == "from" && value.contains('$')),
        Err(other) => panic!("{other}"),
    }
    let hostile = "a,target=/b\"";
    if let Ok(mount) = mount::parse(value, |_| Ok(hostile.into())) {
        let texts = [mount.from, mount.source, mount.target, mount.id, mount.env];
        assert!(texts.iter().flatten().all(|text| text == hostile), "{texts:?}");
    }
}

/// Splits a line of CSV into fields, or returns `None` if the line is empty or has misplaced quotes.
fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = Some(line).filter(|line| !line.is_empty());
    while let Some(text) = rest {
        let (field, after) = match text.strip_prefix('"') {
            Some(text) => quoted(text)?,
            None => {
                let (field, after) = text.split_at(text.find(',').unwrap_or(text.len()));
                (field.to_owned(), after)
            }
        };
        if !text.starts_with('"') && field.contains('"') {
            return None;
        }
        fields.push(field);
        rest = if after.is_empty() { None } else { Some(after.strip_prefix(',')?) };
    }
    (!fields.is_empty()).then_some(fields)
}

/// Returns the content of a quoted field and the text after the closing quote.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"')?;
        field.push_str(before);
        match after.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => return Some((field, after)),
        }
    }
}

/// Prints a mount as a line of CSV.
///
/// Fields that only one type can have follow that type; the last `type` is that of the mount.
fn printed(mount: &Mount) -> String {
    let text = |key: &str, value: &Option<String>| value.as_ref().map(|value| format!("{key}={value}"));
    let size = mount.size_bytes.map(|size| ["type=tmpfs".to_owned(), format!("size={size}")]);
    let required = mount.is_required.then(|| ["type=secret", "required"].map(String::from));
    let fields = size
        .into_iter()
        .chain(required)
        .flatten()
        .chain([format!("type={}", mount.kind.name()), format!("readonly={}", mount.is_readonly)]);
    let optional = [
        text("from", &mount.from),
        text("source", &mount.source),
        text("target", &mount.target),
        text("id", &mount.id),
        text("env", &mount.env),
        mount.sharing.map(|sharing| format!("sharing={sharing:?}")),
        mount.mode.map(|mode| format!("mode={mode:o}")),
        mount.uid.map(|uid| format!("uid={uid}")),
        mount.gid.map(|gid| format!("gid={gid}")),
    ];
    let quote = |field: String| format!("\"{}\"", field.replace('"', "\"\""));
    fields.chain(optional.into_iter().flatten()).map(quote).collect::<Vec<_>>().join(",")
}
