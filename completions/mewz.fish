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
complete -c mewz -n "__fish_mewz_needs_command" -f -a "run" -d 'Run'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "build" -d 'Build'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "compile" -d 'Compile'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "imports" -d 'Imports'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "completions" -d 'Print a shell\'s completion script'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "man" -d 'Write the manual pages into a folder'
complete -c mewz -n "__fish_mewz_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mewz -n "__fish_mewz_using_subcommand new" -l template -d '`wat`, `c`, `rust`, `zig`, a folder, or the address of a Git repository [default: wat]' -r
complete -c mewz -n "__fish_mewz_using_subcommand new" -l name -d 'The project\'s name [default: the folder\'s]' -r
complete -c mewz -n "__fish_mewz_using_subcommand new" -s h -l help -d 'Print help'
complete -c mewz -n "__fish_mewz_using_subcommand run" -s h -l help -d 'Print help'
complete -c mewz -n "__fish_mewz_using_subcommand build" -s h -l help -d 'Print help'
complete -c mewz -n "__fish_mewz_using_subcommand compile" -s h -l help -d 'Print help'
complete -c mewz -n "__fish_mewz_using_subcommand imports" -s h -l help -d 'Print help'
complete -c mewz -n "__fish_mewz_using_subcommand completions" -s h -l help -d 'Print help'
complete -c mewz -n "__fish_mewz_using_subcommand man" -s h -l help -d 'Print help'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new run build compile imports completions man help" -f -a "new" -d 'Begin a project from a template'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new run build compile imports completions man help" -f -a "run" -d 'Run'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new run build compile imports completions man help" -f -a "build" -d 'Build'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new run build compile imports completions man help" -f -a "compile" -d 'Compile'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new run build compile imports completions man help" -f -a "imports" -d 'Imports'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new run build compile imports completions man help" -f -a "completions" -d 'Print a shell\'s completion script'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new run build compile imports completions man help" -f -a "man" -d 'Write the manual pages into a folder'
complete -c mewz -n "__fish_mewz_using_subcommand help; and not __fish_seen_subcommand_from new run build compile imports completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
