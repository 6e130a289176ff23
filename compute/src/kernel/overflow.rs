//! What becomes of results that the stored type cannot hold.

/// What happens to a result beyond its stored type: one that is infinite or NaN, or rounds to an
/// infinity or NaN, though what it is made of is finite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnOverflow {
    /// The merge fails and names the element.
    #[default]
    Error,
    /// The largest finite number of its sign is stored. A NaN has no sign and fails the merge.
    Saturate,
    /// What rounding gives is stored: an infinity or NaN.
    Keep,
}

crate::words!(OnOverflow {
    Error = "error",
    Saturate = "saturate",
    Keep = "keep"
});
