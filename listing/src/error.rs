//! The mistake in a template of `--format`.

use gotmpl::TemplateError as Cause;
use thiserror::Error;

/// Template of `--format` that is wrong.
#[derive(Debug, Error)]
pub enum TemplateError {
    /// The text is not a template.
    #[error("template parsing error: {0}")]
    Invalid(Cause),
    /// The template does not fit the data: it names a field that does not exist, for example.
    #[error("cannot apply the template of --format: {0}")]
    NotApplicable(Cause),
}

impl TemplateError {
    /// Returns the way out, if there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Invalid(_) => {
                Some("--format takes json, table, or a template such as '{{.ID}}'; docs/formatting.md")
            }
            Self::NotApplicable(Cause::MissingKey { .. }) => {
                Some("`--format '{{json .}}'` prints all fields")
            }
            Self::NotApplicable(_) => None,
        }
    }
}
