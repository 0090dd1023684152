//! `simulate`: a WeChat on this machine, until it is stopped.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use clap::Args;
use hongyan_simulator::{Latency, RepeatAnswer, Settings, Simulator};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::exit::Code;
use crate::serve::StopSignals;
use crate::{listen, print};

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "port", default_value = "127.0.0.1:9090")]
    listen: SocketAddr,
    #[arg(long)]
    port: Option<u16>,
    #[arg(long, value_name = "none|MS|MIN..MAX", default_value = "none", value_parser = parse_latency)]
    latency: Latency,
    #[arg(long, value_name = "none|MS|MIN..MAX", default_value = "none", value_parser = parse_latency)]
    receipt_delay: Latency,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, value_parser = ["same-msgid", "45065"], default_value = "same-msgid")]
    repeats: String,
    #[arg(long, value_name = "COUNT")]
    daily_quota: Option<u64>,
    #[arg(long, value_name = "SECONDS", default_value_t = 7200, value_parser = clap::value_parser!(u32).range(1..=7200))]
    token_seconds: u32,
}

/// `none`, `0`, `300` or `200..500`, in milliseconds.
pub(crate) fn parse_latency(text: &str) -> Result<Latency, String> {
    let wrong = || format!("{text:?}: none, milliseconds (300) or a range of them (200..500)");
    let ms = |text: &str| text.parse::<u32>().map_err(|_| wrong());
    let (min_ms, max_ms) = match text.split_once("..") {
        None if text == "none" => (0, 0),
        None => (ms(text)?, ms(text)?),
        Some((min, max)) => (ms(min)?, ms(max)?),
    };
    match (min_ms, max_ms) {
        (0, 0) => Ok(Latency::None),
        (min_ms, max_ms) if min_ms <= max_ms => Ok(Latency::Uniform { min_ms, max_ms }),
        _ => Err(wrong()),
    }
}

pub(crate) async fn run(context: &Context, args: &Simulate) -> Result<Code> {
    crate::log::start_quiet();
    let mut signals = StopSignals::listen()?;
    let address = args.port.map_or(args.listen, |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let listener = listen::on(&context.texts, address)?;
    let address = listener.local_addr()?;
    if context.is_for_machines() {
        print::json(
            &serde_json::json!({ "listening": address.to_string(), "url": format!("http://{address}") }),
        );
    }
    context.say("say.simulating", &[("address", &address)]);
    let stop = CancellationToken::new();
    let serving = tokio::spawn(Simulator::new(settings(args)).serve(listener, stop.clone()));
    signals.next().await;
    stop.cancel();
    tokio::select! {
        served = serving => served??,
        () = signals.next() => {}
    }
    Ok(Code::Done)
}

fn settings(args: &Simulate) -> Settings {
    let mut settings = Settings {
        seed: args.seed,
        latency: args.latency,
        daily_quota: args.daily_quota,
        token_seconds: args.token_seconds,
        repeats: if args.repeats == "45065" { RepeatAnswer::Errcode45065 } else { RepeatAnswer::SameMsgid },
        ..Settings::default()
    };
    settings.receipts.delay = args.receipt_delay;
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_is_none_a_number_or_a_range() {
        assert_eq!(parse_latency("none"), Ok(Latency::None));
        assert_eq!(parse_latency("0"), Ok(Latency::None));
        assert_eq!(parse_latency("300"), Ok(Latency::Uniform { min_ms: 300, max_ms: 300 }));
        assert_eq!(parse_latency("200..500"), Ok(Latency::Uniform { min_ms: 200, max_ms: 500 }));
        for wrong in ["", "fast", "500..200", "1..", "-1"] {
            assert!(parse_latency(wrong).is_err(), "{wrong}");
        }
    }
}
