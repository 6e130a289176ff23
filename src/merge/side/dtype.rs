//! The dtype in a model's configuration: that of the weights beside it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::edit::Object;
use crate::checkpoint::Checkpoint;
use crate::dtype::{DType, Float};
use crate::plan::PlannedFile;

/// The fields in which transformers keeps it, wherever they stand.
const FIELDS: [&str; 2] = ["torch_dtype", "dtype"];

/// The dtype of the output's weights in a folder, where it is not the model's.
pub(super) fn change(
    model: &Checkpoint,
    planned: &[PlannedFile],
    folder: &Path,
) -> Option<&'static str> {
    let after = of_planned(planned, folder)?;
    (of_model(model, folder) != Some(after)).then_some(after)
}

/// Writes a dtype where an object names one; whether it did.
pub(super) fn write(object: &mut Object, dtype: &str) -> bool {
    let mut changed = false;
    for field in FIELDS {
        let Some(value) = object.get_mut(field) else {
            continue;
        };
        let Ok(own) = serde_json::from_str::<String>(value.get()) else {
            continue;
        };
        let prefix = match own.strip_prefix("torch.") {
            Some(_) => "torch.",
            None => "",
        };
        let named = Float::from_torch_name(&own[prefix.len()..]).is_some();
        let raw = super::edit::raw(&json!(format!("{prefix}{dtype}")));
        if let (true, Some(raw)) = (named, raw) {
            *value = raw;
            changed = true;
        }
    }
    changed
}

/// The float type that most bytes of a model's folder have.
fn of_model(model: &Checkpoint, folder: &Path) -> Option<&'static str> {
    let tensors = model.tensors().values();
    // Of codes it says what they are decoded to.
    let tensors = tensors.filter(|info| info.coding.is_none());
    let tensors = tensors.filter(|info| model.files()[info.file].relative.parent() == Some(folder));
    most(tensors.map(|info| (&info.dtype, info.bytes())))
}

/// The same of the planned output.
fn of_planned(planned: &[PlannedFile], folder: &Path) -> Option<&'static str> {
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
        if let Some(float) = dtype.float() {
            *bytes.entry(float.torch_name()).or_default() += count;
        }
    }
    let most = bytes.into_iter().max_by_key(|&(_, bytes)| bytes);
    most.map(|(name, _)| name)
}
