#if Gateway
import NIOHTTP1
import TestSupport
import Testing

@testable import HoldfastGateway

/// What a browser is given, and what it is told that it may do with it.
@Suite struct PageFilesTests {
    @Test func `the page has no script, no style and no handler within it, and nothing from elsewhere`() async throws {
        try await withControlPlane { plane in
            let page = try await plane.get("/").text
            for tag in page.matches(of: /<script[^>]*>/) {
                #expect(tag.output.contains(" src=\"/page/"), "\(tag.output)")
            }
            #expect(!page.contains("<style") && page.firstMatch(of: /\s(?:style|on[a-z]+)=/) == nil)
            for link in page.matches(of: /(?:src|href|action)="([^"]*)"/) {
                #expect(link.output.1.hasPrefix("/page/") || link.output.1.hasPrefix("#"), "\(link.output.1)")
            }
            let files = PageFiles.files.map { String(decoding: $0.bytes, as: UTF8.self) }
            for text in files + [page] {
                #expect(
                    text.firstMatch(of: /(?:https?:)?\/\/[a-z]+\.[a-z]/) == nil || text.contains("www.w3.org/2000/svg"))
                #expect(!text.contains("innerHTML") && !text.contains("eval(") && !text.contains("insertAdjacentHTML"))
            }
        }
    }

    @Test(arguments: [nil, "a-token-of-16-or-more"])
    func `no policy lets a browser run or load what is not the page's own`(token: String?) async throws {
        try await withControlPlane(token: token) { plane in
            let policy = try #require(try await plane.get("/").headers.first(name: "content-security-policy"))
            let rules = policy.split(separator: ";").map { $0.drop { $0 == " " } }
            for rule in [
                "default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
                "require-trusted-types-for 'script'",
            ] { #expect(rules.contains { $0 == rule }, "\(rule)") }
            for word in ["unsafe", "http:", "https:", "data:", "blob:", "*"] {
                #expect(!policy.contains(word), "\(word)")
            }
        }
    }

    @Test func `each file that the page is made of is there under its type, and needs the token`() async throws {
        let token = "a-token-of-16-or-more"
        try await withControlPlane(token: token) { plane in
            for file in PageFiles.files {
                let path = "/page/\(file.path)"
                try await expectEqual(plane.get(path).status, 401)
                let answer = try await plane.get(path, headers: ["authorization": "Bearer \(token)"])
                #expect(answer.status == 200 && answer.body == file.bytes, "\(path)")
                #expect(answer.headers.first(name: "content-type") == file.type)
                #expect(answer.headers.first(name: "x-content-type-options") == "nosniff")
            }
        }
    }

    @Test func `whatever a script of the page imports is among its files`() {
        let names = Set(PageFiles.files.map(\.path))
        for file in PageFiles.files {
            for found in String(decoding: file.bytes, as: UTF8.self).matches(of: /from "\.\/([a-z]+\.js)"/) {
                #expect(names.contains(String(found.output.1)), "\(file.path)")
            }
        }
    }
}
#endif
