//! The name of a project: given, written in a file, or that of the directory.

use std::path::Path;

use crate::ComposeError;
use crate::dotenv::Variables;
use crate::files::Files;
use crate::node::Node;
use crate::{template, yaml};

/// Returns the name: the given one, else the last that a file has, else that of the directory.
pub(crate) fn project_name(
    given: Option<&str>,
    files: &[std::path::PathBuf],
    dir: &Path,
    variables: &Variables,
    disk: &dyn Files,
) -> Result<String, ComposeError> {
    if let Some(given) = given {
        if given.is_empty() || normalized(given) != given {
            return Err(ComposeError::project(format!(
                "invalid project name {given:?}: use lower-case letters, digits, '-' and '_', with a letter or digit first"
            )));
        }
        return Ok(given.to_owned());
    }
    let mut of_files = None;
    for file in files {
        let text = disk.read(file).map_err(|source| ComposeError::Read { file: file.clone(), source })?;
        of_files = name_in(&text, variables).or(of_files);
    }
    let name = match of_files {
        Some(name) => normalized(&name),
        None => normalized(&dir.file_name().map(|name| name.to_string_lossy()).unwrap_or_default()),
    };
    if name.is_empty() {
        let reason =
            "the project has no name: add the key \"name\" to the Compose file, or use --project-name";
        return Err(ComposeError::project(reason));
    }
    Ok(name)
}

/// Reads the key `name` of a file. A file with mistakes has none; they are reported when it is loaded.
fn name_in(text: &str, variables: &Variables) -> Option<String> {
    let documents = yaml::parse(text, "").ok()?;
    let mut names = documents.iter().filter_map(|document| document.root.get("name").and_then(Node::as_text));
    let name = names.rfind(|name| !name.is_empty())?;
    template::substitute(name, &|key| variables.get(key).cloned(), &mut Vec::new()).ok()
}

/// Makes a text the name of a project: lower-case, without other characters, and with a letter or digit first.
fn normalized(text: &str) -> String {
    let lower = text.to_lowercase();
    let kept: String = lower.chars().filter(|one| matches!(one, 'a'..='z' | '0'..='9' | '_' | '-')).collect();
    kept.trim_start_matches(['_', '-']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_only_characters_of_names() {
        assert_eq!(normalized("My Project_1.x"), "myproject_1x");
        assert_eq!(normalized("_-a"), "a");
        let name = |given, dir| project_name(given, &[], Path::new(dir), &Variables::new(), &crate::Disk);
        assert_eq!(name(None, "/work/My-App").unwrap(), "my-app");
        assert_eq!(name(Some("x_1"), "/").unwrap(), "x_1");
        assert!(name(Some("X"), "/").unwrap_err().to_string().contains("invalid project name \"X\""));
        assert!(name(None, "/").unwrap_err().to_string().contains("--project-name"));
    }
}
