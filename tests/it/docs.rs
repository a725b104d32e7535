//! The commands of the documentation are run as a reader would type them.
//!
//! - A block ```` ```sh ```` is a script: every command must succeed.
//! - A block ```` ```console ```` shows commands (`$ …`) and their output. In the output `…` stands for any text, and
//!   alone on a line for any lines.
//! - A block ```` ```sh no-run: REASON ```` is not run; cli/src/docs.rs checks its `dsbuild` command lines.
//!
//! Each block starts in the scratch folder of its page, which keeps its files from block to block. The store holds
//! `busybox`, and a registry on loopback stands for the one of GitLab's variables.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use crate::env::{TestEnv, skip_unless};
use crate::markdown::{self, Block};
use crate::registry::{Registry, env_with_registry};

/// Surroundings of a page: a scratch directory, a `dsbuild` in PATH, and a registry.
struct Page {
    name: &'static str,
    env: TestEnv,
    registry: Registry,
}

impl Page {
    fn open(name: &'static str) -> Result<Self, String> {
        let env = env_with_registry()?;
        let tar = env.path("base.tar");
        env.dsbuild(&["import", "--tag", "busybox", tar.to_str().expect("a UTF-8 path")]).success();
        ["work", "home", "programs"]
            .iter()
            .for_each(|name| fs::create_dir(env.path(name)).expect("a folder"));
        symlink(env.binary(), env.path("programs/dsbuild")).expect("a link to the binary");
        let registry = Registry::open(&env);
        Ok(Self { name, env, registry })
    }

    fn bash(&self, script: &str) -> Command {
        let mut command = self.env.program("/bin/bash");
        let programs = self.env.path("programs");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(programs).chain(std::env::split_paths(&path).collect::<Vec<PathBuf>>());
        command
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(self.env.path("work"))
            .env("PATH", std::env::join_paths(folders).expect("no colon in a folder's name"))
            .env("HOME", self.env.path("home"))
            .env("CI_COMMIT_SHORT_SHA", "1a2b3c4d")
            .env("CI_REGISTRY_IMAGE", self.registry.name("group/app"));
        command
    }

    fn run(&self, block: &Block) {
        match block.language.as_str() {
            "sh" => self.run_script(block),
            "console" => sessions(&block.text).iter().for_each(|session| self.run_session(block, session)),
            _ => {}
        }
    }

    fn run_script(&self, block: &Block) {
        let output = self.bash(&block.text).output().expect("bash runs");
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}:{}: {}\n{printed}", self.name, block.line, output.status);
    }

    fn run_session(&self, block: &Block, session: &Session<'_>) {
        let output = self.bash(&format!("exec 2>&1\n{}", session.command)).output().expect("bash runs");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines: Vec<&str> = printed.lines().map(str::trim_end).collect();
        let place = format!("{}:{}: $ {}", self.name, block.line, session.command);
        if session.output.is_empty() {
            assert!(output.status.success(), "{place}: {}\n{printed}", output.status);
        } else {
            let expected = session.output.join("\n");
            let is_as_expected = lines_match(&session.output, &lines);
            assert!(is_as_expected, "{place}\nexpected:\n{expected}\nprinted:\n{printed}");
        }
    }
}

/// A command of a console block, and the lines that it prints.
#[derive(Debug, PartialEq, Eq)]
struct Session<'a> {
    command: String,
    output: Vec<&'a str>,
}

/// Cuts a console block into its commands; a line that begins with `> ` continues a command.
fn sessions(text: &str) -> Vec<Session<'_>> {
    let mut sessions: Vec<Session<'_>> = Vec::new();
    for line in text.lines() {
        let (command, more) = (line.strip_prefix("$ "), line.strip_prefix("> "));
        match (command, more, sessions.last_mut()) {
            (Some(command), ..) => sessions.push(Session { command: command.to_owned(), output: Vec::new() }),
            (None, Some(more), Some(last)) => last.command += &format!("\n{more}"),
            (None, _, Some(last)) => last.output.push(line.trim_end()),
            (None, _, None) => panic!("output before the first command: {line:?}"),
        }
    }
    sessions
}

