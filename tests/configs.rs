//! Model configs: the built-in ones against lists of published checkpoints, the user's, and which
//! of them a checkpoint is of.

mod lists;
mod recognition;
mod registry;
mod yaml;

use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use wgmerge::dtype::DType;
use wgmerge::keys::config::ConfigKey;

/// The configs with a list, in the program's order.
const IDS: [&str; 10] = [
    "sd1-ldm",
    "sd1-kohya",
    "sdxl-sgm",
    "sdxl-kohya",
    "sdxl-kohya_but_diffusers",
    "sdxl-diffusers_unet_only",
    "sd3-comfyui",
    "flux-flux",
    "sd1-supermerger_blocks",
    "sdxl-supermerger_blocks",
];

/// The configs that sd-mecha does not have.
const OWN: [&str; 6] = [
    "sd1-diffusers",
    "sdxl-diffusers",
    "vae-ldm",
    "vae-diffusers",
    "vae16-ldm",
    "vae16-diffusers",
];

/// A committed list of a config: its components, and the keys in the order of the list.
struct List {
    components: Vec<String>,
    keys: Vec<(String, ConfigKey)>,
}

impl List {
    fn of(id: &str) -> List {
        let path = format!("tests/data/configs/{id}.tsv.gz");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let file = std::fs::File::open(path).expect("a list of the config");
        let mut text = String::new();
        let read = GzDecoder::new(file).read_to_string(&mut text);
        read.expect("a compressed text");
        let mut list = List {
            components: Vec::new(),
            keys: Vec::new(),
        };
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split('\t').collect();
            let [component, name, dtype, shape, optional, aliases] = fields[..] else {
                panic!("six fields: {line}");
            };
            if list.components.last().is_none_or(|last| last != component) {
                list.components.push(component.to_owned());
            }
            let words = |text: &str, mark| -> Vec<String> {
                let words = text.split(mark).filter(|word| !word.is_empty());
                words.map(str::to_owned).collect()
            };
            let dtype = match dtype {
                "torch.int32" => DType::I32,
                name => DType::from_name(name).expect("an element type"),
            };
            let shape = words(shape, 'x').into_iter();
            let shape = shape.map(|size| size.parse().expect("a size")).collect();
            let key = ConfigKey {
                component: list.components.len() - 1,
                dtype,
                shape,
                optional: optional == "1",
                aliases: words(aliases, '|'),
            };
            list.keys.push((name.to_owned(), key));
        }
        list
    }

    /// The names and shapes of a checkpoint that has the keys for which `has` holds.
    fn tensors(&self, has: impl Fn(&str, &ConfigKey) -> bool) -> Tensors {
        let keys = self.keys.iter().filter(|(name, key)| has(name, key));
        keys.map(|(name, key)| (name.clone(), key.shape.clone()))
            .collect()
    }
}

/// The names and shapes of a checkpoint.
type Tensors = Vec<(String, Vec<u64>)>;
