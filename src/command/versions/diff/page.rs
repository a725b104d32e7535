//! The differences as one HTML file.
//!
//! The page loads nothing and has no script: rows are hidden by check boxes and a style. Its policy forbids scripts, so that
//! no text of an image can run as one.

use std::fmt::{self, Display, Write as _};

use compare::{Change, Comparison, FileState, Row, fold};

use super::side::Side;
use super::text::{differences, entries, joined, mark, owner};
use crate::output::{Html, number, size};

const STYLE: &str = include_str!("page.css");
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Number of rows of files on a page. A browser needs seconds for more.
const MAX_ROWS: usize = 20_000;
/// Number of entries that are listed below a directory that was added or removed as a whole.
const MAX_BELOW: usize = 500;

/// Returns the page as text.
pub fn render(before: &Side, after: &Side, found: &Comparison) -> String {
    let mut page = String::new();
    write(&mut page, before, after, found).expect("writing to a string cannot fail");
    page
}

fn write(page: &mut String, before: &Side, after: &Side, found: &Comparison) -> fmt::Result {
    let title = format!("{} \u{2192} {}", before.name, after.name);
    writeln!(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(page, "<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">")?;
    writeln!(page, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
    writeln!(page, "<meta name=\"color-scheme\" content=\"light dark\">")?;
    writeln!(page, "<title>{} \u{2013} dsbuild diff</title>\n<style>", Html(&title))?;
    writeln!(page, "{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{}</h1>", Html(&title))?;
    writeln!(page, "<div class=\"sides\">")?;
    side(page, "old", before)?;
    side(page, "new", after)?;
    writeln!(page, "</div>\n</header>\n<main>")?;
    figures(page, found)?;
    for problem in &found.problems {
        writeln!(page, "<p class=\"problem\">{}</p>", Html(problem))?;
    }
    packages(page, found)?;
    config(page, found)?;
    layers(page, found)?;
    files(page, found)?;
    writeln!(page, "</main>\n</body>\n</html>")
}

fn side(page: &mut String, class: &str, side: &Side) -> fmt::Result {
    let (name, image) = (Html(&side.name), &side.image);
    writeln!(page, "<div class=\"side {class}\"><b>{name}</b>")?;
    if let Some(about) = side.about() {
        writeln!(page, "<p>{}</p>", Html(&about))?;
    }
    let platform = image.config.platform.to_string();
    writeln!(
        page,
        "<p>{} \u{b7} image ID <code>{}</code></p></div>",
        Html(&platform),
        image.manifest.config.digest
    )
}

fn figures(page: &mut String, found: &Comparison) -> fmt::Result {
    let files = &found.files;
    writeln!(page, "<dl class=\"figures\">")?;
    figure(page, "packages", &number(found.packages.len() as u64), "that differ")?;
    figure(page, "settings", &number(found.config.len() as u64), "that differ")?;
    let (removed, added) = (found.layers.removed.len(), found.layers.added.len());
    let note = format!("removed and added; {} in common", found.layers.common);
    figure(page, "layers", &format!("\u{2212}{removed} +{added}"), &note)?;
    let sums =
        format!("+{} \u{2212}{} ~{}", number(files.added), number(files.removed), number(files.changed));
    figure(page, "files", &sums, "added, removed, changed")?;
    let bytes = format!("{} \u{2192} {}", size(files.before_bytes), size(files.after_bytes));
    figure(page, "size", &bytes, "of the files that differ")?;
    writeln!(page, "</dl>")
}

fn figure(page: &mut String, name: &str, value: &str, note: &str) -> fmt::Result {
    writeln!(page, "<div><dt>{name}</dt><dd>{value}</dd><dd class=\"note\">{note}</dd></div>")
}

/// Returns the class of a row.
fn class(change: Change) -> &'static str {
    match change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Changed => "changed",
    }
}

/// Writes the beginning of a section, and of its table unless the section has no rows.
fn begin(page: &mut String, title: &str, note: impl Display, head: &[(&str, &str)]) -> fmt::Result {
    writeln!(page, "<section>\n<h2>{title} <small>{note}</small></h2>")?;
    if !head.is_empty() {
        table(page, head)?;
    }
    Ok(())
}

fn table(page: &mut String, head: &[(&str, &str)]) -> fmt::Result {
    write!(page, "<table>\n<thead><tr>")?;
    head.iter().try_for_each(|(class, title)| write!(page, "<th class=\"{class}\">{title}</th>"))?;
    writeln!(page, "</tr></thead>\n<tbody>")
}

fn end(page: &mut String) -> fmt::Result {
    writeln!(page, "</tbody>\n</table>\n</section>")
}

fn empty(page: &mut String, title: &str) -> fmt::Result {
    begin(page, title, "no differences", &[])?;
    writeln!(page, "</section>")
}

fn packages(page: &mut String, found: &Comparison) -> fmt::Result {
    if found.packages.is_empty() {
        return empty(page, "Packages");
    }
    let head = [("sign", ""), ("", "Manager"), ("", "Package"), ("", "Before"), ("", "After")];
    begin(page, "Packages", found.packages.len(), &head)?;
    for package in &found.packages {
        let architecture = package.architecture.as_deref().unwrap_or_default();
        writeln!(
            page,
            "<tr class=\"{}\"><td class=\"sign\">{}</td><td>{}</td><td>{} <span class=\"dim\">{}</span></td>\
             <td class=\"before\">{}</td><td class=\"after\">{}</td></tr>",
            class(package.change),
            mark(package.change),
            package.kind,
            Html(&package.name),
            Html(architecture),
            Html(&joined(&package.before)),
            Html(&joined(&package.after))
        )?;
    }
    end(page)
}

fn config(page: &mut String, found: &Comparison) -> fmt::Result {
    if found.config.is_empty() {
        return empty(page, "Config");
    }
    let head = [("sign", ""), ("", "Setting"), ("", "Before"), ("", "After")];
    begin(page, "Config", found.config.len(), &head)?;
    for setting in &found.config {
        writeln!(
            page,
            "<tr class=\"{}\"><td class=\"sign\">{}</td><td>{}</td><td class=\"before\"><code>{}</code></td>\
             <td class=\"after\"><code>{}</code></td></tr>",
            class(setting.change),
            mark(setting.change),
            Html(&setting.name),
            Html(setting.before.as_deref().unwrap_or_default()),
            Html(setting.after.as_deref().unwrap_or_default())
        )?;
    }
    end(page)
}

fn layers(page: &mut String, found: &Comparison) -> fmt::Result {
    let layers = &found.layers;
    if layers.removed.is_empty() && layers.added.is_empty() {
        return empty(page, "Layers");
    }
    let head = [("sign", ""), ("", "Layer"), ("n", "Size"), ("", "Instruction")];
    begin(page, "Layers", format_args!("{} in common", layers.common), &head)?;
    let removed = layers.removed.iter().map(|layer| (Change::Removed, layer));
    for (change, layer) in removed.chain(layers.added.iter().map(|layer| (Change::Added, layer))) {
        writeln!(
            page,
            "<tr class=\"{}\"><td class=\"sign\">{}</td><td class=\"id\"><code>{}</code></td><td class=\"n\">{}</td>\
             <td><code>{}</code></td></tr>",
            class(change),
            mark(change),
            &layer.diff_id.0.hex()[..12],
            size(layer.size_bytes),
            Html(&layer.created_by)
        )?;
    }
    end(page)
}

fn files(page: &mut String, found: &Comparison) -> fmt::Result {
    let changes = &found.files.changes;
    if changes.is_empty() {
        return empty(page, "Files");
    }
    let rows = fold(changes);
    begin(page, "Files", number(changes.len() as u64), &[])?;
    for (kind, name) in [("added", "added"), ("removed", "removed"), ("changed", "changed")] {
        writeln!(
            page,
            "<input type=\"checkbox\" id=\"no-{kind}\"><label for=\"no-{kind}\">hide {name}</label>"
        )?;
    }
    table(page, &[("sign", ""), ("", "Path"), ("", "Difference"), ("", "Mode and owner"), ("n", "Size")])?;
    let mut rest = changes.as_slice();
    for row in rows.iter().take(MAX_ROWS) {
        let length = 1 + usize::try_from(row.below).unwrap_or(usize::MAX);
        let (own, others) = rest.split_at(length.min(rest.len()));
        file(page, row, own.get(1..).unwrap_or_default())?;
        rest = others;
    }
    end(page)?;
    match rows.len().saturating_sub(MAX_ROWS) {
        0 => Ok(()),
        more => writeln!(
            page,
            "<p class=\"problem\">{} more; <code>dsbuild diff --all</code> and <code>--format json</code> list them</p>",
            number(more as u64)
        ),
    }
}

/// Writes a row, with the entries below it if the row is a whole directory.
fn file(page: &mut String, row: &Row<'_>, below: &[compare::FileChange]) -> fmt::Result {
    let change = row.change;
    let (sign, class) = (mark(change.change), class(change.change));
    write!(page, "<tr class=\"{class}\"><td class=\"sign\">{sign}</td><td class=\"path\">")?;
    path(page, row, below)?;
    let (what, mode) = match (&change.before, &change.after) {
        (Some(old), Some(new)) => (differences(&change.differs, old, new), mode(new)),
        (Some(state), None) | (None, Some(state)) => (state.kind.to_owned(), mode(state)),
        (None, None) => Default::default(),
    };
    let bytes = if change.after.is_some() { row.after_bytes } else { row.before_bytes };
    writeln!(page, "</td><td>{}</td><td>{mode}</td><td class=\"n\">{}</td></tr>", Html(&what), size(bytes))
}

fn path(page: &mut String, row: &Row<'_>, below: &[compare::FileChange]) -> fmt::Result {
    let name = row.change.path.to_string_lossy();
    if below.is_empty() {
        return write!(page, "{}", Html(&name));
    }
    let count = entries(row.below);
    write!(page, "<details><summary>{}/ <span class=\"dim\">{count}</span></summary><ul>", Html(&name))?;
    for change in below.iter().take(MAX_BELOW) {
        let inner = change.path.strip_prefix(&row.change.path).unwrap_or(&change.path);
        write!(page, "<li>{}</li>", Html(&inner.to_string_lossy()))?;
    }
    if below.len() > MAX_BELOW {
        write!(page, "<li>… and {} more</li>", number((below.len() - MAX_BELOW) as u64))?;
    }
    write!(page, "</ul></details>")
}

fn mode(state: &FileState) -> String {
    format!("{:04o} {}", state.mode, owner(state))
}

#[cfg(test)]
mod tests {
    use compare::{FileChange, FileChanges, LayerChanges, LayerInfo, PackageChange, PackageKind, Setting};
    use images::Image;
    use oci::{Descriptor, DiffId, Digest, ImageConfig, Manifest, media_type};

    use super::*;

    const HOSTILE: &str = "</style><img src=x onerror='alert(\"1\")'>&amp;";

    fn side() -> Side {
        let descriptor = Descriptor::new(media_type::MANIFEST, Digest::of(b""), 2);
        let manifest = Manifest::new(descriptor.clone(), Vec::new());
        let mut config = ImageConfig::default();
        config.platform.os = HOSTILE.to_owned();
        Side { name: HOSTILE.to_owned(), image: Image { descriptor, manifest, config }, version: None }
    }

    fn change(path: &str, change: Change, kind: &'static str) -> FileChange {
        let target = (kind == "symlink").then(|| HOSTILE.to_owned());
        let state =
            || Some(FileState { kind, size_bytes: 1, mode: 0o755, uid: 0, gid: 1, target: target.clone() });
        let (before, after) = match change {
            Change::Added => (None, state()),
            Change::Removed => (state(), None),
            Change::Changed => (state(), state()),
        };
        let differs = if change == Change::Changed { vec!["content", "target"] } else { Vec::new() };
        FileChange { path: path.into(), change, differs, before, after }
    }

    /// Returns a comparison with hostile text in each place that text of an image can have.
    fn hostile() -> Comparison {
        let text = || HOSTILE.to_owned();
        let layer = LayerInfo { diff_id: DiffId(Digest::of(b"")), size_bytes: 5, created_by: text() };
        Comparison {
            packages: vec![PackageChange {
                kind: PackageKind::Dpkg,
                name: text(),
                architecture: Some(text()),
                change: Change::Changed,
                before: [text()].into(),
                after: [text()].into(),
            }],
            config: vec![Setting {
                name: text(),
                change: Change::Changed,
                before: Some(text()),
                after: Some(text()),
            }],
            layers: LayerChanges { common: 1, removed: vec![layer.clone()], added: vec![layer] },
            files: FileChanges {
                changes: vec![
                    change(HOSTILE, Change::Added, "directory"),
                    change(&format!("{HOSTILE}/{HOSTILE}"), Change::Added, "file"),
                    change("link", Change::Changed, "symlink"),
                    change("removed", Change::Removed, "file"),
                ],
                ..FileChanges::default()
            },
            problems: vec![text()],
        }
    }

    #[test]
    fn hostile_text_stays_text() {
        let page = render(&side(), &side(), &hostile());
        assert!(!page.contains("<img") && !page.contains("alert(\"") && !page.contains("<script"), "{page}");
        assert!(
            page.contains("&lt;/style&gt;&lt;img src=x onerror=&#39;alert(&quot;1&quot;)&#39;&gt;&amp;amp;")
        );
        assert_eq!(page.matches("<style>").count(), 1);
    }

    #[test]
    fn a_page_loads_nothing() {
        let page = render(&side(), &side(), &hostile());
        assert!(
            !page.contains("://")
                && !page.contains("@import")
                && !page.contains("url(")
                && !page.contains("href=")
        );
    }

    #[test]
    fn elements_are_closed_in_order() {
        for found in [hostile(), Comparison::default()] {
            let page = render(&side(), &side(), &found).replace(STYLE, "");
            let mut open: Vec<String> = Vec::new();
            for tag in page.split('<').skip(1) {
                let (tag, _) = tag.split_once('>').expect("a tag ends");
                let name = tag.trim_start_matches('/').split(' ').next().unwrap_or_default();
                match name {
                    "!DOCTYPE" | "meta" | "input" => {}
                    name if tag.starts_with('/') => assert_eq!(open.pop().as_deref(), Some(name), "{tag}"),
                    name => open.push(name.to_owned()),
                }
            }
            assert_eq!(open, [""; 0]);
        }
    }

    #[test]
    fn a_whole_directory_is_one_row_with_its_entries_folded() {
        let page = render(&side(), &side(), &hostile());
        assert_eq!(page.matches("<details>").count(), 1);
        assert_eq!(page.matches("<tr class=\"added\"").count(), 2, "a layer and a directory");
    }
}
