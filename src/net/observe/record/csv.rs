//! Rows as CSV (RFC 4180): the same as in JSON, in fixed columns, after a line with their names.
//!
//! A cell is empty where a row has no such field, or null. Lists are cells of JSON. A line end within a text becomes a
//! space, so that each row is one line.

use csv::{Terminator, Writer, WriterBuilder};
use serde_json::Value;
use std::io;
use std::sync::{Mutex, PoisonError};

use super::{Format, RecordFile, Row};

/// How a file of such rows begins.
pub(super) const BEGINNING: &str = "type,time_ns,";

/// The columns: their names, and where in the row of JSON their values are (RFC 6901).
pub(super) const COLUMNS: &[(&str, &str)] = &[
    ("type", "/type"),
    ("time_ns", "/time_ns"),
    ("seq", "/seq"),
    ("from", "/from"),
    ("to", "/to"),
    ("bytes", "/bytes"),
    ("state", "/state"),
    ("rtt_ns", "/rtt_ns"),
    ("clock", "/clock"),
    ("icmp_type", "/icmp/type"),
    ("icmp_code", "/icmp/code"),
    ("icmp_name", "/icmp/name"),
    ("icmp_offender", "/icmp/offender"),
    ("error", "/error"),
    ("flow", "/flow"),
    ("number", "/number"),
    ("verdict", "/verdict"),
    ("detail", "/detail"),
    ("origin", "/origin"),
    ("draws", "/draws"),
    ("schema", "/schema"),
    ("pingscript", "/pingscript"),
    ("script", "/script"),
    ("args", "/args"),
    ("seed", "/seed"),
    ("clocks", "/clocks"),
    ("sent", "/sent"),
    ("replied", "/replied"),
    ("errored", "/errored"),
    ("timed_out", "/timed_out"),
    ("pending", "/pending"),
    ("late", "/late"),
    ("duplicate", "/duplicate"),
    ("reordered", "/reordered"),
    ("foreign", "/foreign"),
    ("truncated", "/truncated"),
    ("corrupt", "/corrupt"),
    ("unmatched", "/unmatched"),
    ("stray_errors", "/stray_errors"),
    ("advisory", "/advisory"),
    ("missed_slots", "/missed_slots"),
    ("ttl", "/ttl"),
    ("loss_lost", "/loss/lost"),
    ("loss_of", "/loss/of"),
    ("loss_rate", "/loss/rate"),
    ("loss_low", "/loss/low"),
    ("loss_high", "/loss/high"),
    ("rtt_min_ns", "/rtt/min_ns"),
    ("rtt_mean_ns", "/rtt/mean_ns"),
    ("rtt_max_ns", "/rtt/max_ns"),
    ("rtt_mdev_ns", "/rtt/mdev_ns"),
    ("rtt_p50_ns", "/rtt/p50_ns"),
    ("rtt_p90_ns", "/rtt/p90_ns"),
    ("rtt_p99_ns", "/rtt/p99_ns"),
    ("policies", "/policies"),
    ("kernel_drops", "/kernel_drops"),
    ("unexplained", "/unexplained"),
    ("host", "/host"),
    ("at", "/at"),
    ("why", "/why"),
    ("event", "/event"),
    ("outcome", "/outcome"),
    ("took_ns", "/took_ns"),
    ("sent_bytes", "/sent_bytes"),
    ("received_bytes", "/received_bytes"),
    ("ignored", "/ignored"),
    ("reorder_extent", "/reorder_extent"),
    ("loss_runs", "/loss/runs"),
    ("loss_longest", "/loss/longest"),
    ("rtt_jitter_ns", "/rtt/jitter_ns"),
    ("rtt_ipdv_ns", "/rtt/ipdv_ns"),
    ("rtt_pdv_p99_ns", "/rtt/pdv_p99_ns"),
    ("values", "/values"),
    ("arrival_ns", "/arrival_ns"),
    ("lost_ns", "/lost_ns"),
    ("link", "/link"),
    ("from_host", "/from_host"),
    ("to_host", "/to_host"),
    ("protocol", "/protocol"),
    ("size", "/size"),
    ("tcp_flags", "/tcp/flags"),
    ("tcp_seq", "/tcp/seq"),
    ("tcp_ack", "/tcp/ack"),
    ("tcp_window", "/tcp/window"),
    ("tcp_retransmission", "/tcp/retransmission"),
    ("icmp_id", "/icmp/id"),
    ("icmp_seq", "/icmp/seq"),
    ("text", "/text"),
    ("fate", "/fate"),
    ("cause", "/cause"),
    ("waited_ns", "/waited_ns"),
    ("out_of_order", "/out_of_order"),
    ("what", "/what"),
    ("after_ns", "/after_ns"),
    ("lab", "/lab"),
    ("name", "/name"),
    ("addrs", "/addrs"),
    ("router", "/router"),
    ("ends", "/ends"),
    ("delay_ns", "/delay_ns"),
    ("jitter_ns", "/jitter_ns"),
    ("rate", "/rate"),
    ("queue", "/queue"),
    ("mtu", "/mtu"),
    ("group", "/group"),
    ("points", "/points"),
    ("max_points", "/max_points"),
    ("passed", "/passed"),
    ("actual", "/actual"),
    ("expected", "/expected"),
    ("words", "/words"),
    ("hidden", "/hidden"),
];

/// Writes rows as CSV.
#[derive(Debug)]
pub(super) struct Csv(Mutex<Writer<Pushed>>);

/// The place as something to write to, a whole row at a time.
#[derive(Debug)]
struct Pushed(RecordFile);

impl io::Write for Pushed {
    fn write(&mut self, row: &[u8]) -> io::Result<usize> {
        self.0.push(row);
        Ok(row.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Csv {
    /// Writes to `place`, the names of the columns first.
    pub(super) fn new(place: RecordFile) -> Self {
        let csv = Self(Mutex::new(WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Pushed(place))));
        csv.record(COLUMNS.iter().map(|(name, _)| (*name).to_string()));
        csv
    }

    fn record(&self, cells: impl Iterator<Item = String>) {
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What the place does with a row cannot fail, and each row has as many cells as the first.
        let _ = writer.write_record(cells).and_then(|()| Ok(writer.flush()?));
    }
}

impl Format for Csv {
    fn write(&self, row: &Row<'_>) {
        let row = serde_json::to_value(row).unwrap_or_default();
        self.record(COLUMNS.iter().map(|(_, pointer)| cell(row.pointer(pointer))));
    }
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.replace(['\r', '\n'], " "),
        Some(other) => other.to_string(),
    }
}
