//! Single lines, each with what must be hidden in it, and how classes, known values and residue behave.
#![allow(clippy::unwrap_used)]

use policy::{KnownValue, PageView, Policy};
use std::collections::BTreeSet;
use types::{Confidence, DocClass, IdKind, PageGeometry, PageWords, Phi, Rect, Transform, Word};

const GEOMETRY: PageGeometry = PageGeometry {
    width_px: 2000,
    height_px: 1700,
    dpi: 200,
    rotation_deg: 0,
    skew_centideg: 0,
    transform: Transform::IDENTITY,
    bilevel: false,
    blank: false,
};

fn policy() -> Policy {
    Policy::parse(&Policy::shipped_texts()).unwrap_or_else(|errors| panic!("{}", errors[0]))
}

/// A page whose characters are 10 px wide and whose lines are 30 px apart.
fn page(text: &str) -> PageWords {
    let mut words = Vec::new();
    for (line, content) in (0..).zip(text.lines()) {
        let mut at = 0;
        for word in content.split(' ') {
            let end = at + word.chars().count() as u32;
            if !word.is_empty() {
                let rect = Rect { x0: at * 10, y0: 20 + line * 30, x1: end * 10, y1: 40 + line * 30 };
                let (text, confidence) = (Phi::new(word.to_owned()), Confidence::new(0.95));
                words.push(Word { text, rect, confidence, line, block: 0 });
            }
            at = end + 1;
        }
    }
    PageWords { words }
}

/// The hidden words of a page, with the kind of each.
fn hidden(text: &str, known: &[KnownValue]) -> Vec<(String, IdKind)> {
    let words = page(text);
    let found = policy().identify(&[PageView { words: &words, geometry: &GEOMETRY }], known);
    let mut hidden: Vec<(u32, IdKind)> =
        found.pages[0].iter().flat_map(|hit| hit.words.iter().map(|&word| (word, hit.kind))).collect();
    hidden.sort_unstable();
    hidden
        .into_iter()
        .map(|(word, kind)| (words.words[word as usize].text.expose().to_owned(), kind))
        .collect()
}

#[test]
fn what_identifies_is_hidden_and_nothing_beside_it() {
    // B21: regular expressions, fields and names; each line with exactly what is hidden in it.
    for (line, expected) in [
        ("Seen on 01/02/1950 and on January 2, 1950 again", "01/02/1950 January 2, 1950"),
        ("Seen on 1950-01-02, 02-JAN-1950 and 2 January 1950", "1950-01-02, 02-JAN-1950 2 January 1950"),
        ("Seen on O1/l2/195O by us", "O1/l2/195O"),
        ("(DOB:01/02/1950) male", "(DOB:01/02/1950)"),
        ("MRN:12345678 Sex: F", "MRN:12345678"),
        ("Blood pressure 120/80, ratio 3/4, pain 7/10, range 3.5 - 5.1", ""),
        ("Sodium 140 mmol/L 135 - 145, glucose 99 mg/dL", ""),
        ("Call (312) 555-0188 or 312.555.0199 today", "(312) 555-0188 312.555.0199"),
        ("Write to ann.lee7@mailbox.example, please", "ann.lee7@mailbox.example,"),
        ("Write to ann. lee7@mailbox.example, please", "ann. lee7@mailbox.example,"),
        ("See www.clinic.example.com for more", "www.clinic.example.com"),
        ("Social security no. 123-45-6789 on file", "123-45-6789"),
        ("NPI 1234567893 and CPT 72148, code M54.16", "1234567893"),
        ("Medicare 1EG4-TE5-MK73 is active", "1EG4-TE5-MK73"),
        (
            "lives at 742 Evergreen Terrace, Springfield, IL 62704 with",
            "742 Evergreen Terrace, Springfield, 62704",
        ),
        (
            "lives at 12 Oak St. Apt. 4B, Long Beach, CA 90802-1234 now",
            "12 Oak St. Apt. 4B, Long Beach, 90802-1234",
        ),
        ("Send it to P.O. Box 4410, Denver, Colorado 80201 soon", "P.O. Box 4410, Denver, 80201"),
        ("Mr. Lopez was seen with his daughter Maria Lopez today", "Lopez Maria Lopez"),
        ("Patient Name: Zzyzx Qwfp", "Zzyzx Qwfp"),
        ("Last name: Long", "Long"),
        ("PATIENT: LOPEZ, MARIA", "LOPEZ, MARIA"),
        ("Patient: Maria Lopez's chart", "Maria Lopez's"),
        ("Foley catheter, Parkinson disease, Murphy sign, Bell palsy", ""),
        ("The patient was told to return. Patient: follow up", ""),
        ("Cedar Valley Medical Center, Grant Memorial Hospital", ""),
        ("Test name: Glucose    Plan: Blue Cross", ""),
        ("Member ID# BCX 123456789 effective", "BCX 123456789"),
        ("her insurance member number is UHP882134790.", "UHP882134790."),
        ("Bill to account 1234567-12, please", "1234567-12,"),
        ("metformin 1000 mg twice daily, 30 tablets", ""),
        ("72 year old man, stage 3, CPT 99214, room 12", ""),
    ] {
        let said: Vec<String> = hidden(line, &[]).into_iter().map(|(word, _)| word).collect();
        assert_eq!(said.join(" "), expected, "{line}");
    }
}

