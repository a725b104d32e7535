//! `dsbuild compose config`: the project that Compose files describe, or a part of it.

use std::collections::BTreeSet;

use cli::compose::{ConfigArgs, ConfigFormat, ProjectArgs};
use compose::{Project, Steps};

use super::project;
use crate::failure::Failure;
use crate::output::{self, Stream};

/// Checks the files and prints what the flags ask for.
pub fn run(files: &ProjectArgs, args: &ConfigArgs) -> Result<u8, Failure> {
    let steps = Steps {
        interpolate: !args.no_interpolate,
        resolve_paths: !args.no_path_resolution,
        normalize: !args.no_normalize,
        check_consistency: !args.no_consistency,
        read_env_files: !args.no_env_resolution,
    };
    let mut project = project::read(files, steps)?;
    if !args.chosen.is_empty() {
        project.choose_services(&args.chosen)?;
    }
    project.remove_unused();
    if let Some(lines) = part(&project, args)? {
        lines.iter().for_each(|line| output::line(line));
        return Ok(0);
    }
    if args.quiet {
        return Ok(0);
    }
    let text = match args.format {
        ConfigFormat::Json => project.to_json(),
        ConfigFormat::Yaml => project.to_yaml(),
    };
    // The result is a Compose file again, in which a single $ would begin a variable.
    let text = if args.no_interpolate { text } else { text.replace('$', "$$") };
    match &args.output {
        Some(file) => std::fs::write(file, text).map_err(|error| {
            Failure::input(format!("cannot write {}", output::path(file))).caused_by(&error)
        })?,
        None => output::data(Stream::Stdout, text.as_bytes()),
    }
    Ok(0)
}

/// Returns the lines of the part that a flag asks for, or `None` for the whole project.
fn part(project: &Project, args: &ConfigArgs) -> Result<Option<Vec<String>>, Failure> {
    let services = project.services.iter();
    let lines = if args.services {
        project.services.keys().cloned().collect()
    } else if args.volumes {
        project.volumes.keys().cloned().collect()
    } else if args.networks {
        project.networks.keys().cloned().collect()
    } else if args.images {
        services.map(|(name, service)| project.image_of(name, service)).collect()
    } else if args.profiles {
        let all =
            services.chain(&project.disabled_services).flat_map(|(_, service)| service.profiles.clone());
        all.collect::<BTreeSet<_>>().into_iter().collect()
    } else if args.environment {
        project.variables.iter().map(|(name, value)| format!("{name}={value}")).collect()
    } else if let Some(names) = &args.hash {
        hashes(project, names)?
    } else {
        return Ok(None);
    };
    Ok(Some(lines))
}

fn hashes(project: &Project, names: &str) -> Result<Vec<String>, Failure> {
    let line = |name: &str| match project.services.get(name) {
        Some(service) => Ok(format!("{name} {}", service.config_hash())),
        None => Err(Failure::input(format!("no such service: {name}"))),
    };
    match names {
        "*" => project.services.keys().map(|name| line(name)).collect(),
        names => names.split(',').map(line).collect(),
    }
}
