//! Findings: laboratory and imaging.

use super::{Letter, letterhead};
use crate::{Person, Sheet};
use types::DocClass;

/// Measured values; two pages.
pub(crate) const LAB_RESULT: Letter = Letter {
    class: DocClass::LabResult,
    write: lab_result,
    words: &["LABORATORY", "REPORT", "Sodium", "Potassium", "Glucose", "Reference"],
};

const CHEMISTRY: [(&str, &str, &str, &str); 9] = [
    ("Sodium", "139", "mmol/L", "135 - 145"),
    ("Potassium", "4.3", "mmol/L", "3.5 - 5.1"),
    ("Chloride", "102", "mmol/L", "98 - 107"),
    ("Glucose", "164 H", "mg/dL", "70 - 99"),
    ("Creatinine", "1.1", "mg/dL", "0.6 - 1.2"),
    ("Calcium", "9.2", "mg/dL", "8.6 - 10.3"),
    ("Albumin", "3.9", "g/dL", "3.5 - 5.0"),
    ("Bilirubin", "0.7", "mg/dL", "0.1 - 1.2"),
    ("Cholesterol", "221 H", "mg/dL", "125 - 200"),
];
const BLOOD_COUNT: [(&str, &str, &str, &str); 5] = [
    ("White cells", "7.4", "10*3/uL", "4.5 - 11.0"),
    ("Hemoglobin", "12.9", "g/dL", "12.0 - 17.5"),
    ("Hematocrit", "38.6", "percent", "36 - 50"),
    ("Platelets", "284", "10*3/uL", "150 - 400"),
    ("Hemoglobin A1c", "7.6 H", "percent", "4.0 - 5.6"),
];

fn lab_result(sheet: &mut Sheet, p: &Person) {
    letterhead(sheet, "Riverside Clinical Laboratory", "CLIA certified   Chemistry and hematology");
    sheet.title("LABORATORY REPORT");
    patient_block(sheet, p);
    sheet.title("CHEMISTRY PANEL");
    table(sheet, &CHEMISTRY);
    sheet.new_page();
    sheet.columns(&[(0.0, &format!("Patient: «{}»", p.name())), (0.6, &format!("MRN: «{}»", p.mrn))]);
    sheet.rule();
    sheet.title("COMPLETE BLOOD COUNT");
    table(sheet, &BLOOD_COUNT);
    sheet.skip(0.8);
    sheet.paragraph(
        "Comment: H marks a result above the reference range. The specimen was received in good condition. \
         Results should be interpreted with the clinical findings and repeated if indicated.",
    );
    sheet.line(&format!("Bill to account «{}», member ID «{}».", p.account, p.member));
    sheet.line("End of report");
}

fn patient_block(sheet: &mut Sheet, p: &Person) {
    sheet.columns(&[(0.0, &format!("Patient: «{}»", p.name())), (0.6, &format!("MRN: «{}»", p.mrn))]);
    sheet.columns(&[(0.0, &format!("DOB: «{}»", p.birth_date())), (0.6, &format!("Phone: «{}»", p.phone))]);
    sheet.columns(&[
        (0.0, &format!("Collected: «{}»", p.day(0))),
        (0.6, &format!("Reported: «{}»", p.day(1))),
    ]);
    sheet.line(&format!("Ordering physician: {}, MD", p.writer));
    sheet.rule();
    sheet.skip(0.4);
}

fn table(sheet: &mut Sheet, rows: &[(&str, &str, &str, &str)]) {
    sheet.column_heads(&[(0.0, "Test"), (0.36, "Result"), (0.54, "Units"), (0.72, "Reference range")]);
    for (test, result, units, range) in rows {
        sheet.columns(&[(0.0, test), (0.36, result), (0.54, units), (0.72, range)]);
    }
    sheet.rule();
}

/// A radiologist's reading.
pub(crate) const IMAGING_REPORT: Letter = Letter {
    class: DocClass::ImagingReport,
    write: imaging_report,
    words: &["RADIOLOGY", "FINDINGS", "IMPRESSION", "lungs", "contrast"],
};

fn imaging_report(sheet: &mut Sheet, p: &Person) {
    letterhead(sheet, "Lakeshore Imaging Center", "Diagnostic radiology");
    sheet.title("RADIOLOGY REPORT");
    sheet.columns(&[(0.0, &format!("Patient: «{}»", p.name())), (0.6, &format!("MRN: «{}»", p.mrn))]);
    sheet.columns(&[
        (0.0, &format!("DOB: «{}»", p.birth_date())),
        (0.6, &format!("Exam date: «{}»", p.day(0))),
    ]);
    sheet.line(&format!("Referring physician: {}, MD", p.reader));
    sheet.rule();
    sheet.skip(0.4);
    sheet.title("EXAM");
    sheet.paragraph("CT of the chest with intravenous contrast.");
    sheet.title("CLINICAL HISTORY");
    sheet.paragraph("Cough for three months and weight loss.");
    sheet.title("TECHNIQUE");
    sheet.paragraph("Axial images of the chest were obtained after intravenous contrast. No prior study.");
    sheet.title("FINDINGS");
    sheet.paragraph(
        "The lungs are clear without nodule or consolidation. There is no pleural effusion. The heart is of normal \
         size and there is no pericardial effusion. No enlarged lymph nodes are seen. The visualized bones show \
         mild degenerative change.",
    );
    sheet.title("IMPRESSION");
    sheet.paragraph(
        "1. No acute abnormality of the chest. 2. Mild degenerative change of the thoracic spine.",
    );
    sheet.signature(3.6);
    sheet.line(&format!("Interpreted by {}, MD, radiologist", p.writer));
}
