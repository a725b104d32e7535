//! `dsbuild inspect`: everything that is known about images and containers, in docker's JSON.
//!
//! ```text
//! image, container  the documents, with docker's names of fields
//! attestations      SBOM and provenance of an image
//! ```
//!
//! As with docker, objects that exist are printed even if another one does not; then the exit code is 1.

mod attestations;
pub(super) mod container;
mod image;

use cache::Store;
use oci::Platform;
use serde_json::Value;

use crate::command::container::find;
use crate::command::image::find::{find_for, platform};
use crate::exit::Fault;
use crate::failure::Failure;
use crate::output::{self, Stream};
use crate::setup::store;
use cli::inspect::{InspectArgs, InspectOneKindArgs, ObjectKind};
use listing::{Rows, Template};

/// Prints the document of each object.
pub fn run(args: &InspectArgs) -> Result<u8, Failure> {
    run_for(args.kind, &args.shared)
}

/// Prints the document of each object of a kind.
pub fn run_for(kind: Option<ObjectKind>, args: &InspectOneKindArgs) -> Result<u8, Failure> {
    let printer = Printer::parse(args.format.as_deref())?;
    let platform = platform(args.platform.as_deref())?;
    let store = store::open()?;
    let mut documents = Vec::new();
    let mut failures = Vec::new();
    for name in &args.names {
        match document(&store, kind, name, &platform, args) {
            Ok(document) => documents.push(document),
            Err(failure) => failures.push(failure),
        }
    }
    printer.print(&documents)?;
    let Some(last) = failures.pop() else { return Ok(0) };
    failures.iter().for_each(|failure| output::colored(Stream::Stderr, &failure.report()));
    Err(last)
}

/// Returns the JSON text of the object that a name stands for. A container wins over an image.
fn document(
    store: &Store,
    kind: Option<ObjectKind>,
    name: &str,
    platform: &Platform,
    args: &InspectOneKindArgs,
) -> Result<String, Failure> {
    let is_about_image = args.sbom || args.provenance;
    if kind != Some(ObjectKind::Image) && !is_about_image {
        match find(name) {
            Ok(container) => return Ok(container::document(store, &container, args.size)),
            Err(failure) if kind.is_some() => return Err(failure),
            Err(_) => {}
        }
    }
    match find_for(store, name, platform) {
        Ok(found) => match attestations::asked_for(store, &found, name, args)? {
            Some(attestations) => Ok(attestations),
            None => attestations::with_fields(store, &found, image::document(&found), args),
        },
        Err(failure) if kind.is_none() && failure.fault() == Fault::Input => {
            Err(Failure::input(format!("No such object: {name}"))
                .hint("`dsbuild images` lists all images, `dsbuild ps --all` all containers"))
        }
        Err(failure) => Err(failure),
    }
}

/// Form in which documents are printed.
pub(super) enum Printer {
    /// A list of documents, indented.
    Indented,
    /// A list of documents on one line.
    Json,
    /// The text of a template for each document.
    Template(Template),
}

impl Printer {
    pub(super) fn parse(format: Option<&str>) -> Result<Self, Failure> {
        match format {
            None | Some("") => Ok(Self::Indented),
            Some("json") => Ok(Self::Json),
            Some(text) => Ok(Self::Template(Template::parse(text, Rows::Data)?)),
        }
    }

    pub(super) fn print(&self, documents: &[String]) -> Result<(), Failure> {
        match self {
            Self::Indented if documents.is_empty() => output::json_text(Stream::Stdout, "[]"),
            Self::Indented => {
                let indented: Vec<String> =
                    documents.iter().map(|text| text.replace('\n', "\n    ")).collect();
                output::json_text(Stream::Stdout, &format!("[\n    {}\n]", indented.join(",\n    ")));
            }
            Self::Json => {
                let compact: Vec<String> = documents.iter().map(|text| parsed(text).to_string()).collect();
                output::json_text(Stream::Stdout, &format!("[{}]", compact.join(",")));
            }
            Self::Template(template) => {
                for document in documents {
                    output::line(&template.render(&parsed(document))?);
                }
            }
        }
        Ok(())
    }
}

fn parsed(document: &str) -> Value {
    serde_json::from_str(document).expect("a document was written by this program")
}

/// Returns a document as JSON with docker's indentation. The fields keep their order.
pub(super) fn to_json(document: &impl serde::Serialize) -> String {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    document.serialize(&mut serializer).expect("a document has string keys only");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}
