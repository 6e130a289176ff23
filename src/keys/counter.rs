//! Tensors that hold positions, indexes and counts, whatever type they are stored in.
//!
//! Converters cast a whole model to one float type, integers included. An average of positions is
//! no position, so that these tensors are copied.

/// The last parts of the names that such tensors have.
const NAMES: [&str; 8] = [
    "position_ids",
    "token_type_ids",
    "relative_position_index",
    "num_batches_tracked",
    "num_updates",
    "input_ids",
    "bucket_ids",
    "global_step",
];

/// Whether a tensor of this name counts.
pub fn is_counter(name: &str) -> bool {
    let last = name.rsplit_once('.').map_or(name, |(_, last)| last);
    NAMES.contains(&last)
}
