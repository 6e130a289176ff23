//! What was measured of tensors, of blocks of them and in total, and the page that shows it.
//!
//! Whatever measures fills a [`Report`] with one [`Tensor`] each. What it holds are sums over
//! elements, so that the numbers of a block are those of its elements, not means of ratios; ratios
//! are made where they are told.

mod comparison;
mod markdown;
mod measure;
mod number;
mod page;
mod several;
mod statistics;
mod summary;
mod survival;
mod tensor;

use indexmap::IndexMap;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::figures::sort_numbered;

pub use comparison::{Comparison, Greatest, Top};
pub use markdown::{markdown, markdown_cell};
pub use measure::{MEASURES, Measure, Written, measured};
pub use page::{page, page_of_several};
pub use several::Several;
pub use statistics::Statistics;
pub use summary::Summary;
pub use survival::Survival;
pub use tensor::{Form, State, Stored, Tensor};

/// A checkpoint that a report is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// What it is there: `a`, `b`, `base`, `output`.
    pub role: String,
    /// Its path, as far as it is text.
    pub path: String,
    /// What tells it from others; None where it was not asked for.
    pub fingerprint: Option<String>,
}

/// All that was measured, of tensor after tensor. Its JSON has the sums over blocks and over all,
/// too.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// What was done: `diff`, or the method of a merge.
    pub what: String,
    /// Whom it is about.
    pub subjects: Vec<Subject>,
    /// What computed.
    pub device: String,
    /// How long it took.
    pub seconds: f64,
    /// Bytes that were read.
    pub bytes_read: u64,
    /// What else is to be said.
    pub notes: Vec<String>,
    /// The tensors, in the order of the output.
    pub tensors: Vec<Tensor>,
}

impl Report {
    /// Everything together.
    pub fn total(&self) -> Summary {
        Summary::of(&self.tensors)
    }

    /// Block by block, in the order in which blocks begin, those of a stack by their numbers.
    pub fn blocks(&self) -> IndexMap<&str, Summary> {
        let mut blocks: IndexMap<&str, Summary> = IndexMap::new();
        for tensor in &self.tensors {
            blocks.entry(&tensor.block).or_default().add(tensor);
        }
        sort_numbered(&mut blocks);
        blocks
    }
}

/// A block in JSON.
#[derive(Serialize)]
struct Block<'a> {
    block: &'a str,
    #[serde(flatten)]
    summary: Summary,
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let blocks = self.blocks().into_iter();
        let blocks = blocks.map(|(block, summary)| Block { block, summary });
        let mut fields = serializer.serialize_struct("Report", 9)?;
        fields.serialize_field("what", &self.what)?;
        fields.serialize_field("subjects", &self.subjects)?;
        fields.serialize_field("device", &self.device)?;
        fields.serialize_field("seconds", &self.seconds)?;
        fields.serialize_field("bytes_read", &self.bytes_read)?;
        fields.serialize_field("notes", &self.notes)?;
        fields.serialize_field("total", &self.total())?;
        fields.serialize_field("blocks", &blocks.collect::<Vec<_>>())?;
        fields.serialize_field("tensors", &self.tensors)?;
        fields.end()
    }
}
