//! The application window: what the linker put there, checked once.

use core::slice;

use mewz_abi::address::{PAGE_BYTES, WINDOW_BASE, WINDOW_BYTES_MAX, WINDOW_PHYSICAL};
use mewz_abi::application::{
    APPLICATION_MAGIC, APPLICATION_VERSION, Application, Export, MISSING_IMPORT_CODE,
    MissingImport, TrapSite, WINDOW_MAGIC, WindowHeader, export_kind, window_flags,
};
use mewz_abi::exception::{Exception, Exceptions};
use mewz_abi::trap::TrapKind;

use super::direct;
use super::paging::WindowBounds;
use super::start_information::PhysicalRange;

/// Why there is nothing to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WindowError {
    /// No window was linked to the kernel.
    NoApplication,
    /// The window was made by another version.
    Version(u32),
    /// Its parts don't fit together.
    Broken(&'static str),
    /// It ends beyond the memory of the machine; so many bytes are needed.
    TooLarge(u64),
}

/// The application window.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    header: WindowHeader,
}

impl Window {
    /// Looks at the window's place in physical memory.
    ///
    /// # Errors
    ///
    /// There is no window, or not one that this kernel can use.
    pub(crate) fn find(memory: &[PhysicalRange]) -> Result<Self, WindowError> {
        let is_memory = |end: u64| {
            memory
                .iter()
                .any(|range| range.start <= WINDOW_PHYSICAL && range.end >= end)
        };
        let head_end = WINDOW_PHYSICAL + size_of::<WindowHeader>() as u64;
        if !is_memory(head_end) {
            return Err(WindowError::TooLarge(head_end));
        }
        let place = direct::pointer::<WindowHeader>(WINDOW_PHYSICAL);
        // SAFETY: the range is memory that is mapped; a header is plain integers. The host may have changed it since the last
        // look, and says so before it is asked for again.
        let header = unsafe { place.read_volatile() };
        if header.magic != WINDOW_MAGIC {
            return Err(WindowError::NoApplication);
        }
        if header.version != APPLICATION_VERSION {
            return Err(WindowError::Version(header.version));
        }
        let window = Self { header };
        window.check_bounds()?;
        if !is_memory(window.physical_end()) {
            return Err(WindowError::TooLarge(window.physical_end()));
        }
        Ok(window)
    }

    /// Checks what [`Window::find`] could not: call it when the window is mapped, before anything else is asked.
    ///
    /// # Errors
    ///
    /// The descriptor is not one, or lies elsewhere.
    pub(crate) fn check_application(&self) -> Result<(), WindowError> {
        let header = &self.header;
        let application = header.application;
        let bytes = size_of::<Application>() as u64;
        if !self.holds(application, bytes) || !application.is_multiple_of(8) {
            return Err(WindowError::Broken("the descriptor lies outside"));
        }
        let descriptor = self.application();
        if descriptor.magic != APPLICATION_MAGIC {
            return Err(WindowError::Broken("the descriptor has no magic"));
        }
        if descriptor.version != APPLICATION_VERSION {
            return Err(WindowError::Version(descriptor.version));
        }
        let arrays = [
            (descriptor.memories, descriptor.memories_len, 8),
            (descriptor.tables, descriptor.tables_len, 8),
            (
                descriptor.exports,
                descriptor.exports_len,
                size_of::<Export>() as u64,
            ),
            (
                descriptor.traps,
                descriptor.traps_len,
                size_of::<TrapSite>() as u64,
            ),
            (descriptor.counters, descriptor.counters_len, 8),
            (
                header.missing_imports,
                header.missing_imports_len,
                size_of::<MissingImport>() as u64,
            ),
        ];
        for (start, len, item) in arrays {
            let is_inside = len == 0
                || len
                    .checked_mul(item)
                    .is_some_and(|bytes| self.holds(start, bytes));
            if !is_inside {
                return Err(WindowError::Broken("an array lies outside"));
            }
        }
        let is_text = |address: u64| (header.text_start..header.text_end).contains(&address);
        if !is_text(descriptor.instantiate) || (descriptor.start != 0 && !is_text(descriptor.start))
        {
            return Err(WindowError::Broken("an entry lies outside the code"));
        }
        Ok(())
    }

