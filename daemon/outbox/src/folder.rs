//! A folder as a target: staged out of sight, then placed under a marker that survives a crash.
//!
//! The rename of the manifest is the moment of delivery. Everything is prepared in `.sent`, where only the
//! daemon writes; a marker with the manifest's bytes is durable there before that rename. So after a crash:
//!
//! | marker | staged manifest | meaning |
//! |---|---|---|
//! | none | any | nothing was seen: begin anew |
//! | there | there | the rename did not happen: begin anew |
//! | there | gone | delivered, whether or not the pair was fetched since |
//!
//! The marker goes once the ledger has the delivery ([`FolderTarget::forget`]).

use crate::{
    OutboxError,
    dirs::{Dirs, same},
};
use std::{
    io::{self, Read, Write as _},
    path::PathBuf,
};
use types::{DocId, Label};

/// Largest manifest that is read back, in bytes; ours have about 800.
const MANIFEST_BYTES_MAX: u64 = 64 << 10;
/// Names of `.sent` that one look goes through: a few for each delivery that a crash cut short.
const LEFTOVERS_MAX: usize = 10_000;

/// A route's folder.
#[derive(Clone, Debug)]
pub struct FolderTarget {
    /// Where it is. It is never created here: a missing folder may be one that was unmounted.
    pub folder: PathBuf,
}

/// How far a delivery is.
pub enum Staging {
    /// It happened before, with this manifest: those who fetch may have seen it.
    Seen(Vec<u8>),
    /// Ready to be placed; nobody has seen anything of it.
    Staged(Staged),
}

/// A delivery that is ready. Dropping it leaves it in `.sent`, where the next try overwrites it.
#[must_use = "nothing is delivered before it is placed"]
pub struct Staged {
    dirs: Dirs,
    names: Names,
    manifest: Vec<u8>,
}

/// A delivery that a crash left between its manifest's rename and the ledger.
pub struct Unsettled {
    /// The document.
    pub doc: DocId,
    /// The route it was delivered to.
    pub route: Label,
    /// The manifest that was placed.
    pub manifest: Vec<u8>,
}

/// Steps of a delivery; the process may die after each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    ProductStaged,
    ManifestStaged,
    Marked,
    ProductPlaced,
    ManifestPlaced,
}

/// What a delivery is called at each stage.
struct Names {
    pdf: String,
    json: String,
    staged_pdf: String,
    staged_json: String,
    /// Second name of the product, by which it is known to be ours until the manifest is placed.
    own_pdf: String,
    marker: String,
    half_marker: String,
}

impl Names {
    fn of(doc: DocId, route: &Label) -> Self {
        let own = |ending: &str| format!("{doc}-{route}{ending}");
        Self {
            pdf: format!("{doc}.pdf"),
            json: format!("{doc}.json"),
            staged_pdf: own(".pdf.part"),
            staged_json: own(".json.part"),
            own_pdf: own(".pdf"),
            marker: own(MARKER),
            half_marker: own(".sent.part"),
        }
    }
}

/// Ending of a marker's name.
const MARKER: &str = ".sent";

impl FolderTarget {
    /// Writes product and manifest where nobody sees them. `product` must fail rather than end early.
    ///
    /// # Errors
    /// [`OutboxError`]; nothing is visible then.
    pub fn stage(
        &self,
        doc: DocId,
        route: &Label,
        product: &mut impl Read,
        manifest: &[u8],
    ) -> Result<Staging, OutboxError> {
        self.stage_by_step(doc, route, product, manifest, &mut |_| ())
    }

    pub(crate) fn stage_by_step(
        &self,
        doc: DocId,
        route: &Label,
        product: &mut impl Read,
        manifest: &[u8],
        done: &mut impl FnMut(Step),
    ) -> Result<Staging, OutboxError> {
        let dirs = Dirs::open(&self.folder)?;
        let names = Names::of(doc, route);
        if let Some(seen) = seen(&dirs, &names)? {
            return Ok(Staging::Seen(seen));
        }
        withdraw(&dirs, &names)?;
        // Placed, recorded, and then the ledger was put back from an older copy: the pair is still this one.
        match manifest_in(&dirs, &names)? {
            Some(present) if present == manifest => return Ok(Staging::Seen(present)),
            // The name is taken: nothing may be written beside it.
            Some(_) => return Err(OutboxError::Conflict),
            None => {}
        }
        dirs.sent.write(&names.staged_pdf, |file| io::copy(product, file).map(drop))?;
        done(Step::ProductStaged);
        dirs.sent.write(&names.staged_json, |file| file.write_all(manifest))?;
        done(Step::ManifestStaged);
        // Durable before the marker: a marker alone means that the manifest was placed.
        dirs.sent.settle();
        Ok(Staging::Staged(Staged { dirs, names, manifest: manifest.to_vec() }))
    }

    /// The manifest, if those who fetch may have seen this delivery.
    ///
    /// # Errors
    /// [`OutboxError`] when the folder cannot be asked.
    pub fn seen(&self, doc: DocId, route: &Label) -> Result<Option<Vec<u8>>, OutboxError> {
        seen(&Dirs::open(&self.folder)?, &Names::of(doc, route))
    }

