//! One file of a repository into the cache: on from where an earlier try ended, checked, and in its
//! place only when it is whole.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::cache::Repository;
use super::client::{Client, Fault, Incoming};
use super::error::Refusal;
use super::store::failed;
use super::{HubError, Reference, Stored, Watch};
use crate::figures::{counted, hex};

/// Bytes that are moved at once.
const BUFFER: usize = 1 << 18;
/// The time before a transfer is begun again; doubled each time.
const PAUSE: Duration = Duration::from_millis(300);
/// The bytes that must come in a second, on average over [`SPAN`].
const SLOWEST: u64 = 1 << 10;
/// How long a transfer may be slower, by how long its next bytes are waited for.
const SPAN: u32 = 3;
/// The bytes with which a try counts as one that went on: fewer could come in endless tries.
const PROGRESS: u64 = 64 << 10;

/// What is downloaded, and for whom.
pub(super) struct Download<'a> {
    pub(super) client: &'a Client<'a>,
    pub(super) repository: &'a Repository,
    pub(super) reference: &'a Reference,
    pub(super) commit: &'a str,
    pub(super) tries: u32,
    pub(super) watch: &'a dyn Watch,
}

/// A file in the making.
struct Part {
    file: File,
    /// Bytes that it has.
    at: u64,
    /// Over these bytes, where the hub tells the hash of all.
    hash: Option<Sha256>,
    /// Bytes that were reported.
    reported: u64,
    /// Whether bytes of an earlier run are among them.
    is_resumed: bool,
}

/// How a transfer ended that is not over.
enum End {
    /// It may go on.
    Cut(String),
    /// It never will.
    Failed(HubError),
}

impl From<HubError> for End {
    fn from(fault: HubError) -> End {
        End::Failed(fault)
    }
}

impl Download<'_> {
    /// Brings a file into the snapshot, if it is not there.
    pub(super) fn file(&self, name: &str, stored: &Stored) -> Result<(), HubError> {
        let etag = stored.etag();
        let blob = self.repository.blob(etag)?;
        let busy = || {
            let file = self.named(name);
            self.watch.say(&format!(
                "{file}: waiting for another program that downloads it"
            ));
        };
        let _lock = self.repository.lock(etag, busy)?;
        if !blob.exists() {
            let incomplete = blob.with_file_name(format!("{etag}.incomplete"));
            self.transfer(name, stored, &incomplete)?;
            fs::rename(&incomplete, &blob).map_err(|fault| failed("written", &blob, fault))?;
        }
        self.repository.link(self.commit, name, etag)
    }

    fn named(&self, name: &str) -> String {
        format!("{}/{name}", self.reference.repository)
    }

    fn transfer(&self, name: &str, stored: &Stored, path: &Path) -> Result<(), HubError> {
        let io = |fault| failed("written", path, fault);
        let mut part = Part::open(path, stored).map_err(io)?;
        self.report(&mut part);
        let (mut tries, mut best) = (0, part.at);
        while part.at < stored.bytes() {
            let fault = match self.stretch(name, stored, &mut part, path) {
                Ok(()) => continue,
                Err(End::Failed(fault)) => return Err(fault),
                Err(End::Cut(fault)) => fault,
            };
            let has_come = part.at.saturating_sub(best) >= PROGRESS;
            tries = if has_come { 1 } else { tries + 1 };
            best = best.max(part.at);
            if tries >= self.tries {
                let file = self.named(name);
                return Err(HubError::Transfer { file, tries, fault });
            }
            std::thread::sleep(PAUSE * 2u32.saturating_pow(tries - 1));
            self.check_cancelled()?;
        }
        if let (Some(wanted), Some(found)) = (&stored.lfs_sha256, part.digest())
            && *wanted != found
        {
            if part.is_resumed {
                // What an earlier run left may be what is wrong.
                part.restart(stored).map_err(io)?;
                drop(part);
                return self.transfer(name, stored, path);
            }
            let _ = fs::remove_file(path);
            let file = self.named(name);
            let fault = format!("the SHA-256 of what came is {found}, that of the hub's {wanted}");
            return Err(HubError::Damaged { file, fault });
        }
        part.file.sync_data().map_err(io)
    }

    /// Moves bytes until the transfer ends.
    fn stretch(
        &self,
        name: &str,
        stored: &Stored,
        part: &mut Part,
        path: &Path,
    ) -> Result<(), End> {
        let io = |fault| failed("written", path, fault);
        let mut incoming = match self.client.open(self.reference, self.commit, name, part.at) {
            Ok(incoming) => incoming,
            Err(Fault::NoRange) => {
                part.restart(stored).map_err(io)?;
                return Err(End::Cut("the server has no such part of it".to_owned()));
            }
            Err(fault) => return Err(self.ended(fault, part, name)),
        };
        self.check_length(name, stored, &incoming, path)?;
        if incoming.start == 0 && part.at > 0 {
            part.restart(stored).map_err(io)?;
        } else if incoming.start != part.at {
            return Err(End::Cut("the server sends another part of it".to_owned()));
        }
        let mut buffer = vec![0; BUFFER];
        let mut pace = Pace::new(self.client.patience() * SPAN);
        while part.at < stored.bytes() {
            self.check_cancelled()?;
            let read = match incoming.body.read(&mut buffer) {
                Ok(0) => return Err(End::Cut("the connection ended".to_owned())),
                Ok(read) => read,
                Err(fault) => return Err(End::Cut(fault.to_string())),
            };
            if read as u64 > stored.bytes() - part.at {
                return Err(self.too_long(name, stored, path).into());
            }
            part.append(&buffer[..read]).map_err(io)?;
            self.report(part);
            pace.check(read as u64).map_err(End::Cut)?;
        }
        match incoming.body.read(&mut buffer) {
            Ok(1..) => Err(self.too_long(name, stored, path).into()),
            _ => Ok(()),
        }
    }

    /// A request that failed. Once bytes have come, an unreachable hub is a passing fault.
    fn ended(&self, fault: Fault, part: &Part, name: &str) -> End {
        match fault {
            Fault::Passing(fault) => End::Cut(fault),
            Fault::NoRange => End::Cut("the server has no such part of it".to_owned()),
            Fault::Refused(Refusal::Unreachable { endpoint, fault }) if part.at > 0 => {
                End::Cut(format!("{endpoint} cannot be reached: {fault}"))
            }
            Fault::Refused(refusal) => End::Failed(HubError::Partial {
                reference: self.reference.to_string(),
                file: name.to_owned(),
                snapshot: self.repository.snapshot(self.commit),
                fault: refusal.into(),
            }),
        }
    }

    fn check_length(
        &self,
        name: &str,
        stored: &Stored,
        incoming: &Incoming,
        path: &Path,
    ) -> Result<(), HubError> {
        match incoming.total {
            Some(total) if total != stored.bytes() => {
                let _ = fs::remove_file(path);
                Err(HubError::Damaged {
                    file: self.named(name),
                    fault: format!(
                        "the server sends {total} bytes, and the hub lists {}",
                        stored.bytes()
                    ),
                })
            }
            _ => Ok(()),
        }
    }

    fn too_long(&self, name: &str, stored: &Stored, path: &Path) -> HubError {
        let _ = fs::remove_file(path);
        let fault = format!(
            "more comes than the {} bytes that the hub lists",
            stored.bytes()
        );
        let file = self.named(name);
        HubError::Damaged { file, fault }
    }

    fn check_cancelled(&self) -> Result<(), HubError> {
        match self.watch.is_cancelled() {
            true => Err(HubError::Interrupted),
            false => Ok(()),
        }
    }

    /// Tells of bytes that are new to the watcher.
    fn report(&self, part: &mut Part) {
        if part.at > part.reported {
            self.watch.advance(part.at - part.reported);
            part.reported = part.at;
        }
    }
}

