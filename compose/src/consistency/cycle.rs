//! Services that wait for each other never start.

use crate::ComposeError;
use crate::model::Project;

/// Checks that no service depends on itself, not even through others.
pub(super) fn check(project: &Project) -> Result<(), ComposeError> {
    let mut done = Vec::new();
    project.services.keys().try_for_each(|name| visit(name, project, &mut Vec::new(), &mut done))
}

fn visit<'a>(
    name: &'a str,
    project: &'a Project,
    trail: &mut Vec<&'a str>,
    done: &mut Vec<&'a str>,
) -> Result<(), ComposeError> {
    if done.contains(&name) {
        return Ok(());
    }
    if let Some(begin) = trail.iter().position(|one| *one == name) {
        let members = trail[begin..].iter().chain([&name]).map(|one| (*one).to_owned()).collect();
        return Err(ComposeError::Cycle { what: "depends_on", members });
    }
    trail.push(name);
    if let Some(service) = project.services.get(name) {
        service.depends_on.keys().try_for_each(|other| visit(other, project, trail, done))?;
    }
    trail.pop();
    done.push(name);
    Ok(())
}
