//! Random words of elements.

use crate::level::{Level, at_level};
use crate::wgsl::{shaders, vec4u, wrapping_add, wrapping_mul};

#[allow(clippy::needless_return, reason = "the file is WGSL as well as Rust")]
mod shader {
    use super::{shaders, vec4u, wrapping_add, wrapping_mul};

    shaders! { "codec/philox" }

    /// The block at a counter.
    #[inline(always)]
    pub(super) fn block(x: u32, y: u32, z: u32, key: [u32; 2]) -> vec4u {
        philox(vec4u(x, y, z, 0), key[0], key[1])
    }
}

/// The third word of the counter, which tells these words from those of other purposes: "roun".
const PURPOSE: u32 = 0x6e75_6f72;

/// Writes the words of the elements from a multiple of 4 on. The word of element `i` is word
/// `i mod 4` of the block at `i div 4`, and depends on nothing else but the key.
pub(super) fn words(level: Level, key: [u32; 2], start: u64, out: &mut [u32]) {
    at_level!(
        level,
        fill(key: [u32; 2] = key, quad: u64 = start / 4, out: &mut [u32] = out)
    );
}

#[inline(always)]
fn fill(key: [u32; 2], quad: u64, out: &mut [u32]) {
    let quads = out.len() / 4;
    for i in 0..quads {
        let counter = quad.wrapping_add(i as u64);
        let block = shader::block(counter as u32, (counter >> 32) as u32, PURPOSE, key);
        out[4 * i] = block.x;
        out[4 * i + 1] = block.y;
        out[4 * i + 2] = block.z;
        out[4 * i + 3] = block.w;
    }
}
