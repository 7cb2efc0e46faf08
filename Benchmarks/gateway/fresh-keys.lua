-- A POST with a key that no request before it had.
local threads = 0
function setup(thread)
    thread:set("place", threads)
    threads = threads + 1
end
function init()
    -- A bare `os.time` repeats within a second: rounds would repeat each other's keys.
    local source = io.open("/dev/urandom", "rb")
    prefix = source:read(12):gsub(".", function(byte) return string.format("%02x", byte:byte()) end) .. place
    source:close()
    count = 0
    fields = { ["Content-Type"] = "application/x-www-form-urlencoded" }
end
function request()
    count = count + 1
    fields["Idempotency-Key"] = prefix .. "-" .. count
    return wrk.format("POST", "/charges", fields, "amount=1000")
end
