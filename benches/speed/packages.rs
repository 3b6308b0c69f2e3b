//! Fetches the source packages of libraries, through cargo and its registry.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use super::workshop::{Workshop, output};

/// The packages with C sources in them; exact versions, so that figures of different days mean the same code.
const MANIFEST: &str = r#"
[package]
name = "sources"
version = "0.0.0"
edition = "2024"

[workspace]

[lib]
path = "empty.rs"

[dependencies]
brotlic-sys = "=0.2.2"
libsqlite3-sys = { version = "=0.39.1", features = ["bundled"] }
lua-src = "=551.1.0"
rquickjs-sys = "=0.14.0"
"#;

/// Where each package lies, by its name.
pub(crate) type Packages = BTreeMap<String, PathBuf>;

/// Fetches the packages, unless cargo has them already.
pub(crate) fn fetch(workshop: &Workshop) -> Result<Packages, String> {
    let folder = workshop.folder("packages")?;
    workshop.write(&folder.join("empty.rs"), b"")?;
    workshop.write(&folder.join("Cargo.toml"), MANIFEST.as_bytes())?;
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["metadata", "--format-version", "1", "--manifest-path"])
        .arg(folder.join("Cargo.toml"));
    let words = output(&mut command)?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&words.stdout).map_err(|problem| problem.to_string())?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    Ok(packages
        .filter_map(|package| {
            let name = package["name"].as_str()?;
            let manifest = PathBuf::from(package["manifest_path"].as_str()?);
            Some((name.to_owned(), manifest.parent()?.to_owned()))
        })
        .collect())
}
