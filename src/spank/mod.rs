//! b
#[allow(missing_docs, dead_code, non_camel_case_types)]
mod bindings { include!(concat!(env!("OUT_DIR"), "/shim.rs")); }
