//! Test: each `dsbuild` command line in the documentation is one that this version accepts.
//!
//! Looked at are the blocks of commands and of CI recipes, whether a test runs them or not, and inline code. A line is
//! split as a shell does, without expansion.

use clap::Parser as _;
use clap::error::ErrorKind;

use super::{Cli, with_default_command};

#[path = "../../tests/it/markdown.rs"]
mod markdown;

/// Returns the simple commands of shell text, each as its words, up to the first redirection.
fn simple_commands(text: &str) -> Vec<Vec<String>> {
    let text = text.replace("\\\n", " ");
    text.lines().flat_map(commands_of_line).filter(|words| !words.is_empty()).collect()
}

fn commands_of_line(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let (mut word, mut quote, mut is_redirected, mut before) = (None::<String>, None, false, ' ');
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let previous = std::mem::replace(&mut before, character);
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (Some('"') | None, '\\') => word.get_or_insert_default().extend(characters.next()),
            (None, '#') if word.is_none() => break,
            // The 2 of `2>` is a descriptor, and the & of `>&1` separates nothing.
            (None, '<' | '>')
                if word.as_ref().is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit())) =>
            {
                (word, is_redirected) = (None, true);
            }
            (None, '&') if previous == '>' => {}
            (None, ' ' | '\t' | ';' | '|' | '&' | '<' | '>') => {
                let words = commands.last_mut().expect("one is there from the start");
                words.extend(word.take().filter(|_| !is_redirected));
                is_redirected |= matches!(character, '<' | '>');
                if matches!(character, ';' | '|' | '&') {
                    is_redirected = false;
                    commands.push(Vec::new());
                }
            }
            _ => word.get_or_insert_default().push(character),
        }
    }
    commands.last_mut().expect("one is there from the start").extend(word.filter(|_| !is_redirected));
    commands
}

/// Returns the arguments of a command that calls dsbuild, with the program's name in front.
fn dsbuild_arguments(words: &[String]) -> Option<&[String]> {
    let is_prefix = |word: &String| {
        matches!(word.as_str(), "sudo" | "env" | "time" | "!") || word.contains('=') || word.starts_with('-')
    };
    let start = words.iter().position(|word| !is_prefix(word))?;
    (words[start] == "dsbuild").then_some(&words[start..])
}

/// Returns the reason why this version refuses a command line.
fn refusal(arguments: &[String]) -> Option<clap::Error> {
    let arguments = with_default_command(arguments.iter().map(Into::into).collect());
    Cli::try_parse_from(arguments)
        .err()
        .filter(|error| !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion))
}

/// Returns the shell text of a block, or `None` for a block of another language.
fn shell_text(block: &markdown::Block) -> Option<String> {
    let strip = |prefixes: &[&str]| -> String {
        let line = |line: &str| {
            let start = line.trim_start();
            prefixes.iter().fold(start, |rest, prefix| rest.strip_prefix(prefix).unwrap_or(rest)).to_owned()
                + "\n"
        };
        block.text.lines().map(line).collect()
    };
    match block.language.as_str() {
        "sh" => Some(block.text.clone()),
        "console" => Some(strip(&["$ ", "> "])),
        "yaml" => Some(strip(&["- ", "run: "])),
        _ => None,
    }
}

/// Returns the inline code of a page that begins with `dsbuild `; `…` stands for text that is left out.
fn inline_commands(page: &str) -> Vec<String> {
    let mut is_in_block = false;
    let mut found = Vec::new();
    for line in page.lines() {
        is_in_block ^= line.trim_start().starts_with("```");
        let spans =
            line.split('`').skip(1).step_by(2).filter(|span| !is_in_block && span.starts_with("dsbuild "));
        found.extend(spans.filter(|span| !span.contains('…')).map(str::to_owned));
    }
    found
}

#[test]
fn each_command_line_in_the_documentation_is_accepted() {
    let mut seen = 0;
    for (name, page) in markdown::pages() {
        for block in markdown::blocks(&page) {
            for words in simple_commands(&shell_text(&block).unwrap_or_default()) {
                let Some(arguments) = dsbuild_arguments(&words) else { continue };
                seen += 1;
                if let Some(error) = refusal(arguments) {
                    panic!("{name}:{}: {words:?}: {error}", block.line);
                }
            }
        }
        for text in inline_commands(&page) {
            let words = simple_commands(&text);
            let Some(arguments) = words.first().and_then(|words| dsbuild_arguments(words)) else { continue };
            seen += 1;
            // In a sentence, `dsbuild run` stands for the command with any image.
            let error = refusal(arguments).filter(|error| error.kind() != ErrorKind::MissingRequiredArgument);
            if let Some(error) = error {
                panic!("{name}: `{text}`: {error}");
            }
        }
    }
    assert!(seen > 50, "only {seen} command lines were found");
}

#[track_caller]
fn check(text: &str, expected: &[&[&str]]) {
    assert_eq!(simple_commands(text), expected);
}

#[test]
fn lines_are_split_as_a_shell_does() {
    check("dsbuild -t app . # short", &[&["dsbuild", "-t", "app", "."]]);
    check("a 'b c' \"d\\\"e\"f", &[&["a", "b c", "d\"ef"]]);
    check("a; b | c && d", &[&["a"], &["b"], &["c"], &["d"]]);
    check("a \\\n  b > out 2>&1", &[&["a", "b"]]);
    check("a ''\n\nb", &[&["a", ""], &["b"]]);
}

#[test]
fn an_unknown_flag_is_refused() {
    let words = ["dsbuild", "build", "--no-such-flag", "."].map(str::to_owned);
    assert!(refusal(&words).is_some());
}
