//! The application window: an object at its fixed address in the guest, relocated against the kernel.

use mewz_abi::address::{PAGE_BYTES, WINDOW_BASE, WINDOW_BYTES_MAX, WINDOW_PHYSICAL};
use mewz_abi::application::{
    APPLICATION_VERSION, MISSING_IMPORT_CODE, MissingImport, WINDOW_MAGIC, WindowHeader,
    window_flags,
};
use mewz_abi::symbol;

use super::error::LinkError;
use super::input::{Input, Inputs, Part, SectionId};
use super::kernel::{Kernel, UNWIND_SECTION};
use super::place::{Placed, Room, place};

/// A window, ready to be copied to `WINDOW_PHYSICAL`.
#[derive(Debug)]
pub struct Window<'a> {
    /// The object at its address; `placed.bytes` begins with the [`WindowHeader`].
    pub placed: Placed<'a>,
    /// Function imports that the kernel does not answer: stubs that trap stand for them.
    pub missing: Vec<Missing>,
    /// What names this build.
    pub build_id: [u8; 16],
}

/// A function import that the kernel does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The module's name.
    pub module: String,
    /// The field's name.
    pub field: String,
    /// The symbol that the object wants.
    pub symbol: String,
}

/// Links `object` against `kernel`. The header carries `build_id`, which should be equal for equal inputs only: by default a
/// digest of the kernel and of all that is placed in the window.
///
/// # Errors
///
/// The object is malformed or too large, or wants something that the kernel lacks and that is not a function.
pub fn window<'a>(
    kernel: &Kernel<'_>,
    object: impl Into<Input<'a>>,
    build_id: impl Into<Option<[u8; 16]>>,
) -> Result<Window<'a>, LinkError> {
    window_before_pack(kernel, object, build_id.into(), &[])
}

/// The window of an image that carries `pack`, which begins at [`pack_address`].
pub(super) fn window_before_pack<'a>(
    kernel: &Kernel<'_>,
    object: impl Into<Input<'a>>,
    build_id: Option<[u8; 16]>,
    pack: &[Vec<u8>],
) -> Result<Window<'a>, LinkError> {
    let mut inputs = Inputs::new();
    let header_bytes = size_of::<WindowHeader>() as u64;
    let header = inputs.reserve(".mewz.window", Part::ReadOnly, header_bytes, 64);
    inputs.add(object)?;
    // Debuggers read one section of a kind from the image, of unwind tables too: the object's go behind the kernel's.
    let (address, tables) = kernel.unwind_tables();
    inputs.unload(UNWIND_SECTION, address + tables.len() as u64);
    for (name, bytes) in kernel.debug_sections() {
        inputs.unload(name, bytes);
    }
    let wanted = inputs.undefined(|name| kernel.address(name));
    let missing: Vec<_> = wanted
        .iter()
        .map(|symbol| missing_import(symbol))
        .collect::<Result<_, _>>()?;
    let stubs = Stubs::reserve(&mut inputs, &wanted, &missing);
    let room = Room {
        base: WINDOW_BASE,
        bytes_max: WINDOW_BYTES_MAX,
    };
    let mut placed = place(&inputs, room, |name| kernel.address(name))?;
    let missing_imports = stubs.write(&mut placed, &missing);
    let build_id = match build_id {
        Some(build_id) => build_id,
        None => digest(kernel, &placed, pack),
    };
    let pack_start = pack_address(&placed);
    let pack_bytes = pack.iter().map(Vec::len).sum::<usize>() as u64;
    let end = (pack_start - WINDOW_BASE).saturating_add(pack_bytes);
    if end > WINDOW_BYTES_MAX {
        return Err(LinkError::TooLarge {
            bytes: end,
            bytes_max: WINDOW_BYTES_MAX,
        });
    }
    let header_content = WindowHeader {
        magic: WINDOW_MAGIC,
        version: APPLICATION_VERSION,
        flags: 0,
        build_id,
        application: placed
            .address(symbol::APPLICATION)
            .ok_or(LinkError::NotAnApplication)?,
        read_only_end: placed.read_only_end,
        text_start: placed.text_start,
        text_end: placed.text_end,
        data_start: placed.data_start,
        data_end: placed.data_end,
        zero_end: placed.zero_end,
        missing_imports,
        missing_imports_len: missing.len() as u64,
        pack: match pack {
            [] => 0,
            _ => pack_start - WINDOW_BASE + WINDOW_PHYSICAL,
        },
        pack_bytes,
    };
    write_header(placed.section_mut(header), &header_content);
    Ok(Window {
        placed,
        missing,
        build_id,
    })
}

