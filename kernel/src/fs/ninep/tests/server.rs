//! A 9p server in memory, which finds files by path as QEMU's does: attributes of a file are gone with its name, while
//! what was opened can still be read and written.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::super::channel::{Channel, ChannelError};

/// Places in a directory lie so far apart that they need more than 32 bits, as those of ext4.
const DIRECTORY_PLACE_SHIFT: u32 = 40;
const ENOENT: u32 = 2;
const EBADF: u32 = 9;
const EEXIST: u32 = 17;
const ENOTDIR: u32 = 20;
const EISDIR: u32 = 21;
const EINVAL: u32 = 22;
const EFBIG: u32 = 27;
const ENOTEMPTY: u32 = 39;
const ELOOP: u32 = 40;

pub(crate) const ROOT: u64 = 1;

const FILE_BYTES_MAX: usize = 1 << 24;

pub(crate) enum Content {
    File(Vec<u8>),
    Directory(BTreeMap<Vec<u8>, u64>),
    Link(Vec<u8>),
}

pub(crate) struct Inode {
    pub(crate) content: Content,
    pub(crate) accessed_s: u64,
    pub(crate) modified_s: u64,
}

struct ServerFid {
    path: Vec<Vec<u8>>,
    opened: Option<u64>,
}

/// Changes a reply before the client sees it.
pub(crate) type Tamper = Box<dyn FnMut(&mut Vec<u8>)>;

pub(crate) struct Server {
    pub(crate) inodes: BTreeMap<u64, Inode>,
    fids: BTreeMap<u32, ServerFid>,
    pub(crate) message_bytes_max: usize,
    /// Types of all requests, in order.
    pub(crate) requests: Vec<u8>,
    pub(crate) tamper: Option<Tamper>,
    pub(crate) deaf: bool,
    /// Attributes of an opened file are those of the file, as with QEMU from 10 on, and not those of its name.
    pub(crate) knows_opened: bool,
    /// A file of this name appears in the root as soon as nothing was found.
    pub(crate) appears: Option<Vec<u8>>,
    /// A walk that ends early is an error, as with QEMU before 7.1.
    pub(crate) fails_whole_walks: bool,
}

/// A server and the way to it.
#[derive(Clone)]
pub(crate) struct SharedServer(pub(crate) Rc<RefCell<Server>>);

impl SharedServer {
    pub(crate) fn new() -> Self {
        let root = Inode::new(Content::Directory(BTreeMap::new()));
        Self(Rc::new(RefCell::new(Server {
            inodes: BTreeMap::from([(ROOT, root)]),
            fids: BTreeMap::new(),
            message_bytes_max: 8192,
            requests: Vec::new(),
            tamper: None,
            deaf: false,
            knows_opened: false,
            appears: None,
            fails_whole_walks: false,
        })))
    }

    /// Puts something at `path`, whose directories are there.
    pub(crate) fn put(&self, path: &str, content: Content) -> u64 {
        let mut server = self.0.borrow_mut();
        let mut names: Vec<_> = path
            .split('/')
            .map(|name| name.as_bytes().to_vec())
            .collect();
        let name = names.pop().unwrap();
        let parent = server.find(&names).unwrap();
        server.add(parent, name, content)
    }

    pub(crate) fn put_file(&self, path: &str, bytes: &[u8]) -> u64 {
        self.put(path, Content::File(bytes.to_vec()))
    }

    pub(crate) fn put_directory(&self, path: &str) -> u64 {
        self.put(path, Content::Directory(BTreeMap::new()))
    }

    pub(crate) fn put_link(&self, path: &str, target: &str) -> u64 {
        self.put(path, Content::Link(target.as_bytes().to_vec()))
    }

