//! A buffer that the kernel can write to disk without copying it.

/// Alignment of address, offset and length for direct writes: the largest logical block size in use.
pub(crate) const ALIGNMENT_BYTES: usize = 4096;

/// Buffer of fixed capacity whose first byte lies at a multiple of [`ALIGNMENT_BYTES`].
#[derive(Debug)]
pub(crate) struct Buffer {
    /// Never grown, so that it stays at its address. The content begins at `start`.
    bytes: Vec<u8>,
    start: usize,
    capacity: usize,
}

impl Buffer {
    /// Makes an empty buffer with room for `capacity` bytes.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let mut bytes: Vec<u8> = Vec::with_capacity(capacity + ALIGNMENT_BYTES);
        let start = bytes.as_ptr().align_offset(ALIGNMENT_BYTES);
        bytes.resize(start, 0);
        Self { bytes, start, capacity }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.len() == self.start
    }

    /// Returns the number of bytes that an empty buffer takes.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Appends as much of `bytes` as there is room for; returns how many bytes that was.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.capacity - self.as_slice().len());
        self.bytes.extend_from_slice(&bytes[..count]);
        count
    }

    /// Returns the buffer without its content, for reuse.
    pub(crate) fn emptied(mut self) -> Self {
        self.bytes.truncate(self.start);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPACITIES: [usize; 4] = [1, 100, 4096, 300_000];

    #[test]
    fn a_full_buffer_takes_no_more_bytes() {
        for capacity in CAPACITIES {
            let mut buffer = Buffer::with_capacity(capacity);
            let input = vec![7; capacity + 10];
            assert_eq!(buffer.fill(&input[..capacity / 2]), capacity / 2);
            assert_eq!(buffer.fill(&input), capacity - capacity / 2);
            assert_eq!(buffer.fill(&input), 0);
            assert_eq!(buffer.as_slice(), &input[..capacity]);
        }
    }

    #[test]
    fn a_buffer_stays_aligned_when_filled_and_emptied() {
        for capacity in CAPACITIES {
            let mut buffer = Buffer::with_capacity(capacity);
            buffer.fill(&vec![7; capacity]);
            assert_eq!(buffer.as_slice().as_ptr().align_offset(ALIGNMENT_BYTES), 0);
            let buffer = buffer.emptied();
            assert!(buffer.is_empty());
            assert_eq!(buffer.as_slice().as_ptr().align_offset(ALIGNMENT_BYTES), 0);
        }
    }
}
