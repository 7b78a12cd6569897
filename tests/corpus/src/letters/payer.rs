//! Papers for and from health plans: prior authorization, claim, member card.

use super::{Letter, letterhead};
use crate::person::{MBI, NPI};
use crate::{Person, Sheet};
use types::DocClass;

/// Asks a plan before a service; two pages.
pub(crate) const PRIOR_AUTHORIZATION: Letter = Letter {
    class: DocClass::PriorAuthorization,
    write: prior_authorization,
    words: &["PRIOR", "AUTHORIZATION", "REQUEST", "lumbar", "therapy"],
};

fn prior_authorization(sheet: &mut Sheet, p: &Person) {
    letterhead(sheet, "Lakeshore Regional Clinic", "Utilization review");
    sheet.title("PRIOR AUTHORIZATION REQUEST");
    sheet.columns(&[
        (0.0, &format!("Member name: «{}»", p.name())),
        (0.55, &format!("Member ID: «{}»", p.member)),
    ]);
    sheet.columns(&[
        (0.0, &format!("Date of birth: «{}»", p.birth_date())),
        (0.55, &format!("Phone: «{}»", p.phone)),
    ]);
    sheet.line(&format!("Address: «{}», «{}»", p.street, p.city_line()));
    sheet.columns(&[
        (0.0, &format!("Requesting provider: {}, MD", p.writer)),
        (0.55, &format!("NPI: «{NPI}»")),
    ]);
    sheet.columns(&[(0.0, "Type of request: standard"), (0.55, &format!("Date of service: «{}»", p.day(2)))]);
    sheet.rule();
    sheet.skip(0.4);
    sheet.title("SERVICE REQUESTED");
    sheet.paragraph(
        "Magnetic resonance imaging of the lumbar spine without contrast, CPT 72148. Diagnosis code M54.16, \
         radiculopathy of the lumbar region. Number of units: one. Place of service: outpatient.",
    );
    sheet.title("CLINICAL JUSTIFICATION");
    sheet.paragraph(
        "The patient has had low back pain with radiation into the left leg for nine weeks. Six weeks of physical \
         therapy and anti-inflammatory medication gave no lasting relief. Examination shows weakness of the left \
         foot and loss of the ankle reflex. Imaging is needed to decide on surgical treatment.",
    );
    sheet.paragraph("Authorization is requested for the service above. Medical records are attached.");
    sheet.signature(5.1);
    sheet.line(&format!("{}, MD, requesting provider", p.writer));
}

/// An itemised claim.
pub(crate) const CLAIM: Letter = Letter {
    class: DocClass::Claim,
    write: claim,
    words: &["HEALTH", "INSURANCE", "CLAIM", "charges", "diagnosis"],
};

fn claim(sheet: &mut Sheet, p: &Person) {
    sheet.heading("HEALTH INSURANCE CLAIM FORM");
    sheet.small("Approved for professional services   Type or print");
    sheet.rule();
    sheet.line(&format!("1. Insured's ID number: «{MBI}»"));
    sheet.columns(&[
        (0.0, &format!("2. Patient's name: «{}»", p.name())),
        (0.55, &format!("3. Patient's birth date: «{}»", p.birth_date())),
    ]);
    sheet.line(&format!("5. Patient's address: «{}», «{}»", p.street, p.city_line()));
    sheet.columns(&[
        (0.0, &format!("6. Telephone: «{}»", p.phone)),
        (0.55, &format!("26. Patient's account no.: «{}»", p.account)),
    ]);
    sheet.line("10. Is patient's condition related to employment? NO   auto accident? NO");
    sheet.rule();
    sheet.line("21. diagnosis or nature of illness:   A. I10   B. E11.9   C. M17.12");
    sheet.column_heads(&[
        (0.0, "24. Dates of service"),
        (0.3, "Place"),
        (0.42, "Procedure"),
        (0.62, "Units"),
        (0.78, "charges"),
    ]);
    for (code, charge) in [("99214", "$182.00"), ("83036", "$24.50"), ("80053", "$31.75")] {
        sheet.columns(&[
            (0.0, &format!("«{}»", p.day(0))),
            (0.3, "11"),
            (0.42, code),
            (0.62, "1"),
            (0.78, charge),
        ]);
    }
    sheet.rule();
    sheet.columns(&[(0.0, "28. Total charge: $238.25"), (0.55, "29. Amount paid: $0.00")]);
    sheet.columns(&[
        (0.0, "27. Accept assignment? YES"),
        (0.55, &format!("33. Billing provider NPI: «{NPI}»")),
    ]);
    sheet.skip(0.6);
    sheet.paragraph(
        "I authorize the release of any medical or other information necessary to process this claim and payment \
         of medical benefits to the physician or supplier for the services described.",
    );
    sheet.line(&format!("Signature of physician or supplier: {}, MD", p.writer));
}

/// The front of a member card; a small paper.
pub(crate) const INSURANCE_CARD: Letter = Letter {
    class: DocClass::InsuranceCard,
    write: insurance_card,
    words: &["Member", "Group", "Copay", "RxBIN"],
};

fn insurance_card(sheet: &mut Sheet, p: &Person) {
    sheet.heading("United Harbor Health Plan");
    sheet.small("PPO   Preferred provider network");
    sheet.skip(0.4);
    sheet.line("Member name");
    sheet.title(&format!("«{}»", p.name()));
    sheet.columns(&[(0.0, "Member ID"), (0.55, "Group")]);
    sheet.column_heads(&[(0.0, &format!("«{}»", p.member)), (0.55, "0094120")]);
    sheet.skip(0.4);
    sheet.columns(&[(0.0, "RxBIN 610279"), (0.55, "RxPCN 9999")]);
    sheet.columns(&[(0.0, "Copay: office $25"), (0.55, "Specialist $40")]);
    sheet.columns(&[(0.0, "Emergency $150"), (0.55, "Effective 01/01/2026")]);
}