    /// Whether this is only the room of a window that is still to come.
    pub(crate) fn is_parked(&self) -> bool {
        self.header.flags & window_flags::PARKED != 0
    }

    /// Whether the application is to wait for a debugger.
    pub(crate) fn waits_for_debugger(&self) -> bool {
        self.header.flags & window_flags::WAITS_FOR_DEBUGGER != 0
    }

    /// Names the build.
    pub(crate) fn build_id(&self) -> [u8; 16] {
        self.header.build_id
    }

    /// The first physical address after the window and the pack behind it.
    pub(crate) fn physical_end(&self) -> u64 {
        let window_end = self.header.zero_end - WINDOW_BASE + WINDOW_PHYSICAL;
        match self.header.pack_bytes {
            0 => window_end,
            // `check_bounds` found that the sum fits.
            bytes => window_end.max(self.header.pack + bytes),
        }
    }

    /// What the image carries along: a pack, or nothing.
    pub(crate) fn pack(&self) -> &'static [u8] {
        if self.header.pack_bytes == 0 {
            return &[];
        }
        // SAFETY: `find` found memory up to the pack's end, and `check_bounds` that it begins behind the window; it is taken
        // out of the free memory, so nobody writes there.
        unsafe { direct::bytes(self.header.pack, self.header.pack_bytes as usize) }
    }

    /// Where its segments lie.
    pub(crate) fn bounds(&self) -> WindowBounds {
        WindowBounds {
            read_only_end: self.header.read_only_end,
            text_start: self.header.text_start,
            text_end: self.header.text_end,
            data_start: self.header.data_start,
            zero_end: self.header.zero_end,
        }
    }

    /// Clears the data that starts as zero: nobody says that fresh memory is clean.
    pub(crate) fn clear_zero_data(&self) {
        let start = self.header.data_end - WINDOW_BASE + WINDOW_PHYSICAL;
        let bytes = self.header.zero_end - self.header.data_end;
        // SAFETY: `find` found memory up to `zero_end`; the application does not run yet.
        unsafe { direct::bytes_mut(start, bytes as usize) }.fill(0);
    }

    /// The descriptor.
    pub(crate) fn application(&self) -> &'static Application {
        // SAFETY: `check_application` found it inside the mapped window and aligned; nobody writes to it.
        unsafe { &*(self.header.application as *const Application) }
    }

    /// Addresses of the memories' instances; 0 where an imported one was not resolved.
    pub(crate) fn memories(&self) -> &'static [u64] {
        let application = self.application();
        // SAFETY: `check_application` found the array inside the window; the linker fills it and nobody changes it.
        unsafe { array(application.memories, application.memories_len) }
    }

    /// Addresses of the tables' instances.
    pub(crate) fn tables(&self) -> &'static [u64] {
        let application = self.application();
        // SAFETY: `check_application` found the array inside the window; the linker fills it and nobody changes it.
        unsafe { array(application.tables, application.tables_len) }
    }

    /// What the application exports.
    pub(crate) fn exports(&self) -> &'static [Export] {
        let application = self.application();
        // SAFETY: `check_application` found the array inside the window; the linker fills it and nobody changes it.
        unsafe { array(application.exports, application.exports_len) }
    }

    /// The address that is exported as the memory `name`.
    pub(crate) fn exported_memory(&self, name: &[u8]) -> Option<u64> {
        let is_it = |export: &&Export| {
            let len = u64::from(export.name_len);
            export.kind == export_kind::MEMORY
                && self.holds(export.name, len)
                // SAFETY: the name lies inside the window, which is never written there.
                && unsafe { array::<u8>(export.name, len) } == name
        };
        self.exports()
            .iter()
            .find(is_it)
            .map(|export| export.address)
    }

    /// Whether `address` is code of the application or a stub of the linker.
    pub(crate) fn is_text(&self, address: u64) -> bool {
        (self.header.text_start..self.header.text_end).contains(&address)
    }

    /// Whether `bytes` from `address` on can be written by the application as data of the window.
    pub(crate) fn is_data(&self, address: u64, bytes: u64) -> bool {
        address >= self.header.data_start
            && address
                .checked_add(bytes)
                .is_some_and(|end| end <= self.header.zero_end)
    }

    /// The instruction at `address`, if it traps on purpose.
    pub(crate) fn trap_site(&self, address: u64) -> Option<TrapSite> {
        let application = self.application();
        let offset = u32::try_from(address.checked_sub(application.text_start)?).ok()?;
        // SAFETY: `check_application` found the array inside the window; it is never written.
        let sites: &[TrapSite] = unsafe { array(application.traps, application.traps_len) };
        let at = sites
            .binary_search_by_key(&offset, |site| site.code_offset)
            .ok()?;
        TrapKind::from_number(sites[at].kind).map(|_| sites[at])
    }

    /// Address of the tag of the exception that was thrown last; 0 where none was.
    pub(crate) fn thrown_tag(&self) -> u64 {
        let list = self.application().exceptions;
        if !list.is_multiple_of(8) || !self.is_data(list, size_of::<Exceptions>() as u64) {
            return 0;
        }
        // SAFETY: the list lies in the window's data, aligned, and the application does not run meanwhile.
        let list = unsafe { (list as *const Exceptions).read() };
        if list.thrown == 0 {
            return 0;
        }
        // SAFETY: compiled code stores addresses of exceptions alone: they lie in the window or in tables that have grown,
        // which are never given back.
        unsafe { (list.thrown as *const Exception).read() }.tag
    }

    /// What the application has counted, for whoever reads it at the end.
    ///
    /// # Safety
    ///
    /// The application does not run again.
    pub(crate) unsafe fn counters(&self) -> &'static [u8] {
        let application = self.application();
        // SAFETY: `check_application` found the array inside the window, and the caller promises that nobody writes to it.
        unsafe { array(application.counters, application.counters_len * 8) }
    }

    /// The name of the import whose stub holds `address`.
    pub(crate) fn missing_import(&self, address: u64) -> Option<&'static str> {
        // SAFETY: `check_application` found the array inside the window; it is never written.
        let stubs: &[MissingImport] =
            unsafe { array(self.header.missing_imports, self.header.missing_imports_len) };
        let offset = address.checked_sub(self.header.missing_imports)? as usize;
        let stub = stubs.get(offset / size_of::<MissingImport>())?;
        if !offset.is_multiple_of(size_of::<MissingImport>())
            || stub.code & 0xffff != MISSING_IMPORT_CODE
        {
            return None;
        }
        if !self.holds(stub.name, stub.name_len) {
            return None;
        }
        // SAFETY: the name lies inside the window, which is never written there.
        let name = unsafe { array::<u8>(stub.name, stub.name_len) };
        str::from_utf8(name).ok()
    }

    /// Whether `bytes` from `address` on lie inside the window.
    fn holds(&self, address: u64, bytes: u64) -> bool {
        address >= WINDOW_BASE
            && address
                .checked_add(bytes)
                .is_some_and(|end| end <= self.header.zero_end)
    }

    fn check_bounds(&self) -> Result<(), WindowError> {
        let header = &self.header;
        let ascending = [
            WINDOW_BASE,
            header.read_only_end,
            header.text_start,
            header.text_end,
            header.data_start,
            header.data_end,
            header.zero_end,
            WINDOW_BASE + WINDOW_BYTES_MAX,
        ];
        if !ascending.is_sorted() {
            return Err(WindowError::Broken("the segments overlap"));
        }
        if !header.text_start.is_multiple_of(PAGE_BYTES)
            || !header.data_start.is_multiple_of(PAGE_BYTES)
        {
            return Err(WindowError::Broken("a segment starts inside a page"));
        }
        let window_end = header.zero_end - WINDOW_BASE + WINDOW_PHYSICAL;
        let is_behind =
            header.pack >= window_end && header.pack.checked_add(header.pack_bytes).is_some();
        if header.pack_bytes != 0 && !is_behind {
            return Err(WindowError::Broken("the pack lies inside"));
        }
        Ok(())
    }
}

/// The array of `len` items at `start`.
///
/// # Safety
///
/// It lies in mapped memory that nobody writes to, aligned for its items, or is empty.
unsafe fn array<T>(start: u64, len: u64) -> &'static [T] {
    if len == 0 {
        return &[];
    }
    // SAFETY: the caller promises it.
    unsafe { slice::from_raw_parts(start as *const T, len as usize) }
}