#[test]
fn kinds_follow_the_label() {
    for (line, kind) in [
        ("Date of birth: 01/02/1950", IdKind::BirthDate),
        ("Visit date: 01/02/2026", IdKind::Date),
        ("Account: 1234567", IdKind::Account),
        ("Medical record no.: 1234567", IdKind::Mrn),
        ("Policy number: 1234567", IdKind::MemberId),
        ("SSN 123456789", IdKind::Ssn),
        ("DEA: 1234567", IdKind::ProviderId),
        ("Fax: 555-0144-99", IdKind::Phone),
        ("City: Springfield", IdKind::Address),
        ("E-mail: ann@home.example", IdKind::Email),
    ] {
        let said = hidden(line, &[]);
        assert!(!said.is_empty() && said.iter().all(|(_, other)| *other == kind), "{line}: {said:?}");
    }
}

#[test]
fn values_stand_beneath_their_labels_too() {
    let said =
        hidden("PATIENT'S NAME              DATE OF BIRTH\nQWFP ZXCV                   O6 I7 1949", &[]);
    let said: Vec<_> = said.iter().map(|(word, kind)| (word.as_str(), *kind)).collect();
    use IdKind::{BirthDate, Name};
    assert_eq!(
        said,
        [("QWFP", Name), ("ZXCV", Name), ("O6", BirthDate), ("I7", BirthDate), ("1949", BirthDate)]
    );
}

#[test]
fn what_is_found_once_is_hidden_everywhere() {
    let text = "Patient: Vanessa Wagner\nwagner came alone. Vanessa reports no pain. Ms. Wagmer agreed.\nWAGNER, VANESSA";
    let said: Vec<String> = hidden(text, &[]).into_iter().map(|(word, _)| word).collect();
    assert_eq!(said.join(" "), "Vanessa Wagner wagner Vanessa Wagmer WAGNER, VANESSA");
}

#[test]
fn values_given_at_upload_are_hidden() {
    let known = [
        KnownValue { text: Phi::new("Qwfp Zxcvb".into()), kind: IdKind::Name },
        KnownValue { text: Phi::new("771-B2-94".into()), kind: IdKind::Mrn },
    ];
    let said: Vec<String> =
        hidden("Then Zxcvb asked about 771-B2-95 and left", &known).into_iter().map(|(w, _)| w).collect();
    assert_eq!(said.join(" "), "Zxcvb");
    let said: Vec<String> =
        hidden("Chart 771 B2 94 of qwfp zxcvb", &known).into_iter().map(|(w, _)| w).collect();
    assert_eq!(said.join(" "), "771 B2 94 qwfp zxcvb");
}

#[test]
fn staff_can_be_shown() {
    let shipped = Policy::shipped_texts();
    let text = shipped.identifiers.replacen("staff-names = \"hide\"", "staff-names = \"show\"", 1);
    let policy = Policy::parse(&policy::PolicyTexts { identifiers: &text, ..shipped }).ok().unwrap();
    let words = page("Patient: Maria Lopez\nSeen by Dr. Grace Chen and by Dr. Lopez, her sister");
    let found = policy.identify(&[PageView { words: &words, geometry: &GEOMETRY }], &[]);
    let hidden: BTreeSet<&str> = found.pages[0]
        .iter()
        .flat_map(|hit| hit.words.iter().map(|&word| words.words[word as usize].text.expose()))
        .collect();
    assert_eq!(hidden, BTreeSet::from(["Maria", "Lopez", "Lopez,"]));
}