    /// The content of the file at `path`.
    pub(crate) fn file(&self, path: &str) -> Option<Vec<u8>> {
        let server = self.0.borrow();
        let names: Vec<_> = path
            .split('/')
            .map(|name| name.as_bytes().to_vec())
            .collect();
        match &server.inodes[&server.find(&names).ok()?].content {
            Content::File(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        let names: Vec<_> = path
            .split('/')
            .map(|name| name.as_bytes().to_vec())
            .collect();
        self.0.borrow().find(&names).is_ok()
    }

    pub(crate) fn fids(&self) -> usize {
        self.0.borrow().fids.len()
    }

    /// Counts requests of a type since the last call.
    pub(crate) fn take_requests(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.borrow_mut().requests)
    }

    pub(crate) fn tamper(&self, change: impl FnMut(&mut Vec<u8>) + 'static) {
        self.0.borrow_mut().tamper = Some(Box::new(change));
    }
}

impl Inode {
    fn new(content: Content) -> Self {
        Self {
            content,
            accessed_s: 1000,
            modified_s: 1000,
        }
    }
}

impl Channel for SharedServer {
    fn message_bytes_max(&self) -> usize {
        self.0.borrow().message_bytes_max
    }

    fn exchange(&mut self, request: &[u8], reply: &mut [u8]) -> Result<usize, ChannelError> {
        let mut server = self.0.borrow_mut();
        if server.deaf {
            return Err(ChannelError::Device);
        }
        let size = u32::from_le_bytes(request[..4].try_into().unwrap());
        assert_eq!(size as usize, request.len());
        let kind = request[4];
        server.requests.push(kind);
        let mut body = Vec::new();
        let mut arguments = Arguments(&request[7..]);
        let kind = match server.answer(kind, &mut arguments, &mut body) {
            Ok(()) => {
                assert!(arguments.0.is_empty(), "bytes left over in request {kind}");
                kind + 1
            }
            Err(errno) => {
                body.clear();
                body.extend(errno.to_le_bytes());
                7
            }
        };
        let mut answer = u32::try_from(body.len() + 7)
            .unwrap()
            .to_le_bytes()
            .to_vec();
        answer.push(kind);
        answer.extend(&request[5..7]);
        answer.extend(body);
        if let Some(tamper) = &mut server.tamper {
            tamper(&mut answer);
        }
        if answer.len() > reply.len() {
            return Err(ChannelError::TooLarge);
        }
        reply[..answer.len()].copy_from_slice(&answer);
        Ok(answer.len())
    }
}

struct Arguments<'a>(&'a [u8]);

impl<'a> Arguments<'a> {
    fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        bytes
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.bytes(2).try_into().unwrap())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.bytes(4).try_into().unwrap())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.bytes(8).try_into().unwrap())
    }

    fn text(&mut self) -> Vec<u8> {
        let len = self.u16();
        self.bytes(len.into()).to_vec()
    }
}

impl Server {
    fn add(&mut self, parent: u64, name: Vec<u8>, content: Content) -> u64 {
        let inode = self.inodes.keys().max().unwrap() + 1;
        self.inodes.insert(inode, Inode::new(content));
        assert!(
            self.directory(parent)
                .unwrap()
                .insert(name, inode)
                .is_none()
        );
        inode
    }

    fn directory(&mut self, inode: u64) -> Result<&mut BTreeMap<Vec<u8>, u64>, u32> {
        match &mut self.inodes.get_mut(&inode).unwrap().content {
            Content::Directory(entries) => Ok(entries),
            _ => Err(ENOTDIR),
        }
    }

    fn find(&self, path: &[Vec<u8>]) -> Result<u64, u32> {
        path.iter()
            .try_fold(ROOT, |inode, name| match &self.inodes[&inode].content {
                Content::Directory(entries) => entries.get(name).copied().ok_or(ENOENT),
                _ => Err(ENOTDIR),
            })
    }

    fn fid(&mut self, fid: u32) -> Result<&mut ServerFid, u32> {
        self.fids.get_mut(&fid).ok_or(EBADF)
    }

    fn inode(&mut self, fid: u32) -> Result<u64, u32> {
        let path = self.fid(fid)?.path.clone();
        self.find(&path)
    }