    /// Removes what is left of a delivery in `.sent`. Only for one that the ledger has.
    ///
    /// # Errors
    /// [`OutboxError`]; the next start tries again.
    pub fn forget(&self, doc: DocId, route: &Label) -> Result<(), OutboxError> {
        let (dirs, names) = (Dirs::open(&self.folder)?, Names::of(doc, route));
        dirs.sent.remove(&names.own_pdf)?;
        dirs.sent.remove(&names.marker)
    }

    /// After a crash: takes back what nobody has seen, and names what somebody may have. Nothing may be under way.
    ///
    /// # Errors
    /// [`OutboxError`] when the folder cannot be used.
    pub fn recover(&self) -> Result<Vec<Unsettled>, OutboxError> {
        let dirs = Dirs::open(&self.folder)?;
        let mut unsettled = Vec::new();
        let names = dirs.sent.names(LEFTOVERS_MAX)?;
        for (doc, route) in names.iter().filter_map(|name| whose(name.strip_suffix(MARKER)?)) {
            let names = Names::of(doc, &route);
            match seen(&dirs, &names)? {
                Some(manifest) => unsettled.push(Unsettled { doc, route, manifest }),
                None => withdraw(&dirs, &names)?,
            }
        }
        names.iter().filter(|name| name.ends_with(".part")).try_for_each(|name| dirs.sent.remove(name))?;
        Ok(unsettled)
    }
}

impl Staged {
    /// Delivers: durable, and visible as a whole, on return.
    ///
    /// # Errors
    /// [`OutboxError`]; the folder then holds no manifest of this delivery.
    pub fn place(self) -> Result<(), OutboxError> {
        self.place_by_step(&mut |_| ())
    }

    pub(crate) fn place_by_step(self, done: &mut impl FnMut(Step)) -> Result<(), OutboxError> {
        let Self { dirs, names, manifest } = &self;
        dirs.sent.link(&names.staged_pdf, &names.own_pdf)?;
        dirs.sent.write(&names.half_marker, |file| file.write_all(manifest))?;
        if !dirs.sent.take(&dirs.sent, &names.half_marker, &names.marker)? {
            return Err(OutboxError::Conflict);
        }
        dirs.sent.settle();
        done(Step::Marked);
        let placed = self.place_product().and_then(|()| {
            done(Step::ProductPlaced);
            if dirs.folder.take(&dirs.sent, &names.staged_json, &names.json)? {
                Ok(())
            } else {
                Err(OutboxError::Conflict)
            }
        });
        if let Err(error) = placed {
            withdraw(dirs, names)?;
            return Err(error);
        }
        dirs.folder.settle();
        dirs.sent.settle();
        done(Step::ManifestPlaced);
        Ok(())
    }

    fn place_product(&self) -> Result<(), OutboxError> {
        let Self { dirs, names, .. } = self;
        if !dirs.folder.take(&dirs.sent, &names.staged_pdf, &names.pdf)? {
            let (there, ours) = (dirs.folder.read(&names.pdf)?, dirs.sent.read(&names.staged_pdf)?);
            let (Some(mut there), Some(mut ours)) = (there, ours) else { return Err(OutboxError::Conflict) };
            if !same(&mut there, &mut ours)? {
                return Err(OutboxError::Conflict);
            }
            dirs.sent.remove(&names.staged_pdf)?;
        }
        dirs.folder.settle();
        Ok(())
    }

    /// Takes it back: nobody has seen it.
    ///
    /// # Errors
    /// [`OutboxError`]; the next try or start does it.
    pub fn withdraw(self) -> Result<(), OutboxError> {
        withdraw(&self.dirs, &self.names)
    }
}

/// See the table above.
fn seen(dirs: &Dirs, names: &Names) -> Result<Option<Vec<u8>>, OutboxError> {
    let Some(marker) = dirs.sent.read(&names.marker)? else { return Ok(None) };
    if dirs.sent.has(&names.staged_json)? {
        return Ok(None);
    }
    bounded(marker).map(Some)
}

/// Takes back a delivery that nobody has seen.
fn withdraw(dirs: &Dirs, names: &Names) -> Result<(), OutboxError> {
    let ours = dirs.sent.inode(&names.own_pdf)?;
    if ours.is_some() && dirs.folder.inode(&names.pdf)? == ours {
        dirs.folder.remove(&names.pdf)?;
        dirs.folder.settle();
    }
    if dirs.sent.has(&names.marker)? {
        // Before the staged manifest: a marker alone would mean that it was placed.
        dirs.sent.remove(&names.marker)?;
        dirs.sent.settle();
    }
    let rest = [&names.half_marker, &names.staged_json, &names.staged_pdf, &names.own_pdf];
    rest.into_iter().try_for_each(|name| dirs.sent.remove(name))
}

fn manifest_in(dirs: &Dirs, names: &Names) -> Result<Option<Vec<u8>>, OutboxError> {
    dirs.folder.read(&names.json)?.map(bounded).transpose()
}

fn bounded(file: std::fs::File) -> Result<Vec<u8>, OutboxError> {
    let mut bytes = Vec::new();
    file.take(MANIFEST_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// `DOC-ROUTE`, taken apart.
fn whose(key: &str) -> Option<(DocId, Label)> {
    let (doc, route) = key.split_once('-')?;
    Some((doc.parse().ok()?, route.parse().ok()?))
}
