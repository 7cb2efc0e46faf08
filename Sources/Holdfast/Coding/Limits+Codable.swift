// The coded forms of the limits.

/// `{"limit": 8, "queue": 0, "maximumWait": "1s", "order": "fifo"}`. An option that is missing keeps its default.
extension BulkheadConfiguration: Codable {
    public init(from decoder: any Decoder) throws {
        let options = try OptionReader(decoder, ["limit", "queue", "maximumWait", "order"])
        self.init()
        limit = try options.value("limit", default: limit)
        queue = try options.value("queue", default: queue)
        maximumWait = try options.duration("maximumWait", default: maximumWait)
        if let word = try options.value("order", as: String.self) {
            guard let order = Order(rawValue: word) else {
                throw options.error("order", "'\(word)', but must be fifo or lifo")
            }
            self.order = order
        }
        try options.checked(validate)
    }

    public func encode(to encoder: any Encoder) throws {
        var options = OptionWriter(encoder)
        try options.write("limit", limit)
        try options.write("queue", queue)
        try options.write("maximumWait", maximumWait)
        try options.write("order", order.rawValue)
    }
}

/// `{"calls": 50, "per": "1s", "burst": 10, "maximumWait": "0s"}` is a bucket. Without `burst`, and with `"sliding": true`,
/// it is a window: at most so many calls in any such stretch.
extension RateLimiterConfiguration: Codable {
    public init(from decoder: any Decoder) throws {
        let options = try OptionReader(decoder, ["calls", "per", "burst", "sliding", "maximumWait"])
        let calls = try options.required("calls", options.value("calls", as: Int.self))
        let per = try options.required("per", options.duration("per"))
        let isSliding = try options.value("sliding", default: false)
        if isSliding {
            guard !options.has("burst") else { throw options.error("burst", "'burst' beside 'sliding'") }
            self.init(.slidingWindow(calls: calls, per: per))
        } else {
            let burst = try options.required("burst", options.value("burst", as: Int.self))
            self.init(.tokenBucket(calls: calls, per: per, burst: burst))
        }
        maximumWait = try options.duration("maximumWait", default: maximumWait)
        try options.checked(validate)
    }

    public func encode(to encoder: any Encoder) throws {
        var options = OptionWriter(encoder)
        switch algorithm {
        case .tokenBucket(let calls, let per, let burst):
            try options.write("calls", calls)
            try options.write("per", per)
            try options.write("burst", burst)
        case .slidingWindow(let calls, let per):
            try options.write("calls", calls)
            try options.write("per", per)
            try options.write("sliding", true)
        }
        try options.write("maximumWait", maximumWait)
    }
}

/// `{"algorithm": "gradient", "tolerance": 1.5, "initial": 20, "minimum": 1, "maximum": 1000}`, or with
/// `"algorithm": "aimd", "threshold": "50ms"`. An option that is missing keeps its default.
extension AdaptiveLimitConfiguration: Codable {
    public init(from decoder: any Decoder) throws {
        let options = try OptionReader(
            decoder, ["algorithm", "tolerance", "threshold", "initial", "minimum", "maximum"])
        self.init()
        switch try options.value("algorithm", default: "gradient") {
        case "gradient":
            guard !options.has("threshold") else {
                throw options.error("threshold", "'threshold' with the algorithm gradient")
            }
            algorithm = .gradient(tolerance: try options.value("tolerance", default: 1.5))
        case "aimd":
            guard !options.has("tolerance") else {
                throw options.error("tolerance", "'tolerance' with the algorithm aimd")
            }
            algorithm = .aimd(threshold: try options.required("threshold", options.duration("threshold")))
        case let other:
            throw options.error("algorithm", "'\(other)', but must be gradient or aimd")
        }
        initial = try options.value("initial", default: initial)
        minimum = try options.value("minimum", default: minimum)
        maximum = try options.value("maximum", default: maximum)
        try options.checked(validate)
    }

    public func encode(to encoder: any Encoder) throws {
        var options = OptionWriter(encoder)
        switch algorithm {
        case .gradient(let tolerance):
            try options.write("algorithm", "gradient")
            try options.write("tolerance", tolerance)
        case .aimd(let threshold):
            try options.write("algorithm", "aimd")
            try options.write("threshold", threshold)
        }
        try options.write("initial", initial)
        try options.write("minimum", minimum)
        try options.write("maximum", maximum)
    }
}

/// `{"multiplier": 2, "window": "2m", "ceiling": 0.8}`. An option that is missing keeps its default.
extension ClientThrottleConfiguration: Codable {
    public init(from decoder: any Decoder) throws {
        let options = try OptionReader(decoder, ["multiplier", "window", "ceiling"])
        self.init()
        multiplier = try options.value("multiplier", default: multiplier)
        window = try options.duration("window", default: window)
        ceiling = try options.value("ceiling", default: ceiling)
        try options.checked(validate)
    }

    public func encode(to encoder: any Encoder) throws {
        var options = OptionWriter(encoder)
        try options.write("multiplier", multiplier)
        try options.write("window", window)
        try options.write("ceiling", ceiling)
    }
}
