import SwiftSyntax

/// Finds what is declared without a value.
final class Declared: SyntaxVisitor {
    private(set) var names: Set<String> = []

    override func visit(_ node: PatternBindingSyntax) -> SyntaxVisitorContinueKind {
        let isLocal = node.parent?.parent?.parent?.is(CodeBlockItemSyntax.self) ?? false
        if isLocal, node.initializer == nil, node.accessorBlock == nil { names.insert(node.pattern.trimmedDescription) }
        return .visitChildren
    }
}

/// For each case without values, the cases that can stand in its place, one for each enumeration that has it.
final class Cases: SyntaxVisitor {
    struct Other {
        let type: String
        let name: String
    }

    private(set) var others: [String: [Other]] = [:]

    override func visit(_ node: EnumDeclSyntax) -> SyntaxVisitorContinueKind {
        let names = node.memberBlock.members.compactMap { $0.decl.as(EnumCaseDeclSyntax.self) }
            .flatMap(\.elements).filter { $0.parameterClause == nil }.map(\.name.text)
        guard names.count > 1 else { return .visitChildren }
        for (index, name) in names.enumerated() {
            others[name, default: []].append(Other(type: Self.type(of: node), name: names[(index + 1) % names.count]))
        }
        return .visitChildren
    }

    /// The name of an enumeration, as the compiler's errors have it.
    private static func type(of node: EnumDeclSyntax) -> String {
        var names = [node.name.text]
        var place = node.parent
        while let here = place {
            if let outer = here.asProtocol((any NamedDeclSyntax).self) { names.append(outer.name.text) }
            if let outer = here.as(ExtensionDeclSyntax.self) { names.append(outer.extendedType.trimmedDescription) }
            place = here.parent
        }
        return names.reversed().joined(separator: ".")
    }
}
