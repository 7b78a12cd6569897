//! `corpus OUT_DIR`: writes every sample, and `expected.json` with what must become of each.
//! `corpus OUT_DIR NAME…` writes only these. Reads nothing.

use anyhow::{Context as _, bail};
use std::collections::BTreeMap;
use std::path::PathBuf;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let Some(folder) = args.next().filter(|arg| !arg.starts_with('-')).map(PathBuf::from) else {
        bail!("usage: corpus OUT_DIR [NAME…]");
    };
    let names: Vec<String> = args.collect();
    let samples = if names.is_empty() { corpus::all() } else { chosen(&names)? };
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for sample in &samples {
        write(folder.join(sample.name), &sample.bytes)?;
    }
    let truth: BTreeMap<_, _> = samples.iter().map(|sample| (sample.name, &sample.expected)).collect();
    write(folder.join("expected.json"), &serde_json::to_vec_pretty(&truth)?)
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<corpus::Sample>> {
    names
        .iter()
        .map(|name| corpus::named(name).with_context(|| format!("no sample is called {name}")))
        .collect()
}

fn write(path: PathBuf, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
