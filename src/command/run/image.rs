//! The image of a new container: that of the store, or pulled as `--pull` says.

use oci::Platform;
use runner::RunnerError;
use runner::image::Image;

use crate::command::image::find::platform;
use crate::command::pull;
use crate::failure::Failure;
use crate::setup::store;
use cli::container::CreateArgs;

/// Returns the image that the flags name.
pub fn find(args: &CreateArgs) -> Result<Image, Failure> {
    let platform = platform(args.lifetime.platform.as_deref())?;
    match args.lifetime.pull.as_str() {
        "always" => pulled(args, &platform),
        when => match Image::find_for(&store::open()?, &args.image, &platform) {
            Err(RunnerError::NoImage { .. } | RunnerError::NoPlatform { .. }) if when == "missing" => {
                pulled(args, &platform)
            }
            found => found.map_err(no_image),
        },
    }
}

fn pulled(args: &CreateArgs, platform: &Platform) -> Result<Image, Failure> {
    pull::for_run(&args.image, platform, args.lifetime.quiet).map_err(|failure| {
        failure.hint("`dsbuild images` lists all images; `dsbuild -t NAME .` builds one")
    })?;
    Image::find_for(&store::open()?, &args.image, platform).map_err(no_image)
}

fn no_image(error: RunnerError) -> Failure {
    Failure::from(error).hint("`dsbuild images` lists all images; `dsbuild -t NAME .` builds one")
}
