//! Times, shares and names as a report shows them, and text in HTML.

use std::fmt;
use std::time::Duration;

use crate::output;

/// Text in HTML, in an element or in a quoted attribute. Markup is escaped, and control characters are removed.
pub struct Html<'a>(pub &'a str);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in output::sanitized(self.0).chars() {
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

/// Returns a time with its unit: `340 µs`, `12.3 ms`, `1.24 s`, `2 min 05 s`, `1 h 02 min`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        s if s < 0.000_999_5 => format!("{:.0} µs", s * 1e6),
        s if s < 0.009_995 => format!("{:.2} ms", s * 1e3),
        s if s < 0.099_95 => format!("{:.1} ms", s * 1e3),
        s if s < 0.999_5 => format!("{:.0} ms", s * 1e3),
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 59.95 => format!("{s:.1} s"),
        s => {
            let whole = s.round() as u64;
            match whole / 3600 {
                0 => format!("{} min {:02} s", whole / 60, whole % 60),
                hours => format!("{hours} h {:02} min", whole / 60 % 60),
            }
        }
    }
}

/// Returns the share of `part` in `whole` in percent; 0 if `whole` is zero.
pub fn percent(part: Duration, whole: Duration) -> f64 {
    match whole.as_secs_f64() {
        0.0 => 0.0,
        whole => part.as_secs_f64() / whole * 100.0,
    }
}

/// Splits `[build 2/5] RUN make` into `build 2/5` and `RUN make`. The place is empty if the name has none.
pub fn split_name(name: &str) -> (&str, &str) {
    let place = name.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    place.unwrap_or(("", name))
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

    #[test]
    fn a_duration_has_about_three_digits() {
        let check = |micros: u64, expected: &str| {
            assert_eq!(duration(Duration::from_micros(micros)), expected);
        };
        check(0, "0 µs");
        check(340, "340 µs");
        check(1_500, "1.50 ms");
        check(12_340, "12.3 ms");
        check(999_400, "999 ms");
        check(999_900, "1.00 s");
        check(12_345_000, "12.3 s");
        check(59_960_000, "1 min 00 s");
        check(125_000_000, "2 min 05 s");
        check(3_725_000_000, "1 h 02 min");
    }

    #[test]
    fn a_name_is_split_into_place_and_text() {
        assert_eq!(split_name("[build 2/5] RUN a [b] c"), ("build 2/5", "RUN a [b] c"));
        assert_eq!(split_name("exporting to image"), ("", "exporting to image"));
        assert_eq!(split_name("[odd"), ("", "[odd"));
    }

    #[test]
    fn a_share_of_zero_is_zero() {
        assert_eq!(percent(Duration::from_secs(1), Duration::ZERO), 0.0);
        assert_eq!(percent(Duration::from_secs(1), Duration::from_secs(4)), 25.0);
    }
}
