#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]
use vault::*; use types::*; use std::io::Write;
fn main() {
    let root = std::path::PathBuf::from(std::env::args().nth(1).unwrap()); let dir = root.join("v");
    MasterKey::generate_file(&root.join("k")).unwrap(); let m = MasterKey::from_file(&root.join("k")).unwrap();
    Vault::create(&dir, &m).unwrap(); let v = Vault::open(&dir, &m).unwrap();
    let doc = |n: u128| DocId::from_bytes(n.to_be_bytes());
    v.new_document(doc(0)).unwrap();
    // blob
    let mut w = v.writer(doc(0), Area::Original, BlobId::from_bytes([1;16])).unwrap();
    let e = w.write_all(&vec![1; 8 << 20]).unwrap_err(); println!("blob: {e} {:?}", e.kind()); println!("finish: {}", w.finish().unwrap_err());
    println!("left in dir: {}", std::fs::read_dir(dir.join("blobs").join(doc(0).to_string())).unwrap().count());
    // keys until full
    let fill = root.join("fill"); let mut f = std::fs::File::create(&fill).unwrap(); while f.write_all(&[0;4096]).is_ok() {} 
    let mut f_opt = Some(f); let mut born = 0; let mut full = 0;
    for n in 1..20000u128 { match v.new_document(doc(n)) { Ok(()) => born += 1, Err(VaultError::Full{doing,..}) => { full += 1; if full == 1 { println!("full after {born} keys: {doing}"); println!("destroy when full: {}", v.destroy(&[doc(0)]).unwrap_err()); assert!(v.knows(doc(0))); std::fs::remove_file(&fill).unwrap(); drop(f_opt.take()); } else {println!("full again after {born}"); break;} } Err(e) => panic!("{e}") } }
    let d = v.documents(); drop(v); let v = Vault::open(&dir, &m).unwrap(); assert_eq!(v.documents(), d); for x in d { v.seal_facts(x, "p", b"").unwrap(); }
    println!("reopened {:?} {:?}", v.status(), v.sweep());
}
