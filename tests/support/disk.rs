//! A disk that is soon full.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A disk of one MiB, unmounted when dropped.
pub struct TinyDisk(tempfile::TempDir);

impl TinyDisk {
    /// `None`, with a line on the error stream, where mounting is not allowed.
    pub fn mount(test: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(folder.path());
        match mount.output() {
            Ok(output) if output.status.success() => Some(Self(folder)),
            other => {
                eprintln!("SKIPPED {test}: cannot mount a small disk: {other:?}");
                None
            }
        }
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let mut umount = Command::new("umount");
        umount.arg(self.0.path()).stderr(Stdio::null());
        let done = wait_for(|| umount.status().is_ok_and(|status| status.success()));
        // A failing test may hold a file open; a second panic would hide its message.
        assert!(
            done || std::thread::panicking(),
            "the small disk stays mounted"
        );
    }
}

/// Waits for `done`. Processes that other tests start inherit open files for a moment, and
/// with them the disk space of files that are long closed here.
pub fn wait_for(mut done: impl FnMut() -> bool) -> bool {
    (0..1000).any(|_| {
        let now = done();
        if !now {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        now
    })
}
