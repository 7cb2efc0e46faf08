#if Gateway
import Holdfast
import HoldfastHTTP

extension RequestReport {
    /// The report as it stands in the access log, and in `GET /api/explain`. What is not known is left out.
    ///
    /// - Parameter story: Sentences that tell why, in place of the words that they are made of.
    func write(to json: inout JSONText, tells story: [String] = []) {
        json.object { json in
            json.member("time", time: time)
            json.member("id", id.description)
            json.member("route", route)
            json.member("service", service)
            json.member("method", method)
            if !host.isEmpty { json.member("host", host) }
            json.member("path", path)
            json.member("status", status)
            json.member("outcome", outcome.rawValue)
            json.member("durationSeconds", duration)
            json.member("bytesIn", bytesIn)
            json.member("bytesOut", bytesOut)
            if let endpoint { json.member("endpoint", endpoint) }
            if let client { json.member("client", client) }
            if let traceID { json.member("trace", traceID) }
            if let problem { json.member("problem", problem.rawValue) }
            if story.isEmpty, !detail.isEmpty { json.member("detail", detail) }
            if let record { json.member("record", record) }
            if let sampled { json.member("sampled", sampled) }
            if story.isEmpty, !wouldHave.isEmpty {
                json.name("wouldHave")
                json.array { for decision in wouldHave { $0.string(decision.words) } }
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

    /// Why it went as it did: each thing once, in the order in which it happened.
    var story: [String] {
        var story: [String] = []
        for (place, attempt) in attempts.enumerated() {
            story += decisions { $0 == place }
            let isLast = place == attempts.count - 1
            let reason = isLast && isProblemOfLastAttempt ? detail : attempt.reason
            story.append(attempt.sentence(number: place + 1, because: reason))
        }
        story += decisions { $0 >= attempts.count }
        if let problem, !isProblemOfLastAttempt {
            // What a policy says of itself is the detail, or else it comes before what was made of it.
            if let explanation, !detail.contains("\(explanation)") { story.append("The \(explanation).") }
            story.append("\(problem.title) (\(problem.rawValue))\(detail.isEmpty ? "" : ": \(detail)").")
        } else if problem == nil, !detail.isEmpty {
            story.append("It was \(detail).")
        }
        switch outcome {
        case .served: story.append("The service's answer, \(status), went to the client.")
        case .rejected: story.append("The gateway answered \(status) in the service's place.")
        case .replayed:
            story.append("The key had an outcome, and the client was given it: \(status). Nothing was executed.")
        case .failed where status == 0: story.append("The client had no whole answer.")
        case .failed where problem == nil: story.append("The client was told \(status), and not the whole answer.")
        case .failed: story.append("The client was told \(status).")
        case .abandoned: story.append("The client left before it was answered.")
        }
        return story
    }

    private func decisions(after isThen: (Int) -> Bool) -> [String] {
        wouldHave.filter { isThen($0.after) }.map { "If the route did more than watch: \($0.words)." }
    }

    /// Whether the problem is how the last attempt ended.
    private var isProblemOfLastAttempt: Bool { problem != nil && attempts.last?.ended == problem?.rawValue }
}

extension RequestReport.Attempt {
    fileprivate func write(to json: inout JSONText) {
        json.object { json in
            json.member("endpoint", endpoint)
            json.member("ended", ended)
            if !reason.isEmpty { json.member("reason", reason) }
            if let status { json.member("status", status) }
            json.member("durationSeconds", duration)
            json.member("waitSeconds", wait)
            json.member("hedge", isHedge)
            json.member("probe", isProbe)
        }
    }

    fileprivate func sentence(number: Int, because reason: String) -> String {
        let place =
            if isHedge {
                "a hedge beside the one before, went to \(endpoint)"
            } else if isProbe {
                "a question about an earlier request with the key, went to \(endpoint)"
            } else {
                "went to \(endpoint)"
            }
        let began = "Attempt \(number)\(isHedge || isProbe ? "," : "") \(place)"
        let waited = wait == .zero ? "" : " after a wait of \(wait.inWords)"
        let status = status.map { " with \($0)" } ?? ""
        return "\(began)\(waited) and ended after \(duration.inWords): \(ended)\(status)"
            + (reason.isEmpty ? "." : " (\(reason)).")
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
