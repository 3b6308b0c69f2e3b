
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
            cand run 'Run'
            cand build 'Build'
            cand compile 'Compile'
            cand imports 'Imports'
            cand completions 'Print a shell''s completion script'
            cand man 'Write the manual pages into a folder'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mewz;new'= {
            cand --template '`wat`, `c`, `rust`, `zig`, a folder, or the address of a Git repository [default: wat]'
            cand --name 'The project''s name [default: the folder''s]'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mewz;run'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mewz;build'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mewz;compile'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mewz;imports'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mewz;completions'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mewz;man'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mewz;help'= {
            cand new 'Begin a project from a template'
            cand run 'Run'
            cand build 'Build'
            cand compile 'Compile'
            cand imports 'Imports'
            cand completions 'Print a shell''s completion script'
            cand man 'Write the manual pages into a folder'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mewz;help;new'= {
        }
        &'mewz;help;run'= {
        }
        &'mewz;help;build'= {
        }
        &'mewz;help;compile'= {
        }
        &'mewz;help;imports'= {
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
