//! What a merge promises while it runs: bounded memory, and nothing left when it is stopped.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use wgmerge::checkpoint::encode_header;
use wgmerge::dtype::DType;

/// Tensors of each model: one larger than the whole budget, some of a usual size, and small ones.
const SHAPES: &[(u64, &[u64])] = &[(1, &[9000, 4096]), (6, &[2048, 4096]), (40, &[2048])];

/// Writes a bf16 model of 174 MB whose values vary with the seed.
fn model(path: &Path, seed: u64) {
    let mut offset = 0;
    let mut entries = Vec::new();
    for (count, shape) in SHAPES {
        for number in 0..*count {
            let bytes = 2 * shape.iter().product::<u64>();
            entries.push((
                format!("t{}.{number}", shape.len() * 10_000 + shape[0] as usize),
                *shape,
                offset..offset + bytes,
            ));
            offset += bytes;
        }
    }
    let header = entries
        .iter()
        .map(|(name, shape, span)| (name.as_str(), &DType::BF16, *shape, span.clone()));
    let mut bytes = encode_header(header, &[], 8).expect("a sound header");
    let mut state = seed;
    let data = (0..offset / 2).flat_map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // Signs and mantissas vary, exponents stay near those of weights.
        let word = (state >> 33) as u16;
        ((word & 0x81ff) | 0x3c00).to_le_bytes()
    });
    bytes.extend(data);
    std::fs::write(path, bytes).expect("room for a model");
}

struct World {
    folder: tempfile::TempDir,
    models: Vec<PathBuf>,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let models: Vec<PathBuf> = (0..3)
            .map(|seed| {
                let path = folder.path().join(format!("{seed}.safetensors"));
                model(&path, seed + 1);
                path
            })
            .collect();
        std::fs::create_dir(folder.path().join("out")).expect("a folder");
        World { folder, models }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn merge(&self, arguments: &[&str], base: bool, models: usize) -> Command {
        let mut command = crate::support::command::wgmerge();
        command
            .args(["merge", "--device", "cpu", "--quiet", "--force"])
            .args(arguments);
        if base {
            command.arg("--base").arg(&self.models[0]);
        }
        command
            .args(&self.models[1..=models])
            .arg("-o")
            .arg(self.out().join("out.safetensors"));
        command.stderr(Stdio::piped());
        command
    }

    fn is_empty(&self) -> bool {
        std::fs::read_dir(self.out())
            .expect("the folder")
            .next()
            .is_none()
    }
}

/// The peak of resident memory in KiB of a command that succeeds.
fn peak_kib(mut command: Command) -> u64 {
    let mut child = command.spawn().expect("the binary runs");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        if let Some(code) = child.try_wait().expect("a child") {
            assert!(code.success(), "{command:?}: {code}");
            return peak;
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak = kib.unwrap_or(0).max(peak);
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn resident_memory_stays_within_the_budget() {
    let world = World::new();
    for (arguments, base, models) in [
        (&["-M", "linear"][..], false, 2),
        (&["-M", "slerp"], false, 2),
        (&["-M", "ties", "-p", "density=0.2"], true, 2),
        (
            &["-M", "ties", "-p", "density=0.2", "-p", "scope=model"],
            true,
            2,
        ),
        (
            &["-M", "dare_linear", "-p", "drop=0.5", "-p", "rescale=l1"],
            true,
            2,
        ),
    ] {
        for (memory, mib) in [("64MiB", 64), ("128MiB", 128)] {
            let mut command = world.merge(arguments, base, models);
            command.args(["--memory", memory]);
            let peak = peak_kib(command) / 1024;
            println!("{arguments:?} in {memory}: {peak} MiB");
            assert!(peak > 4, "the peak was not seen");
            assert!(peak <= mib + 8, "{arguments:?} in {memory} held {peak} MiB");
        }
    }
}

/// Starts a merge and waits until it has written something.
fn begun(world: &World) -> Child {
    let child = world.merge(
        &["-M", "ties", "-p", "density=0.2", "-p", "scope=model"],
        true,
        2,
    );
    let mut child = { child }
        .args(["--threads", "1"])
        .spawn()
        .expect("the binary runs");
    let io = format!("/proc/{}/io", child.id());
    let begin = Instant::now();
    loop {
        assert!(
            child.try_wait().expect("a child").is_none(),
            "it ended before it was stopped"
        );
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "it does not begin"
        );
        let text = std::fs::read_to_string(&io).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("rchar: "));
        if line.is_some_and(|bytes| bytes.parse::<u64>().is_ok_and(|bytes| bytes > 40 << 20)) {
            return child;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn stop(child: &mut Child, signal: &str) -> std::process::ExitStatus {
    let pid = child.id().to_string();
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{signal} {pid}")])
        .status();
    assert!(sent.expect("a shell").success());
    child.wait().expect("a child")
}

#[test]
fn a_merge_that_is_stopped_leaves_nothing() {
    use std::os::unix::process::ExitStatusExt;
    let world = World::new();
    for signal in ["INT", "TERM"] {
        let mut child = begun(&world);
        let status = stop(&mut child, signal);
        assert_eq!(status.code(), Some(130), "after SIG{signal}");
        assert!(world.is_empty(), "something is left after SIG{signal}");
    }
    let mut child = begun(&world);
    assert_eq!(stop(&mut child, "KILL").signal(), Some(9));
    assert!(world.is_empty(), "something is left after SIGKILL");
    let output = world.out().join("out.safetensors");
    std::fs::write(&output, "an older result").expect("a file");
    let mut child = begun(&world);
    stop(&mut child, "INT");
    let left = std::fs::read(&output).expect("the older result");
    assert_eq!(
        left, b"an older result",
        "a stopped merge does not touch what it would replace"
    );
}

#[test]
fn a_full_disk_leaves_nothing() {
    let world = World::new();
    let mounted = world.folder.path().join("small");
    std::fs::create_dir(&mounted).expect("a folder");
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=32m", "tmpfs"])
        .arg(&mounted)
        .stderr(Stdio::null())
        .status();
    if !mount.is_ok_and(|status| status.success()) {
        println!("skipped a_full_disk_leaves_nothing: a file system cannot be mounted here");
        return;
    }
    let mut command = crate::support::command::wgmerge();
    command
        .args(["merge", "--device", "cpu", "-M", "linear"])
        .args(&world.models[1..]);
    let output = command
        .arg("-o")
        .arg(mounted.join("out.safetensors"))
        .output();
    let left = std::fs::read_dir(&mounted).map(|entries| entries.count());
    let unmounted = Command::new("umount").arg(&mounted).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    let output = output.expect("the binary runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("out.safetensors") || text.contains("small"),
        "{text}"
    );
    assert_eq!(left.expect("the folder"), 0, "something is left");
}
