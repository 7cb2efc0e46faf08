#if Gateway
import Holdfast

extension RetryConfiguration {
    static func read(
        _ section: SectionReader, default initial: Self, statuses usual: Set<Int>
    ) -> (RetryConfiguration, Set<Int>) {
        var retry = initial
        retry.attempts = section.integer(
            "attempts", default: initial.attempts, in: 1...100,
            "All attempts together, the first included. At 1, nothing is made again.")
        retry.backoff =
            section.section("backoff", unset: "as below", "How long to wait between attempts.") {
                Backoff.read($0, default: initial.backoff)
            } ?? initial.backoff
        let status = SectionReader.Kind("status", "400 to 599", allowed: "statuses from 400 to 599")
        let statuses = section.values(
            "statuses", count: 0...200, of: status, unset: "502, 503 and 504",
            "Which statuses are worth another attempt."
        ) { $0.number(in: 400...599) }
        retry.retryAfterLimit = section.duration(
            "retryAfterLimit", default: initial.retryAfterLimit, in: .zero ... .seconds(3_600),
            "By how much a service's `Retry-After` may lengthen a wait. One that asks for longer is tried again after that."
        )
        retry.nesting =
            section.choice(
                "nesting", of: [("oneLayer", .oneLayer), ("eachLayer", .eachLayer)], unset: "oneLayer",
                "Whether this layer retries while one above or below it does as well: with `eachLayer`, attempts multiply."
            )
            ?? initial.nesting
        section.check(retry.validate)
        return (retry, statuses.map { Set($0) } ?? usual)
    }
}

extension Backoff {
    private enum Shape: String, CaseIterable {
        case exponential, constant, linear, decorrelated
    }

    fileprivate static func read(_ section: SectionReader, default initial: Backoff) -> Backoff {
        let range: ClosedRange<Duration> = .zero ... .seconds(3_600)
        let kind = section.choice(
            "kind", default: Shape.exponential,
            "How the wait grows: by a factor, not at all, by a step, or drawn up to thrice the wait before it.")
        let from = section.duration("from", default: initial.base, in: range, "The wait before the first retry.")
        let cap = section.duration(
            "cap", default: initial.cap, in: range, "The longest wait. Not with `constant`.")
        let factor = section.factor(
            "factor", in: 1...10, unset: "2", "By what the wait grows. With `exponential` only.")
        let step = section.duration(
            "step", in: range, unset: "`from`", "By how much it grows. With `linear` only.")
        let jitter =
            section.choice(
                "jitter", of: [("full", Jitter.full), ("equal", .equal), ("none", .none)], unset: "full",
                "How the wait is randomised: all of it, half of it, or not at all. Not with `decorrelated`.") ?? .full
        let unfit: [String] =
            switch kind {
            case .exponential: ["step"]
            case .constant: ["cap", "factor", "step"]
            case .linear: ["factor"]
            case .decorrelated: ["factor", "step", "jitter"]
            }
        section.refuse(unfit, because: "with the kind \(kind.rawValue)")
        if kind != .constant, cap < from {
            section.mistake(
                section.has("cap") ? "cap" : "from",
                "\(section.fullName("cap")) is \(cap.words), but must be at least from, \(from.words)")
        }
        return switch kind {
        case .exponential: .exponential(from: from, cap: cap, factor: factor ?? 2, jitter: jitter)
        case .constant: .constant(from, jitter: jitter)
        case .linear: .linear(from: from, step: step ?? from, cap: cap, jitter: jitter)
        case .decorrelated: .decorrelated(from: from, cap: cap)
        }
    }
}

extension HedgeConfiguration {
    static func read(_ section: SectionReader) -> HedgeConfiguration {
        var hedge = HedgeConfiguration()
        let after = section.duration(
            "after", in: GatewayConfiguration.times, unset: "as observed",
            "How long an attempt may take before another is sent beside it.")
        let quantile = section.share(
            "quantile", default: 0.95, in: 0.5...0.999,
            "Instead: the time within which this share of the requests ended lately.")
        let least = section.integer(
            "atLeast", default: 100, in: 10...10_000, "How many must have been seen for that.")
        let until = section.duration(
            "until", default: .seconds(1), in: GatewayConfiguration.times, "The time that counts before.")
        hedge.delay = .observed(quantile: quantile, atLeast: least, until: until)
        if let after {
            section.refuse(["quantile", "atLeast", "until"], because: "beside after")
            hedge.delay = .fixed(after)
        }
        hedge.hedges = section.integer(
            "hedges", default: hedge.hedges, in: 1...10, "How many attempts may be sent beside the first.")
        section.check(hedge.validate)
        return hedge
    }
}

extension AdaptiveLimitConfiguration {
    private enum Shape: String, CaseIterable {
        case gradient, aimd
    }

    static func read(_ section: SectionReader) -> AdaptiveLimitConfiguration {
        var limit = AdaptiveLimitConfiguration()
        let many = 1...1_000_000
        let kind = section.choice(
            "algorithm", default: Shape.gradient,
            "How the limit moves: with the ratio of the usual latency to the present one, or up by one and down by a tenth."
        )
        let tolerance = section.factor(
            "tolerance", in: 1...10, unset: "1.5",
            "How far latency may rise before the limit falls. With `gradient` only.")
        let threshold = section.duration(
            "threshold", in: GatewayConfiguration.times, unset: "required with `aimd`",
            "From when on a request counts as slow. With `aimd` only.")
        limit.minimum = section.integer("minimum", default: limit.minimum, in: many, "The least limit.")
        limit.maximum = section.integer("maximum", default: limit.maximum, in: many, "The largest limit.")
        limit.initial = section.integer("initial", default: limit.initial, in: many, "The limit at first.")
        switch kind {
        case .gradient:
            section.refuse(["threshold"], because: "with the algorithm gradient")
            limit.algorithm = .gradient(tolerance: tolerance ?? 1.5)
        case .aimd:
            section.refuse(["tolerance"], because: "with the algorithm aimd")
            if !section.isDescribing, !section.has("threshold") {
                section.mistake(nil, "\(section.fullName("threshold")) is missing, but must be given with aimd")
            }
            limit.algorithm = .aimd(threshold: threshold ?? .seconds(1))
        }
        section.check(limit.validate)
        return limit
    }
}
#endif