    fn qid(&self, inode: u64) -> Vec<u8> {
        let kind = match &self.inodes[&inode].content {
            Content::File(_) => 0,
            Content::Directory(_) => 0x80,
            Content::Link(_) => 0x02,
        };
        let mut qid = vec![kind, 0, 0, 0, 0];
        qid.extend(inode.to_le_bytes());
        qid
    }

    fn make(&mut self, fid: u32, name: Vec<u8>, content: Content) -> Result<u64, u32> {
        let parent = self.inode(fid)?;
        if self.directory(parent)?.contains_key(&name) {
            return Err(EEXIST);
        }
        Ok(self.add(parent, name, content))
    }

    fn answer(
        &mut self,
        kind: u8,
        arguments: &mut Arguments<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), u32> {
        match kind {
            100 => {
                let message_bytes = arguments.u32();
                let version = arguments.text();
                assert_eq!(version, b"9P2000.L");
                out.extend(message_bytes.to_le_bytes());
                out.extend(8_u16.to_le_bytes());
                out.extend(version);
            }
            104 => {
                let fid = arguments.u32();
                assert_eq!(arguments.u32(), u32::MAX);
                arguments.text();
                arguments.text();
                arguments.u32();
                let path = Vec::new();
                self.fids.insert(fid, ServerFid { path, opened: None });
                out.extend(self.qid(ROOT));
            }
            110 => {
                let walked = self.walk(arguments, out);
                if let (Err(_), Some(name)) = (walked, self.appears.take()) {
                    self.add(ROOT, name, Content::File(b"appeared".to_vec()));
                }
                walked?;
            }
            12 => {
                let fid = arguments.u32();
                let flags = arguments.u32();
                let inode = self.inode(fid)?;
                match &mut self.inodes.get_mut(&inode).unwrap().content {
                    Content::Link(_) => return Err(ELOOP),
                    Content::Directory(_) if flags & 3 != 0 => return Err(EISDIR),
                    Content::File(_) if flags & 0o200_000 != 0 => return Err(ENOTDIR),
                    Content::File(bytes) if flags & 0o1000 != 0 => bytes.clear(),
                    _ => {}
                }
                self.fid(fid)?.opened = Some(inode);
                out.extend(self.qid(inode));
                out.extend(0_u32.to_le_bytes());
            }
            14 => {
                let fid = arguments.u32();
                let name = arguments.text();
                let (flags, _mode, _group) = (arguments.u32(), arguments.u32(), arguments.u32());
                assert_ne!(flags & 0o200, 0);
                let inode = self.make(fid, name.clone(), Content::File(Vec::new()))?;
                let fid = self.fid(fid)?;
                fid.path.push(name);
                fid.opened = Some(inode);
                out.extend(self.qid(inode));
                out.extend(0_u32.to_le_bytes());
            }
            116 => {
                let (inode, offset) = (self.opened(arguments.u32())?, arguments.u64());
                let count = arguments.u32() as usize;
                let Content::File(bytes) = &self.inodes[&inode].content else {
                    return Err(EISDIR);
                };
                let from = bytes.len().min(usize::try_from(offset).unwrap());
                let data = &bytes[from..bytes.len().min(from + count)];
                out.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
                out.extend(data);
            }
            118 => {
                let (inode, offset) = (self.opened(arguments.u32())?, arguments.u64());
                let count = arguments.u32();
                let data = arguments.bytes(count as usize);
                let Content::File(bytes) = &mut self.inodes.get_mut(&inode).unwrap().content else {
                    return Err(EISDIR);
                };
                let offset = usize::try_from(offset).unwrap();
                if offset > FILE_BYTES_MAX {
                    return Err(EFBIG);
                }
                bytes.resize(bytes.len().max(offset + data.len()), 0);
                bytes[offset..offset + data.len()].copy_from_slice(data);
                out.extend(count.to_le_bytes());
            }
            40 => self.read_directory(arguments, out)?,
            24 => self.get_attributes(arguments, out)?,
            26 => self.set_attributes(arguments)?,
            22 => {
                let inode = self.inode(arguments.u32())?;
                let Content::Link(target) = &self.inodes[&inode].content else {
                    return Err(EINVAL);
                };
                out.extend(u16::try_from(target.len()).unwrap().to_le_bytes());
                out.extend(target);
            }
            50 => {
                let (fid, _data_only) = (arguments.u32(), arguments.u32());
                self.opened(fid)?;
            }
            16 => {
                let (fid, name, target) = (arguments.u32(), arguments.text(), arguments.text());
                arguments.u32();
                let inode = self.make(fid, name, Content::Link(target))?;
                out.extend(self.qid(inode));
            }
            70 => {
                let (directory, fid, name) = (arguments.u32(), arguments.u32(), arguments.text());
                let (parent, inode) = (self.inode(directory)?, self.inode(fid)?);
                if self.directory(parent)?.insert(name, inode).is_some() {
                    return Err(EEXIST);
                }
            }
            72 => {
                let (fid, name) = (arguments.u32(), arguments.text());
                arguments.u64();
                let inode = self.make(fid, name, Content::Directory(BTreeMap::new()))?;
                out.extend(self.qid(inode));
            }
            74 => self.rename(arguments)?,
            76 => {
                let (fid, name, flags) = (arguments.u32(), arguments.text(), arguments.u32());
                let parent = self.inode(fid)?;
                let inode = *self.directory(parent)?.get(&name).ok_or(ENOENT)?;
                match (&self.inodes[&inode].content, flags) {
                    (Content::Directory(_), 0) => return Err(EISDIR),
                    (Content::Directory(entries), 0x200) if !entries.is_empty() => {
                        return Err(ENOTEMPTY);
                    }
                    (Content::Directory(_), 0x200) | (_, 0) => {}
                    (_, 0x200) => return Err(ENOTDIR),
                    _ => return Err(EINVAL),
                }
                self.directory(parent)?.remove(&name);
            }
            120 => {
                let fid = arguments.u32();
                self.fids.remove(&fid).ok_or(EBADF)?;
            }
            _ => return Err(95),
        }
        Ok(())
    }

