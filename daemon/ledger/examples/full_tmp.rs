#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]
use ledger::*; use lifecycle::*; use types::*;
fn main() {
    let dir = std::path::PathBuf::from(std::env::args().nth(1).unwrap());
    let (mut l, r) = Ledger::open(&dir).unwrap(); println!("{r:?}");
    let ev = |n: u64| NewRecord{at:UnixMillis(n),by:Actor::Daemon,body:Body::Document{doc:DocId::from_parts(UnixMillis(n),7),event:Event::Approved}};
    let mut full = 0; let mut ok = 0;
    for n in 0..20000u64 { match l.append((0..50).map(|i| ev(n*50+i)).collect()) { Ok(_) => ok += 1, Err(LedgerError::Full{..}) => { full += 1; let t = l.tip();
        if full == 1 { println!("full at {} ", t.0); let v = verify(&dir).unwrap(); assert_eq!((v.records, v.tip, v.unfinished_bytes), (t.0, t.1, 0)); std::fs::remove_file(dir.parent().unwrap().join("ballast")).unwrap(); }
        if full == 2 { println!("full again at {}", t.0); break; } } Err(e) => panic!("{e}") } }
    let t = l.tip(); drop(l); let v = verify(&dir).unwrap(); assert_eq!((v.records, v.tip), t); println!("ok {ok} batches, {v:?}");
    let (_, r) = Ledger::open(&dir).unwrap(); println!("{r:?}");
}
