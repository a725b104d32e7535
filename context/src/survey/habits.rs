//! Lines that mean something else in .gitignore, where that makes a difference.
//!
//! | line | in .gitignore | in .dockerignore |
//! |---|---|---|
//! | `name`, `*.pyc`, `name/` | at any depth | at the top |
//! | `!name` | taken back in at any depth | at the top |
//! | `name/` | folders only | files, too |
//! | `[!a]` | any character but `a` | `!` or `a` |
//!
//! What means the same is not here: `/name`, `a/b`, `**/name`, `name/**`.
//!
//! A line is only told if its other meaning would make another context of the paths that were seen. Each difference is
//! decided by the matcher itself, on the ignore file with that one line rewritten, so that lines before and after count.

use std::path::{Path, PathBuf};

use super::{Measured, Node, Sum, Survey, What};
use patterns::{Decision, Line, Patterns, clean};

/// More paths of one line are counted but not kept.
pub const MOST_HABIT_PATHS: usize = 20;

/// A line that .gitignore would read otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Habit {
    /// Its index in [`Survey::lines`].
    pub line: usize,
    /// What is different.
    pub kind: HabitKind,
    /// What to write for what .gitignore would do.
    pub instead: String,
    /// The paths that it makes a difference for, the first [`MOST_HABIT_PATHS`]; of folders the topmost.
    pub paths: Vec<Measured>,
    /// How many such paths there are.
    pub path_count: usize,
    /// How much is at all of them.
    pub sum: Sum,
}

/// How .gitignore would read a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HabitKind {
    /// At any depth: more would be left out.
    AnyDepth,
    /// At any depth: more would be taken back in.
    AnyDepthBack,
    /// Folders only: less would be left out.
    FoldersOnly,
    /// `!` at the start of a class is "none of".
    Negation,
}

/// A line and what it might have been meant to be.
struct Suspect {
    line: usize,
    kind: HabitKind,
    instead: String,
    /// The line as .gitignore would read it, alone and without its `!`; `None` if it would match less.
    meant: Option<Patterns>,
    /// The ignore file with the line rewritten, or left out.
    variant: Patterns,
    folders_only: bool,
    found: Vec<Measured>,
    count: usize,
    sum: Sum,
}

impl Survey {
    /// The lines that .gitignore would read otherwise and that make a difference by it, in order.
    pub fn habits(&self) -> Vec<Habit> {
        let mut suspects: Vec<Suspect> =
            (0..self.lines.len()).flat_map(|line| suspects(&self.lines, line)).collect();
        let all: Vec<usize> = (0..suspects.len()).collect();
        self.compare(&mut PathBuf::new(), &self.nodes, &all, &mut suspects);
        let guilty = suspects.into_iter().filter(|suspect| suspect.count > 0);
        guilty
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

    /// Looks at `nodes`, which are at `at`, for those suspects that have not been proven of a folder above.
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
            if let What::Folder(below) = &node.what {
                match proven.is_empty() {
                    true => self.compare(at, below, open, suspects),
                    false => {
                        let open: Vec<usize> =
                            open.iter().copied().filter(|index| !proven.contains(index)).collect();
                        self.compare(at, below, &open, suspects);
                    }
                }
            }
            at.pop();
        }
    }

    /// Whether the path would be in if it is out, or out if it is in, were the line read as .gitignore does.
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
        if self.found.len() < MOST_HABIT_PATHS {
            self.found.push(Measured { path: path.to_owned(), is_folder: node.is_folder(), sum });
        }
    }
}

/// What a line might have been meant to be; nothing if both read it alike.
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

/// `None` if the rewritten line would be no pattern.
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
    /// Says what is different; `written` is the line.
    pub fn message(&self, written: &str) -> String {
        let instead = &self.instead;
        let paths = self.shown_paths();
        match self.kind {
            HabitKind::AnyDepth => format!(
                "{written:?} leaves out what is at the top only, and {paths} is in: if that is not meant, write {instead:?}"
            ),
            HabitKind::AnyDepthBack => format!(
                "{written:?} takes back in what is at the top only, and {paths} is left out: if that is not meant, write {instead:?}"
            ),
            HabitKind::FoldersOnly => format!(
                "{written:?} leaves out files, too, and {paths} is no folder: if that is not meant, write {instead:?}"
            ),
            HabitKind::Negation => format!(
                "{written:?} has a class of `!` and others, which makes a difference for {paths}: for any character but those write {instead:?}"
            ),
        }
    }

    /// The first path, and how many more there are.
    fn shown_paths(&self) -> String {
        let first =
            self.paths.first().map(|first| first.path.to_string_lossy().into_owned()).unwrap_or_default();
        match self.path_count {
            0 | 1 => format!("{first:?}"),
            count => format!("{first:?} (and {} more)", count - 1),
        }
    }
}
