# How gdb shows values that it shows wrongly or by their insides alone: arrays of enums, texts and lists of libc++. Written by
# mewz.
import gdb
import re

# libc++'s names, without their version.
STRING = re.compile(r"^std::__\w+::basic_string<char, ")
VECTOR = re.compile(r"^std::__\w+::vector<(?!bool)")


class Elements:
    """An array of enums: by itself gdb lays all of its elements out as the first, shows wrong values, and gives up on some."""

    def __init__(self, address, element, count):
        self.address, self.element, self.count = address, element, count

    def display_hint(self):
        return "array"

    def children(self):
        pointer = self.element.pointer()
        for number in range(self.count):
            place = gdb.Value(self.address + number * self.element.sizeof).cast(pointer)
            yield "[%d]" % number, place.dereference()


def elements(value):
    """The printer of `value`, where it is an array of structures whose layouts depend on what they hold."""
    array = value.type.strip_typedefs()
    if array.code != gdb.TYPE_CODE_ARRAY or value.address is None:
        return None
    element = array.target()
    if element.code != gdb.TYPE_CODE_STRUCT or element.name is None:
        return None
    try:
        # That of the array has become the first element's.
        element = gdb.lookup_type(element.name)
    except gdb.error:
        return None
    if not getattr(element, "dynamic", False):
        return None
    first, last = array.range()
    return Elements(int(value.address), element, last - first + 1)


def has(value, name):
    return any(field.name == name for field in value.type.strip_typedefs().fields())


class String:
    """A text of libc++: short ones are in the string itself."""

    def __init__(self, value):
        self.value = value

    def display_hint(self):
        return "string"

    def to_string(self):
        # Libraries before the 20th wrap it up.
        data = self.value["__rep_"] if has(self.value, "__rep_") else self.value["__r_"]["__value_"]
        # Before the 15th they are in a union without a name, which gdb looks through.
        short, long = data["__s"], data["__l"]
        size = int(short["__size_"])
        if has(short, "__is_long_"):
            is_long = int(short["__is_long_"]) != 0
        else:
            mask = int(self.value["__short_mask"])
            is_long = size & mask != 0
            size = size >> 1 if mask == 1 else size
        if is_long:
            return long["__data_"].string(length=int(long["__size_"]), errors="replace")
        return short["__data_"].address.cast(gdb.lookup_type("char").pointer()).string(length=size, errors="replace")


class Vector:
    """A list of libc++."""

    def __init__(self, value):
        self.begin = value["__begin_"]
        self.count = int(value["__end_"] - self.begin)

    def display_hint(self):
        return "array"

    def to_string(self):
        return "vector of %d" % self.count

    def children(self):
        for number in range(self.count):
            yield "[%d]" % number, (self.begin + number).dereference()


def of_library(value):
    """The printer of a value of libc++."""
    if value.type.strip_typedefs().code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
        value = value.referenced_value()
    kind = value.type.unqualified().strip_typedefs()
    if kind.code != gdb.TYPE_CODE_STRUCT or kind.tag is None:
        return None
    if STRING.match(kind.tag):
        return String(value)
    if VECTOR.match(kind.tag):
        return Vector(value)
    return None


gdb.pretty_printers += [elements, of_library]
