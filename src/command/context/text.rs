//! The report for people: totals, tables and notes.

use std::path::Path;

use ::context::survey::{Habit, Measured, Sum};
use patterns::secret_names::Likelihood;
use unicode_width::UnicodeWidthStr;

use super::{Group, Report, Usage, folders, groups, largest, shown};
use crate::output;

/// Number of rows that a table shows.
const MAX_ROWS: usize = 20;
/// Number of largest files that are shown.
const MAX_FILES: usize = 10;
/// Number of paths that are shown as examples.
const EXAMPLES: usize = 3;
/// Columns in front of the text of a note.
const NOTE_INDENT: usize = 4;

/// Returns the whole text. `columns` is the width of the terminal, or `None` for a pipe or a file.
pub fn of(report: &Report, depth: usize, styled: bool, columns: Option<usize>) -> String {
    let mut page = Page { text: String::new(), styled, columns };
    page.head(report);
    page.folders(report, depth);
    page.largest(report);
    page.left_out(report);
    page.taken_back(report);
    page.notes(report);
    page.text
}

struct Page {
    text: String,
    styled: bool,
    columns: Option<usize>,
}

#[derive(Clone, Copy)]
enum Style {
    Bold,
    Dim,
    Warning,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    fn styled(&self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Warning => "33",
        };
        if self.styled { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Returns the text of a note, wrapped to the width of the terminal.
    fn wrapped(&self, text: &str) -> String {
        let Some(columns) = self.columns else { return text.to_owned() };
        let mut wrapped = String::new();
        let mut used = NOTE_INDENT;
        for word in text.split(' ') {
            let width = word.width();
            if !wrapped.is_empty() {
                let fits = used + 1 + width <= columns;
                wrapped.push_str(if fits { " " } else { "\n    " });
                used = if fits { used + 1 } else { NOTE_INDENT };
            }
            wrapped.push_str(word);
            used += width;
        }
        wrapped
    }

    fn heading(&mut self, text: &str) {
        let heading = self.styled(Style::Bold, text);
        self.line("");
        self.line(&heading);
    }

    /// Writes a size, a number of files, and the name that they belong to.
    fn row(&mut self, sum: Sum, what: &str) {
        let more = if sum.is_partial { ">" } else { "" };
        let size = format!("{more}{}", output::size(sum.size_bytes));
        let files = format!("{more}{}", count(sum.files, "file"));
        self.line(&format!("{size:>9}{files:>16}   {what}"));
    }

    fn more(&mut self, rows: usize, what: &str) {
        if rows > 0 {
            let text = self.styled(Style::Dim, &format!("and {} more {what}", output::number(rows as u64)));
            self.line(&format!("{:>25}   {text}", ""));
        }
    }

    fn head(&mut self, report: &Report) {
        let lines = report.ignore.lines.len() as u64;
        let ignore = if report.ignore.path.as_os_str().is_empty() {
            "none".to_owned()
        } else {
            format!("{} ({})", output::path(&report.ignore.path), count(lines, "pattern"))
        };
        let dockerfile = report.dockerfile.as_deref().map_or_else(|| "none".to_owned(), output::path);
        self.line(&format!("context      {}", output::path(&report.folder)));
        self.line(&format!("ignore file  {ignore}"));
        self.line(&format!("Dockerfile   {dockerfile}"));
        let sum = report.survey.sum();
        let (size, files) = (output::size(sum.size_bytes), count(sum.files, "file"));
        self.heading(&format!("In the context: {size}, {files}, {}", count(sum.folders, "folder")));
    }

    fn folders(&mut self, report: &Report, depth: usize) {
        let folders = folders(&report.survey, depth);
        for (path, sum) in folders.iter().take(MAX_ROWS) {
            self.row(*sum, &shown(path, true));
        }
        self.more(folders.len().saturating_sub(MAX_ROWS), "folders");
        let files = report.survey.nodes().iter().filter(|node| node.is_in && !node.is_folder());
        let mut top = Sum::default();
        files.for_each(|node| top += node.sum());
        if top.files > 0 && !folders.is_empty() {
            let text = self.styled(Style::Dim, "(files at the top)");
            self.row(top, &text);
        }
    }

    /// Lists files with at least a hundredth of the total size.
    fn largest(&mut self, report: &Report) {
        let least = report.survey.sum().size_bytes / 100;
        let files = largest(&report.survey, MAX_FILES);
        let files: Vec<_> = files.iter().filter(|(_, size_bytes)| *size_bytes >= least).collect();
        if files.is_empty() {
            return;
        }
        self.heading("Largest files");
        for (path, size_bytes) in files {
            self.line(&format!("{:>9}   {}", output::size(*size_bytes), shown(path, false)));
        }
    }

    fn left_out(&mut self, report: &Report) {
        let groups = groups(&report.survey, false);
        if groups.is_empty() {
            return;
        }
        let mut sum = Sum::default();
        groups.iter().for_each(|group| sum += group.sum);
        let more = if sum.is_partial { "more than " } else { "" };
        let (size, files) = (output::size(sum.size_bytes), count(sum.files, "file"));
        self.heading(&format!("Left out: {more}{size}, {files}"));
        self.groups(report, &groups);
        if sum.is_partial {
            let text = self.styled(Style::Dim, "> is a part of it: --measure counts all");
            self.line(&format!("{:>25}   {text}", ""));
        }
    }

    fn taken_back(&mut self, report: &Report) {
        let groups = groups(&report.survey, true);
        if !groups.is_empty() {
            self.heading("Taken back in");
            self.groups(report, &groups);
        }
    }

    fn groups(&mut self, report: &Report, groups: &[Group<'_>]) {
        let widths = groups.iter().map(|group| place(report, group.line).chars().count());
        let width = widths.max().unwrap_or(0).min(40);
        for group in groups {
            let place = place(report, group.line);
            let paths: Vec<String> =
                group.paths.iter().take(EXAMPLES).map(|(path, node)| shown(path, node.is_folder())).collect();
            let rest = group.paths.len().saturating_sub(EXAMPLES);
            let rest =
                if rest > 0 { format!(" and {} more", output::number(rest as u64)) } else { String::new() };
            let paths = self.styled(Style::Dim, &format!("{}{rest}", paths.join(", ")));
            self.row(group.sum, &format!("{place:<width$}   {paths}"));
        }
    }

    fn notes(&mut self, report: &Report) {
        let before = self.text.len();
        self.secrets(report);
        self.usage(report);
        let habits = report.survey.habits();
        self.habits(report, &habits);
        self.links(report);
        self.troubles(report);
        self.idle(report, &habits);
        if self.text.len() > before {
            let heading = self.styled(Style::Bold, "Worth a look");
            self.text.insert_str(before, &format!("\n{heading}\n"));
        }
    }

    /// Writes a note and the way out.
    fn note(&mut self, text: &str, fix: &str) {
        let mark = self.styled(Style::Warning, "!");
        let text = self.wrapped(text);
        self.line(&format!("  {mark} {text}"));
        if !fix.is_empty() {
            let fix = self.styled(Style::Dim, fix);
            self.line(&format!("    {fix}"));
        }
    }

    fn secrets(&mut self, report: &Report) {
        let secrets = report.survey.secrets();
        let of = |likelihood| {
            let paths = secrets.iter().filter(move |(_, found)| *found == likelihood);
            paths.map(|(path, _)| shown(path, false)).collect::<Vec<_>>()
        };
        let (known, likely) = (of(Likelihood::Known), of(Likelihood::Likely));
        let parts = [(known, "holds secrets"), (likely, "may hold secrets")];
        let parts = parts.iter().filter(|(paths, _)| !paths.is_empty());
        let parts: Vec<String> = parts.map(|(paths, holds)| format!("{holds}: {}", few(paths))).collect();
        if !parts.is_empty() {
            self.note(
                &format!("what is in the context and {}", parts.join("; ")),
                "leave it out, and give it to a RUN by --mount=type=secret",
            );
        }
    }

    fn usage(&mut self, report: &Report) {
        match &report.usage {
            Usage::NoDockerfile => {}
            Usage::Unknown(why) => {
                self.note(&format!("what the Dockerfile takes is not known: {}", output::sanitized(why)), "");
            }
            Usage::Known { not_taken, failures } => {
                for missing in failures {
                    let by = missing.left_out_by.map(|index| {
                        let line = &report.ignore.lines[index];
                        format!(
                            ": {}:{} leaves it out ({:?})",
                            report.ignore.name(),
                            line.number,
                            line.written
                        )
                    });
                    let message = output::sanitized(&missing.message);
                    let by = by.unwrap_or_default();
                    self.note(
                        &format!("line {} of the Dockerfile will fail: {message}{by}", missing.line),
                        "",
                    );
                }
                self.not_taken(not_taken);
            }
        }
    }

    fn not_taken(&mut self, not_taken: &[Measured]) {
        let mut sum = Sum::default();
        not_taken.iter().for_each(|one| sum += one.sum);
        if sum.files == 0 {
            return;
        }
        let mut sorted: Vec<&Measured> = not_taken.iter().collect();
        sorted.sort_by_key(|one| std::cmp::Reverse(one.sum.size_bytes));
        let paths: Vec<String> = sorted.iter().map(|one| shown(&one.path, one.is_folder)).collect();
        let (size, files) = (output::size(sum.size_bytes), count(sum.files, "file"));
        self.note(&format!("no COPY, ADD or mount takes {size}, {files}: {}", few(&paths)), "");
    }

    fn habits(&mut self, report: &Report, habits: &[Habit]) {
        for habit in habits {
            let line = &report.ignore.lines[habit.line];
            let message = output::sanitized(&habit.message(&line.written));
            self.note(&format!("{}:{}: {message}", report.ignore.name(), line.number), "");
        }
    }

    fn links(&mut self, report: &Report) {
        let links = report.survey.outward_links();
        let paths: Vec<String> = links
            .iter()
            .map(|(path, target)| format!("{} -> {}", shown(path, false), output::path(target)))
            .collect();
        if !paths.is_empty() {
            self.note(
                &format!("links lead out of the context: {}", few(&paths)),
                "the image gets the links, not what they lead to",
            );
        }
    }

    fn troubles(&mut self, report: &Report) {
        let troubles = report.survey.troubles();
        let paths: Vec<String> = troubles
            .iter()
            .map(|trouble| format!("{} ({})", shown(&trouble.path, false), trouble.error))
            .collect();
        if !paths.is_empty() {
            self.note(
                &format!("cannot be read: {}", few(&paths)),
                "a build that copies it fails; make it readable or leave it out",
            );
        }
    }

    fn idle(&mut self, report: &Report, habits: &[Habit]) {
        let mut idle = report.survey.idle();
        // Lines with a bad habit have a note already.
        idle.retain(|idle| habits.iter().all(|habit| habit.line != idle.line));
        for (agrees, what) in
            [(false, "match nothing"), (true, "change nothing, as other lines decide the same")]
        {
            let lines: Vec<String> = idle
                .iter()
                .filter(|idle| idle.agrees == agrees)
                .map(|idle| place(report, idle.line))
                .collect();
            if !lines.is_empty() {
                let text = self.wrapped(&format!("these lines {what}: {}", lines.join(", ")));
                let text = self.styled(Style::Dim, &text);
                self.line(&format!("  - {text}"));
            }
        }
    }
}

/// Returns number and text of a line: `12 *.log`.
fn place(report: &Report, line: usize) -> String {
    let line = &report.ignore.lines[line];
    format!("{} {}", line.number, output::path(Path::new(&line.written)))
}

/// Returns the first items and the number of the others.
fn few(items: &[String]) -> String {
    let first = items[..items.len().min(EXAMPLES)].join(", ");
    match items.len().saturating_sub(EXAMPLES) {
        0 => first,
        rest => format!("{first} and {} more", output::number(rest as u64)),
    }
}

fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", output::number(number))
}
