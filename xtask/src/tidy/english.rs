//! The mechanical rules of `docs/style.md` for English, in comments, in Markdown and in the names of tests.

/// Words that do not begin a sentence.
const OPENINGS: [&str; 5] = ["What", "Which", "Of", "Whatever", "Whoever"];

/// Phrases that make a reader stop, in lower case and with `_` for a blank, so that this file does not contain them. They
/// are looked for in all text, messages included.
const PHRASES: [&str; 18] = [
    "always_the_same_ones",
    "asks_it,",
    "one_way_through",
    "hardly_means",
    "cannot_be_had",
    "can_be_had",
    "who_one_is",
    "is_its_own_affair",
    "look-up_leads",
    "is_none",
    "is_said",
    "those_that",
    "one_that_is",
    "ones_that_are",
    "be_it_a",
    "be_that_a",
    "of_which_is_read",
    "_as_asked_for",
];

/// A one-line documentation comment has more words than this.
const MAX_VACUOUS_WORDS: usize = 3;

/// Reports what breaks the rules in a Rust source file.
pub fn source_problems(file: &str, text: &str) -> Vec<String> {
    let mut problems = phrase_problems(file, text);
    let mut block = Block::default();
    for (line, number) in text.lines().chain([""]).zip(1..) {
        let trimmed = line.trim_start();
        match comment(trimmed) {
            Some((marker, _)) if !block.text.is_empty() && marker != block.marker => {
                block.end(file, &mut problems);
                block.push(trimmed, number);
            }
            Some(_) => block.push(trimmed, number),
            None => block.end(file, &mut problems),
        }
        if ["what_", "which_", "whatever_"].iter().any(|name| trimmed.contains(&format!("fn {name}"))) {
            problems.push(format!("{file}:{number}: a name that states no behavior: {trimmed}"));
        }
        if ["true => ", "false => "].iter().any(|arm| trimmed.starts_with(arm)) {
            problems.push(format!("{file}:{number}: a match on a boolean; use `if`"));
        }
    }
    problems
}

/// Reports what breaks the rules in a Markdown file. Indented and fenced code does not count.
pub fn markdown_problems(file: &str, text: &str) -> Vec<String> {
    let mut problems = phrase_problems(file, text);
    let mut is_code = false;
    let mut paragraph = (String::new(), 1);
    for (line, number) in text.lines().chain([""]).zip(1..) {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        let starts_anew =
            line.trim().is_empty() || is_fence || line.trim_start().starts_with(['-', '*', '#', '|', '>']);
        if starts_anew {
            problems.extend(opening_problems(file, paragraph.1, &paragraph.0));
            paragraph = (String::new(), number);
        }
        if !is_code && !is_fence && !line.starts_with("    ") {
            let text = line.trim_start().trim_start_matches(['-', '*', '#', '>', ' ']);
            paragraph.0 += text;
            paragraph.0.push(' ');
        }
    }
    problems
}

/// Consecutive comment lines with one marker.
#[derive(Default)]
struct Block {
    marker: &'static str,
    /// Number of the first line in its file.
    number: usize,
    lines: usize,
    text: String,
}

impl Block {
    fn push(&mut self, line: &str, number: usize) {
        let Some((marker, content)) = comment(line) else { return };
        if self.lines == 0 {
            (self.marker, self.number) = (marker, number);
        }
        self.lines += 1;
        self.text += content.trim();
        self.text.push(if content.trim().is_empty() { '\n' } else { ' ' });
    }

    fn end(&mut self, file: &str, problems: &mut Vec<String>) {
        let block = std::mem::take(self);
        problems.extend(block.text.split('\n').flat_map(|text| opening_problems(file, block.number, text)));
        let is_short = block.text.split_whitespace().count() <= MAX_VACUOUS_WORDS;
        if block.marker == "///" && block.lines == 1 && is_short {
            problems.push(format!(
                "{file}:{}: a comment that teaches nothing: {}",
                block.number,
                block.text.trim()
            ));
        }
    }
}

