//! Reads a folder of profiles and writes each as a compiled program.

use seccompiler::{BpfProgram, TargetArch, compile_from_json};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{error::Error, fmt::Write, fs, path::Path};

type Failure = Box<dyn Error>;

/// Stands for the worker's own process id until the filter is loaded. Larger than any process id.
const SELF_PLACEHOLDER: u32 = 0x5E1F_0000;

/// Shortest reason that can be one.
const WHY_CHARS_MIN: usize = 12;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    #[serde(default)]
    include: Vec<String>,
    #[serde(default)]
    allow: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    call: String,
    #[serde(default)]
    when: Vec<String>,
    why: String,
}

/// Rust source with one constant for each `NAME.toml` of the folder.
pub(crate) fn compile_folder(folder: &Path, arch: &str) -> Result<String, Failure> {
    let mut code = format!("pub(super) const SELF_PLACEHOLDER: u32 = {SELF_PLACEHOLDER};\n");
    let mut files: Vec<_> =
        fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "toml")) {
        let name = file.file_stem().and_then(|name| name.to_str()).ok_or("profile name is not UTF-8")?;
        let lines = lines_of(file, folder)?;
        let program = compile(&lines, arch).map_err(|error| format!("{}: {error}", file.display()))?;
        write_profile(&mut code, &name.to_uppercase(), &program)?;
    }
    Ok(code)
}

/// Every line of a profile, included ones first.
fn lines_of(file: &Path, folder: &Path) -> Result<Vec<Line>, Failure> {
    let profile = read(file)?;
    let mut lines = Vec::new();
    for part in &profile.include {
        let found = read(&folder.join("parts").join(part).with_extension("toml"))?;
        if !found.include.is_empty() {
            return Err(format!("{part}: a part includes nothing itself").into());
        }
        lines.extend(found.allow);
    }
    lines.extend(profile.allow);
    Ok(lines)
}

fn read(file: &Path) -> Result<Profile, Failure> {
    let profile: Profile =
        toml::from_str(&fs::read_to_string(file)?).map_err(|error| format!("{}: {error}", file.display()))?;
    match profile.allow.iter().find(|line| line.why.len() < WHY_CHARS_MIN) {
        Some(line) => Err(format!("{}: {} has no reason", file.display(), line.call).into()),
        None => Ok(profile),
    }
}

fn compile(lines: &[Line], arch: &str) -> Result<BpfProgram, Failure> {
    let filter = lines.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
    refuse_shadowed(lines)?;
    let document = json!({ "worker": {
        "mismatch_action": "kill_process", "match_action": "allow", "filter": filter,
    }});
    let mut programs = compile_from_json(document.to_string().as_bytes(), TargetArch::try_from(arch)?)?;
    programs.remove("worker").ok_or_else(|| "no program came out".into())
}

/// A call that is allowed with any arguments must not be listed again with some.
fn refuse_shadowed(lines: &[Line]) -> Result<(), Failure> {
    let open = |line: &&Line| line.when.is_empty();
    for line in lines.iter().filter(open) {
        if lines.iter().filter(|other| other.call == line.call).count() > 1 {
            return Err(format!("{} is allowed without conditions and listed again", line.call).into());
        }
    }
    Ok(())
}

fn rule(line: &Line) -> Result<Value, Failure> {
    let args = line.when.iter().map(|text| condition(text)).collect::<Result<Vec<_>, _>>()?;
    Ok(if args.is_empty() {
        json!({ "syscall": line.call })
    } else {
        json!({ "syscall": line.call, "args": args })
    })
}

fn condition(text: &str) -> Result<Value, Failure> {
    let parts: Vec<&str> = text.split(' ').collect();
    let [argument, verb, value] = parts[..] else {
        return Err(format!("expected `argN is|lacks VALUE`, found `{text}`").into());
    };
    let index: u8 = argument.strip_prefix("arg").ok_or("a condition starts with argN")?.parse()?;
    let value = value.split('|').map(number).try_fold(0, |bits, next| next.map(|next| bits | next))?;
    Ok(match verb {
        "is" => json!({ "index": index, "type": "dword", "op": "eq", "val": value }),
        "lacks" => json!({ "index": index, "type": "dword", "op": { "masked_eq": value }, "val": 0 }),
        _ => return Err(format!("unknown verb `{verb}` in `{text}`").into()),
    })
}

fn number(name: &str) -> Result<u32, Failure> {
    let known = match name {
        "SELF" => SELF_PLACEHOLDER,
        "PROT_EXEC" => libc::PROT_EXEC as u32,
        "MAP_PRIVATE" => libc::MAP_PRIVATE as u32,
        "MAP_ANONYMOUS" => libc::MAP_ANONYMOUS as u32,
        "MREMAP_MAYMOVE" => libc::MREMAP_MAYMOVE as u32,
        "SIG_UNBLOCK" => libc::SIG_UNBLOCK as u32,
        "SIGABRT" => libc::SIGABRT as u32,
        "CLOCK_PROCESS_CPUTIME_ID" => libc::CLOCK_PROCESS_CPUTIME_ID as u32,
        "FUTEX_WAKE_PRIVATE" => (libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG) as u32,
        _ => return name.parse().map_err(|_| format!("unknown value `{name}`").into()),
    };
    Ok(known)
}

fn write_profile(code: &mut String, name: &str, program: &BpfProgram) -> Result<(), Failure> {
    let mut digest = Sha256::new();
    writeln!(code, "pub(super) static {name}: Profile = Profile {{ program: &[")?;
    for step in program {
        digest.update(step.code.to_le_bytes());
        digest.update([step.jt, step.jf]);
        digest.update(step.k.to_le_bytes());
        let (op, jt, jf, k) = (step.code, step.jt, step.jf, step.k);
        writeln!(code, "    sock_filter {{ code: {op}, jt: {jt}, jf: {jf}, k: {k} }},")?;
    }
    let sha256: Vec<u8> = digest.finalize().to_vec();
    writeln!(code, "], sha256: {sha256:?} }};")?;
    Ok(())
}
