//! `mewz compile --emit header`: C and C++ take it without a word, and its structures are those of the contract.

mod tools;

use std::fs;
use std::mem::offset_of;
use std::path::Path;
use std::process::Command;

use mewz::compile::header;
use mewz_abi::application::{
    APPLICATION_MAGIC, Application, Export, FunctionReference, MemoryInstance, TableInstance,
    TrapSite,
};
use mewz_abi::exception::{Exception, Exceptions, Tag};
use mewz_abi::symbol::RUNTIME;
use tools::tool;

/// Everything that a module can take and give, under names that C can't have.
const MODULE: &str = r#"(module
    (import "env" "a-b" (func (param i32 i64 f32 f64 v128 funcref externref) (result f64)))
    (import "env" "a.b" (func (result i32 v128)))
    (import "env" "a.b" (func (param i32)))
    (import "" "static*/cast\n" (func))
    (import "static" "cast" (global i64))
    (import "env" "counter" (global (mut f32)))
    (import "env" "table" (table 1 2 funcref))
    (import "env" "memory" (memory 1))
    (import "env" "large" (memory i64 1))
    (import "env" "tag" (tag (param i32)))
    (tag (export "own tag") (param f64))
    (global (export "constant") i32 (i32.const 7))
    (global (export "v") (mut v128) (v128.const i64x2 1 2))
    (table (export "own table") 1 externref)
    (export "again" (memory 0))
    (func (export "") (param i32) (result i32) (local.get 0))
    (func (export "two") (result i32 f64) (i32.const 1) (f64.const 2)))"#;

/// Lines that hold what the structures of the contract are, for C and C++.
macro_rules! layout {
    ($($name:literal $ty:ty: $($field:ident $c_field:literal),*;)*) => {{
        let mut lines = String::new();
        $(
            lines += &format!("CHECK(sizeof(struct {}) == {});\n", $name, size_of::<$ty>());
            $(
                lines += &format!(
                    "CHECK(offsetof(struct {}, {}) == {});\n", $name, $c_field, offset_of!($ty, $field)
                );
            )*
        )*
        lines
    }};
}

fn layout() -> String {
    layout! {
        "mewz_application" Application: magic "magic", version "version", flags "flags", cpu_features "cpu_features",
            instantiate "instantiate", start "start", memories "memories", memories_len "memories_len", tables "tables",
            tables_len "tables_len", exports "exports", exports_len "exports_len", traps "traps",
            traps_len "traps_len", text_start "text_start", text_end "text_end", exceptions "exceptions",
            counters "counters", counters_len "counters_len";
        "mewz_memory" MemoryInstance: base "base", bytes "bytes", bytes_max "bytes_max", flags "flags",
            page_bytes_log2 "page_bytes_log2";
        "mewz_table" TableInstance: elements "elements", len "len", len_max "len_max", capacity "capacity";
        "mewz_function_reference" FunctionReference: code "code", type_identity "type_identity";
        "mewz_export" Export: name "name", name_len "name_len", kind "kind", type_text "type",
            type_text_len "type_len", address "address";
        "mewz_trap_site" TrapSite: code_offset "code_offset", wasm_offset "wasm_offset", kind "kind";
        "mewz_tag" Tag: type_identity "type_identity", index "index";
        "mewz_exception" Exception: tag "tag", owner "owner", state "state", next "next";
        "mewz_exceptions" Exceptions: first "first", thrown "thrown";
    }
}

fn check(compiler: &Path, language: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let header = header(&wat::parse_str(MODULE).unwrap()).unwrap();
    fs::write(folder.path().join("application.h"), header).unwrap();
    let source = folder.path().join("check.c");
    let text = format!(
        "#include \"application.h\"\n#include <stddef.h>\n#ifdef __cplusplus\n#define CHECK(x) static_assert(x, #x)\n\
         #else\n#define CHECK(x) _Static_assert(x, #x)\n#endif\n{}\
         CHECK(MEWZ_APPLICATION_MAGIC == UINT64_C({APPLICATION_MAGIC}));\nCHECK(sizeof(mewz_value) == 16);\n\
         int main(void) {{\n    mewz_value results[2];\n    mewz_application.instantiate();\n\
         \u{20}   mewz_export_two(results);\n\
         \u{20}   return mewz_export_(mewz_export_constant) + results[0].i32 + (int)env_memory.bytes;\n}}\n",
        layout(),
    );
    fs::write(&source, text).unwrap();
    let output = Command::new(compiler)
        .args(language)
        .args(["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"])
        .arg(&source)
        .output()
        .unwrap_or_else(|problem| panic!("cannot start {}: {problem}", compiler.display()));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && words.is_empty(), "{words}");
}

#[test]
fn gcc_takes_it_as_c() {
    check(Path::new("gcc"), &["-std=c11"]);
}

#[test]
fn gcc_takes_it_as_cplusplus() {
    check(Path::new("g++"), &["-x", "c++", "-std=c++17"]);
}

#[test]
fn clang_takes_it_as_c() {
    check(&tool("bin/clang"), &["-std=c11"]);
}

#[test]
fn clang_takes_it_as_cplusplus() {
    check(&tool("bin/clang"), &["-x", "c++", "-std=c++17"]);
}

#[test]
fn every_function_that_objects_may_need_is_declared() {
    let header = header(&wat::parse_str("(module)").unwrap()).unwrap();
    for name in RUNTIME {
        assert!(header.contains(&format!(" {name}(")), "{name}");
    }
}
