// Package faults kills a process with live sessions again and again, and checks
// that nobody could have noticed.
//
// A child process runs a session.Runtime over a Pebble store, with sessions
// whose models and tools are deterministic. The parent holds what must survive
// outside of it: it is told every notice that the child's watchers get, and it
// is the far side of two tools, a bank that honours idempotency keys and a bell
// that rings at each request. It ends the child by SIGKILL at random moments,
// starts it again, and after the last round lets all sessions finish. Then
//
//	F-1  every notice that was received is in the final journals: what was
//	     acknowledged was not lost;
//	F-2  the bank booked exactly one deposit for each call of a finished session,
//	     though it may have been asked more than once;
//	F-3  the bell rang at most once for each call;
//	F-4  every session finished, and well;
//	F-5  the conversation, the answer and the durable state of each session equal
//	     those of a run that nobody disturbed (sessions that ring the bell may
//	     have been told of an unknown outcome and are held to F-1, F-3 and F-4);
//	F-6  every journal's chain is whole;
//	F-7  each session's account, and their tenant's, has exactly what the records
//	     of the sessions' attempts and tool calls say was spent: an attempt that
//	     was lost its whole reservation, all else its price. Nothing is reserved,
//	     and nothing was spent beyond a reservation.
//
// One session in eight speaks to the one before it, which waits for its messages:
// what F-5 compares has each of them once, and in order.
package faults
