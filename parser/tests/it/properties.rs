//! What holds for every text.

use std::collections::BTreeMap;

use parser::{
    ast::{Dockerfile, Instruction},
    expand::{Expander, MAX_EXPANDED_BYTES, Variables},
    mount, parse, parse_trigger,
};
use proptest::prelude::*;

struct Table(BTreeMap<String, String>);

impl Variables for Table {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// What means something in words.
const ATOMS: &str = "$ { } : - + ? # % / * \" ' \\ ` a b << é";

/// How lines may begin; `_` is a blank.
const STARTS: &str = "FROM_a FROM_a_AS_b ADD_ ARG_ CMD_ COPY_ ENTRYPOINT_ ENV_ EXPOSE_ HEALTHCHECK_ \
    HEALTHCHECK_CMD_ LABEL_ MAINTAINER_ ONBUILD_ ONBUILD_RUN_ RUN_ RUN_<<E_ COPY_<<E_ SHELL_ STOPSIGNAL_ USER_ \
    VOLUME_ WORKDIR_ #_ #_escape=` _ E CMD_[\" COPY_--from= RUN_--mount= \u{feff}";

/// How lines may end.
const ENDS: &str = "_ _\\ ` \r \"]";

fn one_of(words: &'static str) -> impl Strategy<Value = String> {
    let words: Vec<String> = words.split([' ', '\n']).map(|word| word.replace('_', " ")).collect();
    prop::sample::select(words)
}

fn word() -> impl Strategy<Value = String> {
    prop::collection::vec(prop_oneof![9 => one_of(ATOMS), 1 => Just(" ".to_string())], 0..24)
        .prop_map(|parts| parts.concat())
}

/// Files of lines that are almost instructions.
fn file() -> impl Strategy<Value = String> {
    let line = (one_of(STARTS), word(), one_of(ENDS));
    let line = line.prop_map(|(start, word, end)| format!("{start}{word}{end}"));
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

fn instructions(file: &Dockerfile) -> impl Iterator<Item = &Instruction> {
    let stages = file.stages.iter().flat_map(|stage| std::iter::once(&stage.from).chain(&stage.instructions));
    file.globals.iter().chain(stages)
}

/// Instructions stand in order, apart from each other, within the file.
fn check_spans(file: &Dockerfile, text: &[u8]) {
    let lines = text.split(|byte| *byte == b'\n').count() as u32;
    let mut end = 0;
    for instruction in instructions(file) {
        let span = instruction.span;
        assert!(end < span.start_line && span.start_line <= span.end_line && span.end_line <= lines);
        end = span.end_line;
    }
}

fn check_file(text: &[u8]) {
    match parse(text) {
        Ok(file) => {
            check_spans(&file, text);
            parser::json::to_json(&file);
        }
        Err(error) => {
            assert!(!error.message.is_empty());
            assert!(1 <= error.span.start_line && error.span.start_line <= error.span.end_line);
        }
    }
}

/// Whether `glob` (of `*`, `?` and others) matches all of `text`: the obvious way.
fn matches(glob: &[char], text: &[char]) -> bool {
    match (glob, text) {
        ([], _) => text.is_empty(),
        (['*', rest @ ..], _) => (0..=text.len()).any(|skipped| matches(rest, &text[skipped..])),
        (['?', rest @ ..], [_, text @ ..]) => matches(rest, text),
        ([c, rest @ ..], [d, text @ ..]) => c == d && matches(rest, text),
        _ => false,
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_file(&bytes);
    }

    #[test]
    fn no_text_panics(text in ".{0,100}") {
        check_file(text.as_bytes());
        let _ = parse_trigger(&text, '\\');
        let _ = mount::parse(&text, |value| Ok(value.into()));
    }

    #[test]
    fn no_file_panics(text in file()) {
        check_file(text.as_bytes());
        check_file(text.replace('\n', "\r\n").as_bytes());
        let _ = parse_trigger(&text, '`');
    }

    #[test]
    fn no_expansion_panics(word in word(), value in word(), escape in prop::sample::select(&['\\', '`'][..]),
                           keep_quotes: bool, keep_unset: bool) {
        let table = Table(BTreeMap::from([("a".into(), value)]));
        let expander = Expander { escape, keep_quotes, keep_unset };
        if let Ok(expanded) = expander.word(&word, &table) {
            prop_assert!(expanded.text.len() <= MAX_EXPANDED_BYTES);
            let (_, with_words) = expander.words(&word, &table).expect("both read the same");
            prop_assert_eq!(with_words, expanded);
        }
    }

    #[test]
    fn plain_words_stay(word in "[a-z0-9 ./:=,@*?#%+{}-]{0,30}") {
        let expanded = Expander::new('\\').word(&word, &Table(BTreeMap::new()));
        prop_assert_eq!(expanded.map(|expanded| expanded.text), Ok(word));
    }

    #[test]
    fn single_quotes_protect_everything(word in "[^']{0,30}") {
        let expanded = Expander::new('\\').word(&format!("'{word}'"), &Table(BTreeMap::new()));
        prop_assert_eq!(expanded.map(|expanded| expanded.text), Ok(word));
    }

    #[test]
    fn values_are_not_expanded_again(value in word()) {
        let table = Table(BTreeMap::from([("v".into(), value.clone())]));
        let expanded = Expander::new('\\').word("\"$v${v}\"", &table);
        prop_assert_eq!(expanded.map(|expanded| expanded.text), Ok(format!("{value}{value}")));
    }

    #[test]
    fn patterns_match_as_the_obvious_way(glob in "[ab*?]{0,6}", value in "[abc]{0,10}") {
        let (pattern, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), value.chars().collect());
        let lengths: Vec<usize> = (0..=text.len()).filter(|end| matches(&pattern, &text[..*end])).collect();
        let rest = |length: Option<&usize>| text[length.copied().unwrap_or(0)..].iter().collect::<String>();
        let table = Table(BTreeMap::from([("v".into(), value.clone()), ("p".into(), glob)]));
        let expanded = Expander::new('\\').word("${v#$p}|${v##$p}", &table);
        let expected = format!("{}|{}", rest(lengths.first()), rest(lengths.last()));
        prop_assert_eq!(expanded.map(|expanded| expanded.text), Ok(expected));
    }

    #[test]
    fn continuations_change_nothing_but_spans(words in prop::collection::vec("[a-z]{1,5}", 1..6)) {
        let joined = format!("FROM a\nRUN {}", words.join(" "));
        let continued = format!("FROM a\nRUN {}", words.join(" \\\n# comment\n"));
        let text = |file: &str| parse(file.as_bytes()).map(|file| file.stages[0].instructions[0].text.clone());
        prop_assert_eq!(text(&joined), text(&continued));
    }
}
