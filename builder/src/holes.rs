//! Warning about a file with a huge hole, which takes no disk space in the store but does wherever the image is unpacked.
//!
//! `useradd` with a large user ID makes such files: `lastlog` and `faillog` have a place for each ID up to it.

use oci::DiffId;
use rootfs::RootfsError;
use rootfs::layers::{FileWithHoles, Layers};

/// Length of the holes from which on a file is reported.
const MIN_REPORTED_BYTES: u64 = 1 << 30;

/// Returns the warning about the file of a new layer with the largest holes; `None` if it has none to speak of.
pub(crate) fn warning(layers: &Layers, layer: &DiffId) -> Result<Option<String>, RootfsError> {
    Ok(layers.largest_holes(layer, MIN_REPORTED_BYTES)?.map(|file| text(&file)))
}

fn text(file: &FileWithHoles) -> String {
    let FileWithHoles { path, hole_bytes } = file;
    let gib = hole_bytes >> 30;
    let is_login_log = path.ends_with("lastlog") || path.ends_with("faillog");
    let way_out = if is_login_log { "; `useradd --no-log-init` leaves it alone" } else { "" };
    format!(
        "/{} has {gib} GiB of holes: they take no disk space in this store, but they do where the image is unpacked{way_out}",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_of_logins_gets_the_way_out() {
        let text = |path: &str| text(&FileWithHoles { path: path.into(), hole_bytes: (6 << 30) + 5 });
        let rest = "has 6 GiB of holes: they take no disk space in this store, but they do where the image is unpacked";
        assert_eq!(text("data/disk.img"), format!("/data/disk.img {rest}"));
        assert_eq!(
            text("var/log/lastlog"),
            format!("/var/log/lastlog {rest}; `useradd --no-log-init` leaves it alone")
        );
    }
}
