//! Compiles the proto file without `protoc`: messages and the client once, the server with a codec of
//! its own (`StrictCodec`), and the list of RPC paths that `serve` must have an answer for.

use std::{env, error::Error, fs, path::PathBuf};

const PROTO: &str = "lazaret/v1/lazaret.proto";

/// Messages that can hold PHI or a document's bytes: they get no `Debug`.
const WITHOUT_DEBUG: [&str; 8] = [
    ".lazaret.v1.SubmitRequest",
    ".lazaret.v1.Metadata",
    ".lazaret.v1.Upload",
    ".lazaret.v1.ContextField",
    ".lazaret.v1.PageWords",
    ".lazaret.v1.Word",
    ".lazaret.v1.Chunk",
    ".lazaret.v1.SubmitRequest.part",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let files = protox::compile([PROTO], ["proto"])?;

    let mut paths = String::from("&[\n");
    for file in &files.file {
        for service in &file.service {
            for method in &service.method {
                paths += &format!("    \"/{}.{}/{}\",\n", file.package(), service.name(), method.name());
            }
        }
    }
    fs::write(out.join("rpcs.rs"), paths + "]\n")?;

    tonic_prost_build::configure()
        .build_server(false)
        .skip_debug(WITHOUT_DEBUG)
        .out_dir(fresh(&out, "client")?)
        .compile_fds(files.clone())?;
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .codec_path("crate::StrictCodec")
        .extern_path(".lazaret.v1", "crate::v1")
        .out_dir(fresh(&out, "server")?)
        .compile_fds(files)?;
    Ok(())
}

fn fresh(out: &std::path::Path, name: &str) -> std::io::Result<PathBuf> {
    let folder = out.join(name);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
