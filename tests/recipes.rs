//! Recipes: their text, their graph, and what comes out.

mod adapters;
mod arrangement;
mod blocks;
mod check;
mod compose;
mod convert;
mod devices;
mod dialects;
mod fusion;
mod gathering;
mod golden;
mod layers;
mod limits;
mod losses;
mod random;
mod record;
mod reference;
mod regmean;
mod suite;
mod sweep;
mod syntax;
mod units;

use crate::support::command::{prints as succeeds, refuses, run as wgmerge};
