//! A rule that relates names with two prefixes.

use super::{Relation, Reshape};

/// One of the two forms that a rule relates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// Names that begin with `left` are names that begin with `right`, in the other form.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// One prefix; three, where the right side has them fused.
    pub(super) left: Vec<String>,
    pub(super) right: String,
    pub(super) kind: Kind,
}

/// What else differs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Nothing: what follows the prefix is the same.
    Prefix,
    /// What follows the prefix is named by a table, left and right.
    Inner(&'static [(&'static str, &'static str)]),
    /// The whole name; the right side is the transposed matrix.
    Transposed,
    /// The whole name; the left sides are runs of rows of the right.
    Fused,
    /// The whole name; a linear layer on the left, a convolution on the right.
    Convolution,
}

impl Rule {
    /// A rule that changes the prefix alone.
    pub(super) fn prefix(left: impl Into<String>, right: impl Into<String>) -> Rule {
        Rule::of(left, right, Kind::Prefix)
    }

    /// A rule of a kind.
    pub(super) fn of(left: impl Into<String>, right: impl Into<String>, kind: Kind) -> Rule {
        Rule {
            left: vec![left.into()],
            right: right.into(),
            kind,
        }
    }

    /// The relation for a name of a side that is `prefix` and `rest`.
    pub(super) fn relation(&self, side: Side, prefix: &str, rest: &str) -> Option<Relation> {
        let other = match side {
            Side::Left => &self.right,
            Side::Right => &self.left[0],
        };
        let whole = || rest.is_empty().then(|| other.clone());
        match self.kind {
            Kind::Prefix => Some(Relation::Same(format!("{other}{rest}"))),
            Kind::Inner(table) => {
                let rest = inner(table, side, rest.strip_prefix('.')?)?;
                Some(Relation::Same(format!("{other}.{rest}")))
            }
            Kind::Transposed => whole().map(Relation::Transposed),
            Kind::Convolution => {
                let reshape = match side {
                    Side::Left => Reshape::DropOnes,
                    Side::Right => Reshape::AddOnes,
                };
                whole().map(|name| Relation::Reshaped(name, reshape))
            }
            Kind::Fused if !rest.is_empty() => None,
            Kind::Fused => match side {
                Side::Right => Some(Relation::Joined(self.left.clone())),
                Side::Left => Some(Relation::Rows {
                    source: self.right.clone(),
                    part: self.left.iter().position(|left| left == prefix)? as u64,
                    parts: self.left.len() as u64,
                }),
            },
        }
    }
}

/// The other side's name of what follows a prefix.
fn inner(table: &[(&str, &str)], side: Side, rest: &str) -> Option<String> {
    table.iter().find_map(|(left, right)| {
        let (own, other) = match side {
            Side::Left => (left, right),
            Side::Right => (right, left),
        };
        let tail = rest.strip_prefix(own)?;
        (tail.is_empty() || tail.starts_with('.')).then(|| format!("{other}{tail}"))
    })
}
