//! What a kernel with the debugger's stub tells of a program that is watched: its calls, and where it spends its time.

/// Bytes in front of the texts of a [`CallReport`].
const HEAD_BYTES: usize = 24;

/// Most bytes of an encoded [`CallReport`]: it fits in one record, and texts that are longer are cut.
pub const CALL_REPORT_BYTES_MAX: usize = 2048;

/// A call of WASI, in words. Encoded: start and end (nanoseconds since the machine's start, u64 each, little endian; an
/// end of `u64::MAX` is none yet), errno (u16), bytes of the name (u16) and of the arguments (u16), two zero bytes; then name, arguments and
/// results, in UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallReport<'a> {
    /// When it began, in nanoseconds since the machine's start.
    pub start_ns: u64,
    /// When it ended. Without, it sleeps, or does not come back.
    pub end_ns: Option<u64>,
    /// Its errno.
    pub errno: u16,
    /// The function.
    pub name: &'a str,
    /// What stands between the parentheses.
    pub arguments: &'a str,
    /// What it stored, where it did.
    pub results: &'a str,
}

impl<'a> CallReport<'a> {
    /// Writes the report to `out`; returns how many bytes it took. What does not fit is cut off.
    pub fn encode(&self, out: &mut [u8; CALL_REPORT_BYTES_MAX]) -> usize {
        let mut len = HEAD_BYTES;
        let texts = [self.name, self.arguments, self.results].map(|text| {
            let text = &text[..text.floor_char_boundary(CALL_REPORT_BYTES_MAX - len)];
            out[len..len + text.len()].copy_from_slice(text.as_bytes());
            len += text.len();
            text.len()
        });
        out[..8].copy_from_slice(&self.start_ns.to_le_bytes());
        out[8..16].copy_from_slice(&self.end_ns.unwrap_or(u64::MAX).to_le_bytes());
        // Shorter than the array.
        let halves = [self.errno, texts[0] as u16, texts[1] as u16, 0];
        for (at, half) in halves.into_iter().enumerate() {
            out[16 + 2 * at..18 + 2 * at].copy_from_slice(&half.to_le_bytes());
        }
        len
    }

    /// Reads a report; `None` where `bytes` can't be one.
    #[must_use]
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (head, texts) = bytes.split_first_chunk::<HEAD_BYTES>()?;
        let double = |at: usize| Some(u64::from_le_bytes(*head[at..].first_chunk()?));
        let half = |at: usize| Some(u16::from_le_bytes(*head[at..].first_chunk()?));
        let texts = core::str::from_utf8(texts).ok()?;
        let (name, rest) = texts.split_at_checked(half(18)?.into())?;
        let (arguments, results) = rest.split_at_checked(half(20)?.into())?;
        Some(Self {
            start_ns: double(0)?,
            end_ns: double(8).filter(|end| *end != u64::MAX),
            errno: half(16)?,
            name,
            arguments,
            results,
        })
    }
}

/// Names of `errno` by number. Source: `typenames.witx` of the WASI repository; from 77 on the crate `wasmedge_wasi_socket` 0.5.
const ERRNO_NAMES: [&str; 88] = [
    "SUCCESS",
    "2BIG",
    "ACCES",
    "ADDRINUSE",
    "ADDRNOTAVAIL",
    "AFNOSUPPORT",
    "AGAIN",
    "ALREADY",
    "BADF",
    "BADMSG",
    "BUSY",
    "CANCELED",
    "CHILD",
    "CONNABORTED",
    "CONNREFUSED",
    "CONNRESET",
    "DEADLK",
    "DESTADDRREQ",
    "DOM",
    "DQUOT",
    "EXIST",
    "FAULT",
    "FBIG",
    "HOSTUNREACH",
    "IDRM",
    "ILSEQ",
    "INPROGRESS",
    "INTR",
    "INVAL",
    "IO",
    "ISCONN",
    "ISDIR",
    "LOOP",
    "MFILE",
    "MLINK",
    "MSGSIZE",
    "MULTIHOP",
    "NAMETOOLONG",
    "NETDOWN",
    "NETRESET",
    "NETUNREACH",
    "NFILE",
    "NOBUFS",
    "NODEV",
    "NOENT",
    "NOEXEC",
    "NOLCK",
    "NOLINK",
    "NOMEM",
    "NOMSG",
    "NOPROTOOPT",
    "NOSPC",
    "NOSYS",
    "NOTCONN",
    "NOTDIR",
    "NOTEMPTY",
    "NOTRECOVERABLE",
    "NOTSOCK",
    "NOTSUP",
    "NOTTY",
    "NXIO",
    "OVERFLOW",
    "OWNERDEAD",
    "PERM",
    "PIPE",
    "PROTO",
    "PROTONOSUPPORT",
    "PROTOTYPE",
    "RANGE",
    "ROFS",
    "SPIPE",
    "SRCH",
    "STALE",
    "TIMEDOUT",
    "TXTBSY",
    "XDEV",
    "NOTCAPABLE",
    "AIADDRFAMILY",
    "AIAGAIN",
    "AIBADFLAG",
    "AIFAIL",
    "AIFAMILY",
    "AIMEMORY",
    "AINODATA",
    "AINONAME",
    "AISERVICE",
    "AISOCKTYPE",
    "AISYSTEM",
];

