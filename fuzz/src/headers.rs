//! Headers of registries and servers, besides challenges: `Location`, `Content-Range`, `Retry-After`, `Content-Type`,
//! and dates.
//!
//! No answer of a registry is read for `Link`: nothing lists tags. The input is a URL, the values of three headers and
//! numbers for `Retry-After`, separated by zero bytes.

use registry::testing::{
    Target, client_reads, content_range_start, essence, longest_pauses, pauses, redirect,
};
use sources::testing::http_date_seconds;

use crate::parts;

/// Checks these properties:
///
/// - The HTTP client connects to the very server that was judged for a redirect: scheme, host and port agree.
/// - A redirect never leaves TLS, and a `Location` without a host stays on its server.
/// - The start of a range, a media type and a date come from their headers alone, and are read again from their plainest
///   form.
/// - However long a server asks to wait, the pauses have an end.
pub fn check(input: &[u8]) {
    let [at, location, range, kind, waits] = parts(input);
    if let Some(target) = redirect(&at, &location) {
        check_target(&at, &location, &target);
    }
    if let Some(start) = content_range_start(&range) {
        assert_eq!(content_range_start(&format!("bytes {start}-{start}/*")), Some(start));
        assert!(range.contains(&start.to_string()), "{range:?}");
    }
    let essence_of = essence(&kind);
    assert_eq!(essence(&essence_of), essence_of);
    assert!(!essence_of.contains([';', 'A', 'Z']));
    check_date(&kind);
    let waits: Vec<&str> = waits.split(',').collect();
    let pauses = pauses(&waits);
    let total = pauses.iter().try_fold(std::time::Duration::ZERO, |sum, pause| sum.checked_add(*pause));
    assert!(total.is_some_and(|total| total <= longest_pauses()), "{pauses:?}");
}

fn check_target(at: &str, location: &str, target: &Target) {
    let Target { url, is_tls, host, port, is_allowed } = target;
    // The client refuses some URLs, which is as good.
    if let Some(read) = client_reads(url) {
        let scheme = if *is_tls { "https" } else { "http" };
        assert_eq!(read, (scheme.to_owned(), host.clone(), *port), "{url:?}");
    }
    assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url:?}");
    assert_eq!(redirect(url, url).map(|again| again.url).as_ref(), Some(url));
    let from = redirect(at, "/").expect("a URL that leads somewhere leads to its root");
    assert!(*is_tls || !from.is_tls || !is_allowed, "{at:?} leads to {url:?}");
    if !location.contains("//") {
        assert_eq!((host, *port, *is_tls), (&from.host, from.port, from.is_tls), "{location:?}");
    }
}

/// Checks that a date survives in the form of RFC 1123, which the other two forms are older spellings of.
fn check_date(text: &str) {
    let Some(seconds) = http_date_seconds(text) else { return };
    assert!(seconds >= 0, "{text:?}");
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let weekday =
        ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][usize::try_from(days % 7).expect("0 to 6")];
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let written = format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT");
    assert_eq!(http_date_seconds(&written), Some(seconds), "{text:?} is {written:?}");
}

/// Returns year, month and day of a number of days since 1970, counted year by year.
fn civil(mut days: i64) -> (i64, &'static str, i64) {
    const MONTHS: [(&str, i64); 12] = [
        ("Jan", 31),
        ("Feb", 28),
        ("Mar", 31),
        ("Apr", 30),
        ("May", 31),
        ("Jun", 30),
        ("Jul", 31),
        ("Aug", 31),
        ("Sep", 30),
        ("Oct", 31),
        ("Nov", 30),
        ("Dec", 31),
    ];
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut year = 1970;
    while days >= 365 + i64::from(is_leap(year)) {
        days -= 365 + i64::from(is_leap(year));
        year += 1;
    }
    for (name, length) in MONTHS {
        let length = length + i64::from(name == "Feb" && is_leap(year));
        if days < length {
            return (year, name, days + 1);
        }
        days -= length;
    }
    unreachable!("fewer days than a year has")
}
