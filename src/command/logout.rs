//! `dsbuild logout`: forgets the login for a registry.

use crate::command::login::server_name;
use crate::failure::Failure;
use crate::output;
use crate::setup::registry as connection;
use cli::registry::LogoutArgs;

/// Forgets the login where `dsbuild login` keeps it, and says so if another file still has one.
pub fn run(args: &LogoutArgs) -> Result<u8, Failure> {
    let registry = server_name(args.server.as_deref());
    let client = connection::plain_client(&[])?;
    if client.log_out(&registry)? {
        output::line(&format!("Removing login credentials for {registry}"));
    } else {
        output::line(&format!("Not logged in to {registry}"));
    }
    if client.has_login(&registry)? {
        output::note(&format!(
            "note: another file of docker or podman still has a login for {registry}: use `podman logout {registry}`"
        ));
    }
    Ok(0)
}
