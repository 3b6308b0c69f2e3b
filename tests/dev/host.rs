//! What the host refuses: watches, room on its disk, KVM; and a QEMU that fails.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::invoke::{Ended, Place, wait_for};
use crate::screen::Terminal;
use crate::session::{Loop, builds, printing, project};

/// Bytes of the small disk: enough for a project of one file, its cache, and what a build of it makes.
const DISK_BYTES: usize = 1 << 20;

/// A disk of its own for all that belongs to a place. What lies there now is copied onto it: the shell still stands in the
/// folder that the mount hides.
fn small_disk() -> String {
    format!(
        "cd \"$MEWZ_TEST_PLACE\" && mount -t tmpfs -o size={DISK_BYTES} none \"$MEWZ_TEST_PLACE\" && \
         cp -r . \"$MEWZ_TEST_PLACE\" && cd \"$MEWZ_TEST_PLACE/work\""
    )
}

/// A command that becomes `mewz` in a namespace where a test may do what only the system's owner may do elsewhere, after
/// `script`; `None` where there is none, or the script can't do its work there.
fn in_namespace(place: &Place, script: &str, arguments: &[&str]) -> Option<Command> {
    let unshare = |script: &str| {
        let mut command = place.command(&[]);
        let environment: Vec<_> = command
            .get_envs()
            .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)))
            .collect();
        let mewz = command.get_program().to_owned();
        command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
            .arg(mewz)
            .args(arguments)
            .current_dir(place.path(""));
        for (name, value) in environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    };
    let why = match unshare(script).output() {
        Ok(output) if output.status.success() => {
            return Some(unshare(&format!("{script} && exec \"$0\" \"$@\"")));
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(problem) => problem.to_string(),
    };
    println!(
        "left out: this host lets nobody do that in a namespace: {}",
        why.trim()
    );
    None
}

/// A loop after `script`, in such a namespace.
fn loop_in_namespace(place: Place, script: &str, more: &[&str]) -> Option<Loop> {
    let arguments = [&["dev", "--json"], more].concat();
    let command = in_namespace(&place, script, &arguments)?;
    Some(Loop::start_as(place, command))
}

#[test]
fn without_watches_files_are_looked_at() {
    let place = project("");
    place.write("source.wat", printing("one"));
    let script = "echo 0 > /proc/sys/user/max_inotify_watches";
    let Some(mut dev) = loop_in_namespace(place, script, &[]) else {
        return;
    };
    let warning = dev.next("warning");
    let text = warning["text"].as_str().unwrap();
    assert!(
        text.contains("twice a second") && text.contains("fs.inotify.max_user_watches"),
        "{text}"
    );
    dev.next("exit");
    dev.place.write("source.wat", printing("two"));
    assert_eq!(dev.next_line(), "two");
    dev.next("exit");
    assert_eq!(dev.stop("INT"), Some(130));
}

/// The folder of a loop's project as it sees it, in its own namespace.
fn inside(dev: &Loop) -> PathBuf {
    let folder = dev.place.path("");
    PathBuf::from(format!("/proc/{}/root{}", dev.child.id(), folder.display()))
}

/// Fills the disk on which `folder` lies; the file that does so.
fn fill(folder: &std::path::Path) -> PathBuf {
    let filler = folder.join("../filler");
    fs::write(&filler, vec![0; DISK_BYTES]).expect_err("the disk is too large");
    filler
}

/// A program that prints `text`, by a function of its own whose code takes more room than is left on a full disk. Code that
/// repeats itself would be kept in less, so it stores numbers without order.
fn large(text: &str) -> String {
    let place = text.as_bytes()[1];
    let mut random = fastrand::Rng::with_seed(1);
    let stores: String = (0..2000)
        .map(|_| {
            let number = random.u32(..);
            format!("(i32.store offset={place} (i32.const 1000) (i32.const {number}))\n")
        })
        .collect();
    printing(text).replace("(drop", &(stores + "(drop"))
}

#[test]
fn a_full_disk_ends_no_loop() {
    let place = project("");
    // A module that is followed by as many spaces as `size` says.
    let command = "command = \"cat source.wat > made.wat && \
                   head -c $(cat size) /dev/zero | tr '\\\\0' ' ' >> made.wat\"";
    place.write(
        "mewz.toml",
        format!("mewz = 1\n[build]\n{command}\nwasm = \"made.wat\"\n"),
    );
    place.write("source.wat", large("one"));
    place.write("size", "0");
    let Some(mut dev) = loop_in_namespace(place, &small_disk(), &[]) else {
        return;
    };
    assert_eq!(dev.next_line(), "one");
    dev.next("exit");
    let work = inside(&dev);
    let store = work.join(".mewz/cache");
    wait_for("the store", || {
        fs::read_dir(&store).ok()?.next().map(|_| ())
    });
    dev.rest();
    // Nothing more can be kept, and nothing has to be: a program of the same size is built in the old one's place.
    let filler = fill(&work);
    let stored = || -> u64 {
        let files = fs::read_dir(&store).into_iter().flatten().flatten();
        files.map(|file| file.metadata().unwrap().len()).sum()
    };
    let before = stored();
    fs::write(work.join("source.wat"), large("two")).unwrap();
    assert_eq!(dev.next_line(), "two");
    dev.next("exit");
    // A larger one is not.
    fs::write(work.join("size"), (DISK_BYTES / 2).to_string()).unwrap();
    let error = dev.next("error");
    let output = dev.seen.iter().rev();
    let output: Vec<&str> = output
        .filter(|event| event["stream"] == "build")
        .filter_map(|event| event["text"].as_str())
        .collect();
    assert!(
        output.concat().contains("No space left on device"),
        "{error} after {output:?}"
    );
    // No more than was left of its last page.
    assert!(stored() < before + 4096, "there was room for it");
    // With room again it is, and is kept.
    fs::remove_file(filler).unwrap();
    fs::write(work.join("source.wat"), large("six")).unwrap();
    while dev.next_line() != "six" {}
    dev.next("exit");
    assert_eq!(dev.stop("INT"), Some(130));
}

