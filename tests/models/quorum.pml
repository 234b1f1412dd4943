/* Quorum mode, as small as it can be, for the model checker spin.
 *
 * Two things say who has a commit, and no operation changes both at once:
 *
 *   PostgreSQL   synchronous_standby_names = ANY n (M): a commit is acknowledged when n of M have it
 *   the store    /sync = leader, V, Q: who is elected needs Q votes of V and the leader, beside its own
 *
 * A leader changes one of the two at a time, as often as it likes and to whatever the rules let it; it can
 * die between any two of its writes. Standbys copy its log, are late, die and come back. Then one of
 * the members asks the others, whoever answers, and takes the lead if enough of them are not ahead of it.
 * It makes its own names and /sync first, one after the other, and may die there, too.
 *
 * Checked in every state that can be reached: nobody is elected that lacks an acknowledged write (B3 and B7
 * of the promises, docs/safety.md).
 *
 * The rules, as in src/decide/rules/synchronous_quorum.cc:
 *   is_legal   one of V and M contains the other, and both together are no more than Q + n:
 *              then any Q + 1 that elect and any n that acknowledge have a member in common
 *   vouched    /sync promises that each commit is on |V| - Q of V; that many must be known to have
 *              everything, or have been promised before
 *
 * Each -D below breaks one rule; check runs them all and wants spin to find the loss:
 *   WRONG_ORDER    names are changed as is wanted, and /sync after them
 *   ONE_TOO_LOW    Q is counted one too low
 *   UNCONFIRMED    whoever is listed in PostgreSQL is promised in /sync, whether it has everything or not
 *   ONE_VOTE_LESS  an election is content with one vote fewer
 *   UNPREPARED     a new leader opens before its commits wait for anybody
 *
 * Two reigns after the first are proven, too (-DREIGNS=3), but that takes minutes.
 */
#ifndef NODES
#define NODES 3
#endif
#define ALL ((1 << NODES) - 1)
#define WRITES 2
#ifndef REIGNS
#define REIGNS 2
#endif
#define NOBODY NODES

/* Sets are bits. */
#define only(i) (1 << (i))
#define has(set, i) (((set) >> (i)) & 1)
#define size(set) (has(set, 0) + has(set, 1) + has(set, 2) + has(set, 3))
#define is_within(part, whole) (((part) & ~(whole)) == 0)

byte up = ALL;
byte log[NODES];   /* which writes; of one reign one log is always the beginning of the other */
byte reign[NODES]; /* the newest reign that it has followed */
byte written;      /* how many writes there ever were */
byte acked;        /* those that a client was told of */

byte leader = NOBODY; /* what the store says of /leader */
bool is_open;         /* it accepts writes */
byte names, count;    /* M and n */
byte since;           /* what was written before the names were in force */

byte sync_leader, voters, quorum; /* /sync */
byte newest = 1;                  /* the reign of whoever opened last */
byte began_with;                  /* what was in its log then */

byte i, m, v, n, q, on, votes; /* to reckon with; nobody remembers them */
#define forget() i = 0; m = 0; v = 0; n = 0; q = 0; on = 0; votes = 0

inline any(x, most) {
  x = 0;
  do
  :: x < most -> x++
  :: break
  od
}

#ifdef ONE_TOO_LOW
#define LENIENCE 1
#else
#define LENIENCE 0
#endif
#define is_legal(V, Q, M, N) \
  (V == 0 || ((is_within(V, M) || is_within(M, V)) && size(V | M) <= Q + N + LENIENCE))

#define has_all_of(k, what) is_within(what, log[k])
#define confirmed (names & ( \
  has_all_of(0, since) | has_all_of(1, since) << 1 | has_all_of(2, since) << 2 has_3))
#if NODES > 3
#define has_3 | has_all_of(3, since) << 3
#else
#define has_3
#endif

/* On how many of V2 each commit is, as far as the leader knows. */
#define promised (voters == 0 -> 0 : size(voters) - quorum)
#define inherited(V2) (promised - size(voters & ~(V2)))
#define larger(a, b) ((a) > (b) -> (a) : (b))
#ifdef UNCONFIRMED
#define vouched(V2) size((V2) & names)
#else
#define vouched(V2) larger(inherited(V2), size((V2) & confirmed))
#endif

/* ---- Writes and their copies */

