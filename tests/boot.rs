//! The kernel on machines that QEMU makes by hand, without `mewz run`: plain text on COM1, the command line, what happens
//! where something is missing.

mod invoke;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use mewz_abi::config::{self, tag};
use mewz_abi::record::{HEAD_BYTES, RecordKind, head};

use invoke::{Place, program, signal, wait_for};

/// The device that carries the exit status: QEMU's is twice that and one.
const DEBUG_EXIT: [&str; 2] = ["-device", "isa-debug-exit,iobase=0x501,iosize=4"];
/// Status of a kernel that failed, as QEMU tells it.
const PANIC: i32 = 2 * 70 + 1;
/// Status of a trap: the low seven bits of 134.
const TRAP: i32 = 2 * 6 + 1;

#[test]
fn every_machine_boots() {
    let place = Place::new();
    let image = image(&place, &program("hello.wat"), "x86-64");
    for machine in [
        "-M microvm,acpi=off -m 32",
        "-M microvm -m 32",
        "-M microvm,acpi=off -m 5",
        "-M microvm,acpi=off,pit=off,pic=off,rtc=off -m 32",
        "-M q35 -m 32",
        "-M pc -m 32",
        "-M q35 -m 5G",
        "-M microvm,acpi=off -m 5G",
    ] {
        // Processors with all guards, without SMAP, without no-execute pages, without pages of 1 GiB.
        for processor in ["max", "qemu64", "qemu64,-nx", "qemu64,-pdpe1gb"] {
            let ended = boot(&image, &format!("{machine} -cpu {processor}"));
            assert_eq!(
                (ended.status, &ended.output[..]),
                (1, "hello from wat\n"),
                "{machine} {processor}"
            );
        }
    }
}

#[test]
fn a_processor_without_randomness_has_some_all_the_same() {
    let place = Place::new();
    let image = image(&place, &program("random.wat"), "x86-64");
    // The second has no RDRAND; nor does a host tell it anything.
    let mut told: Vec<_> = ["max", "qemu64", "qemu64"]
        .map(|processor| {
            boot(
                &image,
                &format!("-M microvm,acpi=off -m 32 -cpu {processor}"),
            )
        })
        .map(|ended| (ended.status, ended.output))
        .into();
    for (status, output) in &told {
        assert_eq!((*status, output.len()), (1, 33), "{output:?}");
        let letters: std::collections::BTreeSet<_> = output.bytes().collect();
        assert!(letters.len() > 4, "{output}");
    }
    told.dedup();
    assert_eq!(told.len(), 3, "{told:?}");
}

#[test]
fn an_image_without_a_program_says_so() {
    let ended = boot(Path::new(env!("MEWZ_KERNEL")), "-M microvm,acpi=off -m 32");
    assert_eq!(ended.status, PANIC);
    assert!(
        ended.output.starts_with("mewz: no application: "),
        "{}",
        ended.output
    );
}

#[test]
fn too_little_memory_is_told() {
    let place = Place::new();
    let image = image(&place, &program("hello.wat"), "x86-64");
    let ended = boot(&image, "-M microvm,acpi=off -m 4");
    assert_eq!(ended.status, PANIC);
    assert!(
        ended.output.contains("KiB of memory left") && ended.output.contains("`-m`"),
        "{}",
        ended.output
    );
}

#[test]
fn a_disk_wants_an_image_that_has_its_file_system() {
    let place = Place::new();
    place
        .run(&["disk", "create", "d.img", "--size", "2MiB"])
        .assert(0, &[]);
    let drive = format!(
        "-M microvm,acpi=off -m 32 -drive if=none,id=d,format=raw,file={} -device virtio-blk-device,drive=d,serial=d",
        place.path("d.img").display()
    );
    let with_disk = |image: &Path, settings: &str| {
        let mut command = qemu(image, &drive);
        command.args(["-append", settings]);
        Ended::of(command.spawn().unwrap())
    };
    let plain = image(&place, &program("hello.wat"), "x86-64");
    let ended = with_disk(&plain, "disk=d:/data");
    assert_eq!(ended.status, PANIC, "{}", ended.output);
    let words = [
        "the disk for `/data` can't be mounted",
        "`mewz build --disks`",
    ];
    let said = |ended: &Ended, words: &[&str]| words.iter().all(|word| ended.output.contains(word));
    assert!(said(&ended, &words), "{}", ended.output);
    let ended = with_disk(&plain, "");
    let words = ["the machine's disk is not used", "hello from wat\n"];
    assert!(
        ended.status == 1 && said(&ended, &words),
        "{}",
        ended.output
    );
    // By the flag, and because a project mounts one.
    place.write(
        "mewz.toml",
        "mewz = 1\n[app]\nname = \"hello\"\n[build]\nwasm = \"hello.wat\"\n[[run.disk]]\nhost = \"d.img\"\nguest = \"/data\"\n",
    );
    place.write("hello.wat", std::fs::read(program("hello.wat")).unwrap());
    let ways: [&[&str]; 2] = [&["--disks", "hello.wat"], &["."]];
    for way in ways {
        let arguments = [&["build", "--target-cpu", "x86-64", "-o", "image.elf"], way].concat();
        place.run(&arguments).assert(0, &[]);
        let ended = with_disk(&place.path("image.elf"), "disk=d:/data");
        assert_eq!((ended.status, &ended.output[..]), (1, "hello from wat\n"));
    }
}

