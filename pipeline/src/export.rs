//! From results to images, archives, directories and registries: one vertex for each output.

use std::io::Write;

use export::{BuildResult, ExportError, ExportKind, ExportRequest, Exported, Exporter};
use progress::Vertex;

use crate::pipeline::{Pipeline, Watch};

/// An output that could not be written. Outputs before it were.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct ExportFailure {
    /// The output that could not be written.
    pub request: ExportRequest,
    /// Reason of the failure.
    #[source]
    pub error: ExportError,
}

impl Pipeline {
    /// Writes a result to each output, in order. `stdout` takes what goes there.
    pub fn export(
        &self,
        result: &BuildResult,
        requests: &[ExportRequest],
        stdout: &mut dyn Write,
        watch: Watch<'_>,
    ) -> Result<Vec<Exported>, ExportFailure> {
        let mut exported = Vec::with_capacity(requests.len());
        for request in requests {
            let one = self.export_one(result, request, stdout, watch);
            exported.push(one.map_err(|error| ExportFailure { request: request.clone(), error })?);
        }
        Ok(exported)
    }

    fn export_one(
        &self,
        result: &BuildResult,
        request: &ExportRequest,
        stdout: &mut dyn Write,
        watch: Watch<'_>,
    ) -> Result<Exported, ExportError> {
        if request.kind == ExportKind::CacheOnly {
            return Ok(Exported::default());
        }
        let vertex = watch.progress.start(&title(request.kind));
        let exporter = Exporter {
            store: &self.engine.store,
            layers: &self.engine.layers,
            registry: self.engine.sources.client(),
            vertex: &vertex,
            cancel: watch.cancel,
        };
        let exported = exporter.export(result, request, stdout).inspect_err(|error| vertex.failed(error))?;
        report(&exported, &vertex);
        vertex.finished(false);
        Ok(exported)
    }
}

/// Returns the name of the vertex, in BuildKit's words.
fn title(kind: ExportKind) -> String {
    match kind {
        ExportKind::Image => "exporting to image".to_owned(),
        ExportKind::Oci => "exporting to oci image format".to_owned(),
        ExportKind::Docker => "exporting to docker image format".to_owned(),
        ExportKind::Local => "exporting to client directory".to_owned(),
        ExportKind::Tar => "exporting to client tarball".to_owned(),
        kind => format!("exporting to {}", kind.name()),
    }
}

fn report(exported: &Exported, vertex: &Vertex) {
    if let Some(descriptor) = &exported.descriptor {
        let id = format!("exporting manifest {}", descriptor.digest);
        vertex.status(&id, descriptor.size_bytes, None, true);
    }
    for name in &exported.names {
        vertex.status(&format!("naming to {name}"), 0, None, true);
    }
}
