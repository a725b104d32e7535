//! Words, and the texts that they expand to.

use std::collections::BTreeMap;

use super::*;

/// Variables with fixed values.
struct Table(BTreeMap<&'static str, &'static str>);

impl Variables for Table {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).copied()
    }
}

fn table() -> Table {
    Table(BTreeMap::from([
        ("v", "value"),
        ("empty", ""),
        ("path", "/usr/local/lib.so"),
        ("two", "a b"),
        ("_x1", "under"),
        ("größe", "groß"),
    ]))
}

#[track_caller]
fn check(word: &str, expected: &str) {
    let expanded = Expander::new('\\').word(word, &table()).map(|expanded| expanded.text);
    assert_eq!(expanded.as_deref(), Ok(expected), "{word}");
}

#[track_caller]
fn check_error(word: &str, expected: &str) {
    let error = Expander::new('\\').word(word, &table()).expect_err("this word is wrong");
    assert_eq!(error.message, format!("failed to process {word:?}: {expected}"));
}

#[test]
fn variables_are_replaced_with_their_values() {
    check("$v/${v}x", "value/valuex");
    check("$vx.$v.x$_x1", ".value.xunder");
    check("$größe", "groß");
}

#[test]
fn text_without_variables_stays() {
    check("no variable", "no variable");
    check("", "");
}

#[test]
fn special_parameters_of_the_shell_are_unset() {
    check("[$1$@$#$?$!$*$-$$]", "[]");
    check("$12x", "x");
    check("${1:-one}", "one");
}

#[test]
fn a_dollar_without_a_name_stays() {
    check("$. a$/b $ x $", "$. a$/b $ x $");
}

#[test]
fn single_quotes_prevent_expansion() {
    check("\"$v\" '$v' \"'$v'\" '\"$v\"'", "value $v 'value' \"$v\"");
}

#[test]
fn an_escape_protects_the_next_character() {
    check("\\$v \\\\$v $\\v", "$v \\value $v");
    check("\\t it\\'s", "t it's");
    check("a\\", "a");
}

#[test]
fn quotes_restrict_escapes() {
    check("\"\\t\" '\\t' \"\\\"\\$\\\\\"", "\\t \\t \"$\\");
}

#[test]
fn a_default_replaces_an_unset_value() {
    check("${v-d} ${empty-d} ${nope-d}", "value  d");
    check("${v:-d} ${empty:-d} ${nope:-d}", "value d d");
    check("${nope:-'$v'}${nope:-\\}}z", "$v}z");
    check("${nope-a:b}", "a:b");
}

#[test]
fn an_alternative_replaces_a_set_value() {
    check("${v+d} ${empty+d} ${nope+d}", "d d ");
    check("${v:+d} ${empty:+d} ${nope:+d}", "d  ");
}

#[test]
fn substitutions_can_be_nested() {
    check("${nope:-${empty:-$v}}", "value");
}

#[test]
fn a_required_value_that_is_set_is_inserted() {
    check("${v?d} ${empty?d} ${v:?d}", "value  value");
}

#[test]
fn a_missing_required_value_is_an_error() {
    check_error("${nope?}", "nope: is not allowed to be unset");
    check_error("${nope:?}", "nope: is not allowed to be unset");
    check_error("${empty:?}", "empty: is not allowed to be empty");
    check_error("${empty:?give me one}", "empty: give me one");
    check_error("${v:-${nope:?even where unused}}", "nope: even where unused");
}

#[test]
fn prefixes_and_suffixes_are_removed() {
    check("${path#*/} ${path##*/}", "usr/local/lib.so lib.so");
    check("${path%/*} ${path%%/*}.", "/usr/local .");
    check("${v#$v}${v%\"e\"}", "valu");
}

#[test]
fn matches_are_replaced() {
    check("${path/l/L} ${path//l/L}", "/usr/Local/lib.so /usr/LocaL/Lib.so");
    check("${path//\\//:} ${path/usr/$v}", ":usr:local:lib.so /value/local/lib.so");
    check("${v/a/[\\&]}", "v[\\&]lue");
}

#[test]
fn patterns_on_an_unset_value_give_nothing() {
    check("${nope#x}${nope/a/b}.", ".");
}

#[test]
fn an_invalid_pattern_is_an_error() {
    check_error("${v#\\a}", "invalid pattern (\\a) in substitution: invalid escape '\\a'");
}

#[test]
fn a_substitution_without_a_name_is_an_error() {
    check_error("${}", "syntax error: bad substitution");
    check_error("${{v}", "syntax error: bad substitution");
    check_error("${:v}", "syntax error: bad substitution");
}

