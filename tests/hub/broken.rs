//! Transfers that break, and what is left of them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::server::{Hub, Trouble, sha};
use super::{COMMIT, Home, model, names};
use crate::support::command::said;

struct World {
    hub: Hub,
    home: Home,
    weights: Vec<u8>,
}

impl World {
    fn new() -> World {
        let hub = Hub::new();
        let weights = model("x.weight", 1);
        hub.put("org/a", "model.safetensors", &weights);
        hub.put("org/a", "config.json", b"{}");
        let home = Home::at(hub.endpoint());
        World { hub, home, weights }
    }

    fn blob(&self, end: &str) -> PathBuf {
        let name = format!("{}{end}", sha(&self.weights));
        self.home.repository("org/a").join("blobs").join(name)
    }

    /// Leaves a part of the weights as an earlier run does.
    fn leave(&self, part: &[u8]) {
        let path = self.blob(".incomplete");
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, part).expect("a part");
    }

    /// The places from which the storage was asked for bytes.
    fn asked(&self) -> Vec<String> {
        let log = self.hub.log();
        let storage = log.iter().filter(|line| line.starts_with("storage"));
        let places = storage.map(|line| match line.split_once(" from ") {
            Some((_, from)) => from.to_owned(),
            None => "0".to_owned(),
        });
        places.collect()
    }

    #[track_caller]
    fn is_whole(&self) {
        let snapshot = self.home.repository("org/a").join("snapshots").join(COMMIT);
        let found = std::fs::read(snapshot.join("model.safetensors")).expect("the weights");
        assert!(found == self.weights);
        assert!(!self.blob(".incomplete").exists());
    }
}

#[test]
fn a_cut_transfer_goes_on_where_it_was() {
    let world = World::new();
    world.hub.trouble(Trouble::Cut(700), 2);
    world.home.succeeds(&["inspect", "org/a"]);
    assert_eq!(world.asked(), ["0", "700", "1400"]);
    world.is_whole();
}

#[test]
fn a_storage_that_does_not_open_is_asked_again() {
    let world = World::new();
    world.hub.trouble(Trouble::Denied, 1);
    world.home.succeeds(&["inspect", "org/a"]);
    assert_eq!(world.asked(), ["0", "0"]);
    world.is_whole();
}

#[test]
fn a_transfer_goes_on_in_a_later_run() {
    let world = World::new();
    world.leave(&world.weights[..900]);
    world.home.succeeds(&["inspect", "org/a"]);
    assert_eq!(world.asked(), ["900"]);
    world.is_whole();
}

#[test]
fn a_server_without_ranges_is_asked_for_all_again() {
    let world = World::new();
    world.leave(&world.weights[..900]);
    world.hub.trouble(Trouble::NoRanges, 1);
    world.home.succeeds(&["inspect", "org/a"]);
    assert_eq!(world.asked(), ["900"]);
    world.is_whole();
}

#[test]
fn a_part_that_is_damaged_is_thrown_away() {
    let world = World::new();
    world.leave(&[7; 900]);
    world.home.succeeds(&["inspect", "org/a"]);
    assert_eq!(world.asked(), ["900", "0"]);
    world.is_whole();
    // One that is too long, and one that is whole already.
    for part in [vec![7; world.weights.len() + 5], world.weights.clone()] {
        let world = World::new();
        world.leave(&part);
        world.home.succeeds(&["inspect", "org/a"]);
        world.is_whole();
    }
}

#[test]
fn what_is_not_what_the_hub_lists_never_gets_its_name() {
    let world = World::new();
    let run = |parts: &[&str]| {
        let output = world.home.run(&["inspect", "org/a"]);
        let message = said(&output);
        assert_eq!(output.status.code(), Some(1), "{message}");
        for part in parts {
            assert!(message.contains(part), "no {part} in {message}");
        }
        assert!(!world.blob("").exists() && !world.blob(".incomplete").exists());
    };
    world.hub.trouble(Trouble::Wrong, 1);
    run(&["org/a/model.safetensors: the SHA-256", &sha(&world.weights)]);
    world.hub.trouble(Trouble::Short, 1);
    let bytes = world.weights.len();
    run(&[&format!(
        "sends {} bytes, and the hub lists {bytes}",
        bytes - 1
    )]);
    world.home.succeeds(&["inspect", "org/a"]);
    world.is_whole();
}

#[test]
fn a_transfer_that_brings_nothing_ends() {
    let world = World::new();
    let mut settings = wgmerge::hub::Settings::from_env();
    settings.cache = world.home.path("hf/hub");
    settings.endpoint = world.hub.endpoint().to_owned();
    settings.token = None;
    settings.offline = None;
    settings.tries = 2;
    settings.patience = Duration::from_millis(200);
    let hub = wgmerge::hub::Hub::new(settings);
    let fails = |part: &str| {
        let fault = hub.locate("org/a".as_ref(), &()).expect_err("no transfer");
        assert!(!fault.is_usage(), "{fault}");
        let fault = fault.to_string();
        assert!(
            fault.contains(part) && fault.contains("again to go on"),
            "{fault}"
        );
    };
    world.hub.trouble(Trouble::Cut(0), 9);
    fails("org/a/model.safetensors: the transfer failed 2 times");
    // Half of it comes, then nothing; what has come is kept.
    world.hub.trouble(Trouble::Stall, 9);
    fails("imeout");
    let part = std::fs::read(world.blob(".incomplete")).expect("a part");
    assert!(part.len() > 100 && world.weights.starts_with(&part));
    world.hub.trouble(Trouble::Stall, 0);
    hub.locate("org/a".as_ref(), &()).expect("a transfer");
    world.is_whole();
}

#[test]
fn an_interrupt_leaves_what_can_be_gone_on_with() {
    let world = World::new();
    world.hub.trouble(Trouble::Stall, 1);
    for signal in [Signal::INT, Signal::TERM] {
        let mut command = world.home.command(&["inspect", "org/a"]);
        let child = command
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let begin = Instant::now();
        let part = || std::fs::metadata(world.blob(".incomplete")).map_or(0, |part| part.len());
        while part() < 100 || world.asked().is_empty() {
            assert!(begin.elapsed() < Duration::from_secs(20), "nothing comes");
            std::thread::sleep(Duration::from_millis(5));
        }
        let told = Instant::now();
        kill_process(Pid::from_child(&child), signal).expect("a running child");
        let output = child.wait_with_output().expect("a child");
        assert!(
            told.elapsed() < Duration::from_secs(2),
            "{:?}",
            told.elapsed()
        );
        let message = said(&output);
        assert_eq!(output.status.code(), Some(130), "{message}");
        assert!(message.contains("interrupted"), "{message}");
        assert!(!world.blob("").exists());
        world.hub.trouble(Trouble::Stall, 1);
    }
    world.hub.trouble(Trouble::Stall, 0);
    world.hub.log();
    world.home.succeeds(&["inspect", "org/a"]);
    assert_ne!(world.asked(), ["0"]);
    world.is_whole();
    let left = names(&world.home.repository("org/a").join("blobs"));
    assert!(
        !left.iter().any(|name| name.contains("incomplete")),
        "{left:?}"
    );
}

#[test]
fn two_programs_download_a_file_once() {
    let world = World::new();
    let start = || {
        let mut command = world.home.command(&["inspect", "org/a"]);
        command.stdout(std::process::Stdio::null());
        command.spawn().expect("the binary runs")
    };
    let mut children: Vec<_> = (0..3).map(|_| start()).collect();
    for child in &mut children {
        assert!(child.wait().expect("a child").success());
    }
    assert_eq!(world.asked(), ["0"]);
    world.is_whole();
}
