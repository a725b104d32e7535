//! Further names under which programs find a driver's libraries.
//!
//! A driver's libraries are mounted under the names that the machine has: `/usr/lib64/libcuda.so.575.57.08`. Programs
//! ask the loader for `libcuda.so.1`, the soname in the library itself. For that, NVIDIA's hook runs `ldconfig` in the
//! image, which writes symlinks and a cache there. Here each library is mounted once more under its soname, in its own
//! directory and in [`DIR`], which is appended to `LD_LIBRARY_PATH`. This works with any loader, hides none of the
//! image's libraries (as a search path with a whole directory would), and leaves nothing in the image.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Component, Path, PathBuf};

use elf::ElfStream;
use elf::endian::AnyEndian;

/// Directory in which the loader finds all libraries of the devices.
pub(crate) const DIR: &str = "/run/dsbuild/lib";

/// Names that the hooks of a spec would make.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestedNames {
    /// Target and path of each symlink.
    pub symlinks: Vec<(PathBuf, PathBuf)>,
    /// Directories in which the loader has to find libraries.
    pub dirs: BTreeSet<PathBuf>,
}

/// Returns further paths in the container at which files of the machine have to be mounted, with these files.
///
/// `files` has the paths at which files are mounted already, and `soname_of` returns the soname of a library. A symlink
/// whose target is not among `files` is left out: it would be dangling, or lead to an unrelated file of the image.
pub(crate) fn more_names(
    files: &BTreeMap<PathBuf, PathBuf>,
    names: &RequestedNames,
    soname_of: impl Fn(&Path) -> Option<String>,
) -> BTreeMap<PathBuf, PathBuf> {
    let is_searched = |path: &Path| path.parent().is_some_and(|dir| names.dirs.contains(dir));
    let mut all = files.clone();
    let mut more = BTreeMap::new();
    for (path, file) in files.iter().filter(|(path, _)| is_searched(path)) {
        if let Some(soname) = soname_of(file) {
            all.entry(path.with_file_name(&soname)).or_insert_with(|| file.clone());
            more.insert(Path::new(DIR).join(soname), file.clone());
        }
    }
    for (target, path) in &names.symlinks {
        let target = normalized(&path.parent().unwrap_or(Path::new("/")).join(target));
        let Some(file) = all.get(&target).cloned() else { continue };
        if let Some(name) = path.file_name().filter(|_| is_searched(path)) {
            more.insert(Path::new(DIR).join(name), file.clone());
        }
        all.entry(normalized(path)).or_insert(file);
    }
    all.retain(|path, _| !files.contains_key(path));
    more.extend(all);
    more
}

/// Returns the soname (`DT_SONAME`) of a library; `None` for other files and for libraries without one.
pub(crate) fn soname(file: &Path) -> Option<String> {
    // Files with other names are not opened, because opening a device or a pipe can have effects.
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
    // A soname with a slash would be a path, and lead out of the directory.
    (!name.is_empty() && !name.contains('/') && name != "..").then(|| name.to_owned())
}

/// Resolves `.` and `..` in a path as text; the parent of the root is the root.
fn normalized(path: &Path) -> PathBuf {
    let mut normal = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => normal.push(name),
            Component::ParentDir => drop(normal.pop()),
            _ => {}
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    type Names = &'static [(&'static str, &'static str)];

    /// Files of a driver: their paths in the container and on the machine.
    const FILES: Names = &[
        ("/usr/lib64/libcuda.so.575", "/host/libcuda.so.575"),
        ("/usr/lib64/libnvidia-gl.so.575", "/host/libnvidia-gl.so.575"),
        ("/usr/bin/nvidia-smi", "/host/nvidia-smi"),
        ("/opt/other.so.1", "/host/other.so.1"),
    ];

    fn paths(names: Names) -> BTreeMap<PathBuf, PathBuf> {
        names.iter().map(|(path, file)| (path.into(), file.into())).collect()
    }

    fn soname_of(file: &Path) -> Option<String> {
        match file.to_str() {
            Some("/host/libcuda.so.575") => Some("libcuda.so.1".to_owned()),
            Some("/host/other.so.1") => Some("other.so.1".to_owned()),
            _ => None,
        }
    }

    #[track_caller]
    fn check(symlinks: Names, dirs: &[&str], expected: Names) {
        let names = RequestedNames {
            symlinks: symlinks.iter().map(|(target, path)| (target.into(), path.into())).collect(),
            dirs: dirs.iter().map(PathBuf::from).collect(),
        };
        assert_eq!(more_names(&paths(FILES), &names, soname_of), paths(expected));
    }

    #[test]
    fn without_hooks_no_names_are_added() {
        check(&[], &[], &[]);
    }

    #[test]
    fn a_library_in_a_searched_directory_gets_its_soname() {
        check(
            &[],
            &["/usr/lib64"],
            &[
                ("/run/dsbuild/lib/libcuda.so.1", "/host/libcuda.so.575"),
                ("/usr/lib64/libcuda.so.1", "/host/libcuda.so.575"),
            ],
        );
    }

    #[test]
    fn a_symlink_becomes_another_name_of_its_target() {
        check(
            &[("../libnvidia-gl.so.575", "/usr/lib64/gbm/nvidia-drm_gbm.so")],
            &[],
            &[("/usr/lib64/gbm/nvidia-drm_gbm.so", "/host/libnvidia-gl.so.575")],
        );
    }

    #[test]
    fn a_symlink_can_lead_to_a_soname_and_be_searched_for() {
        check(
            &[("libcuda.so.1", "/usr/lib64/libcuda.so")],
            &["/usr/lib64"],
            &[
                ("/run/dsbuild/lib/libcuda.so", "/host/libcuda.so.575"),
                ("/run/dsbuild/lib/libcuda.so.1", "/host/libcuda.so.575"),
                ("/usr/lib64/libcuda.so", "/host/libcuda.so.575"),
                ("/usr/lib64/libcuda.so.1", "/host/libcuda.so.575"),
            ],
        );
    }

    #[test]
    fn a_dangling_symlink_is_left_out() {
        check(&[("libmissing.so.1", "/usr/lib64/libmissing.so")], &[], &[]);
    }

    #[test]
    fn the_soname_of_the_c_library_is_read() {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("our own maps can be read");
        let library =
            maps.split_whitespace().find(|word| word.contains("/libc.so")).expect("we use a C library");
        assert_eq!(soname(Path::new(library)).as_deref(), Some("libc.so.6"));
    }

    #[test]
    fn a_file_that_is_not_a_library_has_no_soname() {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        for (name, bytes) in [("x.so", &b"\x7fELF\x02\x01\x01"[..]), ("y.so", b""), ("z.so", b"text")] {
            std::fs::write(dir.path().join(name), bytes).expect("a file can be written");
            assert_eq!(soname(&dir.path().join(name)), None, "{name}");
        }
        assert_eq!(soname(dir.path()), None);
    }
}
