//! Letters between clinicians: referral, discharge summary, clinical note.

use super::{Letter, letterhead};
use crate::{Person, Sheet};
use types::DocClass;

/// Hands a patient to a cardiologist.
pub(crate) const REFERRAL: Letter = Letter {
    class: DocClass::Referral,
    write: referral,
    words: &["REFERRAL", "cardiology", "breath", "echocardiogram", "medication"],
};

fn referral(sheet: &mut Sheet, p: &Person) {
    letterhead(sheet, "Cedar Valley Family Clinic", "Primary care   Suite 200   Office hours 8 to 5");
    sheet.title("REFERRAL LETTER");
    sheet.line(&format!("Date of referral: {}", p.day_in_words()));
    sheet.line("Referred to: Lakeshore Cardiology Associates");
    sheet.skip(0.6);
    sheet.title(&format!("RE: «{}»   DOB: «{}»   MRN: «{}»", p.name(), p.birth_date(), p.mrn));
    sheet.line(&format!("Address: «{}», «{}»", p.street, p.city_line()));
    sheet.line(&format!("Phone: «{}»   Email: «{}»", p.phone, p.email));
    sheet.line(&format!("Insurance member ID: «{}»", p.member));
    sheet.skip(0.6);
    sheet.paragraph(&format!("Dear Dr. {},", p.reader));
    sheet.paragraph(
        "Thank you for seeing this patient in your cardiology clinic. I am referring because of progressive \
         shortness of breath on exertion over the last six weeks, with mild swelling of both ankles in the \
         evening. There was no chest pain and no fever.",
    );
    sheet.paragraph(
        "Past medical history includes hypertension, type 2 diabetes and osteoarthritis of the left knee. \
         Current medication is metformin 1000 mg twice daily, lisinopril 20 mg daily and atorvastatin 40 mg at \
         bedtime. There are no known drug allergies.",
    );
    sheet.paragraph(
        "On examination blood pressure was 148/86 mmHg, pulse 84 and regular, oxygen saturation 95 percent on \
         room air. There were fine crackles at both lung bases. An electrocardiogram showed left axis deviation.",
    );
    sheet.paragraph(
        "I would be grateful for your opinion on further evaluation, in particular whether an echocardiogram and \
         a stress test are indicated, and for your recommendations on treatment.",
    );
    sheet.paragraph("Thank you for your help with the care of this patient. Sincerely,");
    sheet.signature(1.7);
    sheet.line(&format!("{}, MD", p.writer));
    sheet.small("Referring physician, Cedar Valley Family Clinic");
}

/// The summary of a stay in hospital; two pages.
pub(crate) const DISCHARGE_SUMMARY: Letter = Letter {
    class: DocClass::DischargeSummary,
    write: discharge_summary,
    words: &["DISCHARGE", "SUMMARY", "pneumonia", "antibiotics", "hospital"],
};

