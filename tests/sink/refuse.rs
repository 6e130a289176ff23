//! What is refused, by which error, and that nothing is written then.

use super::*;

#[test]
fn an_incomplete_output_is_not_published() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let sink = Sink::create(&one_file(&path, b"h", 10), &Options::default()).unwrap();
    sink.write(0, 0, b"123456789").unwrap();
    let refused = sink.finish().unwrap_err();
    assert!(matches!(
        refused,
        SinkError::Incomplete {
            written: 9,
            expected: 10,
            ..
        }
    ));
    assert!(tree(folder.path()).is_empty());
}

#[test]
fn a_wrong_place_is_named_before_a_byte_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("file"), "").unwrap();
    fs::create_dir(path("folder")).unwrap();
    let before = tree(folder.path());
    let options = Options {
        overwrite: true,
        ..Options::default()
    };
    let refused = |layout: &OutputLayout| {
        let preflight = Sink::preflight(layout, &options).unwrap_err();
        let create = Sink::create(layout, &options).unwrap_err();
        assert_eq!(
            std::mem::discriminant(&preflight),
            std::mem::discriminant(&create)
        );
        preflight
    };
    let file = |name: &str| one_file(&path(name), b"", 0);
    let missing = refused(&file("missing/x"));
    assert!(
        matches!(&missing, SinkError::MissingFolder { folder, .. } if *folder == path("missing"))
    );
    assert!(missing.to_string().contains("create it"), "{missing}");
    assert!(matches!(
        refused(&file("file/x")),
        SinkError::NotFolder { .. }
    ));
    assert!(matches!(
        refused(&file("folder")),
        SinkError::IsFolder { .. }
    ));
    assert!(matches!(
        refused(&file("folder/..")),
        SinkError::BadName { .. }
    ));
    assert!(matches!(
        refused(&file(&"n".repeat(256))),
        SinkError::BadName { .. }
    ));
    assert!(matches!(
        refused(&model_folder(&path("file"), &path("file"))),
        SinkError::NotFolder { .. }
    ));
    let no_origin = refused(&model_folder(&path("new"), &path("missing")));
    assert!(
        matches!(no_origin, SinkError::NoOrigin { .. }),
        "{no_origin}"
    );
    #[cfg(unix)]
    {
        let device = one_file(Path::new("/dev/null"), b"", 0);
        assert!(matches!(refused(&device), SinkError::NotRegular { .. }));
    }
    #[cfg(unix)]
    {
        let huge = refused(&one_file(&path("huge"), b"", 1 << 60));
        assert!(
            matches!(huge, SinkError::NoSpace { needed, .. } if needed == 1 << 60),
            "{huge}"
        );
        assert!(huge.to_string().contains("TiB"), "{huge}");
        // What one disk has room for, it may not have twice.
        let layouts = [b"a", b"b"].map(|name| one_file(&path("huge"), name, 1 << 59));
        let both = Sink::check_room(&layouts).expect_err("no disk has so much");
        assert!(matches!(both, SinkError::NoSpace { needed, .. } if needed > 1 << 60));
    }
    assert_eq!(tree(folder.path()), before);
}

#[test]
fn names_that_leave_the_folder_or_collide_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("model");
    let names = |names: &[&str]| {
        let file = |name: &&str| FileLayout {
            name: name.into(),
            header: vec![],
            data_bytes: 0,
        };
        let files = names.iter().map(file).collect();
        let layout = OutputLayout {
            root: Root::Folder(root.clone()),
            files,
            side_files: vec![],
        };
        Sink::preflight(&layout, &Options::default())
    };
    for bad in [
        &["../x"][..],
        &["/x"],
        &[""],
        &["a/../../x"],
        &["x\0y"],
        &["x", "x"],
        &["x", "x/y"],
        &["a", "b", "a/b/c"],
    ] {
        assert!(
            matches!(names(bad), Err(SinkError::BadName { .. })),
            "{bad:?}"
        );
    }
    names(&["x", "y/x", "y/z/x"]).unwrap();
}
