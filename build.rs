//! Compiles the C side of the SPANK boundary and generates its Rust bindings.
//! Needs a C compiler and libclang, not Slurm's headers.

use std::{env, error::Error, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    for file in ["include/spank_abi.h", "include/shim.h", "src/spank/shim.c"] {
        println!("cargo::rerun-if-changed={file}");
    }
    cc::Build::new()
        .file("src/spank/shim.c")
        .include("include")
        .warnings_into_errors(true)
        .extra_warnings(true)
        .compile("spank_oci_shim");

    let bindings = bindgen::Builder::default()
        .header("include/shim.h")
        .allowlist_function("shim_.*")
        .allowlist_var("SHIM_.*|ABI_.*")
        .allowlist_type("shim_.*|abi_.*")
        .prepend_enum_name(false)
        .use_core()
        .generate()?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set by cargo")?);
    bindings.write_to_file(out.join("shim.rs"))?;
    Ok(())
}
