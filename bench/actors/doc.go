// Package actors measures the acting half of the reference stack on this
// machine: what makes an event durable, wakes a session, starts a program, holds
// a budget, and how many steps a second sessions live through.
//
// Latencies are by the wall, and read off sorted times without interpolation.
// Each measurement that has a bar in its table stands beside what bounds it in
// the same run, such as the disk's own fsync beside a commit.
package actors
