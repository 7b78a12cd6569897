//! PHI is toxic: nothing of it lies in clear anywhere but in the delivered files.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use appliance::files_under;
use kit::Appliance;
use std::fs;

// B42: no document text, no file name with a name in it, in log, ledger, index or anywhere on the disk.
// A41: encryption at rest. B25: nothing of the sender's metadata in the product.
#[test]
fn planted_values_are_nowhere_on_the_disk() {
    let appliance = Appliance::usual().unwrap();
    let sample = corpus::named("letter-referral.png").unwrap();
    let name = "Quinceanera-Zebedee-19610412.png";
    appliance.drop_in("scanner", name, &sample.bytes).unwrap();
    appliance.rest(240).unwrap();
    let id = appliance.documents().unwrap()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(appliance.ctl(&["doc", "text", &id]).unwrap().code, 0);
    let mut planted: Vec<String> =
        sample.expected.removed.iter().filter(|value| value.len() >= 6).cloned().collect();
    planted.push("Quinceanera".to_owned());
    assert!(planted.len() > 3);
    for file in files_under(&appliance.home).unwrap() {
        let bytes = fs::read(&file).unwrap_or_default();
        let found =
            planted.iter().find(|value| bytes.windows(value.len()).any(|window| window == value.as_bytes()));
        assert!(found.is_none(), "a planted value lies in {}", file.display());
        assert!(!file.to_string_lossy().contains("Quinceanera"), "a file name survives: {}", file.display());
    }
}
