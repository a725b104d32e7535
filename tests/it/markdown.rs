//! Fenced blocks of Markdown pages: the commands that the documentation shows.
//!
//! The info string of a block is its language, and for commands that a test cannot run a reason: `sh no-run: REASON`.
//! Used by the test that runs the blocks, and by the test that parses each `dsbuild` command line (cli/src/docs.rs).

/// A fenced block of a page.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// Line of the opening fence, from 1.
    pub line: usize,
    /// First word of the info string, for example `sh`; empty without an info string.
    pub language: String,
    /// Text after `no-run:` in the info string; `None` for a block that a test runs.
    pub no_run: Option<String>,
    /// Lines between the fences, each with its line end.
    pub text: String,
}

/// Returns the fenced blocks of a page in order. An unclosed block ends with the page.
pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in page.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(info), None) => open = Some(opened(index + 1, info)),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks.extend(open);
    blocks
}

fn opened(line: usize, info: &str) -> Block {
    let (language, rest) = info.split_once(' ').unwrap_or((info, ""));
    let no_run = rest.trim().strip_prefix("no-run:").map(|reason| reason.trim().to_owned());
    Block { line, language: language.to_owned(), no_run, text: String::new() }
}

/// Returns the pages of the documentation, as paths from the root of the repository and their text.
pub fn pages() -> Vec<(String, String)> {
    // This file belongs to two packages: that of the workspace's root, and `cli`.
    let package = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.ancestors().find(|dir| dir.join("Cargo.lock").is_file()).expect("the workspace");
    let folder = std::fs::read_dir(root.join("docs")).expect("docs/ can be listed");
    let mut names: Vec<String> = folder
        .map(|entry| entry.expect("an entry of docs/").file_name().into_string().expect("a UTF-8 name"))
        .filter(|name| name.ends_with(".md"))
        .map(|name| format!("docs/{name}"))
        .chain(["README.md", "CONTRIBUTING.md", "examples/README.md"].map(str::to_owned))
        .collect();
    names.sort();
    let read = |name: String| {
        let text = std::fs::read_to_string(root.join(&name)).expect("a page can be read");
        (name, text)
    };
    names.into_iter().map(read).collect()
}
