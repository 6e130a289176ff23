//! The format since torch 1.6: a zip archive with a pickle and a member for each storage.

use std::collections::HashSet;
use std::ops::Range;

use super::fault::{Stop, TorchError};
use super::input::Input;
use super::pickle::{self, Pickle};
use super::zip::{Directory, Members};
use crate::checkpoint::file::WeightFile;

/// The member that holds the pickle, behind the archive's own name.
const PICKLE: &str = "/data.pkl";
/// What the members of storages begin with, behind it.
const STORAGES: &str = "/data/";
/// The member that names the order of bytes.
const BYTE_ORDER: &str = "byteorder";
/// The longest word for it that is read.
const WORD_BYTES: u64 = 16;

/// An opened archive.
pub(super) struct Archive {
    pub(super) pickle: Pickle,
    /// The pickle, and the storages that it speaks of.
    members: Members,
    /// What the names of members begin with.
    name: String,
}

impl Archive {
    pub(super) fn open(file: &WeightFile) -> Result<Archive, Stop> {
        let mut directory = Directory::open(file)?;
        let name = root(&mut directory)?;
        let code = format!("{name}/code/");
        directory.each(|member| match member.starts_with(&code) {
            true => Err(TorchError::Script),
            false => Ok(()),
        })?;
        let (order, source) = (format!("{name}/{BYTE_ORDER}"), format!("{name}{PICKLE}"));
        let members = directory.members(|member| member == order || member == source)?;
        if let Some(span) = members.get(&order)? {
            check_order(file, &span)?;
        }
        let span = members.get(&source)?.unwrap_or_default();
        let pickle = pickle::run(Input::new(file, span.start, span.end - span.start))?;
        let heap = &pickle.heap;
        let keys = heap.storages().iter().map(|storage| heap.text(storage.key));
        let keys: HashSet<&str, foldhash::fast::RandomState> = keys.collect();
        let storages = format!("{name}{STORAGES}");
        let members = directory.members(|member| {
            let key = member.strip_prefix(&storages);
            member == source || key.is_some_and(|key| keys.contains(key))
        })?;
        drop(keys);
        Ok(Archive {
            pickle,
            members,
            name,
        })
    }

    /// The bytes of a storage.
    pub(super) fn storage(&self, key: &str) -> Result<Option<Range<u64>>, TorchError> {
        self.members.get(&format!("{}{STORAGES}{key}", self.name))
    }
}

/// What stands before the name of the only pickle.
fn root(directory: &mut Directory<'_>) -> Result<String, Stop> {
    let mut found: Option<String> = None;
    directory.each(|member| {
        let root = member.strip_suffix(PICKLE);
        let Some(root) = root.filter(|root| !root.contains('/')) else {
            return Ok(());
        };
        match &found {
            None => found = Some(root.to_owned()),
            Some(first) if first == root => {
                let member = member.to_owned();
                return Err(TorchError::DuplicateMember { member });
            }
            Some(first) => {
                let [first, second] = [first, root].map(|name| format!("{name}{PICKLE}"));
                return Err(TorchError::TwoPickles { first, second });
            }
        }
        Ok(())
    })?;
    found.ok_or_else(|| TorchError::NoPickle.into())
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
