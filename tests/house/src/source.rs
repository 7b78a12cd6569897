//! The house as text files.

use std::path::{Path, PathBuf};

/// Folders that are no part of the house: version control and what Cargo builds.
const ELSEWHERE: [&str; 2] = [".git", "target"];

/// A text file.
pub struct File {
    /// Path from the root, with `/`.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// The folder that holds the workspace.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this package lies in tests/house").to_owned()
}

/// Every text file of the house, in order of path. Files that are not UTF-8 (fonts) are left out.
#[must_use]
pub fn files() -> Vec<File> {
    let mut found = Vec::new();
    collect(&root(), "", &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The Rust files among them.
#[must_use]
pub fn rust_files() -> Vec<File> {
    files().into_iter().filter(|file| file.path.ends_with(".rs")).collect()
}

fn collect(folder: &Path, prefix: &str, found: &mut Vec<File>) {
    for entry in std::fs::read_dir(folder).expect("the house is readable").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if ELSEWHERE.contains(&path.as_str()) {
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(&entry.path(), &format!("{path}/"), found),
            Ok(kind) if kind.is_file() => {
                if let Ok(text) = std::fs::read_to_string(entry.path()) {
                    found.push(File { path, text });
                }
            }
            Ok(_) | Err(_) => {}
        }
    }
}

/// Rust code with comments, strings and character literals blanked, so that words in them do not count.
/// Lines stay where they are.
#[must_use]
pub fn code_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skip = opaque(rest, out.chars().next_back());
        let (gone, left) = rest.split_at(skip.unwrap_or(first.len_utf8()));
        if skip.is_some() {
            out.extend(gone.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        } else {
            out.push(first);
        }
        rest = left;
    }
    out
}

/// How many bytes the comment, string or character literal at the start of `rest` has; none if there is none.
fn opaque(rest: &str, before: Option<char>) -> Option<usize> {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let to = |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(to("*/", 2));
    }
    let raw = rest.strip_prefix('b').unwrap_or(rest).strip_prefix('r').filter(|_| !in_word);
    if let Some(quoted) = raw {
        let hashes = quoted.len() - quoted.trim_start_matches('#').len();
        if quoted[hashes..].starts_with('"') {
            let from = rest.len() - quoted.len() + hashes + 1;
            return Some(to(&format!("\"{}", "#".repeat(hashes)), from));
        }
    }
    match rest.chars().next()? {
        '"' => Some(closed(rest, '"')),
        '\'' => {
            let mut inside = rest.chars().skip(1);
            let (first, second) = (inside.next()?, inside.next()?);
            (first == '\\' || second == '\'').then(|| closed(rest, '\''))
        }
        _ => None,
    }
}

/// Length of a literal in quotes, escapes obeyed.
fn closed(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if !escaped && c == quote {
            return at + c.len_utf8();
        }
        escaped = !escaped && c == '\\';
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::code_only;

    #[test]
    fn words_in_comments_and_literals_do_not_count() {
        let code = "a /* b */ \"c\\\" d\" r#\"e \" f\"# 'g' '\\'' b\"h\" &'x str // i\nj";
        let words: Vec<_> = code_only(code).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words, ["a", "b", "&'x", "str", "j"]);
    }
}
