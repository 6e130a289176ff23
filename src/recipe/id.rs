//! What numbers the parts of a recipe.

wgmerge_compute::ids! {
    /// Which node of a recipe. Nodes refer to earlier ones only.
    NodeId(usize);
    /// Which model: its number in [`Recipe::models`](super::Recipe::models), and that of what is
    /// known of it wherever models stand in this order.
    ModelId(usize);
}
