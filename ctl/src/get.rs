//! `lazaretctl doc get` and `doc text`: bytes out of the vault into a file of the caller's own.

use crate::{
    client::Client,
    fail::{Exit, Failure, Outcome},
    output,
};
use api::v1::{Chunk, DocumentRequest};
use clap::{Args, ValueEnum};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, IsTerminal as _, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};
use tonic::Streaming;

/// What to fetch and where to.
#[derive(Args)]
pub(crate) struct Get {
    /// Id of the document
    id: String,
    /// What to fetch; original and text need document:read:original
    #[arg(long, value_enum, default_value_t = Rendition::Redacted)]
    rendition: Rendition,
    /// File to write, mode 0600; - is stdout, unless that is a terminal
    #[arg(short = 'O', long = "out", value_name = "FILE")]
    out: PathBuf,
    /// Replace FILE if it exists
    #[arg(long)]
    force: bool,
}

/// A rendition.
#[derive(Clone, Copy, ValueEnum)]
enum Rendition {
    Redacted,
    Original,
    Text,
}

/// Fetches.
pub(crate) async fn run(what: &Get, client: &Client) -> Outcome {
    let to_stdout = what.out.as_os_str() == "-";
    if to_stdout && io::stdout().is_terminal() {
        return Err(Failure::new(
            Exit::Usage,
            "a document is not printed on a terminal; give a file, or pipe the output",
        ));
    }
    let request = DocumentRequest { id: what.id.clone() };
    let stream = match what.rendition {
        Rendition::Redacted => client.documents().get_redacted(request).await?,
        Rendition::Original => client.documents().get_original(request).await?,
        Rendition::Text => client.documents().get_text(request).await?,
    }
    .into_inner();
    if to_stdout {
        save(stream, &mut io::stdout().lock(), &what.out).await
    } else {
        save_file(stream, what).await
    }
}

/// Prints the text; on a terminal without anything that would steer it.
pub(crate) async fn text(id: &str, client: &Client) -> Outcome {
    let stream = client.documents().get_text(DocumentRequest { id: id.to_owned() }).await?.into_inner();
    let mut text = Vec::new();
    save(stream, &mut text, Path::new("-")).await?;
    if io::stdout().is_terminal() {
        output::print(&output::plain_lines(&String::from_utf8_lossy(&text)))
    } else {
        output::bytes(&text)
    }
}

async fn save_file(stream: Streaming<Chunk>, what: &Get) -> Outcome {
    let path = &what.out;
    if what.force && path.exists() {
        fs::remove_file(path).map_err(|error| Failure::file(path, &error))?;
    }
    let mut file = create(path)?;
    let saved = save(stream, &mut file, path)
        .await
        .and_then(|()| file.sync_all().map_err(|error| Failure::file(path, &error)));
    if saved.is_err()
        && let Err(error) = fs::remove_file(path)
    {
        eprintln!("lazaretctl: {}: half of it may be left: {error}", output::plain(&path.to_string_lossy()));
    }
    saved
}

/// Never follows or overwrites what is there already.
pub(crate) fn create(path: &Path) -> Outcome<File> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    created.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::new(Exit::Conflict, format!("{} exists already; --force replaces it", path.display()))
        }
        _ => Failure::file(path, &error),
    })
}

async fn save(mut stream: Streaming<Chunk>, to: &mut dyn Write, path: &Path) -> Outcome {
    let (mut total, mut written) = (None, 0);
    while let Some(chunk) = stream.message().await? {
        total = total.or(chunk.total_bytes);
        written += chunk.data.len() as u64;
        to.write_all(&chunk.data).map_err(|error| Failure::file(path, &error))?;
    }
    to.flush().map_err(|error| Failure::file(path, &error))?;
    if total == Some(written) {
        return Ok(());
    }
    Err(Failure::new(Exit::Temporary, "the daemon stopped before the end of the document; try again"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_fetched_file_is_private_and_never_overwrites() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("redacted.pdf");
        create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(create(&path).unwrap_err().exit as u8, 5);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        assert!(create(&link).is_err());
    }
}
