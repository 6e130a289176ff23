//! Random streams: which words a dropout mask of one model's tensor draws.

use sha2::{Digest, Sha256};

/// The identity of a random stream: a key and half a counter of Philox4x32-10.
///
/// The word of element `i` is word `i mod 4` of the block whose counter is
/// `(q mod 2^32, q div 2^32, s2, s3)`, `q = i div 4`, under the key `(s0, s1)`. It depends on
/// nothing else: not on the device, the partition or the other tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream(pub [u32; 4]);

impl Stream {
    /// The stream of the dropout mask of one model's tensor: the first four little-endian words of
    /// SHA-256 of `"wgmerge/dropout/v1"`, the seed (u64), the model's position among the merged
    /// models (u32), both little-endian, and the tensor's name.
    pub fn dropout(seed: u64, model: u32, tensor: &str) -> Stream {
        Stream::of("wgmerge/dropout/v1", seed, model, tensor)
    }

    /// The stream by which the numbers of a tensor are rounded to codes: the same of
    /// `"wgmerge/codes/v1"`, as if of model 0. So none of its words is one of a mask.
    pub fn codes(seed: u64, tensor: &str) -> Stream {
        Stream::of("wgmerge/codes/v1", seed, 0, tensor)
    }

    fn of(purpose: &str, seed: u64, model: u32, tensor: &str) -> Stream {
        let mut hash = Sha256::new();
        hash.update(purpose.as_bytes());
        hash.update(seed.to_le_bytes());
        hash.update(model.to_le_bytes());
        hash.update(tensor.as_bytes());
        let digest = hash.finalize();
        let word = |i: usize| {
            let at = 4 * i;
            u32::from_le_bytes([digest[at], digest[at + 1], digest[at + 2], digest[at + 3]])
        };
        Stream([word(0), word(1), word(2), word(3)])
    }
}
