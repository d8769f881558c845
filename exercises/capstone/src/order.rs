//! What is ordered.

use serde::{Deserialize, Serialize};

const LARGEST_QUANTITY: u32 = 1_000_000;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    pub customer: String,
    pub item: String,
    pub quantity: u32,
}

/// One that has been accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Order {
    pub id: i64,
    #[serde(flatten)]
    pub what: NewOrder,
}

impl NewOrder {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in one sentence.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        // Else an array would do: serde takes one for a struct.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err("no order: not a JSON object".to_owned());
        }
        let order: Self = serde_json::from_slice(body).map_err(|error| format!("no order: {error}"))?;
        for (name, text) in [("customer", &order.customer), ("item", &order.item)] {
            // PostgreSQL has no place for a NUL.
            if text.trim().is_empty() || text.contains('\0') {
                return Err(format!("no order: `{name}` is blank, or has a NUL in it"));
            }
        }
        if !(1..=LARGEST_QUANTITY).contains(&order.quantity) {
            return Err(format!("no order: `quantity` is not from 1 to {LARGEST_QUANTITY}"));
        }
        Ok(order)
    }
}

impl Order {
    /// What others are told of it. Whoever is told twice knows by `event_id`.
    pub fn accepted_event(&self) -> String {
        let Self { id, what } = self;
        let event_id = format!("order-{id}-accepted");
        serde_json::json!({ "event_id": event_id, "order_id": id, "order": what }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_makes_no_sense_is_no_order() {
        assert!(NewOrder::read(br#"{"customer": "ada", "item": "tea", "quantity": 2}"#).is_ok());
        for body in [
            "",
            "tea",
            r#"{"customer": "ada", "item": "tea"}"#,
            r#"{"customer": "ada", "item": "tea", "quantity": 0}"#,
            r#"{"customer": "ada", "item": "tea", "quantity": -1}"#,
            r#"{"customer": "ada", "item": "tea", "quantity": 1.0}"#,
            r#"{"customer": "ada", "item": "tea", "quantity": 1000001}"#,
            r#"{"customer": "", "item": "tea", "quantity": 1}"#,
            r#"{"customer": "ada", "item": "", "quantity": 1}"#,
            r#"{"customer": "ada", "item": " ", "quantity": 1}"#,
            r#"{"customer": "ada", "item": "t\u0000a", "quantity": 1}"#,
            r#"["ada", "tea", 1]"#,
            r#"{"customer": "ada", "item": "tea", "quantity": 1, "discount": 99}"#,
        ] {
            let said = NewOrder::read(body.as_bytes()).unwrap_err();
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }
}
