/* Races between a decision and what happens before it is carried out: three clients, one place.

   The scheduler decides in one step, the engine carries out in another, and between the two a client
   may leave, ask again, lose its server connection, be asked to give back, or the gateway may stop.
   Checked in every interleaving: a free place never stands beside somebody who waits, a lease has
   one holder, a recall never hits the next holder, and in the end everything is given back.

   Each of these takes one precaution out and must be caught:
     -DFORGETS_GRANT     a grant whose client has left is dropped with its place
     -DBELIEVES_NAME     a grant goes to whatever the client waits for now, not to that request
     -DRECALLS_PLACE     a recall ends whoever holds the place when it is carried out
     -DNO_DECISION       nothing is decided when a backend is gone  */

#define CLIENTS 3
#define NOBODY CLIENTS
#define ASKS_MAX 2

mtype = { away, waits, granted, holds };
mtype client[CLIENTS];
byte request[CLIENTS];        /* number of the client's last request */
byte holder = NOBODY;         /* whose lease books the place */
byte lease = 0;               /* counts leases: which one it is */
bool closing = false;         /* the place's backend is about to end */
byte granting = NOBODY;       /* a grant that is decided and not carried out */
byte granting_request = 0;
byte recalling = 0;           /* a recall that is decided and not carried out: of which lease */
bool stopping = false;
byte left_clients = CLIENTS;

inline decide() {
  if
  :: holder == NOBODY && client[0] == waits -> grant(0)
  :: holder == NOBODY && client[1] == waits -> grant(1)
  :: holder == NOBODY && client[2] == waits -> grant(2)
  :: else -> skip
  fi
}

inline grant(who) {
  holder = who; lease++; client[who] = granted;
  granting = who; granting_request = request[who]
}

inline free_place() { holder = NOBODY; closing = false }

inline check() {
  assert(!(holder == NOBODY && (client[0] == waits || client[1] == waits || client[2] == waits)));
  assert(!(client[0] == holds && client[1] == holds));
  assert(!(client[0] == holds && client[2] == holds));
  assert(!(client[1] == holds && client[2] == holds))
}

proctype Client(byte me) {
  byte asks = 0;
  do
  :: atomic { client[me] == away && asks < ASKS_MAX && !stopping ->
       asks++; request[me]++; client[me] = waits; decide(); check() }
  :: atomic { client[me] == waits -> client[me] = away; check() }            /* time out, cancel */
  :: atomic { client[me] == granted -> client[me] = away; check() }          /* the same, too late */
  :: atomic { client[me] == holds && !closing ->                             /* its lease ends */
       client[me] = away; free_place(); decide(); check() }
  :: atomic { client[me] == holds && !closing -> client[me] = away; closing = true; check() }
  :: atomic { client[me] == away && (asks == ASKS_MAX || stopping) -> left_clients--; break }
  od
}

proctype Engine() {
  do
  :: atomic { granting != NOBODY ->                                          /* carries a grant out */
#ifdef BELIEVES_NAME
       if
       :: client[granting] == granted || client[granting] == waits ->
          assert(request[granting] == granting_request);
          client[granting] = holds; granting = NOBODY
#else
       if
       :: client[granting] == granted && request[granting] == granting_request ->
          client[granting] = holds; granting = NOBODY
#endif
       :: else ->
#ifdef FORGETS_GRANT
          granting = NOBODY
#else
          if
          :: holder == granting && !closing -> granting = NOBODY; free_place(); decide()
          :: else -> granting = NOBODY
          fi
#endif
       fi;
       check() }
  :: atomic { recalling == 0 && holder != NOBODY && !closing && granting == NOBODY &&
       (client[0] == waits || client[1] == waits || client[2] == waits) -> recalling = lease }
  :: atomic { recalling != 0 ->                                              /* carries a recall out */
       if
#ifdef RECALLS_PLACE
       :: holder != NOBODY && !closing ->
          assert(lease == recalling)
#else
       :: holder != NOBODY && !closing && lease == recalling ->
#endif
          client[holder] = away; closing = true
       :: else -> skip
       fi;
       recalling = 0; check() }
  :: atomic { closing ->                                                     /* its backend is gone */
       free_place();
#ifndef NO_DECISION
       decide();
#endif
       check() }
  :: atomic { !stopping -> stopping = true }
  :: atomic { left_clients == 0 && holder == NOBODY && granting == NOBODY && recalling == 0 -> break }
  od
}

init {
  byte each = 0;
  atomic {
    do
    :: each < CLIENTS -> client[each] = away; run Client(each); each++
    :: else -> break
    od;
    run Engine()
  }
}
