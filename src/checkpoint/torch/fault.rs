//! What can be wrong with a PyTorch file. The file is named by the error around it.

use crate::checkpoint::file::FileError;
use crate::figures::counted;

/// What is wrong with a PyTorch file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TorchError {
    /// The directory of the archive is not there or not sound.
    #[error(
        "the archive cannot be read: {fault}; the file is damaged or truncated, download it \
             again"
    )]
    Archive {
        /// What is wrong with it.
        fault: String,
    },
    /// The archive has more members than are read.
    #[error(
        "the archive has more than {max} members, the limit; divide the model into several \
             files"
    )]
    TooManyMembers {
        /// The limit.
        max: usize,
    },
    /// Two members have one name.
    #[error("the archive has the member `{member}` twice; the file is damaged or made to deceive")]
    DuplicateMember {
        /// The repeated name.
        member: String,
    },
    /// Two members share bytes.
    #[error(
        "the members `{first}` and `{second}` of the archive share bytes; the file is damaged \
             or made to deceive"
    )]
    OverlappingMembers {
        /// The member that begins first.
        first: String,
        /// The member that begins inside it.
        second: String,
    },
    /// A member ends behind the members' part of the file.
    #[error(
        "the member `{member}` of the archive ends at byte {end}, the members' part of the \
             file at byte {bytes}; the file is truncated, download it again"
    )]
    MemberBeyondFile {
        /// The member.
        member: String,
        /// Where it would end.
        end: u64,
        /// Where the members' part ends.
        bytes: u64,
    },
    /// A member is compressed or encrypted, so that its bytes cannot be read in place.
    #[error(
        "the member `{member}` of the archive is {how}, but torch stores members as they are; \
             load the file in Python and save it again with `torch.save`"
    )]
    Packed {
        /// The member.
        member: String,
        /// What was done to it.
        how: &'static str,
    },
    /// The archive was not made by `torch.save`.
    #[error(
        "is a zip archive without `data.pkl`, which `torch.save` writes; name the file of the \
             weights"
    )]
    NoPickle,
    /// The archive holds more than one pickle.
    #[error(
        "the archive has two pickles, `{first}` and `{second}`; the file is damaged or made \
             to deceive"
    )]
    TwoPickles {
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// It is a TorchScript archive: code with its weights.
    #[error(
        "is a TorchScript archive, a program with its weights, which is not run here; in \
             Python, save the weights alone: `torch.save(torch.jit.load(path).state_dict(), out)`"
    )]
    Script,
    /// Its numbers have the other order of bytes.
    #[error(
        "its numbers are stored in {order}-endian order, only little-endian is read; save it \
             again on a little-endian machine"
    )]
    ByteOrder {
        /// The order by its own word.
        order: String,
    },
    /// The pickle is longer than any list of weights.
    #[error("the pickle has more than {max} bytes, the limit; save the weights alone")]
    TooLong {
        /// The limit in bytes.
        max: u64,
    },
    /// The pickle makes more values than are kept.
    #[error("the pickle makes more than {max} {what}, the limit; save the weights alone")]
    TooMany {
        /// The limit.
        max: usize,
        /// Of what.
        what: &'static str,
    },
    /// The values that the pickle makes take more memory than they get.
    #[error(
        "the pickle makes values of more than {max} bytes, the limit with {}; save the weights \
             alone",
        counted(*.tensors, "tensor")
    )]
    TooMuch {
        /// The limit in bytes.
        max: usize,
        /// The tensors up to there, each of which raises it.
        tensors: usize,
    },
    /// A tensor, or a dict of tensors, has a longer name than is read.
    #[error(
        "has a name of {bytes} bytes for tensors, the limit is {max}; shorten it in Python and \
             save the state dict again"
    )]
    LongName {
        /// Its bytes, with those of the dicts around it.
        bytes: u64,
        /// The limit in bytes.
        max: usize,
    },
    /// The names of the tensors take more memory than they get.
    #[error(
        "the names of its {} take {bytes} bytes, the limit is {max}; shorten them in Python and \
             save the state dict again",
        counted(*.tensors, "tensor")
    )]
    LongNames {
        /// How many tensors there are.
        tensors: usize,
        /// The bytes of their names.
        bytes: u64,
        /// The limit in bytes.
        max: u64,
    },
    /// Its tensors lie too deep.
    #[error(
        "its tensors lie in more than {max} dicts in each other, the limit; save the innermost \
             dict alone"
    )]
    TooDeep {
        /// The limit.
        max: usize,
    },
    /// The pickle is not sound.
    #[error("the pickle is damaged at byte {at} ({opcode}): {fault}; download the file again")]
    Malformed {
        /// The instruction.
        opcode: String,
        /// Where it stands in the pickle.
        at: u64,
        /// What is wrong.
        fault: &'static str,
    },
    /// The pickle asks for something that is no part of weights.
    #[error(
        "the pickle asks for {what} ({opcode} at byte {at}), which is no part of weights and \
             is never run; if you trust where it is from, load it in Python and save the \
             `state_dict` alone"
    )]
    Refused {
        /// What it asks for.
        what: String,
        /// The instruction.
        opcode: String,
        /// Where it stands in the pickle.
        at: u64,
    },
    /// The pickle is of an object, such as a module with its code.
    #[error(
        "is a whole pickled object of the class `{class}` ({opcode} at byte {at}), which is \
             never run, not a list of weights; if you trust where it is from, load it in Python \
             and save `model.state_dict()`"
    )]
    WholeObject {
        /// The class by its module and name.
        class: String,
        /// The instruction.
        opcode: String,
        /// Where it stands in the pickle.
        at: u64,
    },
    /// It is not what the format before the archives was.
    #[error(
        "begins as a pickle but not as `torch.save` writes it: {fault}; name the file of the \
             weights"
    )]
    NotTorch {
        /// What is wrong.
        fault: String,
    },
    /// The file ends within a storage.
    #[error(
        "the storage `{storage}` needs {needed} bytes, the file has {there} for it; the file is \
             truncated, download it again"
    )]
    StorageBeyondFile {
        /// The key of the storage.
        storage: String,
        /// The bytes that it takes.
        needed: u64,
        /// The bytes that are left of the file.
        there: u64,
    },
    /// It holds no weights.
    #[error("holds no tensors with names: it is {found}; name a file that holds a state dict")]
    NoWeights {
        /// What it is.
        found: String,
    },
    /// Two tensors have one name.
    #[error("has two tensors of the name `{key}`; save the state dict again")]
    DuplicateKey {
        /// The name.
        key: String,
    },
    /// A tensor is wrong.
    #[error("tensor `{key}`: {fault}")]
    Tensor {
        /// Its name.
        key: String,
        /// What is wrong.
        fault: TensorFault,
    },
}

