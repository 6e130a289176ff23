//! The built-in configs, each expanded when it is first asked for.

use std::sync::{Arc, OnceLock};

use super::Config;
use super::data::Data;

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
            let expanded = data.ids().map(|_| OnceLock::new()).collect();
            Builtin { data, expanded }
        })
    }

    fn config(&self, number: usize) -> &Arc<Config> {
        self.expanded[number].get_or_init(|| {
            let config = self.data.config(number);
            Arc::new(config.expect("the built-in configs are well formed"))
        })
    }
}

/// The identifiers of the built-in configs: those of model families, then those of block weights.
pub fn ids() -> impl Iterator<Item = &'static str> {
    Builtin::get().data.ids()
}

/// The built-in configs, in the order of `ids`.
pub fn configs() -> impl Iterator<Item = &'static Arc<Config>> {
    let builtin = Builtin::get();
    (0..builtin.expanded.len()).map(|number| builtin.config(number))
}

/// The built-in config of an identifier.
pub fn find(id: &str) -> Option<&'static Arc<Config>> {
    let number = ids().position(|known| known == id)?;
    Some(Builtin::get().config(number))
}
