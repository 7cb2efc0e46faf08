#if Gateway
import Yams

/// What is wrong with text that is no YAML, in words of a person, and where.
///
/// A reader of YAML stops where it cannot go on, and that is often a line after the slip: `threads:4` is a text to it, and
/// the colon of the next line is one too many. So the lines on the way to that place are looked at first, for the slips that
/// people make; only then is the reader's own complaint put into words.
struct YAMLFault {
    /// Both counted from 1.
    struct Place {
        let line: Int
        let column: Int

        init(_ line: Int, _ column: Int) { (self.line, self.column) = (line, column) }

        init(_ mark: Mark) { self.init(mark.line, mark.column) }
    }

    let place: Place
    let words: String

    /// - Parameters:
    ///   - problem: The reader's words.
    ///   - mark: Where it stopped.
    ///   - context: Where what it was reading began.
    init(in text: YAMLText, _ problem: String, at mark: Mark, context: Mark?) {
        let last = min(max(mark.line, 1), text.lines.count)
        let before = text.lines.prefix(last - 1).lastIndex(where: Self.saysSomething).map { $0 + 1 } ?? last
        // What began in one line and was not found in the next was begun by the former.
        let began = problem.hasPrefix("could not find expected") ? context?.line ?? last : last
        // Within brackets, lines and blanks mean nothing.
        let isWithinBrackets = problem.hasPrefix("did not find expected ','")
        for number in max(1, min(before, began))...last where !isWithinBrackets {
            guard let slip = YAMLSlip(text.lines[number - 1]) else { continue }
            place = Place(number, slip.offset + 1)
            words = "\(slip.words): \(slip.remedy)"
            return
        }
        (place, words) = Self.words(problem, Place(mark), context.map(Place.init), text.lines)
    }

    private static func saysSomething(_ line: Substring) -> Bool {
        line.first { !$0.isWhitespace }.map { $0 != "#" } ?? false
    }

    private static func words(
        _ problem: String, _ mark: Place, _ context: Place?, _ lines: [Substring]
    ) -> (Place, String) {
        let began = context ?? mark
        let here = lines[min(max(mark.line, 1), lines.count) - 1].unicodeScalars
        let left = here.prefix(max(0, mark.column - 1))
        let next = here.dropFirst(max(0, mark.column - 1)).first
        return switch problem {
        case "found unexpected end of stream": (began, "a quote is opened here, and closed nowhere")
        case "did not find expected ',' or ']'": open("list", "[", "]", began, mark, lines)
        case "did not find expected ',' or '}'": open("section", "{", "}", began, mark, lines)
        case "did not find expected key":
            switch next {
            case "]", "}", ",":
                (mark, "'\(next.map { String($0) } ?? "")' stands here, and nothing before it needs one")
            case "-": (mark, "an entry of a list stands here, among options with values")
            default:
                (mark, "this line is indented as none before it: options of one section stand below each other")
            }
        case "did not find expected '-' indicator":
            (
                mark,
                "this line is indented as none before it: entries of a list stand below each other, and options of one entry do"
            )
        case "mapping values are not allowed in this context" where left.contains(":"):
            (mark, "a ':' with a blank behind it stands in a value: put the value in quotes")
        case "mapping values are not allowed in this context":
            (mark, "this option does not fit the line before, which has a value already, or lacks its ':'")
        case "found unexpected ':'":
            (mark, "a ':' within brackets needs a blank behind it, or quotes around the value that it stands in")
        case "could not find expected ':'": (began, "this is no option with its value: write 'name: value'")
        case "found character that cannot start any token" where next == "\t":
            (mark, "a tab stands here: write blanks")
        case "found character that cannot start any token":
            (mark, "a value that begins with '\(next.map { String($0) } ?? "")' must be in quotes")
        case "found a tab character that violates indentation": (mark, "a tab stands here: write blanks")
        case "block sequence entries are not allowed in this context":
            (mark, "an entry of a list stands behind an option: begin the list in the next line")
        case "found unknown escape character":
            (mark, "this backslash means nothing in double quotes: write it twice, or use single quotes")
        case "but found another document", "did not find expected <document start>":
            (mark, "a second document begins here, but the file must be one: take '---' and '...' out")
        case "found unexpected non-alphabetical character", "could not find expected directive name":
            (mark, "a line that begins with '%' must be in quotes")
        case "did not find expected comment or line break":
            (mark, "nothing may stand behind '|' or '>' in its line: a text of several lines begins in the next")
        default: (mark, "this is no YAML: \(problem)")
        }
    }

    private static func open(
        _ what: String, _ opening: String, _ closing: String, _ began: Place, _ mark: Place, _ lines: [Substring]
    ) -> (Place, String) {
        let line = lines[min(max(mark.line, 1), lines.count) - 1].unicodeScalars
        if let reference = line.firstRange(of: "${".unicodeScalars) {
            let offset = line.distance(from: line.startIndex, to: reference.lowerBound)
            return (
                Place(mark.line, offset + 1),
                "a variable within '\(opening)' and '\(closing)' must be in quotes: \"${NAME}\""
            )
        }
        return (
            began,
            "the \(what) that begins here with '\(opening)' has no '\(closing)', or no ',' before line \(mark.line), column \(mark.column)"
        )
    }
}
#endif
