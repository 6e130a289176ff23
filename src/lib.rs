//! Merges neural-network checkpoints on a GPU or the CPU, with the same bytes, in bounded memory.
//!
//! The `wgmerge` command is this library with arguments; the repository's README tells what it
//! does. This page is a guide to the library.
//!
//! # A merge
//!
//! [`merge_of`] makes a [`Recipe`](recipe::Recipe) of one method, models and parameters, in the
//! words of the command line. [`Merge::prepare`] opens the models, plans and finds everything that
//! is wrong with them and the recipe, [`Merge::check_output`] what is wrong with the place of the
//! output, before a byte is written. [`Merge::run`] does it.
//!
//! ```no_run
//! use wgmerge::{Cancel, Merge, Options, Settings, Silent, merge_of};
//!
//! let models = vec!["a.safetensors".into(), "b.safetensors".into()];
//! let recipe = merge_of("linear", None, models, &["weight=3,1".into()], Options::default())?;
//! let merge = Merge::prepare(recipe, Settings::new("out.safetensors"))?;
//! println!("{}", merge.plan().summary());
//! let report = merge.run(&Silent, &Cancel::new(false))?;
//! println!("{} tensors computed in {:.2} s", report.computed, report.seconds);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Settings`] say where the output goes and with what the work is done: memory, threads, device.
//! They never change a byte of it. A device is found by
//! [`choose_device`](merge::choose_device); what [`Progress`](merge::Progress) is told can drive a
//! bar; setting the [`Cancel`] flag from another thread stops a merge, which then leaves nothing
//! behind.
//!
//! # Recipes
//!
//! A merge of merges is composed in Rust by [`recipe::compose`], or read from sd-mecha's `.mecha`
//! texts by [`recipe::mecha`]. [`Options`] say how to treat what does not fit and what the
//! output looks like, as the flags of the same names do. [`plan`] turns recipe and headers into
//! jobs without touching a file, so a merge can be examined by programs: [`plan::Summary`] is also
//! the JSON of `wgmerge plan`.
//!
//! # A method of your own
//!
//! A method is a row of a table, [`method::Method`], whose `lower` writes the arithmetic of one
//! tensor into an expression. What it writes runs on every device with the same bytes, streams, and
//! is recorded in the output's metadata. This one halves the way from the first model to the
//! second:
//!
//! ```
//! use wgmerge::kernel::Node;
//! use wgmerge::method::{Base, Domain, Group, Input, Lowering, Method, register};
//! use wgmerge::{Options, merge_of};
//!
//! fn half_way(l: &mut Lowering<'_>) -> Node {
//!     let terms: Vec<(Node, f64)> = l.values().into_iter().map(|value| (value, 0.5)).collect();
//!     l.combine(&terms).unwrap_or(terms[0].0)
//! }
//!
//! static HALF_WAY: Method = Method {
//!     id: "half_way",
//!     summary: "the middle of two models",
//!     formula: "a / 2 + b / 2",
//!     source: "this page",
//!     group: Group::Own,
//!     peers: &[],
//!     base: Base::None,
//!     models_min: 2,
//!     models_max: 2,
//!     inputs: &[Input { name: "models", domain: Domain::Same }],
//!     result: Domain::Same,
//!     parameters: &[],
//!     ratio: None,
//!     lower: &half_way,
//! };
//!
//! register(&HALF_WAY)?;
//! let models = vec!["a.safetensors".into(), "b.safetensors".into()];
//! let recipe = merge_of("half_way", None, models, &[], Options::default())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A formula that the table [`kernel::Formula`] lacks is written in WGSL ([`method::file`]), or
//! added in this repository: it is one function under `compute/shaders/`, which rustc and the GPU's
//! compiler both read.
//!
//! # Stability
//!
//! Before 1.0 what this page names is kept as stable as can be: the items of the crate's root,
//! [`recipe::compose`], [`method::Method`], [`method::Lowering`]. The other modules are public for
//! tests, benchmarks and the curious, and change with the engine.
#![deny(missing_docs)]

pub mod adapters;
pub mod checkpoint;
pub mod cli;
pub mod disk;
pub mod files;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod hub;
pub mod keys;
pub mod loader;
pub mod merge;
pub mod method;
pub mod plan;
pub mod recipe;
pub mod report;
pub mod sink;
pub mod vocabulary;

pub use wgmerge_compute::{adapter, dtype, exec, fault, format, kernel, wgsl};
use wgmerge_compute::{figures, id, level};

pub use merge::{Cancel, Merge, MergeError, Report, Settings, Silent};
pub use recipe::{Options, merge_of};

/// The examples of the README are tested with those of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
