//! `# syntax=`: the language that a Dockerfile is written in.
//!
//! The directive names the image of a frontend, which BuildKit runs to read the file. dsbuild runs no frontend and reads
//! one language, that of docker/dockerfile. A file for another frontend could mean anything, so it is an error.
//!
//! Source: BuildKit, `parser.DetectSyntax`.

use graph::Lines;
use oci::Reference;
use parser::ast::Dockerfile;

use crate::build_args::SYNTAX;
use crate::error::{LowerError, Problem};
use crate::options::Options;

/// Repositories of the frontend that dsbuild implements: releases with their labs channel, and development versions.
const OURS: [&str; 2] = ["docker/dockerfile", "docker/dockerfile-upstream"];

/// Fails if the Dockerfile, or the build argument that replaces its directive, asks for another frontend.
pub(crate) fn check(dockerfile: &Dockerfile, options: &Options) -> Result<(), LowerError> {
    let directives = &dockerfile.directives;
    let given = options.build_args.get(SYNTAX).filter(|value| !value.is_empty());
    let (value, line) = match (given, &directives.syntax) {
        (Some(given), _) => (given, None),
        (None, Some(written)) => (written, directives.syntax_line),
        (None, None) => return Ok(()),
    };
    // The words after the image are arguments of the frontend.
    let Some(image) = value.split_whitespace().next().filter(|image| !is_ours(image)) else { return Ok(()) };
    Err(Problem::OtherSyntax { image: image.to_owned() }.within(line.map(Lines::single)))
}

/// Reports whether an image is docker/dockerfile: in any version or channel, and also in a mirror, whose names have the
/// same end (`mirror.example.com/hub/docker/dockerfile`).
fn is_ours(image: &str) -> bool {
    let Ok(reference) = image.parse::<Reference>() else { return false };
    let repository = format!("/{}", reference.repository);
    OURS.iter().any(|name| repository.ends_with(&format!("/{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(image: &str, expected: bool) {
        assert_eq!(is_ours(image), expected, "{image}");
    }

    #[test]
    fn all_versions_and_channels_of_docker_dockerfile_are_ours() {
        check("docker/dockerfile", true);
        check("docker/dockerfile:1", true);
        check("docker/dockerfile:1.7-labs", true);
        check("docker/dockerfile:experimental", true);
        check("docker/dockerfile-upstream:master", true);
        check("docker.io/docker/dockerfile:1", true);
        check(&format!("docker/dockerfile:1.2@sha256:{}", "a".repeat(64)), true);
    }

    #[test]
    fn mirrors_of_docker_dockerfile_are_ours() {
        check("mirror.gcr.io/docker/dockerfile:1", true);
        check("localhost:5000/hub-cache/docker/dockerfile:1", true);
    }

    #[test]
    fn other_frontends_are_not_ours() {
        check("ghcr.io/acme/frontend:v1", false);
        check("tonistiigi/dockerfile:runmount", false);
        check("acme/notdocker/dockerfile", false);
        check("dockerfile", false);
        check("docker/dockerfile2", false);
        check("Not An Image", false);
    }
}
