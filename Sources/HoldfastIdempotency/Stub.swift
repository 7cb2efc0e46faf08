// HoldfastIdempotency