/// What can be wrong with one tensor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TensorFault {
    /// Its elements have a type that safetensors has no name for.
    #[error("its dtype {dtype} has no counterpart in safetensors; convert or drop it in Python")]
    DType {
        /// The type by its name in torch.
        dtype: String,
    },
    /// Its name stands for something else in safetensors.
    #[error("safetensors keeps this name for its metadata; rename or drop it in Python")]
    ReservedName,
    /// The bytes that it refers to are not there.
    #[error("its storage `{storage}` is not in the file; the file is damaged, download it again")]
    NoStorage {
        /// The key of the storage.
        storage: String,
    },
    /// The file has fewer bytes for a storage than it says.
    #[error(
        "its storage `{storage}` is said to have {expected} bytes, the file has {actual} for \
             it; the file is truncated, download it again"
    )]
    StorageSize {
        /// The key of the storage.
        storage: String,
        /// The bytes that it should have.
        expected: u128,
        /// The bytes that are there.
        actual: u64,
    },
    /// It reaches beyond its storage.
    #[error(
        "it needs {needed} bytes of its storage `{storage}`, which has {bytes}; the file is \
             damaged"
    )]
    BeyondStorage {
        /// The key of the storage.
        storage: String,
        /// Bytes up to its last element.
        needed: u64,
        /// The bytes of the storage.
        bytes: u64,
    },
    /// Its numbers cannot be those of a tensor.
    #[error(
        "its shape {shape:?} and strides {strides:?} are too large to be true; the file is \
             damaged"
    )]
    Absurd {
        /// Its dimensions.
        shape: Vec<u64>,
        /// Its strides in elements.
        strides: Vec<u64>,
    },
}

/// Why reading ends early.
#[derive(Debug)]
pub(super) enum Stop {
    /// The system does not read the file.
    File(FileError),
    /// The file is wrong.
    Torch(TorchError),
}

impl From<FileError> for Stop {
    fn from(fault: FileError) -> Stop {
        Stop::File(fault)
    }
}

impl From<TorchError> for Stop {
    fn from(fault: TorchError) -> Stop {
        Stop::Torch(fault)
    }
}