    fn opened(&mut self, fid: u32) -> Result<u64, u32> {
        self.fid(fid)?.opened.ok_or(EBADF)
    }

    fn walk(&mut self, arguments: &mut Arguments<'_>, out: &mut Vec<u8>) -> Result<(), u32> {
        let (fid, new_fid, count) = (arguments.u32(), arguments.u32(), arguments.u16());
        // Who was told nonsense before may be wrong about this.
        if self.fids.contains_key(&new_fid) {
            assert!(self.tamper.is_some(), "fid {new_fid} is in use");
            return Err(EBADF);
        }
        let mut path = self.fid(fid)?.path.clone();
        let mut qids = Vec::new();
        let mut walked = 0_u16;
        let names: Vec<_> = (0..count).map(|_| arguments.text()).collect();
        for name in names {
            path.push(name);
            match self.find(&path) {
                Ok(inode) => qids.extend(self.qid(inode)),
                Err(errno) if walked == 0 || self.fails_whole_walks => return Err(errno),
                Err(_) => break,
            }
            walked += 1;
        }
        if walked == count {
            self.fids.insert(new_fid, ServerFid { path, opened: None });
        }
        out.extend(walked.to_le_bytes());
        out.extend(qids);
        Ok(())
    }

    fn read_directory(
        &mut self,
        arguments: &mut Arguments<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), u32> {
        let (inode, offset) = (self.opened(arguments.u32())?, arguments.u64());
        let room = arguments.u32() as usize;
        let mut all = vec![(b".".to_vec(), inode), (b"..".to_vec(), inode)];
        all.extend(self.directory(inode)?.clone());
        let mut data = Vec::new();
        let seen = (offset >> DIRECTORY_PLACE_SHIFT) as usize;
        for (index, (name, inode)) in all.into_iter().enumerate().skip(seen) {
            let mut entry = self.qid(inode);
            entry.extend(((index as u64 + 1) << DIRECTORY_PLACE_SHIFT).to_le_bytes());
            entry.push(match &self.inodes[&inode].content {
                Content::File(_) => 8,
                Content::Directory(_) => 4,
                Content::Link(_) => 10,
            });
            entry.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            entry.extend(name);
            if data.len() + entry.len() > room {
                break;
            }
            data.extend(entry);
        }
        out.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        out.extend(data);
        Ok(())
    }

