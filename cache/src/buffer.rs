//! A buffer that a disk can be written from without a copy.

/// What direct writes want of an address, an offset and a length: the largest logical block in use.
pub(crate) const ALIGNMENT_BYTES: usize = 4096;

/// Bytes of limited number, whose first lies at a multiple of [`ALIGNMENT_BYTES`].
#[derive(Debug)]
pub(crate) struct Buffer {
    /// Never grown, so that it stays where it is; nothing but the part from `start` on counts.
    bytes: Vec<u8>,
    start: usize,
    capacity: usize,
}

impl Buffer {
    /// An empty one with room for `capacity` bytes.
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

    /// For how many bytes it was made.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Takes as much of `bytes` as there is room for; returns how much.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.capacity - self.as_slice().len());
        self.bytes.extend_from_slice(&bytes[..count]);
        count
    }

    /// The same, empty.
    pub(crate) fn emptied(mut self) -> Self {
        self.bytes.truncate(self.start);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_aligned_and_takes_no_more_than_it_has_room_for() {
        for capacity in [1, 100, 4096, 300_000] {
            let mut buffer = Buffer::with_capacity(capacity);
            assert!(buffer.is_empty());
            let input = vec![7; capacity + 10];
            assert_eq!(buffer.fill(&input[..capacity / 2]), capacity / 2);
            assert_eq!(buffer.fill(&input), capacity - capacity / 2);
            assert_eq!(buffer.fill(&input), 0);
            assert_eq!(buffer.as_slice(), &input[..capacity]);
            assert_eq!(buffer.as_slice().as_ptr().align_offset(ALIGNMENT_BYTES), 0);
            let buffer = buffer.emptied();
            assert!(buffer.is_empty());
            assert_eq!(buffer.as_slice().as_ptr().align_offset(ALIGNMENT_BYTES), 0);
        }
    }
}
