//! The files of a result themselves: `type=local` and `type=tar`.

use std::io::Write;
use std::path::Path;

use oci::Platform;
use rootfs::layers::Layers;

use super::error::io_error;
use super::{BuildResult, BuiltImage, Dest, Draft, ExportError, ExportKind, ExportRequest};

/// Writes the files of `result`; those of several platforms below a folder for each.
pub(super) fn export(
    layers: &Layers,
    result: &BuildResult,
    request: &ExportRequest,
    stdout: &mut dyn Write,
) -> Result<(), ExportError> {
    let split = request.platform_split.unwrap_or(result.images.len() > 1 || result.multi_platform);
    match (request.kind, &request.dest) {
        (ExportKind::Local, Some(Dest::Path(dest))) => directory(layers, result, request, dest, split),
        (ExportKind::Local, _) => Err(unsupported(request, "it needs a folder: dest=PATH")),
        (_, Some(Dest::Path(dest))) => {
            let mut draft = Draft::create(dest)?;
            tar(layers, result, request, split, &mut draft)?;
            draft.publish()
        }
        (_, Some(Dest::Stdout) | None) => tar(layers, result, request, split, stdout),
    }
}

fn directory(
    layers: &Layers,
    result: &BuildResult,
    request: &ExportRequest,
    dest: &Path,
    split: bool,
) -> Result<(), ExportError> {
    if !split && result.images.len() > 1 {
        return Err(unsupported(request, "several platforms cannot share one folder"));
    }
    let times = result.times.files(request.rewrite_timestamp);
    for built in &result.images {
        let dest = if split { dest.join(folder(&built.platform)) } else { dest.to_owned() };
        std::fs::create_dir_all(&dest).map_err(io_error("create folder", &dest))?;
        layers.write_dir(&built.layers, times, &dest)?;
    }
    Ok(())
}

fn tar(
    layers: &Layers,
    result: &BuildResult,
    request: &ExportRequest,
    split: bool,
    out: &mut dyn Write,
) -> Result<(), ExportError> {
    let times = result.times.files(request.rewrite_timestamp);
    match &result.images[..] {
        [one] if !split => Ok(layers.write_tar(&one.layers, times, out)?),
        images if split => {
            let tree = |built: &'_ BuiltImage| (folder(&built.platform), built.layers.clone());
            let trees: Vec<_> = images.iter().map(tree).collect();
            Ok(layers.write_tar_of(&trees, times, out)?)
        }
        _ => Err(unsupported(request, "several platforms cannot share one root folder")),
    }
}

fn unsupported(request: &ExportRequest, reason: &str) -> ExportError {
    ExportError::Unsupported { kind: request.kind.name(), reason: reason.to_owned() }
}

/// `linux_arm_v7`
fn folder(platform: &Platform) -> String {
    platform.to_string().replace('/', "_")
}
