//! The files of a result themselves: `type=local` and `type=tar`.

use std::io::{self, Write};
use std::path::Path;

use cache::Store;
use oci::{DiffId, Platform};
use progress::Cancel;
use rootfs::layers::{Layers, Times};

use crate::blob::OutputWriter;
use crate::error::{ExportCanceled, ExportError, io_error};
use crate::file::{Draft, make_directories, sync_directory, sync_tree};
use crate::predicates::predicates;
use crate::request::{Dest, ExportKind, ExportRequest};
use crate::result::{BuildResult, BuiltImage};
use crate::statement_files::StatementFiles;

/// An export of files.
pub(crate) struct TreeExport<'a> {
    pub store: &'a Store,
    pub layers: &'a Layers,
    pub result: &'a BuildResult,
    pub request: &'a ExportRequest,
    pub cancel: &'a Cancel,
}

impl TreeExport<'_> {
    /// Writes the files of the result; those of several platforms into a directory for each.
    pub fn write(&self, stdout: &mut dyn Write) -> Result<(), ExportError> {
        self.verify_layers()?;
        match (self.request.kind, &self.request.dest) {
            (ExportKind::Local, Some(Dest::Path(dest))) => self.directory(dest),
            (ExportKind::Local, _) => Err(self.unsupported("it needs a directory: dest=PATH")),
            (_, Some(Dest::Path(dest))) => {
                let mut draft = Draft::create(dest)?;
                self.tar(dest, &mut draft)?;
                draft.publish()
            }
            (_, Some(Dest::Stdout) | None) => self.tar(Path::new("stdout"), stdout),
        }
    }

    /// Verifies the layers, since files are read from the middle of them.
    fn verify_layers(&self) -> Result<(), ExportError> {
        let mut layers: Vec<&DiffId> = self.result.images.iter().flat_map(|image| &image.layers).collect();
        layers.sort_unstable();
        layers.dedup();
        for layer in layers {
            if self.cancel.is_canceled() {
                return Err(ExportError::Canceled);
            }
            self.store.verify_blob(&layer.0)?;
        }
        Ok(())
    }

    fn directory(&self, dest: &Path) -> Result<(), ExportError> {
        if !self.is_split() && self.result.images.len() > 1 {
            return Err(self.unsupported("several platforms cannot share one directory"));
        }
        let mut changed = Vec::new();
        for built in &self.result.images {
            if self.cancel.is_canceled() {
                return Err(ExportError::Canceled);
            }
            let dest = if self.is_split() { dest.join(folder(&built.platform)) } else { dest.to_owned() };
            changed.extend(make_directories(&dest)?);
            let written = self.layers.write_dir(&self.files(built)?, self.times(), &dest, &|| self.check());
            written.map_err(
                |error| if self.cancel.is_canceled() { ExportError::Canceled } else { error.into() },
            )?;
        }
        sync_tree(dest)?;
        changed.iter().try_for_each(|directory| sync_directory(directory))
    }

    fn check(&self) -> io::Result<()> {
        if self.cancel.is_canceled() { Err(io::Error::other(ExportCanceled)) } else { Ok(()) }
    }

    fn tar(&self, dest: &Path, out: &mut dyn Write) -> Result<(), ExportError> {
        let mut output = OutputWriter::new(out, self.cancel);
        let written = match &self.result.images[..] {
            [one] if !self.is_split() => {
                let files = self.files(one)?;
                self.layers.write_tar(&files, self.times(), &mut output)
            }
            images if self.is_split() => {
                let tree = |built: &'_ BuiltImage| Ok((folder(&built.platform), self.files(built)?));
                let trees: Vec<_> = images.iter().map(tree).collect::<Result<_, ExportError>>()?;
                self.layers.write_tar_of(&trees, self.times(), &mut output)
            }
            _ => return Err(self.unsupported("several platforms cannot share one root directory")),
        };
        match output.failure.take() {
            Some(failure) => Err(io_error("write", dest)(failure)),
            None => Ok(written?),
        }
    }

    /// Returns the layers of an image, with its attestations on top.
    fn files(&self, built: &BuiltImage) -> Result<Vec<DiffId>, ExportError> {
        let times = self.result.times.with_source_date(self.request.source_date_s);
        let files = StatementFiles {
            layers: self.layers,
            predicates: predicates(built, self.request, &times),
            prefix: &self.request.attestation_prefix,
            time_s: times.created_s(self.request.rewrite_timestamp),
            cancel: self.cancel,
        };
        files.on(&built.layers)
    }

    fn is_split(&self) -> bool {
        let has_several = self.result.images.len() > 1 || self.result.multi_platform;
        self.request.platform_split.unwrap_or(has_several)
    }

    fn times(&self) -> Times {
        let times = self.result.times.with_source_date(self.request.source_date_s);
        times.files(self.request.rewrite_timestamp)
    }

    fn unsupported(&self, reason: &str) -> ExportError {
        ExportError::Unsupported { kind: self.request.kind.name(), reason: reason.to_owned() }
    }
}

/// Returns the name of the directory of a platform: `linux_arm_v7`, `windows(10.0.17763)_amd64`.
///
/// Source: containerd/platforms, `FormatAll`, with `_` for `/`.
fn folder(platform: &Platform) -> String {
    let version = platform.os_version.as_ref().map(|version| format!("({})", version.replace('/', "_")));
    let text = platform.to_string().replace('/', "_");
    match (version, text.split_once('_')) {
        (Some(version), Some((os, rest))) if !text.contains('(') => format!("{os}{version}_{rest}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_that_differ_in_the_version_of_the_system_have_directories_of_their_own() {
        #[track_caller]
        fn check(platform: &str, expected: &str) {
            assert_eq!(folder(&platform.parse().expect("a platform")), expected);
        }
        check("linux/amd64", "linux_amd64");
        check("linux/arm/v7", "linux_arm_v7");
        check("windows(1.1.0)/amd64", "windows(1.1.0)_amd64");
        check("windows(1.2.3)/amd64", "windows(1.2.3)_amd64");
    }
}
