//! `mewz new`: what it makes, what it refuses, and that a failure leaves nothing behind.

mod invoke;

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use invoke::{Ended, Place, signal, wait_for};

fn succeeds(place: &Place, arguments: &[&str]) {
    let ended = place.run(arguments);
    ended.assert(0, &["Created `"]);
    assert_eq!(ended.stdout, b"", "{arguments:?}");
    place.assert_clean();
}

/// Runs and checks the status, that each of `said` is in its words, and that no file came or went.
fn fails(place: &Place, arguments: &[&str], status: i32, said: &[&str]) {
    let before = listing(&place.path(""));
    let ended = place.run(arguments);
    ended.assert(status, said);
    assert_eq!(ended.stdout, b"", "{arguments:?}");
    assert_eq!(listing(&place.path("")), before, "{arguments:?}");
    place.assert_clean();
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
        ("wat", "src/main.wat"),
        ("c", "src/main.c"),
        ("rust", "src/main.rs"),
        ("zig", "src/main.zig"),
        ("go", "main.go"),
        ("assemblyscript-http", "src/server.ts"),
    ] {
        let place = Place::new();
        // Nothing is fetched, and no other program is needed.
        let mut command = place.command(&["new", "my-app", "--template", template]);
        let output = command.env("PATH", "").output().unwrap();
        Ended::new(output).assert(0, &["Created `"]);
        let read = |name: &str| fs::read_to_string(place.path("my-app").join(name)).unwrap();
        let settings: toml::Table = read("mewz.toml").parse().unwrap();
        assert_eq!(settings["mewz"].as_integer(), Some(1));
        assert_eq!(settings["app"]["name"].as_str(), Some("my-app"));
        assert!(read("README.md").starts_with("# my-app\n"));
        assert!(read(".gitignore").contains("/.mewz/"));
        assert!(read(".gitignore").contains("/mewz.local.toml"));
        assert!(!read(source).is_empty());
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
    succeeds(&place, &["new", "hello"]);
    let text = fs::read_to_string(place.path("hello/src/main.wat")).unwrap();
    wat::parse_str(text).unwrap();
}

#[test]
fn an_empty_folder_and_the_current_one_are_taken() {
    let place = Place::new();
    fs::create_dir(place.path("there")).unwrap();
    succeeds(&place, &["new", "there"]);
    let place = Place::new();
    succeeds(&place, &["new", ".", "--name", "here"]);
    assert!(place.path("mewz.toml").exists());
    let place = Place::new();
    succeeds(&place, &["new", "a/b/deep"]);
    assert!(place.path("a/b/deep/mewz.toml").exists());
}

#[test]
fn an_occupied_place_is_refused() {
    let place = Place::new();
    place.write("full/x", "kept");
    place.write("file", "kept");
    fails(
        &place,
        &["new", "full"],
        2,
        &["cannot make a project in `full`", "not empty"],
    );
    fails(
        &place,
        &["new", "file"],
        2,
        &["cannot make a project in `file`"],
    );
    fails(
        &place,
        &["new", "file/below"],
        2,
        &["cannot make a project in `file/below`"],
    );
}

#[test]
fn names_are_checked() {
    let place = Place::new();
    fails(
        &place,
        &["new", "a b"],
        2,
        &["cannot call a project `a b`", "`--name NAME`"],
    );
    fails(
        &place,
        &["new", "x", "--name", "../y"],
        2,
        &["cannot call a project `../y`"],
    );
    fails(
        &place,
        &["new", "x", "--name", ""],
        2,
        &["at least one letter"],
    );
    fails(&place, &["new", "fn"], 2, &["Cargo keeps that word"]);
    fails(
        &place,
        &["new", "con"],
        2,
        &["keeps that word for a device"],
    );
    succeeds(&place, &["new", "a b", "--name", "a-b"]);
}

#[test]
fn nothing_is_asked_without_a_terminal() {
    fails(
        &Place::new(),
        &["new"],
        2,
        &["without a folder", "`mewz new hello`"],
    );
}

