//! The socket, of either kind.

use crate::config::PolicyListen;
use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener, UnixStream},
};

/// What a connection is, whatever the socket.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(super) struct Listener {
    address: PolicyListen,
    socket: Socket,
}

enum Socket {
    Tcp(TcpListener),
    /// With the device and inode of its file.
    Unix(UnixListener, PathBuf, (u64, u64)),
}

impl Listener {
    pub(super) async fn bind(listen: &PolicyListen) -> io::Result<Self> {
        match listen {
            PolicyListen::Tcp(address) => {
                let listener = TcpListener::bind(address).await?;
                let address = PolicyListen::Tcp(listener.local_addr()?);
                Ok(Self { address, socket: Socket::Tcp(listener) })
            }
            PolicyListen::Unix(path) => {
                remove_stale(path).await?;
                let listener = UnixListener::bind(path)?;
                fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
                let socket = Socket::Unix(listener, path.clone(), identity(path)?);
                Ok(Self { address: listen.clone(), socket })
            }
        }
    }

    /// Where it listens, with the port it has got.
    pub(super) fn address(&self) -> &PolicyListen {
        &self.address
    }

    pub(super) async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // An answer is one small write, which nothing follows.
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Socket::Unix(listener, ..) => Box::new(listener.accept().await?.0),
        })
    }

    /// Stops listening. The file is removed first, while nobody else could have
    /// bound it, and only if it is still ours.
    pub(super) fn close(self) {
        if let Socket::Unix(_, path, ours) = &self.socket
            && identity(path).is_ok_and(|now| now == *ours)
            && let Err(error) = fs::remove_file(path)
        {
            tracing::warn!(%error, path = %path.display(), "the policy socket cannot be removed");
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let file = fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}

/// Removes the socket of a server that was killed. One that somebody listens
/// on, and anything that is no socket, stays.
async fn remove_stale(path: &Path) -> io::Result<()> {
    let file = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    if !file.file_type().is_socket() {
        return Err(io::Error::new(
            ErrorKind::AlreadyExists,
            "there is a file of that name that is no socket",
        ));
    }
    match UnixStream::connect(path).await {
        Ok(_) => Err(io::Error::new(ErrorKind::AddrInUse, "another server listens there")),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}
