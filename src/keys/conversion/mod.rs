//! Conversions (to be replaced).
#![allow(missing_docs)]

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reshape {
    AddOnes,
    DropOnes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    Same(String),
    Reshaped(String, Reshape),
    Transposed(String),
    Rows {
        source: String,
        part: u64,
        parts: u64,
    },
    Joined(Vec<String>),
}

#[derive(Debug)]
pub struct Conversion {
    pub from: &'static str,
    pub to: &'static str,
}

impl Conversion {
    pub fn relation(&self, _target: &str) -> Option<Relation> {
        None
    }
    pub fn id(&self) -> String {
        String::new()
    }
}

pub fn conversions() -> &'static [Conversion] {
    &[]
}
pub fn path(_from: &str, _to: &str) -> Option<Vec<&'static Conversion>> {
    None
}
pub fn find_by_id(_id: &str) -> Option<&'static Conversion> {
    None
}

impl PartialEq for Conversion {
    fn eq(&self, other: &Conversion) -> bool {
        std::ptr::eq(self, other)
    }
}
