//! What numbers the parts of an expression, of a Program and of a row.
//!
//! [`Expression`](super::Expression) checks its numbers as it makes them.

crate::id::ids! {
    /// Which input of a tensor.
    SlotId(u16);
    /// Which value: the number of the step whose result it is, among the steps that it stands in.
    ValueId(u16);
    /// Which scalar of a row.
    ScalarId(u16);
    /// Which cutoff of a row.
    CutoffId(u16);
    /// Which random stream of a row.
    StreamId(u16);
    /// Which statistic of an expression.
    StatisticId(u16);
}