#[test]
fn a_processor_that_lacks_something_is_told_of() {
    let place = Place::new();
    let image = image(&place, &program("hello.wat"), "x86-64-v3");
    let ended = boot(&image, "-M microvm,acpi=off -m 32 -cpu max,-avx2,-bmi1");
    assert_eq!(ended.status, PANIC);
    assert!(
        ended.output.contains("a processor with AVX2, BMI1, which"),
        "{}",
        ended.output
    );
    // Without long mode nothing of ours runs but the message.
    let mut child = qemu(&image, "-M pc -m 32 -cpu qemu32").spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(
        line(&mut output),
        "mewz: this processor has no 64-bit mode\r\n"
    );
    stop(&mut child);
}

#[test]
fn arguments_and_environment_come_from_the_command_line() {
    let place = Place::new();
    let image = image(&place, &program("arguments.wat"), "x86-64");
    let mut command = qemu(
        &image,
        "-M microvm,acpi=off -m 32 -device virtio-serial-device",
    );
    command.args([
        "-append",
        r#"env=A=b "env=C=d e" -- one "two three" -- '4'"#,
    ]);
    let ended = Ended::of(command.spawn().unwrap());
    assert_eq!(
        (ended.status, &ended.output[..]),
        (1, "app\0one\0two three\0--\x004\0A=b\0C=d e\0")
    );
}

#[test]
fn the_configuration_block_is_read_wherever_it_lies() {
    let place = Place::new();
    let image = image(&place, &program("arguments.wat"), "x86-64");
    let mut block = config::MAGIC.to_vec();
    for (tag, content) in [
        (tag::ARGUMENT, "name"),
        (tag::ARGUMENT, "x y"),
        (tag::ENVIRONMENT, "K=V"),
    ] {
        block.extend(config::entry_head(tag, content.len() as u32));
        block.extend(content.bytes());
        block.resize(block.len().next_multiple_of(4), 0);
    }
    let block = place.write("block", block);
    for machine in [
        "microvm,acpi=off -m 32",
        "microvm,acpi=off -m 5G",
        "microvm -m 2G",
        "q35 -m 5G",
        "pc -m 5G",
    ] {
        let mut command = qemu(&image, &format!("-M {machine}"));
        command
            .args(["-append", "env=A=b -- other", "-initrd"])
            .arg(&block);
        let ended = Ended::of(command.spawn().unwrap());
        assert_eq!(
            (ended.status, &ended.output[..]),
            (1, "name\0x y\0K=V\0"),
            "{machine}"
        );
    }
}

#[test]
fn what_the_command_line_does_not_say_well_is_warned_of() {
    let place = Place::new();
    let image = image(&place, &program("hello.wat"), "x86-64");
    let mut command = qemu(&image, "-M microvm,acpi=off -m 32");
    command.args(["-append", "nonsense timer_hz=x"]);
    let ended = Ended::of(command.spawn().unwrap());
    assert_eq!(ended.status, 1);
    assert_eq!(
        ended.output,
        "mewz: warning: no such option: `nonsense`\n\
         mewz: warning: not a rate up to 100000: `timer_hz=x`\n\
         hello from wat\n"
    );
}

