//! The members of an archive, and where their bytes lie in the file.
//!
//! `torch.save` stores members as they are, so that a tensor is a part of the file like any other.
//! The directory is hostile: names must be unique, and no two members may share bytes. That holds
//! for the members that are asked for; of the others nothing is kept, however many there are.

use indexmap::IndexMap;
use rawzip::{
    CompressionMethod, ErrorKind, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ReaderAt, ZipArchive,
    ZipArchiveEntryWayfinder, ZipLocator,
};

use std::io;
use std::ops::Range;

use super::fault::{Stop, TorchError};
use crate::checkpoint::file::{FileError, WeightFile};

/// The most members of one archive: twice as many as a file may have tensors. It bounds the time
/// that the directory takes.
const MEMBERS_MAX: usize = 1_000_000;
/// The longest name of a member, in bytes: a name is text from a pickle's keys.
const NAME_BYTES_MAX: usize = 4096;

/// The members by name.
#[derive(Debug, Default)]
pub(super) struct Members(IndexMap<String, Member>);

#[derive(Debug)]
struct Member {
    /// Its bytes in the file.
    span: Range<u64>,
    /// What was done to them.
    packed: Option<&'static str>,
}

impl Members {
    /// The bytes of a member, where there is one.
    ///
    /// # Errors
    /// [`TorchError::Packed`] where they are not what was stored.
    pub(super) fn get(&self, name: &str) -> Result<Option<Range<u64>>, TorchError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Member { span, packed: None }) => Ok(Some(span.clone())),
            Some(Member {
                packed: Some(how), ..
            }) => {
                let member = name.to_owned();
                Err(TorchError::Packed { member, how })
            }
        }
    }
}

/// A file as the directory's reader sees it.
struct Reader<'f>(&'f WeightFile);

impl ReaderAt for Reader<'_> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let there = self.0.len.saturating_sub(offset);
        let len = buf.len().min(usize::try_from(there).unwrap_or(usize::MAX));
        let read = self.0.read_at(offset, &mut buf[..len]);
        read.map_err(io::Error::other)?;
        Ok(len)
    }
}

/// A member as the directory tells of it.
struct Listed {
    /// Where the file has its header.
    begin: u64,
    packed: Option<&'static str>,
    way: ZipArchiveEntryWayfinder,
}

/// The directory of an archive.
pub(super) struct Directory<'f> {
    archive: ZipArchive<Reader<'f>>,
    /// For one record of it.
    buffer: Vec<u8>,
}

impl<'f> Directory<'f> {
    pub(super) fn open(file: &'f WeightFile) -> Result<Directory<'f>, Stop> {
        let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
        let located = ZipLocator::new().locate_in_reader(Reader(file), &mut buffer, file.len);
        let archive = located.map_err(|(_, fault)| stop(fault))?;
        Ok(Directory { archive, buffer })
    }

    /// The names of all members in turn, as the directory has them.
    pub(super) fn each(
        &mut self,
        mut visit: impl FnMut(&str) -> Result<(), TorchError>,
    ) -> Result<(), Stop> {
        self.listed(|name, _| visit(name))
    }

    /// The members whose names are wanted.
    pub(super) fn members(&mut self, is_wanted: impl Fn(&str) -> bool) -> Result<Members, Stop> {
        let mut listed = IndexMap::new();
        self.listed(|name, member| {
            if is_wanted(name) && listed.insert(name.to_owned(), member).is_some() {
                let member = name.to_owned();
                return Err(TorchError::DuplicateMember { member });
            }
            Ok(())
        })?;
        listed.sort_by(|_, one, _, other| one.begin.cmp(&other.begin));
        let (mut members, mut end) = (Members::default(), 0);
        for (name, member) in listed {
            let span = self.span(&name, &member)?;
            if member.begin < end {
                let first = members.0.last().map(|(name, _)| name.clone());
                return Err(TorchError::OverlappingMembers {
                    first: first.unwrap_or_default(),
                    second: name,
                }
                .into());
            }
            end = span.end;
            let packed = member.packed;
            members.0.insert(name, Member { span, packed });
        }
        Ok(members)
    }

    /// The bytes of a member.
    fn span(&self, name: &str, member: &Listed) -> Result<Range<u64>, Stop> {
        let entry = self.archive.get_entry(member.way).map_err(stop)?;
        let (first, last) = entry.compressed_data_range();
        let bytes = self.archive.directory_offset();
        if last > bytes || first > last {
            let (member, end) = (name.to_owned(), last);
            return Err(TorchError::MemberBeyondFile { member, end, bytes }.into());
        }
        Ok(first..last)
    }

    /// All members in the order of the directory.
    fn listed(
        &mut self,
        mut visit: impl FnMut(&str, Listed) -> Result<(), TorchError>,
    ) -> Result<(), Stop> {
        let mut count = 0;
        let mut entries = self.archive.entries(&mut self.buffer);
        while let Some(entry) = entries.next_entry().map_err(stop)? {
            count += 1;
            if count > MEMBERS_MAX {
                return Err(TorchError::TooManyMembers { max: MEMBERS_MAX }.into());
            }
            let path = entry.file_path();
            let name = std::str::from_utf8(path.as_bytes()).ok();
            let Some(name) = name.filter(|name| name.len() <= NAME_BYTES_MAX) else {
                let fault = "the name of a member is no short text".to_owned();
                return Err(TorchError::Archive { fault }.into());
            };
            let same = entry.compressed_size_hint() == entry.uncompressed_size_hint();
            let packed = match entry.compression_method() {
                _ if entry.flags().is_encrypted() => Some("encrypted"),
                CompressionMethod::STORE if same => None,
                _ => Some("compressed"),
            };
            let (begin, way) = (entry.local_header_offset(), entry.wayfinder());
            visit(name, Listed { begin, packed, way })?;
        }
        Ok(())
    }
}

/// The error that the file's own reader gave, or what is wrong with the directory.
fn stop(fault: rawzip::Error) -> Stop {
    let fault = match fault.into_kind() {
        ErrorKind::IO(fault) => match fault.downcast::<FileError>() {
            Ok(fault) => return Stop::File(fault),
            Err(other) => other.to_string(),
        },
        kind => kind.to_string(),
    };
    TorchError::Archive { fault }.into()
}
