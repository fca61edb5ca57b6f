/// One subject's times in one case, and what they say.
struct Measurement {
  let subject: String
  let note: String
  var samples: [UInt64] = []
  var peakResidentBytes: UInt64 = 0
  /// Why there are no samples: the program is not installed, or it failed.
  var missing: String?

  init(subject: String, note: String, missing: String? = nil) {
    self.subject = subject
    self.note = note
    self.missing = missing
  }

  var median: UInt64 { quantile(0.5) }
  var p99: UInt64 { quantile(0.99) }

  private func quantile(_ q: Double) -> UInt64 {
    let sorted = samples.sorted()
    return sorted[Int(q * Double(sorted.count - 1) + 0.5)]
  }
}

/// The measurements of one case as a table for people and as JSON for programs.
struct Report {
  let benchmark: String
  let settleMicroseconds: UInt32
  let measurements: [Measurement]

  private func ratio(_ measurement: Measurement, to subject: String) -> Double? {
    guard let base = measurements.first(where: { $0.subject == subject && $0.missing == nil }) else { return nil }
    return Double(measurement.median) / Double(base.median)
  }

  var table: String {
    var lines = [row(["subject", "median ms", "p99 ms", "/ floor", "/ crun", "peak MiB", "what it does"])]
    for measurement in measurements {
      guard measurement.missing == nil else {
        lines.append(row([measurement.subject, "-", "-", "-", "-", "-", "missing: \(measurement.missing ?? "")"]))
        continue
      }
      lines.append(
        row([
          measurement.subject, decimal(Double(measurement.median) / 1e6), decimal(Double(measurement.p99) / 1e6),
          ratio(measurement, to: "floor").map { decimal($0) } ?? "-", ratio(measurement, to: "crun").map { decimal($0) } ?? "-",
          measurement.peakResidentBytes == 0 ? "-" : decimal(Double(measurement.peakResidentBytes) / 1_048_576),
          measurement.note,
        ]))
    }
    return lines.joined(separator: "\n")
  }

  /// A JSON array with one object a subject.
  var json: String {
    let objects = measurements.map { measurement -> String in
      var fields = ["\"case\": \(quoted(benchmark))", "\"subject\": \(quoted(measurement.subject))"]
      if let missing = measurement.missing {
        fields.append("\"missing\": \(quoted(missing))")
      } else {
        fields += [
          "\"median_ns\": \(measurement.median)", "\"p99_ns\": \(measurement.p99)",
          "\"ratio_to_floor\": \(ratio(measurement, to: "floor").map { decimal($0) } ?? "null")",
          "\"ratio_to_crun\": \(ratio(measurement, to: "crun").map { decimal($0) } ?? "null")",
          "\"rounds\": \(measurement.samples.count)", "\"settle_us\": \(settleMicroseconds)",
          "\"peak_rss_bytes\": \(measurement.peakResidentBytes == 0 ? "null" : "\(measurement.peakResidentBytes)")",
        ]
      }
      fields.append("\"note\": \(quoted(measurement.note))")
      return "  {" + fields.joined(separator: ", ") + "}"
    }
    return "[\n" + objects.joined(separator: ",\n") + "\n]\n"
  }

  private func row(_ cells: [String]) -> String {
    let widths = [22, 10, 9, 8, 8, 9]
    return cells.enumerated().map { index, cell in
      guard index < widths.count else { return cell }
      let padding = String(repeating: " ", count: max(0, widths[index] - cell.count))
      return index == 0 ? cell + padding : padding + cell
    }.joined(separator: " ")
  }
}

/// `value` with three decimals, without Foundation.
func decimal(_ value: Double) -> String {
  let thousandths = Int((value * 1000).rounded())
  let fraction = String(thousandths % 1000)
  return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
}

/// `text` as a JSON string.
func quoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\t": result += "\\t"
    case "\0"..<" ":
      let hexadecimal = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - hexadecimal.count) + hexadecimal
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
