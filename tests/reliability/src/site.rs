//! Places in the code as the disk sees them: the third write to this file, the fsync of that folder.

use std::{collections::BTreeMap, fmt};

/// The NTH call of an operation on a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// `write`, `fsync`, `rename`, `create`, `mkdir`, `unlink`, `truncate`, `link` or `allocate`.
    pub operation: String,
    /// Path under the appliance's folder; ids as `ID`, numbers as `N`.
    pub path: String,
    /// Counted from 1.
    pub nth: u32,
}

impl Site {
    /// The sites of a trace, in order.
    pub(crate) fn all(trace: &str) -> Vec<Self> {
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        let mut sites = Vec::new();
        for line in trace.lines() {
            let Some((operation, path)) = line.split_once(' ') else { continue };
            let nth = counts.entry(line).or_default();
            *nth += 1;
            sites.push(Self { operation: operation.to_owned(), path: path.to_owned(), nth: *nth });
        }
        sites
    }

    /// Does the call need space on the disk?
    #[must_use]
    pub fn needs_space(&self) -> bool {
        !["unlink", "truncate"].contains(&self.operation.as_str())
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} #{}", self.operation, self.path, self.nth)
    }
}
