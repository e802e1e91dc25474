// Package routertest is the conformance suite of routing policies, and the
// worlds and requests that it and others test with.
//
// The laws, for every world, view and request, however odd:
//
//  1. No hard rule is ever broken, by the policy itself or by its router, for
//     the target or for a fallback. The suite reads the rules off the world
//     anew, without the router's code.
//  2. A decision is total. There is a target whenever the rules admit one, and
//     one that is in service and has not failed this step whenever the rules
//     admit such a one.
//  3. Two fresh instances that meet the same calls answer the same, whatever
//     the decision that they fill held before. Unless the policy is
//     Clairvoyant, the future makes no difference.
//  4. The request stays as it was.
//  5. Targets are of different deployments and name replicas, the reservation
//     covers the dearest of them, and a hedge has somewhere to go.
//  6. There is always a reason, one of a few constant phrases.
//  7. A decision allocates nothing.
package routertest