#[test]
fn input_comes_from_the_serial_line_until_ctrl_d() {
    let place = Place::new();
    let image = image(&place, &program("echo.wat"), "x86-64");
    let mut child = qemu(&image, "-M microvm,acpi=off -m 32")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"a line\nanother\r\n").unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(line(&mut output), "a line\n");
    assert_eq!(line(&mut output), "another\n");
    stdin.write_all(b"\x04").unwrap();
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!((child.wait().unwrap().code(), rest.trim()), (Some(1), ""));
}

#[test]
fn a_trap_is_told_in_words() {
    let place = Place::new();
    let trap = place.write(
        "trap.wat",
        "(module (memory 1) (func (export \"_start\") unreachable))",
    );
    let image = image(&place, trap.to_str().unwrap(), "x86-64");
    let ended = boot(&image, "-M microvm,acpi=off -m 32");
    assert_eq!(ended.status, TRAP);
    assert!(
        ended
            .output
            .starts_with("mewz: trap: unreachable at wasm offset 0x"),
        "{}",
        ended.output
    );
}

#[test]
fn without_debug_exit_success_powers_off_and_a_trap_stays() {
    let place = Place::new();
    let good = image(&place, &program("hello.wat"), "x86-64");
    for machine in ["q35", "pc"] {
        let child = bare_qemu(&good, &format!("-M {machine} -m 32"))
            .spawn()
            .unwrap();
        assert_eq!(Ended::of(child).status, 0, "{machine}");
    }
    let trap = place.write(
        "trap.wat",
        "(module (func (export \"_start\") unreachable))",
    );
    let status = program("status.wat");
    for (source, words) in [
        (trap.to_str().unwrap(), "mewz: trap: unreachable"),
        (&status[..], "mewz: the program ended with status 3"),
    ] {
        let bad = image(&place, source, "x86-64");
        let mut command = bare_qemu(&bad, "-M q35 -m 32 -no-reboot");
        let mut child = command.args(["-append", "-- 3"]).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        assert!(line(&mut output).starts_with(words));
        // It has said all, and does not end: QEMU would tell success.
        let until = Instant::now() + Duration::from_millis(300);
        while Instant::now() < until {
            assert_eq!(child.try_wait().unwrap(), None);
            std::thread::sleep(Duration::from_millis(20));
        }
        stop(&mut child);
    }
}

#[test]
fn a_host_that_sends_what_is_no_record_is_told_of() {
    let place = Place::new();
    let image = image(&place, &program("echo.wat"), "x86-64");
    let (mut child, mut console) = boot_with_console(&place, &image);
    console.write_all(b"garbage!").unwrap();
    let mut told = Vec::new();
    console.read_to_end(&mut told).unwrap();
    let told = String::from_utf8_lossy(&told);
    assert!(
        told.contains("no record on the console: [67, 61, 72, 62, 61, 67, 65, 21]"),
        "{told}"
    );
    assert_eq!(child.wait().unwrap().code(), Some(PANIC));
}

/// A host that takes its time to tell the time is waited for: no program sees the clock step.
#[test]
fn the_wall_clock_is_that_of_a_slow_host() {
    const YEAR_2033_NS: u64 = 2_000_000_000_000_000_000;
    let place = Place::new();
    let image = image(&place, &program("seconds.wat"), "x86-64");
    let (mut child, mut console) = boot_with_console(&place, &image);
    let mut started = [0; HEAD_BYTES + 16];
    console.read_exact(&mut started).unwrap();
    assert_eq!(started[0], RecordKind::Started as u8);
    // No synchronisation: the program reads the clock in the meantime.
    std::thread::sleep(Duration::from_millis(200));
    console.write_all(&head(RecordKind::Time, 8)).unwrap();
    console.write_all(&YEAR_2033_NS.to_le_bytes()).unwrap();
    let mut told = Vec::new();
    console.read_to_end(&mut told).unwrap();
    let exit = told.split_off(told.len() - HEAD_BYTES - 4);
    assert_eq!(exit[0], RecordKind::Exit as u8);
    // What the kernel's log says follows.
    let output = &told[HEAD_BYTES..HEAD_BYTES + 8];
    let seconds = u64::from_le_bytes(output.try_into().unwrap());
    let late = seconds.checked_sub(YEAR_2033_NS / 1_000_000_000);
    assert!(late.is_some_and(|late| late < 60), "{seconds}");
    child.wait().unwrap();
}

