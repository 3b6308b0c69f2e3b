//! Growth of tables.

use alloc::boxed::Box;
use alloc::vec::Vec;

use mewz_abi::application::TableInstance;
use spin::Mutex;

use super::physical;
use super::window::Window;

/// The application's tables, and the elements of those that have outgrown the window.
struct Tables {
    instances: &'static [u64],
    grown: Vec<(u64, Box<[u64]>)>,
}

static TABLES: Mutex<Tables> = Mutex::new(Tables {
    instances: &[],
    grown: Vec::new(),
});

/// Why the tables can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableError {
    /// An imported table that nobody provides, by its index.
    Unresolved(usize),
    /// Its descriptor or its elements lie outside the window's data.
    Broken(usize),
}

/// Notes the tables.
///
/// # Errors
///
/// A table can't be used.
pub(crate) fn start(window: &Window) -> Result<(), TableError> {
    let instances = window.tables();
    for (at, &address) in instances.iter().enumerate() {
        if address == 0 {
            return Err(TableError::Unresolved(at));
        }
        if !address.is_multiple_of(8) || !window.is_data(address, size_of::<TableInstance>() as u64)
        {
            return Err(TableError::Broken(at));
        }
        let table = read_instance(address);
        let is_inside = table.capacity == 0
            || (table.elements.is_multiple_of(8)
                && table
                    .capacity
                    .checked_mul(8)
                    .is_some_and(|bytes| window.is_data(table.elements, bytes)));
        if !is_inside || table.len > table.capacity {
            return Err(TableError::Broken(at));
        }
    }
    TABLES.lock().instances = instances;
    Ok(())
}

/// Answers `table.grow`: the old length, or -1 and nothing has changed.
pub(crate) fn grow(instance: u64, elements: u64, value: u64) -> i64 {
    let mut tables = TABLES.lock();
    if !tables.instances.contains(&instance) {
        return -1;
    }
    let mut table = read_instance(instance);
    let old_len = table.len;
    let Some(new_len) = old_len
        .checked_add(elements)
        .filter(|len| *len <= table.len_max)
    else {
        return -1;
    };
    if new_len > table.capacity {
        let Some(larger) = enlarge(&table, new_len) else {
            return -1;
        };
        table.elements = larger.as_ptr() as u64;
        table.capacity = larger.len() as u64;
        tables.grown.retain(|(of, _)| *of != instance);
        tables.grown.push((instance, larger));
    }
    if elements == 0 {
        return i64::try_from(old_len).unwrap_or(-1);
    }
    // SAFETY: `capacity` elements lie at `elements`, in the window's data or in a box of `grown`, and the application does
    // not run.
    let all =
        unsafe { core::slice::from_raw_parts_mut(table.elements as *mut u64, new_len as usize) };
    all[old_len as usize..].fill(value);
    table.len = new_len;
    write_instance(instance, table);
    i64::try_from(old_len).unwrap_or(-1)
}

/// A copy of a table's elements with room for at least `len`, twice what it had where memory allows; `None` where the
/// machine has too little.
fn enlarge(table: &TableInstance, len: u64) -> Option<Box<[u64]>> {
    let wanted = len.max(table.capacity.saturating_mul(2)).min(table.len_max);
    let fits = |capacity: u64| {
        capacity
            .checked_mul(8)
            .is_some_and(|bytes| bytes <= physical::free_bytes() / 2)
    };
    let capacity = [wanted, len].into_iter().find(|capacity| fits(*capacity))?;
    let mut elements: Vec<u64> = Vec::new();
    elements.try_reserve_exact(capacity as usize).ok()?;
    if table.len > 0 {
        // SAFETY: the table's elements lie there, see `grow`.
        let old = unsafe {
            core::slice::from_raw_parts(table.elements as *const u64, table.len as usize)
        };
        elements.extend_from_slice(old);
    }
    elements.resize(capacity as usize, 0);
    Some(elements.into_boxed_slice())
}

fn read_instance(address: u64) -> TableInstance {
    // SAFETY: `start` found every instance aligned inside the window's data, which is mapped; compiled code only reads it.
    unsafe { (address as *const TableInstance).read_volatile() }
}

fn write_instance(address: u64, instance: TableInstance) {
    // SAFETY: `start` found every instance aligned inside the window's data; the application does not run meanwhile.
    unsafe { (address as *mut TableInstance).write_volatile(instance) };
}
