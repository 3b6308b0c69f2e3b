//! `mewz new`: what it makes, what it refuses, and that a failure leaves nothing behind.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// Far more than anything here takes.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A folder to work in, and `mewz` started there with no terminal.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn mewz(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mewz"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    fn succeeds(&self, arguments: &[&str]) {
        let output = self.mewz(arguments).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments:?}: {}",
            words(&output)
        );
        assert_eq!(output.stdout, b"", "{arguments:?}");
    }

    /// Runs and checks the status, that each of `said` is in its words, and that no file came or went.
    fn fails(&self, arguments: &[&str], status: i32, said: &[&str]) {
        let before = listing(self.folder.path());
        let output = self.mewz(arguments).output().unwrap();
        check_failure(arguments, &output, status, said);
        assert_eq!(listing(self.folder.path()), before, "{arguments:?}");
    }
}

fn check_failure(arguments: &[&str], output: &Output, status: i32, said: &[&str]) {
    let words = words(output);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {words}");
    assert_eq!(output.stdout, b"", "{arguments:?}");
    for part in said {
        assert!(
            words.contains(part),
            "{arguments:?}: `{part}` is not in: {words}"
        );
    }
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every path under `folder`, in order.
fn listing(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn each_template_is_written_whole_and_in_the_projects_name() {
    for (template, source) in [
        ("wat", "main.wat"),
        ("c", "main.c"),
        ("rust", "main.rs"),
        ("zig", "main.zig"),
    ] {
        let place = Place::new();
        place.succeeds(&["new", "my-app", "--template", template]);
        let read = |name: &str| fs::read_to_string(place.path("my-app").join(name)).unwrap();
        let settings: toml::Table = read("mewz.toml").parse().unwrap();
        assert_eq!(settings["mewz"].as_integer(), Some(1));
        assert_eq!(settings["app"]["name"].as_str(), Some("my-app"));
        assert!(read("README.md").starts_with("# my-app\n"));
        assert!(read(".gitignore").contains("/.mewz/"));
        assert!(!read(&format!("src/{source}")).is_empty());
        for path in listing(&place.path("my-app")) {
            assert!(
                path.extension().is_none_or(|ending| ending != "jinja"),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn the_default_template_needs_no_toolchain() {
    let place = Place::new();
    place.succeeds(&["new", "hello"]);
    let text = fs::read_to_string(place.path("hello/src/main.wat")).unwrap();
    wat::parse_str(text).unwrap();
}

#[test]
fn an_empty_folder_and_the_current_one_are_taken() {
    let place = Place::new();
    fs::create_dir(place.path("there")).unwrap();
    place.succeeds(&["new", "there"]);
    let place = Place::new();
    place.succeeds(&["new", ".", "--name", "here"]);
    assert!(place.path("mewz.toml").exists());
    let place = Place::new();
    place.succeeds(&["new", "a/b/deep"]);
    assert!(place.path("a/b/deep/mewz.toml").exists());
}

#[test]
fn an_occupied_place_is_refused() {
    let place = Place::new();
    place.write("full/x", "kept");
    place.write("file", "kept");
    place.fails(
        &["new", "full"],
        2,
        &["cannot make a project in `full`", "not empty"],
    );
    place.fails(&["new", "file"], 2, &["cannot make a project in `file`"]);
    place.fails(
        &["new", "file/below"],
        2,
        &["cannot make a project in `file/below`"],
    );
}

#[test]
fn names_are_checked() {
    let place = Place::new();
    place.fails(
        &["new", "a b"],
        2,
        &["cannot call a project `a b`", "`--name NAME`"],
    );
    place.fails(
        &["new", "x", "--name", "../y"],
        2,
        &["cannot call a project `../y`"],
    );
    place.fails(&["new", "x", "--name", ""], 2, &["at least one letter"]);
    place.fails(&["new", "fn"], 2, &["Cargo keeps that word"]);
    place.succeeds(&["new", "a b", "--name", "a-b"]);
}

#[test]
fn nothing_is_asked_without_a_terminal() {
    Place::new().fails(&["new"], 2, &["without a folder", "`mewz new hello`"]);
}

#[test]
fn a_mistyped_template_is_answered_with_the_nearest() {
    Place::new().fails(
        &["new", "x", "--template", "rsut"],
        2,
        &["no template `rsut`", "did you mean `rust`?", "zig"],
    );
}

#[test]
fn a_folder_is_a_template() {
    let place = Place::new();
    place.write(
        "ours/mewz.toml.jinja",
        "mewz = 1\n[app]\nname = \"{{ name }}\"\n",
    );
    place.write("ours/src/{{ identifier }}.c", "int a[1][1] = {{1}};\n");
    place.write("ours/.git/config", "not copied");
    place.succeeds(&["new", "my-app", "--template", "./ours"]);
    assert_eq!(
        listing(&place.path("my-app")),
        ["mewz.toml", "src", "src/my_app.c"].map(|name| place.path("my-app").join(name))
    );
    assert_eq!(
        fs::read_to_string(place.path("my-app/src/my_app.c")).unwrap(),
        "int a[1][1] = {{1}};\n"
    );
}

#[test]
fn a_folder_that_is_no_template_is_refused() {
    let place = Place::new();
    place.write("plain/x", "");
    place.fails(
        &["new", "x", "--template", "./plain"],
        1,
        &["holds no `mewz.toml`"],
    );
    place.fails(
        &["new", "x", "--template", "./none"],
        2,
        &["no template `./none`"],
    );
    place.write("broken/mewz.toml.jinja", "{{ author }}");
    place.fails(
        &["new", "x", "--template", "./broken"],
        1,
        &["cannot fill in `mewz.toml.jinja`", "line 1"],
    );
    place.write("odd/mewz.toml", "");
    std::os::unix::fs::symlink("/etc/hostname", place.path("odd/link")).unwrap();
    place.fails(
        &["new", "x", "--template", "./odd"],
        1,
        &["link`", "neither a file nor a folder"],
    );
}

#[test]
fn a_git_repository_is_a_template() {
    let place = Place::new();
    place.write(
        "ours/mewz.toml.jinja",
        "mewz = 1\n[app]\nname = \"{{ name }}\"\n",
    );
    place.write("ours/run", "#!/bin/sh\n");
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args([
                "-c",
                "user.name=a",
                "-c",
                "user.email=a@b",
                "-c",
                "init.defaultBranch=main",
            ])
            .args(arguments)
            .current_dir(place.path("ours"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "git {arguments:?}: {}",
            words(&output)
        );
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["update-index", "--chmod=+x", "run"]);
    git(&["commit", "--quiet", "--message", "x"]);

    let address = format!("file://{}", place.path("ours").display());
    place.succeeds(&["new", "cloned", "--template", &address]);
    assert!(!place.path("cloned/.git").exists());
    assert_eq!(
        fs::read_to_string(place.path("cloned/mewz.toml")).unwrap(),
        "mewz = 1\n[app]\nname = \"cloned\"\n"
    );
    assert_ne!(
        fs::metadata(place.path("cloned/run"))
            .unwrap()
            .permissions()
            .mode()
            & 0o100,
        0
    );

    let nowhere = format!("file://{}/none.git", place.path("").display());
    place.fails(
        &["new", "x", "--template", &nowhere],
        1,
        &["cannot fetch template", "git: "],
    );
    let nothing = tempfile::tempdir().unwrap();
    let arguments = ["new", "x", "--template", &address];
    let output = place
        .mewz(&arguments)
        .env("PATH", nothing.path())
        .output()
        .unwrap();
    check_failure(
        &arguments,
        &output,
        1,
        &["`git` is not installed", "apt-get install git"],
    );
    assert!(!place.path("x").exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    // Root may write everywhere, but not into a kernel's own file system.
    Place::new().fails(
        &["new", "/proc/mewz-test"],
        1,
        &["cannot make a project in `/proc/mewz-test`"],
    );
}

#[test]
fn a_terminal_is_asked() {
    let place = Place::new();
    let dialogue = place.on_a_terminal("new", "\n\n");
    assert!(place.path("hello/src/main.wat").exists(), "{dialogue}");
    assert!(
        dialogue.contains("Template") && dialogue.contains("Folder to make"),
        "{dialogue}"
    );
}

impl Place {
    /// Runs `mewz` with these arguments on a terminal where `typed` is typed; what the terminal showed.
    fn on_a_terminal(&self, arguments: &str, typed: &str) -> String {
        let mut script = Command::new("script")
            .args(["--quiet", "--return", "--command"])
            .arg(format!("{} {arguments}", env!("CARGO_BIN_EXE_mewz")))
            .arg("/dev/null")
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        script
            .stdin
            .take()
            .unwrap()
            .write_all(typed.as_bytes())
            .unwrap();
        let output = script.wait_with_output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

#[test]
fn ctrl_c_while_git_works_leaves_nothing() {
    let place = Place::new();
    let git = place.path("bin/git");
    let mark = place.path("mark");
    place.write(
        "bin/git",
        "#!/bin/sh\nfor last; do :; done\nmkdir \"$last\" && echo $$ > \"$MARK\"; exec sleep 600\n",
    );
    fs::set_permissions(&git, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(place.path("temporary")).unwrap();
    let child = place
        .mewz(&["new", "x", "--template", "https://host.invalid/x.git"])
        .env(
            "PATH",
            format!(
                "{}:{}",
                place.path("bin").display(),
                std::env::var("PATH").unwrap()
            ),
        )
        .env("MARK", &mark)
        .env("TMPDIR", place.path("temporary"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let git_process = wait_for(|| fs::read_to_string(&mark).ok()?.trim().parse().ok());
    assert_eq!(fs::read_dir(place.path("temporary")).unwrap().count(), 1);

    rustix::process::kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", words(&output));
    assert_eq!(fs::read_dir(place.path("temporary")).unwrap().count(), 0);
    assert!(!place.path("x").exists());
    wait_for(|| has_ended(git_process).then_some(()));
}

/// Asks again and again until there is an answer.
fn wait_for<T>(mut answer: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(
            since.elapsed() < WAIT_MAX,
            "nothing came within {WAIT_MAX:?}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process is gone, or is only not yet collected by its parent.
fn has_ended(process: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // proc(5): the state follows the name, which stands in parentheses.
    stat.rsplit(')')
        .next()
        .is_none_or(|rest| rest.is_empty() || rest.starts_with(" Z"))
}
