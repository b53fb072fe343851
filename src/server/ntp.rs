//! A time server on 127.0.0.1 that tells the time with an offset: MinIO judges locks by the one that
//! `MINIO_NTP_SERVER` names. Format: RFC 5905, section 7.3; only the fields that a client needs are meant.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::time::Clock;

/// Seconds from 1900 to 1970, by which NTP's first era is ahead of Unix.
const ERA: i64 = 2_208_988_800;

/// The length of a packet without extensions.
const PACKET: usize = 48;

/// A running time server. Dropping it ends it.
#[derive(Debug)]
pub struct TimeServer {
    address: SocketAddr,
    offset_ms: Arc<AtomicI64>,
    task: JoinHandle<()>,
}

impl TimeServer {
    /// Starts one on a free port; it tells the time of `clock`.
    ///
    /// # Errors
    /// The operating system's, if there is no port.
    pub async fn start(clock: Clock) -> std::io::Result<Self> {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).await?;
        let address = socket.local_addr()?;
        let offset_ms = Arc::new(AtomicI64::new(0));
        let offset = offset_ms.clone();
        let task = tokio::spawn(async move {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let by = TimeDelta::milliseconds(offset.load(Ordering::Relaxed));
                let now = clock.now().checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC);
                if let Some(answer) = answer(&buffer[..length], now) {
                    let _ = socket.send_to(&answer, from).await;
                }
            }
        });
        Ok(Self { address, offset_ms, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How far the time that it tells is ahead of the clock; negative is behind.
    #[must_use]
    pub fn offset(&self) -> TimeDelta {
        TimeDelta::milliseconds(self.offset_ms.load(Ordering::Relaxed))
    }

    /// Moves the time that it tells.
    pub fn shift(&self, by: TimeDelta) {
        self.offset_ms.fetch_add(by.num_milliseconds(), Ordering::Relaxed);
    }
}

impl Drop for TimeServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An instant as NTP writes it: 32 bits of seconds since 1900, 32 bits of fractions.
fn stamp(now: DateTime<Utc>) -> [u8; 8] {
    // The seconds wrap around with the era (2036), as the format wants it.
    let seconds = u64::try_from((now.timestamp() + ERA).rem_euclid(1 << 32)).unwrap_or(0);
    let fraction = (u64::from(now.timestamp_subsec_nanos()) << 32) / 1_000_000_000;
    ((seconds << 32) | fraction.min(u64::from(u32::MAX))).to_be_bytes()
}

/// The answer to a client's packet; nothing to anything else.
fn answer(packet: &[u8], now: DateTime<Utc>) -> Option<[u8; PACKET]> {
    const CLIENT: u8 = 3;
    const SERVER: u8 = 4;
    let (first, transmitted) = (*packet.first()?, packet.get(40..PACKET)?);
    if first & 7 != CLIENT {
        return None;
    }
    let mut out = [0; PACKET];
    // No leap second, the client's version, mode server; a primary server, precise to about a microsecond.
    out[0] = (first & 0b0011_1000) | SERVER;
    (out[1], out[3]) = (1, 0xEC);
    out[12..16].copy_from_slice(b"LOCL");
    let now = stamp(now);
    out[16..24].copy_from_slice(&now);
    out[24..32].copy_from_slice(transmitted);
    out[32..40].copy_from_slice(&now);
    out[40..].copy_from_slice(&now);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_the_format_wants_them() {
        let at = |seconds, nanos| DateTime::from_timestamp(seconds, nanos).expect("an instant");
        assert_eq!(stamp(at(0, 0)), [0x83, 0xAA, 0x7E, 0x80, 0, 0, 0, 0]);
        assert_eq!(stamp(at(0, 500_000_000))[4..], [0x80, 0, 0, 0]);
        // The era ends on 2036-02-07 06:28:16.
        assert_eq!(stamp(at(2_085_978_496, 0)), [0; 8]);
    }

    #[tokio::test]
    async fn it_tells_the_time_with_its_offset_and_answers_clients_only() {
        let start = DateTime::from_timestamp(1_800_000_000, 0).expect("an instant");
        let server = TimeServer::start(Clock::virtual_at(start)).await.expect("a port");
        let socket = UdpSocket::bind(("127.0.0.1", 0)).await.expect("a port");
        let mut query = [0_u8; PACKET];
        (query[0], query[40]) = (0b0010_0011, 7);
        server.shift(TimeDelta::hours(2));
        socket.send_to(&query, server.address()).await.expect("sent");
        let mut reply = [0; 128];
        let (length, _) = socket.recv_from(&mut reply).await.expect("an answer");
        assert_eq!((length, reply[0], reply[24]), (PACKET, 0b0010_0100, 7));
        assert_eq!(reply[40..48], stamp(start + TimeDelta::hours(2)));
        assert_eq!(server.offset(), TimeDelta::hours(2));
        assert_eq!(answer(&reply[..length], start), None);
        assert_eq!(answer(&query[..20], start), None);
    }
}
