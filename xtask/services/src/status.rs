//! `status`: what runs, where, and what has died. Its table is that of `up` too.

use std::collections::HashMap;
use std::path::Path;

use drain_services::{Result, Service, log};
use tinyjson::JsonValue;

use crate::standing::Standing;

/// Changes when a program that reads the output would have to change.
const FORMAT: f64 = 1.0;

pub(crate) fn run(services: &[Service], state: &Path, json: bool) -> Result<u8> {
    let standings: Vec<(Service, Standing)> = services
        .iter()
        .map(|&service| Ok((service, Standing::of(service, state)?)))
        .collect::<Result<_>>()?;
    let exit_code = u8::from(standings.iter().any(|(_, standing)| standing.is_broken()));
    if json {
        println!("{}", as_json(&standings, state, exit_code));
    } else {
        for (service, standing) in &standings {
            println!("{:<9} {:<8} {}", service.name(), standing.word(), detail(*service, standing));
        }
    }
    Ok(exit_code)
}

fn detail(service: Service, standing: &Standing) -> String {
    let (name, variable) = (service.name(), service.variable());
    match standing {
        Standing::Outside { address, listens: true } => format!("{address}, as {variable} says"),
        Standing::Outside { address, listens: false } => {
            format!("{address}, as {variable} says, and nobody listens there")
        }
        Standing::Up(server) => {
            format!("{variable}={}  pid {}", service.address(server.port), server.process.pid)
        }
        Standing::Silent(server, why) => {
            format!(
                "pid {} runs and does not serve: {why}; see `cargo xtask services logs {name}`",
                server.process.pid
            )
        }
        Standing::Died(server) => {
            format!(
                "pid {} is gone; see `cargo xtask services logs {name}`, or start a new one: up",
                server.process.pid
            )
        }
        Standing::Down => format!("`cargo xtask services up {name}` starts it"),
    }
}

/// All that is known, for a program.
pub(crate) fn as_json(standings: &[(Service, Standing)], state: &Path, exit_code: u8) -> String {
    let services = standings.iter().map(|(service, standing)| {
        let server = standing.server();
        object([
            ("name", text(service.name())),
            ("state", text(standing.word())),
            ("variable", text(service.variable())),
            ("address", standing.address().map_or(JsonValue::Null, JsonValue::String)),
            ("pid", server.map_or(JsonValue::Null, |server| number(server.process.pid))),
            ("log", server.map_or(JsonValue::Null, |_| text(&log(state, *service).display().to_string()))),
        ])
    });
    let services = JsonValue::Array(services.collect());
    let all = object([("version", number(FORMAT)), ("exit_code", number(exit_code)), ("services", services)]);
    all.stringify().unwrap_or_default()
}

fn object<const N: usize>(fields: [(&str, JsonValue); N]) -> JsonValue {
    JsonValue::Object(HashMap::from(fields.map(|(name, value)| (name.to_owned(), value))))
}

fn text(text: &str) -> JsonValue {
    JsonValue::String(text.to_owned())
}

fn number(number: impl Into<f64>) -> JsonValue {
    JsonValue::Number(number.into())
}
