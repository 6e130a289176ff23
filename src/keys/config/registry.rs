//! The configs that a merge knows: the built-in ones and the user's.

use std::sync::Arc;

use super::candidate::Candidate;
use super::recognition::Recognition;
use super::{Config, builtin};
use crate::keys::adapter::{Format, is_factor};
use crate::keys::nearest::hint;

/// An identifier that is no config's, or is taken.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ConfigError {
    #[error("there is no model config `{id}`{hint}; `wgmerge configs` lists them")]
    Unknown { id: String, hint: String },
    #[error("there are two model configs `{id}`; give the second one another identifier")]
    Taken { id: String },
}

/// The built-in configs and the user's.
#[derive(Clone, Debug, Default)]
pub struct Configs {
    own: Vec<Arc<Config>>,
}

impl Configs {
    /// Adds a user's config, whose identifier is new.
    pub fn add(&mut self, config: Config) -> Result<(), ConfigError> {
        let id = config.id();
        let taken = self.own.iter().any(|known| known.id() == id);
        if taken || builtin::ids().any(|known| known == id) {
            return Err(ConfigError::Taken { id: id.to_owned() });
        }
        self.own.push(Arc::new(config));
        Ok(())
    }

    /// All configs, the built-in ones first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Config>> {
        builtin::configs()
            .map(|config| -> &Arc<Config> { config })
            .chain(&self.own)
    }

    /// The config of an identifier.
    pub fn find(&self, id: &str) -> Result<&Arc<Config>, ConfigError> {
        let own = self.own.iter().find(|config| config.id() == id);
        own.or_else(|| builtin::find(id))
            .ok_or_else(|| ConfigError::Unknown {
                id: id.to_owned(),
                hint: hint(id, self.iter().map(|config| config.id())),
            })
    }

    /// Says which config the tensors of a checkpoint are named by, from their names and shapes.
    pub fn recognise<'a>(
        &self,
        tensors: impl Iterator<Item = (&'a str, &'a [u64])> + Clone,
    ) -> Recognition<'_> {
        // The configs of adapters are large: they are expanded where there are factors.
        let names = || tensors.clone().map(|(name, _)| name);
        let wanted = |format: &Format| names().any(|name| format.names(name));
        let mut known: Vec<&Arc<Config>> = builtin::adapters(wanted).collect();
        if names().any(|name| !is_factor(name)) {
            known.extend(builtin::models());
        }
        let known = known.into_iter().chain(&self.own);
        let named = known.filter(|config| !config.is_blocks());
        Recognition::among(named.filter_map(|config| Candidate::of(config, tensors.clone())))
    }
}
