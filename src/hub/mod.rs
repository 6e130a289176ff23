//! Models that are named by a Hugging Face reference: found in the cache, else downloaded into it.
//!
//! The cache is that of `huggingface_hub`, folder by folder, so that what Python has downloaded is
//! found here and what is downloaded here is found by Python. A [`Reference`] is told from a path
//! by its form; [`Hub::locate`] looks for it on the disk first and asks the network only for what
//! is not there. What comes is checked against the length and hash that the hub names, and a
//! download that ends early goes on where it was.
//!
//! Nothing here knows tensors: which files of a repository make up a model is told by their names
//! and by the indexes among them.

mod cache;
mod choice;
#[cfg(feature = "hub")]
mod client;
#[cfg(feature = "hub")]
mod download;
mod error;
#[cfg(feature = "hub")]
mod fetch;
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
