//! Commands with two words: `dsbuild image ls`. Most of them have a short spelling, such as `images`, and each spelling runs
//! the same function.

use super::{build, container, image, inspect, pull, push, run};
use crate::failure::Failure;
use cli::container::ContainerCommand;
use cli::image::ImageCommand;
use cli::inspect::ObjectKind;

/// Runs `dsbuild image COMMAND` and returns its exit code.
pub fn image(command: ImageCommand) -> Result<u8, Failure> {
    match command {
        ImageCommand::Build(args) => build::run(&args),
        ImageCommand::History(args) => image::history::run(&args),
        ImageCommand::Inspect(args) => inspect::run_for(Some(ObjectKind::Image), &args),
        ImageCommand::Import(args) => image::import::run(&args),
        ImageCommand::Load(args) => image::load::run(&args),
        ImageCommand::Ls(args) => image::ls::run(&args),
        ImageCommand::Prune(args) => image::prune::run(&args),
        ImageCommand::Pull(args) => pull::run(&args),
        ImageCommand::Push(args) => push::run(&args),
        ImageCommand::Rm(args) => image::rm::run(&args),
        ImageCommand::Save(args) => image::save::run(&args),
        ImageCommand::Tag(args) => image::tag::run(&args),
    }
}

/// Runs `dsbuild container COMMAND` and returns its exit code.
pub fn container(command: ContainerCommand) -> Result<u8, Failure> {
    match command {
        ContainerCommand::Attach(args) => container::attach::run(&args),
        ContainerCommand::Commit(args) => container::commit::run(&args),
        ContainerCommand::Cp(args) => container::cp::run(&args),
        ContainerCommand::Diff(args) => container::diff::run(&args),
        ContainerCommand::Export(args) => container::export::run(&args),
        ContainerCommand::Pause(args) => container::pause::pause(&args),
        ContainerCommand::Unpause(args) => container::pause::unpause(&args),
        ContainerCommand::Stats(args) => container::stats::run(&args),
        ContainerCommand::Top(args) => container::top::run(&args),
        ContainerCommand::Update(args) => container::update::run(&args),
        ContainerCommand::Create(args) => run::create(&args),
        ContainerCommand::Exec(args) => container::exec::run(&args),
        ContainerCommand::Inspect(args) => inspect::run_for(Some(ObjectKind::Container), &args),
        ContainerCommand::Kill(args) => container::kill::run(&args),
        ContainerCommand::Logs(args) => container::logs::run(&args),
        ContainerCommand::Ls(args) => container::ls::run(&args),
        ContainerCommand::Port(args) => container::port::run(&args),
        ContainerCommand::Prune(args) => container::prune::run(&args),
        ContainerCommand::Rename(args) => container::rename::run(&args),
        ContainerCommand::Restart(args) => container::restart::run(&args),
        ContainerCommand::Rm(args) => container::rm::run(&args),
        ContainerCommand::Run(args) => run::run(&args),
        ContainerCommand::Start(args) => container::start::run(&args),
        ContainerCommand::Stop(args) => container::stop::run(&args),
        ContainerCommand::Wait(args) => container::wait::run(&args),
    }
}