#[test]
fn a_console_port_serves_too() {
    let place = Place::new();
    let image = image(&place, &program("hello.wat"), "x86-64");
    for (machine, bus) in [
        ("microvm,acpi=off", "device"),
        ("microvm", "device"),
        ("q35", "pci"),
        ("pc", "pci"),
    ] {
        for max_ports in [1, 31] {
            let records = place.path("records");
            let chardev = format!("file,id=c,path={}", records.display());
            let mut command = qemu(&image, &format!("-M {machine} -m 32"));
            command.args([
                "-device",
                &format!("virtio-serial-{bus},max_ports={max_ports}"),
                "-chardev",
                &chardev,
            ]);
            command.args(["-device", "virtconsole,chardev=c"]);
            let ended = Ended::of(command.spawn().unwrap());
            assert_eq!(
                (ended.status, &ended.output[..]),
                (1, ""),
                "{machine} {max_ports}"
            );
            let told = std::fs::read(&records).unwrap();
            // Between them the kernel's log may say something.
            let output = told.windows(15).any(|part| part == b"hello from wat\n");
            let exit = told.ends_with(b"\x06\0\0\0\x04\0\0\0\0\0\0\0");
            assert!(output && exit, "{told:x?}");
        }
    }
}

#[test]
fn no_page_is_writable_and_executable() {
    let place = Place::new();
    let source = place.write(
        "spin.wat",
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\08\00\00\00\06\00\00\00ready\n")
            (func (export "_start")
                (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
                (loop (br 0))))"#,
    );
    let image = image(&place, source.to_str().unwrap(), "x86-64");
    let socket = place.path("qmp");
    let mut child = qemu(&image, "-M microvm,acpi=off -m 32 -cpu max")
        .args([
            "-qmp",
            &format!("unix:{},server=on,wait=off", socket.display()),
        ])
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(line(&mut output), "ready\n");
    let pages = monitor(&socket, "info tlb");
    stop(&mut child);
    // A line: address, physical address, flags; `X` first is no-execute, `W` last is writable.
    let flags: Vec<&str> = pages
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    let count = |test: fn(&str) -> bool| flags.iter().filter(|flags| test(flags)).count();
    assert!(
        count(|flags| flags.starts_with('X') && flags.ends_with('W')) > 100,
        "{pages}"
    );
    assert!(
        count(|flags| !flags.starts_with('X') && !flags.ends_with('W')) > 20,
        "{pages}"
    );
    for (line, flags) in pages.lines().zip(&flags) {
        assert!(flags.starts_with('X') || !flags.ends_with('W'), "{line}");
        // Low pages are the application's.
        let is_low = line.starts_with("00000000");
        assert!(!is_low || flags.contains('U'), "{line}");
    }
    // Nothing of what ran at boot is left at low addresses but linear memory itself: 64 KiB.
    assert_eq!(
        pages
            .lines()
            .filter(|line| line.starts_with("00000000"))
            .count(),
        16,
        "{pages}"
    );
}

#[test]
fn memory_grows_no_further_than_the_machine_has() {
    let place = Place::new();
    let source = place.write(
        "grow.wat",
        r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
            (memory (export "memory") 1 60000)
            (table 1 funcref)
            (func (export "_start")
                ;; More than the machine has, more than the maximum, more than can be said.
                (if (i32.ne (memory.grow (i32.const 2000)) (i32.const -1)) (then (call $proc_exit (i32.const 1))))
                (if (i32.ne (memory.grow (i32.const 60000)) (i32.const -1)) (then (call $proc_exit (i32.const 2))))
                (if (i32.ne (memory.grow (i32.const -1)) (i32.const -1)) (then (call $proc_exit (i32.const 3))))
                (if (i32.ne (memory.size) (i32.const 1)) (then (call $proc_exit (i32.const 4))))
                ;; What it has, and it is clean up to the last byte.
                (if (i32.ne (memory.grow (i32.const 150)) (i32.const 1)) (then (call $proc_exit (i32.const 5))))
                (memory.fill (i32.const 65536) (i32.const 7) (i32.const 9830400))
                (if (i32.ne (i32.load8_u (i32.const 9895935)) (i32.const 7)) (then (call $proc_exit (i32.const 6))))
                (memory.copy (i32.const 65537) (i32.const 65536) (i32.const 9830399))
                (if (i32.ne (i32.load8_u (i32.const 9895935)) (i32.const 7)) (then (call $proc_exit (i32.const 7))))
                (if (i32.ne (table.grow (ref.null func) (i32.const 100000)) (i32.const 1)) (then (call $proc_exit (i32.const 8))))
                (if (i32.ne (table.grow (ref.null func) (i32.const 0x7fffffff)) (i32.const -1)) (then (call $proc_exit (i32.const 9))))
                (if (i32.ne (table.size) (i32.const 100001)) (then (call $proc_exit (i32.const 10))))))"#,
    );
    let image = image(&place, source.to_str().unwrap(), "x86-64");
    let ended = boot(&image, "-M microvm,acpi=off -m 32");
    assert_eq!((ended.status, &ended.output[..]), (1, ""));
}

