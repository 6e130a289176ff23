//! What takes a full disk or a killed process.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::*;
use crate::support::disk::{TinyDisk, wait_for};

/// Checks that the disk is empty, names and space both.
fn check_empty(disk: &TinyDisk) {
    assert!(tree(disk.folder()).is_empty());
    let all = one_file(&disk.path("all"), b"", 1 << 20);
    let free = || Sink::preflight(&all, &Options::default()).is_ok();
    assert!(wait_for(free), "disk space was not given back");
}

#[test]
fn a_full_disk_is_told_before_and_during_the_merge() {
    let Some(disk) = TinyDisk::mount("a_full_disk_is_told_before_and_during_the_merge") else {
        return;
    };
    for mut options in every_way() {
        let layout = one_file(&disk.path("x"), b"h", 2 << 20);
        let refused = Sink::preflight(&layout, &options).unwrap_err();
        assert!(matches!(refused, SinkError::NoSpace { .. }), "{refused}");

        // Many small files take more than the sum of their lengths.
        options.preallocate = true;
        let small = |index| FileLayout {
            name: format!("{index}").into(),
            header: vec![],
            data_bytes: 1,
        };
        let files = (0..300).map(small).collect();
        let root = Root::Folder(disk.path("many"));
        let layout = OutputLayout {
            root,
            files,
            side_files: vec![],
        };
        let refused = Sink::create(&layout, &options).unwrap_err();
        assert!(
            matches!(refused, SinkError::DiskFull { remaining: 300, .. }),
            "{refused}"
        );
        check_empty(&disk);

        // Somebody else fills the disk after the check.
        options.preallocate = false;
        let layout = one_file(&disk.path("x"), b"h", 600_000);
        let sink = Sink::create(&layout, &options).unwrap();
        sink.write(0, 0, &[1; 100_000]).unwrap();
        let _ = fs::write(disk.path("hog"), vec![0; 2 << 20]);
        let refused = sink.write(0, 100_000, &[1; 500_000]).unwrap_err();
        let told = matches!(&refused, SinkError::DiskFull { path, remaining: 500_000 }
            if *path == disk.path("x"));
        assert!(told, "{refused}");
        drop(sink);
        fs::remove_file(disk.path("hog")).unwrap();
        check_empty(&disk);

        // Reserved space cannot be taken away.
        options.preallocate = true;
        let sink = Sink::create(&layout, &options).unwrap();
        let _ = fs::write(disk.path("hog"), vec![0; 2 << 20]);
        sink.write(0, 0, &[1; 600_000]).unwrap();
        sink.finish().unwrap();
        fs::remove_file(disk.path("hog")).unwrap();
        fs::remove_file(disk.path("x")).unwrap();
        check_empty(&disk);
    }
}

#[test]
fn a_read_only_disk_is_told_before_the_merge() {
    let Some(disk) = TinyDisk::mount("a_read_only_disk_is_told_before_the_merge") else {
        return;
    };
    let mut remount = Command::new("mount");
    remount.args(["-o", "remount,ro"]).arg(disk.folder());
    assert!(remount.status().unwrap().success());
    let layout = one_file(&disk.path("x"), b"h", 1);
    let refused = Sink::preflight(&layout, &Options::default()).unwrap_err();
    assert!(
        matches!(refused, SinkError::NotWritable { .. }),
        "{refused}"
    );
}

const CHILD_FOLDER: &str = "WGMERGE_TEST_SINK_CHILD";

/// Not a test of its own: the process that the next test kills in the middle of a merge.
#[test]
fn child_that_is_killed() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER).map(PathBuf::from) else {
        return;
    };
    let options = Options {
        staging: staging_of(&folder),
        ..Options::default()
    };
    let file = one_file(&folder.join("x"), b"h", 1 << 20);
    let file = Sink::create(&file, &options).unwrap();
    let model = model_folder(&folder.join("new"), &std::env::current_exe().unwrap());
    let model = Sink::create(&model, &options).unwrap();
    file.write(0, 0, &[1; 1 << 19]).unwrap();
    model.write(1, 0, &[1; 9000]).unwrap();
    println!("in the middle");
    if folder.ends_with("abandoned") || folder.ends_with("abandoned-closed") {
        wgmerge::sink::abandon();
        std::process::exit(0);
    }
    std::thread::sleep(std::time::Duration::from_secs(60));
}

fn staging_of(folder: &Path) -> Staging {
    if folder.ends_with("named") || folder.ends_with("abandoned") {
        Staging::Named
    } else if folder.ends_with("closed") || folder.ends_with("abandoned-closed") {
        Staging::Closed
    } else {
        Staging::Unnamed
    }
}

#[test]
fn a_process_that_ends_at_once_removes_what_has_a_name() {
    for name in ["abandoned", "abandoned-closed"] {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join(name);
        fs::create_dir(&folder).unwrap();
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["child_that_is_killed", "--nocapture"])
            .env(CHILD_FOLDER, &folder)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("in the middle"), "{text}");
        assert!(output.status.success(), "{output:?}");
        assert!(tree(&folder).is_empty(), "{:?}", tree(&folder).keys());
    }
}

#[test]
fn a_kill_leaves_nothing_under_a_final_name() {
    for kind in ["unnamed", "named", "closed"] {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join(kind);
        fs::create_dir(&folder).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child_that_is_killed", "--nocapture"])
            .env(CHILD_FOLDER, &folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The test harness prints lines of its own, and may begin ours with the test's name.
        let ready = lines.any(|line| line.unwrap().ends_with("in the middle"));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(ready, "the child ended by itself: {status}");
        let left = tree(&folder);
        if kind != "unnamed" {
            assert!(!left.is_empty());
            assert!(
                left.keys().all(|name| {
                    let first = name.split('/').next();
                    first.is_some_and(|first| first.ends_with(".wgmerge-partial"))
                }),
                "{left:?}"
            );
        } else if has_unnamed_files(&folder) {
            assert_eq!(left.keys().collect::<Vec<_>>(), Vec::<&String>::new());
        } else {
            eprintln!("SKIPPED: {} has no unnamed files", folder.display());
        }
    }
}

/// Whether the file system of `folder` has unnamed files, asked without a sink.
fn has_unnamed_files(folder: &Path) -> bool {
    use rustix::fs::{Mode, OFlags};
    rustix::fs::open(folder, OFlags::TMPFILE | OFlags::WRONLY, Mode::RUSR).is_ok()
}
