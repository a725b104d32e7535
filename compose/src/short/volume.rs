//! Short form of a mount: `[SOURCE:]TARGET[:OPTION,…]`.

/// Mount of a volume or of a directory of the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Volume {
    /// Path of the machine or name of a volume; empty for an anonymous volume.
    pub(crate) source: String,
    /// Path in the container.
    pub(crate) target: String,
    /// Whether the source is a path of the machine.
    pub(crate) is_bind: bool,
    /// Option `ro`: whether the container can only read it.
    pub(crate) read_only: bool,
    /// Option `nocopy`: whether a new volume stays empty.
    pub(crate) nocopy: bool,
    /// Option such as `rslave`; empty if absent.
    pub(crate) propagation: String,
    /// Option `z` or `Z`; empty if absent.
    pub(crate) selinux: String,
}

/// Reads the short form. Options that nobody knows are ignored, as docker compose does.
pub(crate) fn volume(text: &str) -> Result<Volume, String> {
    let mut volume = Volume::default();
    if text.is_empty() {
        return Err("an empty mount: use [SOURCE:]TARGET[:ro]".to_owned());
    }
    if text.len() <= 2 {
        volume.target = text.to_owned();
        return Ok(volume);
    }
    let parts = split(text);
    if parts.iter().any(|part| part.is_empty()) {
        return Err(format!("invalid mount {text:?}: nothing between the colons"));
    }
    let options = match parts[..] {
        [target] => {
            volume.target = target.to_owned();
            ""
        }
        [source, target] => {
            (volume.source, volume.target) = (source.to_owned(), target.to_owned());
            ""
        }
        [source, target, options] => {
            (volume.source, volume.target) = (source.to_owned(), target.to_owned());
            options
        }
        _ => return Err(format!("invalid mount {text:?}: too many colons")),
    };
    for option in options.split(',') {
        match option {
            "ro" => volume.read_only = true,
            "rw" => volume.read_only = false,
            "nocopy" => volume.nocopy = true,
            "z" | "Z" => option.clone_into(&mut volume.selinux),
            "rprivate" | "private" | "rshared" | "shared" | "rslave" | "slave" => {
                option.clone_into(&mut volume.propagation);
            }
            _ => {}
        }
    }
    volume.is_bind = is_path(&volume.source);
    Ok(volume)
}

/// Splits at colons, but not after the letter of a Windows drive and not inside of `${…}`.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut depth) = (Vec::new(), 0, 0_usize);
    for (index, one) in text.char_indices() {
        match one {
            '{' if text[..index].ends_with('$') => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 && !is_drive(&text[begin..index]) => {
                parts.push(&text[begin..index]);
                begin = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

fn is_drive(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(char::is_alphabetic) && characters.next().is_none()
}

/// Reports whether a source is a path of the machine; otherwise it is the name of a volume.
fn is_path(source: &str) -> bool {
    let has_drive = source.split_once(':').is_some_and(|(drive, _)| is_drive(drive));
    source.starts_with(['.', '/', '~']) || source.starts_with(r"\\") || has_drive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let got = volume(text).unwrap();
        let kind = if got.is_bind { "bind" } else { "volume" };
        let options = format!("{}{}{}", got.propagation, got.selinux, if got.nocopy { "nocopy" } else { "" });
        let access = if got.read_only { "ro" } else { "rw" };
        assert_eq!(
            format!("{kind} {} {} {access} {options}", got.source, got.target).trim_end(),
            expected,
            "{text}"
        );
    }

    #[test]
    fn a_source_that_looks_like_a_path_is_one() {
        check("/x", "volume  /x rw");
        check("data:/x", "volume data /x rw");
        check("./data:/x:ro", "bind ./data /x ro");
        check("~/data:/x:z,rslave", "bind ~/data /x rw rslavez");
        check("data:/x:nocopy,what", "volume data /x rw nocopy");
        check(r"C:\data:/x:ro", r"bind C:\data /x ro");
        check("${A:-b}:/x", "volume ${A:-b} /x rw");
    }

    #[test]
    fn a_mount_without_a_part_is_an_error() {
        for text in ["", ":/x", "va::ro", "va:/x:", "va:/b:ro:c"] {
            assert!(volume(text).is_err(), "{text}");
        }
    }
}
