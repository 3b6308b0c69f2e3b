//! What shells are answered while a command is typed: by bash itself, and as the scripts for zsh and fish ask.

mod invoke;

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use invoke::{Place, program, signal, wait_for};

/// A place with projects, modules, disks and other things.
fn place() -> Place {
    let place = Place::new();
    for name in ["app.wasm", "app.txt", "old.wat", "fast.profile"] {
        place.write(name, "");
    }
    place.write("site/mewz.toml", "");
    place.write("deep/inner/more.wasm", "");
    place
        .run(&["disk", "create", "data.img", "--size", "2MiB"])
        .assert(0, &[]);
    place.write("other.img", "no disk's image at all");
    place
}

/// Runs a shell where `mewz` is the program under test.
fn shell(place: &Place, words: &[&str]) -> Command {
    let ordinary = place.command(&[]);
    let variables = ordinary
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let programs = Path::new(env!("CARGO_BIN_EXE_mewz")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .envs(variables)
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("XDG_RUNTIME_DIR", place.path(""))
        .current_dir(place.path(""))
        .stdin(Stdio::null());
    command
}

/// What bash offers for a line, given the words that it cuts it into; the last is being typed.
fn bash(place: &Place, words: &[&str]) -> Vec<String> {
    let script = r#"
        eval "$(mewz completions bash)"
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_TYPE=9
        typed=${COMP_WORDS[COMP_CWORD]}
        [[ $typed == = ]] && typed=
        _mewz mewz "$typed" "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null
        printf '%s\n' "${COMPREPLY[@]}""#;
    let mut line = vec!["bash", "--norc", "-c", script, "bash", "mewz"];
    line.extend(words);
    let output = shell(place, &line).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said.lines().map(str::to_owned).collect()
}

#[test]
fn bash_is_offered_what_is_there() {
    let place = place();
    let offers = |words: &[&str]| bash(&place, words);
    assert_eq!(offers(&["comp"]), ["compile", "completions"]);
    assert_eq!(offers(&["new", "-t", "go"]), ["go", "go-http"]);
    assert_eq!(offers(&["new", "--template", "ru"]), ["rust", "rust-http"]);
    assert_eq!(offers(&["new", "-t", "si"]), ["site/"]);
    // Projects and modules first, then folders that may hold some.
    assert_eq!(
        offers(&["run", "./"]),
        ["./app.wasm", "./old.wat", "./site/", "./deep/"]
    );
    assert_eq!(offers(&["dev", "deep/inner/"]), ["deep/inner/more.wasm"]);
    assert_eq!(offers(&["size", "a"]), ["app.wasm"]);
    assert_eq!(offers(&["run", "--disk", "./"])[0], "./data.img");
    assert_eq!(offers(&["run", "--disk", "o"]), [""], "that is no disk");
    assert_eq!(offers(&["disk", "check", "d"]), ["data.img", "deep/"]);
    assert_eq!(offers(&["run", "--dir", "s"]), ["site/"]);
    assert_eq!(offers(&["build", "--profile", "f"]), ["fast.profile"]);
    assert_eq!(offers(&["run", "--log", "d"]), ["debug"]);
    assert_eq!(offers(&["dev", "--reload", "p"]), ["park"]);
    // Options stand back until a dash is typed.
    let all = offers(&["run", ""]);
    assert!(all.contains(&"app.wasm".to_owned()) && !all.contains(&"--log".to_owned()));
    assert!(offers(&["run", "--"]).contains(&"--log".to_owned()));
    // A person may be anywhere, and type anything.
    assert_eq!(offers(&["nothing", "x"]), [""]);
}

#[test]
fn bash_cuts_words_at_equals_signs_and_is_answered_all_the_same() {
    let place = place();
    let offers = |words: &[&str]| bash(&place, words);
    assert_eq!(
        offers(&["new", "x", "--template", "=", "zi"]),
        ["zig", "zig-http"]
    );
    assert!(offers(&["new", "x", "--template", "="]).contains(&"wat".to_owned()));
    assert_eq!(offers(&["run", "--log", "=", "t"]), ["trace"]);
}

#[test]
fn machines_that_wait_for_a_debugger_are_offered() {
    let place = place();
    let mut machine = place
        .command(&["run", "--debuggable", &program("doze.wat")])
        .env("XDG_RUNTIME_DIR", place.path(""))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let id = machine.id().to_string();
    wait_for("the machine among what is offered", || {
        (bash(&place, &["debug", "--attach", "="]) == [&id[..]]).then_some(())
    });
    let fish = asked(&place, "fish", &[], &["debug", "--attach="]);
    let line = format!("--attach={id}\t{}\n", program("doze.wat"));
    assert_eq!(fish, line);
    signal("INT", machine.id());
    machine.wait().unwrap();
    assert_eq!(bash(&place, &["debug", "--attach", "="]), [""]);
    place.assert_clean();
}

/// What the script of a shell gets for these words.
fn asked(place: &Place, name: &str, variables: &[(&str, &str)], words: &[&str]) -> String {
    let mut command = shell(place, &["mewz", "--", "mewz"]);
    command.args(words).envs(variables.iter().copied());
    let output = command.env("MEWZ_COMPLETE", name).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn zsh_and_fish_show_what_each_is_for() {
    let place = place();
    let fish = asked(&place, "fish", &[], &["new", "-t", "go"]);
    assert_eq!(fish, "go\tA Go program\ngo-http\tAn HTTP server in Go\n");
    let word = [("_CLAP_COMPLETE_INDEX", "3"), ("_CLAP_IFS", "\n")];
    let zsh = asked(&place, "zsh", &word, &["new", "-t", "go"]);
    assert_eq!(zsh, "go:A Go program\ngo-http:An HTTP server in Go");
    for name in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = place.run(&["completions", name]);
        ended.assert(0, &[]);
        let script = String::from_utf8(ended.stdout).unwrap();
        assert!(script.contains("MEWZ_COMPLETE"), "{name}: {script}");
        // Where the shell is there, it takes the script.
        let probe = shell(&place, &[name, "-c", &script]).output();
        match probe {
            Ok(output) => assert!(output.stderr.is_empty(), "{name}: {output:?}"),
            Err(_) => eprintln!("left out: {name} is not there"),
        }
    }
}

#[test]
fn a_line_is_completed_at_a_prompt() {
    let place = place();
    place.write(
        "rc",
        "PS1='> '\nbind 'set bell-style none'\neval \"$(mewz completions bash)\"\n",
    );
    let mut terminal = shell(
        &place,
        &[
            "script",
            "--quiet",
            "--command",
            "bash --noprofile --rcfile rc -i",
            "/dev/null",
        ],
    );
    terminal.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut terminal = terminal.env("TERM", "dumb").spawn().unwrap();
    let mut keyboard = terminal.stdin.take().unwrap();
    // Ctrl-A goes to the line's begin, where it becomes an argument of `echo`.
    keyboard
        .write_all(b"mewz new x --template=rust-h\t\x01echo done: \r")
        .unwrap();
    keyboard
        .write_all(b"mewz run ap\t\x01echo done: \rexit\r")
        .unwrap();
    let mut shown = String::new();
    let screen = terminal.stdout.as_mut().unwrap();
    screen.read_to_string(&mut shown).unwrap();
    drop(keyboard);
    terminal.wait().unwrap();
    for line in [
        "done: mewz new x --template=rust-http",
        "done: mewz run app.wasm",
    ] {
        let is_there = shown.lines().any(|shown| shown.trim_end() == line);
        assert!(is_there, "{line:?} is not in:\n{shown}");
    }
    place.assert_clean();
}

/// A person waits for each; a build without optimisation gets ten times the 20 ms of a release.
#[test]
fn an_answer_comes_at_once() {
    let place = place();
    for number in 0..500 {
        fs::write(place.path(&format!("file-{number}")), "x").unwrap();
    }
    let took = |_| {
        let start = Instant::now();
        asked(&place, "fish", &[], &["run", ""]);
        start.elapsed()
    };
    let best = (0..5).map(took).min().unwrap();
    assert!(best < Duration::from_millis(200), "{best:?}");
}
