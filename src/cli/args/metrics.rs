//! Arguments about metrics.

use clap::Args;

use crate::report::metrics::parse_label;

/// Labels of the operator's own.
#[derive(Debug, Clone, Default, Args)]
pub struct LabelArgs {
    /// A label of every metric, such as environment=production (repeatable).
    #[arg(long, value_name = "NAME=VALUE", value_parser = label, help_heading = "Metrics")]
    pub label: Vec<(String, String)>,
}

/// Where metrics go.
#[derive(Debug, Clone, Default, Args)]
pub struct MetricsArgs {
    /// Also write the result as metrics for Prometheus: to a FILE (for the textfile collector of the node exporter; it is
    /// replaced as a whole), or to a Pushgateway (http://HOST:9091).
    // Not parsed here: a message of the parser would show a password that stands in the address.
    #[arg(long, value_name = "FILE|URL", help_heading = "Metrics")]
    pub metrics: Option<String>,
    /// Their labels.
    #[command(flatten)]
    pub labels: LabelArgs,
}

fn label(text: &str) -> Result<(String, String), String> {
    parse_label(text).map_err(|e| format!("{}: {}", e.why, e.hint()))
}
