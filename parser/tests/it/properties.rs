//! Properties that hold for every text, checked with random ones.

use std::collections::BTreeMap;

use parser::{
    ast::{Dockerfile, Instruction, Span},
    expand::{Expander, MAX_EXPANDED_BYTES, Variables},
    format::{format, same},
    mount, parse, parse_trigger,
};
use proptest::prelude::*;

/// Variables with fixed values.
struct Table(BTreeMap<String, String>);

impl Variables for Table {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// Texts that have a meaning in words.
const ATOMS: &str = "$ { } : - + ? # % / * \" ' \\ ` a b << é";

/// Beginnings of lines; `_` is a blank.
const STARTS: &str = "FROM_a FROM_a_AS_b ADD_ ARG_ CMD_ COPY_ ENTRYPOINT_ ENV_ EXPOSE_ HEALTHCHECK_ \
    HEALTHCHECK_CMD_ LABEL_ MAINTAINER_ ONBUILD_ ONBUILD_RUN_ RUN_ RUN_<<E_ COPY_<<E_ SHELL_ STOPSIGNAL_ USER_ \
    VOLUME_ WORKDIR_ #_ #_escape=` _ E CMD_[\" COPY_--from= RUN_--mount= \u{feff}";

/// Ends of lines; `_` is a blank.
const ENDS: &str = "_ _\\ ` \r \"]";

fn one_of(words: &'static str) -> impl Strategy<Value = String> {
    let words: Vec<String> = words.split([' ', '\n']).map(|word| word.replace('_', " ")).collect();
    prop::sample::select(words)
}

fn word() -> impl Strategy<Value = String> {
    prop::collection::vec(prop_oneof![9 => one_of(ATOMS), 1 => Just(" ".to_string())], 0..24)
        .prop_map(|parts| parts.concat())
}

/// Files whose lines are almost instructions.
fn file() -> impl Strategy<Value = String> {
    let line = (one_of(STARTS), word(), one_of(ENDS));
    let line = line.prop_map(|(start, word, end)| format!("{start}{word}{end}"));
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

/// Separators of words in [`loose_file`]; `_` is a blank, `|` the end of a line.
const GAPS: &str = "_ _ __ \t _\\|__ \\| _\\__|_ _\\||__ _\\|_#_c|_ _\\|#|";

/// Separators of instructions in [`loose_file`].
const BETWEEN: &str = "| | || ||| |#_c| |_#_c| |#| _| |#_check=skip=all| |\t| |#_escape=`|";

/// Files that are mostly well formed, with unusual blanks, comments and line ends.
fn loose_file() -> impl Strategy<Value = String> {
    let atom =
        prop_oneof![4 => one_of("a b=c \"d__e\" 'f__g' [\"h\",\"i\"] 1 --link --from=x"), 1 => one_of(ATOMS)];
    let words = prop::collection::vec((one_of(GAPS), atom), 1..5);
    let keyword =
        one_of("from FROM run RUN copy Add env LABEL cmd VOLUME expose onbuild user Workdir arg shell");
    let line = (keyword, words, one_of(BETWEEN)).prop_map(|(keyword, words, between)| {
        let words: String = words.into_iter().map(|(gap, atom)| gap + &atom).collect();
        format!("{keyword}{words}{between}")
    });
    let heredoc = Just("run  <<E  a|__x\\||#|E|".to_owned());
    let lines = prop::collection::vec(prop_oneof![9 => line, 1 => heredoc], 0..6);
    let top = one_of("_ | #_escape=`| |#_syntax=x| #_c| #_c||");
    (top, lines).prop_map(|(top, lines)| format!("{top}from  a|{}", lines.concat()).replace('|', "\n"))
}

fn instructions(file: &Dockerfile) -> impl Iterator<Item = &Instruction> {
    let stages = file.stages.iter().flat_map(|stage| std::iter::once(&stage.from).chain(&stage.instructions));
    file.globals.iter().chain(stages)
}

/// Checks that the instructions are in order, do not overlap and lie within the file.
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
            let further = parser::further_errors(text, &error).errors;
            assert!(further.is_sorted_by_key(|error| error.span.start_line));
        }
    }
}

/// Checks that a trigger, and the error if it is not one, has the span of line 1.
fn check_trigger(text: &str, escape: char) {
    let span = parse_trigger(text, escape).map_or_else(|error| error.span, |instruction| instruction.span);
    assert_eq!(span, Span { start_line: 1, end_line: 1 });
}

/// Checks that a mount, or its error, can be printed.
fn check_mount(text: &str) {
    let mount = mount::parse(text, |value| Ok(value.into()));
    let printed = mount.map_or_else(|error| error.to_string(), |mount| mount.kind.name().to_owned());
    assert!(!printed.is_empty());
}

