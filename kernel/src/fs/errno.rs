//! Why a call failed, in the words and numbers of WASI preview 1.

/// An error of a call. Numbers: `errno`, WASI preview 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Errno {
    /// Permission denied.
    Acces = 2,
    /// Nothing now; try again.
    Again = 6,
    /// Not an open descriptor, or not one of the kind that is needed.
    Badf = 8,
    /// In use.
    Busy = 10,
    /// A file of that name is there.
    Exist = 20,
    /// A pointer and length outside linear memory.
    Fault = 21,
    /// The file would become too large.
    Fbig = 22,
    /// Bytes that are not the encoding they should be.
    Ilseq = 25,
    /// Interrupted.
    Intr = 27,
    /// An argument that makes no sense.
    Inval = 28,
    /// The device failed, or its server answered nonsense.
    Io = 29,
    /// A directory where none may be.
    Isdir = 31,
    /// Too many symbolic links on the way.
    Loop = 32,
    /// No descriptor is left.
    Mfile = 33,
    /// The file has too many names.
    Mlink = 34,
    /// A name that is too long.
    Nametoolong = 37,
    /// No file handle is left on the other side.
    Nfile = 41,
    /// No such device.
    Nodev = 43,
    /// No such file.
    Noent = 44,
    /// Not enough memory.
    Nomem = 48,
    /// The disk is full.
    Nospc = 51,
    /// Not there in this kernel.
    Nosys = 52,
    /// A directory is needed.
    Notdir = 54,
    /// The directory is not empty.
    Notempty = 55,
    /// The descriptor is no socket.
    Notsock = 57,
    /// Not supported by this kind of file.
    Notsup = 58,
    /// The device does not know that request.
    Notty = 59,
    /// No such device or address.
    Nxio = 60,
    /// A number that does not fit.
    Overflow = 61,
    /// Not permitted.
    Perm = 63,
    /// Nobody reads at the other end.
    Pipe = 64,
    /// A result outside its range.
    Range = 68,
    /// The file system can't be changed.
    Rofs = 69,
    /// A position in something that has none.
    Spipe = 70,
    /// The file is gone on the server.
    Stale = 72,
    /// It took too long.
    Timedout = 73,
    /// The program is being executed.
    Txtbsy = 74,
    /// Two file systems where one is needed.
    Xdev = 75,
    /// A right that the descriptor does not have, or a path that leaves it.
    Notcapable = 76,
    /// The address is in use.
    Addrinuse = 3,
    /// No such address here.
    Addrnotavail = 4,
    /// No such family of addresses.
    Afnosupport = 5,
    /// The connection was ended before it was accepted.
    Connaborted = 13,
    /// Nobody listens there.
    Connrefused = 14,
    /// The other end broke the connection off.
    Connreset = 15,
    /// An address to send to is needed.
    Destaddrreq = 17,
    /// No way leads to that host.
    Hostunreach = 23,
    /// It has begun and goes on.
    Inprogress = 26,
    /// It is connected already.
    Isconn = 30,
    /// A message that is too long.
    Msgsize = 35,
    /// No way leads to that network.
    Netunreach = 40,
    /// No buffers are left.
    Nobufs = 42,
    /// No such option.
    Noprotoopt = 50,
    /// It is not connected.
    Notconn = 53,
    /// It goes on already.
    Already = 7,
    /// The wrong kind of socket.
    Prototype = 67,
    /// No such protocol.
    Protonosupport = 66,
    /// There is no network.
    Netdown = 38,
    /// The name has no address of that family.
    Aiaddrfamily = 77,
    /// The name can't be resolved now.
    Aiagain = 78,
    /// No such family of addresses to resolve to.
    Aifamily = 81,
    /// Too little memory to resolve the name.
    Aimemory = 82,
    /// No such name.
    Ainoname = 84,
    /// No such service.
    Aiservice = 85,
    /// The quota is used up.
    Dquot = 19,
}

impl Errno {
    /// The number that the application sees.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }
}
