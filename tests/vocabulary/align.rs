//! Which rows the tokens of a result have.

use std::path::Path;

use wgmerge::vocabulary::{
    Aligned, Alignment, ChosenRow, Member, Origin, Row, RowMap, RowOf, RowRun, TokenChoice,
    Tokenizer, Wanted,
};

use super::{bpe, tokenizer};

fn of(source: u16, row: u32) -> Row {
    Row::Of(RowOf { source, row })
}

fn member<'a>(tokenizer: &'a Tokenizer, rows: u32, counted: u32) -> Member<'a> {
    Member {
        path: tokenizer.folder(),
        tokenizer,
        rows,
        counted,
    }
}

fn choice(text: &str, row: Option<ChosenRow>, force: bool) -> TokenChoice {
    TokenChoice {
        text: text.to_owned(),
        row,
        force,
    }
}

#[test]
fn a_token_has_its_own_row_or_another_models() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let read = |name: &str, tokens: &[&str]| tokenizer(root.path(), name, &bpe(tokens, &[]));
    let output = read("output", &["a", "b", "c", "d", "e", "f"]);
    let first = read("first", &["a", "b", "f"]);
    let second = read("second", &["b", "a", "c", "d"]);
    let third = read("third", &["d", "c", "b", "f"]);
    // Of the third, the last token has no row.
    let members = vec![
        member(&first, 3, 3),
        member(&second, 4, 4),
        member(&third, 4, 3),
    ];
    let alignment = Alignment::new(&output, members, &[], 4).expect("sound");
    assert_eq!(alignment.rows(), 8);
    let map = |own: usize, base: Option<usize>| {
        let among = [0, 1, 2];
        let wanted = Wanted {
            own,
            among: &among,
            base,
        };
        alignment.map(wanted).expect("rows")
    };
    // c and d: the mean of the two that have them; e: nobody has it; then rows without a token.
    let mean =
        |rows: [(u16, u32); 2]| Row::Mean(rows.map(|(source, row)| RowOf { source, row }).to_vec());
    let expected = Aligned {
        members: vec![0, 1, 2],
        map: RowMap::new([
            of(0, 0),
            of(0, 1),
            mean([(1, 2), (2, 1)]),
            mean([(1, 3), (2, 0)]),
            Row::Zero,
            of(0, 2),
            Row::Average,
            Row::Average,
        ])
        .expect("few rows"),
    };
    assert_eq!(map(0, None), expected);
    // The base comes before a mean.
    let found = map(0, Some(2));
    let expected = [
        of(0, 0),
        of(0, 1),
        of(1, 1),
        of(1, 0),
        Row::Zero,
        of(0, 2),
        Row::Average,
        Row::Average,
    ];
    assert_eq!(found.members, [0, 2]);
    assert_eq!(found.map, RowMap::new(expected).expect("few rows"));
    // a is the first's: the only one that has it besides the second is the base.
    assert_eq!(map(2, Some(0)).members, [2, 0]);
}

#[test]
fn rows_are_chosen_token_by_token() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let read = |name: &str, tokens: &[&str]| tokenizer(root.path(), name, &bpe(tokens, &[]));
    let output = read("output", &["a", "b", "c", "d"]);
    let first = read("first", &["a", "b"]);
    let second = read("second", &["b", "a", "c"]);
    let members = || vec![member(&first, 2, 2), member(&second, 5, 3)];
    let wanted = |own| Wanted {
        own,
        among: &[0, 1],
        base: Some(0),
    };
    let choices = [
        choice("a", Some(ChosenRow::Same(1)), true),
        choice("b", Some(ChosenRow::Zero), false),
        choice("c", Some(ChosenRow::Number(1, 4)), false),
        choice("d", Some(ChosenRow::Token(1, "c".to_owned())), false),
    ];
    let alignment = Alignment::new(&output, members(), &choices, 1).expect("sound");
    let rows = |rows: [Row; 4]| RowMap::new(rows).expect("few rows");
    let found = alignment.map(wanted(0)).expect("rows");
    assert_eq!(found.map, rows([of(1, 1), of(0, 1), of(1, 4), of(1, 2)]));
    let found = alignment.map(wanted(1)).expect("rows");
    assert_eq!(found.map, rows([of(0, 1), of(0, 0), of(0, 2), of(0, 2)]));

    let refused = |choice: TokenChoice, among: &[usize]| {
        let choices = [choice];
        let alignment = Alignment::new(&output, members(), &choices, 1).expect("sound");
        let wanted = Wanted {
            own: 0,
            among,
            base: None,
        };
        let fault = alignment.map(wanted).expect_err("a refusal");
        fault.to_string()
    };
    let beyond = choice("c", Some(ChosenRow::Number(1, 5)), false);
    let fault = refused(beyond, &[0, 1]);
    assert!(
        fault.contains("number 5") && fault.contains("its 5 rows"),
        "{fault}"
    );
    let fault = refused(choice("d", Some(ChosenRow::Same(1)), false), &[0, 1]);
    assert!(
        fault.contains("that token") && fault.contains("second"),
        "{fault}"
    );
    let fault = refused(choice("c", Some(ChosenRow::Same(1)), false), &[0]);
    assert!(fault.contains("no such matrix"), "{fault}");
}

#[test]
fn numbers_without_tokens_are_filled_and_wild_ones_refused() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let read = |name: &str, vocab: &str| {
        let json = format!(r#"{{"model": {{"vocab": {vocab}}}}}"#);
        tokenizer(root.path(), name, &json)
    };
    let gap = read("gap", r#"{"a": 0, "b": 2}"#);
    let alignment = Alignment::new(&gap, vec![member(&gap, 3, 3)], &[], 1).expect("sound");
    let wanted = Wanted {
        own: 0,
        among: &[0],
        base: None,
    };
    let found = alignment.map(wanted).expect("rows");
    let expected = RowMap::new([of(0, 0), Row::Average, of(0, 2)]).expect("few rows");
    assert_eq!(found.map, expected);
    let wild = read("wild", r#"{"a": 4000000000}"#);
    let fault = Alignment::new(&wild, Vec::new(), &[], 1).expect_err("a refusal");
    assert!(fault.to_string().contains("4000000001"), "{fault}");
    assert!(
        fault
            .to_string()
            .contains(&*Path::new("wild").to_string_lossy()),
        "{fault}"
    );
}

#[test]
fn rows_with_one_origin_are_one_run() {
    let rows = (0..1000).map(|row| of(0, row));
    let rows = rows
        .chain((0..10).map(|row| of(1, row)))
        .chain([Row::Zero, Row::Zero]);
    let map = RowMap::new(rows).expect("few rows");
    let run = |start: u32, count: u32, origin: Origin| RowRun {
        start,
        count,
        origin,
    };
    let expected = [
        run(0, 1000, Origin::Rows(RowOf { source: 0, row: 0 })),
        run(1000, 10, Origin::Rows(RowOf { source: 1, row: 0 })),
        run(1010, 2, Origin::Zero),
    ];
    assert_eq!(map.runs(), expected);
    assert_eq!(map.needed(), [1000, 10]);
    assert_eq!(map.runs_from(1009).len(), 2);
    assert!(!map.computes());
}
