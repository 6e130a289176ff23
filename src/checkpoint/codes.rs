//! What an opened checkpoint knows of its tensors that are stored as codes.

use std::path::Path;

use super::coding::Coding;
use super::contents::Contents;
use super::convention::{
    self, Coded, ConventionError, LAYERS_FIELD, Layers, Recognised, Said, Settings, Stored,
};
use super::logical;
use super::tensor::{TensorInfo, Tensors};
use super::{Checkpoint, CheckpointError, in_component};
use crate::level::Level;

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
    /// Where some entries are codes, the tensors.
    tensors: Option<Tensors>,
}

impl Default for Codes {
    fn default() -> Codes {
        Codes {
            settings: Vec::new(),
            layers: Vec::new(),
            blocks: Vec::new(),
            stored: Ok(Recognised::default()),
            tensors: None,
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
    /// Its tensors by key, in the order of their bytes: by file, then by offset. Keys of a
    /// component folder are `component/key`. A tensor that is stored as codes is one, whatever
    /// entries it is made of.
    pub fn tensors(&self) -> &Tensors {
        self.codes.tensors.as_ref().unwrap_or(&self.entries)
    }

    /// The entries that mark it as one of codes, and belong to no tensor.
    pub fn markers(&self) -> &[String] {
        match &self.codes.stored {
            Ok(found) => &found.markers,
            Err(_) => &[],
        }
    }

    /// Has tensors that are stored with rows and columns added, of a number that the file does not
    /// tell, be of the shapes that other checkpoints have them in.
    pub fn agree(checkpoints: &mut [Checkpoint]) {
        for at in 0..checkpoints.len() {
            let (before, rest) = checkpoints.split_at_mut(at);
            let Some((own, after)) = rest.split_first_mut() else {
                return;
            };
            let Some(tensors) = &mut own.codes.tensors else {
                continue;
            };
            for other in before.iter().chain(&*after) {
                logical::adopt(tensors, other.tensors());
            }
        }
    }

    /// A tensor that is stored as codes, by the name that it is seen by.
    pub fn coded(&self, name: &str) -> Option<&Coded> {
        self.codes.stored.as_ref().ok()?.tensors.get(name)
    }

    /// Checks that what is stored as codes is understood.
    ///
    /// # Errors
    /// [`ConventionError`], which names a tensor, the convention and the way out.
    pub fn check_decoded(&self) -> Result<(), Box<ConventionError>> {
        match &self.codes.stored {
            Ok(_) => Ok(()),
            Err(fault) => Err(fault.clone()),
        }
    }

    /// Fills `buf` with f32 of a tensor that is stored as codes, from an element on.
    pub(super) fn read_codes(
        &self,
        coding: &Coding,
        start: u64,
        buf: &mut [u8],
    ) -> Result<(), CheckpointError> {
        let mut numbers = vec![0.0; buf.len() / size_of::<f32>()];
        let elements = start..start + numbers.len() as u64;
        let spans = coding.format.spans(&coding.shape, elements.clone());
        let mut parts = Vec::with_capacity(spans.len());
        for (entry, span) in coding.parts.iter().zip(spans) {
            let mut bytes = vec![0; (span.end - span.start) as usize];
            self.read_at(entry.file, entry.span.start + span.start, &mut bytes)?;
            parts.push(bytes);
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let (format, shape) = (&coding.format, &coding.shape);
        format.decode(Level::detect(), shape, elements, &parts, &mut numbers);
        for (place, number) in buf.chunks_exact_mut(size_of::<f32>()).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        Ok(())
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
        let mut stored = convention::recognise(&self.entries, &said, &mut read)?;
        if let Ok(found) = &mut stored {
            found.tensors.extend(std::mem::take(&mut self.codes.blocks));
            let none = found.tensors.is_empty() && found.markers.is_empty();
            self.codes.tensors = (!none).then(|| logical::tensors(&self.entries, found));
        }
        self.codes.stored = stored;
        Ok(())
    }
}
