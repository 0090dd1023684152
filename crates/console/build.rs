//! Writes the table of the files under `assets/`, so that a page is one new file and no line elsewhere.
#![expect(clippy::disallowed_methods, reason = "cargo tells a build script all it knows by the environment")]

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("assets");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    let rows = files.iter().map(|file| {
        println!("cargo:rerun-if-changed={}", file.display());
        let path = file.strip_prefix(&root).expect("it was found there").display().to_string();
        format!("    ({path:?}, include_bytes!({:?})),\n", file.display().to_string())
    });
    let table = format!("&[\n{}]\n", rows.collect::<String>());
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("assets.rs");
    fs::write(out, table).expect("the folder for what is built can be written");
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    println!("cargo:rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder).expect("the folder is here").flatten() {
        let path = entry.path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}