    fn get_attributes(
        &mut self,
        arguments: &mut Arguments<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), u32> {
        let fid = arguments.u32();
        let opened = self.fid(fid)?.opened.filter(|_| self.knows_opened);
        let inode = match opened {
            Some(inode) => inode,
            None => self.inode(fid)?,
        };
        arguments.u64();
        let links = self.links(inode);
        let (mode, size) = match &self.inodes[&inode].content {
            Content::File(bytes) => (0o100_644_u32, bytes.len()),
            Content::Directory(_) => (0o040_755, 4096),
            Content::Link(target) => (0o120_777, target.len()),
        };
        out.extend(0x7ff_u64.to_le_bytes());
        out.extend(self.qid(inode));
        out.extend(mode.to_le_bytes());
        out.extend([0; 8]);
        let node = &self.inodes[&inode];
        let size = size as u64;
        let (accessed, modified) = (node.accessed_s, node.modified_s);
        for value in [
            links, 0, size, 4096, 1, accessed, 1, modified, 2, 3000, 3, 0, 0, 0, 0,
        ] {
            out.extend(value.to_le_bytes());
        }
        Ok(())
    }

    fn links(&self, inode: u64) -> u64 {
        let names = self.inodes.values().map(|node| match &node.content {
            Content::Directory(entries) => {
                entries.values().filter(|named| **named == inode).count()
            }
            _ => 0,
        });
        names.sum::<usize>() as u64
    }

    fn set_attributes(&mut self, arguments: &mut Arguments<'_>) -> Result<(), u32> {
        let (fid, bits) = (arguments.u32(), arguments.u32());
        arguments.bytes(12);
        let size = usize::try_from(arguments.u64()).unwrap();
        let (accessed_s, _) = (arguments.u64(), arguments.u64());
        let (modified_s, _) = (arguments.u64(), arguments.u64());
        let inode = self.inode(fid)?;
        let inode = self.inodes.get_mut(&inode).unwrap();
        if bits & 8 != 0 {
            if size > FILE_BYTES_MAX {
                return Err(EFBIG);
            }
            match &mut inode.content {
                Content::File(bytes) => bytes.resize(size, 0),
                _ => return Err(EISDIR),
            }
        }
        let now = 5000;
        match bits & 0x90 {
            0x10 => inode.accessed_s = now,
            0x90 => inode.accessed_s = accessed_s,
            _ => {}
        }
        match bits & 0x120 {
            0x20 => inode.modified_s = now,
            0x120 => inode.modified_s = modified_s,
            _ => {}
        }
        Ok(())
    }

    fn rename(&mut self, arguments: &mut Arguments<'_>) -> Result<(), u32> {
        let (old_fid, old_name) = (arguments.u32(), arguments.text());
        let (new_fid, new_name) = (arguments.u32(), arguments.text());
        let (old, new) = (self.inode(old_fid)?, self.inode(new_fid)?);
        let inode = self.directory(old)?.remove(&old_name).ok_or(ENOENT)?;
        self.directory(new)?.insert(new_name.clone(), inode);
        let mut old_path = self.fid(old_fid)?.path.clone();
        old_path.push(old_name);
        let mut new_path = self.fid(new_fid)?.path.clone();
        new_path.push(new_name);
        for fid in self.fids.values_mut() {
            if let Some(rest) = fid.path.strip_prefix(&old_path[..]) {
                fid.path = [&new_path[..], rest].concat();
            }
        }
        Ok(())
    }
}
