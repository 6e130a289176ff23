//! A layer that is described for ComfyUI.

use serde_json::Value;

use crate::checkpoint::convention::coded::{Coded, Convention, Described};
use crate::checkpoint::convention::fault::Stop;
use crate::checkpoint::convention::said::numbers;
use crate::checkpoint::convention::scales::Matrix;
use crate::checkpoint::convention::scan::{Named, Scan, coded};
use crate::checkpoint::tensor::TensorInfo;
use crate::dtype::DType;
use crate::format::Format;

/// A layer that is described for ComfyUI.
pub(super) struct Layer<'a> {
    /// What stands in front of `.weight`.
    pub(super) name: String,
    /// Where the description stands: an entry, or a field of the header.
    pub(super) by: String,
    /// The description.
    pub(super) options: Value,
    /// The key of the codes.
    pub(super) key: String,
    /// The codes.
    pub(super) weight: &'a TensorInfo,
}

impl<'a> Layer<'a> {
    /// An option; old files keep them under `params`.
    pub(super) fn option(&self, name: &str) -> Option<&Value> {
        let own = self.options.get(name);
        let found = own.or_else(|| self.options.get("params")?.get(name));
        found.filter(|value| !value.is_null())
    }

    /// An option that is a size.
    pub(super) fn size(&self, scan: &Scan<'_, '_>, name: &str) -> Result<Option<u64>, Stop> {
        let Some(value) = self.option(name) else {
            return Ok(None);
        };
        match value.as_u64().filter(|&size| size > 0) {
            Some(size) => Ok(Some(size)),
            None => Err(scan.description(
                &self.by,
                format!(
                    "`{name}` of layer `{}` is {value}, not a whole number from 1 on",
                    self.name
                ),
            )),
        }
    }

    /// How many elements of a row were rotated together.
    pub(super) fn rotation(&self, scan: &Scan<'_, '_>, columns: u64) -> Result<u64, Stop> {
        let size = self.size(scan, "convrot_groupsize")?.unwrap_or(256);
        let is_power = size.is_power_of_two() && size.trailing_zeros().is_multiple_of(2);
        match is_power && size > 1 && columns.is_multiple_of(size) {
            true => Ok(size),
            false => Err(scan.description(
                &self.by,
                format!(
                    "`convrot_groupsize` of layer `{}` is {size}, where it must be a power of 4 \
                     that divides the {columns} columns of `{}`",
                    self.name, self.key
                ),
            )),
        }
    }

    /// The dimensions before some were padded, where the description says them.
    pub(super) fn original(&self, scan: &Scan<'_, '_>) -> Result<Option<Vec<u64>>, Stop> {
        let Some(value) = self.option("orig_shape") else {
            return Ok(None);
        };
        match numbers(value) {
            Some(shape) => Ok(Some(shape)),
            None => {
                let fault = format!("`orig_shape` of layer `{}` is {value}", self.name);
                Err(scan.description(&self.by, fault))
            }
        }
    }

    /// The key of an entry of the layer, and the entry.
    pub(super) fn part(
        &self,
        scan: &Scan<'a, '_>,
        tail: &str,
    ) -> Result<(String, &'a TensorInfo), Stop> {
        let key = format!("{}.{tail}", self.name);
        let info = scan.need(Convention::Comfy, &self.by, &key)?;
        Ok((key, info))
    }

    /// Checks that the codes are of a type.
    pub(super) fn check_type(&self, scan: &Scan<'_, '_>, dtype: DType) -> Result<(), Stop> {
        match self.weight.dtype == dtype {
            true => Ok(()),
            false => Err(self.unfit(scan, Named::new(&self.key, self.weight), dtype.name())),
        }
    }

    /// Checks that an entry has a type and a number of elements.
    pub(super) fn check(
        &self,
        scan: &Scan<'_, '_>,
        entry: Named<'_>,
        dtypes: &[DType],
        elements: u64,
    ) -> Result<(), Stop> {
        if dtypes.contains(&entry.info.dtype) && entry.info.elements() == elements {
            return Ok(());
        }
        let names: Vec<&str> = dtypes.iter().map(|dtype| dtype.name()).collect();
        let count = crate::figures::counted(elements, "element");
        Err(self.unfit(scan, entry, &format!("{count} of {}", names.join(" or "))))
    }

    /// The error for an entry that does not fit.
    pub(super) fn unfit(&self, scan: &Scan<'_, '_>, entry: Named<'_>, expected: &str) -> Stop {
        let beside = match entry.key == self.key {
            true => scan.tensors.get_key_value(self.by.as_str()),
            false => None,
        };
        let own = Named::new(&self.key, self.weight);
        let beside = beside.map_or(own, |(key, info)| Named::new(key, info));
        let format = self.option("format").and_then(Value::as_str);
        let expected = format!("{expected} for `{}`", format.unwrap_or_default());
        scan.mismatch(Convention::Comfy, entry, beside, expected)
    }

    /// The matrices of the codes, whose bytes are of so many columns for each of its own.
    pub(super) fn matrix(&self) -> Matrix {
        Matrix::of(&self.weight.shape)
    }

    /// The dimensions of the codes, with another number of columns.
    pub(super) fn shape(&self, columns: u64) -> Vec<u64> {
        let mut shape = self.weight.shape.to_vec();
        if let Some(last) = shape.last_mut() {
            *last = columns;
        }
        shape
    }

    /// The tensor, of parts behind its codes.
    pub(super) fn coded(
        &self,
        scan: &Scan<'_, '_>,
        format: Format,
        shape: &[u64],
        parts: &[&str],
    ) -> Coded {
        let parts: Vec<&str> = [&*self.key].into_iter().chain(parts.to_vec()).collect();
        let mut beside = scan.companions(&self.key);
        let marker = format!("{}.{}", self.name, super::MARKER);
        beside.extend(scan.tensors.contains_key(&marker).then_some(marker));
        Coded {
            described: Described::Json(self.options.to_string()),
            ..coded(Convention::Comfy, format, shape, &parts, beside)
        }
    }
}
