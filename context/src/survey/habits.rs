//! Habits: lines that mean something else in .gitignore, where that makes a difference.
//!
//! | line | in .gitignore | in .dockerignore |
//! |---|---|---|
//! | `name`, `*.pyc`, `name/` | at any depth | at the top |
//! | `!name` | taken back in at any depth | at the top |
//! | `name/` | folders only | files, too |
//! | `[!a]` | any character but `a` | `!` or `a` |
//!
//! `/name`, `a/b`, `**/name` and `name/**` mean the same in both.
//!
//! A line is reported only if its other meaning would change the context, by the paths that were seen. The matcher itself
//! decides that, with the one line of the ignore file rewritten, so that the lines before and after it count.

use std::path::{Path, PathBuf};

use super::Survey;
use super::node::{Node, NodeKind};
use super::sum::{Measured, Sum};
use patterns::{Decision, Line, Patterns, clean};

/// Largest number of paths of one line that are kept; more are counted only.
pub const MAX_HABIT_PATHS: usize = 20;

/// A line that would mean something else in .gitignore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Habit {
    /// Index of the line in [`Survey::lines`].
    pub line: usize,
    /// Difference between the two meanings.
    pub kind: HabitKind,
    /// Line that does in .dockerignore what the original line does in .gitignore.
    pub instead: String,
    /// First [`MAX_HABIT_PATHS`] paths that the difference affects, without those below an affected directory.
    pub paths: Vec<Measured>,
    /// Number of all such paths.
    pub path_count: usize,
    /// Sum of all such paths.
    pub sum: Sum,
}

/// Difference that .gitignore would make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HabitKind {
    /// The line would match at any depth, so that more would be left out.
    AnyDepth,
    /// The line would match at any depth, so that more would be taken back in.
    AnyDepthBack,
    /// The line would match directories only, so that less would be left out.
    FoldersOnly,
    /// The `!` at the start of a class would negate the class.
    Negation,
}

/// A line, and the meaning that was possibly intended.
struct Suspect {
    line: usize,
    kind: HabitKind,
    instead: String,
    /// The line as .gitignore would read it, alone and without its `!`; `None` if it would match less than it does.
    meant: Option<Patterns>,
    /// Patterns of the ignore file with the line rewritten, or without it.
    variant: Patterns,
    folders_only: bool,
    found: Vec<Measured>,
    count: usize,
    sum: Sum,
}

impl Survey {
    /// Returns the lines whose other meaning in .gitignore would make a difference, in order.
    pub fn habits(&self) -> Vec<Habit> {
        let mut suspects: Vec<Suspect> =
            (0..self.lines.len()).flat_map(|line| suspects(&self.lines, line)).collect();
        let all: Vec<usize> = (0..suspects.len()).collect();
        self.compare(&mut PathBuf::new(), &self.nodes, &all, &mut suspects);
        let confirmed = suspects.into_iter().filter(|suspect| suspect.count > 0);
        confirmed
            .map(|suspect| Habit {
                line: suspect.line,
                kind: suspect.kind,
                instead: suspect.instead,
                paths: suspect.found,
                path_count: suspect.count,
                sum: suspect.sum,
            })
            .collect()
    }

    /// Compares the two meanings for `nodes`, which are at `at`, and for suspects without an affected directory above.
    fn compare(&self, at: &mut PathBuf, nodes: &[Node], open: &[usize], suspects: &mut [Suspect]) {
        if open.is_empty() {
            return;
        }
        for node in nodes {
            at.push(&node.name);
            let proven: Vec<usize> =
                open.iter().copied().filter(|&index| self.differs(at, node, &suspects[index])).collect();
            for &index in &proven {
                suspects[index].add(at, node);
            }
            if let NodeKind::Folder(below) = &node.kind {
                let still_open: Vec<usize> =
                    open.iter().copied().filter(|index| !proven.contains(index)).collect();
                self.compare(at, below, &still_open, suspects);
            }
            at.pop();
        }
    }

