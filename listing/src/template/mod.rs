//! Templates of `--format`: Go's text/template with docker's functions, by the crate `gotmpl`.
//!
//! ```text
//! functions  json, join, split, upper, lower, title, pad, truncate
//! method     `.Label "key"`, a call that the crate has no form for
//! value      data of templates: JSON, with lists and maps that are nil in Go
//! ```
//!
//! A field that does not exist is an error, as for docker: a misspelt one must not print an empty line.

mod functions;
mod method;
mod value;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use gotmpl::MissingKey;

use crate::TemplateError;

/// Labels of the row that a template is applied to, for `.Label "key"`.
type Labels = Arc<Mutex<BTreeMap<String, String>>>;

/// Template that is parsed and can be applied to any number of rows.
pub struct Template {
    inner: gotmpl::Template,
    labels: Labels,
}

/// Rows that a template is applied to: data, or the header of a table, in which every function leaves its text alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Rows of data, one for each item.
    Data,
    /// The header of a table.
    Header,
}

impl Template {
    /// Parses a template, or says where its mistake is.
    pub fn parse(text: &str, rows: Rows) -> Result<Self, TemplateError> {
        let labels = Labels::default();
        let inner = functions::add(gotmpl::Template::new(""), rows, &labels)
            .missing_key(MissingKey::Error)
            .parse(&method::rewritten(text))
            .map_err(TemplateError::Invalid)?;
        Ok(Self { inner, labels })
    }

    /// Applies the template to a document.
    pub fn render(&self, data: &serde_json::Value) -> Result<String, TemplateError> {
        self.render_row(data, &BTreeMap::new())
    }

    /// Applies the template to a row of a list that has labels.
    pub fn render_row(
        &self,
        data: &serde_json::Value,
        labels: &BTreeMap<String, String>,
    ) -> Result<String, TemplateError> {
        self.labels.lock().expect("no function panics").clone_from(labels);
        self.inner.execute_to_string(&value::from_json(data, "")).map_err(TemplateError::NotApplicable)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(template: &str, expected: &str) {
        let data = json!({
            "Repository": "app", "Tag": "1.0", "Size": 1_234_567, "Big": 12_345_678_901_u64, "On": true,
            "Config": { "Env": ["A=b", "C=d"], "Labels": { "z": "1", "a": "x<y" }, "User": "" },
            "RepoDigests": ["app@sha256:0"], "None": [], "Entrypoint": null, "Volumes": null,
        });
        let labels = BTreeMap::from([("com.example.team".to_owned(), "data".to_owned())]);
        let got = Template::parse(template, Rows::Data).and_then(|parsed| parsed.render_row(&data, &labels));
        let got = got.unwrap_or_else(|error| error.to_string());
        assert_eq!(got, expected, "{template}");
    }

    // The expected texts follow the rules of Go's text/template and of the functions that docker adds; no Go program made them.
    #[test]
    fn templates_of_dockers_scripts_print_as_docker_prints_them() {
        check("{{.Repository}}:{{.Tag}}", "app:1.0");
        check("{{json .Config.Env}}", r#"["A=b","C=d"]"#);
        check("{{json .Config.Labels}}", r#"{"a":"x<y","z":"1"}"#);
        check("{{.Config.Env}}", "[A=b C=d]");
        check("{{.Config.Labels}}", "map[a:x<y z:1]");
        check("{{.Entrypoint}} {{json .Entrypoint}} {{.Volumes}} {{json .Volumes}}", "[] null map[] null");
        check("{{json .None}} {{len .Entrypoint}}{{if .Volumes}}x{{end}}", "[] 0");
        check("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}} {{end}}", "a=x<y z=1 ");
        check("{{range .Config.Env}}{{println .}}{{end}}", "A=b\nC=d\n");
        check("{{range .None}}x{{else}}none{{end}}", "none");
        check("{{if .Config.User}}{{.Config.User}}{{else}}root{{end}}", "root");
        check("{{with .Config.User}}{{.}}{{end}}|", "|");
        check("{{index .RepoDigests 0}}", "app@sha256:0");
        check("{{index .Config.Labels \"a\"}}", "x<y");
        check("{{join .Config.Env \", \"}}", "A=b, C=d");
        check("{{(split (index .Config.Env 0) \"=\")}}", "[A b]");
        check("{{upper .Tag}} {{lower \"ABC\"}} {{title \"abc def\"}}", "1.0 abc Abc Def");
        check("{{slice .Repository 0 2}} {{len .Config.Env}}", "ap 2");
        check("{{if eq .Tag \"1.0\" \"2\"}}y{{end}}{{if and .On (ne .Tag \"2\")}}z{{end}}", "yz");
        check(
            "{{printf \"%-6s|%5.1f|%q|%v|%d\" .Repository 1.25 .Tag .On .Size}}",
            "app   |  1.2|\"1.0\"|true|1234567",
        );
        check("{{.Size}} {{.Big}} {{.On}}", "1234567 12345678901 true");
        check("{{pad .Tag 1 2}}|{{truncate .Repository 2}}|{{truncate .Repository 9}}", " 1.0  |ap|app");
        check("a {{- /* comment */ -}} b", "ab");
        check("{{$x := .Tag}}{{$x | printf \"%s!\" | upper}}", "1.0!");
        check(
            "{{.Label \"com.example.team\"}}|{{$.Label \"none\"}}|{{upper (.Label \"com.example.team\")}}",
            "data||DATA",
        );
    }

    #[test]
    fn a_mistake_in_a_template_is_an_error() {
        let report = |text: &str| {
            let parsed = Template::parse(text, Rows::Data);
            parsed.and_then(|parsed| parsed.render(&json!({"ID": "x"}))).err().map(|error| error.to_string())
        };
        assert_eq!(report("{{.ID}}"), None);
        let check = |text: &str, expected: &str| {
            let got = report(text).expect("an error");
            assert!(got.contains(expected), "{got}");
        };
        check("{{.Id}}", "map has no entry for key: Id");
        check("{{.ID", "template parsing error: template: 1:6: unclosed action");
        check("{{nope .ID}}", "nope");
        check("{{index .ID 7}}", "index out of range");
    }
}
