//! The built-in configs, each expanded when it is first asked for.

use std::sync::{Arc, OnceLock};

use super::data::Data;
use super::{Config, adapter};
use crate::keys::adapter::{FORMATS, Format};

const TEXTS: [&str; 4] = [
    include_str!("data/layers.txt"),
    include_str!("data/unets.txt"),
    include_str!("data/dits.txt"),
    include_str!("data/configs.txt"),
];

struct Builtin {
    data: Data<'static>,
    expanded: Vec<OnceLock<Arc<Config>>>,
}

impl Builtin {
    fn get() -> &'static Builtin {
        static BUILTIN: OnceLock<Builtin> = OnceLock::new();
        BUILTIN.get_or_init(|| {
            let mut data = Data::default();
            let read = TEXTS.into_iter().try_for_each(|text| data.read(text));
            read.expect("the built-in configs are well formed");
            let all = data.ids().count() + FORMATS.len();
            let expanded = (0..all).map(|_| OnceLock::new()).collect();
            Builtin { data, expanded }
        })
    }

    /// The number of configs that are not of adapters, which come first.
    fn models(&self) -> usize {
        self.expanded.len() - FORMATS.len()
    }

    fn config(&self, number: usize) -> &Arc<Config> {
        self.expanded[number].get_or_init(|| {
            let config = match number.checked_sub(self.models()) {
                None => self.data.config(number),
                Some(format) => {
                    let format = &FORMATS[format];
                    let base = find(format.base).expect("the built-in configs are well formed");
                    adapter::config(format, base)
                }
            };
            Arc::new(config.expect("the built-in configs are well formed"))
        })
    }
}

/// The identifiers of the built-in configs: those of model families, of block weights, of adapters.
pub fn ids() -> impl Iterator<Item = &'static str> {
    let adapters = FORMATS.iter().map(|format| format.id);
    Builtin::get().data.ids().chain(adapters)
}

/// The built-in configs, in the order of `ids`.
pub fn configs() -> impl Iterator<Item = &'static Arc<Config>> {
    let builtin = Builtin::get();
    (0..builtin.expanded.len()).map(|number| builtin.config(number))
}

/// Those of model families and block weights.
pub(super) fn models() -> impl Iterator<Item = &'static Arc<Config>> {
    let builtin = Builtin::get();
    (0..builtin.models()).map(|number| builtin.config(number))
}

/// Those of the formats of adapters that are wanted.
pub(super) fn adapters(
    wanted: impl Fn(&Format) -> bool,
) -> impl Iterator<Item = &'static Arc<Config>> {
    let builtin = Builtin::get();
    let formats = FORMATS.iter().enumerate();
    let formats = formats.filter(move |(_, format)| wanted(format));
    formats.map(|(number, _)| builtin.config(builtin.models() + number))
}

/// Bytes that the configs of adapters take, as far as they are expanded to recognise tensors of
/// these names: they are by far the largest.
pub(crate) fn adapter_bytes<'a>(names: impl Iterator<Item = &'a str> + Clone) -> u64 {
    let wanted = |format: &Format| names.clone().any(|name| format.names(name));
    adapters(wanted).map(|config| config.held_bytes()).sum()
}

/// The built-in config of an identifier.
pub fn find(id: &str) -> Option<&'static Arc<Config>> {
    let number = ids().position(|known| known == id)?;
    Some(Builtin::get().config(number))
}