#[test]
fn memory_that_the_machine_does_not_have_is_a_trap_when_it_is_touched() {
    let place = Place::new();
    let source = place.write(
        "large.wat",
        r#"(module
            (memory (export "memory") 4000)
            (func (export "_start")
                (i32.store8 (i32.const 262143999) (i32.const 1))
                (memory.fill (i32.const 0) (i32.const 1) (i32.const 200000000))))"#,
    );
    let image = image(&place, source.to_str().unwrap(), "x86-64");
    let ended = boot(&image, "-M microvm,acpi=off -m 32");
    assert_eq!(ended.status, TRAP);
    assert!(
        ended
            .output
            .starts_with("mewz: trap: out of memory, instruction 0xffffffffa0"),
        "{}",
        ended.output
    );
}

/// Compiles and links a program for the processor `baseline`.
fn image(place: &Place, source: &str, baseline: &str) -> PathBuf {
    place
        .run(&[
            "build",
            "--release",
            "--target-cpu",
            baseline,
            "-o",
            "image.elf",
            source,
        ])
        .assert(0, &[]);
    place.path("image.elf")
}

/// QEMU with a serial line, and `arguments` parted by spaces.
fn bare_qemu(image: &Path, arguments: &str) -> Command {
    let mut command = Command::new("timeout");
    command
        .args([
            "60",
            "qemu-system-x86_64",
            "-accel",
            "tcg",
            "-nodefaults",
            "-no-user-config",
        ])
        .args(["-display", "none", "-serial", "stdio", "-kernel"])
        .arg(image)
        .args(arguments.split(' '))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// As [`bare_qemu`], with the device that carries the exit status.
fn qemu(image: &Path, arguments: &str) -> Command {
    let mut command = bare_qemu(image, arguments);
    command.args(DEBUG_EXIT);
    command
}

/// Boots `image` with this test as the host of its console.
fn boot_with_console(place: &Place, image: &Path) -> (Child, UnixStream) {
    let socket = place.path("console");
    let chardev = format!("socket,id=c,path={},server=on,wait=on", socket.display());
    let child = qemu(
        image,
        "-M microvm,acpi=off -m 32 -device virtio-serial-device,max_ports=2",
    )
    .args([
        "-chardev",
        &chardev,
        "-device",
        "virtserialport,chardev=c,nr=1",
    ])
    .spawn()
    .unwrap();
    let console = wait_for("the console", || UnixStream::connect(&socket).ok());
    (child, console)
}

fn boot(image: &Path, arguments: &str) -> Ended {
    Ended::of(qemu(image, arguments).spawn().unwrap())
}

/// What a machine wrote on its serial line, and QEMU's status.
struct Ended {
    status: i32,
    output: String,
}

impl Ended {
    fn of(mut child: Child) -> Self {
        let mut output = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut output)
            .unwrap();
        Self {
            status: child.wait().unwrap().code().unwrap(),
            output,
        }
    }
}

/// Ends a machine: `timeout` passes the signal on to QEMU.
fn stop(child: &mut Child) {
    signal("TERM", child.id());
    child.wait().unwrap();
}

fn line(output: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    line
}

/// What QEMU's monitor answers to `command`.
fn monitor(socket: &Path, command: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap()).lines();
    answers.next().unwrap().unwrap();
    let asked = serde_json::json!({
        "execute": "human-monitor-command", "id": 1, "arguments": {"command-line": command}
    });
    writeln!(stream, "{{\"execute\": \"qmp_capabilities\"}}\n{asked}").unwrap();
    for answer in answers {
        let answer: serde_json::Value = serde_json::from_str(&answer.unwrap()).unwrap();
        if answer["id"] == 1 {
            return answer["return"].as_str().unwrap().to_owned();
        }
    }
    panic!("QEMU did not answer `{command}`")
}
