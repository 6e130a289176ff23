//! A model's configuration as that of the output: the dtype in it is that of the output's weights.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::companions::Companion;
use crate::checkpoint::Checkpoint;
use crate::dtype::DType;
use crate::plan::PlannedFile;
use crate::sink::SideContent;

/// A longer one is no configuration of a model.
const BYTES_MAX: u64 = 16 << 20;

/// Torch's names of element types.
const TORCH: &[(DType, &str)] = &[
    (DType::F64, "float64"),
    (DType::F32, "float32"),
    (DType::F16, "float16"),
    (DType::BF16, "bfloat16"),
    (DType::F8E4M3, "float8_e4m3fn"),
    (DType::F8E5M2, "float8_e5m2"),
];

/// The fields in which transformers keeps the dtype, wherever they stand.
static FIELD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let types: Vec<&str> = TORCH.iter().map(|(_, name)| *name).collect();
    let pattern = format!(
        r#""(torch_dtype|dtype)"(\s*:\s*)"(torch\.)?(?:{})""#,
        types.join("|")
    );
    Regex::new(&pattern).ok()
});

/// What a companion holds in the output: a copy, but for the dtype of a config.json whose weights
/// get another one.
pub(super) fn content(
    companion: &Companion,
    model: &Checkpoint,
    planned: &[PlannedFile],
) -> SideContent {
    let copy = || SideContent::CopyOf {
        origin: companion.origin.clone(),
        bytes: companion.bytes,
    };
    let folder = companion.name.parent().unwrap_or(Path::new(""));
    let (before, after) = (dtype_of(model, folder), dtype_of_planned(planned, folder));
    let is_config = companion.name.ends_with("config.json") && companion.bytes <= BYTES_MAX;
    let (true, Some(after)) = (is_config && before != after, after) else {
        return copy();
    };
    // A copy fails with its reason where this one does not read.
    let text = std::fs::read_to_string(&companion.origin).ok();
    let edited = text.and_then(|text| with_dtype(&text, after));
    edited.map_or_else(copy, |text| SideContent::Bytes(text.into_bytes()))
}

fn with_dtype(text: &str, dtype: &str) -> Option<String> {
    let replace = |found: &Captures<'_>| {
        let prefix = found.get(3).map_or("", |prefix| prefix.as_str());
        format!("\"{}\"{}\"{prefix}{dtype}\"", &found[1], &found[2])
    };
    Some(FIELD.as_ref()?.replace_all(text, replace).into_owned())
}

/// The float type that most bytes of a model's folder have.
fn dtype_of(model: &Checkpoint, folder: &Path) -> Option<&'static str> {
    let tensors = model.tensors().values();
    let tensors = tensors.filter(|info| model.files()[info.file].relative.parent() == Some(folder));
    most(tensors.map(|info| (&info.dtype, info.bytes())))
}

/// The same of the planned output.
fn dtype_of_planned(planned: &[PlannedFile], folder: &Path) -> Option<&'static str> {
    let files = planned
        .iter()
        .filter(|file| file.name.parent() == Some(folder));
    most(
        files
            .flat_map(|file| &file.dtypes)
            .map(|(dtype, bytes)| (dtype, *bytes)),
    )
}

fn most<'a>(tensors: impl Iterator<Item = (&'a DType, u64)>) -> Option<&'static str> {
    let mut bytes: BTreeMap<&'static str, u64> = BTreeMap::new();
    for (dtype, count) in tensors {
        let named = TORCH.iter().find(|(known, _)| known == dtype);
        if let Some((_, name)) = named {
            *bytes.entry(name).or_default() += count;
        }
    }
    let most = bytes.into_iter().max_by_key(|&(_, bytes)| bytes);
    most.map(|(name, _)| name)
}
