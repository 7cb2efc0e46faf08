-- A POST of 1 MiB without a key: the body streams.
wrk.method = "POST"
wrk.body = string.rep("x", 1048576)
