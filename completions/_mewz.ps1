
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'mewz' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'mewz'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'mewz' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('new', 'new', [CompletionResultType]::ParameterValue, 'Begin a project from a template')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write a mewz.toml for the program in a folder')
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Boot a module, a project or an image, and end with its exit status')
            [CompletionResult]::new('dev', 'dev', [CompletionResultType]::ParameterValue, 'Build, run, and do it again at every save')
            [CompletionResult]::new('debug', 'debug', [CompletionResultType]::ParameterValue, 'Run a program in gdb: the machine stops before its first instruction')
            [CompletionResult]::new('trace', 'trace', [CompletionResultType]::ParameterValue, 'Run a program and print its calls of WASI: arguments, results, times')
            [CompletionResult]::new('profile', 'profile', [CompletionResultType]::ParameterValue, 'Run a program and sample where its time goes, in the program and in the kernel')
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Run a project''s tests as unikernels')
            [CompletionResult]::new('build', 'build', [CompletionResultType]::ParameterValue, 'Build an image that boots without mewz, and print the line that boots it')
            [CompletionResult]::new('compile', 'compile', [CompletionResultType]::ParameterValue, 'Compile a module into an object that a linker takes')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Tell a crash in an image''s console log with functions and lines')
            [CompletionResult]::new('imports', 'imports', [CompletionResultType]::ParameterValue, 'List what a module imports, and whether the kernel answers it')
            [CompletionResult]::new('size', 'size', [CompletionResultType]::ParameterValue, 'Show what takes how many bytes, or what changed between two files')
            [CompletionResult]::new('disk', 'disk', [CompletionResultType]::ParameterValue, 'Make images of persistent disks, and look at and copy what is on them')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Print the settings that hold here, and where each comes from')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON schema of mewz.toml')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Look at what mewz needs on this machine, and at what would mend it')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a shell''s completion script')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Write the manual pages into a folder')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mewz;new' {
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, '`assemblyscript`, `c`, `cpp`, `go`, `rust`, `wat`, `zig`, with `-http` behind it for a server; a folder; or the address of a Git repository [default: wat]')
            [CompletionResult]::new('--template', '--template', [CompletionResultType]::ParameterName, '`assemblyscript`, `c`, `cpp`, `go`, `rust`, `wat`, `zig`, with `-http` behind it for a server; a folder; or the address of a Git repository [default: wat]')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The project''s name [default: the folder''s]')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'List the templates, and make nothing')
            [CompletionResult]::new('--list', '--list', [CompletionResultType]::ParameterName, 'List the templates, and make nothing')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mewz;init' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mewz;run' {
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Set a variable of the program''s environment; NAME alone takes the value that it has here')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Set a variable of the program''s environment; NAME alone takes the value that it has here')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'Let the program use a folder; a lone HOST is the path in the guest too')
            [CompletionResult]::new('--disk', '--disk', [CompletionResultType]::ParameterName, 'Let the program use a persistent disk, which `mewz disk create` makes')
            [CompletionResult]::new('--tmp', '--tmp', [CompletionResultType]::ParameterName, 'Give the program a folder that lives in memory and is gone at the end; SIZE limits it')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow')
            [CompletionResult]::new('--publish', '--publish', [CompletionResultType]::ParameterName, 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow')
            [CompletionResult]::new('--listen', '--listen', [CompletionResultType]::ParameterName, 'Hand the program a listening socket for this port of its own: descriptor 3, 4 and so on')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]')
            [CompletionResult]::new('--accel', '--accel', [CompletionResultType]::ParameterName, 'How instructions run; `auto` takes KVM where it can be used [default: auto] [env: MEWZ_ACCEL]')
            [CompletionResult]::new('--machine', '--machine', [CompletionResultType]::ParameterName, 'The machine type [default: microvm] [env: MEWZ_MACHINE]')
            [CompletionResult]::new('--log', '--log', [CompletionResultType]::ParameterName, 'How much of the kernel''s own words is shown [default: warn] [env: MEWZ_LOG]')
            [CompletionResult]::new('-O', '-O ', [CompletionResultType]::ParameterName, 'How much time goes into better code [default: 2 for releases and objects, else 1]')
            [CompletionResult]::new('--opt', '--opt', [CompletionResultType]::ParameterName, 'How much time goes into better code [default: 2 for releases and objects, else 1]')
            [CompletionResult]::new('--regalloc', '--regalloc', [CompletionResultType]::ParameterName, 'How values get their registers [default: backtracking]')
            [CompletionResult]::new('--target-cpu', '--target-cpu', [CompletionResultType]::ParameterName, 'The least processor that the code is made for [default: x86-64-v2]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`')
            [CompletionResult]::new('--qemu', '--qemu', [CompletionResultType]::ParameterName, 'The QEMU to use, a name or a path')
            [CompletionResult]::new('--kernel', '--kernel', [CompletionResultType]::ParameterName, 'A kernel other than the one inside')
            [CompletionResult]::new('--kernel-arg', '--kernel-arg', [CompletionResultType]::ParameterName, 'A word for the kernel''s command line')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End the machine after this time, with status 124 [env: MEWZ_TIMEOUT]')
            [CompletionResult]::new('--profile-generate', '--profile-generate', [CompletionResultType]::ParameterName, 'Count what runs, and write it to FILE when the program ends, for `mewz build --profile FILE`')
            [CompletionResult]::new('--pcap', '--pcap', [CompletionResultType]::ParameterName, 'Write what crosses the program''s network card to FILE, for Wireshark or tcpdump')
            [CompletionResult]::new('--core', '--core', [CompletionResultType]::ParameterName, 'Leave the machine''s memory in FILE when the program crashes, for `mewz debug FILE` [default: .mewz/NAME.core beside the module]')
            [CompletionResult]::new('--net', '--net', [CompletionResultType]::ParameterName, 'Let the program make connections and resolve names')
            [CompletionResult]::new('--release', '--release', [CompletionResultType]::ParameterName, 'Build and run the project''s release profile')
            [CompletionResult]::new('--no-cache', '--no-cache', [CompletionResultType]::ParameterName, 'Neither use nor keep compiled images and functions')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Tell of a crash in one JSON object, on standard error')
            [CompletionResult]::new('--full-report', '--full-report', [CompletionResultType]::ParameterName, 'Tell of a crash with registers and the last lines of the kernel''s log')
            [CompletionResult]::new('--debuggable', '--debuggable', [CompletionResultType]::ParameterName, 'Let a debugger come to the machine, and let a crash wait for one (`mewz debug --attach`)')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell how much was compiled')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell how much was compiled')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mewz;dev' {
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Set a variable of the program''s environment; NAME alone takes the value that it has here')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Set a variable of the program''s environment; NAME alone takes the value that it has here')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'Let the program use a folder; a lone HOST is the path in the guest too')
            [CompletionResult]::new('--disk', '--disk', [CompletionResultType]::ParameterName, 'Let the program use a persistent disk, which `mewz disk create` makes')
            [CompletionResult]::new('--tmp', '--tmp', [CompletionResultType]::ParameterName, 'Give the program a folder that lives in memory and is gone at the end; SIZE limits it')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow')
            [CompletionResult]::new('--publish', '--publish', [CompletionResultType]::ParameterName, 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow')
            [CompletionResult]::new('--listen', '--listen', [CompletionResultType]::ParameterName, 'Hand the program a listening socket for this port of its own: descriptor 3, 4 and so on')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]')
            [CompletionResult]::new('--accel', '--accel', [CompletionResultType]::ParameterName, 'How instructions run; `auto` takes KVM where it can be used [default: auto] [env: MEWZ_ACCEL]')
            [CompletionResult]::new('--machine', '--machine', [CompletionResultType]::ParameterName, 'The machine type [default: microvm] [env: MEWZ_MACHINE]')
            [CompletionResult]::new('--log', '--log', [CompletionResultType]::ParameterName, 'How much of the kernel''s own words is shown [default: warn] [env: MEWZ_LOG]')
            [CompletionResult]::new('-O', '-O ', [CompletionResultType]::ParameterName, 'How much time goes into better code [default: 2 for releases and objects, else 1]')
            [CompletionResult]::new('--opt', '--opt', [CompletionResultType]::ParameterName, 'How much time goes into better code [default: 2 for releases and objects, else 1]')
            [CompletionResult]::new('--regalloc', '--regalloc', [CompletionResultType]::ParameterName, 'How values get their registers [default: backtracking]')
            [CompletionResult]::new('--target-cpu', '--target-cpu', [CompletionResultType]::ParameterName, 'The least processor that the code is made for [default: x86-64-v2]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`')
            [CompletionResult]::new('--qemu', '--qemu', [CompletionResultType]::ParameterName, 'The QEMU to use, a name or a path')
            [CompletionResult]::new('--kernel', '--kernel', [CompletionResultType]::ParameterName, 'A kernel other than the one inside')
            [CompletionResult]::new('--kernel-arg', '--kernel-arg', [CompletionResultType]::ParameterName, 'A word for the kernel''s command line')
            [CompletionResult]::new('--reload', '--reload', [CompletionResultType]::ParameterName, 'How a new program comes to run [default: park] [env: MEWZ_RELOAD]')
            [CompletionResult]::new('--instances', '--instances', [CompletionResultType]::ParameterName, 'Machines that serve side by side [default: 1]')
            [CompletionResult]::new('--net', '--net', [CompletionResultType]::ParameterName, 'Let the program make connections and resolve names')
            [CompletionResult]::new('--release', '--release', [CompletionResultType]::ParameterName, 'Build and run the project''s release profile')
            [CompletionResult]::new('--no-cache', '--no-cache', [CompletionResultType]::ParameterName, 'Neither use nor keep compiled images and functions')
            [CompletionResult]::new('--once', '--once', [CompletionResultType]::ParameterName, 'End when the first program has ended, with its status')
            [CompletionResult]::new('--clear', '--clear', [CompletionResultType]::ParameterName, 'Clear the terminal at every save')
            [CompletionResult]::new('--live-reload', '--live-reload', [CompletionResultType]::ParameterName, 'Put a script into HTML answers that loads the page again when a new program serves')
            [CompletionResult]::new('--notify', '--notify', [CompletionResultType]::ParameterName, 'Tell the terminal (bell and desktop notice) when a build fails, and when it works again')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line: change, phase, ready, log, trap, exit and others')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print what the build command prints even where it succeeds')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print what the build command prints even where it succeeds')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mewz;debug' {
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Set a variable of the program''s environment; NAME alone takes the value that it has here')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Set a variable of the program''s environment; NAME alone takes the value that it has here')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'Let the program use a folder; a lone HOST is the path in the guest too')
            [CompletionResult]::new('--disk', '--disk', [CompletionResultType]::ParameterName, 'Let the program use a persistent disk, which `mewz disk create` makes')
            [CompletionResult]::new('--tmp', '--tmp', [CompletionResultType]::ParameterName, 'Give the program a folder that lives in memory and is gone at the end; SIZE limits it')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow')
            [CompletionResult]::new('--publish', '--publish', [CompletionResultType]::ParameterName, 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]')
            [CompletionResult]::new('--accel', '--accel', [CompletionResultType]::ParameterName, 'How instructions run; `auto` takes KVM where it can be used [default: auto] [env: MEWZ_ACCEL]')
            [CompletionResult]::new('--machine', '--machine', [CompletionResultType]::ParameterName, 'The machine type [default: microvm] [env: MEWZ_MACHINE]')
            [CompletionResult]::new('--log', '--log', [CompletionResultType]::ParameterName, 'How much of the kernel''s own words is shown [default: warn] [env: MEWZ_LOG]')
            [CompletionResult]::new('-O', '-O ', [CompletionResultType]::ParameterName, 'How much time goes into better code [default: 2 for releases and objects, else 1]')
            [CompletionResult]::new('--opt', '--opt', [CompletionResultType]::ParameterName, 'How much time goes into better code [default: 2 for releases and objects, else 1]')
            [CompletionResult]::new('--regalloc', '--regalloc', [CompletionResultType]::ParameterName, 'How values get their registers [default: backtracking]')
            [CompletionResult]::new('--target-cpu', '--target-cpu', [CompletionResultType]::ParameterName, 'The least processor that the code is made for [default: x86-64-v2]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`')
            [CompletionResult]::new('--qemu', '--qemu', [CompletionResultType]::ParameterName, 'The QEMU to use, a name or a path')
            [CompletionResult]::new('--kernel', '--kernel', [CompletionResultType]::ParameterName, 'A kernel other than the one inside')
            [CompletionResult]::new('--kernel-arg', '--kernel-arg', [CompletionResultType]::ParameterName, 'A word for the kernel''s command line')
            [CompletionResult]::new('--profile-generate', '--profile-generate', [CompletionResultType]::ParameterName, 'Count what runs, and write it to FILE when the program ends, for `mewz build --profile FILE`')
            [CompletionResult]::new('--pcap', '--pcap', [CompletionResultType]::ParameterName, 'Write what crosses the program''s network card to FILE, for Wireshark or tcpdump')
            [CompletionResult]::new('--core', '--core', [CompletionResultType]::ParameterName, 'Leave the machine''s memory in FILE when the program crashes, for `mewz debug FILE` [default: .mewz/NAME.core beside the module]')
            [CompletionResult]::new('--attach', '--attach', [CompletionResultType]::ParameterName, 'Go to a machine that runs, or waits after a crash; PROCESS names one of several')
            [CompletionResult]::new('--instance', '--instance', [CompletionResultType]::ParameterName, 'Of several machines of `mewz dev --instances`, go to this one, from 1 on [default: the one that crashed, or the first]')
            [CompletionResult]::new('--record', '--record', [CompletionResultType]::ParameterName, 'Run the program without gdb, and leave a recording of the run in FOLDER, for `--replay` (experimental; emulated, and with folders of the host as copies that can only be read) [default: .mewz/NAME.recording beside the module]')
            [CompletionResult]::new('--replay', '--replay', [CompletionResultType]::ParameterName, 'Go through the recording in FOLDER, forwards and backwards: gdb''s `reverse-continue`, `reverse-step`, `reverse-next`, `reverse-finish` (experimental) [default: .mewz/NAME.recording beside the module]')
            [CompletionResult]::new('--break', '--break', [CompletionResultType]::ParameterName, 'Run to this function, `*ADDRESS` or `FILE:LINE` first')
            [CompletionResult]::new('--stub', '--stub', [CompletionResultType]::ParameterName, 'Who answers gdb: the kernel, or QEMU, which can show the kernel''s first instructions too [default: kernel]')
            [CompletionResult]::new('--listen', '--listen', [CompletionResultType]::ParameterName, 'Open no gdb: wait for one, or for an editor, on a port of this host; 0 takes a free one')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Run gdb''s commands in a file')
            [CompletionResult]::new('--command', '--command', [CompletionResultType]::ParameterName, 'Run gdb''s commands in a file')
            [CompletionResult]::new('--ex', '--ex', [CompletionResultType]::ParameterName, 'Run a command of gdb')
            [CompletionResult]::new('--gdb', '--gdb', [CompletionResultType]::ParameterName, 'The gdb to use, a name or a path [env: MEWZ_GDB]')
            [CompletionResult]::new('--listen-guest', '--listen-guest', [CompletionResultType]::ParameterName, 'Hand the program a listening socket for this port of its own: descriptor 3, 4 and so on')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End the machine after this time')
            [CompletionResult]::new('--net', '--net', [CompletionResultType]::ParameterName, 'Let the program make connections and resolve names')
            [CompletionResult]::new('--release', '--release', [CompletionResultType]::ParameterName, 'Build and run the project''s release profile')
            [CompletionResult]::new('--no-cache', '--no-cache', [CompletionResultType]::ParameterName, 'Neither use nor keep compiled images and functions')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Tell of a crash in one JSON object, on standard error')
            [CompletionResult]::new('--full-report', '--full-report', [CompletionResultType]::ParameterName, 'Tell of a crash with registers and the last lines of the kernel''s log')
            [CompletionResult]::new('--debuggable', '--debuggable', [CompletionResultType]::ParameterName, 'Let a debugger come to the machine, and let a crash wait for one (`mewz debug --attach`)')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell how much was compiled')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell how much was compiled')
            [CompletionResult]::new('--vscode', '--vscode', [CompletionResultType]::ParameterName, 'Write `.vscode/launch.json` for this program, and end')
            [CompletionResult]::new('--dap', '--dap', [CompletionResultType]::ParameterName, 'Speak the debug adapter protocol on standard input and output; needs gdb 14')
            [CompletionResult]::new('--batch', '--batch', [CompletionResultType]::ParameterName, 'End when the commands are done, and ask nothing')
            [CompletionResult]::new('--wat', '--wat', [CompletionResultType]::ParameterName, 'Step through the module''s text, for programs without debug information')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mewz;trace' {
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Set a variable of the program''s environment; NAME alone takes the value that it has here')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Set a variable of the program''s environment; NAME alone takes the value that it has here')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'Let the program use a folder; a lone HOST is the path in the guest too')
            [CompletionResult]::new('--disk', '--disk', [CompletionResultType]::ParameterName, 'Let the program use a persistent disk, which `mewz disk create` makes')
            [CompletionResult]::new('--tmp', '--tmp', [CompletionResultType]::ParameterName, 'Give the program a folder that lives in memory and is gone at the end; SIZE limits it')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow')
            [CompletionResult]::new('--publish', '--publish', [CompletionResultType]::ParameterName, 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow')
            [CompletionResult]::new('--listen', '--listen', [CompletionResultType]::ParameterName, 'Hand the program a listening socket for this port of its own: descriptor 3, 4 and so on')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]')
            [CompletionResult]::new('--accel', '--accel', [CompletionResultType]::ParameterName, 'How instructions run; `auto` takes KVM where it can be used [default: auto] [env: MEWZ_ACCEL]')
            [CompletionResult]::new('--machine', '--machine', [CompletionResultType]::ParameterName, 'The machine type [default: microvm] [env: MEWZ_MACHINE]')
            [CompletionResult]::new('--log', '--log', [CompletionResultType]::ParameterName, 'How much of the kernel''s own words is shown [default: warn] [env: MEWZ_LOG]')
            [CompletionResult]::new('-O', '-O ', [CompletionResultType]::ParameterName, 'How much time goes into better code [default: 2 for releases and objects, else 1]')
            [CompletionResult]::new('--opt', '--opt', [CompletionResultType]::ParameterName, 'How much time goes into better code [default: 2 for releases and objects, else 1]')
            [CompletionResult]::new('--regalloc', '--regalloc', [CompletionResultType]::ParameterName, 'How values get their registers [default: backtracking]')
            [CompletionResult]::new('--target-cpu', '--target-cpu', [CompletionResultType]::ParameterName, 'The least processor that the code is made for [default: x86-64-v2]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`')
            [CompletionResult]::new('--qemu', '--qemu', [CompletionResultType]::ParameterName, 'The QEMU to use, a name or a path')
            [CompletionResult]::new('--kernel', '--kernel', [CompletionResultType]::ParameterName, 'A kernel other than the one inside')
            [CompletionResult]::new('--kernel-arg', '--kernel-arg', [CompletionResultType]::ParameterName, 'A word for the kernel''s command line')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End the machine after this time, with status 124 [env: MEWZ_TIMEOUT]')
            [CompletionResult]::new('--profile-generate', '--profile-generate', [CompletionResultType]::ParameterName, 'Count what runs, and write it to FILE when the program ends, for `mewz build --profile FILE`')
            [CompletionResult]::new('--pcap', '--pcap', [CompletionResultType]::ParameterName, 'Write what crosses the program''s network card to FILE, for Wireshark or tcpdump')
            [CompletionResult]::new('--core', '--core', [CompletionResultType]::ParameterName, 'Leave the machine''s memory in FILE when the program crashes, for `mewz debug FILE` [default: .mewz/NAME.core beside the module]')
            [CompletionResult]::new('--calls', '--calls', [CompletionResultType]::ParameterName, 'Print these calls alone: names, or how they begin (`path`, `sock_`)')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to FILE instead of standard error')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to FILE instead of standard error')
            [CompletionResult]::new('--net', '--net', [CompletionResultType]::ParameterName, 'Let the program make connections and resolve names')
            [CompletionResult]::new('--release', '--release', [CompletionResultType]::ParameterName, 'Build and run the project''s release profile')
            [CompletionResult]::new('--no-cache', '--no-cache', [CompletionResultType]::ParameterName, 'Neither use nor keep compiled images and functions')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Tell of a crash in one JSON object, on standard error')
            [CompletionResult]::new('--full-report', '--full-report', [CompletionResultType]::ParameterName, 'Tell of a crash with registers and the last lines of the kernel''s log')
            [CompletionResult]::new('--debuggable', '--debuggable', [CompletionResultType]::ParameterName, 'Let a debugger come to the machine, and let a crash wait for one (`mewz debug --attach`)')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell how much was compiled')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell how much was compiled')
            [CompletionResult]::new('--summary', '--summary', [CompletionResultType]::ParameterName, 'Count calls, failures and time, and print a table at the end')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mewz;profile' {
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Set a variable of the program''s environment; NAME alone takes the value that it has here')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Set a variable of the program''s environment; NAME alone takes the value that it has here')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'Let the program use a folder; a lone HOST is the path in the guest too')
            [CompletionResult]::new('--disk', '--disk', [CompletionResultType]::ParameterName, 'Let the program use a persistent disk, which `mewz disk create` makes')
            [CompletionResult]::new('--tmp', '--tmp', [CompletionResultType]::ParameterName, 'Give the program a folder that lives in memory and is gone at the end; SIZE limits it')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow')
            [CompletionResult]::new('--publish', '--publish', [CompletionResultType]::ParameterName, 'Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow')
            [CompletionResult]::new('--listen', '--listen', [CompletionResultType]::ParameterName, 'Hand the program a listening socket for this port of its own: descriptor 3, 4 and so on')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]')
            [CompletionResult]::new('--accel', '--accel', [CompletionResultType]::ParameterName, 'How instructions run; `auto` takes KVM where it can be used [default: auto] [env: MEWZ_ACCEL]')
            [CompletionResult]::new('--machine', '--machine', [CompletionResultType]::ParameterName, 'The machine type [default: microvm] [env: MEWZ_MACHINE]')
            [CompletionResult]::new('--log', '--log', [CompletionResultType]::ParameterName, 'How much of the kernel''s own words is shown [default: warn] [env: MEWZ_LOG]')
            [CompletionResult]::new('-O', '-O ', [CompletionResultType]::ParameterName, 'How much time goes into better code [default: 2 for releases and objects, else 1]')
            [CompletionResult]::new('--opt', '--opt', [CompletionResultType]::ParameterName, 'How much time goes into better code [default: 2 for releases and objects, else 1]')
            [CompletionResult]::new('--regalloc', '--regalloc', [CompletionResultType]::ParameterName, 'How values get their registers [default: backtracking]')
            [CompletionResult]::new('--target-cpu', '--target-cpu', [CompletionResultType]::ParameterName, 'The least processor that the code is made for [default: x86-64-v2]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`')
            [CompletionResult]::new('--qemu', '--qemu', [CompletionResultType]::ParameterName, 'The QEMU to use, a name or a path')
            [CompletionResult]::new('--kernel', '--kernel', [CompletionResultType]::ParameterName, 'A kernel other than the one inside')
            [CompletionResult]::new('--kernel-arg', '--kernel-arg', [CompletionResultType]::ParameterName, 'A word for the kernel''s command line')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End the machine after this time, with status 124 [env: MEWZ_TIMEOUT]')
            [CompletionResult]::new('--profile-generate', '--profile-generate', [CompletionResultType]::ParameterName, 'Count what runs, and write it to FILE when the program ends, for `mewz build --profile FILE`')
            [CompletionResult]::new('--pcap', '--pcap', [CompletionResultType]::ParameterName, 'Write what crosses the program''s network card to FILE, for Wireshark or tcpdump')
            [CompletionResult]::new('--core', '--core', [CompletionResultType]::ParameterName, 'Leave the machine''s memory in FILE when the program crashes, for `mewz debug FILE` [default: .mewz/NAME.core beside the module]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Where to write; the name''s end says what [default: profile.svg]')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Where to write; the name''s end says what [default: profile.svg]')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'Samples a second, up to 10000')
            [CompletionResult]::new('--net', '--net', [CompletionResultType]::ParameterName, 'Let the program make connections and resolve names')
            [CompletionResult]::new('--release', '--release', [CompletionResultType]::ParameterName, 'Build and run the project''s release profile')
            [CompletionResult]::new('--no-cache', '--no-cache', [CompletionResultType]::ParameterName, 'Neither use nor keep compiled images and functions')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Tell of a crash in one JSON object, on standard error')
            [CompletionResult]::new('--full-report', '--full-report', [CompletionResultType]::ParameterName, 'Tell of a crash with registers and the last lines of the kernel''s log')
            [CompletionResult]::new('--debuggable', '--debuggable', [CompletionResultType]::ParameterName, 'Let a debugger come to the machine, and let a crash wait for one (`mewz debug --attach`)')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell how much was compiled')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell how much was compiled')
            [CompletionResult]::new('--idle', '--idle', [CompletionResultType]::ParameterName, 'Keep the time that the machine slept')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mewz;test' {
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'How many machines run at once [default: one for each processor]')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'How many machines run at once [default: one for each processor]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Set a variable of the tests'' environment; NAME alone takes the value that it has here')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Set a variable of the tests'' environment; NAME alone takes the value that it has here')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'Let the tests use a folder; a lone HOST is the path in the guest too')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Memory of each machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory of each machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End a machine after this time; the test that it was at has failed [env: MEWZ_TIMEOUT]')
            [CompletionResult]::new('--release', '--release', [CompletionResultType]::ParameterName, 'Build and run the tests of the release profile')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mewz;build' {
            [CompletionResult]::new('--debug-file', '--debug-file', [CompletionResultType]::ParameterName, 'Write what crash reports and debuggers need of a release image to FILE [default: below .mewz/debug, by build id]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The image to write [default: the module''s name with `.elf`, here; a project''s name, in its folder]')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The image to write [default: the module''s name with `.elf`, here; a project''s name, in its folder]')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Memory in the line that is printed [default: 128MiB]')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory in the line that is printed [default: 128MiB]')
            [CompletionResult]::new('--machine', '--machine', [CompletionResultType]::ParameterName, 'Machine type in the line that is printed [default: microvm]')
            [CompletionResult]::new('--pack', '--pack', [CompletionResultType]::ParameterName, 'Pack a folder into the image, to be read at GUEST')
            [CompletionResult]::new('--tmp', '--tmp', [CompletionResultType]::ParameterName, 'Give the program a folder that lives in memory and is gone at the end; SIZE limits it')
            [CompletionResult]::new('-O', '-O ', [CompletionResultType]::ParameterName, 'How much time goes into better code [default: 2 for releases and objects, else 1]')
            [CompletionResult]::new('--opt', '--opt', [CompletionResultType]::ParameterName, 'How much time goes into better code [default: 2 for releases and objects, else 1]')
            [CompletionResult]::new('--regalloc', '--regalloc', [CompletionResultType]::ParameterName, 'How values get their registers [default: backtracking]')
            [CompletionResult]::new('--target-cpu', '--target-cpu', [CompletionResultType]::ParameterName, 'The least processor that the code is made for [default: x86-64-v2]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`')
            [CompletionResult]::new('--kernel', '--kernel', [CompletionResultType]::ParameterName, 'A kernel other than the one inside')
            [CompletionResult]::new('--release', '--release', [CompletionResultType]::ParameterName, 'Build the project''s release profile; leave symbols and debug information out of the image')
            [CompletionResult]::new('--debuggable', '--debuggable', [CompletionResultType]::ParameterName, 'Put the stub into the image that a debugger talks to, on the machine''s second serial line')
            [CompletionResult]::new('--disks', '--disks', [CompletionResultType]::ParameterName, 'Put the file system of persistent disks into the image; a project with `[[run.disk]]` has it anyway')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell how much was compiled')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell how much was compiled')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of the line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mewz;compile' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The file to write, `-` for standard output; its ending is changed where several kinds are written [default: the module''s name with the kind''s ending, here]')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The file to write, `-` for standard output; its ending is changed where several kinds are written [default: the module''s name with the kind''s ending, here]')
            [CompletionResult]::new('--emit', '--emit', [CompletionResultType]::ParameterName, 'What to write')
            [CompletionResult]::new('--function', '--function', [CompletionResultType]::ParameterName, 'Show this function only, by its name or index, in `asm` and `clif`; may be given several times')
            [CompletionResult]::new('-O', '-O ', [CompletionResultType]::ParameterName, 'How much time goes into better code [default: 2 for releases and objects, else 1]')
            [CompletionResult]::new('--opt', '--opt', [CompletionResultType]::ParameterName, 'How much time goes into better code [default: 2 for releases and objects, else 1]')
            [CompletionResult]::new('--regalloc', '--regalloc', [CompletionResultType]::ParameterName, 'How values get their registers [default: backtracking]')
            [CompletionResult]::new('--target-cpu', '--target-cpu', [CompletionResultType]::ParameterName, 'The least processor that the code is made for [default: x86-64-v2]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`')
            [CompletionResult]::new('--memory-base', '--memory-base', [CompletionResultType]::ParameterName, 'Where linear memory lies: an address that is known now, or `instance` to read it at run time')
            [CompletionResult]::new('--bytes', '--bytes', [CompletionResultType]::ParameterName, 'Show the bytes of machine code in `asm`')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mewz;explain' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mewz;imports' {
            [CompletionResult]::new('--kernel', '--kernel', [CompletionResultType]::ParameterName, 'A kernel other than the one inside')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON array instead of lines')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mewz;size' {
            [CompletionResult]::new('--by', '--by', [CompletionResultType]::ParameterName, 'What bytes are added up by')
            [CompletionResult]::new('--top', '--top', [CompletionResultType]::ParameterName, 'How many lines to show; 0 for all')
            [CompletionResult]::new('-O', '-O ', [CompletionResultType]::ParameterName, 'How much time goes into better code [default: 2 for releases and objects, else 1]')
            [CompletionResult]::new('--opt', '--opt', [CompletionResultType]::ParameterName, 'How much time goes into better code [default: 2 for releases and objects, else 1]')
            [CompletionResult]::new('--regalloc', '--regalloc', [CompletionResultType]::ParameterName, 'How values get their registers [default: backtracking]')
            [CompletionResult]::new('--target-cpu', '--target-cpu', [CompletionResultType]::ParameterName, 'The least processor that the code is made for [default: x86-64-v2]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room; implies `--opt 2`')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object with all lines instead of a table')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mewz;disk' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make an image: an empty disk, or one with a folder''s files')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List files on a disk')
            [CompletionResult]::new('cp', 'cp', [CompletionResultType]::ParameterValue, 'Copy files between this host and a disk')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove files from a disk')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Read all that is on a disk and tell what is wrong')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mewz;disk;create' {
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Size of the disk, from 2MiB to 64GiB')
            [CompletionResult]::new('--size', '--size', [CompletionResultType]::ParameterName, 'Size of the disk, from 2MiB to 64GiB')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Copy what is in this folder of the host onto it')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mewz;disk;ls' {
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Show kind, names, size and time of the last change of each')
            [CompletionResult]::new('--long', '--long', [CompletionResultType]::ParameterName, 'Show kind, names, size and time of the last change of each')
            [CompletionResult]::new('-R', '-R ', [CompletionResultType]::ParameterName, 'List what is in directories too')
            [CompletionResult]::new('--recursive', '--recursive', [CompletionResultType]::ParameterName, 'List what is in directories too')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON array')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mewz;disk;cp' {
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Copy directories with what is in them')
            [CompletionResult]::new('--recursive', '--recursive', [CompletionResultType]::ParameterName, 'Copy directories with what is in them')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mewz;disk;rm' {
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Remove directories with what is in them')
            [CompletionResult]::new('--recursive', '--recursive', [CompletionResultType]::ParameterName, 'Remove directories with what is in them')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mewz;disk;check' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mewz;disk;help' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make an image: an empty disk, or one with a folder''s files')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List files on a disk')
            [CompletionResult]::new('cp', 'cp', [CompletionResultType]::ParameterValue, 'Copy files between this host and a disk')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove files from a disk')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Read all that is on a disk and tell what is wrong')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mewz;disk;help;create' {
            break
        }
        'mewz;disk;help;ls' {
            break
        }
        'mewz;disk;help;cp' {
            break
        }
        'mewz;disk;help;rm' {
            break
        }
        'mewz;disk;help;check' {
            break
        }
        'mewz;disk;help;help' {
            break
        }
        'mewz;config' {
            [CompletionResult]::new('--set', '--set', [CompletionResultType]::ParameterName, 'Leave out what nobody has set')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print a JSON array with key, value and place of each')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mewz;schema' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mewz;doctor' {
            [CompletionResult]::new('--qemu', '--qemu', [CompletionResultType]::ParameterName, 'The QEMU to look at, a name or a path')
            [CompletionResult]::new('--fix', '--fix', [CompletionResultType]::ParameterName, 'Run the commands that mend what was found, each after a question')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'With --fix: run those for problems without asking; what is absent and not needed stays so')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of lines')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mewz;completions' {
            [CompletionResult]::new('--static', '--static', [CompletionResultType]::ParameterName, 'Print one that completes names of commands and options only, without running mewz')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mewz;man' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mewz;help' {
            [CompletionResult]::new('new', 'new', [CompletionResultType]::ParameterValue, 'Begin a project from a template')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write a mewz.toml for the program in a folder')
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Boot a module, a project or an image, and end with its exit status')
            [CompletionResult]::new('dev', 'dev', [CompletionResultType]::ParameterValue, 'Build, run, and do it again at every save')
            [CompletionResult]::new('debug', 'debug', [CompletionResultType]::ParameterValue, 'Run a program in gdb: the machine stops before its first instruction')
            [CompletionResult]::new('trace', 'trace', [CompletionResultType]::ParameterValue, 'Run a program and print its calls of WASI: arguments, results, times')
            [CompletionResult]::new('profile', 'profile', [CompletionResultType]::ParameterValue, 'Run a program and sample where its time goes, in the program and in the kernel')
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Run a project''s tests as unikernels')
            [CompletionResult]::new('build', 'build', [CompletionResultType]::ParameterValue, 'Build an image that boots without mewz, and print the line that boots it')
            [CompletionResult]::new('compile', 'compile', [CompletionResultType]::ParameterValue, 'Compile a module into an object that a linker takes')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Tell a crash in an image''s console log with functions and lines')
            [CompletionResult]::new('imports', 'imports', [CompletionResultType]::ParameterValue, 'List what a module imports, and whether the kernel answers it')
            [CompletionResult]::new('size', 'size', [CompletionResultType]::ParameterValue, 'Show what takes how many bytes, or what changed between two files')
            [CompletionResult]::new('disk', 'disk', [CompletionResultType]::ParameterValue, 'Make images of persistent disks, and look at and copy what is on them')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Print the settings that hold here, and where each comes from')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON schema of mewz.toml')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Look at what mewz needs on this machine, and at what would mend it')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a shell''s completion script')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Write the manual pages into a folder')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mewz;help;new' {
            break
        }
        'mewz;help;init' {
            break
        }
        'mewz;help;run' {
            break
        }
        'mewz;help;dev' {
            break
        }
        'mewz;help;debug' {
            break
        }
        'mewz;help;trace' {
            break
        }
        'mewz;help;profile' {
            break
        }
        'mewz;help;test' {
            break
        }
        'mewz;help;build' {
            break
        }
        'mewz;help;compile' {
            break
        }
        'mewz;help;explain' {
            break
        }
        'mewz;help;imports' {
            break
        }
        'mewz;help;size' {
            break
        }
        'mewz;help;disk' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make an image: an empty disk, or one with a folder''s files')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List files on a disk')
            [CompletionResult]::new('cp', 'cp', [CompletionResultType]::ParameterValue, 'Copy files between this host and a disk')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove files from a disk')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Read all that is on a disk and tell what is wrong')
            break
        }
        'mewz;help;disk;create' {
            break
        }
        'mewz;help;disk;ls' {
            break
        }
        'mewz;help;disk;cp' {
            break
        }
        'mewz;help;disk;rm' {
            break
        }
        'mewz;help;disk;check' {
            break
        }
        'mewz;help;config' {
            break
        }
        'mewz;help;schema' {
            break
        }
        'mewz;help;doctor' {
            break
        }
        'mewz;help;completions' {
            break
        }
        'mewz;help;man' {
            break
        }
        'mewz;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
