//! What an opened checkpoint knows of its tensors that are stored as codes.

use std::path::Path;

use super::contents::Contents;
use super::convention::{
    self, Coded, ConventionError, LAYERS_FIELD, Layers, Recognised, Said, Settings, Stored,
};
use super::tensor::TensorInfo;
use super::{Checkpoint, CheckpointError, in_component};

/// What is known of a checkpoint's codes.
#[derive(Debug)]
pub(super) struct Codes {
    /// What the settings of its folders say.
    settings: Vec<Settings>,
    /// What the headers of its files say of layers.
    layers: Vec<Layers>,
    /// Tensors that the files themselves say are blocks of codes.
    blocks: Vec<(String, Coded)>,
    /// What was made of all that.
    stored: Stored,
}

impl Default for Codes {
    fn default() -> Codes {
        Codes {
            settings: Vec::new(),
            layers: Vec::new(),
            blocks: Vec::new(),
            stored: Ok(Recognised::default()),
        }
    }
}

impl Codes {
    /// Reads the settings in a folder of weights.
    pub(super) fn add_settings(&mut self, folder: &Path, component: Option<&str>) {
        self.settings
            .extend(convention::settings(folder, component));
    }

    /// Notes what a file says.
    pub(super) fn add_file(&mut self, contents: &Contents, component: Option<&str>) {
        let layers = contents.metadata.get(LAYERS_FIELD);
        self.layers.extend(layers.map(|text| Layers {
            component: component.map(str::to_owned),
            text: text.clone(),
        }));
        for (key, coded) in &contents.coded {
            let key = in_component(component, key.clone());
            let parts = vec![key.clone()];
            let coded = coded.clone();
            self.blocks.push((key, Coded { parts, ..coded }));
        }
    }
}

impl Checkpoint {
    /// Its tensors that are stored as codes, or why they are not read.
    pub fn stored(&self) -> &Stored {
        &self.codes.stored
    }

    /// A tensor that is stored as codes, by the name that it is seen by.
    pub fn coded(&self, name: &str) -> Option<&Coded> {
        self.codes.stored.as_ref().ok()?.tensors.get(name)
    }

    /// Checks that its tensors are plain numbers and integers, no codes of a quantisation.
    ///
    /// # Errors
    /// [`ConventionError`], which names a tensor, the convention and
    /// the way out.
    pub fn check_plain(&self) -> Result<(), Box<ConventionError>> {
        convention::check_plain(&self.tensors, &self.path, &self.codes.stored)
    }

    /// Recognises tensors that are stored as codes.
    pub(super) fn recognise(&mut self) -> Result<(), CheckpointError> {
        let said = Said {
            path: &self.path,
            metadata: &self.metadata,
            quantisation: self.quantisation(),
            settings: &self.codes.settings,
            layers: &self.codes.layers,
        };
        let mut read = |info: &TensorInfo| {
            let mut bytes = vec![0; info.bytes() as usize];
            self.read_elements(info, 0, &mut bytes)?;
            Ok(bytes)
        };
        let mut stored = convention::recognise(&self.tensors, &said, &mut read)?;
        if let Ok(found) = &mut stored {
            found.tensors.extend(std::mem::take(&mut self.codes.blocks));
        }
        self.codes.stored = stored;
        Ok(())
    }
}
