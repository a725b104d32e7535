//! Text in HTML pages, which are files and are not printed.

use std::fmt;

use crate::sanitized;

/// Text in HTML, in an element or in a quoted attribute. Markup is escaped, and control characters are removed.
pub struct Html<'a>(pub &'a str);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in sanitized(self.0).chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_text_is_escaped() {
        let check = |text: &str, expected: &str| assert_eq!(Html(text).to_string(), expected);
        check(
            "</script><img onerror=\"x('1')\">",
            "&lt;/script&gt;&lt;img onerror=&quot;x(&#39;1&#39;)&quot;&gt;",
        );
        check("a && b", "a &amp;&amp; b");
        check("\u{1b}[31mred\u{0}", "red");
        check("ab\u{202e}cd", "ab\\u{202e}cd");
    }
}
