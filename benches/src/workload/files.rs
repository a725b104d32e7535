//! Files for contexts. The same call gives the same files, and gives them quickly.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// A stream of pseudo-random numbers (xorshift64*), the same for the same seed.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

/// Writes a file, and makes the directories above it.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, text)
}

/// Writes `count` files in directories of a hundred, `mean_bytes` each on average: sizes from 0 to twice that, each with
/// other content.
pub fn many(dir: &Path, count: usize, mean_bytes: u64) -> io::Result<()> {
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let mut content = Vec::new();
    for n in 0..count {
        let parent = dir.join(format!("d{:02}/d{:02}", n / 10_000, n / 100 % 100));
        if n % 100 == 0 {
            fs::create_dir_all(&parent)?;
        }
        let size = usize::try_from(numbers.next() % (2 * mean_bytes + 1)).unwrap_or(0);
        content.clear();
        while content.len() < size {
            content.extend_from_slice(format!("{:016x} line of file {n}\n", numbers.next()).as_bytes());
        }
        content.truncate(size);
        fs::write(parent.join(format!("f{n:06}.txt")), &content)?;
    }
    Ok(())
}

/// Writes one file of words, which compresses about as well as programs and texts do, to about a third.
pub fn large(path: &Path, mib: u64) -> io::Result<()> {
    let mut numbers = Numbers(0xD1B5_4A32_D192_ED03);
    let words: Vec<String> = (0..4096).map(|_| word(&mut numbers)).collect();
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut left = usize::try_from(mib << 20).map_err(io::Error::other)?;
    while left > 0 {
        let draw = numbers.next();
        // Short words are frequent: the product of two numbers is small more often than large.
        let index = ((draw & 0xFFF) * (draw >> 12 & 0xFFF)) >> 12;
        let word = words[usize::try_from(index).unwrap_or(0)].as_bytes();
        let part = &word[..word.len().min(left)];
        out.write_all(part)?;
        left -= part.len();
    }
    out.flush()
}

fn word(numbers: &mut Numbers) -> String {
    let mut word = String::new();
    let _ = write!(word, "{:x} ", numbers.next());
    word.split_off(usize::try_from(numbers.next() % 12).unwrap_or(0).min(word.len() - 1))
}
