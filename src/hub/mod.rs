//! Models that are named by a Hugging Face reference: found in the cache, else downloaded into it.
//!
//! The cache is that of `huggingface_hub`, folder by folder, so that what Python has downloaded is
//! found here and what is downloaded here is found by Python. A [`Reference`] is told from a path
//! by its form; [`Hub::locate`] looks for it on the disk first and asks the network only for what
//! is not there. What comes is checked against the length and hash that the hub names, and a
//! download that ends early goes on where it was.
//!
//! A hub that is none is given up: a listing has at most 150,000 files and folders with texts of
//! 48 MiB, and 1,000 pages, none of them twice; one answer takes a minute at most, and a transfer
//! that is slower than 1 KiB a second is begun anew as often as one that is cut.
//!
//! Nothing here knows tensors: which files of a repository make up a model is told by their names
//! and by the indexes among them.

#[cfg(feature = "hub")]
mod address;
#[cfg(feature = "hub")]
mod answer;
mod cache;
mod choice;
#[cfg(feature = "hub")]
mod client;
#[cfg(feature = "hub")]
mod download;
mod error;
#[cfg(feature = "hub")]
mod fetch;
#[cfg(feature = "hub")]
mod gathered;
mod listing;
mod locate;
mod reference;
mod settings;
#[cfg(feature = "hub")]
mod store;
mod watch;

pub use self::error::{HubError, Refusal};
pub use self::listing::{Listing, Stored};
pub use self::locate::Hub;
pub use self::reference::Reference;
pub use self::settings::Settings;
pub use self::watch::{Located, Watch};
