/// Writes copies of Swift files in which each mutant waits behind a number, and lists the mutants.
///
///     mutate ROOT OUTPUT FORMS FILE…
///
/// Each FILE is read under ROOT and written, under the same name, under OUTPUT. A mutant is chosen when the program runs,
/// by the functions in `Support.swift`, so one build serves all of them. Lines stay where they are.
///
/// A place can be written in several forms: as a call of a helper, which the compiler checks quickly, or as a choice
/// between two expressions, which compiles where the types of the two sides differ. FORMS holds a line `ID FORM` for each
/// place that is not written in its first form; a place that has run out of forms is left as it is. Standard output gets
/// a line of JSON for each mutant. In the copies, `/*<ID*/` and `/*ID>*/` enclose what was written for a place: whoever
/// reads the compiler's errors finds the place by them.
import SwiftOperators
import SwiftParser
import SwiftSyntax

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// One change, as it is printed.
struct Mutant {
    let id: Int
    let place: Int
    let line: Int
    let column: Int
    let kind: String
    let from: String
    let to: String
    /// The whole statement or condition around it, on one line.
    let context: String
    /// Of a case: the enumerations that may be meant, one for each form.
    var types: [String] = []
}

func contents(of path: String) -> String {
    guard let file = fopen(path, "r") else {
        print("cannot read \(path)")
        exit(2)
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65_536)
    while case let count = fread(&part, 1, part.count, file), count > 0 { bytes += part[..<count] }
    return String(decoding: bytes, as: UTF8.self)
}

func write(_ text: String, to path: String) {
    guard let file = fopen(path, "w") else {
        print("cannot write \(path)")
        exit(2)
    }
    defer { fclose(file) }
    fputs(text, file)
}

func json(_ text: String) -> String {
    var line = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"", "\\": line += "\\\(scalar)"
        case _ where scalar.value < 0x20: line += " "
        default: line.unicodeScalars.append(scalar)
        }
    }
    return line + "\""
}

guard CommandLine.arguments.count > 4 else {
    print("mutate ROOT OUTPUT FORMS FILE…")
    exit(2)
}
let root = CommandLine.arguments[1]
let output = CommandLine.arguments[2]
var forms: [Int: Int] = [:]
for line in contents(of: CommandLine.arguments[3]).split(separator: "\n") {
    let words = line.split(separator: " ").compactMap { Int($0) }
    if words.count == 2 { forms[words[0]] = words[1] }
}
let files = CommandLine.arguments.dropFirst(4)
let trees = files.map { name in
    OperatorTable.standardOperators.foldAll(Parser.parse(source: contents(of: "\(root)/\(name)"))) { _ in }
}
let cases = Cases(viewMode: .sourceAccurate)
for tree in trees { cases.walk(tree) }
var id = 1
for (name, tree) in zip(files, trees) {
    let mutator = Mutator(tree: tree, forms: forms, cases: cases.others, next: id)
    write(mutator.render(tree), to: "\(output)/\(name)")
    id = mutator.next
    for mutant in mutator.mutants {
        print(
            "{\"id\": \(mutant.id), \"place\": \(mutant.place), \"file\": \(json(name)), \"line\": \(mutant.line), "
                + "\"kind\": \(json(mutant.kind)), \"from\": \(json(mutant.from)), \"to\": \(json(mutant.to)), "
                + "\"types\": [\(mutant.types.map(json).joined(separator: ", "))], \"context\": \(json(mutant.context))}"
        )
    }
}
