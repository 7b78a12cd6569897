//! Twenty invented documents, each worded and laid out differently: what they are, what is hidden on
//! them and what stays legible. In `pages/*.txt` ‹…› marks an identifier and ~…~ the name of staff.
#![allow(clippy::unwrap_used)]

use policy::{KnownValue, PageView, Policy};
use std::{collections::HashSet, fs, path::Path};
use types::{Confidence, DocClass, PageGeometry, PageWords, Phi, Rect, Transform, Word};

/// A page whose characters are 10 px wide and whose lines are 30 px apart.
struct Page {
    name: String,
    class: DocClass,
    words: PageWords,
    marks: Vec<Mark>,
    geometry: PageGeometry,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Identifier,
    Staff,
    Ordinary,
}

fn pages() -> Vec<Page> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| page(path.file_stem().unwrap().to_str().unwrap(), &fs::read_to_string(path).unwrap()))
        .collect()
}

fn page(name: &str, text: &str) -> Page {
    let (head, mut body) = text.split_once('\n').unwrap();
    let class = head.strip_prefix("class: ").unwrap().parse().unwrap();
    let mut size = (1300, 1700);
    if let Some((head, rest)) = body.strip_prefix("size: ").and_then(|rest| rest.split_once('\n')) {
        let (width, height) = head.split_once(' ').unwrap();
        size = (width.parse().unwrap(), height.parse().unwrap());
        body = rest;
    }
    let (mut words, mut marks) = (Vec::new(), Vec::new());
    for (line, content) in (0..).zip(body.lines()) {
        lay_out(line, content, &mut words, &mut marks);
    }
    let geometry = PageGeometry {
        width_px: size.0,
        height_px: size.1,
        dpi: 200,
        rotation_deg: 0,
        skew_centideg: 0,
        transform: Transform::IDENTITY,
        bilevel: false,
        blank: false,
    };
    Page { name: name.to_owned(), class, words: PageWords { words }, marks, geometry }
}

fn lay_out(line: u32, content: &str, words: &mut Vec<Word>, marks: &mut Vec<Mark>) {
    let (mut at, mut start, mut text) = (0, 0, String::new());
    let (mut now, mut mark) = (Mark::Ordinary, Mark::Ordinary);
    for c in content.chars().chain([' ']) {
        match c {
            '‹' => now = Mark::Identifier,
            '~' if now == Mark::Ordinary => now = Mark::Staff,
            '›' | '~' => now = Mark::Ordinary,
            ' ' => {
                if !text.is_empty() {
                    let rect = Rect { x0: start * 10, y0: 20 + line * 30, x1: at * 10, y1: 40 + line * 30 };
                    let (text, confidence) = (Phi::new(std::mem::take(&mut text)), Confidence::new(0.95));
                    words.push(Word { text, rect, confidence, line, block: 0 });
                    marks.push(std::mem::replace(&mut mark, Mark::Ordinary));
                }
                at += 1;
            }
            c => {
                if text.is_empty() {
                    start = at;
                }
                if mark == Mark::Ordinary {
                    mark = now;
                }
                text.push(c);
                at += 1;
            }
        }
    }
}

fn policy() -> Policy {
    Policy::parse(&Policy::shipped_texts()).unwrap_or_else(|errors| panic!("{}", errors[0]))
}

fn view(page: &Page) -> PageView<'_> {
    PageView { words: &page.words, geometry: &page.geometry }
}

#[test]
fn identifiers_are_hidden_and_the_rest_stays() {
    // B21: patient names, dates of birth, addresses, member IDs, MRNs, insurance numbers, provider
    // identifiers, phone numbers.
    let (mut identifiers, mut hidden, mut ordinary, mut lost) = (0, 0, 0, 0);
    let mut report = String::new();
    for page in pages() {
        let found = policy().identify(&[view(&page)], &[]);
        let covered: HashSet<u32> = found.pages[0].iter().flat_map(|hit| hit.words.iter().copied()).collect();
        for (at, (word, mark)) in (0..).zip(page.words.words.iter().zip(&page.marks)) {
            match (mark, covered.contains(&at)) {
                (Mark::Identifier, true) => hidden += 1,
                (Mark::Identifier, false) => {
                    report += &format!("\n{}: {} stays", page.name, word.text.expose())
                }
                (Mark::Ordinary, true) => {
                    lost += 1;
                    report += &format!("\n{}: {} is hidden", page.name, word.text.expose());
                }
                _ => {}
            }
            identifiers += u32::from(*mark == Mark::Identifier);
            ordinary += u32::from(*mark == Mark::Ordinary);
        }
    }
    assert!(hidden * 100 >= identifiers * 98, "{hidden} of {identifiers} identifiers hidden:{report}");
    assert!(lost * 100 <= ordinary, "{lost} of {ordinary} ordinary words lost:{report}");
}

#[test]
fn covers_lie_on_the_page_and_on_their_words() {
    // B22: boxes over the original pixels; the map says what was hidden and why.
    for page in pages() {
        for hit in &policy().identify(&[view(&page)], &[]).pages[0] {
            assert!(hit.rect.is_inside(page.geometry.width_px, page.geometry.height_px), "{}", page.name);
            for &word in &hit.words {
                let inner = page.words.words[word as usize].rect;
                assert_eq!(
                    hit.rect.union(inner),
                    hit.rect,
                    "{}: the cover is smaller than its word",
                    page.name
                );
            }
            assert!(hit.confidence.get() > 0.0);
        }
    }
}

#[test]
fn a_product_without_the_hidden_words_shows_no_residue() {
    for page in pages() {
        let found = policy().identify(&[view(&page)], &[]);
        let covered: HashSet<u32> = found.pages[0].iter().flat_map(|hit| hit.words.iter().copied()).collect();
        let left = (0..)
            .zip(&page.words.words)
            .filter(|(at, _)| !covered.contains(at))
            .map(|(_, word)| word.clone());
        let left = PageWords { words: left.collect() };
        let residue = policy().residue(&left, &left, &found.values);
        assert!(residue.is_empty(), "{}: {residue:?}", page.name);
        assert!(
            !policy().residue(&page.words, &PageWords::default(), &found.values).is_empty(),
            "{}",
            page.name
        );
    }
}

#[test]
fn every_document_gets_its_class_and_clear_ones_need_nobody() {
    // A35: the taxonomy. A37: from 0.95 on no person is asked.
    let (mut right, mut automatic, mut all) = (0, 0, 0);
    let mut report = String::new();
    for page in pages() {
        let class = policy().classify(&[view(&page)], None);
        assert!(!class.rules.is_empty());
        all += 1;
        right += u32::from(class.class == page.class);
        let clear = class.confidence.get() >= 0.95;
        automatic += u32::from(clear);
        if class.class != page.class || !clear {
            report +=
                &format!("\n{}: {} {:.3} {:?}", page.name, class.class, class.confidence.get(), class.rules);
        }
        assert!(!clear || class.class == page.class, "{} is taken for {}", page.name, class.class);
    }
    assert!(
        right == all && automatic * 4 >= all * 3,
        "{right} right, {automatic} automatic of {all}:{report}"
    );
}

#[test]
fn the_same_pages_give_the_same_verdict() {
    let pages = pages();
    let views: Vec<PageView<'_>> = pages.iter().map(view).collect();
    let known = [KnownValue { text: Phi::new("Ruth Abernathy".into()), kind: types::IdKind::Name }];
    let (a, b) = (policy().identify(&views, &known), policy().identify(&views, &known));
    assert_eq!(a.pages, b.pages);
    assert_eq!(policy().classify(&views, None), policy().classify(&views, None));
}