#[test]
fn residue_is_found_however_it_is_written_and_ordinary_words_are_none() {
    let value = |text: &str, kind| KnownValue { text: Phi::new(text.into()), kind };
    let values = [
        value("April May", IdKind::Name),
        value("Vanessa Wagner", IdKind::Name),
        value("Union", IdKind::Address),
        value("4903 Jennifer Plaza", IdKind::Address),
        value("62704", IdKind::Address),
        value("BCX123456789", IdKind::MemberId),
        value("01/02/1950", IdKind::BirthDate),
    ];
    for (text, expected) in [
        ("the union may meet in May or April", None),
        ("seen by wagner", Some(IdKind::Name)),
        ("WAGNER VANESSA", Some(IdKind::Name)),
        ("Ms. May left", Some(IdKind::Name)),
        ("no BCX 1234S6789 here", Some(IdKind::MemberId)),
        ("on 0l/02/l950 or", Some(IdKind::BirthDate)),
        ("01 02 1950", Some(IdKind::BirthDate)),
        ("4903 jennifer plaza", Some(IdKind::Address)),
        ("zip 62704", Some(IdKind::Address)),
        ("number 1627049", None),
        ("Jennifer plaza", None),
        ("ssn 219-09-9999", Some(IdKind::Ssn)),
    ] {
        let (shown, empty) = (page(text), PageWords::default());
        for (read, layer) in [(&shown, &empty), (&empty, &shown)] {
            let residue = policy().residue(read, layer, &values);
            assert_eq!(residue.first().map(|found| found.kind), expected, "{text}: {residue:?}");
        }
    }
}

#[test]
fn packets_are_mixed_and_cover_sheets_do_not_count() {
    let lab = page("LABORATORY REPORT\nGlucose 99 mg/dL 70 - 99\nreference range specimen collected");
    let referral =
        page("REFERRAL LETTER\nDear Dr. Chen\nThank you for seeing this patient. Please evaluate.");
    let cover = page("FAX COVER SHEET\nPages including cover: 3");
    let classify = |pages: &[&PageWords], expected| {
        let views: Vec<_> = pages.iter().map(|words| PageView { words, geometry: &GEOMETRY }).collect();
        policy().classify(&views, expected)
    };
    let packet = classify(&[&lab, &referral], None);
    assert!(
        packet.mixed && packet.pages[0].0 == DocClass::LabResult && packet.pages[1].0 == DocClass::Referral
    );
    let covered = classify(&[&cover, &referral], None);
    assert!(!covered.mixed && covered.class == DocClass::Referral && covered.confidence.get() >= 0.95);
    assert_eq!(classify(&[&cover], None).class, DocClass::Miscellaneous);
}

#[test]
fn the_expected_class_helps_and_does_not_decide() {
    let letter = page("Dear Dr. Chen\nI am referring this patient to you.");
    let lab = page("LABORATORY REPORT\nGlucose 99 mg/dL 70 - 99");
    let classify =
        |words: &PageWords, expected| policy().classify(&[PageView { words, geometry: &GEOMETRY }], expected);
    let (alone, helped) = (classify(&letter, None), classify(&letter, Some(DocClass::Referral)));
    assert!(helped.confidence.get() > alone.confidence.get() && helped.confidence.get() < 0.95);
    assert_eq!(classify(&lab, Some(DocClass::Referral)).class, DocClass::LabResult);
    let nothing = classify(&PageWords::default(), Some(DocClass::Referral));
    assert_eq!((nothing.class, nothing.rules.len()), (DocClass::Miscellaneous, 1));
    assert!(nothing.confidence.get() < 0.5);
}

#[test]
fn hostile_boxes_and_texts_do_no_harm() {
    let mut words = page(&"1/ O.O @ Dr. 555- \u{1} \u{0} é% ((( 1.1.1 St. NPI: ".repeat(40));
    for (at, word) in (0u32..).zip(&mut words.words) {
        let far = u32::MAX - at;
        word.rect = Rect { x0: far, y0: at % 7, x1: at, y1: u32::MAX };
        word.line = at % 3;
    }
    let found = policy().identify(&[PageView { words: &words, geometry: &GEOMETRY }], &[]);
    for hit in found.pages.iter().flatten() {
        assert!(hit.rect.is_inside(GEOMETRY.width_px, GEOMETRY.height_px));
    }
    let _class = policy().classify(&[PageView { words: &words, geometry: &GEOMETRY }], None);
}

#[test]
fn the_largest_page_ends_too() {
    // B15: 100,000 words are allowed on a page; nothing may take the square of that.
    for text in [
        "Ann Lee DOB: 01/02/1950 MRN 12345678 ",
        "ANN LEE 12 Elm St, Union, IL 62704 ",
        "LAB REPORT\n",
        "Dr. Qwfp\n",
    ] {
        let mut words = page(&text.repeat(100_000 / text.split_whitespace().count()));
        for word in &mut words.words {
            word.rect.x0 %= 1900;
            word.rect.x1 = word.rect.x0 + 30;
        }
        let views = [PageView { words: &words, geometry: &GEOMETRY }];
        let found = policy().identify(&views, &[]);
        let _class = policy().classify(&views, None);
        let _residue = policy().residue(&words, &words, &found.values);
    }
}
