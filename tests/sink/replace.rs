//! An output over an earlier one: what a loader finds at every step, and after every failure.

use std::cell::RefCell;
use std::io;

use super::forms::{FORMS, Form, Seen, layout, publish, seen};
use super::*;

/// What the hook knows: it is a function without surroundings.
#[derive(Default)]
struct Watch {
    root: PathBuf,
    steps: usize,
    fail_at: Option<usize>,
    /// A file that somebody puts into the folder at the last moment.
    late: bool,
    found: Vec<Seen>,
}

thread_local! {
    static WATCH: RefCell<Watch> = RefCell::default();
}

fn watch(root: &Path, fail_at: Option<usize>) {
    WATCH.set(Watch {
        root: root.to_path_buf(),
        fail_at,
        ..Watch::default()
    });
}

fn before_step(path: &Path) -> io::Result<()> {
    WATCH.with_borrow_mut(|watch| {
        watch.found.push(seen(&watch.root));
        watch.steps += 1;
        if watch.late && path == watch.root {
            fs::write(path.join("late.txt"), "late")?;
            fs::write(path.join("swapped"), "mine, later")?;
            fs::rename(path.join("swapped"), path.join("notes.txt"))?;
        }
        match watch.fail_at == Some(watch.steps) {
            true => Err(io::Error::other("no more")),
            false => Ok(()),
        }
    })
}

/// How a folder is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Exchange,
    InPlace,
}

/// A folder with an earlier output of version 1 and a file of the user's; None where the system
/// lets nobody have it replaced that way.
fn earlier(scratch: &Path, form: Form, way: Way) -> Option<PathBuf> {
    let root = fs::canonicalize(scratch).unwrap().join("model");
    publish(&layout(&root, form), 1, &Options::default()).unwrap();
    fs::write(root.join("notes.txt"), "mine").unwrap();
    fs::create_dir(root.join("runs")).unwrap();
    fs::write(root.join("runs/log"), "mine too").unwrap();
    if way == Way::InPlace && !keeps_from_exchange(&root) {
        eprintln!(
            "SKIPPED: {} has no attributes that only it can have",
            root.display()
        );
        return None;
    }
    Some(root)
}

/// Gives a folder something that no other folder can be given, so that its files are replaced.
#[cfg(target_os = "linux")]
fn keeps_from_exchange(root: &Path) -> bool {
    use rustix::fs::{XattrFlags, setxattr};
    setxattr(root, "user.wgmerge", b"1", XattrFlags::empty()).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn keeps_from_exchange(_root: &Path) -> bool {
    true
}

fn forced() -> Options {
    Options {
        overwrite: true,
        before_step,
        ..Options::default()
    }
}

fn check_others(root: &Path) {
    assert_eq!(fs::read(root.join("notes.txt")).unwrap(), b"mine");
    assert_eq!(fs::read(root.join("runs/log")).unwrap(), b"mine too");
}

fn ways() -> Vec<Way> {
    match cfg!(target_os = "linux") {
        true => vec![Way::Exchange, Way::InPlace],
        false => vec![Way::InPlace],
    }
}

#[test]
fn a_loader_finds_the_old_output_or_the_new_one_at_every_step() {
    for way in ways() {
        for (before, after) in FORMS
            .iter()
            .flat_map(|one| FORMS.map(|other| (*one, other)))
        {
            let scratch = tempfile::tempdir().unwrap();
            let Some(root) = earlier(scratch.path(), before, way) else {
                return;
            };
            watch(&root, None);
            publish(&layout(&root, after), 2, &forced()).unwrap();
            let found = WATCH.with_borrow(|watch| watch.found.clone());
            let case = format!("{way:?}, {before:?} to {after:?}: {found:?}");
            assert!(found.len() > 2, "{case}");
            let allowed = |seen: &Seen| match seen {
                Seen::Version(_) => true,
                Seen::Refused => way == Way::InPlace,
                Seen::Mixture => false,
            };
            assert!(found.iter().all(allowed), "{case}");
            assert_eq!(found[0], Seen::Version(1), "{case}");
            assert_eq!(seen(&root), Seen::Version(2), "{case}");
            check_others(&root);
            let mut left = names_of(&layout(&root, after));
            left.extend(["notes.txt", "runs/", "runs/log"].map(str::to_owned));
            let mut there: Vec<String> = tree(&root).into_keys().collect();
            // Components of the earlier output that nothing names any more stay.
            there.retain(|name| {
                let unused = name.starts_with("unet") || name.starts_with("vae");
                !unused || after == Form::Components
            });
            there.sort();
            left.sort();
            assert_eq!(there, left, "{case}");
            assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1, "{case}");
        }
    }
}