inline write() {
  leader != NOBODY && is_open && written < WRITES ->
  log[leader] = log[leader] | only(written);
  written++
}
inline copy() {
  any(i, NODES - 1);
  leader != NOBODY && is_open && i != leader && has(up, i) && log[i] != log[leader] ->
  if
  :: !is_within(log[i], log[leader]) -> log[i] = log[leader] /* rewound: a copy, or nothing that starts */
  :: else ->
     n = 0;
     do
     :: has(log[i], n) || !has(log[leader], n) -> n++
     :: else -> break
     od;
     log[i] = log[i] | only(n)
  fi;
  if
  :: is_within(began_with, log[i]) -> reign[i] = newest
  :: else /* it has not come to where this reign began */
  fi
}
/* Whoever wrote in an earlier reign was cut off with it, and is told nothing any more. */
inline acknowledge() {
  any(n, WRITES - 1);
  leader != NOBODY && is_open && has(log[leader], n) && !has(began_with, n) && !has(acked, n) ->
  m = 0;
  i = 0;
  do
  :: i < NODES && has(names, i) && has(log[i], n) -> m++; i++
  :: i < NODES && !(has(names, i) && has(log[i], n)) -> i++
  :: else -> break
  od;
  m >= count -> acked = acked | only(n)
}

/* ---- What an open leader changes: one of the two at a time */

inline change_names() {
  leader != NOBODY && is_open ->
  any(m, ALL);
  any(n, NODES - 1);
  !has(m, leader) && n <= size(m) && (n > 0 || m == 0) && !(m == names && n == count);
#ifndef WRONG_ORDER
  is_legal(voters, quorum, m, n);
#endif
  names = m;
  count = n;
  since = log[leader]
}
inline change_sync() {
  leader != NOBODY && is_open ->
  any(v, ALL);
  any(q, NODES - 2);
  !has(v, leader) && q <= size(v) && (v != 0 || q == 0) && !(v == voters && q == quorum);
  is_legal(v, q, names, count);
  size(v) - q <= vouched(v) + LENIENCE;
  voters = v;
  quorum = q
}

/* ---- Elections. The predecessor is gone: it died, or its lease ended and it stopped. */

inline die() {
  any(i, NODES - 1);
  has(up, i) ->
  up = up & ~only(i);
  if
  :: leader == i -> leader = NOBODY; is_open = false
  :: else
  fi
}
inline come_back() {
  any(i, NODES - 1);
  !has(up, i) -> up = up | only(i)
}
#define elects(k) (has(voters, k) || k == sync_leader)
#define is_ahead(k, me) (reign[k] > reign[me] || (reign[k] == reign[me] && !is_within(log[k], log[me])))
inline elect() {
  leader == NOBODY ->
  any(i, NODES - 1);
  has(up, i);
  votes = (elects(i) -> 1 : 0);
  m = 0;
  on = 0;
  do
  :: m < NODES && m != i && has(up, m) && elects(m) -> /* it answers */
     if
     :: is_ahead(m, i) -> on++
     :: else -> votes++
     fi;
     m++
  :: m < NODES -> m++ /* it does not */
  :: m == NODES -> break
  od;
#ifdef ONE_VOTE_LESS
  votes + 1 >= quorum + 1 ||
#else
  votes >= quorum + 1 ||
#endif
  /* The last leader has everything, unless somebody opened since. */
  (i == sync_leader && reign[i] == newest && on == 0);
  leader = i;
  assert(is_within(acked, log[i]))
}
/* Not open yet. Its names first, then /sync, then it opens. */
#define voters_of_mine ((voters | (sync_leader != leader -> only(sync_leader) : 0)) & ~only(leader))
#define needed (size(voters_of_mine) > quorum -> size(voters_of_mine) - quorum : 0)
#define wanted_names (needed > 0 -> voters_of_mine : 0)
#ifdef UNPREPARED
#define has_names true
#else
#define has_names (names == wanted_names && count == needed)
#endif
inline prepare() {
  leader != NOBODY && !is_open ->
  if
  :: !has_names -> n = needed; names = wanted_names; count = n
  :: has_names && sync_leader != leader -> v = voters_of_mine; sync_leader = leader; voters = v
  :: has_names && sync_leader == leader && newest < REIGNS ->
     newest++;
     reign[leader] = newest;
     began_with = log[leader];
     since = log[leader];
     is_open = true
  fi
}

active proctype world() {
  leader = 0;
  is_open = true;
  i = 0;
  do
  :: i < NODES -> reign[i] = newest; i++
  :: else -> i = 0; break
  od;
  do
  :: atomic { write(); forget() }
  :: atomic { copy(); forget() }
  :: atomic { acknowledge(); forget() }
  :: atomic { change_names(); forget() }
  :: atomic { change_sync(); forget() }
  :: atomic { die(); forget() }
  :: atomic { come_back(); forget() }
  :: atomic { elect(); forget() }
  :: atomic { prepare(); forget() }
  od
}
