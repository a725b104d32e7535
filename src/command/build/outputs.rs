//! The outputs of a build: `--output`, `--tag`, `--load`, `--push` and `--annotation`.

use export::{Annotation, Dest, ExportKind, ExportRequest};
use oci::Reference;

use crate::failure::Failure;
use crate::output::Stream;
use cli::build::BuildArgs;

/// Returns one request for each output. An output without a name of its own gets the names of `--tag`.
pub fn requests(args: &BuildArgs) -> Result<Vec<ExportRequest>, Failure> {
    let names: Vec<Reference> =
        args.tags.iter().map(|tag| tag.parse()).collect::<Result<_, oci::ReferenceError>>()?;
    let mut requests: Vec<ExportRequest> = Vec::new();
    for output in &args.outputs {
        requests.push(request(output)?);
    }
    if args.push && !requests.iter().any(|request| request.push.is_some()) {
        requests.push(ExportRequest::pushed());
    }
    if requests.is_empty() || args.load {
        requests.push(ExportRequest::new(ExportKind::Image));
    }
    for request in &mut requests {
        if request.names.is_empty() {
            request.names.clone_from(&names);
        }
        for text in &args.annotations {
            request.annotations.extend(Annotation::parse(text)?);
        }
        request.check()?;
        if let Some(Dest::Path(file)) = request.dest.as_ref().filter(|_| request.is_file()) {
            // Minutes of building would be lost.
            export::check_directory(file)?;
        }
    }
    check_stdout(&requests)?;
    Ok(requests)
}

/// Reads an `--output`. The hint of an error lists the types.
fn request(text: &str) -> Result<ExportRequest, Failure> {
    ExportRequest::parse(text).map_err(|error| {
        let hint = "types are image, registry, oci, docker, local, tar and cacheonly; for example \
                    type=docker,dest=image.tar";
        Failure::from(error).hint(hint)
    })
}

/// Refuses an archive that would go to a terminal, and two that would both go to stdout.
fn check_stdout(requests: &[ExportRequest]) -> Result<(), Failure> {
    let to_stdout =
        |request: &&ExportRequest| request.is_file() && matches!(request.dest, None | Some(Dest::Stdout));
    if let Some(request) = requests.iter().find(to_stdout).filter(|_| Stream::Stdout.is_terminal()) {
        let kind = request.kind.name();
        return Err(Failure::usage(format!("type={kind} would write an archive to the terminal"))
            .hint(format!("name a file: --output type={kind},dest=FILE")));
    }
    if requests.iter().filter(to_stdout).count() > 1 {
        return Err(Failure::usage("only one --output can go to stdout"));
    }
    Ok(())
}
