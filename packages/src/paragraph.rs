//! `Name: value` text in paragraphs: the databases of dpkg, the METADATA of Python, the DESCRIPTION of R.
//!
//! A line that begins with a blank continues the value above it, and an empty line ends a paragraph. Names of fields
//! are the same in upper and lower case.
//!
//! Source: deb822(5); RFC 822 as Python's core metadata uses it; R's `read.dcf`.

/// Fields of a paragraph in the order of the text.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Paragraph<'a>(Vec<(&'a str, String)>);

impl<'a> Paragraph<'a> {
    /// Returns the first paragraph of the text, the only one that counts in a file that describes one package.
    pub(crate) fn first(text: &'a str) -> Self {
        paragraphs(text).next().unwrap_or_default()
    }

    /// Returns the first value of a field; `None` if it is absent or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Returns the values of a field that can be repeated.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    fn push_line(&mut self, line: &'a str) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = self.0.last_mut() {
                value.push('\n');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            self.0.push((name.trim(), value.trim().to_owned()));
        }
    }
}

/// Splits a text into its paragraphs, without empty ones.
pub(crate) fn paragraphs(text: &str) -> impl Iterator<Item = Paragraph<'_>> {
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        let mut paragraph = Paragraph::default();
        for line in lines.by_ref() {
            match (line.trim().is_empty(), paragraph.0.is_empty()) {
                (is_blank, true) if is_blank => {}
                (is_blank, false) if is_blank => return Some(paragraph),
                _ => paragraph.push_line(line),
            }
        }
        (!paragraph.0.is_empty()).then_some(paragraph)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_end_at_empty_lines_and_values_go_on_after_blanks() {
        let text = "\n\nName: a\nLong: one\n two\n\t three\nname: b\nno colon\n\n \nX:y\nEmpty:\n";
        let all: Vec<_> = paragraphs(text).collect();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].get("NAME"), Some("a"));
        assert_eq!(all[0].all("Name").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(all[0].get("long"), Some("one\ntwo\nthree"));
        assert_eq!((all[1].get("x"), all[1].get("empty"), all[1].get("none")), (Some("y"), None, None));
    }

    #[test]
    fn lines_end_as_on_any_system() {
        assert_eq!(Paragraph::first("A: 1\r\nB: 2\r\n\r\nbody: 3").get("b"), Some("2"));
        assert_eq!(Paragraph::first("A: 1\r\n\r\nbody: 3").get("body"), None);
    }
}
