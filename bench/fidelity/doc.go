// Package fidelity says how far two models of the same world agree on which
// policy is better: the simulator's queue fidelity, which screens, against its
// engine fidelity.
//
// Each policy has one value of a measure per replication and model. Policies meet
// the same sessions and luck in a replication, so two of them are compared by
// their paired differences; a pair is separated in a model when the 95 %
// interval of the mean difference (Student) leaves out zero.
//
// # Agreement
//
// Over the policies' means, Kendall's tau-b (Kendall, Rank Correlation Methods,
// 1948): with C pairs in the same order in both models, D in opposite orders, and
// T1, T2 those tied in one model only,
//
//	tau-b = (C - D) / sqrt((C + D + T1) (C + D + T2))
//
// and, over the pairs that both models separate, (C - D) / (C + D): a pair whose
// order neither model is sure of says nothing about whether they agree.
package fidelity