/// The head of a room that is kept for a window, for a kernel that waits for it: so many bytes from the window's start on.
#[must_use]
pub fn parked_header(room_bytes: u64) -> Vec<u8> {
    let header = WindowHeader {
        magic: WINDOW_MAGIC,
        version: APPLICATION_VERSION,
        flags: window_flags::PARKED,
        build_id: [0; 16],
        application: 0,
        read_only_end: WINDOW_BASE,
        text_start: WINDOW_BASE,
        text_end: WINDOW_BASE,
        data_start: WINDOW_BASE,
        data_end: WINDOW_BASE,
        zero_end: WINDOW_BASE + room_bytes,
        missing_imports: 0,
        missing_imports_len: 0,
        pack: 0,
        pack_bytes: 0,
    };
    let mut bytes = vec![0; size_of::<WindowHeader>()];
    write_header(&mut bytes, &header);
    bytes
}

/// Lets the kernel wait for a debugger before the first instruction of the window whose first bytes are `head`.
pub fn wait_for_debugger(head: &mut [u8]) {
    let at = std::mem::offset_of!(WindowHeader, flags);
    // Bytes as the machine has them: little endian.
    if let Some(low) = head.get_mut(at) {
        *low |= window_flags::WAITS_FOR_DEBUGGER.to_le_bytes()[0];
    }
}

/// The address of an image's pack: the page behind the window.
pub(super) fn pack_address(placed: &Placed<'_>) -> u64 {
    placed.zero_end.next_multiple_of(PAGE_BYTES)
}