#[test]
fn an_incomplete_substitution_is_an_error() {
    check_error("${", "syntax error: missing '}'");
    check_error("${v", "syntax error: missing '}'");
    check_error("${v:", "syntax error: missing '}'");
    check_error("${v:-x", "syntax error: missing '}'");
    check_error("${v:-\"x}", "syntax error: missing '}'");
    check_error("${v/a}", "syntax error: missing '/' in ${}");
    check_error("${v/a/b", "syntax error: missing '}'");
}

#[test]
fn unsupported_modifiers_are_errors() {
    check_error("${v^^}", "unsupported modifier (^) in substitution");
    check_error("${v:=x}", "unsupported modifier (:=) in substitution");
    check_error("${v:#x}", "unsupported modifier (:#) in substitution");
    check_error("${v:1}", "unsupported modifier (:1) in substitution");
    check_error("${#v}", "unsupported modifier (v) in substitution");
}

#[test]
fn an_open_quote_is_an_error() {
    check_error("\"open", "unexpected end of statement while looking for matching double-quote");
    check_error("'open", "unexpected end of statement while looking for matching single-quote");
}

#[test]
fn names_are_reported_once_as_used_or_unset() {
    let expanded = Expander::new('\\').word("$v${nope:-$v}${nope}$gone'$quoted'", &table());
    let expanded = expanded.expect("well formed");
    assert_eq!((expanded.used, expanded.unset), (vec!["v".into()], vec!["nope".into(), "gone".into()]));
}

#[track_caller]
fn check_words(text: &str, expected: &[&str]) {
    let (words, _) = Expander::new('\\').words(text, &table()).expect("well formed");
    assert_eq!(words, expected, "{text:?}");
}

#[test]
fn words_are_split_after_expansion() {
    check_words("80 $two", &["80", "a", "b"]);
    check_words("\"$two\"x", &["a bx"]);
    check_words("x$two y", &["xa", "b", "y"]);
    check_words("a\\ b 'c d'", &["a b", "c d"]);
    check_words(" $empty '' ", &[]);
}

#[test]
fn a_backtick_can_be_the_escape_character() {
    let expander = Expander::new('`');
    let text = |word| expander.word(word, &table()).map(|expanded| expanded.text);
    assert_eq!(text("C:\\$v `$v \"`$v \\$v\" a`\"").as_deref(), Ok("C:\\value $v $v \\value a\""));
    assert_eq!(text("${nope:-`}}").as_deref(), Ok("}"));
}

#[test]
fn quotes_in_heredoc_bodies_are_ordinary_characters() {
    let text = |word| Expander::for_heredocs().word(word, &table()).map(|expanded| expanded.text);
    assert_eq!(text("\"$v\" '\\$v' \\\\ it's").as_deref(), Ok("\"value\" '$v' \\ it's"));
    assert_eq!(text("joined \\\nline").as_deref(), Ok("joined \nline"));
}

#[test]
fn references_to_unset_variables_can_be_kept() {
    let expander = Expander { keep_unset: true, ..Expander::new('\\') };
    let text = |word| expander.word(word, &table()).map(|expanded| expanded.text);
    let word = "$v $a ${a} ${a:-x} ${a#x} ${a/x/y}";
    assert_eq!(text(word).as_deref(), Ok("value $a ${a} ${a:-x} ${a#x} ${a/x/y}"));
}

#[test]
fn the_nesting_depth_is_limited() {
    check(&nested(MAX_DEPTH), "");
    for depth in [MAX_DEPTH + 1, 100_000] {
        let error = Expander::new('\\').word(&nested(depth), &table()).expect_err("nested too deep");
        assert!(error.message.contains("nested deeper than 100"), "{}", error.message);
    }
}

#[test]
fn an_error_repeats_only_the_start_of_a_long_word() {
    let error = Expander::new('\\').word(&nested(100_000), &table()).expect_err("nested too deep");
    assert!(error.message.len() < 1000, "{} bytes", error.message.len());
}

fn nested(depth: usize) -> String {
    "${a:-".repeat(depth) + &"}".repeat(depth)
}

/// Variables that all have the same value.
struct Constant(String);

impl Variables for Constant {
    fn value(&self, _name: &str) -> Option<&str> {
        Some(&self.0)
    }
}

#[test]
fn exponential_growth_stops_at_the_maximum_size() {
    let expander = Expander::new('\\');
    let mut variables = Constant("ha".into());
    let doublings = (0..40).map_while(|_| {
        let text = expander.word("$a$a", &variables).ok()?.text;
        variables = Constant(text);
        Some(())
    });
    assert_eq!(doublings.count(), 21, "2 bytes doubled 21 times are 4 MiB");
    let replaced = expander.word("${a//h/$a}", &variables).expect_err("over the limit");
    assert!(replaced.message.contains("expands to more than 4194304 bytes"));
}
