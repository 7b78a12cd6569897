//! Orders and papers that a patient signs, and a sheet that is no document at all.

use super::{Letter, letterhead};
use crate::person::NPI;
use crate::{Person, Sheet};
use types::DocClass;

/// An order for medication.
pub(crate) const PRESCRIPTION: Letter = Letter {
    class: DocClass::Prescription,
    write: prescription,
    words: &["PRESCRIPTION", "Dispense", "Refills", "tablet", "mouth"],
};

fn prescription(sheet: &mut Sheet, p: &Person) {
    letterhead(sheet, "Cedar Valley Family Clinic", "Suite 200   Office hours 8 to 5");
    sheet.title("PRESCRIPTION");
    sheet
        .columns(&[(0.0, &format!("Patient: «{}»", p.name())), (0.6, &format!("DOB: «{}»", p.birth_date()))]);
    sheet.line(&format!("Address: «{}», «{}»", p.street, p.city_line()));
    sheet.line(&format!("Date written: «{}»", p.day(0)));
    sheet.rule();
    sheet.skip(0.6);
    sheet.title("Rx");
    sheet.line("Lisinopril 20 mg tablet");
    sheet.line("Sig: take one tablet by mouth once daily");
    sheet.columns(&[(0.0, "Dispense: 90 (ninety) tablets"), (0.6, "Refills: 3")]);
    sheet.skip(0.8);
    sheet.line("Atorvastatin 40 mg tablet");
    sheet.line("Sig: take one tablet by mouth at bedtime");
    sheet.columns(&[(0.0, "Dispense: 90 (ninety) tablets"), (0.6, "Refills: 3")]);
    sheet.skip(1.0);
    sheet.checkbox(true, "Generic substitution permitted");
    sheet.checkbox(false, "Dispense as written");
    sheet.skip(1.0);
    sheet.signature(4.2);
    sheet.columns(&[(0.0, &format!("Prescriber: {}, MD", p.writer)), (0.6, &format!("NPI: «{NPI}»"))]);
}

/// Consent signed by a patient.
pub(crate) const CONSENT_FORM: Letter = Letter {
    class: DocClass::ConsentForm,
    write: consent_form,
    words: &["CONSENT", "procedure", "risks", "anesthesia", "understand"],
};

fn consent_form(sheet: &mut Sheet, p: &Person) {
    letterhead(sheet, "Northgate Community Hospital", "Surgical services");
    sheet.title("INFORMED CONSENT FOR PROCEDURE");
    sheet.columns(&[(0.0, &format!("Patient name: «{}»", p.name())), (0.6, &format!("MRN: «{}»", p.mrn))]);
    sheet.line(&format!("Date of birth: «{}»", p.birth_date()));
    sheet.rule();
    sheet.skip(0.4);
    sheet.paragraph(
        "I consent to the following procedure: arthroscopy of the left knee. The nature of the procedure, its \
         benefits, the risks and the alternatives were explained to me in words that I understand.",
    );
    sheet.paragraph(
        "I understand that the risks include bleeding, infection, stiffness, blood clots and the need for further \
         surgery. I have had the opportunity to ask questions and they were answered to my satisfaction.",
    );
    sheet.checkbox(true, "I consent to anesthesia as considered necessary.");
    sheet.checkbox(true, "I consent to the transfusion of blood products.");
    sheet.checkbox(false, "I agree that students may be present.");
    sheet.skip(0.6);
    sheet.paragraph("I may withdraw this consent at any time before the procedure begins.");
    sheet.signature(0.9);
    sheet
        .columns(&[(0.0, "Signature of patient or representative"), (0.6, &format!("Date: «{}»", p.day(0)))]);
    sheet.skip(0.8);
    sheet.line(&format!("Witness: {}", p.reader));
}

/// A sheet that belongs to no class: a person must decide.
pub(crate) const COVER_SHEET: Letter =
    Letter { class: DocClass::Miscellaneous, write: cover_sheet, words: &["cafeteria", "parking", "hours"] };

fn cover_sheet(sheet: &mut Sheet, p: &Person) {
    letterhead(sheet, "Northgate Community Hospital", "Visitor services");
    sheet.title("WELCOME TO OUR VISITORS");
    sheet.paragraph(
        "The cafeteria on the ground floor is open from seven in the morning to eight in the evening. The gift \
         shop keeps shorter hours and is closed on Sunday.",
    );
    sheet.paragraph(
        "Visitor parking is free for the first hour. Please take a ticket at the gate and have it stamped at the \
         information desk. Umbrellas may be borrowed there too.",
    );
    sheet.line(&format!("Please call «{}» with questions.", p.phone));
}
