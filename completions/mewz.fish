# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_mewz_global_optspecs
    string join \n h/help V/version
end

function __fish_mewz_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_mewz_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_mewz_using_subcommand
    set -l cmd (__fish_mewz_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c mewz -n "__fish_mewz_needs_command" -s h -l help -d 'Print help'
complete -c mewz -n "__fish_mewz_needs_command" -s V -l version -d 'Print version'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "new" -d 'Begin a project from a template'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "init" -d 'Write a mewz.toml for the program in a folder'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "run" -d 'Boot a module, a project or an image, and end with its exit status'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "dev" -d 'Build, run, and do it again at every save'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "debug" -d 'Run a program in gdb: the machine stops before its first instruction'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "trace" -d 'Run a program and print its calls of WASI: arguments, results, times'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "profile" -d 'Run a program and sample where its time goes, in the program and in the kernel'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "test" -d 'Run a project\'s tests as unikernels'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "build" -d 'Build an image that boots without mewz, and print the line that boots it'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "compile" -d 'Compile a module into an object that a linker takes'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "explain" -d 'Tell a crash in an image\'s console log with functions and lines'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "imports" -d 'List what a module imports, and whether the kernel answers it'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "size" -d 'Show what takes how many bytes, or what changed between two files'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "disk" -d 'Make images of persistent disks, and look at and copy what is on them'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "config" -d 'Print the settings that hold here, and where each comes from'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "schema" -d 'Print the JSON schema of mewz.toml'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "doctor" -d 'Look at what mewz needs on this machine, and at what would mend it'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "completions" -d 'Print a shell\'s completion script'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "man" -d 'Write the manual pages into a folder'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mewz -n "__fish_mewz_using_subcommand new" -s t -l template -d '`assemblyscript`, `c`, `cpp`, `go`, `rust`, `wat`, `zig`, with `-http` behind it for a server; a folder; or the address of a Git repository [default: wat]' -r
complete -c mewz -n "__fish_mewz_using_subcommand new" -l name -d 'The project\'s name [default: the folder\'s]' -r
complete -c mewz -n "__fish_mewz_using_subcommand new" -s l -l list -d 'List the templates, and make nothing'
complete -c mewz -n "__fish_mewz_using_subcommand new" -s h -l help -d 'Print help'
complete -c mewz -n "__fish_mewz_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mewz -n "__fish_mewz_using_subcommand run" -s e -l env -d 'Set a variable of the program\'s environment; NAME alone takes the value that it has here' -r
complete -c mewz -n "__fish_mewz_using_subcommand run" -l dir -d 'Let the program use a folder; a lone HOST is the path in the guest too' -r
complete -c mewz -n "__fish_mewz_using_subcommand run" -l disk -d 'Let the program use a persistent disk, which `mewz disk create` makes' -r
complete -c mewz -n "__fish_mewz_using_subcommand run" -l tmp -d 'Give the program a folder that lives in memory and is gone at the end; SIZE limits it' -r
complete -c mewz -n "__fish_mewz_using_subcommand run" -s p -l publish -d 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow' -r
complete -c mewz -n "__fish_mewz_using_subcommand run" -l listen -d 'Hand the program a listening socket for this port of its own: descriptor 3, 4 and so on' -r
complete -c mewz -n "__fish_mewz_using_subcommand run" -s m -l memory -d 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]' -r
complete -c mewz -n "__fish_mewz_using_subcommand run" -l accel -d 'How instructions run; `auto` takes KVM where it can be used [default: auto] [env: MEWZ_ACCEL]' -r -f -a "auto\t''
kvm\t''
tcg\t''"
complete -c mewz -n "__fish_mewz_using_subcommand run" -l machine -d 'The machine type [default: microvm] [env: MEWZ_MACHINE]' -r -f -a "microvm\t''
q35\t''
pc\t''"
complete -c mewz -n "__fish_mewz_using_subcommand run" -l log -d 'How much of the kernel\'s own words is shown [default: warn] [env: MEWZ_LOG]' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c mewz -n "__fish_mewz_using_subcommand run" -s O -l opt -d 'How much time goes into better code [default: 2 for releases and objects, else 1]' -r -f -a "0\t'Follows the module operator by operator: the quickest to compile, and the code is large and slow'
1\t'Optimises each function by itself: an edit recompiles what changed; for everyday work'
2\t'Optimises across functions too, small ones become part of their callers: the best code, for a release'"
complete -c mewz -n "__fish_mewz_using_subcommand run" -l regalloc -d 'How values get their registers [default: backtracking]' -r -f -a "backtracking\t'Splits and moves ranges until they fit: the better code'
single-pass\t'One pass over the code: quicker to compile, and the code is larger and slower'"
complete -c mewz -n "__fish_mewz_using_subcommand run" -l target-cpu -d 'The least processor that the code is made for [default: x86-64-v2]' -r -f -a "x86-64\t'Every 64-bit processor'
x86-64-v2\t'SSE4.2 and POPCNT: processors since 2009'
x86-64-v3\t'AVX2, BMI, FMA and LZCNT: since 2013; QEMU emulates them from 7.2 on'
x86-64-v4\t'AVX-512: many servers; QEMU needs KVM for it'
native\t'The greatest of these that the processor here, or the emulator that `run` takes, can run'"
complete -c mewz -n "__fish_mewz_using_subcommand run" -l profile -d 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand run" -l qemu -d 'The QEMU to use, a name or a path' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand run" -l kernel -d 'A kernel other than the one inside' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand run" -l kernel-arg -d 'A word for the kernel\'s command line' -r
complete -c mewz -n "__fish_mewz_using_subcommand run" -l timeout -d 'End the machine after this time, with status 124 [env: MEWZ_TIMEOUT]' -r
complete -c mewz -n "__fish_mewz_using_subcommand run" -l profile-generate -d 'Count what runs, and write it to FILE when the program ends, for `mewz build --profile FILE`' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand run" -l pcap -d 'Write what crosses the program\'s network card to FILE, for Wireshark or tcpdump' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand run" -l core -d 'Leave the machine\'s memory in FILE when the program crashes, for `mewz debug FILE` [default: .mewz/NAME.core beside the module]' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand run" -l net -d 'Let the program make connections and resolve names'
complete -c mewz -n "__fish_mewz_using_subcommand run" -l release -d 'Build and run the project\'s release profile'
complete -c mewz -n "__fish_mewz_using_subcommand run" -l no-cache -d 'Neither use nor keep compiled images and functions'
complete -c mewz -n "__fish_mewz_using_subcommand run" -l json -d 'Tell of a crash in one JSON object, on standard error'
complete -c mewz -n "__fish_mewz_using_subcommand run" -l full-report -d 'Tell of a crash with registers and the last lines of the kernel\'s log'
complete -c mewz -n "__fish_mewz_using_subcommand run" -l debuggable -d 'Let a debugger come to the machine, and let a crash wait for one (`mewz debug --attach`)'
complete -c mewz -n "__fish_mewz_using_subcommand run" -s v -l verbose -d 'Tell how much was compiled'
complete -c mewz -n "__fish_mewz_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mewz -n "__fish_mewz_using_subcommand dev" -s e -l env -d 'Set a variable of the program\'s environment; NAME alone takes the value that it has here' -r
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l dir -d 'Let the program use a folder; a lone HOST is the path in the guest too' -r
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l disk -d 'Let the program use a persistent disk, which `mewz disk create` makes' -r
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l tmp -d 'Give the program a folder that lives in memory and is gone at the end; SIZE limits it' -r
complete -c mewz -n "__fish_mewz_using_subcommand dev" -s p -l publish -d 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow' -r
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l listen -d 'Hand the program a listening socket for this port of its own: descriptor 3, 4 and so on' -r
complete -c mewz -n "__fish_mewz_using_subcommand dev" -s m -l memory -d 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]' -r
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l accel -d 'How instructions run; `auto` takes KVM where it can be used [default: auto] [env: MEWZ_ACCEL]' -r -f -a "auto\t''
kvm\t''
tcg\t''"
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l machine -d 'The machine type [default: microvm] [env: MEWZ_MACHINE]' -r -f -a "microvm\t''
q35\t''
pc\t''"
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l log -d 'How much of the kernel\'s own words is shown [default: warn] [env: MEWZ_LOG]' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c mewz -n "__fish_mewz_using_subcommand dev" -s O -l opt -d 'How much time goes into better code [default: 2 for releases and objects, else 1]' -r -f -a "0\t'Follows the module operator by operator: the quickest to compile, and the code is large and slow'
1\t'Optimises each function by itself: an edit recompiles what changed; for everyday work'
2\t'Optimises across functions too, small ones become part of their callers: the best code, for a release'"
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l regalloc -d 'How values get their registers [default: backtracking]' -r -f -a "backtracking\t'Splits and moves ranges until they fit: the better code'
single-pass\t'One pass over the code: quicker to compile, and the code is larger and slower'"
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l target-cpu -d 'The least processor that the code is made for [default: x86-64-v2]' -r -f -a "x86-64\t'Every 64-bit processor'
x86-64-v2\t'SSE4.2 and POPCNT: processors since 2009'
x86-64-v3\t'AVX2, BMI, FMA and LZCNT: since 2013; QEMU emulates them from 7.2 on'
x86-64-v4\t'AVX-512: many servers; QEMU needs KVM for it'
native\t'The greatest of these that the processor here, or the emulator that `run` takes, can run'"
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l profile -d 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l qemu -d 'The QEMU to use, a name or a path' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l kernel -d 'A kernel other than the one inside' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l kernel-arg -d 'A word for the kernel\'s command line' -r
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l reload -d 'How a new program comes to run [default: park] [env: MEWZ_RELOAD]' -r -f -a "park\t'A machine waits for it, booted beforehand'
reboot\t'A machine is booted for it'"
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l instances -d 'Machines that serve side by side [default: 1]' -r
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l net -d 'Let the program make connections and resolve names'
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l release -d 'Build and run the project\'s release profile'
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l no-cache -d 'Neither use nor keep compiled images and functions'
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l once -d 'End when the first program has ended, with its status'
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l clear -d 'Clear the terminal at every save'
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l live-reload -d 'Put a script into HTML answers that loads the page again when a new program serves'
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l notify -d 'Tell the terminal (bell and desktop notice) when a build fails, and when it works again'
complete -c mewz -n "__fish_mewz_using_subcommand dev" -l json -d 'Print one JSON object a line: change, phase, ready, log, trap, exit and others'
complete -c mewz -n "__fish_mewz_using_subcommand dev" -s v -l verbose -d 'Print what the build command prints even where it succeeds'
complete -c mewz -n "__fish_mewz_using_subcommand dev" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mewz -n "__fish_mewz_using_subcommand debug" -s e -l env -d 'Set a variable of the program\'s environment; NAME alone takes the value that it has here' -r
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l dir -d 'Let the program use a folder; a lone HOST is the path in the guest too' -r
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l disk -d 'Let the program use a persistent disk, which `mewz disk create` makes' -r
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l tmp -d 'Give the program a folder that lives in memory and is gone at the end; SIZE limits it' -r
complete -c mewz -n "__fish_mewz_using_subcommand debug" -s p -l publish -d 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow' -r
complete -c mewz -n "__fish_mewz_using_subcommand debug" -s m -l memory -d 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]' -r
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l accel -d 'How instructions run; `auto` takes KVM where it can be used [default: auto] [env: MEWZ_ACCEL]' -r -f -a "auto\t''
kvm\t''
tcg\t''"
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l machine -d 'The machine type [default: microvm] [env: MEWZ_MACHINE]' -r -f -a "microvm\t''
q35\t''
pc\t''"
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l log -d 'How much of the kernel\'s own words is shown [default: warn] [env: MEWZ_LOG]' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c mewz -n "__fish_mewz_using_subcommand debug" -s O -l opt -d 'How much time goes into better code [default: 2 for releases and objects, else 1]' -r -f -a "0\t'Follows the module operator by operator: the quickest to compile, and the code is large and slow'
1\t'Optimises each function by itself: an edit recompiles what changed; for everyday work'
2\t'Optimises across functions too, small ones become part of their callers: the best code, for a release'"
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l regalloc -d 'How values get their registers [default: backtracking]' -r -f -a "backtracking\t'Splits and moves ranges until they fit: the better code'
single-pass\t'One pass over the code: quicker to compile, and the code is larger and slower'"
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l target-cpu -d 'The least processor that the code is made for [default: x86-64-v2]' -r -f -a "x86-64\t'Every 64-bit processor'
x86-64-v2\t'SSE4.2 and POPCNT: processors since 2009'
x86-64-v3\t'AVX2, BMI, FMA and LZCNT: since 2013; QEMU emulates them from 7.2 on'
x86-64-v4\t'AVX-512: many servers; QEMU needs KVM for it'
native\t'The greatest of these that the processor here, or the emulator that `run` takes, can run'"
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l profile -d 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l qemu -d 'The QEMU to use, a name or a path' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l kernel -d 'A kernel other than the one inside' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l kernel-arg -d 'A word for the kernel\'s command line' -r
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l profile-generate -d 'Count what runs, and write it to FILE when the program ends, for `mewz build --profile FILE`' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l pcap -d 'Write what crosses the program\'s network card to FILE, for Wireshark or tcpdump' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l core -d 'Leave the machine\'s memory in FILE when the program crashes, for `mewz debug FILE` [default: .mewz/NAME.core beside the module]' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l attach -d 'Go to a machine that runs, or waits after a crash; PROCESS names one of several' -r
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l instance -d 'Of several machines of `mewz dev --instances`, go to this one, from 1 on [default: the one that crashed, or the first]' -r
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l record -d 'Run the program without gdb, and leave a recording of the run in FOLDER, for `--replay` (experimental; emulated, and with folders of the host as copies that can only be read) [default: .mewz/NAME.recording beside the module]' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l replay -d 'Go through the recording in FOLDER, forwards and backwards: gdb\'s `reverse-continue`, `reverse-step`, `reverse-next`, `reverse-finish` (experimental) [default: .mewz/NAME.recording beside the module]' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l break -d 'Run to this function, `*ADDRESS` or `FILE:LINE` first' -r
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l stub -d 'Who answers gdb: the kernel, or QEMU, which can show the kernel\'s first instructions too [default: kernel]' -r -f -a "kernel\t''
qemu\t''"
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l listen -d 'Open no gdb: wait for one, or for an editor, on a port of this host; 0 takes a free one' -r
complete -c mewz -n "__fish_mewz_using_subcommand debug" -s x -l command -d 'Run gdb\'s commands in a file' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l ex -d 'Run a command of gdb' -r
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l gdb -d 'The gdb to use, a name or a path [env: MEWZ_GDB]' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l listen-guest -d 'Hand the program a listening socket for this port of its own: descriptor 3, 4 and so on' -r
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l timeout -d 'End the machine after this time' -r
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l net -d 'Let the program make connections and resolve names'
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l release -d 'Build and run the project\'s release profile'
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l no-cache -d 'Neither use nor keep compiled images and functions'
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l json -d 'Tell of a crash in one JSON object, on standard error'
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l full-report -d 'Tell of a crash with registers and the last lines of the kernel\'s log'
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l debuggable -d 'Let a debugger come to the machine, and let a crash wait for one (`mewz debug --attach`)'
complete -c mewz -n "__fish_mewz_using_subcommand debug" -s v -l verbose -d 'Tell how much was compiled'
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l vscode -d 'Write `.vscode/launch.json` for this program, and end'
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l dap -d 'Speak the debug adapter protocol on standard input and output; needs gdb 14'
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l batch -d 'End when the commands are done, and ask nothing'
complete -c mewz -n "__fish_mewz_using_subcommand debug" -l wat -d 'Step through the module\'s text, for programs without debug information'
complete -c mewz -n "__fish_mewz_using_subcommand debug" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mewz -n "__fish_mewz_using_subcommand trace" -s e -l env -d 'Set a variable of the program\'s environment; NAME alone takes the value that it has here' -r
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l dir -d 'Let the program use a folder; a lone HOST is the path in the guest too' -r
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l disk -d 'Let the program use a persistent disk, which `mewz disk create` makes' -r
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l tmp -d 'Give the program a folder that lives in memory and is gone at the end; SIZE limits it' -r
complete -c mewz -n "__fish_mewz_using_subcommand trace" -s p -l publish -d 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow' -r
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l listen -d 'Hand the program a listening socket for this port of its own: descriptor 3, 4 and so on' -r
complete -c mewz -n "__fish_mewz_using_subcommand trace" -s m -l memory -d 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]' -r
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l accel -d 'How instructions run; `auto` takes KVM where it can be used [default: auto] [env: MEWZ_ACCEL]' -r -f -a "auto\t''
kvm\t''
tcg\t''"
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l machine -d 'The machine type [default: microvm] [env: MEWZ_MACHINE]' -r -f -a "microvm\t''
q35\t''
pc\t''"
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l log -d 'How much of the kernel\'s own words is shown [default: warn] [env: MEWZ_LOG]' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c mewz -n "__fish_mewz_using_subcommand trace" -s O -l opt -d 'How much time goes into better code [default: 2 for releases and objects, else 1]' -r -f -a "0\t'Follows the module operator by operator: the quickest to compile, and the code is large and slow'
1\t'Optimises each function by itself: an edit recompiles what changed; for everyday work'
2\t'Optimises across functions too, small ones become part of their callers: the best code, for a release'"
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l regalloc -d 'How values get their registers [default: backtracking]' -r -f -a "backtracking\t'Splits and moves ranges until they fit: the better code'
single-pass\t'One pass over the code: quicker to compile, and the code is larger and slower'"
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l target-cpu -d 'The least processor that the code is made for [default: x86-64-v2]' -r -f -a "x86-64\t'Every 64-bit processor'
x86-64-v2\t'SSE4.2 and POPCNT: processors since 2009'
x86-64-v3\t'AVX2, BMI, FMA and LZCNT: since 2013; QEMU emulates them from 7.2 on'
x86-64-v4\t'AVX-512: many servers; QEMU needs KVM for it'
native\t'The greatest of these that the processor here, or the emulator that `run` takes, can run'"
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l profile -d 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l qemu -d 'The QEMU to use, a name or a path' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l kernel -d 'A kernel other than the one inside' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l kernel-arg -d 'A word for the kernel\'s command line' -r
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l timeout -d 'End the machine after this time, with status 124 [env: MEWZ_TIMEOUT]' -r
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l profile-generate -d 'Count what runs, and write it to FILE when the program ends, for `mewz build --profile FILE`' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l pcap -d 'Write what crosses the program\'s network card to FILE, for Wireshark or tcpdump' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l core -d 'Leave the machine\'s memory in FILE when the program crashes, for `mewz debug FILE` [default: .mewz/NAME.core beside the module]' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l calls -d 'Print these calls alone: names, or how they begin (`path`, `sock_`)' -r
complete -c mewz -n "__fish_mewz_using_subcommand trace" -s o -l output -d 'Write to FILE instead of standard error' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l net -d 'Let the program make connections and resolve names'
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l release -d 'Build and run the project\'s release profile'
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l no-cache -d 'Neither use nor keep compiled images and functions'
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l json -d 'Tell of a crash in one JSON object, on standard error'
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l full-report -d 'Tell of a crash with registers and the last lines of the kernel\'s log'
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l debuggable -d 'Let a debugger come to the machine, and let a crash wait for one (`mewz debug --attach`)'
complete -c mewz -n "__fish_mewz_using_subcommand trace" -s v -l verbose -d 'Tell how much was compiled'
complete -c mewz -n "__fish_mewz_using_subcommand trace" -l summary -d 'Count calls, failures and time, and print a table at the end'
complete -c mewz -n "__fish_mewz_using_subcommand trace" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mewz -n "__fish_mewz_using_subcommand profile" -s e -l env -d 'Set a variable of the program\'s environment; NAME alone takes the value that it has here' -r
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l dir -d 'Let the program use a folder; a lone HOST is the path in the guest too' -r
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l disk -d 'Let the program use a persistent disk, which `mewz disk create` makes' -r
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l tmp -d 'Give the program a folder that lives in memory and is gone at the end; SIZE limits it' -r
complete -c mewz -n "__fish_mewz_using_subcommand profile" -s p -l publish -d 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow' -r
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l listen -d 'Hand the program a listening socket for this port of its own: descriptor 3, 4 and so on' -r
complete -c mewz -n "__fish_mewz_using_subcommand profile" -s m -l memory -d 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]' -r
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l accel -d 'How instructions run; `auto` takes KVM where it can be used [default: auto] [env: MEWZ_ACCEL]' -r -f -a "auto\t''
kvm\t''
tcg\t''"
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l machine -d 'The machine type [default: microvm] [env: MEWZ_MACHINE]' -r -f -a "microvm\t''
q35\t''
pc\t''"
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l log -d 'How much of the kernel\'s own words is shown [default: warn] [env: MEWZ_LOG]' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c mewz -n "__fish_mewz_using_subcommand profile" -s O -l opt -d 'How much time goes into better code [default: 2 for releases and objects, else 1]' -r -f -a "0\t'Follows the module operator by operator: the quickest to compile, and the code is large and slow'
1\t'Optimises each function by itself: an edit recompiles what changed; for everyday work'
2\t'Optimises across functions too, small ones become part of their callers: the best code, for a release'"
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l regalloc -d 'How values get their registers [default: backtracking]' -r -f -a "backtracking\t'Splits and moves ranges until they fit: the better code'
single-pass\t'One pass over the code: quicker to compile, and the code is larger and slower'"
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l target-cpu -d 'The least processor that the code is made for [default: x86-64-v2]' -r -f -a "x86-64\t'Every 64-bit processor'
x86-64-v2\t'SSE4.2 and POPCNT: processors since 2009'
x86-64-v3\t'AVX2, BMI, FMA and LZCNT: since 2013; QEMU emulates them from 7.2 on'
x86-64-v4\t'AVX-512: many servers; QEMU needs KVM for it'
native\t'The greatest of these that the processor here, or the emulator that `run` takes, can run'"
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l profile -d 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l qemu -d 'The QEMU to use, a name or a path' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l kernel -d 'A kernel other than the one inside' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l kernel-arg -d 'A word for the kernel\'s command line' -r
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l timeout -d 'End the machine after this time, with status 124 [env: MEWZ_TIMEOUT]' -r
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l profile-generate -d 'Count what runs, and write it to FILE when the program ends, for `mewz build --profile FILE`' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l pcap -d 'Write what crosses the program\'s network card to FILE, for Wireshark or tcpdump' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l core -d 'Leave the machine\'s memory in FILE when the program crashes, for `mewz debug FILE` [default: .mewz/NAME.core beside the module]' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand profile" -s o -l output -d 'Where to write; the name\'s end says what [default: profile.svg]' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l rate -d 'Samples a second, up to 10000' -r
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l net -d 'Let the program make connections and resolve names'
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l release -d 'Build and run the project\'s release profile'
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l no-cache -d 'Neither use nor keep compiled images and functions'
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l json -d 'Tell of a crash in one JSON object, on standard error'
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l full-report -d 'Tell of a crash with registers and the last lines of the kernel\'s log'
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l debuggable -d 'Let a debugger come to the machine, and let a crash wait for one (`mewz debug --attach`)'
complete -c mewz -n "__fish_mewz_using_subcommand profile" -s v -l verbose -d 'Tell how much was compiled'
complete -c mewz -n "__fish_mewz_using_subcommand profile" -l idle -d 'Keep the time that the machine slept'
complete -c mewz -n "__fish_mewz_using_subcommand profile" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mewz -n "__fish_mewz_using_subcommand test" -s j -l jobs -d 'How many machines run at once [default: one for each processor]' -r
complete -c mewz -n "__fish_mewz_using_subcommand test" -s e -l env -d 'Set a variable of the tests\' environment; NAME alone takes the value that it has here' -r
complete -c mewz -n "__fish_mewz_using_subcommand test" -l dir -d 'Let the tests use a folder; a lone HOST is the path in the guest too' -r
complete -c mewz -n "__fish_mewz_using_subcommand test" -s m -l memory -d 'Memory of each machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]' -r
complete -c mewz -n "__fish_mewz_using_subcommand test" -l timeout -d 'End a machine after this time; the test that it was at has failed [env: MEWZ_TIMEOUT]' -r
complete -c mewz -n "__fish_mewz_using_subcommand test" -l release -d 'Build and run the tests of the release profile'
complete -c mewz -n "__fish_mewz_using_subcommand test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mewz -n "__fish_mewz_using_subcommand build" -l debug-file -d 'Write what crash reports and debuggers need of a release image to FILE [default: below .mewz/debug, by build id]' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand build" -s o -l output -d 'The image to write [default: the module\'s name with `.elf`, here; a project\'s name, in its folder]' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand build" -s m -l memory -d 'Memory in the line that is printed [default: 128MiB]' -r
complete -c mewz -n "__fish_mewz_using_subcommand build" -l machine -d 'Machine type in the line that is printed [default: microvm]' -r -f -a "microvm\t''
q35\t''
pc\t''"
complete -c mewz -n "__fish_mewz_using_subcommand build" -l pack -d 'Pack a folder into the image, to be read at GUEST' -r
complete -c mewz -n "__fish_mewz_using_subcommand build" -l tmp -d 'Give the program a folder that lives in memory and is gone at the end; SIZE limits it' -r
complete -c mewz -n "__fish_mewz_using_subcommand build" -s O -l opt -d 'How much time goes into better code [default: 2 for releases and objects, else 1]' -r -f -a "0\t'Follows the module operator by operator: the quickest to compile, and the code is large and slow'
1\t'Optimises each function by itself: an edit recompiles what changed; for everyday work'
2\t'Optimises across functions too, small ones become part of their callers: the best code, for a release'"
complete -c mewz -n "__fish_mewz_using_subcommand build" -l regalloc -d 'How values get their registers [default: backtracking]' -r -f -a "backtracking\t'Splits and moves ranges until they fit: the better code'
single-pass\t'One pass over the code: quicker to compile, and the code is larger and slower'"
complete -c mewz -n "__fish_mewz_using_subcommand build" -l target-cpu -d 'The least processor that the code is made for [default: x86-64-v2]' -r -f -a "x86-64\t'Every 64-bit processor'
x86-64-v2\t'SSE4.2 and POPCNT: processors since 2009'
x86-64-v3\t'AVX2, BMI, FMA and LZCNT: since 2013; QEMU emulates them from 7.2 on'
x86-64-v4\t'AVX-512: many servers; QEMU needs KVM for it'
native\t'The greatest of these that the processor here, or the emulator that `run` takes, can run'"
complete -c mewz -n "__fish_mewz_using_subcommand build" -l profile -d 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand build" -l kernel -d 'A kernel other than the one inside' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand build" -l release -d 'Build the project\'s release profile; leave symbols and debug information out of the image'
complete -c mewz -n "__fish_mewz_using_subcommand build" -l debuggable -d 'Put the stub into the image that a debugger talks to, on the machine\'s second serial line'
complete -c mewz -n "__fish_mewz_using_subcommand build" -l disks -d 'Put the file system of persistent disks into the image; a project with `[[run.disk]]` has it anyway'
complete -c mewz -n "__fish_mewz_using_subcommand build" -s v -l verbose -d 'Tell how much was compiled'
complete -c mewz -n "__fish_mewz_using_subcommand build" -l json -d 'Print one JSON object instead of the line'
complete -c mewz -n "__fish_mewz_using_subcommand build" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mewz -n "__fish_mewz_using_subcommand compile" -s o -l output -d 'The file to write, `-` for standard output; its ending is changed where several kinds are written [default: the module\'s name with the kind\'s ending, here]' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand compile" -l emit -d 'What to write' -r -f -a "obj\t'The object'
clif\t'Cranelift\'s intermediate code, optimised, below the module\'s operators'
asm\t'Machine code below the module\'s operators, in Intel\'s syntax'
header\t'The object\'s interface for C and C++'"
complete -c mewz -n "__fish_mewz_using_subcommand compile" -l function -d 'Show this function only, by its name or index, in `asm` and `clif`; may be given several times' -r
complete -c mewz -n "__fish_mewz_using_subcommand compile" -s O -l opt -d 'How much time goes into better code [default: 2 for releases and objects, else 1]' -r -f -a "0\t'Follows the module operator by operator: the quickest to compile, and the code is large and slow'
1\t'Optimises each function by itself: an edit recompiles what changed; for everyday work'
2\t'Optimises across functions too, small ones become part of their callers: the best code, for a release'"
complete -c mewz -n "__fish_mewz_using_subcommand compile" -l regalloc -d 'How values get their registers [default: backtracking]' -r -f -a "backtracking\t'Splits and moves ranges until they fit: the better code'
single-pass\t'One pass over the code: quicker to compile, and the code is larger and slower'"
complete -c mewz -n "__fish_mewz_using_subcommand compile" -l target-cpu -d 'The least processor that the code is made for [default: x86-64-v2]' -r -f -a "x86-64\t'Every 64-bit processor'
x86-64-v2\t'SSE4.2 and POPCNT: processors since 2009'
x86-64-v3\t'AVX2, BMI, FMA and LZCNT: since 2013; QEMU emulates them from 7.2 on'
x86-64-v4\t'AVX-512: many servers; QEMU needs KVM for it'
native\t'The greatest of these that the processor here, or the emulator that `run` takes, can run'"
complete -c mewz -n "__fish_mewz_using_subcommand compile" -l profile -d 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand compile" -l memory-base -d 'Where linear memory lies: an address that is known now, or `instance` to read it at run time' -r
complete -c mewz -n "__fish_mewz_using_subcommand compile" -l bytes -d 'Show the bytes of machine code in `asm`'
complete -c mewz -n "__fish_mewz_using_subcommand compile" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mewz -n "__fish_mewz_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mewz -n "__fish_mewz_using_subcommand imports" -l kernel -d 'A kernel other than the one inside' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand imports" -l json -d 'Print one JSON array instead of lines'
complete -c mewz -n "__fish_mewz_using_subcommand imports" -s h -l help -d 'Print help'
complete -c mewz -n "__fish_mewz_using_subcommand size" -l by -d 'What bytes are added up by' -r -f -a "function\t'Functions; what is none by section, in brackets, or `[not loaded]`'
section\t'Sections of the object or image, and of the module'
crate\t'Crates of Rust, namespaces of C++, packages of Go, as far as names tell'"
complete -c mewz -n "__fish_mewz_using_subcommand size" -l top -d 'How many lines to show; 0 for all' -r
complete -c mewz -n "__fish_mewz_using_subcommand size" -s O -l opt -d 'How much time goes into better code [default: 2 for releases and objects, else 1]' -r -f -a "0\t'Follows the module operator by operator: the quickest to compile, and the code is large and slow'
1\t'Optimises each function by itself: an edit recompiles what changed; for everyday work'
2\t'Optimises across functions too, small ones become part of their callers: the best code, for a release'"
complete -c mewz -n "__fish_mewz_using_subcommand size" -l regalloc -d 'How values get their registers [default: backtracking]' -r -f -a "backtracking\t'Splits and moves ranges until they fit: the better code'
single-pass\t'One pass over the code: quicker to compile, and the code is larger and slower'"
complete -c mewz -n "__fish_mewz_using_subcommand size" -l target-cpu -d 'The least processor that the code is made for [default: x86-64-v2]' -r -f -a "x86-64\t'Every 64-bit processor'
x86-64-v2\t'SSE4.2 and POPCNT: processors since 2009'
x86-64-v3\t'AVX2, BMI, FMA and LZCNT: since 2013; QEMU emulates them from 7.2 on'
x86-64-v4\t'AVX-512: many servers; QEMU needs KVM for it'
native\t'The greatest of these that the processor here, or the emulator that `run` takes, can run'"
complete -c mewz -n "__fish_mewz_using_subcommand size" -l profile -d 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand size" -l json -d 'Print one JSON object with all lines instead of a table'
complete -c mewz -n "__fish_mewz_using_subcommand size" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and not __fish_seen_subcommand_from create ls cp rm check help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and not __fish_seen_subcommand_from create ls cp rm check help" -f -a "create" -d 'Make an image: an empty disk, or one with a folder\'s files'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and not __fish_seen_subcommand_from create ls cp rm check help" -f -a "ls" -d 'List files on a disk'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and not __fish_seen_subcommand_from create ls cp rm check help" -f -a "cp" -d 'Copy files between this host and a disk'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and not __fish_seen_subcommand_from create ls cp rm check help" -f -a "rm" -d 'Remove files from a disk'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and not __fish_seen_subcommand_from create ls cp rm check help" -f -a "check" -d 'Read all that is on a disk and tell what is wrong'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and not __fish_seen_subcommand_from create ls cp rm check help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and __fish_seen_subcommand_from create" -s s -l size -d 'Size of the disk, from 2MiB to 64GiB' -r
complete -c mewz -n "__fish_mewz_using_subcommand disk; and __fish_seen_subcommand_from create" -l from -d 'Copy what is in this folder of the host onto it' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand disk; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and __fish_seen_subcommand_from ls" -s l -l long -d 'Show kind, names, size and time of the last change of each'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and __fish_seen_subcommand_from ls" -s R -l recursive -d 'List what is in directories too'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and __fish_seen_subcommand_from ls" -l json -d 'Print one JSON array'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and __fish_seen_subcommand_from cp" -s r -l recursive -d 'Copy directories with what is in them'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and __fish_seen_subcommand_from cp" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and __fish_seen_subcommand_from rm" -s r -l recursive -d 'Remove directories with what is in them'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and __fish_seen_subcommand_from check" -l json -d 'Print one JSON object'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and __fish_seen_subcommand_from help" -f -a "create" -d 'Make an image: an empty disk, or one with a folder\'s files'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and __fish_seen_subcommand_from help" -f -a "ls" -d 'List files on a disk'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and __fish_seen_subcommand_from help" -f -a "cp" -d 'Copy files between this host and a disk'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and __fish_seen_subcommand_from help" -f -a "rm" -d 'Remove files from a disk'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and __fish_seen_subcommand_from help" -f -a "check" -d 'Read all that is on a disk and tell what is wrong'
complete -c mewz -n "__fish_mewz_using_subcommand disk; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mewz -n "__fish_mewz_using_subcommand config" -l set -d 'Leave out what nobody has set'
complete -c mewz -n "__fish_mewz_using_subcommand config" -l json -d 'Print a JSON array with key, value and place of each'
complete -c mewz -n "__fish_mewz_using_subcommand config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mewz -n "__fish_mewz_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mewz -n "__fish_mewz_using_subcommand doctor" -l qemu -d 'The QEMU to look at, a name or a path' -r -F
complete -c mewz -n "__fish_mewz_using_subcommand doctor" -l fix -d 'Run the commands that mend what was found, each after a question'
complete -c mewz -n "__fish_mewz_using_subcommand doctor" -l yes -d 'With --fix: run those for problems without asking; what is absent and not needed stays so'
complete -c mewz -n "__fish_mewz_using_subcommand doctor" -l json -d 'Print one JSON object instead of lines'
complete -c mewz -n "__fish_mewz_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mewz -n "__fish_mewz_using_subcommand completions" -l static -d 'Print one that completes names of commands and options only, without running mewz'
complete -c mewz -n "__fish_mewz_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mewz -n "__fish_mewz_using_subcommand man" -s h -l help -d 'Print help'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "new" -d 'Begin a project from a template'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "init" -d 'Write a mewz.toml for the program in a folder'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "run" -d 'Boot a module, a project or an image, and end with its exit status'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "dev" -d 'Build, run, and do it again at every save'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "debug" -d 'Run a program in gdb: the machine stops before its first instruction'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "trace" -d 'Run a program and print its calls of WASI: arguments, results, times'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "profile" -d 'Run a program and sample where its time goes, in the program and in the kernel'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "test" -d 'Run a project\'s tests as unikernels'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "build" -d 'Build an image that boots without mewz, and print the line that boots it'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "compile" -d 'Compile a module into an object that a linker takes'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "explain" -d 'Tell a crash in an image\'s console log with functions and lines'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "imports" -d 'List what a module imports, and whether the kernel answers it'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "size" -d 'Show what takes how many bytes, or what changed between two files'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "disk" -d 'Make images of persistent disks, and look at and copy what is on them'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "config" -d 'Print the settings that hold here, and where each comes from'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "schema" -d 'Print the JSON schema of mewz.toml'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "doctor" -d 'Look at what mewz needs on this machine, and at what would mend it'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "completions" -d 'Print a shell\'s completion script'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "man" -d 'Write the manual pages into a folder'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new init run dev debug trace profile test build compile explain imports size disk config schema doctor completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mewz -n "__fish_mewz_using_subcommand help; and __fish_seen_subcommand_from disk" -f -a "create" -d 'Make an image: an empty disk, or one with a folder\'s files'
complete -c mewz -n "__fish_mewz_using_subcommand help; and __fish_seen_subcommand_from disk" -f -a "ls" -d 'List files on a disk'
complete -c mewz -n "__fish_mewz_using_subcommand help; and __fish_seen_subcommand_from disk" -f -a "cp" -d 'Copy files between this host and a disk'
complete -c mewz -n "__fish_mewz_using_subcommand help; and __fish_seen_subcommand_from disk" -f -a "rm" -d 'Remove files from a disk'
complete -c mewz -n "__fish_mewz_using_subcommand help; and __fish_seen_subcommand_from disk" -f -a "check" -d 'Read all that is on a disk and tell what is wrong'