fn lines_match(expected: &[&str], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((&"…", rest)) => (0..=printed.len()).any(|skipped| lines_match(rest, &printed[skipped..])),
        Some((line, rest)) => printed
            .split_first()
            .is_some_and(|(first, others)| line_matches(line, first) && lines_match(rest, others)),
    }
}

fn line_matches(expected: &str, printed: &str) -> bool {
    match expected.split_once('…') {
        None => expected == printed,
        Some((start, rest)) => printed.strip_prefix(start).is_some_and(|after| {
            after
                .char_indices()
                .map(|(at, _)| at)
                .chain([after.len()])
                .any(|at| line_matches(rest, &after[at..]))
        }),
    }
}

/// Runs the blocks of one page in order.
fn check(name: &'static str) {
    let page = skip_unless!(Page::open(name));
    let (_, text) = markdown::pages().into_iter().find(|(other, _)| other == name).expect("the page exists");
    let blocks = markdown::blocks(&text);
    blocks.iter().filter(|block| block.no_run.is_none()).for_each(|block| page.run(block));
}

/// Makes a test for each page with commands, and the list of these pages.
macro_rules! pages_with_commands {
    ($($test:ident: $page:literal,)*) => {
        const PAGES: &[&str] = &[$($page),*];
        $(#[test]
        fn $test() {
            check($page);
        })*
    };
}

pages_with_commands! {
    privileged_the_commands_of_the_readme_work: "README.md",
    privileged_the_commands_of_attestations_work: "docs/attestations.md",
    privileged_the_commands_of_coming_from_docker_work: "docs/coming-from-docker.md",
    privileged_the_commands_of_ci_work: "docs/ci.md",
    privileged_the_commands_of_caching_work: "docs/caching.md",
    privileged_the_commands_of_reproducibility_work: "docs/reproducibility.md",
    privileged_the_commands_of_security_work: "docs/security.md",
    privileged_the_commands_of_formatting_work: "docs/formatting.md",
    privileged_the_commands_of_versions_work: "docs/versions.md",
    privileged_the_commands_of_troubleshooting_work: "docs/troubleshooting.md",
}

#[test]
fn every_page_with_commands_has_a_test() {
    for (name, text) in markdown::pages() {
        let is_run =
            |block: &Block| matches!(block.language.as_str(), "sh" | "console") && block.no_run.is_none();
        let has_commands = markdown::blocks(&text).iter().any(is_run);
        assert!(!has_commands || PAGES.contains(&name.as_str()), "{name} is missing in pages_with_commands");
    }
}

#[test]
fn every_block_says_its_language_and_why_it_is_not_run() {
    for (name, text) in markdown::pages() {
        for block in markdown::blocks(&text) {
            assert!(!block.language.is_empty(), "{name}:{}: the block has no language", block.line);
            assert_ne!(block.no_run.as_deref(), Some(""), "{name}:{}: no-run has no reason", block.line);
        }
    }
}

#[test]
fn relative_links_lead_to_files() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, text) in markdown::pages() {
        let folder = root.join(&name).parent().expect("a page is in a folder").to_owned();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let is_local = !target.is_empty() && !target.contains("://");
            assert!(
                !is_local || folder.join(target).exists(),
                "{name} links to {target}, which does not exist"
            );
        }
    }
}

#[test]
fn blocks_have_language_line_and_reason() {
    let page = "a\n```sh\nls\n```\n```sh no-run: needs the network\nx\n```\n";
    let block = |line, no_run: Option<&str>, text: &str| Block {
        line,
        language: "sh".to_owned(),
        no_run: no_run.map(str::to_owned),
        text: text.to_owned(),
    };
    assert_eq!(markdown::blocks(page), [block(2, None, "ls\n"), block(5, Some("needs the network"), "x\n")]);
}

#[test]
fn an_ellipsis_stands_for_text_or_lines() {
    assert!(lines_match(&["a … c", "…", "z"], &["a b c", "x", "y", "z"]));
    assert!(lines_match(&["…"], &[]));
    assert!(!lines_match(&["a … c"], &["a b d"]));
    assert!(!lines_match(&["a"], &["a", "b"]));
}
