//! QEMU, its accelerators, and gdb.

use std::path::{Path, PathBuf};

use super::super::accelerator::{self, Measured};
use super::super::cache::Cache;
use super::super::packages::{Package, as_root, find, install_command};
use super::super::progress;
use super::finding::{Finding, Group, Status};
use super::{finding, tool};
use crate::qemu::accelerator::{Accelerator, AcceleratorChoice};
use crate::qemu::error::QemuError;
use crate::qemu::program::{self, DEFAULT_PROGRAM};

/// The program that is timed: it ends at once.
const PROGRAM: &str = "(module (memory (export \"memory\") 1) (func (export \"_start\")))";

/// Boots of each accelerator that are timed, after one that makes the image.
const BOOTS: u32 = 3;

/// Looks at all of them.
pub(super) fn look(qemu: Option<&Path>, cache: Option<&Cache>) -> Vec<Finding> {
    let name = qemu.unwrap_or(Path::new(DEFAULT_PROGRAM));
    let found = program::find(name, std::env::var_os("PATH").as_deref());
    let found = found.and_then(|file| Ok((program::version(&file)?, file)));
    let mut findings = Vec::new();
    match found {
        Ok((version, file)) => {
            findings.push(finding(
                Group::Machine,
                "QEMU",
                Status::Ok,
                format!("{version} at {}", file.display()),
            ));
            findings.extend(accelerators(&file, cache));
        }
        Err(problem) => findings.push(no_qemu(&problem)),
    }
    findings.push(gdb());
    findings
}

fn no_qemu(problem: &QemuError) -> Finding {
    finding(Group::Machine, "QEMU", Status::Problem, problem.to_string()).mended_by(
        install_command(Package::Qemu).map(|command| as_root(&command)),
        "install QEMU 7.0 or newer for x86-64 (`qemu-system-x86_64`), or name one: MEWZ_QEMU=FILE",
    )
}

/// Times TCG and, where it can be used, KVM; notes the figures for `--accel auto`.
fn accelerators(qemu: &Path, cache: Option<&Cache>) -> Vec<Finding> {
    let what = "Timing machines".to_owned();
    let (tcg, kvm) = progress::during(what, || {
        let tcg = boot_ms(qemu, Accelerator::Tcg);
        let kvm = match AcceleratorChoice::Kvm.settle() {
            Ok(accelerator) => Some(boot_ms(qemu, accelerator)),
            Err(_) => None,
        };
        (tcg, kvm)
    });
    let measured = Measured {
        tcg_ms: tcg.as_ref().ok().copied(),
        kvm_ms: kvm.as_ref().and_then(|kvm| kvm.as_ref().ok()).copied(),
    };
    // Where KVM was not tried it may be usable tomorrow.
    if let (Some(cache), Some(_)) = (cache, &kvm) {
        accelerator::note(cache, qemu, measured);
    }
    let chosen = measured.fastest();
    let taken = |which| match chosen == Some(which) {
        true => "; `--accel auto` takes it",
        false => "",
    };
    let timed = |name, result: Result<u64, String>, which, status| match result {
        Ok(ms) => finding(
            Group::Machine,
            name,
            Status::Ok,
            format!("boots a program and ends in {ms} ms{}", taken(which)),
        ),
        Err(problem) => finding(Group::Machine, name, status, problem),
    };
    let tcg = timed("TCG", tcg, Accelerator::Tcg, Status::Problem);
    let kvm = match kvm {
        Some(kvm) => timed("KVM", kvm, Accelerator::Kvm, Status::Absent),
        None => no_kvm(),
    };
    vec![tcg, kvm]
}

fn no_kvm() -> Finding {
    let reason = match AcceleratorChoice::Kvm.settle() {
        Err(QemuError::NoKvm(reason)) => reason,
        Err(problem) => problem.to_string(),
        Ok(_) => String::new(),
    };
    let is_denied = reason.contains("ermission denied");
    let found = finding(Group::Machine, "KVM", Status::Absent, reason);
    if is_denied {
        let command = as_root("usermod -aG kvm \"$(id -un)\"");
        return found.mended_by(Some(command), "").note("and log in again");
    }
    found
}

/// The least time that a program took from being spawned to its end, in ms; the error is a sentence.
fn boot_ms(qemu: &Path, accelerator: Accelerator) -> Result<u64, String> {
    let failed = |problem: std::io::Error| format!("cannot be timed: {problem}");
    let folder = tempfile::tempdir().map_err(failed)?;
    let _held = super::hold(super::Holding::Folder(folder.path().to_owned()));
    let module = folder.path().join("doctor.wat");
    std::fs::write(&module, PROGRAM).map_err(failed)?;
    let accelerator = match accelerator {
        Accelerator::Tcg => "tcg",
        Accelerator::Kvm => "kvm",
    };
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let arguments = [
        "run",
        "--accel",
        accelerator,
        "--timeout",
        "15s",
        "--qemu",
        &text(qemu),
        &text(&module),
    ];
    let mut least = u64::MAX;
    for boot in 0..=BOOTS {
        let answer = tool::ask(&PathBuf::from("/proc/self/exe"), &arguments, "")?;
        if !answer.is_success {
            return Err(format!("does not boot: {}", answer.complaint()));
        }
        if boot > 0 {
            least = least.min(u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX));
        }
    }
    Ok(least)
}

fn gdb() -> Finding {
    let absent = |detail: String| {
        finding(Group::Machine, "gdb", Status::Absent, detail).mended_by(
            install_command(Package::Gdb).map(|command| as_root(&command)),
            "install gdb to debug programs",
        )
    };
    let Some(gdb) = find("gdb") else {
        return absent("not installed; debugging needs it".to_owned());
    };
    match tool::ask(&gdb, &["--nx", "--batch", "--version"], "") {
        Ok(answer) if answer.is_success => {
            let first = answer.stdout.lines().next().unwrap_or_default();
            let version = first.rsplit(' ').next().unwrap_or(first);
            finding(Group::Machine, "gdb", Status::Ok, version)
        }
        Ok(answer) => absent(answer.complaint()),
        Err(problem) => absent(problem),
    }
}