/// Checks that formatting keeps the meaning, and that formatting again changes nothing.
fn check_format(text: &str) {
    let Ok(file) = parse(text.as_bytes()) else { return };
    let formatted = format(text.as_bytes()).expect("a well-formed text in UTF-8 can be formatted");
    let again = parse(formatted.as_bytes()).expect("the formatted text is well formed");
    assert!(same(&file, &again), "{text:?} became {formatted:?}");
    assert_eq!(format(formatted.as_bytes()).as_ref(), Ok(&formatted), "{text:?}");
}

/// Reports whether `glob`, in which `*` and `?` are special, matches all of `text`: simple and slow, for comparison.
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
    fn random_bytes_are_a_consistent_file_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_file(&bytes);
    }

    #[test]
    fn random_text_is_a_consistent_file_or_an_error(text in ".{0,100}") {
        check_file(text.as_bytes());
    }

    #[test]
    fn instructions_in_random_order_are_a_consistent_file_or_an_error(text in file()) {
        check_file(text.as_bytes());
        check_file(text.replace('\n', "\r\n").as_bytes());
    }

    #[test]
    fn random_text_is_a_trigger_or_an_error(text in prop_oneof![".{0,100}", file()]) {
        check_trigger(&text, '\\');
        check_trigger(&text, '`');
    }

    #[test]
    fn random_text_is_a_mount_or_an_error(text in ".{0,100}") {
        check_mount(&text);
    }

    #[test]
    fn formatting_keeps_the_meaning(text in prop_oneof![1 => file(), 3 => loose_file()]) {
        check_format(&text);
        check_format(&text.replace('\n', "\r\n"));
    }

    #[test]
    fn expanded_words_are_bounded_and_the_same_with_and_without_splitting(
        word in word(), value in word(), escape in prop::sample::select(&['\\', '`'][..]),
        keep_quotes: bool, keep_unset: bool,
    ) {
        let table = Table(BTreeMap::from([("a".into(), value)]));
        let expander = Expander { escape, keep_quotes, keep_unset };
        if let Ok(expanded) = expander.word(&word, &table) {
            prop_assert!(expanded.text.len() <= MAX_EXPANDED_BYTES);
            let (_, with_words) = expander.words(&word, &table).expect("both have the same syntax");
            prop_assert_eq!(with_words, expanded);
        }
    }

    #[test]
    fn words_without_special_characters_are_not_changed(word in "[a-z0-9 ./:=,@*?#%+{}-]{0,30}") {
        let expanded = Expander::new('\\').word(&word, &Table(BTreeMap::new()));
        prop_assert_eq!(expanded.map(|expanded| expanded.text), Ok(word));
    }

    #[test]
    fn text_in_single_quotes_is_not_changed(word in "[^']{0,30}") {
        let expanded = Expander::new('\\').word(&format!("'{word}'"), &Table(BTreeMap::new()));
        prop_assert_eq!(expanded.map(|expanded| expanded.text), Ok(word));
    }

    #[test]
    fn values_of_variables_are_not_expanded_again(value in word()) {
        let table = Table(BTreeMap::from([("v".into(), value.clone())]));
        let expanded = Expander::new('\\').word("\"$v${v}\"", &table);
        prop_assert_eq!(expanded.map(|expanded| expanded.text), Ok(format!("{value}{value}")));
    }

    #[test]
    fn patterns_match_like_a_simple_matcher(glob in "[ab*?]{0,6}", value in "[abc]{0,10}") {
        let (pattern, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), value.chars().collect());
        let lengths: Vec<usize> = (0..=text.len()).filter(|end| matches(&pattern, &text[..*end])).collect();
        let rest = |length: Option<&usize>| text[length.copied().unwrap_or(0)..].iter().collect::<String>();
        let table = Table(BTreeMap::from([("v".into(), value.clone()), ("p".into(), glob)]));
        let expanded = Expander::new('\\').word("${v#$p}|${v##$p}", &table);
        let expected = format!("{}|{}", rest(lengths.first()), rest(lengths.last()));
        prop_assert_eq!(expanded.map(|expanded| expanded.text), Ok(expected));
    }

    #[test]
    fn continuation_lines_and_comments_do_not_change_the_text(words in prop::collection::vec("[a-z]{1,5}", 1..6)) {
        let joined = format!("FROM a\nRUN {}", words.join(" "));
        let continued = format!("FROM a\nRUN {}", words.join(" \\\n# comment\n"));
        let text = |file: &str| parse(file.as_bytes()).map(|file| file.stages[0].instructions[0].text.clone());
        prop_assert_eq!(text(&joined), text(&continued));
    }
}
