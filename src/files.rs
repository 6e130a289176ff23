//! Open files, of which the system allows a process only so many.
//!
//! A file that can be opened again is [`Lent`]: where too many are open, one that nobody uses is
//! closed. Files that have to stay open, as they have no name, are [`Held`]. Until the limit is
//! reached nothing is ever closed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Open files that are left to all else: streams, folders, the drivers of devices.
const SPARE: u64 = 20;
/// Of the others, how many are always lent: each thread uses one at a time.
const LENT: u64 = 8;
/// Open files without which nothing is merged.
pub const NEEDED: u64 = SPARE + LENT;
/// How long to wait for a file that others read or write just now.
const PAUSE: Duration = Duration::from_millis(1);

static POOL: Mutex<Pool> = Mutex::new(Pool {
    held: 0,
    lent: BTreeMap::new(),
});
static NUMBERS: AtomicU64 = AtomicU64::new(0);
/// Counts uses, so that what was not used for longest is closed first.
static CLOCK: AtomicU64 = AtomicU64::new(0);

/// What this module has open.
struct Pool {
    held: u64,
    /// The open ones, by their numbers.
    lent: BTreeMap<u64, Arc<Slot>>,
}

/// A file that is opened when it is used, and may be closed when it is not.
#[derive(Debug)]
pub struct Lent {
    number: u64,
    slot: Arc<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    /// Whoever waits for the pool may hold this; whoever holds the pool never waits for this.
    file: Mutex<Option<Arc<File>>>,
    used: AtomicU64,
}

/// A number of files that stay open until this is dropped.
#[derive(Debug)]
pub struct Held(u64);

/// Files that the process may have open.
#[must_use]
pub fn limit() -> u64 {
    #[cfg(unix)]
    {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        limit.current.unwrap_or(u64::MAX)
    }
    #[cfg(not(unix))]
    u64::MAX
}

/// How many of them may be lent and held.
fn room() -> u64 {
    let limit = limit();
    limit.saturating_sub(SPARE.max(limit / 4)).max(LENT)
}

/// Whether an error says that no more files can be opened.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let full = [Some(Errno::MFILE), Some(Errno::NFILE)];
        full.contains(&Errno::from_io_error(error))
    }
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    fn open(&self) -> u64 {
        self.held + self.lent.len() as u64
    }

    /// Closes the file that was not used for longest of those that nobody uses, if there is one.
    fn close_one(&mut self) -> bool {
        let lent = self.lent.iter();
        let mut by_use: Vec<(u64, u64)> = lent
            .map(|(number, slot)| (slot.used.load(Ordering::Relaxed), *number))
            .collect();
        by_use.sort_unstable();
        let mut numbers = by_use.into_iter().map(|(_, number)| number);
        let closed = numbers.find(|number| self.lent.get(number).is_some_and(|slot| slot.close()));
        closed.is_some_and(|number| self.lent.remove(&number).is_some())
    }
}

impl Slot {
    /// Closes the file unless somebody uses it.
    fn close(&self) -> bool {
        let Ok(mut file) = self.file.try_lock() else {
            return false;
        };
        // Clones are made under the lock alone.
        let idle = file
            .as_ref()
            .is_some_and(|file| Arc::strong_count(file) == 1);
        if idle {
            *file = None;
        }
        idle
    }
}

impl Default for Lent {
    /// A file that is not open yet.
    fn default() -> Lent {
        Lent {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            slot: Arc::default(),
        }
    }
}

impl Lent {
    /// The open file; `open` opens it where it is closed, and has to see to it that it is the same
    /// as before. Nobody keeps it for longer than a read or a write, or uses two at a time.
    ///
    /// # Errors
    /// What `open` says.
    pub fn get(&self, open: impl Fn() -> io::Result<File>) -> io::Result<Arc<File>> {
        let mut file = lock(&self.slot.file);
        let now = CLOCK.fetch_add(1, Ordering::Relaxed);
        self.slot.used.store(now, Ordering::Relaxed);
        if let Some(file) = &*file {
            return Ok(Arc::clone(file));
        }
        self.make_room();
        let opened = loop {
            match open() {
                Err(fault) if is_full(&fault) && lock(&POOL).close_one() => {}
                opened => break opened,
            }
        };
        match opened {
            Ok(opened) => Ok(Arc::clone(file.insert(Arc::new(opened)))),
            Err(fault) => {
                lock(&POOL).lent.remove(&self.number);
                Err(fault)
            }
        }
    }

    /// The file if it is open now.
    #[must_use]
    pub fn open(&self) -> Option<Arc<File>> {
        lock(&self.slot.file).as_ref().map(Arc::clone)
    }

    /// Takes a place in the pool.
    fn make_room(&self) {
        loop {
            let mut pool = lock(&POOL);
            let alone = pool.lent.is_empty();
            if pool.open() < room() || alone || pool.close_one() {
                pool.lent.insert(self.number, Arc::clone(&self.slot));
                return;
            }
            drop(pool);
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        lock(&POOL).lent.remove(&self.number);
    }
}

impl Held {
    /// Takes so many files out of those that may be open, if enough are left that can be lent.
    #[must_use]
    pub fn take(count: u64) -> Option<Held> {
        let mut pool = lock(&POOL);
        let held = pool.held.saturating_add(count);
        if held.saturating_add(LENT) > room() {
            return None;
        }
        pool.held = held;
        while pool.open() > room() && pool.close_one() {}
        Some(Held(count))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        lock(&POOL).held -= self.0;
    }
}
