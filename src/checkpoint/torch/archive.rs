//! The format since torch 1.6: a zip archive with a pickle and a member for each storage.

use std::ops::Range;

use super::fault::{Stop, TorchError};
use super::input::Input;
use super::pickle::{self, Pickle};
use super::zip::{self, Members};
use crate::checkpoint::file::WeightFile;

/// The member that holds the pickle, behind the archive's own name.
const PICKLE: &str = "/data.pkl";
/// The member that names the order of bytes.
const BYTE_ORDER: &str = "byteorder";
/// The longest word for it that is read.
const WORD_BYTES: u64 = 16;

/// An opened archive.
pub(super) struct Archive {
    pub(super) pickle: Pickle,
    members: Members,
    /// What the names of members begin with.
    name: String,
}

impl Archive {
    pub(super) fn open(file: &WeightFile) -> Result<Archive, Stop> {
        let members = zip::members(file)?;
        let root = |name: &str| {
            let root = name.strip_suffix(PICKLE)?;
            (!root.contains('/')).then(|| root.to_owned())
        };
        let mut found = members.names().filter_map(root);
        let name = match (found.next(), found.next()) {
            (None, _) => return Err(TorchError::NoPickle.into()),
            (Some(name), None) => name,
            (Some(first), Some(second)) => {
                let [first, second] = [first, second].map(|name| name + PICKLE);
                return Err(TorchError::TwoPickles { first, second }.into());
            }
        };
        drop(found);
        let code = format!("{name}/code/");
        if members.names().any(|member| member.starts_with(&code)) {
            return Err(TorchError::Script.into());
        }
        if let Some(span) = members.get(&format!("{name}/{BYTE_ORDER}"))? {
            check_order(file, &span)?;
        }
        let span = members.get(&format!("{name}{PICKLE}"))?.unwrap_or_default();
        let pickle = pickle::run(Input::new(file, span.start, span.end - span.start))?;
        Ok(Archive {
            pickle,
            members,
            name,
        })
    }

    /// The bytes of a storage.
    pub(super) fn storage(&self, key: &str) -> Result<Option<Range<u64>>, TorchError> {
        self.members.get(&format!("{}/data/{key}", self.name))
    }
}

fn check_order(file: &WeightFile, span: &Range<u64>) -> Result<(), Stop> {
    let mut word = vec![0; (span.end - span.start).min(WORD_BYTES) as usize];
    file.read_at(span.start, &mut word)?;
    match &word[..] {
        b"little" => Ok(()),
        order => {
            let order = String::from_utf8_lossy(order).into_owned();
            Err(TorchError::ByteOrder { order }.into())
        }
    }
}
