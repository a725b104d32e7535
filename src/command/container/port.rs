//! `dsbuild port`: the ports of this machine on which a container is published.

use runner::container::Publish;

use super::find::find;
use crate::failure::Failure;
use crate::output;
use cli::container::PortArgs;

/// Prints the published ports of a container as docker does; exit code 1 if a port that was asked for is not published.
pub fn run(args: &PortArgs) -> Result<u8, Failure> {
    let container = find(&args.container)?;
    let published = &container.config.publish;
    let Some(port) = &args.port else {
        published.iter().for_each(|one| output::line(&format!("{} -> {}", inside(one), one.host)));
        return Ok(0);
    };
    let wanted = if port.contains('/') { port.clone() } else { format!("{port}/tcp") };
    let hosts: Vec<String> =
        published.iter().filter(|one| inside(one) == wanted).map(|one| one.host.to_string()).collect();
    if hosts.is_empty() {
        return Err(Failure::input(format!("no public port {wanted:?} published for {}", args.container)));
    }
    hosts.iter().for_each(|host| output::line(host));
    Ok(0)
}

/// Formats the port in the container: `80/tcp`.
fn inside(publish: &Publish) -> String {
    format!("{}/{}", publish.container_port, if publish.udp { "udp" } else { "tcp" })
}
