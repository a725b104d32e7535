//! Lists as docker prints them: a table, JSON lines, a template for each row, or IDs alone.
//!
//! ```text
//! format    the value of --format
//! template  templates, for lists and for `inspect`; error: their mistakes
//! ```
//!
//! A command describes its columns once, and makes a [`Row`] of each item. Fields have the names that docker's templates
//! use, so that `docker images --format '{{.Repository}}:{{.Tag}}'` works with `dsbuild`.

mod error;
mod format;
mod template;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use self::format::Format;
use printable::table;

pub use error::TemplateError;
pub use template::{Rows, Template};

/// Field of a list's rows.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Name of the field in templates and in JSON.
    pub field: &'static str,
    /// Title of the column in tables.
    pub header: &'static str,
}

/// One item of a list.
#[derive(Debug, Clone, Default)]
pub struct Row {
    cells: BTreeMap<&'static str, String>,
    labels: BTreeMap<String, String>,
}

impl Row {
    /// Creates a row from its cells, by the name of the field.
    pub fn new(cells: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self { cells: cells.into_iter().collect(), labels: BTreeMap::new() }
    }

    /// Adds the labels that `.Label "key"` looks up, and the field `Labels`.
    pub fn with_labels(mut self, labels: &BTreeMap<String, String>) -> Self {
        let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        self.cells.insert("Labels", pairs.join(","));
        self.labels.clone_from(labels);
        self
    }

    /// Replaces the cell of a field.
    pub fn set(&mut self, field: &'static str, cell: String) {
        self.cells.insert(field, cell);
    }

    fn cell(&self, field: &str) -> String {
        self.cells.get(field).cloned().unwrap_or_default()
    }

    fn value(&self) -> Value {
        let cells = self.cells.iter().map(|(field, cell)| ((*field).to_owned(), Value::from(cell.as_str())));
        Value::Object(cells.collect::<Map<_, _>>())
    }
}

/// Kind of list: its fields, and the default columns of its table.
#[derive(Debug, Clone, Copy)]
pub struct List<'a> {
    /// All fields that templates can name.
    pub columns: &'a [Column],
    /// Fields of the default table, from left to right.
    pub shown: &'a [&'static str],
    /// Field that `--quiet` prints.
    pub id: &'static str,
}

impl List<'_> {
    /// Returns rows as text in the format that the user asks for: lines that are safe for a terminal.
    ///
    /// Mistakes in the format are found even without rows. `is_quiet` asks for IDs alone, where the format is the table.
    pub fn render(
        &self,
        format: Option<&str>,
        is_quiet: bool,
        rows: &[Row],
    ) -> Result<String, TemplateError> {
        match Format::parse(format)? {
            Format::Table if is_quiet => Ok(one_a_line(rows.iter().map(|row| row.cell(self.id)))),
            Format::Table => Ok(self.render_table(rows)),
            Format::Json => Ok(one_a_line(rows.iter().map(|row| printable::json(&row.value().to_string())))),
            Format::Rows { template } => render_rows(&template, rows),
            Format::TemplateTable { template, header } => self.render_templates(&template, &header, rows),
        }
    }

    fn render_table(&self, rows: &[Row]) -> String {
        let header = self.shown.iter().map(|field| self.header(field)).collect();
        let cells = rows.iter().map(|row| self.shown.iter().map(|field| row.cell(field)).collect());
        table::render(std::iter::once(header).chain(cells))
    }

    fn render_templates(
        &self,
        template: &Template,
        header: &Template,
        rows: &[Row],
    ) -> Result<String, TemplateError> {
        let titles = self.columns.iter().map(|column| (column.field.to_owned(), column.header.into()));
        let mut texts = vec![header.render(&Value::Object(titles.collect()))?];
        for row in rows {
            texts.push(template.render_row(&row.value(), &row.labels)?);
        }
        Ok(table::render(texts.iter().map(|text| text.split('\t').map(str::to_owned).collect())))
    }

    fn header(&self, field: &str) -> String {
        let column = self.columns.iter().find(|column| column.field == field);
        column.map_or(field, |column| column.header).to_owned()
    }
}

fn render_rows(template: &Template, rows: &[Row]) -> Result<String, TemplateError> {
    let mut text = String::new();
    for row in rows {
        text.push_str(&template.render_row(&row.value(), &row.labels)?);
        text.push('\n');
    }
    Ok(printable::sanitized_lines(&text))
}

fn one_a_line(texts: impl Iterator<Item = String>) -> String {
    texts.map(|text| printable::sanitized_lines(&text) + "\n").collect()
}
