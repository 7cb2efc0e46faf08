#if Gateway
import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// The page and what it consists of. A browser takes scripts and styles from these addresses alone: none within the page,
/// none from elsewhere, and no text becomes part of the page but as text (Content Security Policy Level 3; Trusted Types).
enum PageFiles {
    static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " + neverAllowed
    private static let neverAllowed =
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        + "trusted-types 'none'"

    private static let script = "text/javascript; charset=utf-8"

    /// By the path that each is asked for at.
    static let files: [(path: String, type: String, bytes: [UInt8])] = [
        ("page.css", "text/css; charset=utf-8", PackageResources.page_css),
        ("icon.svg", "image/svg+xml", PackageResources.icon_svg),
        ("page.js", script, PackageResources.page_js),
        ("parts.js", script, PackageResources.parts_js),
        ("lines.js", script, PackageResources.lines_js),
        ("model.js", script, PackageResources.model_js),
        ("breakers.js", script, PackageResources.breakers_js),
        ("services.js", script, PackageResources.services_js),
        ("routes.js", script, PackageResources.routes_js),
        ("requests.js", script, PackageResources.requests_js),
        ("keys.js", script, PackageResources.keys_js),
        ("transitions.js", script, PackageResources.transitions_js),
        ("find.js", script, PackageResources.find_js),
        ("trouble.js", script, PackageResources.trouble_js),
        ("demo.js", script, PackageResources.demo_js),
    ]

    static func add(to router: Router<AdminContext>) {
        router.get("/") { _, _ in
            answer("text/html; charset=utf-8", PackageResources.page_html, policy: policy)
        }
        for file in files {
            router.get("/page/\(file.path)") { _, _ in answer(file.type, file.bytes) }
        }
    }

    private static func answer(_ type: String, _ bytes: [UInt8], policy: String? = nil) -> Response {
        var headers: HTTPFields = [.contentType: type]
        if let policy { headers[.contentSecurityPolicy] = policy }
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// For the page that asks for the token. Whoever has no token yet gets nothing else: its script and its style are in it,
    /// and are known by their hashes.
    static let loginPolicy: String = {
        func hash(_ tag: String) -> String {
            let text =
                loginPage.components(separatedBy: "<\(tag)>").dropFirst().first?
                .components(separatedBy: "</\(tag)>").first ?? ""
            return "'sha256-\(Data(SHA256.hash(data: Data(text.utf8))).base64EncodedString())'"
        }
        return "default-src 'none'; script-src \(hash("script")); style-src \(hash("style")); connect-src 'self'; "
            + neverAllowed
    }()
}
#endif
