//! `wgmerge convert`: another key format, dtype or division into files.

use std::path::Path;

use super::additions::added;
use super::args::ConvertArgs;
use super::failure::Failure;
use super::merge::{self, Job};
use super::out::{self, Kind};
use super::report::Done;
use super::{models, recipe};
use crate::checkpoint::Checkpoint;
use crate::keys::adapter::Adapter;
use crate::keys::conversion;
use crate::merge::Merge;
use crate::method::Space;
use crate::recipe::{
    Form, ModelId, Names, OnNan, Options, OutputNames, Recipe, RecipeNode, Recogniser, Route,
};

/// Converts a checkpoint.
pub(super) fn run(args: &ConvertArgs) -> Result<(), Failure> {
    let registry = recipe::registry(&args.configs.files)?;
    if models::any_reference(std::slice::from_ref(&args.path))? {
        Merge::check_place(&args.output.output, args.work.force)?;
    }
    let (path, note) = models::located(&args.path, args.output.report.quiet)?;
    let added_to = args.additions.lora.len() + args.additions.drop.len();
    let mut recipe = Recipe {
        configs: registry,
        ..Recipe::new(
            vec![path.clone()],
            vec![RecipeNode::Model {
                model: ModelId::default(),
                // What is not looked into needs no config.
                form: match added_to > 0 || args.additions.vae.is_some() {
                    true => Form::Inferred,
                    false => Form::Own,
                },
                space: Space::Weight,
            }],
            options(args)?,
        )
    };
    if let Some(to) = &args.to {
        let to = recipe.configs.find(to);
        let to = to.map_err(|fault| Failure::input(fault.to_string()))?;
        let to = to.id().to_owned();
        let from = source(args, &path, &recipe, &to)?;
        recipe.nodes[0] = RecipeNode::Model {
            model: ModelId::default(),
            form: Form::Config(from.clone()),
            space: Space::Weight,
        };
        let Some(way) = conversion::path(&from, &to) else {
            return Err(Failure::input(no_way(args, &from, &to)));
        };
        for step in way {
            recipe.nodes.push(RecipeNode::Route {
                route: Route::Convert(step),
                inputs: vec![recipe.root()],
            });
        }
    }
    if let Some(note) = note.filter(|_| !args.output.report.quiet) {
        out::say(Kind::Note, &note);
    }
    let recipe = added(recipe, &args.additions);
    let job = Job {
        reads: args.configs.files.clone(),
        ..Job::of(recipe)
    };
    merge::write(job, &args.work, &args.output, Done::Converted)
}

/// How the output is stored, and what its tensors are called.
fn options(args: &ConvertArgs) -> Result<Options, Failure> {
    let renames = args.to.is_some() || args.strip_prefix.is_some() || args.add_prefix.is_some();
    let options = Options {
        dtype: args.dtype,
        seed: args.seed,
        shard_bytes: args.max_shard_size,
        // What a checkpoint holds is not judged here.
        on_nan: OnNan::Keep,
        on_overflow: args.on_overflow,
        metadata: crate::recipe::Metadata::Full,
        strip_prefix: args.strip_prefix.clone().into_iter().collect(),
        add_prefix: args.add_prefix.clone().unwrap_or_default(),
        output_names: match renames {
            true => OutputNames::Graph,
            false => OutputNames::Reference,
        },
        ..Options::default()
    };
    args.format.apply(options).map_err(Failure::input)
}

/// The model config of the input, which is to be converted to another.
fn source(args: &ConvertArgs, path: &Path, recipe: &Recipe, to: &str) -> Result<String, Failure> {
    if let Some(from) = &args.from {
        let config = recipe.configs.find(from);
        return match config {
            Ok(config) => Ok(config.id().to_owned()),
            Err(fault) => Err(Failure::input(fault.to_string())),
        };
    }
    let checkpoint = Checkpoint::open(path)?;
    // Of codes, neither names nor shapes are those of a config.
    let decoded = checkpoint.check_decoded();
    decoded.map_err(|fault| Failure::input(fault.to_string()))?;
    let names = [Names {
        path: checkpoint.path(),
        tensors: checkpoint.tensors(),
    }];
    let source = Recogniser::new(recipe, &names).source(ModelId::default(), to);
    let adapter = Adapter::of(checkpoint.tensors().keys().map(String::as_str));
    source.map_err(|unclear| match (unclear.is_unknown, adapter) {
        (true, Some(adapter)) => Failure::input(format!(
            "{}: is {adapter}, which wgmerge does not read: it reads LoRA and LoKr of SD1 and SDXL \
             in the names of kohya and LyCORIS; bake this one into its base with the tool that \
             made it",
            args.path.display()
        )),
        _ => Failure::input(format!(
            "{}: which model config its names are of is not clear: say it with --from\n{}",
            args.path.display(),
            unclear.explanation
        )),
    })
}

fn no_way(args: &ConvertArgs, from: &str, to: &str) -> String {
    let mut reached: Vec<&str> = conversion::conversions()
        .iter()
        .map(|conversion| conversion.to)
        .filter(|to| *to != from && conversion::path(from, to).is_some())
        .collect();
    reached.sort_unstable();
    reached.dedup();
    let reached = match reached.as_slice() {
        [] => "nothing".to_owned(),
        some => some.join(", "),
    };
    format!(
        "{} is {from}, from which no conversion leads to {to}; it can become {reached}",
        args.path.display()
    )
}
