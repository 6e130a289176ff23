//! Processes that are watched while they run, as Linux shows them.

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a process may take until it does what is waited for.
const LONGEST: Duration = Duration::from_secs(60);

/// A command's exit status, its peak of resident memory in MiB, and what it says. The kernel keeps
/// the peak, so the last look before the end tells it; what is not seen is what the end itself
/// takes.
pub fn watched(command: &mut Command) -> (Option<i32>, u64, String) {
    let mut child = command
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let status = format!("/proc/{}/status", child.id());
    let mut peak: u64 = 0;
    while child.try_wait().expect("a child").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak = kib.unwrap_or(0).max(peak);
        std::thread::sleep(Duration::from_millis(2));
    }
    let done = child.wait_with_output().expect("a child");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    (done.status.code(), peak / 1024, said)
}

/// The peak of resident memory in MiB of a command that succeeds.
#[track_caller]
pub fn peak_mib(command: &mut Command) -> u64 {
    let (code, peak, said) = watched(command);
    assert_eq!(code, Some(0), "{command:?}: {said}");
    assert!(peak > 4, "the peak was not seen");
    peak
}

/// Seconds that a command was computing in its own code, and seconds that passed; it succeeds.
#[track_caller]
pub fn times(command: &mut Command) -> (f64, f64) {
    let begin = Instant::now();
    let mut child = command.spawn().expect("the binary runs");
    let user = loop {
        match user_seconds(&child) {
            Some(user) => break user,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    let passed = begin.elapsed().as_secs_f64();
    let status = child.wait().expect("a child");
    assert!(status.success(), "{command:?}: {status}");
    (user, passed)
}

/// Seconds that a process was computing, once it has ended and is not yet waited for.
fn user_seconds(child: &Child) -> Option<f64> {
    /// Linux gives times of processes in ticks.
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let ended = fields[0] == "Z";
    ended.then(|| fields[11].parse::<f64>().map(|ticks| ticks / TICKS).ok())?
}

/// Bytes that the system has read or written for a process, by the name of its counter.
pub fn moved(child: &Child, counter: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/io", child.id())).unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(counter)?.strip_prefix(": "));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}

/// Waits until a process that goes on is ready.
#[track_caller]
pub fn until(child: &mut Child, ready: impl Fn(&Child) -> bool) {
    let begin = Instant::now();
    while !ready(child) {
        let ended = child.try_wait().expect("a child");
        assert!(ended.is_none(), "it ended before it was stopped: {ended:?}");
        assert!(begin.elapsed() < LONGEST, "it does not begin");
        std::thread::sleep(Duration::from_micros(200));
    }
}

pub fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("a running child");
}

/// Stops a process by a signal.
pub fn stop(child: Child, by: Signal) -> Output {
    signal(&child, by);
    child.wait_with_output().expect("a child")
}