/// Names what goes into a machine: the header is still zero.
fn digest(kernel: &Kernel<'_>, placed: &Placed<'_>, pack: &[Vec<u8>]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for number in [
        kernel.bytes.len() as u64,
        placed.read_only_end,
        placed.text_end,
        placed.zero_end,
    ] {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(kernel.bytes).update(&placed.bytes);
    for part in pack {
        hasher.update(part);
    }
    let mut digest = [0; 16];
    hasher.finalize_xof().fill(&mut digest);
    digest
}

/// Reads the symbol of an import back into its parts.
fn missing_import(symbol: &str) -> Result<Missing, LinkError> {
    let undefined = || LinkError::UndefinedSymbol {
        symbol: symbol.to_owned(),
    };
    let parts: Vec<_> = symbol.split('$').collect();
    let (module, field) = match parts.as_slice() {
        [module, field, _] | [module, field, _, _] => (
            decode_part(module).ok_or_else(undefined)?,
            decode_part(field).ok_or_else(undefined)?,
        ),
        _ => return Err(undefined()),
    };
    // Functions have parameters and results behind the field, everything else its kind.
    if let [_, _, kind] = parts.as_slice() {
        let kind = kind.split('.').next().unwrap_or_default();
        return Err(LinkError::MissingImport {
            module,
            field,
            kind: kind.to_lowercase(),
        });
    }
    Ok(Missing {
        module,
        field,
        symbol: symbol.to_owned(),
    })
}

/// Undoes [`symbol::write_part`].
fn decode_part(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let [first, tail @ ..] = rest {
        (bytes, rest) = match (first, tail) {
            (b'.', [high, low, tail @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                bytes.push((digit(high)? << 4 | digit(low)?) as u8);
                (bytes, tail)
            }
            (b'.', _) => return None,
            (byte, tail) => {
                bytes.push(*byte);
                (bytes, tail)
            }
        };
    }
    String::from_utf8(bytes).ok()
}

/// The [`MissingImport`]s and their names.
struct Stubs {
    code: SectionId,
    names: SectionId,
}

const STUB_BYTES: u64 = size_of::<MissingImport>() as u64;

impl Stubs {
    fn reserve<'a>(inputs: &mut Inputs<'a>, symbols: &[&'a str], missing: &[Missing]) -> Self {
        let names_bytes = missing.iter().map(|missing| missing.name().len() as u64);
        let names = inputs.reserve(".mewz.missing.names", Part::ReadOnly, names_bytes.sum(), 1);
        let code_bytes = symbols.len() as u64 * STUB_BYTES;
        let code = inputs.reserve(".mewz.missing", Part::Text, code_bytes, 16);
        for (symbol, at) in symbols.iter().zip(0..) {
            inputs.define(symbol, code, at * STUB_BYTES, STUB_BYTES);
        }
        Self { code, names }
    }

    /// Fills both sections; answers with the address of the first stub.
    fn write(&self, placed: &mut Placed<'_>, missing: &[Missing]) -> u64 {
        let names_address = placed.section_address(self.names);
        let mut code = Vec::new();
        let mut names = Vec::new();
        for missing in missing {
            let name = missing.name();
            code.extend_from_slice(&MISSING_IMPORT_CODE.to_le_bytes());
            code.extend_from_slice(&(names_address + names.len() as u64).to_le_bytes());
            code.extend_from_slice(&(name.len() as u64).to_le_bytes());
            names.extend_from_slice(name.as_bytes());
        }
        placed.section_mut(self.names).copy_from_slice(&names);
        placed.section_mut(self.code).copy_from_slice(&code);
        placed.section_address(self.code)
    }
}

impl Missing {
    /// The import as people write it: `module.field`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.module, self.field)
    }
}

/// Stores `header` in the order of its fields, which is that of its layout: no padding lies between them.
fn write_header(out: &mut [u8], header: &WindowHeader) {
    let mut bytes = Vec::with_capacity(out.len());
    bytes.extend_from_slice(&header.magic.to_le_bytes());
    bytes.extend_from_slice(&header.version.to_le_bytes());
    bytes.extend_from_slice(&header.flags.to_le_bytes());
    bytes.extend_from_slice(&header.build_id);
    for field in [
        header.application,
        header.read_only_end,
        header.text_start,
        header.text_end,
        header.data_start,
        header.data_end,
        header.zero_end,
        header.missing_imports,
        header.missing_imports_len,
        header.pack,
        header.pack_bytes,
    ] {
        bytes.extend_from_slice(&field.to_le_bytes());
    }
    out.copy_from_slice(&bytes);
}

const _: () = assert!(size_of::<WindowHeader>() == 8 + 4 + 4 + 16 + 11 * 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_imports_are_read_back() {
        let missing = missing_import("env$do.2dit$ii$i").unwrap();
        assert_eq!(missing.name(), "env.do-it");
        assert!(missing_import("env$f$$").is_ok());
    }

    #[test]
    fn other_imports_are_errors_that_name_them() {
        let error = missing_import("env$state$Global.i").unwrap_err();
        assert_eq!(
            error,
            LinkError::MissingImport {
                module: "env".into(),
                field: "state".into(),
                kind: "global".into(),
            }
        );
    }

    #[test]
    fn symbols_that_are_no_imports_are_undefined() {
        for symbol in [
            "mewz_memory_grow",
            "a$b",
            "a$b$c$d$e",
            "a.2$b$$",
            "a.zz$b$$",
        ] {
            let error = missing_import(symbol).unwrap_err();
            assert!(
                matches!(error, LinkError::UndefinedSymbol { .. }),
                "{symbol}"
            );
        }
    }
}
