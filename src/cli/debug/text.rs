//! A module's text as what gdb shows: written beside the module, and debug information that leads to it.

use super::vscode;
use crate::cli::failure::Failure;
use crate::cli::module::Module;
use crate::cli::words;
use crate::compile::with_text;

/// Writes the text of `module`, and lets the module lead debuggers there.
pub(super) fn take(module: &mut Module) -> Result<(), Failure> {
    let path = vscode::symbols_path(&module.path).with_extension("wat");
    let (Some(folder), Some(file)) = (path.parent(), path.file_name()) else {
        return Err(Failure::usage("the module has no name"));
    };
    let made = with_text(
        &module.bytes,
        &folder.to_string_lossy(),
        &file.to_string_lossy(),
    );
    let made = made.map_err(|problem| module.refused(&problem))?;
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, made.text));
    written.map_err(|problem| {
        Failure::new(format!("cannot write `{}`", path.display())).cause(problem)
    })?;
    words::plain(format_args!("the text is in `{}`", path.display()));
    module.bytes = made.wasm;
    Ok(())
}