/// The name of an `errno`.
#[must_use]
pub fn errno_name(number: u16) -> Option<&'static str> {
    ERRNO_NAMES.get(usize::from(number)).copied()
}

/// Most addresses in a [`Sample`].
pub const SAMPLE_LEN_MAX: usize = 128;

/// Nanoseconds of a sample's unit of time.
pub const SAMPLE_TIME_NS: u64 = 10_000;

/// Where the processor was at a moment. Encoded as 32-bit words, little endian: how many addresses follow, the time in units of
/// [`SAMPLE_TIME_NS`] since the machine's start, and the low halves of the addresses: all code lies in the uppermost 4 GiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample<I> {
    /// The time, in units of [`SAMPLE_TIME_NS`] since the machine's start.
    pub time: u32,
    /// The interrupted instruction, then return addresses, innermost first. None: the processor slept.
    pub addresses: I,
}

/// The address whose low half is `low`.
#[must_use]
pub const fn sample_address(low: u32) -> u64 {
    low as u64 | 0xffff_ffff << 32
}

/// Takes the sample at the front of `words`; `None` where there is no whole one.
pub fn next_sample<'a>(
    words: &mut &'a [[u8; 4]],
) -> Option<Sample<impl Iterator<Item = u64> + use<'a>>> {
    let (head, rest) = words.split_first_chunk::<2>()?;
    let [len, time] = head.map(u32::from_le_bytes);
    let len = usize::try_from(len)
        .ok()
        .filter(|len| *len <= SAMPLE_LEN_MAX)?;
    let (addresses, rest) = rest.split_at_checked(len)?;
    *words = rest;
    let addresses = addresses.iter();
    Some(Sample {
        time,
        addresses: addresses.map(|low| sample_address(u32::from_le_bytes(*low))),
    })
}

#[cfg(test)]
mod tests {
    use super::{CALL_REPORT_BYTES_MAX, CallReport, next_sample};

    #[test]
    fn reports_come_back() {
        let mut bytes = [0; CALL_REPORT_BYTES_MAX];
        for end_ns in [None, Some(17)] {
            let report = CallReport {
                start_ns: 3,
                end_ns,
                errno: 8,
                name: "fd_close",
                arguments: "3",
                results: "",
            };
            let len = report.encode(&mut bytes);
            assert_eq!(CallReport::decode(&bytes[..len]), Some(report));
            for len in 0..len - 1 {
                let _ = CallReport::decode(&bytes[..len]);
            }
        }
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let text = "ä".repeat(CALL_REPORT_BYTES_MAX);
        let mut bytes = [0; CALL_REPORT_BYTES_MAX];
        let report = CallReport {
            start_ns: 0,
            end_ns: None,
            errno: 0,
            name: "f",
            arguments: &text,
            results: &text,
        };
        let len = report.encode(&mut bytes);
        let read = CallReport::decode(&bytes[..len]).unwrap();
        assert!(len > CALL_REPORT_BYTES_MAX - 2 && text.starts_with(read.arguments));
    }

    #[test]
    fn samples_are_read_one_by_one() {
        let words = [2, 7, 0x8000_0000, 0x8000_0001, 0, 8, 3].map(u32::to_le_bytes);
        let mut rest = &words[..];
        let first = next_sample(&mut rest).unwrap();
        assert_eq!(first.time, 7);
        assert!(
            first
                .addresses
                .eq([0xffff_ffff_8000_0000, 0xffff_ffff_8000_0001])
        );
        assert_eq!(next_sample(&mut rest).unwrap().addresses.count(), 0);
        assert!(next_sample(&mut rest).is_none());
        assert_eq!(rest.len(), 1);
        let words = [u32::MAX, 0].map(u32::to_le_bytes);
        assert!(next_sample(&mut &words[..]).is_none());
    }
}