/// Returns the marker and the content of a line that is a comment.
fn comment(line: &str) -> Option<(&'static str, &str)> {
    ["///", "//!", "//"].into_iter().find_map(|marker| Some((marker, line.strip_prefix(marker)?)))
}

fn phrase_problems(file: &str, text: &str) -> Vec<String> {
    let phrases = PHRASES.map(|phrase| phrase.replace('_', " "));
    let found = |line: &str| {
        let line = line.to_lowercase();
        phrases.iter().find(|phrase| line.contains(phrase.as_str()))
    };
    let lines = text.lines().zip(1..);
    lines
        .filter_map(|(line, number)| Some(format!("{file}:{number}: say it plainly: \"{}\"", found(line)?)))
        .collect()
}

/// Reports the sentences of `text` that begin with one of [`OPENINGS`].
fn opening_problems(file: &str, number: usize, text: &str) -> Vec<String> {
    let sentences = text.split_inclusive(['.', ':', '!', '?']).scan(true, |starts, sentence| {
        // A stop ends a sentence only before a blank; `Cargo.toml` is one word.
        let is_start = std::mem::replace(starts, !sentence.ends_with(':'))
            && (sentence.starts_with(' ') || sentence.as_ptr() == text.as_ptr());
        Some((is_start, sentence.trim_start()))
    });
    sentences
        .filter(|(is_start, sentence)| {
            *is_start
                && !sentence.trim_end().ends_with('?')
                && OPENINGS.contains(&sentence.split([' ', ',']).next().unwrap_or_default())
        })
        .map(|(_, sentence)| format!("{file}:{number}: put the subject first: {}", sentence.trim()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(source_problems("f.rs", text), expected, "{text}");
    }

    #[test]
    fn sentences_begin_with_their_subject() {
        check("//! Reads a file.\n// The rest follows, of course. See Cargo.toml. Which is fine?\n", &[]);
        check("// What is read\n// counts.\n", &["f.rs:1: put the subject first: What is read counts."]);
        check(
            "/// Reads it.\n/// Of the rest nothing stays.\n",
            &["f.rs:1: put the subject first: Of the rest nothing stays."],
        );
        check("//! A line.\n//!\n//! Which ends.\n", &["f.rs:1: put the subject first: Which ends."]);
        check("let text = \"What is it\";\n", &[]);
    }

    #[test]
    fn one_line_documentation_teaches() {
        check("/// Number of bytes read.\nfield: u64,\n", &[]);
        check("/// Why not.\n/// Because the file is gone.\nfield: u64,\n", &[]);
        check("    /// Why not.\n", &["f.rs:1: a comment that teaches nothing: Why not."]);
    }

    #[test]
    fn phrases_are_found_in_messages_too() {
        let phrase = PHRASES[0].replace('_', " ");
        check(&format!("error(\"{phrase}\")\n"), &[&format!("f.rs:1: say it plainly: \"{phrase}\"")]);
    }

    #[test]
    fn tests_state_a_behavior() {
        let name = ["fn ", "what_cannot_be() {}"].concat();
        check(&format!("{name}\n"), &[&format!("f.rs:1: a name that states no behavior: {name}")]);
    }

    #[test]
    fn booleans_are_not_matched() {
        check("match a {\n    true => 1,\n    _ => 2,\n}\n", &["f.rs:2: a match on a boolean; use `if`"]);
        check("match (a, b) {\n    (true, _) => 1,\n}\n", &[]);
    }

    #[test]
    fn markdown_is_checked_without_its_code() {
        let check = |text, expected: &[&str]| assert_eq!(markdown_problems("f.md", text), expected, "{text}");
        check("# Title\n\nA line.\n- Item of a list\n\n```sh\nWhat of it.\n```\n", &[]);
        check("A line.\n\nWhich is\nlong.\n", &["f.md:2: put the subject first: Which is long."]);
        check("- One.\n- What it is.\n", &["f.md:2: put the subject first: What it is."]);
    }
}
