//! throw-away
#![allow(clippy::print_stdout)]
use std::io::Read;
use types::*;
fn main() {
    let policy = policy::Policy::parse(&policy::Policy::shipped_texts()).unwrap_or_else(|e| { for e in e { println!("{e}"); } std::process::exit(1) });
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut docs: Vec<Vec<(PageWords, PageGeometry)>> = vec![];
    for doc in &args {
        let mut pages = vec![];
        for file in doc.split(',') {
            let mut text = String::new();
            std::fs::File::open(file).unwrap().read_to_string(&mut text).unwrap();
            let mut lines = text.lines();
            let h: Vec<&str> = lines.next().unwrap().split('\t').collect();
            let geometry = PageGeometry { width_px: h[1].parse().unwrap(), height_px: h[2].parse().unwrap(), dpi: h[3].parse().unwrap(), rotation_deg: 0, skew_centideg: 0, transform: Transform::IDENTITY, bilevel: false, blank: false };
            let words = lines.map(|l| { let c: Vec<&str> = l.split('\t').collect(); let n = |i: usize| c[i].parse::<u32>().unwrap();
                Word { text: Phi::new(c[0].into()), rect: Rect { x0: n(1), y0: n(2), x1: n(3), y1: n(4) }, confidence: Confidence::new(c[5].parse().unwrap()), line: n(6), block: n(7) } }).collect();
            pages.push((PageWords { words }, geometry));
        }
        docs.push(pages);
    }
    if std::env::var("BENCH").is_ok() {
        let all: Vec<(&PageWords, &PageGeometry)> = docs.iter().flatten().map(|(w, g)| (w, g)).collect();
        let views: Vec<policy::PageView> = all.iter().map(|(words, geometry)| policy::PageView { words, geometry }).collect();
        let mut best = [f64::MAX; 3];
        let mut keep = None;
        for _ in 0..7 {
            let t = std::time::Instant::now();
            for v in &views { let _ = std::hint::black_box(policy.classify(&[*v], None)); }
            best[0] = best[0].min(t.elapsed().as_secs_f64());
            let t = std::time::Instant::now();
            for v in &views { keep = Some(policy.identify(&[*v], &[])); }
            best[1] = best[1].min(t.elapsed().as_secs_f64());
            let t = std::time::Instant::now();
            for v in &views { std::hint::black_box(policy.residue(v.words, v.words, &keep.as_ref().unwrap().values)); }
            best[2] = best[2].min(t.elapsed().as_secs_f64());
        }
        for (n, b) in ["classify", "identify", "residue"].iter().zip(best) { println!("{n} {:.2} ms a page", b * 1e3 / views.len() as f64); }
        return;
    }
    let t = std::time::Instant::now();
    let mut n = 0;
    for (name, pages) in args.iter().zip(&docs) {
        let views: Vec<policy::PageView> = pages.iter().map(|(words, geometry)| policy::PageView { words, geometry }).collect();
        n += views.len();
        let class = policy.classify(&views, None);
        println!("DOC\t{name}\t{}\t{}\t{}\t{}", class.class, class.confidence.get(), class.mixed, class.rules.iter().map(|r| r.as_str()).collect::<Vec<_>>().join(","));
        for (i, (c, k)) in class.pages.iter().enumerate() { println!("PAGE\t{i}\t{c}\t{}", k.get()); }
        let found = policy.identify(&views, &[]);
        for (i, hits) in found.pages.iter().enumerate() {
            for h in hits {
                let text: Vec<&str> = h.words.iter().map(|&w| pages[i].0.words[w as usize].text.expose()).collect();
                println!("HIT\t{i}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}", h.rect.x0, h.rect.y0, h.rect.x1, h.rect.y1, h.kind, h.rule, h.confidence.get(), text.join(" "));
            }
        }
        for (i, (words, _)) in pages.iter().enumerate() {
            // what a perfect hiding leaves
            let hidden: std::collections::HashSet<u32> = found.pages[i].iter().flat_map(|h| h.words.iter().copied()).collect();
            let left = PageWords { words: words.words.iter().enumerate().filter(|(k, _)| !hidden.contains(&(*k as u32))).map(|(_, w)| w.clone()).collect() };
            for r in policy.residue(&left, &PageWords::default(), &found.values) { println!("RESIDUE\t{i}\t{}\t{}", r.kind, r.rule); }
        }
    }
    eprintln!("{n} pages, {:.2} ms a page (with residue)", t.elapsed().as_secs_f64() * 1e3 / n.max(1) as f64);
}
