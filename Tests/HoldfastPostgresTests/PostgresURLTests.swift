#if PostgreSQL
import Testing

@testable import HoldfastPostgres

/// What is wrong with a server's URL, told before anybody connects.
@Suite struct PostgresURLTests {
    @Test(arguments: [
        ("sslmode=foo", "sslmode in the store's URL must be one of disable, allow"),
        ("sslmode=verify-fulL", "sslmode"),
        ("connect_timeout=abc", "connect_timeout in the store's URL must be a whole"),
        ("connect_timeout=1.5", "connect_timeout"), ("keepalives_idle=x", "keepalives_idle"),
        ("target_session_attrs=both", "target_session_attrs"), ("port=99999", "a number from 1 to 65535"),
        ("port=0", "a number from 1 to 65535"), ("gssencmode=1", "gssencmode"),
        ("channel_binding=yes", "channel_binding"),
        ("nonsense=1", "cannot be read"),
    ])
    func `a value that libpq would refuse when it connects is told, and not quoted`(option: String, words: String)
        throws
    {
        let fault = try #require(PostgresURL.fault(of: "postgres://ada:hush@localhost/keys?\(option)"))
        #expect(fault.contains(words) && !fault.contains("hush"), "\(fault)")
    }

    @Test(arguments: [
        "", "?sslmode=verify-full", "?sslmode=", "?connect_timeout=5", "?port=5433", "?target_session_attrs=read-write",
        "?application_name=a&keepalives=1&tcp_user_timeout=0",
    ])
    func `what libpq takes is no fault`(options: String) {
        #expect(PostgresURL.fault(of: "postgres://ada:hush@localhost/keys\(options)") == nil)
        #expect(PostgresURL.fault(of: "postgres://a:5432,b:5433/keys\(options)") == nil)
    }
}
#endif