#[test]
fn a_mistyped_template_is_answered_with_the_nearest() {
    fails(
        &Place::new(),
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
    succeeds(&place, &["new", "my-app", "--template", "./ours"]);
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
    fails(
        &place,
        &["new", "x", "--template", "./plain"],
        1,
        &["holds no `mewz.toml`"],
    );
    fails(
        &place,
        &["new", "x", "--template", "./none"],
        2,
        &["no template `./none`"],
    );
    place.write("broken/mewz.toml.jinja", "{{ author }}");
    fails(
        &place,
        &["new", "x", "--template", "./broken"],
        1,
        &["cannot fill in `mewz.toml.jinja`", "line 1"],
    );
    place.write("odd/mewz.toml", "");
    std::os::unix::fs::symlink("/etc/hostname", place.path("odd/link")).unwrap();
    fails(
        &place,
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
            String::from_utf8_lossy(&output.stderr)
        );
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["update-index", "--chmod=+x", "run"]);
    git(&["commit", "--quiet", "--message", "x"]);

    let address = format!("file://{}", place.path("ours").display());
    succeeds(&place, &["new", "cloned", "--template", &address]);
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
    fails(
        &place,
        &["new", "x", "--template", &nowhere],
        1,
        &["cannot fetch template", "git: "],
    );
    let without_git = place
        .command(&["new", "x", "--template", &address])
        .env("PATH", place.path("ours"))
        .output()
        .unwrap();
    Ended::new(without_git).assert(1, &["`git` is not installed", "apt-get install git"]);
    assert!(!place.path("x").exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    // Root may write everywhere, but not into a kernel's own file system.
    fails(
        &Place::new(),
        &["new", "/proc/mewz-test"],
        1,
        &["cannot make a project in `/proc/mewz-test`"],
    );
}

#[test]
fn a_terminal_is_asked() {
    let place = Place::new();
    let shown = on_a_terminal(
        &place,
        "new",
        &[("zig", "\r"), ("Folder to make", "mine\r")],
    );
    assert!(place.path("mine/src/main.wat").exists(), "{shown}");
}

#[test]
fn ctrl_c_at_a_prompt_shows_the_cursor_again() {
    let place = Place::new();
    let shown = on_a_terminal(&place, "new; echo status $?", &[("zig", "\x03")]);
    assert!(shown.contains("status 130"), "{shown}");
    let hidden = shown.rfind("\x1b[?25l").unwrap();
    assert!(
        shown.rfind("\x1b[?25h").is_some_and(|again| again > hidden),
        "{shown:?}"
    );
    assert!(listing(&place.path("")).is_empty());
    place.assert_clean();
}

/// Runs `mewz` with these arguments, and what a shell reads after them, on a terminal; what that showed. Each text that is
/// awaited there is answered by what is typed.
fn on_a_terminal(place: &Place, arguments: &str, dialogue: &[(&str, &str)]) -> String {
    let ordinary = place.command(&[]);
    let variables = ordinary
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let mut script = Command::new("script")
        .args(["--quiet", "--command"])
        .arg(format!("{} {arguments}", env!("CARGO_BIN_EXE_mewz")))
        .arg("/dev/null")
        .current_dir(place.path(""))
        .envs(variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keyboard = script.stdin.take().unwrap();
    let mut screen = script.stdout.take().unwrap();
    let mut shown = Vec::new();
    let mut dialogue = dialogue.iter().peekable();
    let mut seen = 0;
    loop {
        if let Some((awaited, typed)) = dialogue.peek()
            && let Some(at) = String::from_utf8_lossy(&shown[seen..]).find(awaited)
        {
            seen += at + awaited.len();
            keyboard.write_all(typed.as_bytes()).unwrap();
            dialogue.next();
        }
        let mut piece = [0; 256];
        match screen.read(&mut piece).unwrap() {
            0 => break,
            count => shown.extend_from_slice(&piece[..count]),
        }
    }
    script.wait().unwrap();
    String::from_utf8_lossy(&shown).into_owned()
}

#[test]
fn ctrl_c_while_git_works_leaves_nothing() {
    let place = Place::new();
    place.script(
        "bin/git",
        "for last; do :; done\nmkdir \"$last\" && touch mark; exec sleep 600",
    );
    let path = format!(
        "{}:{}",
        place.path("bin").display(),
        std::env::var("PATH").unwrap()
    );
    let mut child = place
        .command(&["new", "x", "--template", "https://host.invalid/x.git"])
        .env("PATH", path)
        .spawn()
        .unwrap();
    wait_for("git", || place.path("mark").exists().then_some(()));
    signal("INT", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!place.path("x").exists());
    place.assert_clean();
}
