//! Time that operations on layers take. The tests are ignored, since they are for people, on an idle machine and with
//! optimization: `cargo test --release -p rootfs --test it -- --ignored --nocapture speed_`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use rootfs::diff::Content;
use trees::entry::Entry;
use trees::tree::{Child, Tree};

use crate::support::{TestEnv, file, put_dir};

/// Directory that files are read from; it lists nothing.
struct Directory(PathBuf);

impl Tree for Directory {
    fn lookup(&self, _: &Path) -> io::Result<Option<Entry>> {
        Ok(None)
    }

    fn children(&self, _: &Path) -> io::Result<Vec<Child>> {
        Ok(Vec::new())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(self.0.join(path))?))
    }

    fn content(&self, _: &Path) -> io::Result<cache::ContentDigest> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Prints how long `work` took, and the processor time of all threads, which is the meaningful figure on a busy
/// machine.
fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (start, cpu) = (Instant::now(), cpu_ms());
    let result = work();
    println!("{what}: {:?}, processor time {} ms", start.elapsed(), cpu_ms() - cpu);
    result
}

fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, fields) = stat.rsplit_once(") ").expect("a name in brackets");
    let ticks = |field: &str| field.parse::<u64>().expect("a number");
    fields.split(' ').skip(11).take(2).map(ticks).sum::<u64>() * 10
}

fn commit(env: &TestEnv, source: &Arc<dyn Tree>, files: &[(String, usize)], dirs: &[String]) -> oci::DiffId {
    let mut diff = env.diff(&[]);
    timed("diff", || {
        dirs.iter().for_each(|dir| put_dir(&mut diff, dir));
        for (path, size) in files {
            let content = Content::Tree { tree: source.clone(), path: path.into(), digest: None };
            diff.put(Path::new(path), file(*size), Some(content)).expect("a file");
        }
    });
    timed("commit", || env.layers.commit(diff).expect("a layer"))
}

#[test]
#[ignore = "takes long"]
fn speed_of_many_small_files() {
    let env = TestEnv::new();
    let source = env.dir.path().join("source");
    let dirs: Vec<String> = (0..500).map(|dir| format!("dir{dir:03}")).collect();
    let mut files = Vec::new();
    for dir in &dirs {
        std::fs::create_dir_all(source.join(dir)).expect("a directory");
        for number in 0..100 {
            let path = format!("{dir}/file{number:03}");
            let size = 1000 + (files.len() * 7919) % 7840;
            std::fs::write(source.join(&path), vec![7; size]).expect("a file");
            files.push((path, size));
        }
    }
    let tree: Arc<dyn Tree> = Arc::new(Directory(source));
    let layer = commit(&env, &tree, &files, &dirs);
    let view = timed("index loaded and one lookup", || {
        let view = env.reopened().view(&[layer]).expect("a view");
        view.lookup(Path::new("dir250/file050")).expect("a lookup").expect("a file");
        view
    });
    timed("a lookup of each", || {
        files.iter().for_each(|(path, _)| drop(view.lookup(Path::new(path)).expect("a lookup")));
    });
    timed("children of each directory", || {
        dirs.iter().for_each(|dir| drop(view.children(Path::new(dir)).expect("children")));
    });
    timed("prepared for a step", || env.layers.prepare(&[layer]).expect("a snapshot"));
    timed("unpacked", || env.layers.tree(&layer).expect("a tree"));
    let tar = env.tar(&layer);
    let other = TestEnv::new();
    timed("import", || other.layers.import(&mut &tar[..], Some(layer)).expect("a layer"));
}

#[test]
#[ignore = "takes long"]
fn speed_of_one_large_file() {
    let env = TestEnv::new();
    let source = env.dir.path().join("source");
    std::fs::create_dir_all(&source).expect("a directory");
    let mut large = File::create(source.join("large")).expect("a file");
    (0..1024_u32).for_each(|block| large.write_all(&vec![block as u8; 2 << 20]).expect("data"));
    let tree: Arc<dyn Tree> = Arc::new(Directory(source));
    commit(&env, &tree, &[("large".into(), 2 << 30)], &[]);
}
