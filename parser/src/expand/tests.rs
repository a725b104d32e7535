//! Words and what they expand to.

use std::collections::BTreeMap;

use super::*;

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
fn plain_and_braced() {
    check("$v/${v}x", "value/valuex");
    check("$vx.$v.x$_x1", ".value.xunder");
    check("$größe", "groß");
    check("no variable", "no variable");
    check("", "");
}

#[test]
fn special_names_are_empty() {
    check("[$1$@$#$?$!$*$-$$]", "[]");
    check("$12x", "x");
    check("${1:-one}", "one");
    check("$. a$/b $ x $", "$. a$/b $ x $");
}

#[test]
fn quotes_and_escapes() {
    check("\"$v\" '$v' \"'$v'\" '\"$v\"'", "value $v 'value' \"$v\"");
    check("\\$v \\\\$v $\\v", "$v \\value $v");
    check("\\t \"\\t\" '\\t' \"\\\"\\$\\\\\"", "t \\t \\t \"$\\");
    check("a\\", "a");
    check("it\\'s", "it's");
}

#[test]
fn tests_of_a_value() {
    check("${v-d} ${empty-d} ${nope-d}", "value  d");
    check("${v:-d} ${empty:-d} ${nope:-d}", "value d d");
    check("${v+d} ${empty+d} ${nope+d}", "d d ");
    check("${v:+d} ${empty:+d} ${nope:+d}", "d  ");
    check("${v?d} ${empty?d} ${v:?d}", "value  value");
    check("${nope:-${empty:-$v}}", "value");
    check("${nope:-'$v'}${nope:-\\}}z", "$v}z");
    check("${nope-a:b}", "a:b");
}

#[test]
fn required_values() {
    check_error("${nope?}", "nope: is not allowed to be unset");
    check_error("${nope:?}", "nope: is not allowed to be unset");
    check_error("${empty:?}", "empty: is not allowed to be empty");
    check_error("${empty:?give me one}", "empty: give me one");
    check_error("${v:-${nope:?even where unused}}", "nope: even where unused");
}

#[test]
fn patterns() {
    check("${path#*/} ${path##*/}", "usr/local/lib.so lib.so");
    check("${path%/*} ${path%%/*}.", "/usr/local .");
    check("${path/l/L} ${path//l/L}", "/usr/Local/lib.so /usr/LocaL/Lib.so");
    check("${path//\\//:} ${path/usr/$v}", ":usr:local:lib.so /value/local/lib.so");
    check("${v#$v}${v%\"e\"}", "valu");
    check("${nope#x}${nope/a/b}.", ".");
    check("${v/a/[\\&]}", "v[\\&]lue");
    check_error("${v#\\a}", "invalid pattern (\\a) in substitution: invalid escape '\\a'");
}

#[test]
fn what_is_no_substitution() {
    check_error("${}", "syntax error: bad substitution");
    check_error("${{v}", "syntax error: bad substitution");
    check_error("${:v}", "syntax error: bad substitution");
    check_error("${", "syntax error: missing '}'");
    check_error("${v", "syntax error: missing '}'");
    check_error("${v:", "syntax error: missing '}'");
    check_error("${v:-x", "syntax error: missing '}'");
    check_error("${v:-\"x}", "syntax error: missing '}'");
    check_error("${v/a}", "syntax error: missing '/' in ${}");
    check_error("${v/a/b", "syntax error: missing '}'");
    check_error("${v^^}", "unsupported modifier (^) in substitution");
    check_error("${v:=x}", "unsupported modifier (:=) in substitution");
    check_error("${v:#x}", "unsupported modifier (:#) in substitution");
    check_error("${v:1}", "unsupported modifier (:1) in substitution");
    check_error("${#v}", "unsupported modifier (v) in substitution");
    check_error("\"open", "unexpected end of statement while looking for matching double-quote");
    check_error("'open", "unexpected end of statement while looking for matching single-quote");
}

#[test]
fn names_are_reported() {
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
fn a_backtick_may_escape() {
    let expander = Expander::new('`');
    let text = |word| expander.word(word, &table()).map(|expanded| expanded.text);
    assert_eq!(text("C:\\$v `$v \"`$v \\$v\" a`\"").as_deref(), Ok("C:\\value $v $v \\value a\""));
    assert_eq!(text("${nope:-`}}").as_deref(), Ok("}"));
}

#[test]
fn heredoc_bodies_keep_quotes() {
    let text = |word| Expander::for_heredocs().word(word, &table()).map(|expanded| expanded.text);
    assert_eq!(text("\"$v\" '\\$v' \\\\ it's").as_deref(), Ok("\"value\" '$v' \\ it's"));
    assert_eq!(text("joined \\\nline").as_deref(), Ok("joined \nline"));
}

#[test]
fn unset_variables_may_stay() {
    let expander = Expander { keep_unset: true, ..Expander::new('\\') };
    let text = |word| expander.word(word, &table()).map(|expanded| expanded.text);
    let word = "$v $a ${a} ${a:-x} ${a#x} ${a/x/y}";
    assert_eq!(text(word).as_deref(), Ok("value $a ${a} ${a:-x} ${a#x} ${a/x/y}"));
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| "${a:-".repeat(depth) + &"}".repeat(depth);
    check(&nested(MAX_DEPTH), "");
    check_error_start(&nested(MAX_DEPTH + 1), "nested deeper than 100");
    check_error_start(&nested(100_000), "nested deeper than 100");
}

#[track_caller]
fn check_error_start(word: &str, part: &str) {
    let error = Expander::new('\\').word(word, &table()).expect_err("over a limit");
    assert!(error.message.contains(part), "{}", error.message);
    assert!(error.message.len() < 1000, "an error does not repeat the file");
}

struct Doubling(String);

impl Variables for Doubling {
    fn value(&self, _name: &str) -> Option<&str> {
        Some(&self.0)
    }
}

#[test]
fn a_billion_laughs_fail_fast() {
    let expander = Expander::new('\\');
    let mut variables = Doubling("ha".into());
    let doublings = (0..40).map_while(|_| {
        let text = expander.word("$a$a", &variables).ok()?.text;
        variables = Doubling(text);
        Some(())
    });
    assert_eq!(doublings.count(), 21, "2 bytes doubled 21 times are 4 MiB");
    let replaced = expander.word("${a//h/$a}", &variables).expect_err("over the limit");
    assert!(replaced.message.contains("expands to more than 4194304 bytes"));
}
