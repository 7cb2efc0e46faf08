#if Gateway
import Holdfast
import HoldfastHTTP

extension RequestReport {
    /// The report as it stands in the access log, and in `GET /api/explain`. What is not known is left out.
    func write(to json: inout JSONText, tells story: [String] = []) {
        json.object { json in
            json.member("time", time: time)
            json.member("id", id.description)
            json.member("route", route)
            json.member("service", service)
            json.member("method", method)
            json.member("path", path)
            json.member("status", status)
            json.member("outcome", outcome.rawValue)
            json.member("durationSeconds", duration)
            json.member("bytesIn", bytesIn)
            json.member("bytesOut", bytesOut)
            if let client { json.member("client", client) }
            if let traceID { json.member("trace", traceID) }
            if let problem { json.member("problem", problem.rawValue) }
            if !detail.isEmpty { json.member("detail", detail) }
            if let record { json.member("record", record) }
            if !wouldHave.isEmpty {
                json.name("wouldHave")
                json.array { for decision in wouldHave { $0.string(decision) } }
            }
            json.name("attempts")
            json.array { for attempt in attempts { attempt.write(to: &$0) } }
            if let explanation {
                json.name("explanation")
                explanation.write(to: &json)
            }
            if !story.isEmpty {
                json.name("why")
                json.array { for sentence in story { $0.string(sentence) } }
            }
        }
    }

    /// Why it went as it did, in words, in the order in which it happened.
    var story: [String] {
        var story: [String] = []
        for (place, attempt) in attempts.enumerated() {
            let wait = attempt.wait == .zero ? "" : " after a wait of \(attempt.wait.inWords)"
            let began =
                if attempt.isHedge {
                    "Attempt \(place + 1), a hedge beside the one before, went to \(attempt.endpoint)"
                } else if attempt.isProbe {
                    "Attempt \(place + 1) asked \(attempt.endpoint) what became of an earlier request with the key\(wait)"
                } else {
                    "Attempt \(place + 1) went to \(attempt.endpoint)\(wait)"
                }
            let status = attempt.status.map { " with \($0)" } ?? ""
            story.append("\(began) and ended after \(attempt.duration.inWords): \(attempt.ended)\(status).")
        }
        if let explanation { story.append("The \(explanation).") }
        if let problem { story.append("\(problem.title) (\(problem.rawValue))\(detail.isEmpty ? "" : ": \(detail)").") }
        for decision in wouldHave { story.append("If the route did more than watch: \(decision).") }
        switch outcome {
        case .served: story.append("The service's answer, \(status), went to the client.")
        case .rejected: story.append("The gateway answered \(status) in the service's place.")
        case .replayed:
            story.append("The key had an outcome, and the client was given it: \(status). Nothing was executed.")
        case .failed: story.append(status == 0 ? "The client had no whole answer." : "The client was told \(status).")
        case .abandoned: story.append("The client left before it was answered.")
        }
        return story
    }
}

extension RequestReport.Attempt {
    fileprivate func write(to json: inout JSONText) {
        json.object { json in
            json.member("endpoint", endpoint)
            json.member("ended", ended)
            if let status { json.member("status", status) }
            json.member("durationSeconds", duration)
            json.member("waitSeconds", wait)
            json.member("hedge", isHedge)
            json.member("probe", isProbe)
        }
    }
}

extension Duration {
    /// For people: three digits are enough.
    fileprivate var inWords: String {
        let nanoseconds = max(0, saturatingNanoseconds)
        switch nanoseconds {
        case 0: return "0 ms"
        case ..<1_000_000: return "\(nanoseconds / 1_000) µs"
        case ..<10_000_000_000: return "\(nanoseconds / 1_000_000) ms"
        default: return "\(nanoseconds / 1_000_000_000) s"
        }
    }
}
#endif