/// The names of a layout and of the folders that they lie in.
fn names_of(layout: &OutputLayout) -> Vec<String> {
    let files = layout.files.iter().map(|file| &file.name);
    let names = files.chain(layout.side_files.iter().map(|side| &side.name));
    let mut all = std::collections::BTreeSet::new();
    for name in names {
        all.insert(name.display().to_string());
        let folders = name
            .ancestors()
            .skip(1)
            .filter(|folder| *folder != Path::new(""));
        all.extend(folders.map(|folder| format!("{}/", folder.display())));
    }
    all.into_iter().collect()
}

#[test]
fn a_failure_at_any_step_leaves_one_output_whole() {
    for way in ways() {
        for (before, after) in [
            (Form::Single, Form::Shards(4)),
            (Form::Shards(4), Form::Single),
            (Form::Shards(2), Form::Shards(2)),
            (Form::Components, Form::Shards(2)),
        ] {
            for fail_at in 1.. {
                let scratch = tempfile::tempdir().unwrap();
                let Some(root) = earlier(scratch.path(), before, way) else {
                    return;
                };
                watch(&root, Some(fail_at));
                let published = publish(&layout(&root, after), 2, &forced());
                let reached = WATCH.with_borrow(|watch| watch.steps >= fail_at);
                let case = format!("{way:?}, {before:?} to {after:?}, step {fail_at}");
                let wanted = Seen::Version(if published.is_ok() { 2 } else { 1 });
                assert_eq!(seen(&root), wanted, "{case}: {published:?}");
                check_others(&root);
                let others = fs::read_dir(scratch.path()).unwrap().count() - 1;
                let told = published.is_ok_and(|finished| finished.left.is_some());
                assert_eq!(others, usize::from(told), "{case}");
                let hidden = tree(&root).into_keys().find(|name| name.starts_with('.'));
                assert_eq!(hidden, None, "{case}");
                if !reached {
                    break;
                }
            }
        }
    }
}

#[test]
fn a_failure_at_any_step_leaves_a_file_as_it_was() {
    for old in [None, Some(b"old")] {
        let scratch = tempfile::tempdir().unwrap();
        let folder = fs::canonicalize(scratch.path()).unwrap();
        let path = folder.join("x.safetensors");
        if let Some(old) = old {
            fs::write(&path, old).unwrap();
        }
        let mut failures = 0;
        for fail_at in 1.. {
            watch(&folder, Some(fail_at));
            let published = complete(&one_file(&path, b"new", 0), &forced());
            if WATCH.with_borrow(|watch| watch.steps < fail_at) {
                assert_eq!(&fs::read(&path).unwrap()[..3], b"new");
                break;
            }
            failures += 1;
            published.unwrap_err();
            assert_eq!(fs::read(&path).ok().as_deref(), old.map(|old| &old[..]));
            let left = fs::read_dir(&folder).unwrap().count();
            assert_eq!(left, usize::from(old.is_some()), "step {fail_at}");
        }
        assert!(failures > 0);
    }
}