#[test]
fn a_loop_that_cannot_begin_on_a_full_disk_says_so() {
    let place = project("");
    place.write("source.wat", printing("one"));
    let script = format!(
        "{} && {{ head -c {DISK_BYTES} /dev/zero > ../filler 2> /dev/null || true; }}",
        small_disk()
    );
    let Some(mut command) = in_namespace(&place, &script, &["dev"]) else {
        return;
    };
    let ended = Ended::of(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    ended.assert(1, &["cannot work in", "No space left on device"]);
    place.assert_clean();
}

/// What stands for QEMU: itself, after `script`.
fn qemu(place: &Place, script: &str) -> String {
    let text = format!(
        "[ \"$1\" = --version ] && exec qemu-system-x86_64 --version\n{script}\nexec qemu-system-x86_64 \"$@\""
    );
    place.script("../qemu", &text).display().to_string()
}

/// Stand-ins for a KVM that looks as if it could be used.
const LOOKS_LIKE_KVM: &str = "printf 'flags\\t: fpu vmx\\n' > ../cpuinfo && touch ../kvm && \
     mount --bind ../cpuinfo /proc/cpuinfo && mount --bind ../kvm /dev/kvm";

#[test]
fn a_kvm_that_fails_is_done_without() {
    let place = project("");
    place.write("source.wat", printing("one"));
    let fails = "case \"$*\" in *'-accel kvm'*)\n\
                 echo x >> \"$MEWZ_TEST_PLACE/tried\"\n\
                 echo 'Could not access KVM kernel module: Permission denied' >&2\n\
                 exit 1;;\nesac";
    let qemu = qemu(&place, fails);
    let arguments = ["--qemu", &qemu];
    let Some(mut dev) = loop_in_namespace(place, LOOKS_LIKE_KVM, &arguments) else {
        return;
    };
    let warning = dev.next("warning");
    let text = warning["text"].as_str().unwrap();
    assert!(text.contains("did not start under KVM"), "{text}");
    assert_eq!(dev.next_line(), "one");
    dev.next("exit");
    // It is not tried again: not for the machine that waits, not for the next program, not with other settings.
    let settings = fs::read_to_string(dev.place.path("mewz.toml")).unwrap();
    dev.place.write("source.wat", printing("two"));
    assert_eq!(dev.next_line(), "two");
    dev.next("exit");
    dev.place.write(
        "mewz.toml",
        format!("{settings}[run]\nmemory = \"64MiB\"\n"),
    );
    assert_eq!(dev.next_line(), "two");
    dev.next("exit");
    let tried = fs::read_to_string(dev.place.path("../tried")).unwrap();
    assert_eq!(tried.lines().count(), 1);
    assert_eq!(dev.stop("INT"), Some(130));
}

#[test]
fn a_kvm_that_is_denied_is_done_without_unless_it_was_asked_for() {
    let place = project("");
    place.write("source.wat", printing("one"));
    let denied = format!("{LOOKS_LIKE_KVM} && mount -o remount,bind,ro /dev/kvm");
    let run = |arguments: &[&str]| {
        let mut command = in_namespace(&place, &denied, arguments)?;
        Some(Ended::of(
            command.stdout(Stdio::piped()).stderr(Stdio::piped()),
        ))
    };
    let Some(ended) = run(&["dev", "--once"]) else {
        return;
    };
    ended.assert(0, &[]);
    assert_eq!(ended.stdout, b"one\n");
    let ended = run(&["dev", "--accel", "kvm"]).unwrap();
    ended.assert(1, &["`kvm` cannot be used", "/dev/kvm", "--accel auto"]);
    place.assert_clean();
}

#[test]
fn qemus_own_words_come_as_errors_of_ours() {
    let place = project("");
    place.write("source.wat", printing("one"));
    let says = "if [ -e \"$MEWZ_TEST_PLACE/fails\" ]; then\n\
                echo \"qemu-system-x86_64: -netdev user: Duplicate ID 'hostnet0' for netdev\" >&2\nexit 1\nfi\n\
                echo 'qemu-system-x86_64: warning: a feature is not there' >&2\n\
                echo 'on standard output'";
    let qemu = qemu(&place, says);
    let mut command = place.command(&["dev", "--reload", "reboot", "--qemu", &qemu]);
    command.env_remove("CI");
    let mut terminal = Terminal::start(command);
    terminal.wait_for("│ one", 1);
    terminal.wait_for("ended with status 0", 1);
    assert!(!terminal.text().contains("qemu"), "{}", terminal.text());
    // At once, or a test that is interrupted between emptying and writing has saved twice.
    let save = |text| {
        place.write("../new", printing(text));
        fs::rename(place.path("../new"), place.path("source.wat")).unwrap();
    };
    place.write("../fails", "");
    save("two");
    terminal.wait_for("error: the machine did not start", 1);
    terminal.wait_for("Duplicate ID", 1);
    let text = terminal.text();
    let line = text.lines().find(|line| line.contains("Duplicate ID"));
    assert!(
        line.is_some_and(|line| line.contains("cause: QEMU says: ")),
        "{text}"
    );
    fs::remove_file(place.path("../fails")).unwrap();
    save("three");
    terminal.wait_for("│ three", 1);
    assert_eq!(builds(&place), 3);
    assert!(
        !terminal.text().contains("a feature"),
        "{}",
        terminal.text()
    );
    terminal.press("q");
    assert_eq!(terminal.wait().code(), Some(0));
    place.assert_clean();
}
