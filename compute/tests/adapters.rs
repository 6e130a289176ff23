//! What adapters make of weights, against what the libraries compute that write them:
//! `data/adapters`, of which `README.md` there says how it was made.

#[path = "adapters/file.rs"]
mod file;
#[path = "adapters/lycoris.rs"]
mod lycoris;
#[path = "adapters/peft.rs"]
mod peft;
#[path = "adapters/refusals.rs"]
mod refusals;
#[path = "adapters/weights.rs"]
mod weights;