fn discharge_summary(sheet: &mut Sheet, p: &Person) {
    letterhead(sheet, "Northgate Community Hospital", "Department of Internal Medicine");
    sheet.title("DISCHARGE SUMMARY");
    sheet.columns(&[(0.0, &format!("Patient: «{}»", p.name())), (0.55, &format!("MRN: «{}»", p.mrn))]);
    sheet.columns(&[
        (0.0, &format!("Date of birth: «{}»", p.birth_date())),
        (0.55, &format!("SSN: «{}»", crate::person::SSN)),
    ]);
    sheet.columns(&[
        (0.0, &format!("Admission date: «{}»", p.day(0))),
        (0.55, &format!("Discharge date: «{}»", p.day(2))),
    ]);
    sheet.columns(&[
        (0.0, &format!("Attending physician: {}", p.writer)),
        (0.55, &format!("Account: «{}»", p.account)),
    ]);
    sheet.line(&format!("Address: «{}», «{}»", p.street, p.city_line()));
    sheet.skip(0.6);
    sheet.title("DISCHARGE DIAGNOSES");
    sheet.paragraph(
        "1. Community acquired pneumonia of the right lower lobe. 2. Chronic obstructive lung disease.",
    );
    sheet.title("HOSPITAL COURSE");
    sheet.paragraph(
        "The patient presented to the emergency department with fever, productive cough and confusion. A chest \
         radiograph showed consolidation of the right lower lobe. Treatment with intravenous antibiotics and \
         oxygen was started, and the fever settled within two days. Blood cultures remained negative.",
    );
    sheet.paragraph(
        "Physical therapy evaluated the patient and recommended a walker for longer distances. Home oxygen was \
         not required at the time of discharge. Condition at discharge was stable.",
    );
    sheet.title("DISPOSITION");
    sheet.paragraph("Discharged to home with visiting nurse services.");
    sheet.new_page();
    sheet.columns(&[
        (0.0, &format!("Patient: «{}»", p.name())),
        (0.55, &format!("MRN: «{}»", p.mrn)),
        (0.88, "Page 2"),
    ]);
    sheet.rule();
    sheet.skip(0.6);
    sheet.title("DISCHARGE MEDICATIONS");
    sheet.line("1. Amoxicillin clavulanate 875 mg twice daily for five days");
    sheet.line("2. Albuterol inhaler two puffs every six hours as needed");
    sheet.line("3. Furosemide 40 mg daily");
    sheet.line("4. Levothyroxine 88 mcg daily");
    sheet.skip(0.6);
    sheet.title("FOLLOW UP INSTRUCTIONS");
    sheet.paragraph(
        "Please see the primary care physician within ten days. Repeat the chest radiograph in six weeks. Return \
         to the emergency department for fever above 101, chest pain or increasing shortness of breath. Diet low \
         in salt. Activity as tolerated.",
    );
    sheet.paragraph(&format!(
        "Contact: home phone «{}», email «{}». Next of kin: «{}».",
        p.phone, p.email, p.relative
    ));
    sheet.signature(0.4);
    sheet.line(&format!("{}, MD, attending physician", p.writer));
}

/// A progress note after a visit.
pub(crate) const CLINICAL_NOTE: Letter = Letter {
    class: DocClass::ClinicalNote,
    write: clinical_note,
    words: &["PROGRESS", "NOTE", "Subjective", "Objective", "Assessment", "Plan"],
};

fn clinical_note(sheet: &mut Sheet, p: &Person) {
    letterhead(sheet, "Cedar Valley Family Clinic", "Outpatient record");
    sheet.title("PROGRESS NOTE");
    sheet.columns(&[(0.0, &format!("Patient: «{}»", p.name())), (0.55, &format!("MRN: «{}»", p.mrn))]);
    sheet.columns(&[
        (0.0, &format!("DOB: «{}»", p.birth_date())),
        (0.55, &format!("Date of visit: «{}»", p.day(0))),
    ]);
    sheet.rule();
    sheet.title("Subjective");
    sheet.paragraph(
        "The patient returns for follow up of hypertension and knee pain. Home readings have been between 130 and \
         140. The knee is stiff in the morning for about twenty minutes and better with walking. Denies chest \
         pain, dizziness or swelling.",
    );
    sheet.title("Objective");
    sheet.paragraph(
        "Vital signs: blood pressure 136/82, pulse 72, temperature 98.4, weight 171 pounds. General: well \
         appearing. Lungs clear. Heart regular. Left knee with mild effusion, no warmth, full extension.",
    );
    sheet.title("Assessment");
    sheet.paragraph("1. Essential hypertension, controlled. 2. Osteoarthritis of the left knee, mild.");
    sheet.title("Plan");
    sheet.paragraph(
        "Continue lisinopril 20 mg daily. Acetaminophen as needed. Physical therapy twice a week. Return to \
         clinic in three months or sooner if symptoms worsen.",
    );
    sheet.signature(2.9);
    sheet.line(&format!("Electronically reviewed by {}, MD", p.writer));
}
