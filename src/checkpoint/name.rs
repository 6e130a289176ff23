//! What the name of a weight file says: its shard and its variant.
//!
//! Hugging Face puts a variant such as `fp16` behind a dot, before or behind the shard number:
//! `model.fp16.safetensors`, `model.fp16-00001-of-00002.safetensors` and
//! `model-00001-of-00002.fp16.safetensors`. Dots also occur in plain names (`sd_xl_1.0`), so a name
//! is a variant only if the folder also has the name without it.

/// The extension of weight files, with its dot, in any case.
const EXTENSION: &str = ".safetensors";

/// The name of a weight file or of an index, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightName {
    /// The name without extension and shard number, such as `model` or `model.fp16`.
    pub stem: String,
    /// Which of how many shards, for `-00001-of-00002`.
    pub shard: Option<Shard>,
}

/// The place of a file in a set of shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Counted from 1.
    pub number: u32,
    /// How many there are.
    pub count: u32,
}

impl WeightName {
    /// Takes the name of a weight file apart; `None` where it is none.
    pub fn of_weights(name: &str) -> Option<WeightName> {
        let name = without_extension(name)?;
        if let Some((stem, shard)) = split_shard(name) {
            return Some(WeightName {
                stem: stem.into(),
                shard: Some(shard),
            });
        }
        if let Some((rest, variant)) = name.rsplit_once('.')
            && let Some((stem, shard)) = split_shard(rest)
        {
            return Some(WeightName {
                stem: format!("{stem}.{variant}"),
                shard: Some(shard),
            });
        }
        Some(WeightName {
            stem: name.into(),
            shard: None,
        })
    }

    /// Takes the name of an index apart, `model.safetensors.index.json` or
    /// `model.safetensors.index.fp16.json`; `None` where it is none.
    pub fn of_index(name: &str) -> Option<WeightName> {
        let (stem, tail) = name.split_once(".safetensors.index.")?;
        let stem = match tail.strip_suffix(".json") {
            Some(variant) if !variant.is_empty() => format!("{stem}.{variant}"),
            Some(_) => return None,
            None if tail == "json" => stem.into(),
            None => return None,
        };
        Some(WeightName { stem, shard: None })
    }

    /// The stem of which this name would be a variant: `model` for `model.fp16`.
    pub fn plain_stem(&self) -> Option<&str> {
        let (plain, variant) = self.stem.rsplit_once('.')?;
        variant
            .starts_with(|c: char| c.is_ascii_alphabetic())
            .then_some(plain)
    }

    /// The name of the file with this stem and place: `model.fp16-00001-of-00002.safetensors`.
    pub fn file_name(&self) -> String {
        match self.shard {
            None => format!("{}{EXTENSION}", self.stem),
            Some(Shard { number, count }) => {
                format!("{}-{number:05}-of-{count:05}{EXTENSION}", self.stem)
            }
        }
    }

    /// The name under which loaders look for the index of these shards:
    /// `model.safetensors.index.json`, and for a variant `model.safetensors.index.fp16.json`.
    pub fn index_name(&self) -> String {
        match self.plain_stem() {
            None => format!("{}{EXTENSION}.index.json", self.stem),
            Some(plain) => {
                let variant = &self.stem[plain.len() + 1..];
                format!("{plain}{EXTENSION}.index.{variant}.json")
            }
        }
    }
}

/// The name of a weight file without its extension.
fn without_extension(name: &str) -> Option<&str> {
    let at = name.len().checked_sub(EXTENSION.len())?;
    let ends = name.get(at..)?.eq_ignore_ascii_case(EXTENSION);
    ends.then(|| &name[..at])
}

/// Splits `-00001-of-00002` off the end of `name`.
fn split_shard(name: &str) -> Option<(&str, Shard)> {
    let (rest, count) = name.rsplit_once("-of-")?;
    let (stem, number) = rest.rsplit_once('-')?;
    let is_number = |text: &str| text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(number) || !is_number(count) {
        return None;
    }
    let (number, count) = (number.parse().ok()?, count.parse().ok()?);
    Some((stem, Shard { number, count }))
}
