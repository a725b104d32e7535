//! The origin of a change to a container: the device and the spec file that require it.

use std::path::Path;
use std::sync::Arc;

use crate::CdiError;
use crate::inventory::{Device, SpecFile};

/// Device and spec file that require a change; both are named in errors.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    device: String,
    file: Arc<SpecFile>,
}

impl Origin {
    pub(crate) fn of(device: &Device) -> Self {
        Self { device: device.name().to_owned(), file: Arc::clone(&device.file) }
    }

    /// Makes the error about a change that is not supported; `what` is a noun phrase.
    pub(crate) fn unsupported(&self, what: String) -> CdiError {
        CdiError::Unsupported { device: self.device.clone(), file: self.file.path.clone(), what }
    }

    /// Makes the error about the file `path` of this machine; `reason` is a clause.
    pub(crate) fn host(&self, path: &Path, reason: impl ToString) -> CdiError {
        let (device, file) = (self.device.clone(), self.file.path.clone());
        CdiError::Host { device, file, path: path.to_owned(), reason: reason.to_string() }
    }
}
