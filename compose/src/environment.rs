//! Variables and labels of services that come from files.

use std::collections::BTreeMap;
use std::path::Path;

use crate::ComposeError;
use crate::dotenv::{self, Variables};
use crate::files::Files;
use crate::model::{EnvFile, Project, Service};

/// Reads the files that the services of a project name. Their keys `env_file` and `label_file` are empty afterwards.
pub(crate) fn read_files(project: &mut Project, files: &dyn Files) -> Result<(), ComposeError> {
    for (name, service) in &mut project.services {
        read_variables(name, service, &project.variables, files)?;
        read_labels(name, service, files)?;
    }
    Ok(())
}

fn read_variables(
    name: &str,
    service: &mut Service,
    known: &Variables,
    files: &dyn Files,
) -> Result<(), ComposeError> {
    let own = &mut service.environment.0;
    for (key, value) in own.iter_mut().filter(|(_, value)| value.is_none()) {
        *value = known.get(key).cloned();
    }
    let set = own.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
    let mut variables: Variables = set.collect();
    let lookup = |key: &str| known.get(key).cloned().or_else(|| own.get(key).cloned().flatten());
    for EnvFile { path, required, format } in std::mem::take(&mut service.env_file) {
        let path = Path::new(&path);
        if !files.is_file(path) {
            if required {
                return fault(name, format!("env_file {} does not exist", path.display()));
            }
            continue;
        }
        let text = read(path, files)?;
        match format.as_str() {
            "" => dotenv::parse(&text, path, &mut variables, &lookup)?,
            "raw" => dotenv::parse_raw(&text, path, &mut variables, &lookup)?,
            _ => {
                let reason = format!(
                    "the format {format:?} of env_file {} is unknown: use raw, or none",
                    path.display()
                );
                return fault(name, reason);
            }
        }
    }
    let mut merged: BTreeMap<String, Option<String>> =
        variables.into_iter().map(|(key, value)| (key, Some(value))).collect();
    merged.append(own);
    *own = merged;
    Ok(())
}

fn read_labels(name: &str, service: &mut Service, files: &dyn Files) -> Result<(), ComposeError> {
    let mut labels = Variables::new();
    for path in std::mem::take(&mut service.label_file) {
        let path = Path::new(&path);
        if !files.is_file(path) {
            return fault(name, format!("label_file {} does not exist", path.display()));
        }
        dotenv::parse(&read(path, files)?, path, &mut labels, &|_| None)?;
    }
    labels.append(&mut service.labels.0);
    service.labels.0 = labels;
    Ok(())
}

fn read(path: &Path, files: &dyn Files) -> Result<String, ComposeError> {
    files.read(path).map_err(|source| ComposeError::Read { file: path.to_owned(), source })
}

fn fault<T>(service: &str, reason: String) -> Result<T, ComposeError> {
    Err(ComposeError::Service { service: service.to_owned(), reason })
}
