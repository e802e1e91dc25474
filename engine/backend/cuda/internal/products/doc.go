// Package products computes a transformer's products of matrices, y = x w^T, and
// chooses what computes each: for a shape (outputs, inputs) and a bucket (how
// many tokens there are at most) one of
//
//	small    product_small: the weights pass once through registers, at the
//	         memory's pace; for at most 16 tokens, 32 where it is timed as quicker
//	tiled    product_mma in one of its tiles, by a model of the chip (cost.go);
//	         without a cuBLASLt, or for at most 64 tokens where it is timed as quicker
//	library  an algorithm of cuBLASLt, for all else where there is a cuBLASLt
//
// The choice is made in two steps. New knows shapes and sizes only. Prepare runs
// each candidate on the device once, so that nothing is loaded later, while a
// graph is captured; with Options.Tune it also times them, and takes the quickest
// if it beats the first by more than 3 percent. Times differ from run to run, and
// with them may the choice, so that results may differ in their last bits between
// two processes; without Tune the choice is fixed by device and library.
//
// In batch-invariant mode a row of y must have the same bits in every bucket and
// place. The tiled kernels have that by their making. An algorithm of cuBLASLt is
// only admitted if Prepare finds its rows bit-equal to theirs, for rows of x that
// recur at several places of the bucket. All that remain are bit-equal, so the
// quickest may be taken without harm.
package products
