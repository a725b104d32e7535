//! The commands of dsbuild: one file or directory for each, with the name of the command.
//!
//! ```text
//! build/      build, and build --check, --call, --timings     context/  context
//! image/      images, rmi, tag, history, save, load, import   run/      run, create
//! container/  ps, start, logs, rm and so on                      inspect/  inspect
//! groups      the spellings `image …` and `container …`       system/   system df, system prune
//! manifest/   manifest …                                      volume/   volume …
//! compose/    compose …                                      bake/     bake
//! du  prune  check
//! versions/   history --versions, rollback, diff
//! pull  push  login  logout
//! parse  fmt                                                  completion  man  cli_docs
//! ```
//!
//! Both spellings of a command (`images` and `image ls`) end in the same file, that of the longer one.
//!
//! A command turns its arguments into calls of the libraries and prints what they return.

mod bake;
mod build;
mod check;
mod cli_docs;
mod completion;
mod compose;
mod container;
mod context;
mod du;
mod fmt;
mod groups;
mod image;
mod inspect;
mod login;
mod logout;
mod man;
mod manifest;
mod parse;
mod prune;
mod pull;
mod push;
mod run;
mod system;
mod versions;
mod volume;

use crate::failure::Failure;
use crate::setup::store;
use cli::Command;
use cli::container::DiffContainerArgs;
use cli::versions::DiffArgs;

/// Runs a command and returns its exit code.
pub fn run(command: Command) -> Result<u8, Failure> {
    if !matches!(command, Command::Build(_)) {
        // A build blocks the signal together with others.
        sandbox::signal::ignore_file_size_signal()?;
    }
    match command {
        Command::Build(args) => build::run(&args),
        Command::Bake(args) => bake::run(&args),
        Command::Context(args) => context::run(&args),
        Command::Parse(args) => parse::run(&args),
        Command::Fmt(args) => fmt::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Create(args) => run::create(&args),
        Command::Start(args) => container::start::run(&args),
        Command::Exec(args) => container::exec::run(&args),
        Command::Cp(args) => container::cp::run(&args),
        Command::Export(args) => container::export::run(&args),
        Command::Commit(args) => container::commit::run(&args),
        Command::Pause(args) => container::pause::pause(&args),
        Command::Unpause(args) => container::pause::unpause(&args),
        Command::Stats(args) => container::stats::run(&args),
        Command::Top(args) => container::top::run(&args),
        Command::Update(args) => container::update::run(&args),
        Command::Attach(args) => container::attach::run(&args),
        Command::Ps(args) => container::ls::run(&args),
        Command::Logs(args) => container::logs::run(&args),
        Command::Port(args) => container::port::run(&args),
        Command::Stop(args) => container::stop::run(&args),
        Command::Restart(args) => container::restart::run(&args),
        Command::Kill(args) => container::kill::run(&args),
        Command::Wait(args) => container::wait::run(&args),
        Command::Rename(args) => container::rename::run(&args),
        Command::Rm(args) => container::rm::run(&args),
        Command::Pull(args) => pull::run(&args),
        Command::Push(args) => push::run(&args),
        Command::Login(args) => login::run(&args),
        Command::Logout(args) => logout::run(&args),
        Command::Images(args) => image::ls::run(&args),
        Command::Rmi(args) => image::rm::run(&args),
        Command::Import(args) => image::import::run(&args),
        Command::Load(args) => image::load::run(&args),
        Command::Save(args) => image::save::run(&args),
        Command::Tag(args) => image::tag::run(&args),
        Command::History(args) => image::history::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Rollback(args) => versions::rollback::run(&args),
        Command::Diff(args) => diff(&args),
        Command::Image(command) => groups::image(command),
        Command::Container(command) => groups::container(command),
        Command::Du => du::run(),
        Command::Prune(args) => prune::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Manifest(command) => manifest::run(command),
        Command::Volume(command) => volume::run(command),
        Command::Compose(args) => compose::run(&args),
        Command::System(command) => system::run(command),
        Command::Completion(args) => completion::run(&args),
        Command::Man(args) => man::run(&args),
        Command::Monitor(args) => container::monitor::run(&args),
        Command::CliDocs => cli_docs::run(),
    }
}

/// Compares two images; or lists what a container has changed, as `docker diff` does, if no image has the only name.
fn diff(args: &DiffArgs) -> Result<u8, Failure> {
    let is_container = args.after.is_none()
        && image::find::is_absent(&store::open()?, &args.before)
        && container::find(&args.before).is_ok();
    if is_container {
        return container::diff::run(&DiffContainerArgs { container: args.before.clone() });
    }
    versions::diff::run(args)
}
