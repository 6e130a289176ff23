//! The options of a record.

use super::RecordError;
use super::field::Field;
use crate::kernel::Compute;
use crate::keys::{Filter, blocks};
use crate::recipe::target::Layers;
use crate::recipe::{
    Addition, BlockOption, CodeRounding, CodeScales, Experts, Metadata, Missing, ModelId, OnNan,
    OnOverflow, Options, OutputDType, OutputFormat, OutputNames, Pattern, ShapePolicy, SideFiles,
    Storing,
};

/// The options, with additions of some of so many models.
pub(super) fn options(record: &Field<'_>, models: usize) -> Result<Options, RecordError> {
    Ok(Options {
        compute: word(record, "compute", Compute::from_name)?,
        dtype: word(record, "dtype", OutputDType::from_word)?,
        seed: record.need("seed")?.count()?,
        missing: word(record, "missing", Missing::from_word)?,
        on_nan: word(record, "on_nan", OnNan::from_word)?,
        on_overflow: word(record, "on_overflow", OnOverflow::from_word)?,
        shape: word(record, "shape", ShapePolicy::from_word)?,
        experts: match record.get("experts") {
            None => Experts::default(),
            Some(_) => word(record, "experts", Experts::from_word)?,
        },
        integers: flag(record, "integers")?,
        exact_names: flag(record, "exact_names")?,
        direct_casts: flag(record, "direct_casts")?,
        filter: filter(record)?,
        block_weights: block_weights(record)?,
        metadata: match flag(record, "full_metadata")? {
            true => Metadata::Full,
            false => Metadata::Recipe,
        },
        side_files: match flag(record, "flat")? {
            true => SideFiles::Flat,
            false => SideFiles::All,
        },
        additions: additions(record, models)?,
        strip_prefix: match record.get("strip_prefix") {
            None => Vec::new(),
            Some(own) => own.texts()?,
        },
        add_prefix: match record.get("add_prefix") {
            None => String::new(),
            Some(own) => own.text()?.to_owned(),
        },
        output_names: match flag(record, "graph_names")? {
            true => OutputNames::Graph,
            false => OutputNames::Reference,
        },
        format: match record.get("format") {
            None => OutputFormat::default(),
            Some(own) => OutputFormat {
                storing: word(&own, "storing", Storing::from_word)?,
                layers: layers(&own)?,
                rounding: word(&own, "rounding", CodeRounding::from_word)?,
                scales: word(&own, "scales", CodeScales::from_word)?,
            },
        },
        shard_bytes: record
            .get("max_shard_size")
            .map(|own| own.count())
            .transpose()?,
        ..Options::default()
    })
}

/// Which weights stay in high precision.
fn layers(record: &Field<'_>) -> Result<Layers, RecordError> {
    let layers = word(record, "layers", Layers::from_word)?;
    let Some(own) = record.get("kept") else {
        return Ok(layers);
    };
    let patterns = own.texts()?.into_iter().map(|text| {
        let pattern = Pattern::new(&text);
        pattern.map_err(|fault| own.unsound(fault))
    });
    Ok(layers.with(patterns.collect::<Result<_, _>>()?))
}

/// One of some words.
fn word<T>(
    record: &Field<'_>,
    name: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<T, RecordError> {
    let own = record.need(name)?;
    let known = read(own.text()?);
    known.ok_or_else(|| own.wrong("a word that this version knows"))
}

/// Whether something is so; where nothing is said of it, it is not.
pub(super) fn flag(record: &Field<'_>, name: &str) -> Result<bool, RecordError> {
    record.get(name).map_or(Ok(false), |own| own.flag())
}

fn filter(record: &Field<'_>) -> Result<Filter, RecordError> {
    let include = record.need("include")?;
    let filter = Filter::new(&include.texts()?, &record.need("exclude")?.texts()?);
    filter.map_err(|fault| include.unsound(fault))
}

fn block_weights(record: &Field<'_>) -> Result<Option<BlockOption>, RecordError> {
    let Some(own) = record.get("block_weights") else {
        return Ok(None);
    };
    let text = own.text()?.to_owned();
    let weights = blocks::parse(&text).map_err(|fault| own.unsound(fault))?;
    Ok(Some(BlockOption { text, weights }))
}

fn additions(record: &Field<'_>, models: usize) -> Result<Vec<Addition>, RecordError> {
    let Some(own) = record.get("additions") else {
        return Ok(Vec::new());
    };
    let read = |own: Field<'_>| {
        if own.value.as_str() == Some("clip") {
            return Ok(Addition::Clip);
        }
        let model = |own: &Field<'_>| Ok(ModelId::new(own.index(models)?));
        match (own.get("lora"), own.get("vae"), own.get("drop")) {
            (Some(lora), _, _) => Ok(Addition::Lora {
                model: model(&lora)?,
                strength: own.need("strength")?.number()?,
            }),
            (_, Some(vae), _) => Ok(Addition::Vae {
                model: model(&vae)?,
            }),
            (_, _, Some(drop)) => {
                let pattern = Pattern::new(drop.text()?);
                let pattern = pattern.map_err(|fault| drop.unsound(fault))?;
                Ok(Addition::Drop(pattern))
            }
            _ => Err(own.wrong("clip, or what is added: lora, vae or drop")),
        }
    };
    own.list()?.into_iter().map(read).collect()
}
