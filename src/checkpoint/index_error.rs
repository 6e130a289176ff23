//! What can be wrong with the index of a sharded checkpoint.

use std::io;
use std::path::PathBuf;

use super::file::broken_link;
use super::header::HEADER_BYTES_MAX;

/// What can be wrong with an index or between it and its shards.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The system does not read it.
    #[error("{index}: cannot be read: {fault}")]
    Read {
        /// The index.
        index: PathBuf,
        /// The system's error.
        fault: io::Error,
    },
    /// It is a device, a pipe or a socket.
    #[error("{index}: is not a regular file, so it is no index; remove it")]
    NotRegular {
        /// The index.
        index: PathBuf,
    },
    /// It is a link that leads nowhere.
    #[error("{index}: {}", broken_link(target))]
    BrokenLink {
        /// The index.
        index: PathBuf,
        /// What it should lead to.
        target: PathBuf,
    },
    /// It is longer than any index can be.
    #[error("{index}: has more than {HEADER_BYTES_MAX} bytes; it is no index of weights")]
    TooLong {
        /// The index.
        index: PathBuf,
    },
    /// It is not JSON with a `weight_map`.
    #[error("{index}: is not an index with a `weight_map`: {fault}; download it again")]
    Malformed {
        /// The index.
        index: PathBuf,
        /// What was found and what was expected.
        fault: String,
    },
    /// Its `weight_map` has one tensor twice.
    #[error("{index}: `weight_map` has the key `{key}` twice; download it again")]
    DuplicateKey {
        /// The index.
        index: PathBuf,
        /// The repeated key.
        key: String,
    },
    /// It names a shard that is no file name.
    #[error(
        "{index}: tensor `{key}` is put into `{shard}`, which is not a file name in the folder"
    )]
    BadShardName {
        /// The index.
        index: PathBuf,
        /// The tensor.
        key: String,
        /// The name of the shard.
        shard: String,
    },
    /// A shard is not in the folder.
    #[error("{index}: the shard `{shard}` is not in the folder; download it")]
    MissingShard {
        /// The index.
        index: PathBuf,
        /// The name of the shard.
        shard: String,
    },
    /// Two shards hold a tensor.
    #[error("{index}: tensor `{key}` is in `{first}` and in `{second}`; download both again")]
    TwoShards {
        /// The index.
        index: PathBuf,
        /// The tensor.
        key: String,
        /// One shard.
        first: String,
        /// The other.
        second: String,
    },
    /// A tensor is not in the shard that should hold it.
    #[error(
        "{index}: puts tensor `{key}` into `{shard}`, which does not hold it; download both again"
    )]
    MissingKey {
        /// The index.
        index: PathBuf,
        /// The tensor.
        key: String,
        /// The shard that should hold it.
        shard: String,
    },
    /// A tensor is in another shard than the index says.
    #[error(
        "{index}: puts tensor `{key}` into `{expected}`, but `{actual}` holds it; download the \
         shards again"
    )]
    WrongShard {
        /// The index.
        index: PathBuf,
        /// The tensor.
        key: String,
        /// The shard the index names.
        expected: String,
        /// The shard that holds the tensor.
        actual: String,
    },
    /// A shard holds a tensor that the index does not know.
    #[error("{index}: does not name tensor `{key}`, which `{shard}` holds; download both again")]
    UnlistedKey {
        /// The index.
        index: PathBuf,
        /// The tensor.
        key: String,
        /// The shard that holds it.
        shard: String,
    },
}