/// How fast a transfer is.
struct Pace {
    span: Duration,
    /// When this span began.
    begin: Instant,
    /// Bytes since then.
    bytes: u64,
}

impl Pace {
    fn new(span: Duration) -> Pace {
        let (begin, bytes) = (Instant::now(), 0);
        Pace { span, begin, bytes }
    }

    /// Counts bytes.
    ///
    /// # Errors
    /// What there is to say of a transfer that is too slow.
    fn check(&mut self, bytes: u64) -> Result<(), String> {
        self.bytes += bytes;
        let elapsed = self.begin.elapsed();
        if elapsed < self.span {
            return Ok(());
        }
        let seconds = elapsed.as_secs_f64();
        if (self.bytes as f64) < SLOWEST as f64 * seconds {
            return Err(format!(
                "{} came in {seconds:.1} s, less than {SLOWEST} in each",
                counted(self.bytes, "byte")
            ));
        }
        *self = Pace::new(self.span);
        Ok(())
    }
}

impl Part {
    /// Takes up what an earlier run left.
    fn open(path: &Path, stored: &Stored) -> io::Result<Part> {
        let mut options = File::options();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut part = Part {
            at: file.metadata()?.len(),
            hash: stored.lfs_sha256.as_ref().map(|_| Sha256::new()),
            reported: 0,
            is_resumed: true,
            file,
        };
        if part.at > stored.bytes() {
            part.restart(stored)?;
        }
        part.is_resumed = part.at > 0;
        if let Some(hash) = &mut part.hash {
            let mut buffer = vec![0; BUFFER];
            loop {
                match part.file.read(&mut buffer)? {
                    0 => break,
                    read => hash.update(&buffer[..read]),
                }
            }
        }
        part.file.seek(SeekFrom::Start(part.at))?;
        Ok(part)
    }

    /// Throws the bytes away.
    fn restart(&mut self, stored: &Stored) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.at = 0;
        self.is_resumed = false;
        self.hash = stored.lfs_sha256.as_ref().map(|_| Sha256::new());
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// The hash as the hub writes it.
    fn digest(&self) -> Option<String> {
        let digest = self.hash.clone()?.finalize();
        Some(hex(&digest))
    }
}
