//! From a file to [`Settings`], or to everything that is wrong with it.

use crate::{
    Audit, Backup, ConfigError, Keys, Listen, Paths, PolicyFiles, SandboxSettings, Source, Space, Tls,
    Workers, check,
    example::Page,
    section::Section,
    sections::Site,
    table::{File, Table},
};
use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};
use toml::de::DeTable;
use types::Label;

/// Largest configuration file, in bytes; ours has 5 KiB.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Most sources; each costs a watch and a scan.
const SOURCES_MAX: usize = 256;

/// The configuration, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Name of the site.
    pub site: Label,
    /// Places on this machine.
    pub paths: Paths,
    /// Addresses.
    pub listen: Listen,
    /// Certificates.
    pub tls: Tls,
    /// The master key.
    pub keys: Keys,
    /// Rules about documents and callers.
    pub policy: PolicyFiles,
    /// Concurrency.
    pub workers: Workers,
    /// Disk space.
    pub space: Space,
    /// Checkpoints of the ledger.
    pub audit: Audit,
    /// Copies of blobs and keys.
    pub backup: Backup,
    /// Confinement.
    pub sandbox: SandboxSettings,
    /// Doors, in the order of the file.
    pub sources: Vec<Source>,
}

/// Reads and checks a configuration file. Fails closed: there is no partial configuration and no
/// fallback for a file that cannot be read.
///
/// # Errors
/// Everything that is wrong with the file, in the order of its lines.
pub fn load(path: &Path) -> Result<Settings, Vec<ConfigError>> {
    let whole_file = |found: String| {
        let (file, expected) =
            (path.to_owned(), format!("a readable file of at most {FILE_BYTES_MAX} bytes of UTF-8"));
        vec![ConfigError { file, line: 1, key: String::new(), expected, found, suggestion: None }]
    };
    let absolute = std::path::absolute(path).map_err(|error| whole_file(error.to_string()))?;
    let text = read_bounded(&absolute).map_err(|error| whole_file(error.to_string()))?;
    let Some(text) = text else { return Err(whole_file("a larger one".to_owned())) };
    parse(&text, &absolute)
}

fn read_bounded(path: &Path) -> std::io::Result<Option<String>> {
    let mut text = String::new();
    fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    Ok(Some(text).filter(|text| text.len() as u64 <= FILE_BYTES_MAX))
}

/// Checks the text of a configuration file that lies, or would lie, at `path`.
///
/// # Errors
/// Everything that is wrong with the text, in the order of its lines.
pub fn parse(text: &str, path: &Path) -> Result<Settings, Vec<ConfigError>> {
    let folder: PathBuf = path.parent().unwrap_or(Path::new("/")).components().collect();
    let mut file = File { path, folder: &folder, text, errors: Vec::new() };
    let (root, syntax) = DeTable::parse_recoverable(text);
    for error in syntax {
        let line = file.line(error.span().map_or(0, |span| span.start));
        file.wrong(line, "", "valid TOML".to_owned(), error.message().to_owned(), None);
    }
    // What a broken text seems to say is not worth judging: each slip would be reported twice.
    let settings = if file.errors.is_empty() {
        Settings::read(Table::new(String::new(), 1, Some(root.get_ref()), &mut file))
    } else {
        None
    };
    file.errors.sort_by_key(|error| error.line);
    settings.filter(|_| file.errors.is_empty()).ok_or(file.errors)
}

impl Section for Settings {
    const ABOUT: &'static str = "Configuration of Lazaret. Every key is listed; a value that is not \
        commented out is the default, except site.name and source.name, which must be given. An unknown key is an \
        error. Relative paths start at the folder of this file. Check with: lazaretctl config check";

    fn read(mut table: Table<'_, '_>) -> Option<Self> {
        let line = table.line();
        let site = table.table::<Site>("site");
        let paths = table.table::<Paths>("paths");
        let listen = table.table("listen");
        let tls = table.table("tls");
        let keys = table.table::<Keys>("keys");
        let policy = table.table("policy");
        let workers = table.table("workers");
        let space = table.table("space");
        let audit = table.table("audit");
        let backup = table.table("backup");
        let sandbox = table.table("sandbox");
        let sources = table.tables::<Source>("source", SOURCES_MAX);
        if let Some(keys) = &keys {
            check::one_master_key(table.file, line, keys);
        }
        if let Some(sources) = &sources {
            check::sources(table.file, sources, paths.as_ref());
        }
        table.refuse_the_rest();
        Some(Self {
            site: site?.name,
            paths: paths?,
            listen: listen?,
            tls: tls?,
            keys: keys?,
            policy: policy?,
            workers: workers?,
            space: space?,
            audit: audit?,
            backup: backup?,
            sandbox: sandbox?,
            sources: sources?.into_iter().map(|(_, source)| source).collect(),
        })
    }

    fn describe(page: &mut Page) {
        page.table::<Site>("site");
        page.table::<Paths>("paths");
        page.table::<Listen>("listen");
        page.table::<Tls>("tls");
        page.table::<Keys>("keys");
        page.table::<PolicyFiles>("policy");
        page.table::<Workers>("workers");
        page.table::<Space>("space");
        page.table::<Audit>("audit");
        page.table::<Backup>("backup");
        page.table::<SandboxSettings>("sandbox");
        page.element::<Source>("source");
    }
}
