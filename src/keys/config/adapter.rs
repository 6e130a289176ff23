//! The configs of adapters, derived from those of the models they adapt.

use super::{Config, ConfigKey, NameClash};
use crate::keys::adapter::Format;

/// The config of an adapter format: every factor that a tensor of the base may have, all optional.
/// Their shapes are the trainer's choice.
pub(super) fn config(format: &Format, base: &Config) -> Result<Config, NameClash> {
    let keys = base.keys().flat_map(|(name, key)| {
        let stem = format.stem(name, key.dtype, &key.shape);
        stem.into_iter().flat_map(|stem| {
            let factor = ConfigKey {
                component: key.component,
                dtype: key.dtype,
                shape: Vec::new(),
                optional: true,
                aliases: Vec::new(),
            };
            let names: Vec<String> = Format::factors(&stem).collect();
            names.into_iter().map(move |name| (name, factor.clone()))
        })
    });
    let mut config = Config::new(
        format.id.to_owned(),
        base.components().to_vec(),
        keys.collect(),
    )?;
    config.is_adapter = true;
    Ok(config)
}
