//! What the name of a weight file says: its shard and its variant.
//!
//! Hugging Face puts a variant such as `fp16` behind a dot, before or behind the shard number:
//! `model.fp16.safetensors`, `model.fp16-00001-of-00002.safetensors` and
//! `model-00001-of-00002.fp16.safetensors`. Dots also occur in plain names (`sd_xl_1.0`), so a name
//! is a variant only if the folder also has the name without it.
//!
//! PyTorch's files are called so too, with other extensions, and the most common ones by another
//! stem: `pytorch_model-00001-of-00002.bin`. Parts of a file of GGUF are numbered in the same way.
//! Output is always safetensors.

/// The extension of safetensors files, with its dot, in any case.
const EXTENSION: &str = ".safetensors";
/// The extensions of PyTorch files.
const TORCH_EXTENSIONS: [&str; 4] = [".bin", ".pt", ".pth", ".ckpt"];
/// The extension of files of GGUF.
const GGUF_EXTENSION: &str = ".gguf";
/// What transformers calls PyTorch's files, and what it calls the same weights as safetensors.
const TORCH_STEM: (&str, &str) = ("pytorch_model", "model");
/// How PyTorch's files begin that hold the state of a training beside its weights.
const TRAINING: [&str; 7] = [
    "training_args",
    "optimizer",
    "scheduler",
    "scaler",
    "rng_state",
    "random_states",
    "optim_states",
];

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
    /// Takes the name of a safetensors file apart; `None` where it is none.
    pub fn of_weights(name: &str) -> Option<WeightName> {
        without_extension(name, EXTENSION).map(WeightName::of_stem)
    }

    /// Takes the name of a PyTorch file apart; `None` where it is none, or that of training state.
    pub fn of_torch(name: &str) -> Option<WeightName> {
        let mut extensions = TORCH_EXTENSIONS.iter();
        let stem = extensions.find_map(|extension| without_extension(name, extension))?;
        let training = TRAINING.iter().any(|start| stem.starts_with(start));
        let training = training || stem.ends_with("optim_states");
        (!training).then(|| WeightName::of_stem(stem))
    }

    /// Whether a file is called as PyTorch's files are.
    pub(super) fn is_torch(name: &str) -> bool {
        let mut extensions = TORCH_EXTENSIONS.iter();
        extensions.any(|extension| without_extension(name, extension).is_some())
    }

    /// Takes the name of a file of GGUF apart; `None` where it is none.
    pub fn of_gguf(name: &str) -> Option<WeightName> {
        without_extension(name, GGUF_EXTENSION).map(WeightName::of_stem)
    }

    /// Whether a file is called as files of GGUF are.
    pub(super) fn is_gguf(name: &str) -> bool {
        without_extension(name, GGUF_EXTENSION).is_some()
    }

    /// The name under which the same weights go as safetensors.
    pub fn as_safetensors(self) -> WeightName {
        let rest = self.stem.strip_prefix(TORCH_STEM.0);
        let rest = rest.filter(|rest| rest.is_empty() || rest.starts_with('.'));
        match rest {
            Some(rest) => WeightName {
                stem: format!("{}{rest}", TORCH_STEM.1),
                ..self
            },
            None => self,
        }
    }

    /// Whether transformers or diffusers look for it under this name, or this variant of it.
    pub(super) fn is_standard(&self) -> bool {
        const STEMS: [&str; 3] = [TORCH_STEM.0, TORCH_STEM.1, "diffusion_pytorch_model"];
        let plain = self.plain_stem();
        STEMS.contains(&self.stem.as_str()) || plain.is_some_and(|plain| STEMS.contains(&plain))
    }

    /// Whether it is the whole model, as transformers calls it.
    pub(super) fn is_model(&self) -> bool {
        [TORCH_STEM.0, TORCH_STEM.1].contains(&self.stem.as_str())
    }

    /// Takes a name without its extension apart.
    fn of_stem(name: &str) -> WeightName {
        if let Some((stem, shard)) = split_shard(name) {
            return WeightName {
                stem: stem.into(),
                shard: Some(shard),
            };
        }
        if let Some((rest, variant)) = name.rsplit_once('.')
            && let Some((stem, shard)) = split_shard(rest)
        {
            return WeightName {
                stem: format!("{stem}.{variant}"),
                shard: Some(shard),
            };
        }
        WeightName {
            stem: name.into(),
            shard: None,
        }
    }

    /// Takes the name of an index apart, `model.safetensors.index.json` or
    /// `model.safetensors.index.fp16.json`; `None` where it is none.
    pub fn of_index(name: &str) -> Option<WeightName> {
        WeightName::of_index_of(name, EXTENSION)
    }

    /// Takes the name of an index of PyTorch files apart, such as `pytorch_model.bin.index.json`.
    pub fn of_torch_index(name: &str) -> Option<WeightName> {
        let mut extensions = TORCH_EXTENSIONS.iter();
        extensions.find_map(|extension| WeightName::of_index_of(name, extension))
    }

    fn of_index_of(name: &str, extension: &str) -> Option<WeightName> {
        let (stem, tail) = name.split_once(&format!("{extension}.index."))?;
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
fn without_extension<'n>(name: &'n str, extension: &str) -> Option<&'n str> {
    let at = name.len().checked_sub(extension.len())?;
    let ends = name.get(at..)?.eq_ignore_ascii_case(extension);
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
