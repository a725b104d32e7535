//! `dsbuild update`: changes the settings of containers.

use runner::client;
use runner::protocol::Request;

use super::each::each;
use super::find::find;
use crate::failure::Failure;
use crate::setup::store;
use cli::container::UpdateArgs;
use cli::values;

/// Changes containers, and prints the name of each.
pub fn run(args: &UpdateArgs) -> Result<u8, Failure> {
    each(&args.containers, &mut |name| {
        let mut container = find(name)?;
        if let Some(text) = &args.restart {
            container.config.life.restart = text.parse().map_err(|()| {
                Failure::usage(format!("--restart {text:?} is no restart policy"))
                    .hint("use no, on-failure[:N], always or unless-stopped")
            })?;
        }
        if let Some(bytes) = values::memory(args.resources.memory.as_deref())? {
            container.config.memory_bytes = Some(bytes);
        }
        if let Some(max) = values::pids_limit(args.resources.pids_limit) {
            container.config.max_pids = Some(max);
        }
        container.save_config(&store::open()?)?;
        if container.is_running() {
            client::ask(&container, &Request::Update)?;
        }
        Ok(Some(name.to_owned()))
    })
}