#[test]
fn a_failure_at_any_step_of_a_new_folder_leaves_nothing() {
    for form in FORMS {
        let scratch = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(scratch.path()).unwrap().join("model");
        for fail_at in 1.. {
            watch(&root, Some(fail_at));
            let published = publish(&layout(&root, form), 2, &forced());
            if WATCH.with_borrow(|watch| watch.steps < fail_at) {
                assert_eq!(seen(&root), Seen::Version(2));
                break;
            }
            published.unwrap_err();
            let left = fs::read_dir(scratch.path()).unwrap().count();
            assert_eq!(left, 0, "{form:?}, step {fail_at}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_others_write_at_the_last_moment_is_not_lost() {
    let scratch = tempfile::tempdir().unwrap();
    let root = earlier(scratch.path(), Form::Shards(2), Way::Exchange).unwrap();
    watch(&root, None);
    WATCH.with_borrow_mut(|watch| watch.late = true);
    publish(&layout(&root, Form::Single), 2, &forced()).unwrap();
    assert_eq!(seen(&root), Seen::Version(2));
    assert_eq!(fs::read(root.join("late.txt")).unwrap(), b"late");
    assert_eq!(fs::read(root.join("notes.txt")).unwrap(), b"mine, later");
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
}

#[test]
fn weights_of_earlier_outputs_go_in_every_form_and_others_stay() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("model");
    fs::create_dir(&root).unwrap();
    let go = [
        "model.fp16.safetensors",
        "model-00001-of-00003.safetensors",
        "model.fp16-00001-of-00002.safetensors",
        "model.safetensors.index.fp16.json",
        "pytorch_model-00001-of-00002.bin",
        "pytorch_model.bin.index.json",
        "tf_model.h5",
        "model_index.json",
        "mergekit_config.yml",
    ];
    let stay = [
        "training_args.bin",
        "model.onnx",
        "model.txt",
        "tokenizer.json",
        "old/model.safetensors",
        ".kept.safetensors",
    ];
    fs::create_dir(root.join("old")).unwrap();
    for name in go.iter().chain(&stay) {
        fs::write(root.join(name), "x").unwrap();
    }
    let options = Options {
        overwrite: true,
        ..Options::default()
    };
    let finished = publish(&layout(&root, Form::Single), 2, &options).unwrap();
    let mut wanted: Vec<PathBuf> = go.iter().map(PathBuf::from).collect();
    wanted.sort();
    assert_eq!(finished.removed, wanted);
    for name in stay {
        assert_eq!(fs::read(root.join(name)).unwrap(), b"x", "{name}");
    }
    assert_eq!(seen(&root), Seen::Version(2));
}

#[test]
fn weights_of_the_users_are_never_removed() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("models");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("sd_xl_base_1.0.safetensors"), "precious").unwrap();
    let options = Options {
        overwrite: true,
        ..Options::default()
    };
    let refused = publish(&layout(&root, Form::Single), 2, &options).unwrap_err();
    assert!(matches!(refused, SinkError::Mixes { .. }), "{refused}");
    // An index governs its folder, so they are not mixed in.
    publish(&layout(&root, Form::Shards(2)), 2, &options).unwrap();
    assert_eq!(seen(&root), Seen::Version(2));
    assert_eq!(
        fs::read(root.join("sd_xl_base_1.0.safetensors")).unwrap(),
        b"precious"
    );
}

#[cfg(unix)]
#[test]
fn two_merges_into_one_folder_never_meet() {
    let scratch = tempfile::tempdir().unwrap();
    let root = earlier(scratch.path(), Form::Single, Way::Exchange).unwrap();
    watch(&root, None);
    let first = Sink::create(&layout(&root, Form::Shards(2)), &forced()).unwrap();
    let refused = Sink::create(&layout(&root, Form::Single), &forced()).unwrap_err();
    assert!(matches!(refused, SinkError::Busy { .. }), "{refused}");
    drop(first);
    publish(&layout(&root, Form::Single), 2, &forced()).unwrap();
    assert_eq!(seen(&root), Seen::Version(2));
}

#[cfg(unix)]
#[test]
fn access_rights_are_kept() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for options in every_way() {
        let options = Options {
            overwrite: true,
            ..options
        };
        let scratch = tempfile::tempdir().unwrap();
        let root = earlier(scratch.path(), Form::Single, Way::Exchange).unwrap();
        set(&root, 0o2750);
        set(&root.join("runs"), 0o700);
        set(&root.join("model.safetensors"), 0o600);
        publish(&layout(&root, Form::Single), 2, &options).unwrap();
        assert_eq!(mode(&root), 0o2750);
        assert_eq!(mode(&root.join("runs")), 0o700);
        assert_eq!(mode(&root.join("model.safetensors")), 0o600);
        let file = scratch.path().join("x");
        fs::write(&file, "old").unwrap();
        set(&file, 0o600);
        complete(&one_file(&file, b"new", 0), &options).unwrap();
        assert_eq!(mode(&file), 0o600);
    }
}
