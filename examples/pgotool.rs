//! Scratch.
#![allow(missing_docs)]
use mewz::compile::*;
use std::sync::Arc;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let wasm = std::fs::read(&a[2]).unwrap();
    let level = match std::env::var("OPT").as_deref() {
        Ok("1") => OptLevel::Function,
        _ => OptLevel::Module,
    };
    let o = Options {
        target_cpu: TargetCpu::V3,
        memory_base: MemoryBase::Constant(0),
        opt_level: level,
        ..Options::default()
    };
    match a[1].as_str() {
        "gen" => std::fs::write(
            &a[3],
            compile(
                &wasm,
                &Options {
                    counts_runs: true,
                    ..o
                },
            )
            .unwrap()
            .object,
        )
        .unwrap(),
        "base" => std::fs::write(&a[3], compile(&wasm, &o).unwrap().object).unwrap(),
        "profile" => {
            let p = profile(&wasm, &std::fs::read(&a[3]).unwrap()).unwrap();
            std::fs::write(&a[4], p.to_string()).unwrap();
        }
        "use" => {
            let p = Profile::read(&std::fs::read_to_string(&a[3]).unwrap()).unwrap();
            let c = compile(
                &wasm,
                &Options {
                    profile: Some(Arc::new(p)),
                    ..o
                },
            )
            .unwrap();
            println!("{:?}", c.profile_fit);
            std::fs::write(&a[4], c.object).unwrap();
        }
        _ => panic!(),
    }
}
