//! Short form of a device: `SOURCE[:TARGET[:PERMISSIONS]]`.

/// Returns the node on the host, the node in the container, and the permissions (`rwm` by default).
pub(crate) fn device(text: &str) -> Result<(String, String, String), String> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, permissions) = match parts[..] {
        [source] => (source, source, "rwm"),
        [source, target] => (source, target, "rwm"),
        [source, target, permissions] => (source, target, permissions),
        _ => return Err(format!("{text:?} is not SOURCE[:TARGET[:PERMISSIONS]]: use the long form")),
    };
    let target = if target.is_empty() { source } else { target };
    Ok((source.to_owned(), target.to_owned(), permissions.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_parts_have_defaults() {
        let check = |text: &str, expected: [&str; 3]| {
            let [source, target, permissions] = expected.map(ToOwned::to_owned);
            assert_eq!(device(text), Ok((source, target, permissions)), "{text}");
        };
        check("/dev/a", ["/dev/a", "/dev/a", "rwm"]);
        check("/dev/a:/dev/b", ["/dev/a", "/dev/b", "rwm"]);
        check("/dev/a::r", ["/dev/a", "/dev/a", "r"]);
        check("vendor.com/class=name", ["vendor.com/class=name", "vendor.com/class=name", "rwm"]);
        assert!(device("a:b:c:d").is_err());
    }
}
