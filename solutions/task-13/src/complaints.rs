//! What Kafka complains of.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;

/// The same complaint is said again after this.
const INTERVAL: Duration = Duration::from_secs(60);

/// Says what Kafka complains of, and does not repeat it all the time: while a broker is away, a complaint
/// comes with every attempt to reach it.
#[derive(Default)]
pub struct Complaints {
    said: HashMap<String, Instant>,
}

impl Complaints {
    /// Prints the complaint on stderr, unless it was printed within the last minute.
    pub fn say(&mut self, error: &KafkaError) {
        let complaint = error.to_string();
        if self.is_due(&complaint, Instant::now()) {
            eprintln!("kafka: {complaint}");
        }
    }

    fn is_due(&mut self, complaint: &str, now: Instant) -> bool {
        self.said.retain(|_, said| now.duration_since(*said) < INTERVAL);
        let due = !self.said.contains_key(complaint);
        if due {
            self.said.insert(complaint.to_owned(), now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_once_a_minute() {
        let mut complaints = Complaints::default();
        let now = Instant::now();
        assert!(complaints.is_due("all brokers are down", now));
        assert!(!complaints.is_due("all brokers are down", now + INTERVAL / 2));
        assert!(complaints.is_due("a member is unknown", now + INTERVAL / 2), "another one is news");
        assert!(complaints.is_due("all brokers are down", now + INTERVAL));
        assert!(!complaints.is_due("a member is unknown", now + INTERVAL));
    }
}
