/* The lease and the fence, as small as they can be, for the model checker spin.
 *
 * A store holds the leader key under a lease of TTL ticks, counted from when it handles a request.
 * A node believes in its lease from when it *sent* the request. Its agent opens PostgreSQL for writes
 * while that belief is younger than DEMOTE; its guardian, a process that nothing in the agent can stop,
 * closes PostgreSQL when the order that it was given is as old as FENCE. Messages are lost, late and
 * answered late; agents freeze, go on, die and start again with PostgreSQL still open; a leader gives
 * its key back, and that request can arrive after a new life of it has bound the key anew.
 *
 * Checked in every state that can be reached: nobody is open for writes unless the store names it, so
 * no two are (A1 to A3 of the promises, docs/safety.md).
 *
 * Each -D below breaks one rule; check runs them all and wants spin to find the fault:
 *   FROM_REPLY     a lease counts from the reply
 *   LATE_FENCE     the guardian comes when the lease has ended
 *   UNARMED        the guardian is told after PostgreSQL is open, not before
 *   BLIND_RELEASE  a release does not say which binding of the key it gives back
 *
 * NO_RECHECK is no fault for the checker: without a second look at the lease before the point of no
 * return the guardian, whose order is older than the decision, still ends PostgreSQL in time. The look
 * is taken all the same: it spares a timeline.
 */
#define NODES 2
#define TTL 5
#define DEMOTE 3
#ifdef LATE_FENCE
#define FENCE 6
#else
#define FENCE 4
#endif
#define OLD 7 /* older than anything that counts */
#define NOBODY NODES

byte leader = NOBODY; /* what the store says */
byte left[NODES];     /* until the store ends the lease */

byte belief[NODES];   /* age of the last confirmed request, as the agent counts */
byte sent[NODES];     /* age of the request under way */
byte request[NODES];  /* 0 none, 1 on its way, 2 granted, 3 refused: the answer is on its way */
byte release[NODES];  /* 0 none, 1 a release is on its way, 2 and the key was bound anew since */
bool frozen[NODES];
byte opening[NODES];  /* 0 no, 1 decided, 2 past the point of no return */
bool open[NODES];     /* for writes */
byte order[NODES];    /* age of what the guardian was told to count from; OLD: no order */

#define arm(i) order[i] = belief[i]

/* What must hold. */
#define named(i) (!open[i] || leader == i)

inline send_request(i) {
  !frozen[i] && request[i] == 0 -> request[i] = 1; sent[i] = 0
}
inline handle(i) {
  request[i] == 1 ->
  if
  :: leader == NOBODY || leader == i ->
     if
     :: release[i] == 1 -> release[i] = 2
     :: else
     fi;
     leader = i; left[i] = TTL; request[i] = 2
  :: else -> request[i] = 3
  fi
}
inline lose_message(i) {
  request[i] != 0 -> request[i] = 0
}
inline hear(i) {
  !frozen[i] && request[i] >= 2 ->
  if
  :: request[i] == 2 ->
#ifdef FROM_REPLY
     belief[i] = 0;
#else
     belief[i] = sent[i];
#endif
     if
     :: open[i] || opening[i] > 0 -> arm(i)
     :: else
     fi
  :: else -> belief[i] = OLD
  fi;
  request[i] = 0
}
inline decide_to_open(i) {
  !frozen[i] && !open[i] && opening[i] == 0 && belief[i] < DEMOTE && release[i] == 0 ->
  opening[i] = 1;
#ifndef UNARMED
  arm(i)
#endif
}
inline pass_the_point(i) {
  !frozen[i] && opening[i] == 1 ->
  if
#ifdef NO_RECHECK
  :: true -> opening[i] = 2
#else
  :: belief[i] < DEMOTE -> opening[i] = 2
  :: else -> opening[i] = 0
#endif
  fi
}
/* PostgreSQL gets there when it gets there, whatever has become of the agent. */
inline become_open(i) {
  opening[i] == 2 -> opening[i] = 0; open[i] = true;
#ifdef UNARMED
  if
  :: !frozen[i] -> arm(i)
  :: else
  fi
#endif
}
inline demote(i) {
  !frozen[i] && open[i] && belief[i] >= DEMOTE -> open[i] = false; order[i] = OLD
}
inline step_down(i) {
  !frozen[i] && open[i] && belief[i] < DEMOTE && release[i] == 0 && request[i] == 0 ->
  open[i] = false; order[i] = OLD; belief[i] = OLD; release[i] = 1
}
inline handle_release(i) {
  release[i] > 0 ->
  if
#ifdef BLIND_RELEASE
  :: leader == i -> leader = NOBODY; left[i] = 0
#else
  :: leader == i && release[i] == 1 -> leader = NOBODY; left[i] = 0
#endif
  :: else
  fi;
  release[i] = 0
}
/* The agent waits for its release; only another life of it does not know of it. */
inline restart_agent(i) {
  belief[i] = OLD; request[i] = 0; frozen[i] = false;
  if
  :: opening[i] == 1 -> opening[i] = 0
  :: else
  fi
}
inline pass_time(i) {
  if :: left[i] > 0 -> left[i]--; if :: left[i] == 0 && leader == i -> leader = NOBODY :: else fi :: else fi;
  if :: belief[i] < OLD -> belief[i]++ :: else fi;
  if :: request[i] != 0 && sent[i] < OLD -> sent[i]++ :: else fi;
  if :: order[i] < OLD -> order[i]++ :: else fi;
  if
  :: order[i] >= FENCE && order[i] < OLD -> open[i] = false; opening[i] = 0; order[i] = OLD
  :: else
  fi
}

active proctype world() {
  byte i = 0;
  do
  :: i < NODES -> belief[i] = OLD; order[i] = OLD; i++
  :: else -> break
  od;
  do
  :: d_step {
       if :: i = 0 :: i = 1 fi
     };
     if
     :: atomic { send_request(i) }
     :: atomic { handle(i) }
     :: atomic { lose_message(i) }
     :: atomic { hear(i) }
     :: atomic { decide_to_open(i) }
     :: atomic { pass_the_point(i) }
     :: atomic { become_open(i) }
     :: atomic { demote(i) }
     :: atomic { step_down(i) }
     :: atomic { handle_release(i) }
     :: atomic { !frozen[i] -> frozen[i] = true }
     :: atomic { frozen[i] -> frozen[i] = false }
     :: atomic { restart_agent(i) }
     :: atomic { pass_time(0); pass_time(1) }
     fi;
     assert(named(0) && named(1))
  od
}
