//! What single entries of the module's DWARF say of names.

use gimli::constants as at;
use gimli::{AttributeValue, UnitOffset, UnitRef};

use super::input::Slice;

/// What an entry says of a function's names.
#[derive(Default)]
pub(super) struct Said<'a> {
    pub(super) name: Option<AttributeValue<Slice<'a>>>,
    pub(super) linkage_name: Option<AttributeValue<Slice<'a>>>,
    pub(super) old_linkage_name: Option<AttributeValue<Slice<'a>>>,
    pub(super) is_external: bool,
    pub(super) origin: Option<AttributeValue<Slice<'a>>>,
    pub(super) specification: Option<AttributeValue<Slice<'a>>>,
}

impl<'a> Said<'a> {
    /// Reads it of the entry at `offset`.
    pub(super) fn read(unit: UnitRef<'_, Slice<'a>>, offset: UnitOffset) -> gimli::Result<Self> {
        let mut said = Self::default();
        let mut entries = unit.entries_raw(Some(offset))?;
        let Some(abbreviation) = entries.read_abbreviation()? else {
            return Err(gimli::Error::NoEntryAtGivenOffset(0));
        };
        for attribute in abbreviation.attributes() {
            let attribute = entries.read_attribute(*attribute)?;
            let place = match attribute.name() {
                at::DW_AT_name => &mut said.name,
                at::DW_AT_linkage_name => &mut said.linkage_name,
                at::DW_AT_MIPS_linkage_name => &mut said.old_linkage_name,
                at::DW_AT_abstract_origin => &mut said.origin,
                at::DW_AT_specification => &mut said.specification,
                name => {
                    said.is_external |= name == at::DW_AT_external;
                    continue;
                }
            };
            // The first of a name counts.
            if place.is_none() {
                *place = Some(attribute.value());
            }
        }
        Ok(said)
    }
}

/// The text of an attribute; `None` for what is empty, or has in it what ends a string for those who read it.
pub(super) fn text<'a>(
    unit: UnitRef<'_, Slice<'a>>,
    value: AttributeValue<Slice<'a>>,
) -> Option<&'a [u8]> {
    let text = unit.attr_string(value).ok()?.slice();
    (!text.is_empty() && !text.contains(&0)).then_some(text)
}

/// The name of the entry at `offset`; nothing where it has none.
pub(super) fn name_at<'a>(unit: UnitRef<'_, Slice<'a>>, offset: UnitOffset) -> &'a [u8] {
    let said = Said::read(unit, offset).ok();
    let name = said.and_then(|said| text(unit, said.name?));
    name.unwrap_or_default()
}
