//! A literal SMTP server on loopback, for tests.

use std::{
    future::Future,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// It gets every message.
pub(crate) struct SmtpServer {
    pub(crate) url: String,
    taken: Arc<Mutex<Vec<String>>>,
}

impl SmtpServer {
    /// `reply` is given each message and says what the server replies to it.
    pub(crate) async fn start<F>(reply: impl Fn(String) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = &'static str> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let taken = Arc::<Mutex<Vec<String>>>::default();
        let all = Arc::clone(&taken);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (all, reply) = (Arc::clone(&all), reply.clone());
                tokio::spawn(async move {
                    let _ = converse(stream, &all, &reply).await;
                });
            }
        });
        Self { url, taken }
    }

    /// The messages it got, whole.
    pub(crate) fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }
}

async fn converse<F: Future<Output = &'static str>>(
    stream: TcpStream,
    taken: &Mutex<Vec<String>>,
    reply: &(impl Fn(String) -> F + Sync),
) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 mail.test\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let said: &[u8] = match line.get(..4).unwrap_or_default() {
            "DATA" => b"354 go on\r\n",
            "QUIT" => b"221 bye\r\n",
            _ => b"250 ok\r\n",
        };
        write.write_all(said).await?;
        if line == "DATA" {
            let mut message = String::new();
            while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                message.push_str(&line);
                message.push('\n');
            }
            taken.lock().unwrap().push(message.clone());
            write.write_all(format!("{}\r\n", reply(message).await).as_bytes()).await?;
        }
    }
    Ok(())
}
