/*
 * The claim protocol about one key: two workers, who may crash, be slow, lose an acknowledgement, and come back late;
 * a store, which carries out one command at a time; time, which ends a lease at any moment that the store allows.
 *
 * Scripts/check-model has spin walk every state, and then walks the mutants, each of which must fail:
 *   -DNO_FENCE         a write is accepted whoever holds the claim
 *   -DHOST_CLOCK       a lease is judged by the worker's own clock, which may be ahead of the store's
 *   -DDELETE_ON_THROW  a claim is deleted when the work throws, whatever it has done
 *   -DONE_NONCE        all who ask for a claim do so under the same nonce
 *   -DBRIEF            a record in flight is kept no longer than its lease, since its retention is shorter
 * With -DTAKE_OVER, what is unknown is executed again (the policy "rerun"); without, it is refused.
 */

#define FREE 0
#define IN_FLIGHT 1
#define COMPLETED 2
#define UNKNOWN 3

#define FENCES 3

byte state = FREE;        /* the record, in the store */
byte fence = 0;
byte outcome = 0;         /* the fence whose effect was recorded */
bool leaseEnded = false;  /* by the store's clock */
byte granted = 0;         /* the highest fence so far */
byte nonce = 0;           /* which question was answered with the claim */

byte effects = 0;         /* how often the work had its effect */
byte acknowledged = 0;    /* the outcome that somebody was told is durable */

#ifdef NO_FENCE
#define OWNS(mine) true
#else
#define OWNS(mine) (fence == mine)
#endif

#ifdef HOST_CLOCK
#define LEASE_OVER (leaseEnded || isAhead)
#else
#define LEASE_OVER leaseEnded
#endif

/* Whoever takes a claim for an orphan must be right. */
inline becomes_unknown() {
    assert(leaseEnded);
    state = UNKNOWN
}

/* Whoever has lost the answer asks again under the nonce of its question, which is no other's. */
#ifdef ONE_NONCE
#define SAME_QUESTION true
#else
#define SAME_QUESTION (nonce == question)
#endif

/* A former owner must not change its successor's record. */
#define CHANGES(mine) assert(fence == mine)

proctype Worker() {
    byte mine;
    byte question;
    bool acted;
#ifdef HOST_CLOCK
    bool isAhead;
    if
    :: isAhead = false
    :: isAhead = true
    fi;
#endif
again:
    mine = 0;
    question = 0;                       /* a question that was not granted is in no record */
    acted = false;
    atomic {
        if
        :: granted >= FENCES -> goto done
        :: state == FREE && granted < FENCES ->
            granted++; fence = granted; state = IN_FLIGHT; leaseEnded = false; question = granted; nonce = question;
            if
            :: mine = granted
            :: goto asking              /* the answer is lost */
            fi
        :: state == IN_FLIGHT && !LEASE_OVER ->
            if
            :: goto again
            :: goto asking              /* this answer is lost too */
            fi
        :: state == IN_FLIGHT && LEASE_OVER ->
            becomes_unknown();
            goto again
        :: state == UNKNOWN ->
#ifdef TAKE_OVER
            if
            :: granted < FENCES ->
                granted++; fence = granted; state = IN_FLIGHT; leaseEnded = false; question = granted; nonce = question;
                if
                :: mine = granted
                :: goto asking
                fi
            :: else -> goto done
            fi
#else
            goto done
#endif
        :: state == COMPLETED ->
            assert(acknowledged == 0 || outcome == acknowledged);
            goto done
        fi
    };
    goto working;
asking:
    atomic {
        if
        :: state == IN_FLIGHT && !leaseEnded && SAME_QUESTION -> mine = fence
        :: goto again                   /* it crashes, or is told how the key stands */
        fi
    };
working:
    do
    :: goto again                       /* it crashes, and another comes in its place */
    :: !acted ->                        /* the effect */
        atomic {
            acted = true;
            effects++;
#ifndef TAKE_OVER
            assert(effects <= 1)
#endif
        }
    :: atomic { state == IN_FLIGHT && fence == mine && !leaseEnded -> skip }  /* it renews */
    :: !acted ->                        /* nothing was done: release */
        atomic {
            if
            :: state == IN_FLIGHT && OWNS(mine) -> CHANGES(mine); state = FREE
            :: else
            fi
        }
        goto again
    :: acted ->                         /* the work throws */
        atomic {
            if
            :: state == IN_FLIGHT && OWNS(mine) ->
                CHANGES(mine);
#ifdef DELETE_ON_THROW
                state = FREE
#else
                state = UNKNOWN
#endif
            :: else
            fi
        }
        goto again
    :: acted ->                         /* complete, acknowledged */
        atomic {
            if
            :: state != FREE && state != COMPLETED && OWNS(mine) ->
                CHANGES(mine);
                state = COMPLETED; outcome = mine; acknowledged = mine
            :: state == COMPLETED && OWNS(mine) && outcome == mine -> acknowledged = mine
            :: else
            fi
        }
        goto again
    :: acted ->                         /* complete, and the acknowledgement is lost: it will try again */
        atomic {
            if
            :: state != FREE && state != COMPLETED && OWNS(mine) ->
                CHANGES(mine);
                state = COMPLETED; outcome = mine
            :: else
            fi
        }
    od;
done:
    skip
}

/* The store's clock. */
proctype Time() {
    do
    :: atomic { state == IN_FLIGHT && !leaseEnded -> leaseEnded = true }
#ifdef BRIEF
    :: atomic { state == IN_FLIGHT && leaseEnded -> state = FREE }
#endif
    :: granted >= FENCES && state != IN_FLIGHT -> break
    od
}

init {
    atomic { run Worker(); run Worker(); run Time() }
}

/* What was acknowledged stays. */
ltl kept { [] (acknowledged != 0 -> (state == COMPLETED && outcome == acknowledged)) }
