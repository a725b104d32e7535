//! The value of `--format` of lists: `table`, `json`, `table TEMPLATE` or `TEMPLATE`.

use crate::TemplateError;
use crate::template::{Rows, Template};

/// Form in which a list is printed.
pub(super) enum Format {
    /// The table that the command prints by itself.
    Table,
    /// A JSON object on a line for each row.
    Json,
    /// The text of a template for each row.
    Rows {
        /// Template of a row.
        template: Template,
    },
    /// A table whose columns are the parts of a template, which tabs separate.
    TemplateTable {
        /// Template of a row.
        template: Template,
        /// The same template for the header.
        header: Template,
    },
}

impl Format {
    /// Parses the value of `--format`. `\t` and `\n` are a tab and a line end, as in docker.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, TemplateError> {
        let text = text.unwrap_or_default().trim();
        let unescaped = |text: &str| text.trim().replace("\\t", "\t").replace("\\n", "\n");
        match text {
            "" | "table" => return Ok(Self::Table),
            "json" => return Ok(Self::Json),
            _ => {}
        }
        let Some(columns) =
            text.strip_prefix("table").filter(|rest| rest.starts_with([' ', '\t', '{', '\\']))
        else {
            return Ok(Self::Rows { template: Template::parse(&unescaped(text), Rows::Data)? });
        };
        let columns = unescaped(columns);
        let template = Template::parse(&columns, Rows::Data)?;
        Ok(Self::TemplateTable { template, header: Template::parse(&columns, Rows::Header)? })
    }
}
