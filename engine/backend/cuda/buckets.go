package cuda

// bucket is the least size, of those that graphs are captured for, that holds n:
// 1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, ..., from 16 on two in every factor of
// 2, so that a graph is at most half as large again as what it computes. bucket(0)
// is 0.
func bucket(n int) int {
	for _, small := range [...]int{0, 1, 2, 4, 8, 16} {
		if n <= small {
			return small
		}
	}
	size := 16
	for {
		if n <= size+size/2 {
			return size + size/2
		}
		if size *= 2; n <= size {
			return size
		}
	}
}

// itemBucket is the same for the pieces of attention's work, in powers of 4: a
// piece too many is a block of threads that ends at once, and every further size
// is a graph for each of the others.
func itemBucket(n int) int {
	if n == 0 {
		return 0
	}
	size := 1
	for size < n {
		size *= 4
	}
	return size
}

// sampleBucket is the same for the samples of a step with that many tokens, of
// which a device has at most so many. Where every token is sampled it is theirs;
// beside a prompt's, powers of 2 are fine enough.
func sampleBucket(n, tokens, most int) int {
	if n == tokens || n == 0 {
		return bucket(n)
	}
	size := 1
	for size < n {
		size *= 2
	}
	return min(size, most)
}

// buckets are the sizes up to that which holds n.
func buckets(n int) []int {
	var list []int
	for b := bucket(1); ; b = bucket(b + 1) {
		list = append(list, b)
		if b >= n {
			return list
		}
	}
}
