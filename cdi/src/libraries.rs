//! Names under which a device's libraries are found.
//!
//! A driver's libraries are mounted as the machine has them: `/usr/lib64/libcuda.so.575.57.08`. Programs ask the loader for
//! `libcuda.so.1`, the name that the library itself has inside. NVIDIA's hook runs `ldconfig` in the image for that, which
//! writes links and a cache into it. Here each library is mounted again under that name, beside itself and in
//! [`FOLDER`], to which `LD_LIBRARY_PATH` leads: it works whatever folders the image's loader looks into, it hides none of
//! the image's libraries as adding a whole folder would, and nothing of it gets into the image.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Component, Path, PathBuf};

use elf::ElfStream;
use elf::endian::AnyEndian;

/// Where the loader finds all libraries of the devices.
pub(crate) const FOLDER: &str = "/run/dsbuild/lib";

/// What hooks want of names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Target and place of links.
    pub links: Vec<(PathBuf, PathBuf)>,
    /// Folders whose libraries the loader finds.
    pub folders: BTreeSet<PathBuf>,
}

/// Places in the container where files of the machine are to be shown, too: place and file. `files` says where they are
/// shown already, and `name_of` which name a library has inside.
///
/// A link to what is not among `files` would lead nowhere, or to a file of the image that it does not belong to: it is
/// not made.
pub(crate) fn more_names(
    files: &BTreeMap<PathBuf, PathBuf>,
    wanted: &Wanted,
    name_of: impl Fn(&Path) -> Option<String>,
) -> BTreeMap<PathBuf, PathBuf> {
    let is_found = |place: &Path| place.parent().is_some_and(|folder| wanted.folders.contains(folder));
    let mut all = files.clone();
    let mut more = BTreeMap::new();
    for (place, file) in files.iter().filter(|(place, _)| is_found(place)) {
        if let Some(name) = name_of(file) {
            all.entry(place.with_file_name(&name)).or_insert_with(|| file.clone());
            more.insert(Path::new(FOLDER).join(name), file.clone());
        }
    }
    for (target, place) in &wanted.links {
        let target = clean(&place.parent().unwrap_or(Path::new("/")).join(target));
        let Some(file) = all.get(&target).cloned() else { continue };
        if let Some(name) = place.file_name().filter(|_| is_found(place)) {
            more.insert(Path::new(FOLDER).join(name), file.clone());
        }
        all.entry(clean(place)).or_insert(file);
    }
    all.retain(|place, _| !files.contains_key(place));
    more.extend(all);
    more
}

/// The name that a library has inside (`DT_SONAME`); `None` for what is no library.
pub(crate) fn name_in(file: &Path) -> Option<String> {
    // Not only by its content: opening a device or a pipe could do something.
    let is_library = file.file_name()?.to_str()?.contains(".so");
    let file = is_library.then(|| File::open(file).ok())??;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut library = ElfStream::<AnyEndian, _>::open_stream(file).ok()?;
    let entries = library.dynamic().ok()??;
    let entry = entries.iter().find(|entry| entry.d_tag == elf::abi::DT_SONAME)?;
    let offset = usize::try_from(entry.d_val()).ok()?;
    let (_, strings) = library.dynamic_symbol_table().ok()??;
    let name = strings.get(offset).ok()?;
    // A name with a slash would be a place.
    (!name.is_empty() && !name.contains('/') && name != "..").then(|| name.to_owned())
}

/// Without `.` and `..`; what is above the root is the root.
fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => cleaned.push(name),
            Component::ParentDir => drop(cleaned.pop()),
            _ => {}
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_get_the_names_that_programs_ask_for() {
        let files = [
            ("/usr/lib64/libcuda.so.575", "/host/libcuda.so.575"),
            ("/usr/lib64/libnvidia-gl.so.575", "/host/libnvidia-gl.so.575"),
            ("/usr/bin/nvidia-smi", "/host/nvidia-smi"),
            ("/opt/other.so.1", "/host/other.so.1"),
        ];
        let files = files.map(|(place, file)| (place.into(), file.into())).into();
        let link = |target: &str, place: &str| (target.into(), place.into());
        let wanted = Wanted {
            links: vec![
                link("libcuda.so.1", "/usr/lib64/libcuda.so"),
                link("../libnvidia-gl.so.575", "/usr/lib64/gbm/nvidia-drm_gbm.so"),
                link("libmissing.so.1", "/usr/lib64/libmissing.so"),
            ],
            folders: ["/usr/lib64".into()].into(),
        };
        let name_of = |file: &Path| match file.to_str() {
            Some("/host/libcuda.so.575") => Some("libcuda.so.1".to_owned()),
            Some("/host/other.so.1") => Some("other.so.1".to_owned()),
            _ => None,
        };
        let expected = [
            ("/run/dsbuild/lib/libcuda.so", "/host/libcuda.so.575"),
            ("/run/dsbuild/lib/libcuda.so.1", "/host/libcuda.so.575"),
            ("/usr/lib64/gbm/nvidia-drm_gbm.so", "/host/libnvidia-gl.so.575"),
            ("/usr/lib64/libcuda.so", "/host/libcuda.so.575"),
            ("/usr/lib64/libcuda.so.1", "/host/libcuda.so.575"),
        ];
        let expected = expected.map(|(place, file)| (place.into(), file.into())).into();
        assert_eq!(more_names(&files, &wanted, name_of), expected);
        assert_eq!(more_names(&files, &Wanted::default(), name_of), BTreeMap::new());
    }

    #[test]
    fn names_are_read_from_libraries() {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("our own maps");
        let library =
            maps.split_whitespace().find(|word| word.contains("/libc.so")).expect("we use a C library");
        assert_eq!(name_in(Path::new(library)).as_deref(), Some("libc.so.6"));
        let dir = tempfile::tempdir().expect("a folder");
        for (name, bytes) in [("x.so", &b"\x7fELF\x02\x01\x01"[..]), ("y.so", b""), ("z.so", b"text")] {
            std::fs::write(dir.path().join(name), bytes).expect("a file");
            assert_eq!(name_in(&dir.path().join(name)), None, "{name}");
        }
        assert_eq!(name_in(dir.path()), None);
    }
}
