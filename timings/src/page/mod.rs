//! A report as one HTML file.
//!
//! ```text
//! summary    figures, where the time went, the critical path
//! waterfall  a row for each step: its name and its bar, and folded below them the details
//! details    everything that is known of a step
//! ```
//!
//! The page loads nothing and needs no script. Its script marks the inputs of the step under the pointer. The policy in the
//! head allows this one script by its digest, so that no text of a Dockerfile can run as a script.

mod details;
mod summary;
mod waterfall;

use std::fmt::{self, Display, Write as _};

use super::report::{Report, State};
use super::text::duration;
use printable::Html;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Returns a report as a page.
pub fn render(report: &Report) -> String {
    let mut page = String::new();
    write(&mut page, report).expect("writing to a string cannot fail");
    page
}

fn write(page: &mut String, report: &Report) -> fmt::Result {
    let about = &report.about;
    let what = if about.names.is_empty() { about.dockerfile.clone() } else { about.names.join(", ") };
    writeln!(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(page, "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">", policy())?;
    writeln!(page, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
    writeln!(page, "<meta name=\"color-scheme\" content=\"light dark\">")?;
    writeln!(page, "<title>{} \u{2013} dsbuild timings</title>\n<style>", Html(&what))?;
    writeln!(page, "{STYLE}</style>\n</head>\n<body>")?;
    header(page, report, &what)?;
    writeln!(page, "<main>")?;
    summary::write(page, report)?;
    waterfall::write(page, report)?;
    writeln!(page, "</main>\n<script>{SCRIPT}</script>\n</body>\n</html>")
}

/// Returns the policy of the page: it loads nothing, and only its own style and script apply.
fn policy() -> String {
    use base64::Engine as _;
    let digest = oci::Digest::of(SCRIPT.as_bytes());
    let digest = base64::engine::general_purpose::STANDARD.encode(digest.as_bytes());
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
}

fn header(page: &mut String, report: &Report, what: &str) -> fmt::Result {
    let about = &report.about;
    let (class, verdict) = verdict(report);
    writeln!(page, "<header>\n<h1>{}</h1>", Html(what))?;
    writeln!(page, "<p class=\"verdict {class}\">{verdict} {}</p>", duration(report.total))?;
    writeln!(
        page,
        "<p class=\"about\">{} \u{b7} {} \u{b7} at most {} steps at once \u{b7} dsbuild {}</p>",
        Html(&about.dockerfile),
        Html(&about.ended),
        about.jobs,
        env!("CARGO_PKG_VERSION")
    )?;
    for step in &report.steps {
        if let State::Failed { error } = &step.state {
            writeln!(page, "<p class=\"error\">{}<br>{}</p>", Html(&step.name), Html(error))?;
        }
    }
    writeln!(page, "</header>")
}

fn verdict(report: &Report) -> (&'static str, &'static str) {
    let was_canceled = report.steps.iter().any(|step| step.state == State::Canceled)
        && !report.steps.iter().any(|step| matches!(step.state, State::Failed { .. }));
    if report.about.succeeded {
        ("ok", "\u{2713} built in")
    } else if was_canceled {
        ("bad", "\u{2717} canceled after")
    } else {
        ("bad", "\u{2717} failed after")
    }
}

/// Returns a text, which is empty for `None`.
fn optional(text: Option<impl Display>) -> String {
    text.map(|text| text.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use progress::MissReason;
    use progress::{EventKind, Phase, StepLocation};

    use super::*;
    use crate::report::{About, Draft};

    const HOSTILE: &str = "</script></style><img src=x onerror='alert(\"1\")'>&amp;";

    /// Returns a build that shows every part of a page, with hostile text in each place that text from outside can have.
    fn hostile() -> Report {
        let text = || HOSTILE.to_owned();
        let mut draft = Draft::default();
        let mut add = |vertex, time, kind| draft.event(vertex, Duration::from_millis(time), &kind);
        for (vertex, inputs) in [(0, vec![]), (1, vec![0]), (2, vec![0, 1]), (3, vec![2])] {
            let location = Some(StepLocation { stage: text(), lines: Some(graph::Lines::new(1, 3)) });
            add(vertex, 0, EventKind::Added { name: format!("[{HOSTILE} 1/1] {HOSTILE}"), inputs, location });
        }
        for vertex in 0..3 {
            let start = vertex as u64 * 100;
            let reason = MissReason::EnvChanged { name: text(), old: Some(text()), new: None };
            add(vertex, start, EventKind::Started);
            add(vertex, start, EventKind::Entered { phase: Phase::Fetch });
            add(vertex, start, EventKind::Status { id: text(), current: 0, total: None, done: false });
            add(vertex, start, EventKind::Warning { text: text() });
            add(vertex, start + 10, EventKind::Missed { reason });
            add(vertex, start + 20, EventKind::Entered { phase: Phase::Exec });
            add(vertex, start + 90, EventKind::Used { usage: progress::Usage::default() });
            let end = match vertex {
                2 => EventKind::Failed { error: text() },
                _ => EventKind::Finished { cached: false },
            };
            add(vertex, start + 95, end);
        }
        let about =
            About { dockerfile: text(), names: vec![text()], ended: text(), jobs: 8, succeeded: false };
        draft.finish(about, Duration::from_millis(300))
    }

    /// Checks that every element is closed, in order.
    #[track_caller]
    fn check_nesting(page: &str) {
        let text = page.replace(STYLE, "").replace(SCRIPT, "");
        let mut open: Vec<&str> = Vec::new();
        for tag in text.split('<').skip(1) {
            let (tag, _) = tag.split_once('>').expect("a tag ends");
            let name = tag.trim_start_matches('/').split(' ').next().unwrap_or_default();
            match name {
                "!DOCTYPE" | "meta" | "input" | "br" => {}
                name if tag.starts_with('/') => assert_eq!(open.pop(), Some(name), "{tag}"),
                name => open.push(name),
            }
        }
        assert_eq!(open, [""; 0]);
    }

    #[test]
    fn hostile_text_stays_text() {
        let page = render(&hostile());
        check_nesting(&page);
        assert!(!page.contains("<img") && !page.contains("alert(\""), "{page}");
        assert_eq!(page.matches("<script").count(), 1);
        assert!(page.contains(
            "&lt;/script&gt;&lt;/style&gt;&lt;img src=x onerror=&#39;alert(&quot;1&quot;)&#39;&gt;&amp;amp;"
        ));
    }

    #[test]
    fn a_page_loads_nothing() {
        let page = render(&hostile());
        assert!(!page.contains("://") && !page.contains("@import") && !page.contains("url("));
        let links = page.split("href=\"").skip(1);
        assert!(links.clone().count() > 0 && links.clone().all(|link| link.starts_with("#s")));
    }

    #[test]
    fn a_build_without_steps_has_a_page() {
        let report = Draft::default().finish(About::default(), Duration::ZERO);
        check_nesting(&render(&report));
    }

    #[test]
    fn the_script_does_not_end_early() {
        assert!(!SCRIPT.contains("</") && !SCRIPT.contains("<!--") && !STYLE.contains("</"));
    }
}