    /// Reports whether a path would be left out if it is not, or the other way round, with the meaning of .gitignore.
    fn differs(&self, path: &Path, node: &Node, suspect: &Suspect) -> bool {
        let bytes = path.as_os_str().as_encoded_bytes();
        let is_hit = match (&suspect.meant, suspect.kind) {
            (Some(meant), HabitKind::Negation) => {
                meant.hits(0, bytes) || self.patterns.hits(suspect.line, bytes)
            }
            (Some(meant), _) => (node.is_folder() || !suspect.folders_only) && meant.hits(0, bytes),
            (None, _) => {
                let decided = |decision: &Decision| decision.pattern == suspect.line && !decision.inherited;
                !node.is_folder() && node.decision.as_ref().is_some_and(decided)
            }
        };
        is_hit && suspect.variant.exclude(bytes) != node.decision.is_some_and(|decision| !decision.exception)
    }
}

impl Suspect {
    fn add(&mut self, path: &Path, node: &Node) {
        let sum = if node.is_in { node.sum() } else { node.measure() };
        self.count += 1;
        self.sum += sum;
        if self.found.len() < MAX_HABIT_PATHS {
            self.found.push(Measured { path: path.to_owned(), is_folder: node.is_folder(), sum });
        }
    }
}

/// Returns the other meanings of a line; none if it means the same in both.
fn suspects(lines: &[Line], line: usize) -> Vec<Suspect> {
    let written = lines[line].written.as_str();
    let (mark, body) = written.strip_prefix('!').map_or(("", written), |rest| ("!", rest.trim_start()));
    let core = body.trim_end_matches('/');
    let plain = clean(core);
    if core.is_empty() || matches!(plain.as_str(), "." | ".." | "/") {
        return Vec::new();
    }
    let folders_only = core.len() < body.len();
    let any_depth = !core.contains('/') && !core.starts_with("**");
    let negation = core.contains("[!");
    let mut found = Vec::new();
    if any_depth || negation {
        let depth = if any_depth { "**/" } else { "" };
        let relative = plain.strip_prefix('/').unwrap_or(&plain);
        let meant = format!("{depth}{}", relative.replace("[!", "[^"));
        let kind = match (negation, mark) {
            (true, _) => HabitKind::Negation,
            (false, "") => HabitKind::AnyDepth,
            (false, _) => HabitKind::AnyDepthBack,
        };
        found.extend(suspect(lines, line, kind, Some((mark, &meant)), folders_only));
    }
    if folders_only && mark.is_empty() {
        found.extend(
            suspect(lines, line, HabitKind::FoldersOnly, None, folders_only)
                .map(|suspect| Suspect { instead: format!("{plain}/**"), ..suspect }),
        );
    }
    found
}

/// Returns a suspect, or `None` if the rewritten line would not be a pattern.
fn suspect(
    lines: &[Line],
    line: usize,
    kind: HabitKind,
    meant: Option<(&str, &str)>,
    folders_only: bool,
) -> Option<Suspect> {
    let mut texts: Vec<String> = lines.iter().map(|line| line.pattern.clone()).collect();
    let instead = meant.map(|(mark, text)| format!("{mark}{text}"));
    match &instead {
        Some(instead) => texts[line].clone_from(instead),
        None => drop(texts.remove(line)),
    }
    Some(Suspect {
        line,
        kind,
        instead: instead.unwrap_or_default(),
        meant: meant.map(|(_, text)| Patterns::new(&[text])).transpose().ok()?,
        variant: Patterns::new(&texts).ok()?,
        folders_only,
        found: Vec::new(),
        count: 0,
        sum: Sum::default(),
    })
}

impl Habit {
    /// Returns the message about the line, whose text is `written`.
    pub fn message(&self, written: &str) -> String {
        let instead = &self.instead;
        let paths = self.shown_paths();
        match self.kind {
            HabitKind::AnyDepth => format!(
                "{written:?} matches at the top only, so that {paths} is in the context: to match at any depth, write {instead:?}"
            ),
            HabitKind::AnyDepthBack => format!(
                "{written:?} takes back in at the top only, so that {paths} is left out: to match at any depth, write {instead:?}"
            ),
            HabitKind::FoldersOnly => format!(
                "{written:?} matches files, too, such as {paths}: to match directories only, write {instead:?}"
            ),
            HabitKind::Negation => format!(
                "{written:?} has a class with the character `!`, which makes a difference for {paths}: to negate the class, write {instead:?}"
            ),
        }
    }

    /// Returns the first path, and how many more there are.
    fn shown_paths(&self) -> String {
        let first =
            self.paths.first().map(|first| first.path.to_string_lossy().into_owned()).unwrap_or_default();
        match self.path_count {
            0 | 1 => format!("{first:?}"),
            count => format!("{first:?} (and {} more)", count - 1),
        }
    }
}
