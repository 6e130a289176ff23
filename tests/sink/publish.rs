//! When and how the output appears, and that nothing else does.

use super::*;

#[test]
fn nothing_is_seen_before_finish_and_nothing_stays_after_drop() {
    for options in every_way() {
        let folder = tempfile::tempdir().unwrap();
        let origin = folder.path().join("origin.json");
        fs::write(&origin, "origin").unwrap();
        let before = tree(folder.path());
        let old = folder.path().join("empty");
        for path in ["x", "new", "empty"].map(|name| folder.path().join(name)) {
            let layout = match path.ends_with("x") {
                true => one_file(&path, b"h", 10_000),
                false => model_folder(&path, &origin),
            };
            let existed = path == old;
            if existed {
                fs::create_dir(&path).unwrap();
            }
            let sink = Sink::create(&layout, &options).unwrap();
            sink.write(0, 1, b"abc").unwrap();
            let seen = tree(folder.path());
            assert!(!seen.contains_key("x") && !seen.contains_key("new/"));
            let hidden = seen
                .keys()
                .filter(|name| name.contains(".wgmerge-partial"))
                .count();
            if options.staging != Staging::Unnamed {
                assert!(
                    hidden > 0,
                    "the hidden files are where a user can find them"
                );
            }
            drop(sink);
            if existed {
                fs::remove_dir(&path).expect("the folder is empty again");
            }
            assert_eq!(tree(folder.path()), before);
        }
    }
}

#[test]
fn finish_publishes_a_file_with_ordinary_access_rights() {
    for options in every_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        let finished = complete(&one_file(&path, b"head", 3), &options).unwrap();
        assert_eq!((finished.files, finished.bytes), (vec![path.clone()], 7));
        assert_eq!(tree(folder.path()).len(), 1);
        assert_eq!(fs::read(&path).unwrap(), b"head\0\0\0");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let ordinary = folder.path().join("ordinary");
            fs::write(&ordinary, "").unwrap();
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode(&path), mode(&ordinary));
        }
    }
}

#[test]
fn finish_publishes_a_folder() {
    for options in every_way() {
        for existing in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let origin = folder.path().join("origin.json");
            fs::write(&origin, "origin").unwrap();
            let root = folder.path().join("model");
            if existing {
                fs::create_dir(&root).unwrap();
            }
            let finished = complete(&model_folder(&root, &origin), &options).unwrap();
            let names = tree(&root);
            assert_eq!(
                names.keys().map(String::as_str).collect::<Vec<_>>(),
                [
                    "model.index.json",
                    "top.safetensors",
                    "unet/",
                    "unet/config.json",
                    "unet/deep/",
                    "unet/deep/x.safetensors"
                ]
            );
            assert_eq!(names["unet/config.json"], b"origin");
            assert_eq!(names["model.index.json"], b"{}");
            assert_eq!(names["top.safetensors"], b"top.safetensors\0\0\0\0\0");
            assert_eq!(finished.files.last(), Some(&root.join("model.index.json")));
            assert_eq!(
                finished.bytes,
                names
                    .values()
                    .map(|content| content.len() as u64)
                    .sum::<u64>()
            );
            assert_eq!(
                tree(folder.path()).len(),
                names.len() + 2,
                "nothing beside the output"
            );
        }
    }
}

#[test]
fn an_existing_file_is_refused_or_replaced() {
    for mut options in every_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "old").unwrap();
        let layout = one_file(&path, b"new", 0);
        let refused = Sink::preflight(&layout, &options).unwrap_err();
        assert!(matches!(refused, SinkError::Exists { .. }), "{refused}");
        assert!(refused.to_string().contains("--force"), "{refused}");

        options.overwrite = true;
        let sink = Sink::create(&layout, &options).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old", "replaced too early");
        drop(sink);
        assert_eq!(
            fs::read(&path).unwrap(),
            b"old",
            "a dropped sink replaced it"
        );
        complete(&layout, &options).unwrap();
        assert_eq!(
            tree(folder.path()),
            BTreeMap::from([("x".into(), b"new".to_vec())])
        );
    }
}

#[test]
fn an_existing_folder_is_refused_or_its_files_replaced() {
    for mut options in every_way() {
        let folder = tempfile::tempdir().unwrap();
        let origin = folder.path().join("origin.json");
        fs::write(&origin, "origin").unwrap();
        let root = folder.path().join("model");
        fs::create_dir(&root).unwrap();
        fs::write(root.join("top.safetensors"), "old").unwrap();
        fs::write(root.join("notes.txt"), "mine").unwrap();
        let layout = model_folder(&root, &origin);
        let refused = Sink::preflight(&layout, &options).unwrap_err();
        assert!(matches!(refused, SinkError::NotEmpty { .. }), "{refused}");

        options.overwrite = true;
        complete(&layout, &options).unwrap();
        let names = tree(&root);
        assert_eq!(names.len(), 7, "{:?}", names.keys());
        assert_eq!(names["notes.txt"], b"mine");
        assert_eq!(names["top.safetensors"], b"top.safetensors\0\0\0\0\0");
        assert_eq!(tree(folder.path()).len(), names.len() + 2);
    }
}

#[test]
fn an_output_that_appears_meanwhile_is_left_alone() {
    for options in every_way() {
        let folder = tempfile::tempdir().unwrap();
        let origin = folder.path().join("origin.json");
        fs::write(&origin, "origin").unwrap();

        let path = folder.path().join("x");
        let sink = Sink::create(&one_file(&path, b"new", 0), &options).unwrap();
        fs::write(&path, "theirs").unwrap();
        let refused = sink.finish().unwrap_err();
        assert!(
            matches!(&refused, SinkError::Appeared { output } if *output == path),
            "{refused}"
        );

        let root = folder.path().join("new");
        let mut layout = model_folder(&root, &origin);
        layout.files.iter_mut().for_each(|file| file.data_bytes = 0);
        let sink = Sink::create(&layout, &options).unwrap();
        fs::create_dir(&root).unwrap();
        fs::write(root.join("theirs"), "theirs").unwrap();
        let refused = sink.finish().unwrap_err();
        assert!(
            matches!(&refused, SinkError::Appeared { output } if *output == root),
            "{refused}"
        );

        let root = folder.path().join("empty");
        fs::create_dir(&root).unwrap();
        layout.root = Root::Folder(root.clone());
        let sink = Sink::create(&layout, &options).unwrap();
        let index = root.join("model.index.json");
        fs::write(&index, "theirs").unwrap();
        let refused = sink.finish().unwrap_err();
        let named = matches!(&refused, SinkError::Appeared { output } if *output == index);
        assert!(named, "{refused}");

        let seen = tree(folder.path());
        let names: Vec<_> = seen.keys().map(String::as_str).collect();
        let theirs = [
            "empty/",
            "empty/model.index.json",
            "new/",
            "new/theirs",
            "origin.json",
            "x",
        ];
        assert_eq!(names, theirs);
        assert_eq!(seen["empty/model.index.json"], b"theirs");
        assert_eq!(seen["x"], b"theirs");
    }
}

#[test]
fn a_long_or_odd_name_can_be_staged() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["n".repeat(255), "é".repeat(127), "a b\n'".into()] {
        for staging in [Staging::Unnamed, Staging::Named, Staging::Closed] {
            let options = Options {
                overwrite: true,
                staging,
                ..Options::default()
            };
            complete(&one_file(&folder.path().join(&name), b"", 3), &options).unwrap();
        }
    }
    assert_eq!(tree(folder.path()).len(), 3);
}
