//! The order of stations is written in three places; they must say the same.

use house::root;
use lifecycle::Trip;

/// Stations before a document exists; `lifecycle` begins after them.
const BEFORE: [&str; 2] = ["watch", "intake"];

fn stations() -> Vec<String> {
    let named = Trip::CURRENT.stages().iter().map(|stage| stage.name());
    BEFORE.into_iter().chain(named).map(str::to_owned).collect()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The items in the order given by the file, those that are no station left out.
fn stations_among<'a>(items: impl Iterator<Item = &'a str>) -> Vec<String> {
    let known = stations();
    items.filter(|item| known.iter().any(|station| station == item)).map(str::to_owned).collect()
}

// A65, B36, B47: the order of stations is fixed, and each is a file of its name.
#[test]
fn the_pipeline_lists_its_stations_in_the_order_of_the_trip() {
    let source = read("daemon/pipeline/src/lib.rs");
    let modules = source.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    assert_eq!(stations_among(modules), stations(), "order the `mod` lines as Trip::CURRENT does");
}

#[test]
fn every_station_is_one_file_that_bears_its_name() {
    for station in stations() {
        let path = format!("daemon/pipeline/src/{station}.rs");
        assert!(root().join(&path).is_file(), "the station {station} belongs in {path}");
    }
}

#[test]
fn the_story_of_a_document_has_a_chapter_for_each_station_in_order() {
    let story = read("docs/life-of-a-document.md");
    let headings = story.lines().filter_map(|line| line.strip_prefix("## ")).map(str::trim);
    assert_eq!(stations_among(headings), stations(), "order the `## ` headings as Trip::CURRENT does");
}

#[test]
fn every_chapter_says_what_it_reads_leaves_refuses_and_risks() {
    let story = read("docs/life-of-a-document.md");
    let known = stations();
    for chapter in story.split("\n## ").skip(1) {
        let (heading, text) = chapter.split_once('\n').unwrap_or((chapter, ""));
        if !known.iter().any(|station| station == heading.trim()) {
            continue;
        }
        for part in ["**Reads:**", "**Leaves:**", "**Can refuse because:**", "**If power fails here:**"] {
            assert!(text.contains(part), "the chapter {heading} does not say {part}");
        }
    }
}
