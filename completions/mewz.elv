
use builtin;
use str;

set edit:completion:arg-completer[mewz] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'mewz'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'mewz'= {
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand new 'Begin a project from a template'
            cand init 'Write a mewz.toml for the program in a folder'
            cand run 'Boot a module, a project or an image, and end with its exit status'
            cand dev 'Build, run, and do it again at every save'
            cand debug 'Run a program in gdb: the machine stops before its first instruction'
            cand trace 'Run a program and print its calls of WASI: arguments, results, times'
            cand profile 'Run a program and sample where its time goes, in the program and in the kernel'
            cand test 'Run a project''s tests as unikernels'
            cand build 'Build an image that boots without mewz, and print the line that boots it'
            cand compile 'Compile a module into an object that a linker takes'
            cand explain 'Tell a crash in an image''s console log with functions and lines'
            cand imports 'List what a module imports, and whether the kernel answers it'
            cand size 'Show what takes how many bytes, or what changed between two files'
            cand disk 'Make images of persistent disks, and look at and copy what is on them'
            cand config 'Print the settings that hold here, and where each comes from'
            cand schema 'Print the JSON schema of mewz.toml'
            cand doctor 'Look at what mewz needs on this machine, and at what would mend it'
            cand completions 'Print a shell''s completion script'
            cand man 'Write the manual pages into a folder'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mewz;new'= {
            cand -t '`assemblyscript`, `c`, `cpp`, `go`, `rust`, `wat`, `zig`, with `-http` behind it for a server; a folder; or the address of a Git repository [default: wat]'
            cand --template '`assemblyscript`, `c`, `cpp`, `go`, `rust`, `wat`, `zig`, with `-http` behind it for a server; a folder; or the address of a Git repository [default: wat]'
            cand --name 'The project''s name [default: the folder''s]'
            cand -l 'List the templates, and make nothing'
            cand --list 'List the templates, and make nothing'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mewz;init'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mewz;run'= {
            cand -e 'Set a variable of the program''s environment; NAME alone takes the value that it has here'
            cand --env 'Set a variable of the program''s environment; NAME alone takes the value that it has here'
            cand --dir 'Let the program use a folder; a lone HOST is the path in the guest too'
            cand --disk 'Let the program use a persistent disk, which `mewz disk create` makes'
            cand --tmp 'Give the program a folder that lives in memory and is gone at the end; SIZE limits it'
            cand -p 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow'
            cand --publish 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow'
            cand --listen 'Hand the program a listening socket for this port of its own: descriptor 3, 4 and so on'
            cand -m 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]'
            cand --memory 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]'
            cand --accel 'How instructions run; `auto` takes KVM where it can be used [default: auto] [env: MEWZ_ACCEL]'
            cand --machine 'The machine type [default: microvm] [env: MEWZ_MACHINE]'
            cand --log 'How much of the kernel''s own words is shown [default: warn] [env: MEWZ_LOG]'
            cand -O 'How much time goes into better code [default: 2 for releases and objects, else 1]'
            cand --opt 'How much time goes into better code [default: 2 for releases and objects, else 1]'
            cand --regalloc 'How values get their registers [default: backtracking]'
            cand --target-cpu 'The least processor that the code is made for [default: x86-64-v2]'
            cand --profile 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`'
            cand --qemu 'The QEMU to use, a name or a path'
            cand --kernel 'A kernel other than the one inside'
            cand --kernel-arg 'A word for the kernel''s command line'
            cand --timeout 'End the machine after this time, with status 124 [env: MEWZ_TIMEOUT]'
            cand --profile-generate 'Count what runs, and write it to FILE when the program ends, for `mewz build --profile FILE`'
            cand --pcap 'Write what crosses the program''s network card to FILE, for Wireshark or tcpdump'
            cand --core 'Leave the machine''s memory in FILE when the program crashes, for `mewz debug FILE` [default: .mewz/NAME.core beside the module]'
            cand --net 'Let the program make connections and resolve names'
            cand --release 'Build and run the project''s release profile'
            cand --no-cache 'Neither use nor keep compiled images and functions'
            cand --json 'Tell of a crash in one JSON object, on standard error'
            cand --full-report 'Tell of a crash with registers and the last lines of the kernel''s log'
            cand --debuggable 'Let a debugger come to the machine, and let a crash wait for one (`mewz debug --attach`)'
            cand -v 'Tell how much was compiled'
            cand --verbose 'Tell how much was compiled'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mewz;dev'= {
            cand -e 'Set a variable of the program''s environment; NAME alone takes the value that it has here'
            cand --env 'Set a variable of the program''s environment; NAME alone takes the value that it has here'
            cand --dir 'Let the program use a folder; a lone HOST is the path in the guest too'
            cand --disk 'Let the program use a persistent disk, which `mewz disk create` makes'
            cand --tmp 'Give the program a folder that lives in memory and is gone at the end; SIZE limits it'
            cand -p 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow'
            cand --publish 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow'
            cand --listen 'Hand the program a listening socket for this port of its own: descriptor 3, 4 and so on'
            cand -m 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]'
            cand --memory 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]'
            cand --accel 'How instructions run; `auto` takes KVM where it can be used [default: auto] [env: MEWZ_ACCEL]'
            cand --machine 'The machine type [default: microvm] [env: MEWZ_MACHINE]'
            cand --log 'How much of the kernel''s own words is shown [default: warn] [env: MEWZ_LOG]'
            cand -O 'How much time goes into better code [default: 2 for releases and objects, else 1]'
            cand --opt 'How much time goes into better code [default: 2 for releases and objects, else 1]'
            cand --regalloc 'How values get their registers [default: backtracking]'
            cand --target-cpu 'The least processor that the code is made for [default: x86-64-v2]'
            cand --profile 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`'
            cand --qemu 'The QEMU to use, a name or a path'
            cand --kernel 'A kernel other than the one inside'
            cand --kernel-arg 'A word for the kernel''s command line'
            cand --reload 'How a new program comes to run [default: park] [env: MEWZ_RELOAD]'
            cand --instances 'Machines that serve side by side [default: 1]'
            cand --net 'Let the program make connections and resolve names'
            cand --release 'Build and run the project''s release profile'
            cand --no-cache 'Neither use nor keep compiled images and functions'
            cand --once 'End when the first program has ended, with its status'
            cand --clear 'Clear the terminal at every save'
            cand --live-reload 'Put a script into HTML answers that loads the page again when a new program serves'
            cand --notify 'Tell the terminal (bell and desktop notice) when a build fails, and when it works again'
            cand --json 'Print one JSON object a line: change, phase, ready, log, trap, exit and others'
            cand -v 'Print what the build command prints even where it succeeds'
            cand --verbose 'Print what the build command prints even where it succeeds'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mewz;debug'= {
            cand -e 'Set a variable of the program''s environment; NAME alone takes the value that it has here'
            cand --env 'Set a variable of the program''s environment; NAME alone takes the value that it has here'
            cand --dir 'Let the program use a folder; a lone HOST is the path in the guest too'
            cand --disk 'Let the program use a persistent disk, which `mewz disk create` makes'
            cand --tmp 'Give the program a folder that lives in memory and is gone at the end; SIZE limits it'
            cand -p 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow'
            cand --publish 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow'
            cand -m 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]'
            cand --memory 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]'
            cand --accel 'How instructions run; `auto` takes KVM where it can be used [default: auto] [env: MEWZ_ACCEL]'
            cand --machine 'The machine type [default: microvm] [env: MEWZ_MACHINE]'
            cand --log 'How much of the kernel''s own words is shown [default: warn] [env: MEWZ_LOG]'
            cand -O 'How much time goes into better code [default: 2 for releases and objects, else 1]'
            cand --opt 'How much time goes into better code [default: 2 for releases and objects, else 1]'
            cand --regalloc 'How values get their registers [default: backtracking]'
            cand --target-cpu 'The least processor that the code is made for [default: x86-64-v2]'
            cand --profile 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`'
            cand --qemu 'The QEMU to use, a name or a path'
            cand --kernel 'A kernel other than the one inside'
            cand --kernel-arg 'A word for the kernel''s command line'
            cand --profile-generate 'Count what runs, and write it to FILE when the program ends, for `mewz build --profile FILE`'
            cand --pcap 'Write what crosses the program''s network card to FILE, for Wireshark or tcpdump'
            cand --core 'Leave the machine''s memory in FILE when the program crashes, for `mewz debug FILE` [default: .mewz/NAME.core beside the module]'
            cand --attach 'Go to a machine that runs, or waits after a crash; PROCESS names one of several'
            cand --instance 'Of several machines of `mewz dev --instances`, go to this one, from 1 on [default: the one that crashed, or the first]'
            cand --record 'Run the program without gdb, and leave a recording of the run in FOLDER, for `--replay` (experimental; emulated, and with folders of the host as copies that can only be read) [default: .mewz/NAME.recording beside the module]'
            cand --replay 'Go through the recording in FOLDER, forwards and backwards: gdb''s `reverse-continue`, `reverse-step`, `reverse-next`, `reverse-finish` (experimental) [default: .mewz/NAME.recording beside the module]'
            cand --break 'Run to this function, `*ADDRESS` or `FILE:LINE` first'
            cand --stub 'Who answers gdb: the kernel, or QEMU, which can show the kernel''s first instructions too [default: kernel]'
            cand --listen 'Open no gdb: wait for one, or for an editor, on a port of this host; 0 takes a free one'
            cand -x 'Run gdb''s commands in a file'
            cand --command 'Run gdb''s commands in a file'
            cand --ex 'Run a command of gdb'
            cand --gdb 'The gdb to use, a name or a path [env: MEWZ_GDB]'
            cand --listen-guest 'Hand the program a listening socket for this port of its own: descriptor 3, 4 and so on'
            cand --timeout 'End the machine after this time'
            cand --net 'Let the program make connections and resolve names'
            cand --release 'Build and run the project''s release profile'
            cand --no-cache 'Neither use nor keep compiled images and functions'
            cand --json 'Tell of a crash in one JSON object, on standard error'
            cand --full-report 'Tell of a crash with registers and the last lines of the kernel''s log'
            cand --debuggable 'Let a debugger come to the machine, and let a crash wait for one (`mewz debug --attach`)'
            cand -v 'Tell how much was compiled'
            cand --verbose 'Tell how much was compiled'
            cand --vscode 'Write `.vscode/launch.json` for this program, and end'
            cand --dap 'Speak the debug adapter protocol on standard input and output; needs gdb 14'
            cand --batch 'End when the commands are done, and ask nothing'
            cand --wat 'Step through the module''s text, for programs without debug information'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mewz;trace'= {
            cand -e 'Set a variable of the program''s environment; NAME alone takes the value that it has here'
            cand --env 'Set a variable of the program''s environment; NAME alone takes the value that it has here'
            cand --dir 'Let the program use a folder; a lone HOST is the path in the guest too'
            cand --disk 'Let the program use a persistent disk, which `mewz disk create` makes'
            cand --tmp 'Give the program a folder that lives in memory and is gone at the end; SIZE limits it'
            cand -p 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow'
            cand --publish 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow'
            cand --listen 'Hand the program a listening socket for this port of its own: descriptor 3, 4 and so on'
            cand -m 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]'
            cand --memory 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]'
            cand --accel 'How instructions run; `auto` takes KVM where it can be used [default: auto] [env: MEWZ_ACCEL]'
            cand --machine 'The machine type [default: microvm] [env: MEWZ_MACHINE]'
            cand --log 'How much of the kernel''s own words is shown [default: warn] [env: MEWZ_LOG]'
            cand -O 'How much time goes into better code [default: 2 for releases and objects, else 1]'
            cand --opt 'How much time goes into better code [default: 2 for releases and objects, else 1]'
            cand --regalloc 'How values get their registers [default: backtracking]'
            cand --target-cpu 'The least processor that the code is made for [default: x86-64-v2]'
            cand --profile 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`'
            cand --qemu 'The QEMU to use, a name or a path'
            cand --kernel 'A kernel other than the one inside'
            cand --kernel-arg 'A word for the kernel''s command line'
            cand --timeout 'End the machine after this time, with status 124 [env: MEWZ_TIMEOUT]'
            cand --profile-generate 'Count what runs, and write it to FILE when the program ends, for `mewz build --profile FILE`'
            cand --pcap 'Write what crosses the program''s network card to FILE, for Wireshark or tcpdump'
            cand --core 'Leave the machine''s memory in FILE when the program crashes, for `mewz debug FILE` [default: .mewz/NAME.core beside the module]'
            cand --calls 'Print these calls alone: names, or how they begin (`path`, `sock_`)'
            cand -o 'Write to FILE instead of standard error'
            cand --output 'Write to FILE instead of standard error'
            cand --net 'Let the program make connections and resolve names'
            cand --release 'Build and run the project''s release profile'
            cand --no-cache 'Neither use nor keep compiled images and functions'
            cand --json 'Tell of a crash in one JSON object, on standard error'
            cand --full-report 'Tell of a crash with registers and the last lines of the kernel''s log'
            cand --debuggable 'Let a debugger come to the machine, and let a crash wait for one (`mewz debug --attach`)'
            cand -v 'Tell how much was compiled'
            cand --verbose 'Tell how much was compiled'
            cand --summary 'Count calls, failures and time, and print a table at the end'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mewz;profile'= {
            cand -e 'Set a variable of the program''s environment; NAME alone takes the value that it has here'
            cand --env 'Set a variable of the program''s environment; NAME alone takes the value that it has here'
            cand --dir 'Let the program use a folder; a lone HOST is the path in the guest too'
            cand --disk 'Let the program use a persistent disk, which `mewz disk create` makes'
            cand --tmp 'Give the program a folder that lives in memory and is gone at the end; SIZE limits it'
            cand -p 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow'
            cand --publish 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow'
            cand --listen 'Hand the program a listening socket for this port of its own: descriptor 3, 4 and so on'
            cand -m 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]'
            cand --memory 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]'
            cand --accel 'How instructions run; `auto` takes KVM where it can be used [default: auto] [env: MEWZ_ACCEL]'
            cand --machine 'The machine type [default: microvm] [env: MEWZ_MACHINE]'
            cand --log 'How much of the kernel''s own words is shown [default: warn] [env: MEWZ_LOG]'
            cand -O 'How much time goes into better code [default: 2 for releases and objects, else 1]'
            cand --opt 'How much time goes into better code [default: 2 for releases and objects, else 1]'
            cand --regalloc 'How values get their registers [default: backtracking]'
            cand --target-cpu 'The least processor that the code is made for [default: x86-64-v2]'
            cand --profile 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`'
            cand --qemu 'The QEMU to use, a name or a path'
            cand --kernel 'A kernel other than the one inside'
            cand --kernel-arg 'A word for the kernel''s command line'
            cand --timeout 'End the machine after this time, with status 124 [env: MEWZ_TIMEOUT]'
            cand --profile-generate 'Count what runs, and write it to FILE when the program ends, for `mewz build --profile FILE`'
            cand --pcap 'Write what crosses the program''s network card to FILE, for Wireshark or tcpdump'
            cand --core 'Leave the machine''s memory in FILE when the program crashes, for `mewz debug FILE` [default: .mewz/NAME.core beside the module]'
            cand -o 'Where to write; the name''s end says what [default: profile.svg]'
            cand --output 'Where to write; the name''s end says what [default: profile.svg]'
            cand --rate 'Samples a second, up to 10000'
            cand --net 'Let the program make connections and resolve names'
            cand --release 'Build and run the project''s release profile'
            cand --no-cache 'Neither use nor keep compiled images and functions'
            cand --json 'Tell of a crash in one JSON object, on standard error'
            cand --full-report 'Tell of a crash with registers and the last lines of the kernel''s log'
            cand --debuggable 'Let a debugger come to the machine, and let a crash wait for one (`mewz debug --attach`)'
            cand -v 'Tell how much was compiled'
            cand --verbose 'Tell how much was compiled'
            cand --idle 'Keep the time that the machine slept'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mewz;test'= {
            cand -j 'How many machines run at once [default: one for each processor]'
            cand --jobs 'How many machines run at once [default: one for each processor]'
            cand -e 'Set a variable of the tests'' environment; NAME alone takes the value that it has here'
            cand --env 'Set a variable of the tests'' environment; NAME alone takes the value that it has here'
            cand --dir 'Let the tests use a folder; a lone HOST is the path in the guest too'
            cand -m 'Memory of each machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]'
            cand --memory 'Memory of each machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]'
            cand --timeout 'End a machine after this time; the test that it was at has failed [env: MEWZ_TIMEOUT]'
            cand --release 'Build and run the tests of the release profile'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mewz;build'= {
            cand --debug-file 'Write what crash reports and debuggers need of a release image to FILE [default: below .mewz/debug, by build id]'
            cand -o 'The image to write [default: the module''s name with `.elf`, here; a project''s name, in its folder]'
            cand --output 'The image to write [default: the module''s name with `.elf`, here; a project''s name, in its folder]'
            cand -m 'Memory in the line that is printed [default: 128MiB]'
            cand --memory 'Memory in the line that is printed [default: 128MiB]'
            cand --machine 'Machine type in the line that is printed [default: microvm]'
            cand --pack 'Pack a folder into the image, to be read at GUEST'
            cand --tmp 'Give the program a folder that lives in memory and is gone at the end; SIZE limits it'
            cand -O 'How much time goes into better code [default: 2 for releases and objects, else 1]'
            cand --opt 'How much time goes into better code [default: 2 for releases and objects, else 1]'
            cand --regalloc 'How values get their registers [default: backtracking]'
            cand --target-cpu 'The least processor that the code is made for [default: x86-64-v2]'
            cand --profile 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`'
            cand --kernel 'A kernel other than the one inside'
            cand --release 'Build the project''s release profile; leave symbols and debug information out of the image'
            cand --debuggable 'Put the stub into the image that a debugger talks to, on the machine''s second serial line'
            cand --disks 'Put the file system of persistent disks into the image; a project with `[[run.disk]]` has it anyway'
            cand -v 'Tell how much was compiled'
            cand --verbose 'Tell how much was compiled'
            cand --json 'Print one JSON object instead of the line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mewz;compile'= {
            cand -o 'The file to write, `-` for standard output; its ending is changed where several kinds are written [default: the module''s name with the kind''s ending, here]'
            cand --output 'The file to write, `-` for standard output; its ending is changed where several kinds are written [default: the module''s name with the kind''s ending, here]'
            cand --emit 'What to write'
            cand --function 'Show this function only, by its name or index, in `asm` and `clif`; may be given several times'
            cand -O 'How much time goes into better code [default: 2 for releases and objects, else 1]'
            cand --opt 'How much time goes into better code [default: 2 for releases and objects, else 1]'
            cand --regalloc 'How values get their registers [default: backtracking]'
            cand --target-cpu 'The least processor that the code is made for [default: x86-64-v2]'
            cand --profile 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`'
            cand --memory-base 'Where linear memory lies: an address that is known now, or `instance` to read it at run time'
            cand --bytes 'Show the bytes of machine code in `asm`'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mewz;explain'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mewz;imports'= {
            cand --kernel 'A kernel other than the one inside'
            cand --json 'Print one JSON array instead of lines'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mewz;size'= {
            cand --by 'What bytes are added up by'
            cand --top 'How many lines to show; 0 for all'
            cand -O 'How much time goes into better code [default: 2 for releases and objects, else 1]'
            cand --opt 'How much time goes into better code [default: 2 for releases and objects, else 1]'
            cand --regalloc 'How values get their registers [default: backtracking]'
            cand --target-cpu 'The least processor that the code is made for [default: x86-64-v2]'
            cand --profile 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`'
            cand --json 'Print one JSON object with all lines instead of a table'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mewz;disk'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand create 'Make an image: an empty disk, or one with a folder''s files'
            cand ls 'List files on a disk'
            cand cp 'Copy files between this host and a disk'
            cand rm 'Remove files from a disk'
            cand check 'Read all that is on a disk and tell what is wrong'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mewz;disk;create'= {
            cand -s 'Size of the disk, from 2MiB to 64GiB'
            cand --size 'Size of the disk, from 2MiB to 64GiB'
            cand --from 'Copy what is in this folder of the host onto it'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mewz;disk;ls'= {
            cand -l 'Show kind, names, size and time of the last change of each'
            cand --long 'Show kind, names, size and time of the last change of each'
            cand -R 'List what is in directories too'
            cand --recursive 'List what is in directories too'
            cand --json 'Print one JSON array'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mewz;disk;cp'= {
            cand -r 'Copy directories with what is in them'
            cand --recursive 'Copy directories with what is in them'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mewz;disk;rm'= {
            cand -r 'Remove directories with what is in them'
            cand --recursive 'Remove directories with what is in them'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mewz;disk;check'= {
            cand --json 'Print one JSON object'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mewz;disk;help'= {
            cand create 'Make an image: an empty disk, or one with a folder''s files'
            cand ls 'List files on a disk'
            cand cp 'Copy files between this host and a disk'
            cand rm 'Remove files from a disk'
            cand check 'Read all that is on a disk and tell what is wrong'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mewz;disk;help;create'= {
        }
        &'mewz;disk;help;ls'= {
        }
        &'mewz;disk;help;cp'= {
        }
        &'mewz;disk;help;rm'= {
        }
        &'mewz;disk;help;check'= {
        }
        &'mewz;disk;help;help'= {
        }
        &'mewz;config'= {
            cand --set 'Leave out what nobody has set'
            cand --json 'Print a JSON array with key, value and place of each'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mewz;schema'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mewz;doctor'= {
            cand --qemu 'The QEMU to look at, a name or a path'
            cand --fix 'Run the commands that mend what was found, each after a question'
            cand --yes 'With --fix: run those for problems without asking; what is absent and not needed stays so'
            cand --json 'Print one JSON object instead of lines'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mewz;completions'= {
            cand --static 'Print one that completes names of commands and options only, without running mewz'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mewz;man'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mewz;help'= {
            cand new 'Begin a project from a template'
            cand init 'Write a mewz.toml for the program in a folder'
            cand run 'Boot a module, a project or an image, and end with its exit status'
            cand dev 'Build, run, and do it again at every save'
            cand debug 'Run a program in gdb: the machine stops before its first instruction'
            cand trace 'Run a program and print its calls of WASI: arguments, results, times'
            cand profile 'Run a program and sample where its time goes, in the program and in the kernel'
            cand test 'Run a project''s tests as unikernels'
            cand build 'Build an image that boots without mewz, and print the line that boots it'
            cand compile 'Compile a module into an object that a linker takes'
            cand explain 'Tell a crash in an image''s console log with functions and lines'
            cand imports 'List what a module imports, and whether the kernel answers it'
            cand size 'Show what takes how many bytes, or what changed between two files'
            cand disk 'Make images of persistent disks, and look at and copy what is on them'
            cand config 'Print the settings that hold here, and where each comes from'
            cand schema 'Print the JSON schema of mewz.toml'
            cand doctor 'Look at what mewz needs on this machine, and at what would mend it'
            cand completions 'Print a shell''s completion script'
            cand man 'Write the manual pages into a folder'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mewz;help;new'= {
        }
        &'mewz;help;init'= {
        }
        &'mewz;help;run'= {
        }
        &'mewz;help;dev'= {
        }
        &'mewz;help;debug'= {
        }
        &'mewz;help;trace'= {
        }
        &'mewz;help;profile'= {
        }
        &'mewz;help;test'= {
        }
        &'mewz;help;build'= {
        }
        &'mewz;help;compile'= {
        }
        &'mewz;help;explain'= {
        }
        &'mewz;help;imports'= {
        }
        &'mewz;help;size'= {
        }
        &'mewz;help;disk'= {
            cand create 'Make an image: an empty disk, or one with a folder''s files'
            cand ls 'List files on a disk'
            cand cp 'Copy files between this host and a disk'
            cand rm 'Remove files from a disk'
            cand check 'Read all that is on a disk and tell what is wrong'
        }
        &'mewz;help;disk;create'= {
        }
        &'mewz;help;disk;ls'= {
        }
        &'mewz;help;disk;cp'= {
        }
        &'mewz;help;disk;rm'= {
        }
        &'mewz;help;disk;check'= {
        }
        &'mewz;help;config'= {
        }
        &'mewz;help;schema'= {
        }
        &'mewz;help;doctor'= {
        }
        &'mewz;help;completions'= {
        }
        &'mewz;help;man'= {
        }
        &'mewz;help;help'= {
        }
    ]
    $completions[$command]
}
