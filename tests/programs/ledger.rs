//! Books amounts from standard input into files below a folder, then reads them back: the standard library of Rust on WASI.
//!
//! Usage: ledger FOLDER [STATUS]. Lines are `account;amount;note`. Ends with STATUS, or 1 where a line can't be read.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Debug)]
struct WrongLine {
    number: usize,
    reason: String,
}

impl fmt::Display for WrongLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.number, self.reason)
    }
}

impl Error for WrongLine {}

fn read_amounts(input: impl BufRead) -> Result<BTreeMap<String, Vec<(f64, String)>>, Box<dyn Error>> {
    let mut accounts: BTreeMap<String, Vec<(f64, String)>> = BTreeMap::new();
    for (index, line) in input.lines().enumerate() {
        let line = line?;
        let wrong = |reason: String| WrongLine { number: index + 1, reason };
        let mut parts = line.splitn(3, ';');
        let account = parts.next().filter(|name| !name.is_empty());
        let account = account.ok_or_else(|| wrong("no account".into()))?;
        let amount = parts.next().ok_or_else(|| wrong("no amount".into()))?;
        let amount = amount.trim().parse::<f64>();
        let amount = amount.map_err(|error| wrong(error.to_string()))?;
        let note = parts.next().unwrap_or("").to_uppercase();
        accounts.entry(account.to_string()).or_default().push((amount, note));
    }
    Ok(accounts)
}

fn write_books(folder: &Path, accounts: &BTreeMap<String, Vec<(f64, String)>>) -> io::Result<()> {
    fs::create_dir_all(folder.join("books/old"))?;
    for (account, amounts) in accounts {
        let mut file = BufWriter::new(File::create(folder.join("books").join(account))?);
        for (amount, note) in amounts {
            writeln!(file, "{amount:>12.2} {amount:e} {note:?}")?;
        }
        file.flush()?;
    }
    let summary = folder.join("summary.txt");
    fs::write(&summary, "draft")?;
    fs::rename(&summary, folder.join("books/old/summary.txt"))?;
    let mut file = OpenOptions::new().create(true).append(true).open(&summary)?;
    for (account, amounts) in accounts {
        let sum: f64 = amounts.iter().map(|(amount, _)| amount).sum();
        writeln!(file, "{account:<20}|{sum:+.3}")?;
    }
    let bytes = file.metadata()?.len();
    println!("summary: {bytes} bytes");
    Ok(())
}

fn read_books(folder: &Path) -> io::Result<()> {
    let mut names: Vec<_> = fs::read_dir(folder.join("books"))?.collect::<Result<_, _>>()?;
    names.sort_by_key(|entry| entry.file_name());
    for entry in &names {
        let metadata = entry.metadata()?;
        let name = entry.file_name();
        println!("{name:?}: folder {}, file {}", metadata.is_dir(), metadata.is_file());
        if metadata.is_file() {
            let lines = BufReader::new(File::open(entry.path())?).lines();
            println!("  {} lines, {} bytes", lines.count(), metadata.len());
        }
    }
    let mut file = OpenOptions::new().read(true).write(true).open(folder.join("summary.txt"))?;
    let mut text = String::new();
    file.seek(SeekFrom::Start(5))?;
    file.read_to_string(&mut text)?;
    print!("{text}");
    file.seek(SeekFrom::End(-4))?;
    file.write_all("né\n".as_bytes())?;
    let end = file.stream_position()?;
    file.set_len(end + 100)?;
    fs::copy(folder.join("summary.txt"), folder.join("copy.txt"))?;
    fs::remove_file(folder.join("books/old/summary.txt"))?;
    fs::remove_dir(folder.join("books/old"))?;
    for path in ["missing", "books/old/summary.txt", "summary.txt/inside"] {
        let error = File::open(folder.join(path)).map(|_| ()).unwrap_err();
        println!("{path}: {:?}", error.kind());
    }
    let error = fs::remove_dir(folder.join("books")).unwrap_err();
    println!("books: {error}");
    fs::create_dir_all(folder.join("gone/a/b"))?;
    fs::write(folder.join("gone/a/b/c"), vec![7; 100_000])?;
    fs::remove_dir_all(folder.join("gone"))?;
    println!("gone: {}", folder.join("gone").exists());
    Ok(())
}

fn numbers() {
    let mut product: u128 = 1;
    for factor in 1..=34_u128 {
        product *= factor;
    }
    println!("34! = {product}, root {}, halves {:#x}", (product as f64).sqrt(), product >> 64);
    println!("{:?} {:?}", i64::MIN.checked_div(-1), (300.7_f64 as u8, f32::NAN as i32, -1e20 as i64));
    println!("{:?} {} {}", 0.1 + 0.2, 1.0e15, f64::MIN_POSITIVE / 2.0);
    let words: HashMap<usize, String> = (0..2000).map(|n| (n, format!("{:x}", n * n))).collect();
    let letters: usize = words.values().map(String::len).sum();
    println!("{} words of {letters} letters", words.len());
    let mut sorted: Vec<u64> = (0..50_000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20).collect();
    sorted.sort_unstable();
    println!("{:?} {:?}", &sorted[..2], sorted.windows(2).all(|pair| pair[0] <= pair[1]));
    println!("{}", lanes(&sorted[..4096]));
}

/// A sum of products, four lanes at a time.
#[cfg(target_feature = "simd128")]
fn lanes(values: &[u64]) -> String {
    use std::arch::wasm32::*;
    let mut sums = f32x4_splat(0.0);
    let mut integers = i32x4_splat(0);
    for chunk in values.chunks_exact(4) {
        let vector = u32x4(chunk[0] as u32, chunk[1] as u32, chunk[2] as u32, chunk[3] as u32);
        let floats = f32x4_convert_u32x4(u32x4_shr(vector, 12));
        sums = f32x4_add(sums, f32x4_sqrt(f32x4_pmax(floats, f32x4_splat(2.0))));
        let bytes = i8x16_swizzle(vector, i8x16_add_sat(vector, i8x16_splat(3)));
        integers = i32x4_add(integers, i32x4_dot_i16x8(i16x8_extend_low_i8x16(bytes), vector));
    }
    format!("{:?} {}", f32x4_extract_lane::<1>(sums), i32x4_extract_lane::<2>(integers))
}

#[cfg(not(target_feature = "simd128"))]
fn lanes(values: &[u64]) -> String {
    format!("no lanes, {}", values.len())
}

fn times() {
    let start = Instant::now();
    std::thread::sleep(Duration::from_millis(30));
    let is_long_enough = start.elapsed() >= Duration::from_millis(30);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map(|age| age.as_secs());
    println!("slept: {is_long_enough}, this century: {}", now.unwrap_or(0) > 1_700_000_000);
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut variables: Vec<_> = std::env::vars().collect();
    variables.sort();
    println!("{arguments:?} {variables:?}");
    let folder = Path::new(arguments.first().map_or("/books", String::as_str));
    let result = read_amounts(io::stdin().lock()).and_then(|accounts| {
        write_books(folder, &accounts)?;
        read_books(folder)?;
        Ok(())
    });
    if let Err(error) = result {
        eprintln!("ledger: {error}");
        std::process::exit(1);
    }
    numbers();
    times();
    let status = arguments.get(1).and_then(|status| status.parse().ok());
    std::process::exit(status.unwrap_or(0));
}
